//! Words that say the opposite of one another, and words that say how many or how surely.

/// Pairs of sides, as stems; a sentence with a word of one side does not agree with a passage that has one of the other in its place.
const OPPOSITES: &[(&str, &str)] = &[
    ("increas rise grow gain rais", "decreas fall declin reduc drop lower lose"),
    ("enabl activ on", "disabl deactiv off"),
    ("allow permit accept let", "forbid prohibit ban refus reject block deni"),
    ("includ contain", "exclud omit"),
    ("minimum least min", "maximum most max"),
    ("more greater higher larger longer", "less fewer smaller shorter"),
    ("before earlier prior preced", "after later follow"),
    ("first", "last"),
    ("begin start open", "end finish stop close"),
    ("free", "paid charg"),
    ("success succeed", "fail failur unsuccess"),
    ("possibl abl", "imposs unabl"),
    ("valid", "invalid"),
    ("support", "unsupport"),
    ("avail", "unavail"),
    ("legal", "illeg"),
    ("requir mandatori obligatori", "option voluntari"),
    ("automat", "manual"),
    ("new newer newest", "old older oldest"),
    ("north northern", "south southern"),
    ("east eastern", "west western"),
    ("left", "right"),
    ("upper top above", "bottom below"),
    ("win won victori defeat beat", "lost loss"),
    ("buy bought purchas", "sell sold"),
    ("send sent", "receiv"),
    ("add added", "remov delet subtract"),
    ("high", "low"),
    ("larg big great", "small tini"),
    ("long", "short"),
    ("fast quick rapid", "slow"),
    ("strong", "weak"),
    ("good better best", "bad wors worst"),
    ("rich", "poor"),
    ("public", "privat"),
    ("inbound incom", "outbound outgo"),
    ("intern", "extern"),
    ("upload", "download"),
    ("encrypt lock", "decrypt unlock"),
    ("connect", "disconnect"),
    ("instal", "uninstal"),
    ("male man men", "femal woman women"),
    ("posit", "negat"),
    ("same ident equal", "differ"),
    ("common", "rare"),
    ("easi", "difficult hard"),
    ("earliest", "latest"),
    ("maximis maxim", "minimis minim"),
    ("support favor favour", "oppos"),
    ("creat establish found", "destroy abolish dissolv"),
];

/// Whether two stems say the opposite of one another.
#[must_use]
pub fn are_opposite(one: &str, other: &str) -> bool {
    let has = |side: &str, stem: &str| side.split(' ').any(|word| word == stem);
    OPPOSITES.iter().any(|(left, right)| has(left, one) && has(right, other) || has(left, other) && has(right, one))
}

/// Pairs of stems that often say the opposite of one another: too many of them have other senses to tell by whether a sentence is
/// carried, but not to lower the confidence in an answer.
const OFTEN_OPPOSITE: &str = "\
befor after|largest smallest|biggest smallest|higher lower|highest lowest|earli late|similar differ|insid outsid|\
indoor outdoor|abov below|old young|import export|longest shortest|over under|win lose|allow prevent|upper lower|\
internal extern|agre disagre|love hate|like dislik|stronger weaker|faster slower|hot cold|warm cool|light dark|\
light heavi|full empti|simpl complex|ancient modern|past futur|major minor|superior inferior|attack defend|enter leav|\
arriv depart|arriv leav|build destroy|subscrib unsubscrib|push pull|credit debit|incom expens|profit loss|enemi alli|\
war peac|activ passiv|natur artifici|urban rural|domest foreign|caus prevent|help hinder|improv worsen|improv deterior|\
expand shrink|expand contract|grow shrink|strengthen weaken|appear disappear|rememb forget|alway never|ever never|\
all none|everyon nobodi|mani few|often rare|usual rare|near far|front back|wide narrow|deep shallow|thick thin|\
even odd|liquid solid|gas solid|teacher student|parent child|husband wife|king queen|father mother|son daughter|\
brother sister|winter summer|day night|morn evening|freedom slaveri|life death|birth death|born die|live die|\
temporari perman|singl multipl|formal inform|direct indirect|primari secondari|junior senior|ascend descend|\
inner outer|inward outward|rapid slowli|quick slowli|abund scarc|plenti scarc|abandon keep|approv reject|hire fire|\
employ dismiss|unit divid|combin separ|togeth apart|broad narrow|safe danger|clean dirti|wet dri|aliv dead|\
guilti innoc|victori defeat|protect harm|save wast|borrow lend|question answer|voluntari compulsori|expens cheap|\
cost cheap|expens inexpens|visibl hidden|show hide|lighter heavier|simpler harder|poorer richer|poorest richest";

