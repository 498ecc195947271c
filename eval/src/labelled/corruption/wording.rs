//! Negations, conditions, words for how many, opposites, and words that have nothing to do with it.

use crate::labelled::draw::Draw;
use crate::labelled::scene::{Scene, WORD_LETTERS_MIN, ending};
use crate::labelled::text::{Token, capitalised, in_case_of, joined, tokens};

/// Verbs behind which a negation can stand.
const AUXILIARIES: [&str; 16] = [
    "is", "are", "was", "were", "can", "could", "will", "would", "should", "must", "may", "might", "has", "have",
    "had", "does",
];

/// Puts a "not" in, or takes one out.
pub fn negation(sentence: &str, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let is_not = |place: &usize| {
        let next = tokens.get(place + 1).map(Token::lower).unwrap_or_default();
        tokens[*place].core == "not" && !matches!(next.as_str(), "only" | "just" | "be") && *place > 0
    };
    let mut changed = tokens.clone();
    if let Some(place) = (0..tokens.len()).find(is_not) {
        changed.remove(place);
        return Some(joined(&changed));
    }
    if let Some(place) = (0..tokens.len()).find(|place| tokens[*place].core.ends_with("n't")) {
        let core = &tokens[place].core;
        changed[place].core = match core.as_str() {
            "can't" => "can".to_owned(),
            "won't" => "will".to_owned(),
            _ => core.trim_end_matches("n't").to_owned(),
        };
        return Some(joined(&changed));
    }
    if let Some(place) = (0..tokens.len()).find(|place| tokens[*place].core == "cannot") {
        "can".clone_into(&mut changed[place].core);
        return Some(joined(&changed));
    }
    let denies = |token: &Token| {
        matches!(token.lower().as_str(), "no" | "never" | "nor" | "neither" | "without" | "none" | "not")
    };
    if tokens.iter().any(denies) {
        return None;
    }
    // With "have" as a full verb "have not" would be odd; before a participle or another verb it is not.
    let takes = |place: &usize| {
        AUXILIARIES.contains(&tokens[*place].core.as_str())
            && tokens[*place].after.is_empty()
            && tokens.get(place + 1).is_some_and(|next| {
                !matches!(tokens[*place].core.as_str(), "has" | "have" | "had") || next.core.ends_with("ed")
            })
    };
    let places: Vec<usize> = (0..tokens.len().saturating_sub(1)).filter(takes).collect();
    let place = *draw.of(&places)?;
    changed.insert(place + 1, Token { before: String::new(), core: "not".into(), after: String::new() });
    Some(joined(&changed))
}

/// Words that leave cases out, and what leaves none out.
const GENERALISED: [(&str, &str); 24] = [
    ("some", "all"),
    ("many", "all"),
    ("most", "all"),
    ("several", "all"),
    ("few", "all"),
    ("may", "will always"),
    ("might", "will certainly"),
    ("could", "will certainly"),
    ("often", "always"),
    ("usually", "always"),
    ("sometimes", "always"),
    ("generally", "always"),
    ("typically", "always"),
    ("commonly", "always"),
    ("frequently", "always"),
    ("normally", "always"),
    ("mainly", "exclusively"),
    ("mostly", "exclusively"),
    ("primarily", "exclusively"),
    ("largely", "entirely"),
    ("partly", "entirely"),
    ("approximately", "exactly"),
    ("nearly", "more than"),
    ("almost", "more than"),
];

/// Takes a doubt or an exception away.
pub fn generalisation(sentence: &str, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let general = |token: &Token| {
        let lower = token.lower();
        GENERALISED.iter().find(|(word, _)| *word == lower).map(|(_, all)| *all)
    };
    // "May" may be a month; "the most" and "at most" are superlatives and limits.
    let is_plain = |place: &usize| {
        let before = place.checked_sub(1).map(|before| tokens[before].lower()).unwrap_or_default();
        let after = tokens.get(place + 1).map(Token::lower).unwrap_or_default();
        let is_other =
            matches!(before.as_str(), "the" | "at" | "a" | "so" | "how") || after == "not" || after == "never";
        tokens[*place].core != "May" && !is_other
    };
    let places: Vec<usize> =
        (0..tokens.len()).filter(|place| general(&tokens[*place]).is_some()).filter(is_plain).collect();
    let place = *draw.of(&places)?;
    let mut changed = tokens.clone();
    changed[place].core = in_case_of(&tokens[place].core, general(&tokens[place])?);
    Some(joined(&changed))
}

