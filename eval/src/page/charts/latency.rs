//! How long each stage of an answer takes.

use anyhow::Result;
use plotters::prelude::{Color as _, PathElement, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::{BEFORE, Chart, FINE, INK, MARK, MARK_PALE, Numbers, SOFT, WIDTH, drawn, text, whole, width};
use crate::latency::Percentiles;
use crate::page::Against;
use crate::report::Report;

const ID: &str = "latency";
const TITLE: &str = "Latency by stage: where does the time go?";

/// Sizes in pixels.
const LEFT: i32 = 62;
const RIGHT: i32 = WIDTH - 14;
const TOP: i32 = 8;
const ROW: i32 = 46;
const BAR: i32 = 16;

pub fn chart(report: &Report, against: Option<&Against<'_>>) -> Result<Chart> {
    let stages = report.latency_ms.stages();
    let kept = match report.run.embeddings_kept {
        0 => String::new(),
        kept => format!(
            " The embeddings of {kept} of {} questions were kept from an earlier run, so their times are left out of embed and total.",
            report.queries
        ),
    };
    if stages.is_empty() {
        return Ok(Chart::missing(ID, TITLE, format!("No time was taken.{kept}")));
    }
    let before = against.map(|against| against.report.latency_ms.stages()).unwrap_or_default();
    let before_of = |name: &str| before.iter().find(|(other, _)| *other == name).map(|(_, times)| times);
    let longest = stages
        .iter()
        .map(|(_, times)| times.p99)
        .chain(before.iter().map(|(_, times)| times.p50))
        .fold(f64::MIN_POSITIVE, f64::max);
    let across = |ms: f64| LEFT * FINE + whole(f64::from((RIGHT - LEFT) * FINE) * ms / longest);
    let height = TOP * 2 + ROW * i32::try_from(stages.len())?;
    let drawing = drawn(WIDTH, height, |area| {
        for (place, (name, times)) in (0..).zip(&stages) {
            let top = (TOP + ROW * place) * FINE;
            let (middle, bottom) = (top + BAR * FINE / 2, top + BAR * FINE);
            area.draw_text(name, &text(INK, HPos::Right, VPos::Center), ((LEFT - 8) * FINE, middle))?;
            let bar = |from: f64, to: f64| [(across(from), top), (across(to), bottom)];
            area.draw(&PathElement::new(
                [(across(0.0), middle), (across(times.p99), middle)],
                MARK.stroke_width(width(1)),
            ))?;
            let end = [(across(times.p99), top + 4 * FINE), (across(times.p99), bottom - 4 * FINE)];
            area.draw(&PathElement::new(end, MARK.stroke_width(width(1))))?;
            area.draw(&Rectangle::new(bar(times.p50, times.p95), MARK_PALE.filled()))?;
            area.draw(&Rectangle::new(bar(0.0, times.p50), MARK.filled()))?;
            if let Some(before) = before_of(name) {
                let at = across(before.p50);
                let tick = [(at, top - 3 * FINE), (at, bottom + 3 * FINE)];
                area.draw(&PathElement::new(tick, BEFORE.stroke_width(width(2))))?;
            }
            let label = format!("{}  ·  {}  ·  {} ms", ms(times.p50), ms(times.p95), ms(times.p99));
            area.draw_text(&label, &text(SOFT, HPos::Left, VPos::Top), (LEFT * FINE, bottom + 5 * FINE))?;
        }
        Ok(())
    })?;
    let dashed = if before.is_empty() { "" } else { " The tick across is the baseline's p50." };
    Ok(Chart {
        id: ID,
        title: TITLE,
        caption: format!(
            "Filled to the p50, pale to the p95, a line to the p99; the numbers below are the same.{dashed}{kept}"
        ),
        drawing: Some(drawing),
        numbers: Some(numbers(&stages, &before)),
    })
}

fn numbers(stages: &[(&'static str, Percentiles)], before: &[(&'static str, Percentiles)]) -> Numbers {
    let row = |(name, times): &(&'static str, Percentiles)| {
        let mut row = vec![(*name).to_owned(), ms(times.p50), ms(times.p95), ms(times.p99)];
        if !before.is_empty() {
            let before = before.iter().find(|(other, _)| other == name);
            row.push(before.map_or_else(|| "–".to_owned(), |(_, times)| ms(times.p50)));
        }
        row
    };
    let mut headings = vec!["milliseconds", "p50", "p95", "p99"];
    if !before.is_empty() {
        headings.push("p50 of the baseline");
    }
    Numbers { headings, rows: stages.iter().map(row).collect() }
}

fn ms(time: f64) -> String {
    if time < 10.0 { format!("{time:.1}") } else { format!("{time:.0}") }
}

#[cfg(test)]
mod tests {
    use candor::telemetry::Stage;

    use super::*;
    use crate::fixtures;

    #[test]
    fn stages_without_times_are_left_out_and_said_why() {
        let mut about = fixtures::about();
        about.embeddings_kept = 1;
        let mut outcome = fixtures::outcome("q1", true);
        outcome.asked.total_ms = None;
        outcome.asked.stages_ms = vec![(Stage::Search, 2.0)];
        let chart = chart(&Report::of(about, vec![outcome]), None).unwrap();
        assert!(chart.caption.contains("kept from an earlier run"), "{}", chart.caption);
        let rows = chart.numbers.unwrap().rows;
        assert!(rows.iter().all(|row| row[0] != "embed" && row[0] != "total"), "{rows:?}");
    }
}
