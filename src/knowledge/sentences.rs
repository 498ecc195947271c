//! A passage as the pieces that an answer may be made of: whole sentences, list items and table rows.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The bytes of each sentence of `text`: pieces that are never cut. Each line is a paragraph, an item or a row of its own; only
/// paragraphs hold more than one sentence.
#[must_use]
pub fn split(text: &str) -> Vec<Range<usize>> {
    let within = |line: Range<usize>| {
        joined(&text[line.clone()]).into_iter().map(move |span| line.start + span.start..line.start + span.end)
    };
    lines(text).into_iter().flat_map(within).collect()
}

/// The trimmed, non-empty lines.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if !content.is_empty() {
            let begin = start + (line.len() - line.trim_start().len());
            lines.push(begin..begin + content.len());
        }
        start += line.len();
    }
    lines
}

/// Sentences by Unicode's rules, with those rules' false ends joined again: after an item's number, a single letter, a common
/// abbreviation, or the stop that a name begins with.
fn joined(line: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (start, sentence) in line.split_sentence_bound_indices() {
        let trimmed = sentence.trim_end();
        if trimmed.is_empty() {
            continue;
        }
        let span = start..start + trimmed.len();
        match spans.last_mut() {
            Some(last) if ends_falsely(&line[last.clone()]) => last.end = span.end,
            _ => spans.push(span),
        }
    }
    spans
}

/// Words whose full stop ends no sentence.
const ABBREVIATIONS: [&str; 16] = [
    "e.g.", "i.e.", "etc.", "vs.", "approx.", "no.", "mr.", "mrs.", "ms.", "dr.", "z.b.", "bzw.", "ca.", "nr.", "inc.",
    "st.",
];

fn ends_falsely(sentence: &str) -> bool {
    let Some(last) = sentence.split_whitespace().next_back() else { return false };
    let stem = last.trim_end_matches(['.', ')']);
    let is_item_number = sentence.len() == last.len() && stem.chars().all(|char| char.is_ascii_digit());
    let is_initial = last.ends_with('.') && stem.chars().count() == 1 && stem.chars().all(char::is_alphabetic);
    // ".NET" after a space, and a path that is cut at such a name.
    let is_beginning = last.ends_with('.') && stem.chars().next_back().is_none_or(|char| matches!(char, '\\' | '/'));
    is_item_number || is_initial || is_beginning || ABBREVIATIONS.contains(&last.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn paragraphs_fall_into_sentences_and_items_stay_whole() {
        assert_eq!(
            pieces("Open the app. Tap Lock!\n\n1. Press the button.\n2. Wait 5 s.\nPlan: Basic; Price: $9.50"),
            ["Open the app.", "Tap Lock!", "1. Press the button.", "2. Wait 5 s.", "Plan: Basic; Price: $9.50"]
        );
    }

    #[test]
    fn abbreviations_and_version_numbers_do_not_end_a_sentence() {
        assert_eq!(
            pieces("Use a charger, e.g. The 4A model. It runs 5.1.10 now."),
            ["Use a charger, e.g. The 4A model.", "It runs 5.1.10 now."]
        );
        assert_eq!(
            pieces("Microsoft .NET 4.6 fails. Open SOFTWARE\\Microsoft\\.NETFramework first."),
            ["Microsoft .NET 4.6 fails.", "Open SOFTWARE\\Microsoft\\.NETFramework first."]
        );
    }

    proptest! {
        #[test]
        fn every_character_that_is_not_space_is_in_one_sentence(text in "\\PC{0,80}(\n\\PC{0,80}){0,4}") {
            let sentences = split(&text);
            let kept: String = sentences.iter().map(|span| &text[span.clone()]).collect();
            let dense = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
            prop_assert_eq!(dense(&kept), dense(&text));
            prop_assert!(sentences.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
