//! What there is to be checked, a line each: what was seen goes in, a verdict comes out.

use super::seen::{Seen, Trouble, User};
use super::{
    Verdict,
    Verdict::{Unknown, Well, Wrong},
};
use crate::database::schema_version;
use crate::index::{Bm25, FREE_BYTES_MIN};
use crate::inference::InferenceError;

/// Makes one line of what was seen.
type Judge = fn(&Seen) -> Verdict;

/// All checks, those first that others depend on.
pub(super) const CHECKS: &[(&str, Judge)] = &[
    ("data folder", data_folder),
    ("free disk", free_disk),
    ("ONNX Runtime", onnx_runtime),
    ("embedding model", embedding_model),
    ("database", database),
    ("index's model", generation),
    ("index's chunks", chunks),
    ("index against SQL", points),
    ("index's order", order),
];

/// Setting that names the library; [`InferenceError::NotSetUp`] says which file is meant by it.
const RUNTIME_VARIABLE: &str = "CANDOR_RUNTIME_LIBRARY";

/// Workspaces that are named in one line.
const NAMED_MAX: usize = 5;

fn data_folder(seen: &Seen) -> Verdict {
    let folder = seen.data_dir.display();
    match &seen.user {
        Ok(User::Nobody) => well(format!("{folder}, which no program uses")),
        Ok(User::Server(url)) => well(format!("{folder}, used by a server, whose local door is {url}")),
        Ok(User::Program) => well(format!("{folder}, used by another Candor program")),
        Err(trouble) => of_trouble(trouble),
    }
}

fn free_disk(seen: &Seen) -> Verdict {
    let megabytes = |bytes: u64| bytes >> 20;
    match &seen.free_bytes {
        Ok(free) if *free < FREE_BYTES_MIN => Wrong {
            cause: format!(
                "{} MiB are free, and the index needs {} MiB to be opened and written",
                megabytes(*free),
                megabytes(FREE_BYTES_MIN)
            ),
            remedy: "free some space, or move the data folder".to_owned(),
        },
        Ok(free) => well(format!("{} MiB are free", megabytes(*free))),
        Err(trouble) => of_trouble(trouble),
    }
}

fn onnx_runtime(seen: &Seen) -> Verdict {
    match &seen.model {
        Err(error @ InferenceError::NotSetUp { variable, .. }) if *variable == RUNTIME_VARIABLE => Wrong {
            cause: error.to_string(),
            remedy: format!("run `make setup`, or name the library, 1.24 or newer, with {RUNTIME_VARIABLE}"),
        },
        Ok(_) | Err(_) => well("the library is there and loads".to_owned()),
    }
}

fn embedding_model(seen: &Seen) -> Verdict {
    match &seen.model {
        Ok(model) => well(model.embedding.clone()),
        Err(InferenceError::NotSetUp { variable, .. }) if *variable == RUNTIME_VARIABLE => {
            not_looked_at("without ONNX Runtime no model loads")
        }
        Err(error @ InferenceError::NotSetUp { variable, .. }) => {
            Wrong { cause: error.to_string(), remedy: format!("run `make setup`, or name its folder with {variable}") }
        }
        Err(error) => Wrong {
            cause: error.to_string(),
            remedy: "fetch its files again: delete the model's folder and run `make setup`".to_owned(),
        },
    }
}

fn database(seen: &Seen) -> Verdict {
    let known = schema_version();
    match &seen.database {
        Ok(Some(content)) if content.schema < known => Wrong {
            cause: format!("its schema is version {}, this program's is {known}", content.schema),
            remedy: "run `candor migrate`, or start the server; `candor backup` before, to be able to go back"
                .to_owned(),
        },
        Ok(Some(content)) if content.schema > known => Wrong {
            cause: format!("its schema is version {}, this program knows {known}", content.schema),
            remedy: "use the newer program that made it".to_owned(),
        },
        Ok(Some(content)) => {
            let rows = |table: &str| content.rows.get(table).copied().unwrap_or_default();
            well(format!("answers; {} workspaces, {} articles", rows("workspaces"), rows("articles")))
        }
        Ok(None) => Wrong {
            cause: "there is nothing of Candor's in it".to_owned(),
            remedy: "begin with `candor workspace create`, or name another with DATABASE_URL or CANDOR_DATA_DIR"
                .to_owned(),
        },
        Err(trouble) => of_trouble(trouble),
    }
}

