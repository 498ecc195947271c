//! The charts of a page, as drawings that take their colours from it.
//!
//! Colours in a drawing are those of the page by day; by night and in print the page's style sheet replaces each by its
//! attribute, and dashes the lines that are guides. So no chart tells anything by colour alone.
//!
//! What all of them are drawn with serves the picture of `eval confidence` too.

mod histogram;
mod latency;
mod reliability;
mod risk;

use std::ops::Range;

use anyhow::{Context, Result};
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Color as _, DrawingArea, IntoDrawingArea as _, IntoFont as _, RGBColor,
    SVGBackend, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Serialize;

use super::Against;
use crate::report::Report;

/// Text and axes.
pub const INK: RGBColor = RGBColor(0x1B, 0x1F, 0x24);
/// Labels of axes, and what matters less.
pub const SOFT: RGBColor = RGBColor(0x59, 0x63, 0x6E);
const GRID: RGBColor = RGBColor(0xE1, 0xE5, 0xEA);
/// Dashed: what a curve is compared with.
pub const GUIDE: RGBColor = RGBColor(0x86, 0x90, 0x9B);
/// What was measured.
pub const MARK: RGBColor = RGBColor(0x00, 0x62, 0xA3);
const MARK_PALE: RGBColor = RGBColor(0xA9, 0xCD, 0xE8);
/// What went wrong, and the point at which decisions are made.
pub const ALERT: RGBColor = RGBColor(0xB8, 0x4A, 0x00);
/// Dashed: the baseline.
pub const BEFORE: RGBColor = RGBColor(0x6F, 0x5A, 0xA3);

/// Drawings are made this many times larger than they are shown, because plotters rounds to whole units.
pub const FINE: i32 = 4;

/// Small, so that the labels can still be read when the page is as narrow as a phone.
pub const WIDTH: i32 = 440;
pub const HEIGHT: i32 = 320;
const FONT_SIZE: i32 = 12;

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A chart, or why there is none, with the same in numbers.
#[derive(Serialize)]
pub struct Chart {
    /// Its place on the page.
    id: &'static str,
    title: &'static str,
    /// How to read it, or why it is not there.
    caption: String,
    drawing: Option<Drawing>,
    numbers: Option<Numbers>,
}

#[derive(Serialize)]
pub struct Drawing {
    width: i32,
    height: i32,
    /// What an SVG element holds, with its end tag.
    inside: String,
}

/// What a chart shows, as a table.
#[derive(Serialize)]
struct Numbers {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// All charts, in the page's order.
pub fn of(report: &Report, against: Option<&Against<'_>>) -> Result<Vec<Chart>> {
    Ok(vec![
        reliability::chart(report)?,
        risk::chart(report, against)?,
        histogram::chart(report)?,
        latency::chart(report, against)?,
    ])
}

impl Chart {
    /// A sentence in the place of a chart that cannot be drawn.
    fn missing(id: &'static str, title: &'static str, why: impl Into<String>) -> Self {
        Self { id, title, caption: why.into(), drawing: None, numbers: None }
    }
}

/// Draws on an area of this size.
pub fn drawn(width: i32, height: i32, draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<Drawing> {
    let (width, height) = (width * FINE, height * FINE);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width.unsigned_abs(), height.unsigned_abs())).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    // The page writes the first tag, which says the size in pixels, itself: with what the chart is called.
    let (_, inside) = svg.split_once('\n').context("a chart without a first line")?;
    Ok(Drawing { width, height, inside: inside.to_owned() })
}

/// Axes with a grid. The title of the vertical one stands above it, so that nobody has to turn their head.
pub fn plane<'a, 'b>(
    area: &'a Area<'b>,
    [x, y]: [Range<f64>; 2],
    [x_title, y_title]: [&str; 2],
) -> Result<Plane<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(26 * FINE)
        .margin_right(24 * FINE)
        .margin_bottom(20 * FINE)
        .x_label_area_size(20 * FINE)
        .y_label_area_size(44 * FINE)
        .build_cartesian_2d(x, y)?;
    let percent = |share: &f64| format!("{:.0} %", share * 100.0);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .max_light_lines(0)
        .bold_line_style(GRID.stroke_width(FINE.unsigned_abs()))
        .axis_style(GUIDE.stroke_width(FINE.unsigned_abs()))
        .set_all_tick_mark_size(4 * FINE)
        .x_labels(6)
        .y_labels(6)
        .label_style(text(SOFT, HPos::Left, VPos::Top))
        .x_label_formatter(&percent)
        .y_label_formatter(&percent)
        .draw()?;
    area.draw_text(y_title, &text(INK, HPos::Left, VPos::Top), (2 * FINE, 4 * FINE))?;
    let corner = ((WIDTH - 24) * FINE, (HEIGHT - 4) * FINE);
    area.draw_text(x_title, &text(INK, HPos::Right, VPos::Bottom), corner)?;
    Ok(chart)
}

/// Text that lies beside its place as said.
pub fn text(color: RGBColor, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    // The backend writes sizes that are smaller by this factor.
    let size = f64::from(FONT_SIZE * FINE) * 1.24;
    ("sans-serif", size).into_font().color(&color).pos(Pos::new(horizontal, vertical))
}

/// A length in pixels, as lines have it.
pub fn width(pixels: u32) -> u32 {
    pixels * FINE.unsigned_abs()
}

/// The nearest whole unit.
#[expect(clippy::cast_possible_truncation, reason = "a place on a chart, or a count of questions")]
fn whole(length: f64) -> i32 {
    length.round() as i32
}
