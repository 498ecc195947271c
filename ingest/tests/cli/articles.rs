//! Articles of two editions, the same in every run. Each line says which edition it belongs to, so that an answer that
//! mixed two would show it.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::site::Site;

/// The words that mark the editions.
pub const EDITIONS: [&str; 2] = ["aurora", "borealis"];

const THINGS: [&str; 10] = [
    "bottle dynamo",
    "cargo crate",
    "child seat",
    "chain guard",
    "drum brake",
    "folding lock",
    "gear hub",
    "hand pump",
    "mud flap",
    "pannier rack",
];
const MAKES: [&str; 4] = ["Ambleside", "Borrowdale", "Coniston", "Dunmail"];

/// The deeds that sections are about: the later edition tells of more of them, in another order.
const DEEDS: [&str; 5] = ["clean", "mount", "adjust", "replace", "store"];
const PLACES: [&str; 5] =
    ["in the yard", "at the kitchen table", "under the stairs", "next to the shed", "in our workshop"];
const TOOLS: [&str; 5] = ["a soft brush", "a hex key", "two tyre levers", "a torque wrench", "some warm water"];

/// What article `number` is about.
pub fn subject(number: usize) -> String {
    format!("{} {}", MAKES[number / THINGS.len() % MAKES.len()], THINGS[number % THINGS.len()])
}

pub fn name(number: usize) -> String {
    format!("guides/{number:02}-{}.md", subject(number).to_lowercase().replace(' ', "-"))
}

/// A question that article `number` answers in both editions.
pub fn question(number: usize) -> String {
    format!("How do I {} the {}?", DEEDS[number % 3], subject(number))
}

/// The text of article `number` in one of [`EDITIONS`].
pub fn text(number: usize, edition: usize) -> String {
    let (subject, mark) = (subject(number), EDITIONS[edition]);
    let mut text = format!("---\ntags: [{mark}, guide]\n---\n# Care of the {subject}\n\n");
    let _ = writeln!(text, "This is the {mark} leaflet of the {subject}, number {number} of our guides.\n");
    let sections = 3 + edition + number % 2;
    for section in 0..sections.min(DEEDS.len()) {
        let place = (section + 2 * edition * number) % DEEDS.len();
        let deed = DEEDS[if edition == 0 { section } else { (DEEDS.len() - section) % DEEDS.len() }];
        let (tool, minutes) = (TOOLS[place], 5 + (number * 7 + section * 11 + edition * 3) % 40);
        let _ = write!(
            text,
            "## How to {deed} the {subject}\n\n\
             To {deed} the {subject}, the {mark} leaflet asks you to take {tool} and to work {}. \
             You need {minutes} minutes to {deed} the {subject} by the {mark} leaflet. \
             If you cannot {deed} the {subject} by yourself, the {mark} leaflet sends you to a workshop.\n\n",
            PLACES[(place + number) % PLACES.len()],
        );
    }
    text
}

/// Writes the articles `numbers` in one edition.
pub fn write(site: &Site, numbers: std::ops::Range<usize>, edition: usize) {
    for number in numbers {
        site.write(&name(number), text(number, edition));
    }
}

/// The edition that each of the citations or passages `places` belongs to, by article.
///
/// Panics when two of one article are of different editions or versions.
pub fn editions(places: &[Value]) -> HashMap<String, &'static str> {
    let (mut versions, mut editions) = (HashMap::new(), HashMap::new());
    for place in places {
        let of = |field: &str| place[field].as_str().unwrap_or_default().to_owned();
        let words = [of("quote"), of("text")].concat();
        let version = versions.entry(of("articleId")).or_insert_with(|| of("articleVersionId"));
        assert_eq!(*version, of("articleVersionId"), "two versions of one article: {places:#?}");
        let marks: Vec<&str> = EDITIONS.into_iter().filter(|mark| words.contains(mark)).collect();
        assert!(marks.len() <= 1, "one passage of two editions: {place:#}");
        if let Some(mark) = marks.first() {
            assert_eq!(
                *editions.entry(of("articleId")).or_insert(*mark),
                *mark,
                "two editions of one article: {places:#?}"
            );
        }
    }
    editions
}