/// Whether two stems say, or often say, the opposite of one another.
#[must_use]
pub fn are_often_opposite(one: &str, other: &str) -> bool {
    let is_pair = |pair: &str| pair.split_once(' ').is_some_and(|pair| pair == (one, other) || pair == (other, one));
    are_opposite(one, other) || OFTEN_OPPOSITE.split('|').any(is_pair)
}

/// Beginnings that turn a word around.
const TURNING: [&str; 9] = ["un", "in", "im", "ir", "il", "non", "dis", "anti", "de"];
/// Letters of the shortest stem that is turned around: "in" and "form" make no opposite.
const TURNED_LETTERS_MIN: usize = 4;

/// Whether one of two stems is the other with a beginning that turns it around.
#[must_use]
pub fn is_negated(one: &str, other: &str) -> bool {
    let turns = |long: &str, short: &str| {
        short.len() >= TURNED_LETTERS_MIN && TURNING.iter().any(|turning| long.strip_prefix(turning) == Some(short))
    };
    turns(one, other) || turns(other, one)
}

/// Words that leave no case out.
const UNIVERSAL: &str = "all always every everyone everybody everything everywhere any anyone anybody anything never none no nobody must \
entire entirely whole wholly completely fully guaranteed guarantee certainly definitely invariably immediately permanently exclusively \
immer alle jeder jede nie niemals toujours tous chaque jamais siempre todos todo cada nunca";

/// Words that leave cases out, or doubts.
const HEDGES: &str = "some sometimes may might can could usually often most mostly many several few occasionally typically generally \
probably possibly perhaps likely unlikely certain partly partially rarely seldom largely normally commonly frequently tends tend nearly \
almost roughly approximately about around estimated suggested suggests suggest believed appears appear seems seem reportedly \
if unless except only when depending depends should \
manchmal oft meist einige kann könnte wenn parfois souvent certains peut si generalmente algunos puede";

/// Whether a word in lower case leaves no case out.
#[must_use]
pub fn is_universal(word: &str) -> bool {
    UNIVERSAL.split_whitespace().any(|other| other == word)
}

/// Whether a word in lower case leaves cases out, or doubts.
#[must_use]
pub fn is_hedge(word: &str) -> bool {
    HEDGES.split_whitespace().any(|other| other == word)
}

/// Words that limit a statement: one that is lost or added makes it another statement.
const LIMITS: &str = "only unless except if nur außer wenn sauf si seulement solo excepto salvo";

/// Whether a word in lower case limits what is said.
#[must_use]
pub fn is_limit(word: &str) -> bool {
    LIMITS.split_whitespace().any(|other| other == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_turned_around_by_its_beginning() {
        assert!(is_negated("uninstal", "instal") && is_negated("regular", "irregular"));
        assert!(!is_negated("unabl", "abl") && !is_negated("under", "der") && !is_negated("instal", "instal"));
    }

    #[test]
    fn opposites_go_both_ways_and_words_of_one_side_are_none() {
        assert!(are_opposite("enabl", "disabl") && are_opposite("disabl", "enabl"));
        assert!(!are_opposite("enabl", "activ") && !are_opposite("enabl", "enabl"));
    }
}
