//! Words that carry no fact by themselves, units, and numbers that are written as words.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Articles, pronouns, prepositions, auxiliaries, and what answers say about themselves ("according to the article").
const FUNCTION_WORDS: &str = "a an the this that these those there here it its they them their theirs he him his she her hers we us our ours \
you your yours i me my mine who whom whose which what when where why how and or but nor so yet if then than as of in on at by for from to \
into onto with within over under up down out off about through during between among against per via be is are was were been being am do \
does did done doing have has had having can could may might must shall should will would ought not no never also too very just even such \
both either neither each other another same own one ones thus hence therefore however additionally moreover furthermore overall instead \
according based passage passages article articles context provided given mentioned stated following note please yes like because since \
although though while whereas until once again more most much many some any all every only etc ie eg vs mr mrs ms dr st s t d ll m re ve \
let still already around upon toward towards without unless except always usually often sometimes generally typically usual now";

/// Whether a word in lower case carries no fact by itself.
#[must_use]
pub fn is_function(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| FUNCTION_WORDS.split_whitespace().collect());
    WORDS.contains(word)
}

/// Stems of what numbers count, each line one kind of thing: a number of one unit never agrees with the same number of another.
const UNITS: &str = "second sec minut min hour h day week month quarter year decad centuri percent percentag dollar usd euro eur pound gbp cent \
franc yen byte kb mb gb tb kib mib gib kbps mbps gbps mm cm m meter metr km kilomet kilometr mile inch feet foot yard g gram kg kilogram lb \
ounc liter litr ml gallon watt kw kwh mw volt v amp ma mah hz khz mhz ghz celsius fahrenheit thousand million billion trillion dozen \
squar acr hectar";

/// Whether a stem is a unit.
#[must_use]
pub fn is_unit(stem: &str) -> bool {
    static STEMS: LazyLock<HashSet<&str>> = LazyLock::new(|| UNITS.split_whitespace().collect());
    STEMS.contains(stem)
}

/// Spellings of one unit.
const SAME_UNITS: [&str; 16] = [
    "second sec",
    "minut min",
    "hour h",
    "percent percentag cent",
    "dollar usd",
    "euro eur",
    "pound gbp lb",
    "meter metr m",
    "km kilomet kilometr",
    "feet foot",
    "g gram",
    "kg kilogram",
    "liter litr",
    "volt v",
    "kb kib",
    "mb mib",
];

/// Whether two stems are the same unit.
#[must_use]
pub fn is_same_unit(one: &str, other: &str) -> bool {
    let has = |units: &&str, stem: &str| units.split(' ').any(|unit| unit == stem);
    one == other || SAME_UNITS.iter().any(|units| has(units, one) && has(units, other))
}

/// The unit that a sign stands for.
#[must_use]
pub fn sign(letter: char) -> Option<&'static str> {
    match letter {
        '%' => Some("percent"),
        '€' => Some("euro"),
        '$' => Some("dollar"),
        '£' => Some("pound"),
        '¥' => Some("yen"),
        _ => None,
    }
}

/// The digits of a number that is written as a word. Not "one", which mostly counts nothing.
#[must_use]
pub fn number(word: &str) -> Option<&'static str> {
    Some(match word {
        "zero" => "0",
        "two" | "twice" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        "eleven" => "11",
        "twelve" => "12",
        "fifteen" => "15",
        "twenty" => "20",
        "thirty" => "30",
        "forty" => "40",
        "fifty" => "50",
        "sixty" => "60",
        "ninety" => "90",
        _ => return None,
    })
}
