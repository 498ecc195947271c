//! The report for people.

use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};

use crate::interval::Figure;
use crate::latency::Percentiles;
use crate::report::Report;

/// A table of one report's figures.
#[must_use]
pub fn of(report: &Report) -> Table {
    let mut table = empty(&["", "value", "95 % interval"]);
    let mut section = |name: &str, rows: &[(&str, Option<Figure>)]| {
        table.add_row([Cell::new(name).add_attribute(Attribute::Bold)]);
        for (name, figure) in rows {
            let [value, interval] = cells(*figure);
            table.add_row([Cell::new(format!("  {name}")), value, interval]);
        }
    };
    let retrieval = &report.retrieval;
    section(
        "retrieval",
        &[
            ("hit@1", retrieval.hit_at_1),
            ("recall@5", retrieval.recall_at_5),
            ("recall@10", retrieval.recall_at_10),
            ("MRR@10", retrieval.mrr_at_10),
            ("nDCG@10", retrieval.ndcg_at_10),
        ],
    );
    let answers = &report.answers;
    section(
        "drafts of answerable questions",
        &[
            ("accuracy", answers.accuracy),
            ("words", answers.answer_words),
            ("token F1", answers.token_f1),
            ("support found", answers.support_recall),
            ("sentences supported", answers.sentence_support),
            ("citation precision", answers.citation_precision),
            ("citation recall", answers.citation_recall),
        ],
    );
    let abstention = &report.abstention;
    let ranking = &abstention.ranking;
    section(
        "abstention",
        &[
            ("AUROC answerable", ranking.auroc_answerable),
            ("AUROC correct", ranking.auroc_correct),
            ("AURC", ranking.aurc),
            ("coverage at risk 5 %", ranking.coverage_at_risk_5),
            ("coverage at risk 10 %", ranking.coverage_at_risk_10),
            ("coverage at risk 20 %", ranking.coverage_at_risk_20),
            ("coverage at the threshold", abstention.coverage),
            ("risk at the threshold", abstention.risk),
        ],
    );
    let calibration = &report.calibration;
    section(
        "calibration",
        &[
            ("ECE, 10 bins", calibration.ece_10_equal_mass),
            ("Brier", calibration.brier),
            ("Brier of the base rate", calibration.brier_of_base_rate),
        ],
    );
    table
}

/// What was decided, in a line.
#[must_use]
pub fn decisions(report: &Report) -> String {
    let abstention = &report.abstention;
    let wrong = abstention.wrong.map_or_else(|| "wrong unknown".to_owned(), |wrong| format!("{wrong} wrong"));
    format!(
        "threshold {:.3}: {} answered ({wrong}), {} clarified, {} escalated",
        abstention.threshold, abstention.answered, abstention.clarified, abstention.escalated
    )
}

/// A table of the stages' times.
#[must_use]
pub fn latency(report: &Report) -> Table {
    let mut table = empty(&["milliseconds", "p50", "p95", "p99"]);
    let latency = &report.latency_ms;
    let stages: [(&str, Option<Percentiles>); 6] = [
        ("embed", latency.embed),
        ("search", latency.search),
        ("rerank", latency.rerank),
        ("generate", latency.generate),
        ("verify", latency.verify),
        ("total", latency.total),
    ];
    for (name, stage) in stages {
        if let Some(stage) = stage {
            let times = [stage.p50, stage.p95, stage.p99].map(|ms| number(format!("{ms:.1}")));
            table.add_row(std::iter::once(Cell::new(name)).chain(times));
        }
    }
    table
}

/// A table with these headings and no rules between its rows.
#[must_use]
pub fn empty(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(
        headings
            .iter()
            .copied()
            .enumerate()
            .map(|(column, heading)| if column == 0 { Cell::new(heading) } else { number(heading.to_owned()) }),
    );
    table
}

/// The value and the interval of a figure, with a dash where there is none.
#[must_use]
pub fn cells(figure: Option<Figure>) -> [Cell; 2] {
    let digits = |value: f64| if value.abs() >= 10.0 { format!("{value:.1}") } else { format!("{value:.3}") };
    figure.map_or_else(
        || [number("–".to_owned()), Cell::new("")],
        |figure| {
            let [low, high] = figure.ci95.map(digits);
            [number(digits(figure.value)), number(format!("{low} – {high}"))]
        },
    )
}

/// A cell whose numbers stand below each other.
#[must_use]
pub fn number(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
