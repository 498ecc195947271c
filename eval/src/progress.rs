//! Progress on standard error, for people: nothing is drawn when nobody watches.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` things, with their rate and the time left.
pub fn bar(what: &str, total: usize) -> ProgressBar {
    const TEMPLATE: &str = "{msg} {wide_bar} {human_pos}/{human_len} · {per_sec} · {eta} left";
    let bar = ProgressBar::new(total as u64).with_message(what.to_owned());
    // A template that does not parse costs the looks only.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar
}
