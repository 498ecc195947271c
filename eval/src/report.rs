//! The report of one run over one set: the JSON that scripts rely on.
//!
//! A quality figure has a value and a 95 % interval. `null` stands for a figure that the set cannot give (correctness
//! without short gold answers, support without supporting sentences) and for parts that the engine does not have yet:
//! `intents` until it tells small talk from questions, `latency_ms.rerank` and `latency_ms.verify`.

use candor::answer;
use candor::engine::Engine;
use candor::index::Bm25;
use candor::knowledge::chunk::Chunker;
use candor::telemetry::Stage;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::abstention;
use crate::ask::Asked;
use crate::confidence::{self, CalibrationFigures, RankingFigures};
use crate::dataset::Dataset;
use crate::interval::{Bootstrap, Figure};
use crate::judge::{DraftScores, Judged};
use crate::latency::Percentiles;
use crate::ranking::Ranking;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    pub dataset: String,
    /// Questions that were asked.
    pub queries: usize,
    /// Groups that they fall into.
    pub groups: usize,
    /// SHA-256 over all that changes an answer, so that two reports can be told to be of one configuration.
    pub config_hash: String,
    pub embedding: String,
    pub generator: String,
    pub retrieval: Retrieval,
    pub answers: Answers,
    pub abstention: Abstention,
    pub calibration: CalibrationFigures,
    pub intents: Option<Intents>,
    pub latency_ms: Latency,
}

/// How articles are ranked, over the questions that name a gold article.
#[derive(Debug, Serialize)]
pub struct Retrieval {
    pub hit_at_1: Option<Figure>,
    pub recall_at_5: Option<Figure>,
    pub recall_at_10: Option<Figure>,
    pub mrr_at_10: Option<Figure>,
    pub ndcg_at_10: Option<Figure>,
}

/// How good drafts are, over the answerable questions.
#[derive(Debug, Serialize)]
pub struct Answers {
    pub accuracy: Option<Figure>,
    pub answer_words: Option<Figure>,
    pub token_f1: Option<Figure>,
    pub support_recall: Option<Figure>,
    pub sentence_support: Option<Figure>,
    pub citation_precision: Option<Figure>,
    pub citation_recall: Option<Figure>,
}

/// What was sent and what was held back, at the threshold in force.
#[derive(Debug, Serialize)]
pub struct Abstention {
    #[serde(flatten)]
    pub ranking: RankingFigures,
    pub threshold: f64,
    pub answered: usize,
    pub clarified: usize,
    pub escalated: usize,
    /// Sent drafts that are not right; `None` where the set does not tell.
    pub wrong: Option<usize>,
    /// Wrong of sent, over the sent drafts that the set can judge; its interval is Clopper and Pearson's.
    pub risk: Option<Figure>,
    /// Answered of all questions.
    pub coverage: Option<Figure>,
}

/// What the engine takes a message for.
#[derive(Debug, Serialize)]
pub struct Intents {
    pub human_precision: Option<Figure>,
    pub human_recall: Option<Figure>,
    pub smalltalk_recall: Option<Figure>,
}

/// Times of the stages of an answer, without the door in front of it.
#[derive(Debug, Serialize)]
pub struct Latency {
    pub embed: Option<Percentiles>,
    pub search: Option<Percentiles>,
    pub rerank: Option<Percentiles>,
    pub generate: Option<Percentiles>,
    pub verify: Option<Percentiles>,
    pub total: Option<Percentiles>,
}

impl Report {
    /// Scores what was asked.
    #[must_use]
    pub fn of(engine: &Engine, set: &Dataset, asked: &[Asked], judged: &[Judged], seed: u64) -> Self {
        let groups: Vec<&str> = set.questions.iter().map(|question| question.group.as_str()).collect();
        let bootstrap = Bootstrap::over(&groups, seed);
        let scored = confidence::shipped(set, asked, judged);
        Self {
            dataset: set.name.clone(),
            queries: set.questions.len(),
            groups: set.group_count(),
            config_hash: config_hash(engine),
            embedding: engine.embedder().identity().name.clone(),
            generator: answer::generator(engine),
            retrieval: Retrieval::of(set, asked, &bootstrap),
            answers: Answers::of(judged, &bootstrap),
            abstention: Abstention {
                ranking: RankingFigures::of(&scored, seed),
                threshold: engine.calibration().threshold(),
                ..Abstention::decisions(asked, judged, &bootstrap)
            },
            calibration: CalibrationFigures::of(&scored, seed),
            intents: None,
            latency_ms: Latency::of(asked),
        }
    }
}

fn config_hash(engine: &Engine) -> String {
    let settings = json!({
        "embedding": engine.embedder().identity().name,
        "chunker": Chunker::NAME,
        "bm25": Bm25::NAME,
        "generator": answer::generator(engine),
        "calibration": engine.calibration(),
    });
    hex::encode(Sha256::digest(settings.to_string()))
}

impl Retrieval {
    fn of(set: &Dataset, asked: &[Asked], bootstrap: &Bootstrap) -> Self {
        let rankings: Vec<Option<Ranking>> = set
            .questions
            .iter()
            .zip(asked)
            .map(|(question, asked)| Ranking::of(&asked.ranked, &question.gold))
            .collect();
        let figure = |field: fn(&Ranking) -> f64| {
            bootstrap.mean(&rankings.iter().map(|ranking| ranking.as_ref().map(field)).collect::<Vec<_>>())
        };
        Self {
            hit_at_1: figure(|ranking| ranking.hit_at_1),
            recall_at_5: figure(|ranking| ranking.recall_at_5),
            recall_at_10: figure(|ranking| ranking.recall_at_10),
            mrr_at_10: figure(|ranking| ranking.mrr_at_10),
            ndcg_at_10: figure(|ranking| ranking.ndcg_at_10),
        }
    }
}

