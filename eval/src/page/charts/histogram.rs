//! What the confidence is of drafts that are right, of wrong ones, and of those that should not be.

use anyhow::Result;
use plotters::prelude::{Color as _, PathElement, RGBColor, Rectangle};
use plotters::style::text_anchor::{HPos, VPos};

use super::{ALERT, Chart, FINE, GRID, GUIDE, INK, MARK, Numbers, SOFT, WIDTH, drawn, text, whole, width};
use crate::outcome::Outcome;
use crate::report::Report;

const ID: &str = "confidence";
const TITLE: &str = "Confidence of the drafts: does it tell them apart?";

const BINS: usize = 20;

/// Sizes in pixels.
const LEFT: i32 = 10;
const RIGHT: i32 = WIDTH - 14;
const TOP: i32 = 22;
const ROW: i32 = 84;
/// The part of a row that its title takes.
const TITLE_ROW: i32 = 26;
const AXIS: i32 = 40;

/// Its name, its colour and whether a draft is one.
type Kind = (&'static str, RGBColor, fn(&Outcome) -> bool);

/// What a draft can be.
const KINDS: [Kind; 4] = [
    ("right", MARK, |outcome| outcome.judged.correct == Some(true)),
    ("wrong", ALERT, |outcome| outcome.question.answerable && outcome.judged.correct == Some(false)),
    ("not judged", SOFT, |outcome| outcome.question.answerable && outcome.judged.correct.is_none()),
    ("wrong, because there is no answer", SOFT, |outcome| {
        !outcome.question.answerable && outcome.judged.correct != Some(true)
    }),
];

struct Row {
    label: &'static str,
    color: RGBColor,
    counts: [usize; BINS],
}

pub fn chart(report: &Report) -> Result<Chart> {
    let rows: Vec<Row> = KINDS.into_iter().filter_map(|kind| row(report, kind)).collect();
    let Some(most) = rows.iter().flat_map(|row| row.counts).max() else {
        return Ok(Chart::missing(ID, TITLE, "There is no draft, so there is no confidence to draw."));
    };
    let bottom = TOP + ROW * i32::try_from(rows.len())?;
    let threshold = report.abstention.threshold;
    let at = across(threshold);
    let drawing = drawn(WIDTH, bottom + AXIS, |area| {
        for (place, row) in (0..).zip(&rows) {
            let floor = TOP + ROW * (place + 1);
            let title = format!("{}: {}", row.label, row.counts.iter().sum::<usize>());
            area.draw_text(&title, &text(INK, HPos::Left, VPos::Top), (LEFT * FINE, (floor - ROW + 6) * FINE))?;
            for (bin, count) in row.counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                let [from, to] = [bin, bin + 1].map(|bin| across(bin as f64 / BINS as f64));
                let height = whole(f64::from((ROW - TITLE_ROW) * FINE) * count as f64 / most as f64);
                let corners = [(from + FINE, floor * FINE - height.max(FINE)), (to, floor * FINE)];
                area.draw(&Rectangle::new(corners, row.color.filled()))?;
            }
            let line = [(LEFT * FINE, floor * FINE), (RIGHT * FINE, floor * FINE)];
            area.draw(&PathElement::new(line, GRID.stroke_width(width(1))))?;
            let line = [(at, (floor - ROW + TITLE_ROW) * FINE), (at, floor * FINE)];
            area.draw(&PathElement::new(line, GUIDE.stroke_width(width(1))))?;
        }
        let side = if threshold < 0.5 { HPos::Left } else { HPos::Right };
        let label = format!("threshold {threshold:.3}");
        area.draw_text(&label, &text(INK, side, VPos::Bottom), (at, (TOP - 2) * FINE))?;
        for tenths in [0, 2, 4, 6, 8, 10] {
            let side = match tenths {
                0 => HPos::Left,
                10 => HPos::Right,
                _ => HPos::Center,
            };
            let place = (across(f64::from(tenths) / 10.0), (bottom + 6) * FINE);
            area.draw_text(&format!("{} %", tenths * 10), &text(SOFT, side, VPos::Top), place)?;
        }
        let corner = (RIGHT * FINE, (bottom + AXIS - 4) * FINE);
        area.draw_text("confidence", &text(INK, HPos::Right, VPos::Bottom), corner)?;
        Ok(())
    })?;
    Ok(Chart {
        id: ID,
        title: TITLE,
        caption: format!(
            "How many drafts have which confidence, in one scale; the tallest bar stands for {most}. What is right of the dashed threshold is sent."
        ),
        drawing: Some(drawing),
        numbers: Some(numbers(&rows)),
    })
}

/// The place of a confidence.
fn across(confidence: f64) -> i32 {
    whole(f64::from(FINE) * (f64::from(LEFT) + f64::from(RIGHT - LEFT) * confidence.clamp(0.0, 1.0)))
}

fn row(report: &Report, (label, color, is_one): Kind) -> Option<Row> {
    let mut counts = [0; BINS];
    for outcome in report.questions.iter().filter(|outcome| outcome.asked.was_taken() && is_one(outcome)) {
        let confidence = outcome.asked.confidence;
        counts[(1..BINS).filter(|bin| confidence >= *bin as f64 / BINS as f64).count()] += 1;
    }
    counts.iter().any(|count| *count > 0).then_some(Row { label, color, counts })
}

fn numbers(rows: &[Row]) -> Numbers {
    let mut headings = vec!["confidence"];
    headings.extend(rows.iter().map(|row| row.label));
    let line = |bin: usize| {
        let percent = |bin: usize| bin * 100 / BINS;
        let mut line = vec![format!("{} – {} %", percent(bin), percent(bin + 1))];
        line.extend(rows.iter().map(|row| row.counts[bin].to_string()));
        line
    };
    Numbers { headings, rows: (0..BINS).map(line).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn every_draft_is_in_one_bar() {
        let mut outcomes: Vec<Outcome> =
            (0..9).map(|number| fixtures::outcome(&format!("q{number}"), number % 3 > 0)).collect();
        outcomes[1].judged.correct = Some(false);
        outcomes[2].judged.correct = None;
        outcomes[4].asked.confidence = 1.0;
        let report = Report::of(fixtures::about(), outcomes);
        let rows: Vec<Row> = KINDS.into_iter().filter_map(|kind| row(&report, kind)).collect();
        assert_eq!(rows.len(), 4);
        assert_eq!(rows.iter().flat_map(|row| row.counts).sum::<usize>(), 9);
        assert_eq!(rows[0].counts[BINS - 1], 1);
    }
}
