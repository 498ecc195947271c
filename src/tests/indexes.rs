//! What the index promises, embedded and on the Qdrant server that `QDRANT_TEST_URL` names.
//!
//! Each promise is a plain function that takes an [`Index`]; the list at the end stamps it out for both.

use std::collections::BTreeMap;

use candor::ids::{ChunkId, Ids, VersionId, WorkspaceId};
use candor::index::{
    Dimensions, EdgeIndex, Index, IndexError, IndexQuery, Point, Scores, ServerAddress, ServerIndex, Signal, Terms,
    remove_collections,
};
use uuid::Uuid;

use crate::app::NOW_MS;

const DIMENSIONS: Dimensions = Dimensions { dense: 4, tokens: 3 };
const IDS: Ids = Ids::Random;

fn workspace() -> WorkspaceId {
    WorkspaceId::new(&IDS, NOW_MS)
}

fn chunk(ordinal: usize) -> ChunkId {
    ChunkId::of(VersionId::from(Uuid::from_u128(7)), "1", ordinal)
}

/// A point whose vector leans towards the first axis the more, the smaller `ordinal` is.
fn point(ordinal: usize, terms: &[(u32, f32)], tags: &[&str]) -> Point {
    let lean = 1.0 / (1.0 + f32::from(u16::try_from(ordinal).unwrap()));
    let length = (lean * lean + 1.0).sqrt();
    Point {
        chunk: chunk(ordinal),
        dense: vec![lean / length, 1.0 / length, 0.0, 0.0],
        tokens: vec![vec![1.0, 0.0, 0.0], vec![0.0, lean / length, 1.0 / length]],
        sentences: vec![vec![0.0, 0.0, 0.0, 1.0], vec![1.0 / length, lean / length, 0.0, 0.0]],
        title: vec![0.0, 1.0 / length, lean / length, 0.0],
        title_terms: Terms { ids: vec![40, 41], weights: vec![1.0, 1.0] },
        terms: Terms {
            ids: terms.iter().map(|(id, _)| *id).collect(),
            weights: terms.iter().map(|(_, weight)| *weight).collect(),
        },
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

fn query(terms: &[(u32, f32)], tags: &[&str], limit: usize) -> IndexQuery {
    let Point { terms, tags, .. } = point(0, terms, tags);
    IndexQuery { dense: vec![1.0, 0.0, 0.0, 0.0], tokens: Vec::new(), terms, tags, limit }
}

/// What a search finds: each chunk with its scores.
async fn found(index: &Index, workspace: WorkspaceId, query: IndexQuery) -> BTreeMap<ChunkId, Scores> {
    let found = index.search(workspace, query).await.unwrap();
    found.into_iter().map(|candidate| (candidate.chunk, candidate.scores)).collect()
}

#[track_caller]
fn is_close(one: f32, other: f32) {
    assert!((one - other).abs() < 1e-5, "{one} is not {other}");
}

async fn a_candidate_has_all_scores_whichever_signal_brought_it(index: &Index) {
    let workspace = workspace();
    let points = vec![
        point(0, &[], &[]),
        point(1, &[(3, 0.5)], &[]),
        point(2, &[(3, 2.0), (9, 1.5)], &[]),
        point(3, &[(9, 0.25)], &[]),
    ];
    index.upsert(workspace, points.clone()).await.unwrap();
    // The best by meaning is the first, the best by words the third.
    let found = found(index, workspace, query(&[(3, 1.25), (9, 2.0)], &[], 1)).await;
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), {
        let mut expected = vec![chunk(0), chunk(2)];
        expected.sort();
        expected
    });
    is_close(found[&chunk(0)][Signal::Meaning], points[0].dense[0]);
    is_close(found[&chunk(0)][Signal::Words], 0.0);
    is_close(found[&chunk(2)][Signal::Meaning], points[2].dense[0]);
    is_close(found[&chunk(2)][Signal::Words], 1.25 * 2.0 + 2.0 * 1.5);
}