fn generation(seen: &Seen) -> Verdict {
    let (Ok(Some(content)), Ok(model)) = (&seen.database, &seen.model) else {
        return not_looked_at("the database or the model cannot be read");
    };
    let Some(row) = &content.generation else { return not_looked_at("there is no index yet") };
    let (built, asked) = ((row.embedding.as_str(), row.tokenizer.as_str()), (model.embedding.as_str(), Bm25::NAME));
    let words = |(embedding, tokenizer): (&str, &str)| format!("{embedding}, {tokenizer}");
    if built == asked {
        return well(format!("{}, as this program's: {}", row.id, words(built)));
    }
    Wrong {
        cause: format!("{} was built with {}, this program has {}", row.id, words(built), words(asked)),
        remedy: "run `candor reindex`, or set the old model again (CANDOR_EMBEDDING_MODEL, CANDOR_EMBEDDING_PRECISION)"
            .to_owned(),
    }
}

fn chunks(seen: &Seen) -> Verdict {
    let (Ok(Some(content)), Ok(model)) = (&seen.database, &seen.model) else {
        return not_looked_at("the database or the model cannot be read");
    };
    let Some(row) = &content.generation else { return not_looked_at("there is no index yet") };
    if row.chunker == model.chunker {
        return well(format!("cut as this program cuts: {}", row.chunker));
    }
    Wrong {
        cause: format!("articles were cut by {}, this program cuts by {}", row.chunker, model.chunker),
        remedy: "start the server, which answers from the old chunks while it cuts anew, or run `candor reindex`"
            .to_owned(),
    }
}

fn points(seen: &Seen) -> Verdict {
    let health = match &seen.index {
        Ok(health) => health,
        Err(trouble) => return of_trouble(trouble),
    };
    let (chunks, missing, left_over) = (health.chunks(), health.missing(), health.left_over());
    if missing + left_over == 0 {
        return well(format!(
            "all {chunks} chunks of {} workspaces have their point, {}",
            health.workspaces.len(),
            health.place
        ));
    }
    let differing: Vec<String> = health
        .workspaces
        .iter()
        .filter(|compared| compared.missing + compared.left_over > 0)
        .map(|compared| {
            format!("{}: {} missing, {} left over", compared.workspace, compared.missing, compared.left_over)
        })
        .chain((health.strays > 0).then(|| format!("{} of no workspace", health.strays)))
        .collect();
    let more = differing.len().saturating_sub(NAMED_MAX);
    let mut named = differing;
    if more > 0 {
        named.truncate(NAMED_MAX);
        named.push(format!("and {more} more (--json)"));
    }
    let named = named.join("; ");
    let remedy = match (&seen.user, missing) {
        (Ok(User::Server(_)), 1..) => {
            "wait: the server restores them, and `GET /readyz` says how many are missing; if the number stays, restart it"
        }
        (Ok(User::Server(_)), 0) => "nobody sees them; the server's next start sweeps them",
        (_, 1..) => "start the server, which restores them, or run `candor reindex`",
        (_, 0) => "nobody sees them; the server's next start sweeps them, and so does `candor reindex`",
    };
    Wrong {
        cause: format!("{missing} of {chunks} chunks have no point and {left_over} points have no chunk ({named})"),
        remedy: remedy.to_owned(),
    }
}

fn order(seen: &Seen) -> Verdict {
    let Ok(health) = &seen.index else { return not_looked_at("the index cannot be seen") };
    let segments = &health.segments;
    let shape = format!(
        "{} segments, {} points, {} indexed vectors",
        segments.count, segments.points, segments.indexed_vectors
    );
    match &segments.pending {
        None => well(shape),
        Some(pending) => Wrong {
            cause: format!("{pending} ({shape}): answers are right, and slower than they could be"),
            remedy: "let the server run for some minutes without an ingest; if it stays, run `candor reindex`"
                .to_owned(),
        },
    }
}

fn well(found: String) -> Verdict {
    Well { found }
}

fn not_looked_at(cause: &str) -> Verdict {
    Unknown { cause: format!("not looked at: {cause}"), remedy: "mend that first".to_owned() }
}

fn of_trouble(trouble: &Trouble) -> Verdict {
    match trouble.clone() {
        Trouble::Broken { cause, remedy } => Wrong { cause, remedy },
        Trouble::Hidden { cause, remedy } => Unknown { cause, remedy },
    }
}
