//! Ways to say a sentence otherwise that keep what it means, as models do.

mod order;

use crate::labelled::draw::Draw;
use crate::labelled::text::{self, Token, capitalised, joined, tokens};

/// A way, by its name.
pub type Rewording = (&'static str, fn(&str, &mut Draw) -> Option<String>);

/// All ways. Each gives `None` where it has nothing to do, and else another sentence.
pub const ALL: [Rewording; 11] = [
    ("parenthesis", parenthesis),
    ("list_order", order::list),
    ("active_voice", order::active_voice),
    ("copula", order::copula),
    ("dropped_clause", order::dropped_clause),
    ("contraction", contraction),
    ("number_format", number_format),
    ("clause_order", clause_order),
    ("synonym", synonym),
    ("pronoun", pronoun),
    ("lead_in", lead_in),
];

/// Drops what stands between brackets.
fn parenthesis(sentence: &str, _: &mut Draw) -> Option<String> {
    let start = sentence.find(" (")?;
    let end = start + sentence[start..].find(')')? + 1;
    let dropped = format!("{}{}", &sentence[..start], &sentence[end..]);
    (!dropped.contains(['(', ')']) && dropped.split_whitespace().count() >= 6).then_some(dropped)
}

/// Verbs and their contracted negation.
const CONTRACTIONS: [(&str, &str); 12] = [
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("were not", "weren't"),
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("will not", "won't"),
    ("has not", "hasn't"),
    ("have not", "haven't"),
];

/// Contracts a negation, or writes it in full.
fn contraction(sentence: &str, _: &mut Draw) -> Option<String> {
    let padded = format!("{sentence} ");
    for (full, short) in CONTRACTIONS {
        for (one, other) in [(full, short), (short, full)] {
            let one = format!(" {one} ");
            if padded.contains(&one) {
                return Some(padded.replacen(&one, &format!(" {other} "), 1).trim_end().to_owned());
            }
        }
    }
    None
}

/// Writes thousands with or without a comma, percent as a sign or a word, small numbers as digits.
fn number_format(sentence: &str, _: &mut Draw) -> Option<String> {
    let mut tokens = tokens(sentence);
    let mut changed = false;
    for token in &mut tokens {
        let digits = token.core.chars().all(|letter| letter.is_ascii_digit() || letter == ',');
        if digits && token.core.contains(',') {
            let groups: Vec<&str> = token.core.split(',').collect();
            if groups[1..].iter().all(|group| group.len() == 3) {
                token.core = groups.concat();
                changed = true;
            }
        } else if digits && token.core.len() == 5 {
            token.core.insert(2, ',');
            changed = true;
        }
        if token.has_digit() && token.after.starts_with('%') {
            token.after.replace_range(..1, " percent");
            changed = true;
        }
    }
    let mut reworded = joined(&tokens);
    for (word, digits) in
        [(" two ", " 2 "), (" three ", " 3 "), (" four ", " 4 "), (" five ", " 5 "), (" ten ", " 10 ")]
    {
        if reworded.contains(word) {
            reworded = reworded.replacen(word, digits, 1);
            changed = true;
        }
    }
    for spelled in [" percent ", " per cent "] {
        if let Some(place) = reworded.find(spelled).filter(|_| !changed)
            && reworded[..place].ends_with(|letter: char| letter.is_ascii_digit())
        {
            reworded = reworded.replacen(spelled, "% ", 1);
            changed = true;
        }
    }
    changed.then_some(reworded)
}

/// Words that begin a clause which may stand first or last.
const MOVABLE: [&str; 14] =
    ["In", "On", "At", "During", "After", "Before", "By", "When", "If", "To", "Under", "From", "Since", "Until"];

/// Puts the clause before the only comma behind the rest.
fn clause_order(sentence: &str, _: &mut Draw) -> Option<String> {
    let (clause, rest) = sentence.split_once(", ")?;
    let first = clause.split_whitespace().next()?;
    let rest = rest.strip_suffix('.')?;
    let is_plain = !rest.contains([',', ';', '(']) && rest.split_whitespace().count() >= 4;
    if !MOVABLE.contains(&first) || !is_plain {
        return None;
    }
    Some(format!("{} {}{}.", capitalised(rest), first.to_lowercase(), &clause[first.len()..]))
}

/// Words for which another may stand in nearly every sentence.
const SYNONYMS: [(&str, &str); 36] = [
    ("also", "additionally"),
    ("however", "but"),
    ("began", "started"),
    ("begin", "start"),
    ("large", "big"),
    ("created", "made"),
    ("located", "situated"),
    ("called", "named"),
    ("used", "utilized"),
    ("use", "employ"),
    ("approximately", "about"),
    ("about", "around"),
    ("many", "numerous"),
    ("primarily", "mainly"),
    ("mainly", "chiefly"),
    ("usually", "typically"),
    ("often", "frequently"),
    ("important", "significant"),
    ("became", "turned into"),
    ("obtained", "got"),
    ("received", "got"),
    ("required", "needed"),
    ("require", "need"),
    ("helped", "assisted"),
    ("occurs", "happens"),
    ("occur", "happen"),
    ("issue", "problem"),
    ("fix", "resolve"),
    ("resolve", "fix"),
    ("verify", "check"),
    ("select", "choose"),
    ("including", "such as"),
    ("several", "various"),
    ("various", "several"),
    ("stated", "said"),
    ("contains", "includes"),
];

/// Puts other words for up to two of a sentence.
fn synonym(sentence: &str, draw: &mut Draw) -> Option<String> {
    let mut tokens = tokens(sentence);
    let known = |token: &Token| {
        let lower = token.lower();
        if token.core != lower {
            return None;
        }
        SYNONYMS.iter().find(|(word, _)| *word == lower).map(|(_, other)| *other)
    };
    let places: Vec<usize> = (0..tokens.len()).filter(|place| known(&tokens[*place]).is_some()).collect();
    for place in draw.order(places.len()).into_iter().take(2).map(|chosen| places[chosen]) {
        if let Some(other) = known(&tokens[place]) {
            other.clone_into(&mut tokens[place].core);
        }
    }
    (!places.is_empty()).then(|| joined(&tokens))
}

/// Says "It" or "They" for what the sentence begins with: "The rear light is …".
fn pronoun(sentence: &str, _: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let verb = (1..tokens.len().min(4))
        .find(|place| ["is", "was", "has", "are", "were", "have"].contains(&tokens[*place].core.as_str()))?;
    let is_subject = tokens[0].core == "The" && verb >= 2 && tokens[..verb].iter().all(|token| token.after.is_empty());
    let pronoun = if ["is", "was", "has"].contains(&tokens[verb].core.as_str()) { "It" } else { "They" };
    is_subject.then(|| format!("{pronoun} {}", joined(&tokens[verb..])))
}

/// What models put before an answer.
const LEAD_INS: [&str; 6] =
    ["According to the article, ", "Yes, ", "In short, ", "Based on the passage, ", "Note that ", "Please note that "];

fn lead_in(sentence: &str, draw: &mut Draw) -> Option<String> {
    let rest = text::within(sentence)?;
    draw.of(&LEAD_INS).map(|lead| format!("{lead}{rest}"))
}
