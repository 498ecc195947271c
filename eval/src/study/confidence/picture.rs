//! The confidence in one picture: whether drafts are right as often as it says, and what sending more costs, beside one signal
//! alone.
//!
//! Sets are told apart by colour and by marker, what ranks them by dashes, so that nothing is told by colour alone.

mod look;

use anyhow::Result;
use plotters::prelude::{Color as _, PathElement};
use plotters::style::text_anchor::{HPos, VPos};
use serde::Serialize;

pub use self::look::SETS_MAX;
use self::look::{LOOKS, Look, line, mark};
use super::basis::{Basis, Fitted, Ranking};
use crate::abstention::Ranked;
use crate::calibration_error::{Bin, Confidences};
use crate::confidence::Scored;
use crate::page::charts::{Area, Drawing, FINE, GUIDE, HEIGHT, INK, WIDTH, drawn, plane, text, width};
use crate::page::template;

const TITLE: &str = "What the confidence is worth";

/// Sizes in pixels.
const HEADING: i32 = 28;
const LEGEND_ROW: i32 = 24;
const LEGEND_COLUMN: i32 = 2 * WIDTH / 4;
const SAMPLE: i32 = 34;

/// Drafts before which the risk is more chance than measurement.
const STEADY: u64 = 10;

/// Points of a curve: more than can be told apart.
const POINTS_MAX: u64 = 200;

/// The share of the drafts between two markers of a curve.
const MARKED: f64 = 0.2;

/// A set as it is drawn.
struct Shown<'a> {
    name: &'a str,
    look: Look,
    bins: Vec<Bin>,
    /// Share of the drafts that is sent, and the share of these that is wrong.
    curves: Vec<(Basis, Vec<(f64, f64)>)>,
}

#[derive(Serialize)]
struct Contents<'a> {
    width: i32,
    height: i32,
    title: &'a str,
    description: String,
    drawing: Drawing,
}

/// The picture as a file of its own. Sets that cannot judge are not in it.
pub fn svg(names: &[String], rankings: &[Ranking]) -> Result<String> {
    let sets = shown(names, rankings);
    let (across, down) = (2 * WIDTH, HEADING + HEIGHT + 3 * LEGEND_ROW);
    let drawing = drawn(across, down, |area| {
        let (headings, rest) = area.split_vertically(HEADING * FINE);
        let (panels, legend) = rest.split_vertically(HEIGHT * FINE);
        let (left, right) = panels.split_horizontally(WIDTH * FINE);
        let style = text(INK, HPos::Left, VPos::Top);
        for (heading, place) in [("Is it right as often as it says?", 0), ("What does sending more cost?", WIDTH)] {
            headings.draw_text(heading, &style, ((place + 2) * FINE, 8 * FINE))?;
        }
        reliability(area, &left, &sets)?;
        risk(area, &right, &sets)?;
        self::legend(&legend, &sets)
    })?;
    let listed = sets.iter().map(|set| set.name).collect::<Vec<_>>().join(", ");
    let description = format!(
        "Left: for ten bins of equally many drafts, by rising confidence, the share that is right against the mean confidence; on the \
         dashed diagonal both are the same. Right: the share of the drafts sent that is wrong, against the share that is sent, the most \
         confident first; solid for all features, dashed for the cosine alone, dotted for BM25 alone. Sets: {listed}. No draft was seen \
         by the model that scored it."
    );
    template::filled("picture.svg", Contents { width: across, height: down, title: TITLE, description, drawing })
}

/// The confidence by folds of the set itself; one signal as it is, which takes no fit to rank.
fn shown<'a>(names: &'a [String], rankings: &[Ranking]) -> Vec<Shown<'a>> {
    let looks = LOOKS.iter().cycle();
    let shown = |(set, (name, look)): (usize, (&'a String, &Look))| {
        let scored = |basis: Basis| {
            let fitted = if basis == Basis::AllFeatures { Fitted::OwnSet } else { Fitted::Nothing };
            let ranking = rankings.iter().find(|one| (one.set, one.basis, one.fitted) == (set, basis, fitted));
            ranking.map(|ranking| judged(&ranking.scored)).filter(|judged| !judged.is_empty())
        };
        let features = scored(Basis::AllFeatures)?;
        let confidences = Confidences::new(features.iter().map(|(draft, correct)| (draft.confidence, *correct)));
        let bins = confidences.bins(&vec![1; features.len()]);
        let curves = Basis::ALL.into_iter().filter_map(|basis| Some((basis, curve(&scored(basis)?)))).collect();
        Some(Shown { name, look: *look, bins, curves })
    };
    names.iter().zip(looks).enumerate().filter_map(shown).collect()
}

fn judged(scored: &[Scored]) -> Vec<(&Scored, bool)> {
    scored.iter().filter_map(|draft| Some((draft, draft.correct?))).collect()
}

/// The curve of risk against coverage, from where it is steady.
fn curve(judged: &[(&Scored, bool)]) -> Vec<(f64, f64)> {
    let all = judged.len() as u64;
    let ranked = Ranked::new(judged.iter().map(|(draft, correct)| (draft.logit, *correct)));
    let mut next = STEADY;
    let mut points = Vec::new();
    for (answered, wrong) in ranked.cumulated(&vec![1; judged.len()]) {
        if answered >= next || answered == all {
            points.push((answered as f64 / all as f64, wrong as f64 / answered as f64));
            next = answered + (all / POINTS_MAX).max(1);
        }
    }
    points
}

