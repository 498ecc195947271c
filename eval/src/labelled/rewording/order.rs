//! The same words in another order, or fewer of them.

use crate::labelled::draw::Draw;
use crate::labelled::text::{capitalised, joined, tokens, within};

/// Exchanges two single words around an "and".
pub fn list(sentence: &str, draw: &mut Draw) -> Option<String> {
    let mut tokens = tokens(sentence);
    let is_plain = |place: usize| {
        let neighbours = [&tokens[place - 1], &tokens[place + 1]];
        let case = |place: usize| neighbours[place].core.starts_with(char::is_uppercase);
        // "sales and support teams" is not "support and sales teams" when more belongs to one of them: only what commas, or the end, border.
        let bordered = !tokens[place + 1].after.is_empty()
            && (place == 2
                || tokens
                    .get(place.wrapping_sub(2))
                    .is_some_and(|before| !before.after.is_empty() || is_border(&before.core)));
        tokens[place].core == "and"
            && place >= 2
            && case(0) == case(1)
            && bordered
            && tokens[place - 1].after.is_empty()
    };
    let places: Vec<usize> = (1..tokens.len().saturating_sub(1)).filter(|place| is_plain(*place)).collect();
    let place = *draw.of(&places)?;
    let first = tokens[place - 1].core.clone();
    tokens[place - 1].core = std::mem::replace(&mut tokens[place + 1].core, first);
    Some(joined(&tokens))
}

/// Words behind which a list may begin.
fn is_border(word: &str) -> bool {
    ["of", "in", "by", "for", "with", "from", "to", "are", "were", "both", "as", "between"].contains(&word)
}

/// "X was founded by Y." as "Y founded X.", where the verb is regular and nothing else is said.
pub fn active_voice(sentence: &str, _: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence.strip_suffix('.')?);
    let verb = (1..tokens.len().saturating_sub(2)).find(|place| {
        matches!(tokens[place - 1].core.as_str(), "was" | "were")
            && tokens[*place].core.ends_with("ed")
            && tokens[place + 1].core == "by"
    })?;
    let (patient, agent) = (&tokens[..verb - 1], &tokens[verb + 2..]);
    let is_plain = |part: &[_]| {
        (1..=8).contains(&part.len()) && joined(part).chars().all(|letter| letter.is_alphanumeric() || letter == ' ')
    };
    if !is_plain(patient) || !is_plain(agent) {
        return None;
    }
    let patient = joined(patient);
    let patient = within(&patient).unwrap_or(patient);
    Some(format!("{} {} {patient}.", capitalised(&joined(agent)), tokens[verb].core))
}

/// "X is the Y." as "The Y is X."
pub fn copula(sentence: &str, _: &mut Draw) -> Option<String> {
    let rest = sentence.strip_suffix('.')?;
    for verb in [" is the ", " was the "] {
        if let Some((subject, named)) = rest.split_once(verb)
            && subject.split_whitespace().count() <= 6
            && (2..=14).contains(&named.split_whitespace().count())
            && !named.contains([',', ';', '('])
            && !subject.contains(',')
        {
            let subject = within(subject).unwrap_or_else(|| subject.to_owned());
            return Some(format!("The {named}{}{subject}.", verb.trim_end_matches("the ")));
        }
    }
    None
}

/// Drops a clause that only adds: between commas, or at the end, from "which", "who" or "including" on.
pub fn dropped_clause(sentence: &str, _: &mut Draw) -> Option<String> {
    for opening in [", which ", ", who ", ", including ", ", such as "] {
        if let Some(start) = sentence.find(opening) {
            let rest = &sentence[start + 2..];
            let end = rest.find(", ").map_or(sentence.len(), |comma| start + 2 + comma + 1);
            let dropped = if end == sentence.len() {
                format!("{}.", &sentence[..start])
            } else {
                format!("{}{}", &sentence[..start], &sentence[end..])
            };
            return (dropped.split_whitespace().count() >= 6).then_some(dropped);
        }
    }
    None
}
