use candor::answer::sentences;
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::{Engine, Unfit};
use candor::ids::Ids;
use candor::search::{self, SearchQuery};
use candor::telemetry::Stages;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let mut config = Config::load(&[])?;
    config.data_dir = args[1].clone().into();
    let engine = Engine::open(config, Clock::System, Ids::Random, Unfit::Refuse).await?;
    let ws = candor::people::store::workspace_ids(engine.database()).await?[0];
    let mut out = std::io::BufWriter::new(std::fs::File::create(&args[3])?);
    let mut cache: HashMap<String, Vec<f32>> = HashMap::new();
    for line in std::io::BufReader::new(std::fs::File::open(&args[2])?).lines() {
        let q: Value = serde_json::from_str(&line?)?;
        let text = q["text"].as_str().unwrap();
        let query = SearchQuery { text, tags: &[], limit: 10 };
        let found = search::search(&engine, ws, &query, &mut Stages::default()).await?;
        let qv = engine.embedder().embed_question(text).await?;
        let mut passages = Vec::new();
        for p in found.passages.iter() {
            let spans = sentences::split(&p.text);
            let mut sents = Vec::new();
            for s in &spans {
                let t = &p.text[s.span.clone()];
                let head = format!("{} > {}\n{}", p.title, p.heading_path.join(" > "), t);
                let mut cos = Vec::new();
                for v in [t.to_owned(), head] {
                    let vec = match cache.get(&v) {
                        Some(x) => x.clone(),
                        None => {
                            let x = engine.embedder().embed_passages(vec![v.clone()]).await?.pop().unwrap();
                            cache.insert(v.clone(), x.clone());
                            x
                        }
                    };
                    cos.push(vec.iter().zip(&qv).map(|(a, b)| a * b).sum::<f32>());
                }
                let ids = engine.bm25().document(t).ids;
                let terms: Vec<(u64, f32)> = ids
                    .iter()
                    .filter_map(|i| {
                        found.terms.idf.get(i).map(|w| {
                            use std::hash::{Hash, Hasher};
                            let mut h = std::collections::hash_map::DefaultHasher::new();
                            format!("{i:?}").hash(&mut h);
                            (h.finish() % 1_000_000, *w)
                        })
                    })
                    .collect();
                sents.push(json!({"text": t, "begins_line": s.begins_line, "words": t.split_whitespace().count(), "terms": terms, "cos": cos}));
            }
            let headtext = format!("{} {}", p.title, p.heading_path.join(" "));
            let hids = engine.bm25().document(&headtext).ids;
            let hterms: Vec<(u64, f32)> = hids
                .iter()
                .filter_map(|i| {
                    found.terms.idf.get(i).map(|w| {
                        use std::hash::{Hash, Hasher};
                        let mut h = std::collections::hash_map::DefaultHasher::new();
                        format!("{i:?}").hash(&mut h);
                        (h.finish() % 1_000_000, *w)
                    })
                })
                .collect();
            passages.push(json!({"source": p.source, "title": p.title, "headings": p.heading_path, "score": p.score, "cosine": p.cosine, "bm25": p.bm25, "start": p.start_char, "hterms": hterms, "sents": sents}));
        }
        writeln!(out, "{}", json!({"q": q, "mass": found.terms.mass, "passages": passages}))?;
    }
    Ok(())
}