fn reliability(whole: &Area<'_>, panel: &Area<'_>, sets: &[Shown<'_>]) -> Result<()> {
    let mut chart = plane(panel, [0.0..1.0, 0.0..1.0], ["confidence", "drafts that are right"])?;
    line(&mut chart, vec![(0.0, 0.0), (1.0, 1.0)], GUIDE, look::dashes(Basis::Cosine))?;
    for Shown { look, bins, .. } in sets {
        let points: Vec<(f64, f64)> = bins.iter().map(|bin| (bin.mean_confidence, bin.accuracy)).collect();
        line(&mut chart, points.clone(), look.color, None)?;
        for point in &points {
            mark(whole, chart.backend_coord(point), *look)?;
        }
    }
    Ok(())
}

fn risk(whole: &Area<'_>, panel: &Area<'_>, sets: &[Shown<'_>]) -> Result<()> {
    let risks = sets.iter().flat_map(|set| &set.curves).flat_map(|(_, curve)| curve).map(|(_, risk)| *risk);
    // The next tenth above, so that the highest point is not on the border.
    let top = ((risks.fold(0.0, f64::max) * 10.0).floor() / 10.0 + 0.1).min(1.0);
    let titles = ["drafts sent, the most confident first", "of these, wrong"];
    let mut chart = plane(panel, [0.0..1.0, 0.0..top], titles)?;
    for Shown { look, curves, .. } in sets {
        for (basis, points) in curves {
            line(&mut chart, points.clone(), look.color, look::dashes(*basis))?;
            for point in marked(points) {
                mark(whole, chart.backend_coord(&point), *look)?;
            }
        }
    }
    Ok(())
}

/// The points at which a curve is marked.
fn marked(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut next = MARKED;
    let mut marked = Vec::new();
    for point in points {
        // The slack takes a share that is met exactly and rounded below.
        if point.0 >= next - 1e-9 {
            marked.push(*point);
            next += MARKED;
        }
    }
    marked
}

/// What is what: the sets above, what ranks them below.
fn legend(area: &Area<'_>, sets: &[Shown<'_>]) -> Result<()> {
    let style = text(INK, HPos::Left, VPos::Center);
    let place = |column: usize, row: i32| -> Result<(i32, i32)> {
        Ok(((i32::try_from(column)? * LEGEND_COLUMN + 8) * FINE, (row * LEGEND_ROW + LEGEND_ROW / 2 + 8) * FINE))
    };
    for (column, set) in sets.iter().enumerate() {
        let (left, middle) = place(column, 0)?;
        let right = left + SAMPLE * FINE;
        area.draw(&PathElement::new([(left, middle), (right, middle)], set.look.color.stroke_width(width(2))))?;
        mark(area, (i32::midpoint(left, right), middle), set.look)?;
        area.draw_text(set.name, &style, (right + 6 * FINE, middle))?;
    }
    for (column, basis) in Basis::ALL.into_iter().enumerate() {
        let (left, middle) = place(column, 1)?;
        let right = left + SAMPLE * FINE;
        let (dash, gap) = look::dashes(basis).unwrap_or((SAMPLE, 0));
        let mut from = left;
        while from < right {
            let to = (from + dash * FINE).min(right);
            area.draw(&PathElement::new([(from, middle), (to, middle)], INK.stroke_width(width(2))))?;
            from = to + gap * FINE;
        }
        area.draw_text(basis.name(), &style, (right + 6 * FINE, middle))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::unseen::tests::samples;
    use super::*;
    use crate::fit;

    fn ranking(set: usize, basis: Basis, fitted: Fitted) -> Ranking {
        let samples = samples(set, 60, true);
        let logits: Vec<f64> = samples.iter().map(|sample| sample.features[0]).collect();
        Ranking { set, basis, fitted, scored: fit::scored(&samples, &logits) }
    }

    #[test]
    fn the_picture_is_well_formed_and_says_what_it_shows() {
        let names = ["<first>".to_owned(), "cannot judge".to_owned(), "second".to_owned()];
        let of_set = |set: usize| {
            [
                ranking(set, Basis::AllFeatures, Fitted::OwnSet),
                ranking(set, Basis::Cosine, Fitted::Nothing),
                ranking(set, Basis::Bm25, Fitted::Nothing),
            ]
        };
        let svg = svg(&names, &of_set(0).into_iter().chain(of_set(2)).collect::<Vec<_>>()).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let told = |tag: &str| document.descendants().find(|node| node.has_tag_name(tag)).and_then(|node| node.text());
        assert_eq!(told("title"), Some(TITLE));
        assert!(told("desc").unwrap().contains("Sets: <first>, second."));
        for label in ["confidence", "of these, wrong", "BM25 alone", "<first>"] {
            assert!(
                document.descendants().any(|node| node.text().is_some_and(|text| text.trim() == label)),
                "{label} is not there"
            );
        }
        assert!(!svg.contains("cannot judge"));
    }

    #[test]
    fn a_curve_begins_where_it_is_steady_and_ends_with_all_drafts() {
        let ranking = ranking(0, Basis::AllFeatures, Fitted::OwnSet);
        let curve = curve(&judged(&ranking.scored));
        assert!((curve[0].0 * 60.0).round() >= 10.0);
        assert_eq!(curve.last(), Some(&(1.0, 0.5)));
        assert!(curve.is_sorted_by(|one, other| one.0 < other.0));
        assert_eq!(marked(&[(0.1, 0.0), (0.2, 0.0), (0.3, 0.0), (0.5, 0.0), (1.0, 0.0)]).len(), 3);
    }
}
