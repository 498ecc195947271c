use proptest::prelude::*;

use super::*;

mod tables;

use tables::{CLEAN, FOUND};

/// The values that are found in a text alone, in order.
fn values(text: &str) -> Vec<(Kind, &str)> {
    let redaction = Redaction::of([text]);
    find(text, &redaction.phone_digits).into_iter().map(|found| (found.kind, &text[found.bytes])).collect()
}

#[test]
fn finds_what_is_personal() {
    let wrong: Vec<String> = FOUND
        .iter()
        .filter(|(text, expected)| values(text) != *expected)
        .map(|(text, expected)| format!("{text}\n  expected {expected:?}\n  found    {:?}", values(text)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} texts:\n{}", wrong.len(), FOUND.len(), wrong.join("\n"));
}

#[test]
fn leaves_what_is_not_personal() {
    let wrong: Vec<String> = CLEAN
        .iter()
        .filter(|text| !values(text).is_empty())
        .map(|text| format!("{text}\n  {:?}", values(text)))
        .collect();
    assert!(wrong.is_empty(), "{} of {} texts:\n{}", wrong.len(), CLEAN.len(), wrong.join("\n"));
}

#[test]
fn one_value_has_one_placeholder_in_all_texts() {
    let question = "My mail is jane@example.org, call me on +49 30 1234567.";
    let passage = "Write to help@acme.test or jane@example.org. Hotline: +49 30 1234567, fax +49 30 7654321.";
    let redaction = Redaction::of([question, passage]);
    assert_eq!(redaction.redact(question), "My mail is [EMAIL-1], call me on [PHONE-1].");
    assert_eq!(redaction.redact(passage), "Write to [EMAIL-2] or [EMAIL-1]. Hotline: [PHONE-1], fax [PHONE-2].");
}

#[test]
fn an_answer_says_the_companys_own_number() {
    let redaction = Redaction::of(["How do I reach you?", "Our hotline is 0800 123 4567, our mail is help@acme.test."]);
    assert_eq!(
        redaction.restore("Call [PHONE-1] or write to [EMAIL-1]."),
        "Call 0800 123 4567 or write to help@acme.test."
    );
}

#[test]
fn a_number_known_from_one_text_is_found_in_another_writing_without_a_word_before_it() {
    let redaction = Redaction::of(["is 5550199 yours", "Phone: 555-0199"]);
    assert_eq!(redaction.redact("is 5550199 yours"), "is [PHONE-2] yours");
    assert_eq!(values("is 5550199 yours"), []);
}

#[test]
fn a_number_that_a_text_uses_already_is_not_given() {
    let texts =
        ["What is [EMAIL-1]? And [phone_2], card-1, \\[IBAN-1\\]?", "jane@example.org, +4930123456, +4940123456"];
    let redaction = Redaction::of(texts);
    assert_eq!(redaction.redact(texts[1]), "[EMAIL-2], [PHONE-1], [PHONE-3]");
    for text in texts {
        assert_eq!(redaction.restore(&redaction.redact(text)), text);
    }
    assert_eq!(redaction.restore("[EMAIL-1] is [EMAIL-2]"), "[EMAIL-1] is jane@example.org");
}

#[test]
fn restores_what_models_make_of_placeholders() {
    let redaction = Redaction::of(["jane@example.org, +49 30 1234567"]);
    let table = [
        ("Mail [EMAIL-1].", "Mail jane@example.org."),
        ("Mail [Email-1].", "Mail jane@example.org."),
        ("Mail [email 1].", "Mail jane@example.org."),
        ("Mail [EMAIL\u{2011}1].", "Mail jane@example.org."),
        ("Mail [EMAIL-١].", "Mail jane@example.org."),
        (r"Mail \[EMAIL-1\].", "Mail jane@example.org."),
        ("Mail EMAIL-1.", "Mail jane@example.org."),
        ("Mail **EMAIL-1**, PHONE-1", "Mail **jane@example.org**, +49 30 1234567"),
        ("[PHONE-1, EMAIL-1]", "[+49 30 1234567, jane@example.org]"),
        ("[[EMAIL-1]](mailto:[EMAIL-1])", "[jane@example.org](mailto:jane@example.org)"),
        ("[EMAIL-1][EMAIL-1]", "jane@example.orgjane@example.org"),
    ];
    for (written, restored) in table {
        assert_eq!(redaction.restore(written), restored);
    }
}

#[test]
fn leaves_placeholders_that_were_never_given() {
    let redaction = Redaction::of(["jane@example.org, +49 30 1234567"]);
    for written in [
        "[EMAIL-2]",
        "[EMAIL-11]",
        "[EMAIL-01]",
        "[EMAIL]",
        "[MAIL-1]",
        "[CARD-1]",
        "email-1",
        "E-MAIL-1",
        "EMAIL-1-2",
        "HEADPHONE-1",
        "X-PHONE-1",
        "PHONE-1.5",
        "PHONE-12",
        "PHONE-1a",
        "[EMAIL-99999999999]",
        "[EMAIL-0]",
        "[EMAIL--1]",
    ] {
        assert_eq!(redaction.restore(written), written);
    }
}

#[test]
fn a_text_that_it_was_not_made_of_leaks_nothing() {
    let redaction = Redaction::of(["jane@example.org"]);
    assert_eq!(redaction.redact("jane@example.org, john@example.org"), "[EMAIL-1], [EMAIL]");
}

#[test]
fn values_beyond_the_limit_leak_nothing() {
    let text: String =
        (0..VALUES_MAX + 5).flat_map(|at| ["u".to_owned(), at.to_string(), "@example.org ".to_owned()]).collect();
    let redaction = Redaction::of([text.as_str()]);
    let redacted = redaction.redact(&text);
    assert_eq!(redaction.count(Kind::Email), VALUES_MAX);
    assert!(!redacted.contains('@'));
    assert!(redacted.ends_with("[EMAIL-1000] [EMAIL] [EMAIL] [EMAIL] [EMAIL] [EMAIL] "));
}

#[test]
fn masks_for_logs() {
    assert_eq!(
        masked("jane@example.org paid DE89 3704 0044 0532 0130 00 by 4111-1111-1111-1111, tel. 030 1234567"),
        "[EMAIL] paid [IBAN] by [CARD], tel. [PHONE]"
    );
}

#[test]
fn debug_shows_counts_only() {
    let redaction = Redaction::of(["jane@example.org, +49 30 1234567, +49 30 7654321"]);
    assert_eq!(format!("{redaction:?}"), "Redaction { EMAIL: 1, PHONE: 2, CARD: 0, IBAN: 0 }");
}

/// Texts that could make a careless search take the square of their length; the test's time is the assertion.
#[test]
fn long_texts_take_linear_time() {
    let pieces = [
        "a",
        "1",
        " ",
        "1 ",
        "1-",
        "a@",
        "a.",
        "a@b.co",
        "030 1234567,",
        "DE89 ",
        "[EMAIL-1]",
        "+",
        "(",
        "0 ",
        "tel ",
        "4111 ",
        "EMAIL-",
        "\u{202f}",
        "http://a/",
        "١ ",
        "12 34 ",
        "ж@",
        "tel 12 345 ",
        "(030) ",
        "電話",
        "0301234567/",
        "x@b.co.",
        "00 49 ",
        "1,",
        "(1) ",
    ];
    for piece in pieces {
        let text = piece.repeat(40_000 / piece.len());
        let start = std::time::Instant::now();
        let redaction = Redaction::of([text.as_str()]);
        let redacted = redaction.redact(&text);
        assert_eq!(redaction.restore(&redacted), text);
        let _ = masked(&text);
        // Debug build on a busy machine; the square of this length would take minutes.
        assert!(start.elapsed().as_secs() < 20, "{piece:?} took {:?}", start.elapsed());
    }
}

/// Pieces that texts with personal data are made of, and pieces that look like them.
fn piece() -> impl Strategy<Value = String> {
    let values = FOUND.iter().flat_map(|(_, values)| values.iter().map(|(_, value)| (*value).to_owned()));
    let texts = FOUND.iter().map(|(text, _)| (*text).to_owned()).chain(CLEAN.iter().map(|text| (*text).to_owned()));
    let fragments = [
        "[EMAIL-1]",
        "[PHONE-2]",
        "PHONE-1",
        "card-1",
        "\\[IBAN-1\\]",
        "[PHONE]",
        "[",
        "]",
        "\\",
        "(",
        ")",
        "+",
        "@",
        "-",
        "/",
        ".",
        ",",
        ":",
        " ",
        "\n",
        "tel ",
        "order ",
        "phone: ",
        "0",
        "00",
        "49",
        "555",
        "1234",
        "a",
        "ß",
        "电话",
        "\u{202a}",
        "€",
        "EMAIL-",
        "IBAN",
        "x1",
    ];
    prop_oneof![
        proptest::sample::select(values.collect::<Vec<_>>()),
        proptest::sample::select(texts.collect::<Vec<_>>()),
        proptest::sample::select(fragments.map(str::to_owned).to_vec()),
        proptest::sample::select(fragments.map(str::to_owned).to_vec()),
        "[0-9]{1,12}",
        "[a-z0-9@. +()/-]{1,20}",
        any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

/// Values of the table, parted by words, so that each stands by itself.
fn sentence() -> impl Strategy<Value = String> {
    let values: Vec<&str> = FOUND.iter().flat_map(|(_, values)| values.iter().map(|(_, value)| *value)).collect();
    let words =
        proptest::sample::select(vec!["and", "oder", "phone", "или", "、", "\n", "call me:", "E-42", "550 5.1.10"]);
    proptest::collection::vec((words, proptest::sample::select(values)), 0..10)
        .prop_map(|pieces| pieces.iter().flat_map(|(word, value)| [" ", word, " ", value]).collect())
}

/// Whether a text holds a value by itself: 12345678 is no part of 912345678, which nobody said is a phone number.
fn holds(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + value.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn restoring_undoes_redacting(texts in proptest::collection::vec(text(), 1..4)) {
        let redaction = Redaction::of(texts.iter().map(String::as_str));
        for text in &texts {
            prop_assert_eq!(&redaction.restore(&redaction.redact(text)), text);
        }
    }

    #[test]
    fn redacting_twice_is_redacting_once(texts in proptest::collection::vec(text(), 1..4)) {
        let redaction = Redaction::of(texts.iter().map(String::as_str));
        let redacted: Vec<String> = texts.iter().map(|text| redaction.redact(text)).collect();
        let again = Redaction::of(redacted.iter().map(String::as_str));
        for text in &redacted {
            prop_assert_eq!(&redaction.redact(text), text);
            prop_assert_eq!(&again.redact(text), text);
        }
    }

    #[test]
    fn masking_leaves_nothing_to_find(text in text()) {
        let masked_text = masked(&text);
        prop_assert_eq!(values(&masked_text), []);
        prop_assert_eq!(masked(&masked_text), masked_text);
    }

    #[test]
    fn masked_and_redacted_sentences_contain_no_value(text in sentence()) {
        let redaction = Redaction::of([text.as_str()]);
        let (masked_text, redacted) = (masked(&text), redaction.redact(&text));
        for (_, value) in values(&text) {
            prop_assert!(!holds(&masked_text, value), "{} holds {}", masked_text, value);
            prop_assert!(!holds(&redacted, value), "{} holds {}", redacted, value);
        }
    }

    #[test]
    fn no_text_panics(written in any::<String>(), text in any::<String>()) {
        let redaction = Redaction::of([text.as_str()]);
        let _ = (redaction.restore(&written), redaction.redact(&written), masked(&written));
    }
}
