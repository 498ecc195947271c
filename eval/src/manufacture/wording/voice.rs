//! A company's words in its customer's mouth: "your bike" becomes "my bike", and "when we charge" "when you charge".

/// After these words "you" is whom something is done to.
const BEFORE_AN_OBJECT: [&str; 18] = [
    "for", "to", "with", "about", "of", "from", "by", "gives", "give", "tells", "tell", "lets", "let", "allows",
    "asks", "at", "sends", "between",
];

/// The phrase as a customer would say it.
#[must_use]
pub fn swapped(phrase: &str) -> String {
    let words: Vec<&str> = phrase.split(' ').collect();
    let mut swapped = Vec::with_capacity(words.len());
    for (place, word) in words.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| words[before].to_lowercase()).unwrap_or_default();
        let is_last = place + 1 == words.len();
        swapped.push(swap(word, &before, is_last));
    }
    swapped.join(" ")
}

fn swap(word: &str, before: &str, is_last: bool) -> String {
    let start = word.len() - word.trim_start_matches(|letter: char| !letter.is_alphanumeric()).len();
    let end = word.trim_end_matches(|letter: char| !letter.is_alphanumeric()).len().max(start);
    let bare = &word[start..end];
    // "US" is a country.
    if bare.len() > 1 && bare.chars().all(char::is_uppercase) {
        return word.to_owned();
    }
    let is_object = BEFORE_AN_OBJECT.contains(&before) || (is_last && !before.is_empty());
    let other = match bare.to_lowercase().replace('’', "'").as_str() {
        "your" => "my",
        "yours" => "mine",
        "yourself" => "myself",
        "you" if is_object => "me",
        "you" => "I",
        "you're" => "I'm",
        "you've" => "I've",
        "you'll" => "I'll",
        "are" if before == "you" => "am",
        "we" | "us" => "you",
        "our" => "your",
        "ours" => "yours",
        "we're" => "you're",
        "we've" => "you've",
        "we'll" => "you'll",
        _ => return word.to_owned(),
    };
    let is_capital = bare.starts_with(char::is_uppercase);
    let mut letters = other.chars();
    let other: String = match letters.next() {
        Some(first) if is_capital => first.to_uppercase().chain(letters).collect(),
        _ => other.to_owned(),
    };
    format!("{}{other}{}", &word[..start], &word[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_company_s_words_become_the_customer_s() {
        for (written, said) in [
            ("Change your PIN", "Change my PIN"),
            ("What we repair for you", "What you repair for me"),
            ("when you send us your bike", "when I send you my bike"),
            ("what you are told", "what I am told"),
            ("Your data", "My data"),
            ("(your \"keys\")", "(my \"keys\")"),
            ("US prices", "US prices"),
        ] {
            assert_eq!(swapped(written), said);
        }
    }
}