impl Answers {
    fn of(judged: &[Judged], bootstrap: &Bootstrap) -> Self {
        let right =
            |judged: &Judged| judged.draft.as_ref().and(judged.correct).map(|correct| f64::from(u8::from(correct)));
        let figure = |field: fn(&DraftScores) -> Option<f64>| {
            bootstrap.mean(&judged.iter().map(|judged| judged.draft.as_ref().and_then(field)).collect::<Vec<_>>())
        };
        Self {
            accuracy: bootstrap.mean(&judged.iter().map(right).collect::<Vec<_>>()),
            answer_words: figure(|draft| Some(draft.words as f64)),
            token_f1: figure(|draft| draft.token_f1),
            support_recall: figure(|draft| draft.support_recall),
            sentence_support: figure(|draft| draft.sentence_support),
            citation_precision: figure(|draft| Some(draft.citation_precision)),
            citation_recall: figure(|draft| Some(draft.citation_recall)),
        }
    }
}

impl Abstention {
    /// The counts; ranking and threshold are left for the caller.
    fn decisions(asked: &[Asked], judged: &[Judged], bootstrap: &Bootstrap) -> Self {
        let count = |decision: &str| asked.iter().filter(|asked| asked.decision == decision).count();
        let sent: Vec<bool> = asked
            .iter()
            .zip(judged)
            .filter(|(asked, _)| asked.decision == "answered")
            .filter_map(|(_, judged)| judged.correct)
            .collect();
        let wrong = sent.iter().filter(|correct| !**correct).count();
        let tells = judged.iter().any(|judged| judged.correct.is_some());
        let coverage: Vec<Option<f64>> =
            asked.iter().map(|asked| Some(f64::from(u8::from(asked.decision == "answered")))).collect();
        Self {
            ranking: RankingFigures::of(&[], 0),
            threshold: f64::NAN,
            answered: count("answered"),
            clarified: count("clarified"),
            escalated: count("escalated"),
            wrong: tells.then_some(wrong),
            risk: abstention::risk(wrong as u64, sent.len() as u64),
            coverage: bootstrap.mean(&coverage),
        }
    }
}

impl Latency {
    fn of(asked: &[Asked]) -> Self {
        // A message that the product refused took no time worth counting.
        let answered: Vec<&Asked> = asked.iter().filter(|asked| !asked.stages_ms.is_empty()).collect();
        let stage = |wanted: Stage| {
            let times: Vec<f64> = answered
                .iter()
                .map(|asked| asked.stages_ms.iter().filter(|(stage, _)| *stage == wanted).map(|(_, ms)| ms).sum())
                .collect();
            Percentiles::of(&times)
        };
        Self {
            embed: stage(Stage::Embed),
            search: stage(Stage::Search),
            rerank: None,
            generate: stage(Stage::Generate),
            verify: None,
            total: Percentiles::of(&answered.iter().map(|asked| asked.total_ms).collect::<Vec<_>>()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Articles, Question};
    use crate::fixtures::{self, assert_close};

    fn judged(correct: Option<bool>) -> Judged {
        Judged { correct, draft: None }
    }

    #[test]
    fn clarified_counts_as_not_answered_and_risk_is_of_what_was_sent() {
        let decisions = ["answered", "answered", "clarified", "escalated"];
        let asked: Vec<Asked> =
            decisions.into_iter().map(|decision| Asked { decision, ..fixtures::asked("", "") }).collect();
        let judged = [judged(Some(true)), judged(Some(false)), judged(Some(false)), judged(Some(false))];
        let abstention = Abstention::decisions(&asked, &judged, &Bootstrap::over(&["a", "b", "c", "d"], 1));
        assert_eq!((abstention.answered, abstention.clarified, abstention.escalated), (2, 1, 1));
        assert_eq!(abstention.wrong, Some(1));
        assert_close(abstention.risk.unwrap().value, 0.5);
        assert_close(abstention.coverage.unwrap().value, 0.5);
    }

    #[test]
    fn a_set_that_cannot_judge_has_no_wrong_answers_and_no_risk() {
        let asked = [fixtures::asked("", "")];
        let abstention = Abstention::decisions(&asked, &[judged(None)], &Bootstrap::over(&["a"], 1));
        assert_eq!((abstention.answered, abstention.wrong, abstention.risk), (1, None, None));
    }

    #[test]
    fn only_questions_with_gold_articles_count_for_ranking() {
        let question = Question { gold: vec!["a".into()], ..fixtures::question("q1", true) };
        let questions = vec![question, fixtures::question("q2", false)];
        let source = Articles::Entries(Vec::new());
        let set = Dataset { name: "set".into(), source, questions, sha256: String::new() };
        let asked = [fixtures::asked("", "a"), fixtures::asked("", "b")];
        let retrieval = Retrieval::of(&set, &asked, &Bootstrap::over(&["a", "b"], 1));
        assert_close(retrieval.hit_at_1.unwrap().value, 1.0);
    }

    #[test]
    fn a_stage_that_runs_twice_counts_with_both_times() {
        let asked = Asked {
            stages_ms: vec![(Stage::Search, 2.0), (Stage::Search, 3.0)],
            total_ms: 7.0,
            ..fixtures::asked("", "")
        };
        let latency = Latency::of(&[asked, fixtures::asked("", "")]);
        assert_close(latency.search.unwrap().p50, 5.0);
        assert_close(latency.total.unwrap().p99, 7.0);
        assert!(latency.rerank.is_none());
    }
}
