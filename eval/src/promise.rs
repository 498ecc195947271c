//! How `eval calibrate --risk` reads the risk and tells what came of it.

use candor::answer::confidence::SplitSizes;
use candor::answer::curve::Curve;
use comfy_table::Cell;

use crate::risk_control::Tested;
use crate::table;

/// Reads a risk from the command line: `10%`, `10 %` and `0.1` are the same.
///
/// # Errors
/// A sentence, for what is not between 0 and 100 %.
pub fn risk(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    match share {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err(format!("`{text}` is no share between 0 and 100 %: write 10% or 0.1")),
    }
}

/// How the labels were divided, in a line.
#[must_use]
pub fn divided(splits: SplitSizes) -> String {
    format!(
        "{} questions for the weights, {} for the curve, {} for the threshold (one a group); no group in two of them",
        splits.fit, splits.curve, splits.threshold
    )
}

/// The curve, in a line.
#[must_use]
pub fn drawn(curve: &Curve) -> String {
    match curve {
        Curve::Platt { slope, intercept } => format!("curve: Platt, slope {slope}, intercept {intercept}"),
        Curve::Isotonic { knots } => format!("curve: isotonic, {} knots", knots.len()),
    }
}

/// A table of the thresholds that were tested.
#[must_use]
pub fn table_of(tested: &[Tested]) -> comfy_table::Table {
    let mut table = table::empty(&["threshold", "answered", "wrong", "upper bound", "passed"]);
    for one in tested {
        table.add_row([
            Cell::new(format!("{:.6}", one.threshold)),
            table::number(one.answered.to_string()),
            table::number(one.wrong.to_string()),
            table::number(format!("{:.2} %", one.upper_bound * 100.0)),
            table::number(if one.passed { "yes" } else { "no" }.to_owned()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;

    #[test]
    fn a_risk_is_read_as_a_percentage_and_as_a_share() {
        for text in ["10%", "10 %", " 0.1", "1e-1"] {
            assert_close(risk(text).unwrap(), 0.1);
        }
        assert_close(risk("2.5%").unwrap(), 0.025);
    }

    #[test]
    fn what_is_no_risk_is_refused_in_a_sentence() {
        for text in ["10", "0", "1", "0%", "100%", "-5%", "ten", "", "%", "nan", "inf", "5%%"] {
            let sentence = risk(text).unwrap_err();
            assert!(sentence.contains("write 10% or 0.1"), "{sentence}");
        }
    }

    #[test]
    fn each_tested_threshold_is_a_row() {
        let passed = Tested { threshold: 0.9, answered: 260, wrong: 7, upper_bound: 0.0499, passed: true };
        let failed = Tested { threshold: 0.8, answered: 300, wrong: 12, upper_bound: 0.0642, passed: false };
        let table = table_of(&[passed, failed]).to_string();
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["0.900000", "260", "7", "4.99", "%", "yes"]);
        assert_eq!(rows[2], ["0.800000", "300", "12", "6.42", "%", "no"]);
    }
}
