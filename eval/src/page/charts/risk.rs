//! How much of what is sent is wrong, for every threshold that there could be.

use anyhow::Result;
use plotters::prelude::{Circle, Color as _, LineSeries, PathElement, Text};
use plotters::style::text_anchor::{HPos, VPos};

use super::{ALERT, BEFORE, Chart, FINE, HEIGHT, INK, MARK, Numbers, Plane, WIDTH, drawn, plane, text, width};
use crate::abstention;
use crate::figures;
use crate::interval::Figure;
use crate::outcome::Outcome;
use crate::page::Against;
use crate::page::summary::{self, percent};
use crate::report::Report;
use crate::table;

const ID: &str = "risk";
const TITLE: &str = "Risk and coverage: what does sending more cost?";

/// Shares of the drafts at which the table tells the risk.
const TOLD: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Drafts before which the risk is more chance than measurement, so that the axis need not hold it.
const STEADY: usize = 10;

pub fn chart(report: &Report, against: Option<&Against<'_>>) -> Result<Chart> {
    let curve = curve(report);
    let Some(&(_, overall)) = curve.last() else {
        return Ok(Chart::missing(
            ID,
            TITLE,
            "The set does not tell whether a draft is right, so there is no risk to draw.",
        ));
    };
    let before = against.map(|against| self::curve(against.report)).unwrap_or_default();
    let point = operating_point(report);
    let before_point = against.and_then(|against| operating_point(against.report));
    let top = [&curve, &before]
        .into_iter()
        .flat_map(|curve| curve.iter().skip(curve.len().min(STEADY) - usize::from(!curve.is_empty())))
        .map(|(_, risk)| *risk)
        .chain(point.iter().map(|(_, figure)| figure.ci95[1]))
        .fold(overall, f64::max);
    // The next tenth above, so that the highest point is not on the border.
    let top = ((top * 10.0).floor() / 10.0 + 0.1).min(1.0);
    let drawing = drawn(WIDTH, HEIGHT, |area| {
        let mut chart =
            plane(area, [0.0..1.0, 0.0..top], ["drafts sent, the most confident first", "of these, wrong"])?;
        let below = |(coverage, risk): &(f64, f64)| (*coverage, risk.min(top));
        chart.draw_series(LineSeries::new(before.iter().map(below), BEFORE.stroke_width(width(2))))?;
        chart.draw_series(LineSeries::new(curve.iter().map(below), MARK.stroke_width(width(2))))?;
        if let Some((coverage, figure)) = before_point {
            chart.draw_series([Circle::new((coverage, figure.value), 5 * FINE, BEFORE.stroke_width(width(2)))])?;
        }
        if let Some((coverage, figure)) = point {
            mark(&mut chart, coverage, figure)?;
        }
        Ok(())
    })?;
    Ok(Chart {
        id: ID,
        title: TITLE,
        caption: caption(report, point, against),
        drawing: Some(drawing),
        numbers: Some(numbers(&curve, &before)),
    })
}

/// The operating point with its interval and its numbers.
fn mark(chart: &mut Plane<'_, '_>, coverage: f64, Figure { value, ci95: [low, high] }: Figure) -> Result<()> {
    chart.draw_series([PathElement::new([(coverage, low), (coverage, high)], ALERT.stroke_width(width(2)))])?;
    chart.draw_series([Circle::new((coverage, value), 5 * FINE, ALERT.filled())])?;
    let (side, gap) = if coverage < 0.5 { (HPos::Left, 0.02) } else { (HPos::Right, -0.02) };
    let label = format!("{} wrong of {} sent", percent(value), percent(coverage));
    chart.draw_series([Text::new(label, (coverage + gap, high), text(INK, side, VPos::Top))])?;
    Ok(())
}

