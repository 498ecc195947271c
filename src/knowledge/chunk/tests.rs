use proptest::prelude::*;
use tokenizers::Tokenizer;

use super::*;
use crate::knowledge::parse::{Format, parse};

fn tokenizer() -> Tokenizer {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/all-MiniLM-L6-v2/tokenizer.json");
    let mut tokenizer = Tokenizer::from_file(path).unwrap();
    tokenizer.with_padding(None).with_truncation(None).unwrap();
    tokenizer
}

fn chunker(tokens_max: usize, overlap_tokens: usize) -> Chunker {
    Chunker::new(tokenizer(), Chunking { tokens_max, overlap_tokens, ..Chunking::SHIPPED }).unwrap()
}

fn article(source: &str) -> ParsedArticle {
    parse("article.md", Format::Markdown, source.as_bytes(), &|_| None).unwrap()
}

fn texts(article: &ParsedArticle, chunks: &[Chunk]) -> Vec<(String, String)> {
    chunks.iter().map(|chunk| (chunk.heading_path.join(" > "), article.text[chunk.span.clone()].to_owned())).collect()
}

const LONG: &str = "Open the settings page of your account, choose the security tab and follow the steps that the \
                    assistant shows you until it says that all is done.";

#[test]
fn can_be_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Chunker>();
}