/// Drops what begins with "if", "unless" or the like, or the word "only".
pub fn condition(sentence: &str) -> Option<String> {
    for opening in [" if ", " unless ", " only if ", " except ", " provided that ", " as long as "] {
        if let Some(place) = sentence.find(opening) {
            let rest = &sentence[place + 1..];
            let end = rest.find(", ").map_or(sentence.len(), |comma| place + 1 + comma);
            let start = sentence[..place].trim_end_matches(',');
            let end_mark = if end == sentence.len() { "." } else { "" };
            return enough(format!("{start}{}{end_mark}", &sentence[end..]));
        }
    }
    for opening in ["If ", "Unless ", "Only if "] {
        if let Some(rest) = sentence.strip_prefix(opening) {
            return enough(capitalised(rest.split_once(", ")?.1.trim_start_matches("then ")));
        }
    }
    let dropped = sentence.replacen(" only ", " ", 1);
    (dropped != sentence && !sentence.contains("not only")).then_some(dropped).and_then(enough)
}

fn enough(sentence: String) -> Option<String> {
    (sentence.split_whitespace().count() >= 5).then_some(sentence)
}

/// Words and their opposites.
const OPPOSITES: [(&str, &str); 44] = [
    ("increased", "decreased"),
    ("increase", "decrease"),
    ("increasing", "decreasing"),
    ("before", "after"),
    ("first", "last"),
    ("largest", "smallest"),
    ("larger", "smaller"),
    ("large", "small"),
    ("more", "less"),
    ("higher", "lower"),
    ("highest", "lowest"),
    ("high", "low"),
    ("early", "late"),
    ("earlier", "later"),
    ("north", "south"),
    ("northern", "southern"),
    ("east", "west"),
    ("eastern", "western"),
    ("enabled", "disabled"),
    ("enable", "disable"),
    ("online", "offline"),
    ("incoming", "outgoing"),
    ("internal", "external"),
    ("minimum", "maximum"),
    ("allowed", "forbidden"),
    ("allows", "prevents"),
    ("supported", "unsupported"),
    ("success", "failure"),
    ("successful", "unsuccessful"),
    ("added", "removed"),
    ("add", "remove"),
    ("old", "new"),
    ("older", "newer"),
    ("won", "lost"),
    ("strong", "weak"),
    ("public", "private"),
    ("rich", "poor"),
    ("majority", "minority"),
    ("inside", "outside"),
    ("above", "below"),
    ("open", "closed"),
    ("positive", "negative"),
    ("longer", "shorter"),
    ("best", "worst"),
];

/// A word's opposite in its place.
pub fn opposite(sentence: &str, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let opposite = |token: &Token| {
        let core = token.core.as_str();
        OPPOSITES
            .iter()
            .find_map(|(one, other)| (*one == core).then_some(*other).or_else(|| (*other == core).then_some(*one)))
    };
    // "Enable or disable" says both.
    let said =
        |place: &usize| opposite(&tokens[*place]).is_some_and(|other| !tokens.iter().any(|token| token.core == other));
    let places: Vec<usize> = (0..tokens.len()).filter(said).collect();
    let place = *draw.of(&places)?;
    let mut changed = tokens.clone();
    opposite(&tokens[place])?.clone_into(&mut changed[place].core);
    Some(joined(&changed))
}

/// Another word of the same ending, which the context has not, in the place of one.
pub fn word(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let is_word = |place: &usize| {
        let core = &tokens[*place].core;
        core.chars().count() >= WORD_LETTERS_MIN && core.chars().all(|letter| letter.is_ascii_lowercase())
    };
    let places: Vec<usize> = (0..tokens.len()).filter(is_word).collect();
    let place = *draw.of(&places)?;
    let pool = scene.elsewhere.words.get(ending(&tokens[place].core))?;
    for _ in 0..40 {
        let other = draw.of(pool)?;
        let beginning = other.get(..4).unwrap_or(other);
        if !scene.known.iter().any(|word| word.starts_with(beginning)) {
            let mut changed = tokens.clone();
            changed[place].core.clone_from(other);
            return Some(joined(&changed));
        }
    }
    None
}