async fn each_signal_scores_as_it_says(index: &Index) {
    let workspace = workspace();
    let points: Vec<Point> = (0..3).map(|ordinal| point(ordinal, &[(3, 0.5)], &[])).collect();
    index.upsert(workspace, points.clone()).await.unwrap();
    let dense = vec![0.6, 0.8, 0.0, 0.0];
    let tokens = vec![vec![0.5, 0.0, 0.0], vec![0.0, 0.25, 0.25]];
    let query =
        IndexQuery { dense: dense.clone(), tokens: tokens.clone(), ..query(&[(3, 1.0), (40, 2.0), (77, 4.0)], &[], 2) };
    let found = found(index, workspace, query).await;
    assert!(found.len() >= 2);
    let product = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
    let nearest = |one: &[f32], others: &[Vec<f32>]| {
        others.iter().map(|other| product(one, other)).fold(f32::NEG_INFINITY, f32::max)
    };
    // Two bytes a float are precise to a thousandth.
    let is_near = |one: f32, other: f32| assert!((one - other).abs() < 2e-3, "{one} is not {other}");
    for (chunk, scores) in found {
        let point = points.iter().find(|point| point.chunk == chunk).unwrap();
        is_close(scores[Signal::Meaning], product(&dense, &point.dense));
        is_close(scores[Signal::Words], 0.5);
        is_near(scores[Signal::Tokens], tokens.iter().map(|token| nearest(token, &point.tokens)).sum());
        is_near(scores[Signal::Sentences], nearest(&dense, &point.sentences));
        is_near(scores[Signal::Title], product(&dense, &point.title));
        is_close(scores[Signal::TitleWords], 2.0);
    }
}

async fn a_workspace_finds_counts_and_deletes_only_its_own(index: &Index) {
    let (ours, theirs) = (workspace(), workspace());
    index.upsert(ours, vec![point(0, &[(3, 1.0)], &[]), point(1, &[], &[])]).await.unwrap();
    index.upsert(theirs, vec![point(2, &[(3, 1.0)], &[])]).await.unwrap();
    assert_eq!(found(index, ours, query(&[(3, 1.0)], &[], 10)).await.len(), 2);
    let vectors = index.vectors(ours, &[chunk(0), chunk(2)]).await.unwrap();
    assert_eq!(vectors.keys().copied().collect::<Vec<_>>(), [chunk(0)], "another workspace's vectors were given");
    let (kept, stored) = (&vectors[&chunk(0)], point(0, &[], &[]));
    // Two bytes a float are precise to a thousandth.
    let floats = |many: &[Vec<f32>]| many.concat();
    for (one, other) in [(&kept.tokens, &stored.tokens), (&kept.sentences, &stored.sentences)] {
        assert!(
            floats(one).iter().zip(floats(other)).all(|(one, other)| (one - other).abs() < 2e-3),
            "{one:?} {other:?}"
        );
        assert_eq!(one.len(), other.len());
    }
    assert!(index.vectors(ours, &[]).await.unwrap().is_empty());
    index.delete(ours, &[chunk(2)]).await.unwrap();
    assert_eq!(index.chunks(theirs).await.unwrap(), [chunk(2)], "another workspace's point was deleted");
    index.delete(ours, &[chunk(0), chunk(77)]).await.unwrap();
    assert_eq!(index.chunks(ours).await.unwrap(), [chunk(1)]);
    assert_eq!(index.total().await.unwrap(), 2);
    assert!(found(index, workspace(), query(&[(3, 1.0)], &[], 10)).await.is_empty());
}

async fn a_point_that_is_written_again_is_replaced(index: &Index) {
    let workspace = workspace();
    index.upsert(workspace, vec![point(0, &[(3, 1.0)], &["old"])]).await.unwrap();
    index.upsert(workspace, vec![Point { chunk: chunk(0), ..point(5, &[(4, 1.0)], &["new"]) }]).await.unwrap();
    assert_eq!(index.total().await.unwrap(), 1);
    let found = found(index, workspace, query(&[(3, 1.0), (4, 2.0)], &["new"], 10)).await;
    is_close(found[&chunk(0)][Signal::Words], 2.0);
    is_close(found[&chunk(0)][Signal::Meaning], point(5, &[], &[]).dense[0]);
}

