//! Articles for tests.

use candor::ids::{ArticleId, Ids};
use candor::knowledge::store::PublishedFile;
use candor::knowledge::sync::ArticleFile;

use crate::manufacture::article::Article;
use crate::manufacture::survey::Survey;

/// An English article without fragments.
pub fn article(source: &str, markdown: &str) -> Article {
    let body = format!("---\nlanguage: en\n---\n\n{markdown}");
    let file = ArticleFile { source: source.into(), bytes: body.clone().into_bytes(), fragments: Vec::new() };
    let digest = file.digest();
    let article = ArticleId::new(&Ids::Random, 0);
    Article::read(PublishedFile { article, source: source.into(), body, fragments: Vec::new(), digest }).unwrap()
}

/// The articles counted.
pub fn survey(articles: &[Article]) -> Survey {
    let mut survey = Survey::default();
    for article in articles {
        survey.add(article);
    }
    survey
}
