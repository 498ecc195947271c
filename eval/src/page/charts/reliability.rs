//! Whether drafts are right as often as their confidence says.

use anyhow::Result;
use plotters::prelude::{Circle, Color as _, PathElement, Text};
use plotters::style::text_anchor::{HPos, VPos};

use super::{Chart, FINE, GUIDE, HEIGHT, INK, MARK, Numbers, WIDTH, drawn, plane, text, whole, width};
use crate::abstention;
use crate::calibration_error::Bin;
use crate::page::summary::{self, percent};
use crate::report::Report;
use crate::table;

const ID: &str = "reliability";
const TITLE: &str = "Reliability: is it right as often as it says?";

/// The radius of the bin with the most drafts, in pixels; the areas of the others are in proportion.
const RADIUS: f64 = 6.0;

pub fn chart(report: &Report) -> Result<Chart> {
    let bins = &report.calibration.bins;
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let Some(most) = bins.iter().map(|bin| bin.count).max().filter(|_| total > 0) else {
        return Ok(Chart::missing(
            ID,
            TITLE,
            "The set does not tell whether a draft is right, so there is nothing to draw.",
        ));
    };
    let base_rate = bins.iter().map(|bin| bin.accuracy * bin.count as f64).sum::<f64>() / total as f64;
    let drawing = drawn(WIDTH, HEIGHT, |area| {
        let mut chart = plane(area, [0.0..1.0, 0.0..1.0], ["confidence", "drafts that are right"])?;
        let guide = GUIDE.stroke_width(width(1));
        chart.draw_series([
            PathElement::new([(0.0, 0.0), (1.0, 1.0)], guide),
            PathElement::new([(0.0, base_rate), (1.0, base_rate)], guide),
        ])?;
        let (label, place) = if base_rate < 0.5 { (VPos::Bottom, 0.01) } else { (VPos::Top, -0.015) };
        let style = text(INK, if base_rate < 0.5 { HPos::Right } else { HPos::Left }, label);
        let at = if base_rate < 0.5 { 1.0 } else { 0.01 };
        chart.draw_series([Text::new(format!("all: {}", percent(base_rate)), (at, base_rate + place), style)])?;
        for bin in bins {
            if let Some([low, high]) = interval(bin) {
                let line = PathElement::new(
                    [(bin.mean_confidence, low), (bin.mean_confidence, high)],
                    MARK.stroke_width(width(1)),
                );
                chart.draw_series([line])?;
            }
        }
        chart.draw_series(bins.iter().map(|bin| {
            let radius = RADIUS * (bin.count as f64 / most as f64).sqrt() * f64::from(FINE);
            Circle::new((bin.mean_confidence, bin.accuracy), whole(radius), MARK.filled())
        }))?;
        Ok(())
    })?;
    let error = report.figure("calibration.ece_10_equal_mass").map_or_else(String::new, |figure| {
        format!(
            " The expected calibration error is {}, 95 % interval {}.",
            table::digits(figure.value),
            summary::interval(figure.ci95)
        )
    });
    Ok(Chart {
        id: ID,
        title: TITLE,
        caption: format!(
            "Each point is a tenth of the {total} drafts by rising confidence, with its 95 % interval; on the dashed diagonal the confidence is \
             the share of right drafts. The dashed level is that share over all.{error}"
        ),
        drawing: Some(drawing),
        numbers: Some(Numbers {
            headings: vec!["mean confidence", "right", "95 % interval", "drafts"],
            rows: bins.iter().map(row).collect(),
        }),
    })
}

/// The interval of a bin; where its border cuts through equal confidences, of the nearest whole number of right drafts.
fn interval(bin: &Bin) -> Option<[f64; 2]> {
    abstention::clopper_pearson_95(whole(bin.accuracy * bin.count as f64).unsigned_abs().into(), bin.count)
}

fn row(bin: &Bin) -> Vec<String> {
    vec![
        table::digits(bin.mean_confidence),
        table::digits(bin.accuracy),
        interval(bin).map_or_else(String::new, summary::interval),
        bin.count.to_string(),
    ]
}
