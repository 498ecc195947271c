//! From chunks to the points of the index: what the model and BM25 are told of each.

use std::collections::HashMap;
use std::ops::Range;

use crate::engine::Engine;
use crate::ids::ChunkId;
use crate::index::Point;
use crate::inference::{Passage, PassageEmbedding};
use crate::knowledge::{KnowledgeError, sentences};

/// The fewest words of a sentence that gets a vector of its own: "Note:" says nothing.
const SENTENCE_WORDS_MIN: usize = 4;

/// A chunk with all that is told of it.
pub(super) struct Told<'a> {
    pub chunk: ChunkId,
    /// Its article's title.
    pub title: &'a str,
    pub heading_path: &'a [String],
    pub text: &'a str,
    /// Its article's tags.
    pub tags: &'a [String],
}

impl Told<'_> {
    fn passage(&self) -> Passage {
        let text = told(self.title, self.heading_path, self.text);
        let start = text.len() - self.text.len();
        let sentences = joined(self.text).into_iter().map(|span| start + span.start..start + span.end).collect();
        Passage { text, sentences }
    }
}

/// What the model and BM25 see of a chunk: where it stands, then what it says. A chunk alone often lacks the name of what it is about,
/// because the article says it only once, in its title.
#[must_use]
pub fn told(title: &str, heading_path: &[String], text: &str) -> String {
    let mut whole = title.to_owned();
    for heading in heading_path {
        whole.push_str(" > ");
        whole.push_str(heading);
    }
    whole.push('\n');
    whole.push_str(text);
    whole
}

/// The points of the chunks, in their order.
pub(super) async fn points(engine: &Engine, chunks: &[Told<'_>]) -> Result<Vec<Point>, KnowledgeError> {
    let mut titles: Vec<&str> = chunks.iter().map(|chunk| chunk.title).collect();
    titles.sort_unstable();
    titles.dedup();
    let mut passages: Vec<Passage> = chunks.iter().map(Told::passage).collect();
    let texts: Vec<String> = passages.iter().map(|passage| passage.text.clone()).collect();
    passages.extend(titles.iter().map(|title| Passage { text: (*title).to_owned(), sentences: Vec::new() }));
    let mut embeddings = engine.embedder().embed_passages(passages).await?;
    let of_titles = embeddings.split_off(chunks.len()).into_iter().map(|embedding| embedding.dense);
    let of_titles: HashMap<&str, Vec<f32>> = titles.into_iter().zip(of_titles).collect();
    let point = |((chunk, text), embedding): ((&Told<'_>, &String), PassageEmbedding)| Point {
        chunk: chunk.chunk,
        dense: embedding.dense,
        tokens: embedding.tokens,
        sentences: embedding.sentences,
        title: of_titles.get(chunk.title).cloned().unwrap_or_default(),
        terms: engine.bm25().document(text),
        // A question's terms have the weight one, and so have a title's.
        title_terms: engine.bm25().question(chunk.title),
        tags: chunk.tags.to_vec(),
    };
    Ok(chunks.iter().zip(&texts).zip(embeddings).map(point).collect())
}

/// The sentences of `text` that have vectors, each with the ones before it where those have fewer than [`SENTENCE_WORDS_MIN`] words.
#[must_use]
pub fn joined(text: &str) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for sentence in sentences::split(text) {
        match joined.last_mut() {
            Some(last) if text[last.clone()].split_whitespace().nth(SENTENCE_WORDS_MIN - 1).is_none() => {
                last.end = sentence.end;
            }
            _ => joined.push(sentence),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Ids, VersionId};

    #[test]
    fn a_chunk_is_told_with_where_it_stands_and_its_sentences_are_where_they_are() {
        let heading_path = ["Batteries".to_owned(), "Charging".to_owned()];
        let told = Told {
            chunk: ChunkId::of(VersionId::new(&Ids::counted(), 1), "1", 0),
            title: "Größen",
            heading_path: &heading_path,
            text: "Note:\nIt charges in four hours. Then it stops by itself.",
            tags: &[],
        };
        let passage = told.passage();
        assert!(passage.text.starts_with("Größen > Batteries > Charging\nNote:"));
        let sentences: Vec<&str> = passage.sentences.iter().map(|span| &passage.text[span.clone()]).collect();
        assert_eq!(sentences, ["Note:\nIt charges in four hours.", "Then it stops by itself."]);
    }
}