/// The share of the judged drafts that is sent and the share of these that is wrong, from the most confident down.
fn curve(report: &Report) -> Vec<(f64, f64)> {
    let outcomes: Vec<&Outcome> = report.questions.iter().collect();
    let counts = figures::risk_curve(&outcomes);
    let judged = counts.last().map_or(0, |(answered, _)| *answered);
    counts
        .into_iter()
        .map(|(answered, wrong)| (answered as f64 / judged as f64, wrong as f64 / answered as f64))
        .collect()
}

/// The share of the judged drafts that was sent, and the risk of these with its exact interval.
fn operating_point(report: &Report) -> Option<(f64, Figure)> {
    let judged: Vec<&Outcome> = report.questions.iter().filter(|outcome| outcome.judged.correct.is_some()).collect();
    let sent: Vec<&&Outcome> = judged.iter().filter(|outcome| outcome.was_answered()).collect();
    let wrong = sent.iter().filter(|outcome| outcome.judged.correct == Some(false)).count();
    let risk = abstention::risk(wrong as u64, sent.len() as u64)?;
    Some((sent.len() as f64 / judged.len() as f64, risk))
}

fn caption(report: &Report, point: Option<(f64, Figure)>, against: Option<&Against<'_>>) -> String {
    let threshold = report.abstention.threshold;
    let at_threshold = match point {
        Some((coverage, Figure { value, ci95: [low, high] })) => format!(
            "The point is the threshold in force, {threshold:.3}: {} of the drafts are sent and {} of these are wrong, exact 95 % interval {} – {}.",
            percent(coverage),
            percent(value),
            percent(low),
            percent(high)
        ),
        None => format!("At the threshold in force, {threshold:.3}, nothing is sent."),
    };
    let area = report.figure("abstention.aurc").map_or_else(String::new, |area| {
        let interval = summary::interval(area.ci95);
        format!(" The area under the curve is {}, 95 % interval {interval}.", table::digits(area.value))
    });
    let before = if against.is_some() { " Dashed, with a ring: the baseline." } else { "" };
    format!("{at_threshold}{area}{before}")
}

fn numbers(curve: &[(f64, f64)], before: &[(f64, f64)]) -> Numbers {
    let risk_at = |curve: &[(f64, f64)], wanted: f64| {
        curve.iter().find(|(coverage, _)| *coverage >= wanted - 1e-9).map(|(_, risk)| table::digits(*risk))
    };
    let row = |wanted: f64| {
        let mut row = vec![percent(wanted), risk_at(curve, wanted).unwrap_or_default()];
        row.extend(risk_at(before, wanted));
        row
    };
    let mut headings = vec!["sent", "wrong of these"];
    if !before.is_empty() {
        headings.push("baseline");
    }
    Numbers { headings, rows: TOLD.map(row).into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn the_curve_ends_with_all_drafts_and_the_point_is_what_was_sent() {
        let outcome = |number: usize| {
            let mut outcome = fixtures::outcome(&format!("q{number}"), true);
            outcome.asked.logit = Some(-(number as f64));
            outcome.judged.correct = Some(number != 1);
            outcome.asked.decision = if number < 2 { "answered" } else { "escalated" }.to_owned();
            outcome
        };
        let report = Report::of(fixtures::about(), (0..4).map(outcome).collect());
        assert_eq!(curve(&report), [(0.25, 0.0), (0.5, 0.5), (0.75, 1.0 / 3.0), (1.0, 0.25)]);
        let (coverage, risk) = operating_point(&report).unwrap();
        assert_eq!((coverage, Some(risk)), (0.5, report.figure("abstention.risk")));
        assert_eq!(numbers(&curve(&report), &[]).rows[4], ["50.0\u{a0}%", "0.500"]);
    }

    #[test]
    fn where_nothing_is_sent_the_curve_has_no_point() {
        let mut outcome = fixtures::outcome("q1", true);
        outcome.asked.decision = "escalated".to_owned();
        let report = Report::of(fixtures::about(), vec![outcome]);
        let chart = chart(&report, None).unwrap();
        assert!(chart.caption.contains("nothing is sent") && chart.drawing.is_some());
    }
}
