//! What tells the lines of the picture apart.

use anyhow::Result;
use plotters::prelude::{Circle, Color as _, Cross, DashedLineSeries, LineSeries, RGBColor, TriangleMarker};

use crate::page::charts::{ALERT, Area, BEFORE, FINE, MARK, Plane, SOFT, width};
use crate::study::confidence::basis::Basis;

/// From the middle of a marker to its border, in pixels.
const MARKER: i32 = 4;

/// How a set is drawn.
#[derive(Clone, Copy)]
pub struct Look {
    pub color: RGBColor,
    marker: Marker,
}

#[derive(Clone, Copy)]
enum Marker {
    Dot,
    Triangle,
    Cross,
    Ring,
}

pub const LOOKS: [Look; 4] = [
    Look { color: MARK, marker: Marker::Dot },
    Look { color: ALERT, marker: Marker::Triangle },
    Look { color: BEFORE, marker: Marker::Cross },
    Look { color: SOFT, marker: Marker::Ring },
];

/// Sets that have a look of their own.
pub const SETS_MAX: usize = LOOKS.len();

/// The length of a dash and of the gap behind it, in pixels; `None` for a whole line.
pub fn dashes(basis: Basis) -> Option<(i32, i32)> {
    match basis {
        Basis::AllFeatures => None,
        Basis::Cosine => Some((7, 4)),
        Basis::Bm25 => Some((2, 3)),
    }
}

/// Draws a whole or a dashed line.
pub fn line(
    chart: &mut Plane<'_, '_>,
    points: Vec<(f64, f64)>,
    color: RGBColor,
    dashes: Option<(i32, i32)>,
) -> Result<()> {
    let style = color.stroke_width(width(2));
    match dashes {
        None => {
            chart.draw_series(LineSeries::new(points, style))?;
        }
        Some((dash, gap)) => {
            chart.draw_series(DashedLineSeries::new(points, dash * FINE, gap * FINE, style))?;
        }
    }
    Ok(())
}

/// Marks a place of the whole drawing.
pub fn mark(area: &Area<'_>, at: (i32, i32), look: Look) -> Result<()> {
    let size = MARKER * FINE;
    let (filled, drawn) = (look.color.filled(), look.color.stroke_width(width(2)));
    match look.marker {
        Marker::Dot => area.draw(&Circle::new(at, size, filled))?,
        Marker::Triangle => area.draw(&TriangleMarker::new(at, size + FINE, filled))?,
        Marker::Cross => area.draw(&Cross::new(at, size, drawn))?,
        Marker::Ring => area.draw(&Circle::new(at, size, drawn))?,
    }
    Ok(())
}
