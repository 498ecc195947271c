//! Titles that tell somebody to do something.

/// Verbs of support articles that are hardly ever nouns.
const VERBS: [&str; 97] = [
    "activate",
    "add",
    "adjust",
    "allow",
    "apply",
    "assign",
    "avoid",
    "become",
    "bring",
    "buy",
    "cancel",
    "charge",
    "check",
    "choose",
    "clean",
    "clear",
    "close",
    "collect",
    "configure",
    "connect",
    "convert",
    "create",
    "customize",
    "deactivate",
    "delete",
    "deploy",
    "determine",
    "disable",
    "disconnect",
    "edit",
    "enable",
    "end",
    "enter",
    "exclude",
    "find",
    "fix",
    "get",
    "grant",
    "hide",
    "identify",
    "import",
    "improve",
    "increase",
    "insert",
    "install",
    "invite",
    "join",
    "keep",
    "leave",
    "locate",
    "lower",
    "manage",
    "migrate",
    "modify",
    "move",
    "open",
    "pair",
    "pay",
    "perform",
    "prepare",
    "prevent",
    "protect",
    "provide",
    "reactivate",
    "recover",
    "redeem",
    "reduce",
    "reinstall",
    "remove",
    "rename",
    "renew",
    "replace",
    "reset",
    "resolve",
    "restart",
    "restore",
    "retrieve",
    "reuse",
    "run",
    "select",
    "send",
    "share",
    "shut",
    "sign",
    "specify",
    "start",
    "stop",
    "store",
    "submit",
    "swap",
    "switch",
    "take",
    "turn",
    "uninstall",
    "unlock",
    "verify",
    "view",
];
/// Verbs that are nouns as well: orders only where what follows says so.
const NOUNS_TOO: [&str; 36] = [
    "access", "answer", "ask", "back", "block", "book", "build", "change", "contact", "copy", "download", "export",
    "filter", "format", "lock", "log", "make", "order", "pause", "plan", "print", "put", "register", "repair",
    "report", "request", "return", "review", "ride", "save", "schedule", "search", "set", "update", "upgrade", "use",
];
/// What follows a verb and not a noun.
const AFTER_A_VERB: [&str; 21] = [
    "a", "an", "the", "your", "my", "our", "us", "it", "them", "this", "these", "all", "any", "up", "out", "in", "and",
    "or", "another", "one", "sure",
];

/// The order that the title gives, with the verb in its plain form: "Taking the battery out" gives "take the battery out".
/// `None` for a title that is no order.
#[must_use]
pub fn order(title: &str, words: &[String]) -> Option<String> {
    let first = words.first()?;
    let next = words.get(1)?;
    let is_followed = AFTER_A_VERB.contains(&next.as_str());
    // "Add-in problems" and "Sign-in" begin with nouns.
    let is_whole = title.split_whitespace().next().is_some_and(|word| !word.contains(['-', ',', ':']));
    let is_verb = |word: &str| VERBS.contains(&word) || (is_followed && NOUNS_TOO.contains(&word));
    if !is_whole {
        return None;
    }
    if is_verb(first) {
        return Some(title.to_owned());
    }
    // "Pausing and swapping" are two things.
    let stem = first.strip_suffix("ing").filter(|_| is_followed && !["and", "or"].contains(&next.as_str()))?;
    let undoubled = stem.get(..stem.len().saturating_sub(1)).filter(|short| {
        let mut ends = stem.chars().rev();
        ends.next() == ends.next() && !short.is_empty()
    });
    let forms = [Some(stem.to_owned()), Some(format!("{stem}e")), undoubled.map(str::to_owned)];
    let verb = forms.into_iter().flatten().find(|form| is_verb(form))?;
    let rest: Vec<&str> = title.split_whitespace().skip(1).collect();
    Some(format!("{verb} {}", rest.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(title: &str) -> Option<String> {
        let words: Vec<String> = title.split_whitespace().map(str::to_lowercase).collect();
        order(title, &words)
    }

    #[test]
    fn orders_are_told_from_things() {
        for title in ["Cancel your subscription", "Update the app", "Set up a printer", "Remove old files"] {
            assert_eq!(of(title).as_deref(), Some(title));
        }
        for title in [
            "Update history",
            "Return policy",
            "Charging times",
            "Sign-in problems",
            "Prices",
            "Order status",
            "Pausing and swapping",
        ] {
            assert_eq!(of(title), None, "{title}");
        }
    }

    #[test]
    fn the_plain_form_of_a_verb_is_found() {
        for (title, order) in [
            ("Taking the battery out", "take the battery out"),
            ("Setting up the app", "set up the app"),
            ("Returning a bike", "return a bike"),
            ("Swapping your bike", "swap your bike"),
        ] {
            assert_eq!(of(title).as_deref(), Some(order));
        }
    }
}