async fn tags_narrow_both_rankings(index: &Index) {
    let workspace = workspace();
    let points =
        vec![point(0, &[(3, 1.0)], &["bike"]), point(1, &[(3, 1.0)], &["bread", "größer"]), point(2, &[(3, 1.0)], &[])];
    index.upsert(workspace, points).await.unwrap();
    let tagged = |tags: &'static [&str]| found(index, workspace, query(&[(3, 1.0)], tags, 10));
    assert_eq!(tagged(&["bike"]).await.into_keys().collect::<Vec<_>>(), [chunk(0)]);
    assert_eq!(tagged(&["größer", "bike"]).await.len(), 2);
    assert!(tagged(&["boat"]).await.is_empty());
}

async fn a_question_without_words_is_answered_by_meaning(index: &Index) {
    let workspace = workspace();
    index.upsert(workspace, vec![point(0, &[(3, 1.0)], &[]), point(1, &[], &[])]).await.unwrap();
    let found = found(index, workspace, query(&[], &[], 10)).await;
    assert_eq!(found.len(), 2);
    assert!(found.values().all(|scores| scores[Signal::Words] == 0.0));
}

async fn thousands_of_points_are_listed_and_removed(index: &Index) {
    const POINTS: usize = 12_000;
    let workspace = workspace();
    let points: Vec<Point> = (0..POINTS).map(|ordinal| point(ordinal, &[(3, 1.0)], &[])).collect();
    for batch in points.chunks(1_000) {
        index.upsert(workspace, batch.to_vec()).await.unwrap();
    }
    let mut listed = index.chunks(workspace).await.unwrap();
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len(), POINTS);
    index.delete(workspace, &listed[..POINTS - 1]).await.unwrap();
    assert_eq!(index.chunks(workspace).await.unwrap(), [listed[POINTS - 1]]);
}

async fn nothing_is_done_where_there_is_nothing_to_do(index: &Index) {
    let workspace = workspace();
    index.upsert(workspace, Vec::new()).await.unwrap();
    index.delete(workspace, &[]).await.unwrap();
    assert!(index.chunks(workspace).await.unwrap().is_empty());
    assert!(index.search(workspace, query(&[(3, 1.0)], &[], 10)).await.unwrap().is_empty());
    index.prepare().await.unwrap();
    index.settle().await.unwrap();
    assert_eq!(index.total().await.unwrap(), 0);
}

/// The Qdrant server that `QDRANT_TEST_URL` names.
#[expect(clippy::disallowed_methods, reason = "this is no setting of the product")]
pub(crate) fn qdrant() -> Option<ServerAddress> {
    Some(ServerAddress { url: std::env::var("QDRANT_TEST_URL").ok()?, key: None })
}