#[test]
fn refuses_limits_that_contradict_each_other() {
    let refused = |tokens_max, overlap_tokens| {
        Chunker::new(tokenizer(), Chunking { tokens_max, overlap_tokens, ..Chunking::SHIPPED })
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(refused(0, 0), "tokens_max is 0; a chunk needs at least one token.");
    assert_eq!(refused(10, 10), "overlap_tokens is 10, but it must be less than tokens_max, which is 10.");
}

#[test]
fn keeps_sections_apart_when_each_can_stand_alone() {
    let article = article(&format!("# T\n\n## One\n\n{LONG}\n\n## Two\n\n{LONG}\n"));
    let chunks = chunker(200, 0).chunk(&article);
    let expected = [("One".to_owned(), LONG.to_owned()), ("Two".to_owned(), LONG.to_owned())];
    assert_eq!(texts(&article, &chunks), expected);
    assert_eq!(chunks.iter().map(|chunk| chunk.ordinal).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn joins_a_short_section_to_the_next_with_both_headings() {
    let article = article(&format!("# T\n\n## Symptom\n\nIt fails.\n\n## Cause\n\n{LONG}\n"));
    let chunks = chunker(200, 0).chunk(&article);
    let expected = [(String::new(), format!("Symptom\n\nIt fails.\n\nCause\n\n{LONG}"))];
    assert_eq!(texts(&article, &chunks), expected);
}

#[test]
fn joins_a_short_introduction_to_its_child() {
    let article = article(&format!("# T\n\n## Fix\n\nDo this:\n\n### Windows\n\n{LONG}\n\n## Else\n\n{LONG}"));
    let chunks = chunker(200, 0).chunk(&article);
    assert_eq!(texts(&article, &chunks)[0], ("Fix".to_owned(), format!("Do this:\n\nWindows\n\n{LONG}")));
    assert_eq!(chunks.len(), 2);
}

#[test]
fn joins_a_short_last_section_backwards() {
    let article = article(&format!("# T\n\n## Fix\n\n{LONG}\n\n## More\n\nAsk us.\n"));
    let chunks = chunker(200, 0).chunk(&article);
    assert_eq!(texts(&article, &chunks), [(String::new(), format!("Fix\n\n{LONG}\n\nMore\n\nAsk us."))]);
}

#[test]
fn names_the_section_when_a_joined_group_needs_several_chunks() {
    let article = article(&format!("# T\n\n## Symptom\n\nIt fails.\n\n## Cause\n\n{LONG}\n\n{LONG}\n\n{LONG}\n"));
    let paths: Vec<_> = chunker(60, 0).chunk(&article).into_iter().map(|chunk| chunk.heading_path).collect();
    assert_eq!(paths.last().unwrap(), &["Cause"]);
}

#[test]
fn does_not_join_a_short_section_to_one_further_up() {
    let article = article(&format!("# T\n\n## A\n\n{LONG}\n\n## B\n\n### C\n\nShort.\n\n## D\n\n{LONG}"));
    let paths: Vec<_> = chunker(200, 0).chunk(&article).into_iter().map(|chunk| chunk.heading_path).collect();
    assert_eq!(paths, [vec!["A"], vec!["B", "C"], vec!["D"]]);
}

#[test]
fn repeats_the_end_of_a_chunk_in_the_next_when_asked_to() {
    let article = article(&format!("{LONG} {LONG} {LONG} {LONG}"));
    let chunks = chunker(60, 30).chunk(&article);
    assert!(chunks.windows(2).all(|pair| pair[1].span.start < pair[0].span.end), "{chunks:?}");
}

#[test]
fn counts_the_tokens_of_a_part_like_the_tokenizer_does() {
    let tokenizer = tokenizer();
    let text =
        "Unauthorised sign-ins: café, naïve, 東京 and 한국어 — réinitialiser\n\nC:\\Users\\me https://a.example/b?c=d";
    let index = TokenIndex::new(&tokenizer, text);
    let words: Vec<(usize, &str)> = text.match_indices(char::is_whitespace).collect();
    for (start, _) in &words {
        for (end, _) in words.iter().filter(|(end, _)| end > start) {
            let expected = tokenizer.encode(&text[*start..*end], false).unwrap().len();
            assert_eq!(index.tokens_in(&(*start..*end)), expected, "{:?}", &text[*start..*end]);
        }
    }
}

#[test]
fn cuts_a_word_without_end_by_its_characters() {
    let article = article(&"k9".repeat(20_000));
    let chunks = chunker(100, 0).chunk(&article);
    assert!(chunks.iter().all(|chunk| chunk.span.len() <= 100));
    assert_eq!(chunks.iter().map(|chunk| chunk.span.len()).sum::<usize>(), 40_000);
}

#[test]
fn ends_in_time_on_a_megabyte_in_one_line() {
    let started = std::time::Instant::now();
    let article = article(&"This is it. Or not! ".repeat(50_000));
    assert!(!chunker(220, 30).chunk(&article).is_empty());
    assert!(started.elapsed().as_secs() < 60);
}

fn markdown() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("# Title".to_owned()),
        Just("## Part".to_owned()),
        Just("### Deep".to_owned()),
        Just(String::new()),
        Just("- item".to_owned()),
        Just("```".to_owned()),
        Just("|a|b|\n|-|-|\n|1|2|".to_owned()),
        Just(LONG.to_owned()),
        "[a-zé ,.]{0,60}",
        "\\PC{0,20}",
    ];
    prop::collection::vec(line, 1..30).prop_map(|lines| lines.join("\n"))
}

fn assert_sound(source: &str, tokens_max: usize, overlap_tokens: usize) -> Result<(), TestCaseError> {
    let Ok(article) = parse("a.md", Format::Markdown, source.as_bytes(), &|_| None) else {
        return Ok(());
    };
    let chunker = chunker(tokens_max, overlap_tokens);
    let chunks = chunker.chunk(&article);
    let mut covered = vec![false; article.text.len()];
    for (ordinal, chunk) in chunks.iter().enumerate() {
        prop_assert_eq!(chunk.ordinal as usize, ordinal);
        let text = article.text.get(chunk.span.clone()).unwrap();
        prop_assert!(!text.is_empty());
        prop_assert_eq!(text.trim(), text);
        covered[chunk.span.clone()].fill(true);
    }
    for pair in chunks.windows(2) {
        prop_assert!(pair[0].span.start < pair[1].span.start && pair[0].span.end < pair[1].span.end);
        prop_assert!(overlap_tokens > 0 || pair[0].span.end <= pair[1].span.start);
    }
    for section in &article.sections {
        for (at, letter) in article.text[section.span.clone()].char_indices() {
            prop_assert!(letter.is_whitespace() || covered[section.span.start + at], "{letter:?} in no chunk");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chunks_of_any_markdown_are_sound(source in markdown(), tokens_max in 8_usize..120, overlap in 0_usize..8) {
        assert_sound(&source, tokens_max, overlap)?;
    }

    #[test]
    fn chunks_of_any_text_are_sound(source in ".{0,400}", tokens_max in 4_usize..40) {
        assert_sound(&source, tokens_max, 0)?;
    }
}
