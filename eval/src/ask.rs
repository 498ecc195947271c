//! Every question of a set, asked as a customer would ask it.

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::journal::Journal;
use crate::outcome::Asked;
use crate::progress;
use crate::target::{Reply, Target};

/// All answers, and what was special about them.
#[derive(Debug)]
pub struct Answers {
    /// In the order of the set's questions.
    pub asked: Vec<Asked>,
    /// Answers that the journal had.
    pub resumed: usize,
}

/// Asks all questions of the set, `concurrency` at a time, in the set's order. What the journal has is not asked again, and
/// what comes back is noted there.
///
/// # Errors
/// The first question that could not be answered for a reason outside of it: a part of the answers is no result.
pub async fn all(
    target: &Target,
    set: &Dataset,
    corpus: &Corpus,
    journal: &mut Journal,
    concurrency: usize,
) -> Result<Answers> {
    let total = set.questions.len();
    let bar = progress::bar(&format!("{}: asking", set.name), total);
    let mut asked: Vec<Option<Asked>> = set.questions.iter().map(|question| journal.take(&question.id)).collect();
    let resumed = asked.iter().flatten().count();
    bar.set_position(resumed as u64);
    bar.reset_eta();
    let mut waiting = set.questions.iter().enumerate();
    let mut flying = JoinSet::new();
    loop {
        while flying.len() < concurrency
            && let Some((place, question)) = waiting.next()
        {
            if asked[place].is_none() {
                let (target, message, history) = (target.clone(), question.text.clone(), question.history.clone());
                flying.spawn(async move { (place, target.ask(&message, &history).await) });
            }
        }
        let Some(done) = flying.join_next().await else { break };
        let (place, reply) = done?;
        let Question { id, .. } = &set.questions[place];
        let answered = asked.iter().flatten().count();
        let reply = reply.with_context(|| {
            format!(
                "question {id} of {} could not be asked; {answered} of {total} questions are answered, and the same command goes on \
                 from there",
                set.name
            )
        })?;
        let answer = match reply {
            Reply::Answer(answer) => by_article_id(*answer, corpus),
            Reply::Refused(why) => Asked::refused(why),
        };
        journal.note(id, &answer)?;
        asked[place] = Some(answer);
        bar.inc(1);
    }
    bar.finish_and_clear();
    // Each place was answered, or the loop ended with an error.
    Ok(Answers { asked: asked.into_iter().flatten().collect(), resumed })
}

/// Files as the set's articles: an answer names sources, a set may name them otherwise.
fn by_article_id(mut asked: Asked, corpus: &Corpus) -> Asked {
    for sources in [&mut asked.ranked, &mut asked.cited] {
        for source in sources.iter_mut() {
            corpus.article_id(source).to_owned().clone_into(source);
        }
    }
    asked
}