/// The same points, looked for with the same words, have the same scores in both engines.
#[tokio::test(flavor = "multi_thread")]
async fn both_engines_score_alike() {
    let Some(address) = qdrant() else {
        eprintln!("skipped: QDRANT_TEST_URL is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let dimensions = Dimensions { dense: 32, tokens: 32 };
    let edge = Index::Edge(EdgeIndex::open(&folder.path().join("1"), dimensions).unwrap());
    let name = format!("test-{}", workspace());
    let server = Index::Server(ServerIndex::new(&address, &name, dimensions).unwrap());
    server.prepare().await.unwrap();
    // Made of the golden ratio's multiples: spread, and the same in every run.
    let value = |seed: usize| (f32::from(u16::try_from(seed % 9_973).unwrap()) * 0.618_034).fract() - 0.5;
    let unit = |seed: usize| {
        let raw: Vec<f32> = (0..32).map(|place| value(seed * 131 + place * 17 + 3)).collect();
        let length = raw.iter().map(|value| value * value).sum::<f32>().sqrt();
        raw.into_iter().map(|value| value / length).collect::<Vec<f32>>()
    };
    let points: Vec<Point> = (0..400)
        .map(|ordinal| {
            let ids: Vec<u32> = (0..6).map(|place| u32::try_from((ordinal * 7 + place * 13) % 97).unwrap()).collect();
            let mut ids = ids;
            ids.sort_unstable();
            ids.dedup();
            let weights = ids.iter().map(|id| 0.3 + f32::from(u16::try_from(*id).unwrap()) / 60.0).collect();
            Point {
                chunk: chunk(ordinal),
                dense: unit(ordinal),
                tokens: (0..=ordinal % 9).map(|place| unit(ordinal * 10 + place)).collect(),
                sentences: (0..=ordinal % 4).map(|place| unit(ordinal * 20 + place)).collect(),
                title: unit(ordinal / 7),
                title_terms: Terms { ids: ids.clone(), weights: vec![1.0; ids.len()] },
                terms: Terms { ids, weights },
                tags: Vec::new(),
            }
        })
        .collect();
    let workspace = workspace();
    for index in [&edge, &server] {
        index.upsert(workspace, points.clone()).await.unwrap();
    }
    for question in 0..40 {
        let terms = Terms { ids: vec![question, question + 20, question + 40], weights: vec![1.7, 0.4, 2.9] };
        let dense = unit(5_000 + usize::try_from(question).unwrap());
        // All of them: where two have the same score, which one comes first is nobody's promise.
        let query = IndexQuery {
            tokens: vec![unit(7_000), dense.clone()],
            dense,
            terms,
            tags: Vec::new(),
            limit: points.len(),
        };
        let (one, other) = (found(&edge, workspace, query.clone()).await, found(&server, workspace, query).await);
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "question {question}");
        for (chunk, scores) in &one {
            // The multivectors have two bytes a float.
            for signal in Signal::ALL {
                let (one, other) = (scores[signal], other[chunk][signal]);
                assert!((one - other).abs() < 2e-3, "{signal:?}: {one} is not {other}");
            }
        }
    }
    remove_collections(&address, &[name]).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_apart_from_one_that_has_lost_the_collection() {
    let nowhere = ServerAddress { url: "http://127.0.0.1:9".into(), key: None };
    let index = Index::Server(ServerIndex::new(&nowhere, "test", DIMENSIONS).unwrap());
    let error = index.total().await.unwrap_err();
    assert!(matches!(error, IndexError::Unreachable { .. }), "{error:?}");
    let Some(address) = qdrant() else { return };
    let index = Index::Server(ServerIndex::new(&address, "test-never-made", DIMENSIONS).unwrap());
    let error = index.total().await.unwrap_err();
    assert!(matches!(error, IndexError::Missing { .. }), "{error:?}");
    let error = index.upsert(workspace(), vec![point(0, &[], &[])]).await.unwrap_err();
    assert!(matches!(error, IndexError::Missing { .. }), "{error:?}");
}

/// Stamps each promise out for both engines.
macro_rules! contract_tests {
    ($($name:ident),* $(,)?) => {
        mod on_edge {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let folder = tempfile::tempdir().unwrap();
                    let index = Index::Edge(EdgeIndex::open(&folder.path().join("1"), DIMENSIONS).unwrap());
                    super::$name(&index).await;
                }
            )*
        }

        mod on_server {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let Some(address) = qdrant() else {
                        eprintln!("skipped: QDRANT_TEST_URL is not set");
                        return;
                    };
                    let name = format!("test-{}", workspace());
                    let index = Index::Server(ServerIndex::new(&address, &name, DIMENSIONS).unwrap());
                    index.prepare().await.unwrap();
                    super::$name(&index).await;
                    remove_collections(&address, &[name]).await.unwrap();
                }
            )*
        }
    };
}

contract_tests! {
    a_candidate_has_all_scores_whichever_signal_brought_it,
    each_signal_scores_as_it_says,
    a_workspace_finds_counts_and_deletes_only_its_own,
    a_point_that_is_written_again_is_replaced,
    tags_narrow_both_rankings,
    a_question_without_words_is_answered_by_meaning,
    thousands_of_points_are_listed_and_removed,
    nothing_is_done_where_there_is_nothing_to_do,
}
