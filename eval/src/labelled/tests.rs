//! What holds of all labelled answers, whatever they are made of.

use std::collections::HashSet;

use clap::ValueEnum;
use proptest::prelude::*;

use crate::labelled::corruption::{Kind, corrupted};
use crate::labelled::draw::Draw;
use crate::labelled::make::make;
use crate::labelled::rewording;
use crate::labelled::scene::{Elsewhere, Scene, Source};
use crate::labelled::text;

/// Sentences that between them can be made false in every way.
const SENTENCES: [&str; 8] = [
    "The rear light of the Tarnwheel Junior has been enabled before the first ride, if the owner agreed.",
    "A customer may usually return the bike to Berlin within 30 days of the delivery from Hamburg.",
    "In 1,912 cases, the workshop in Leipzig has repaired about 45 percent of the larger batteries.",
    "The company Nordwind was bought by the older company Sturmvogel in March for 12 million euros.",
    "Some riders of the northern region can not open the lock without the mobile application.",
    "The charger is delivered with the bike and must only be used inside of the house.",
    "The insurance is cancelled when the frame number was changed by the owner of the bicycle.",
    "Most subscriptions are renewed after 12 months, unless the customer writes to Martha Klein.",
];

const OTHERS: &str = "The museum in Lisbon has exhibited astronomical instruments since the eighteenth century. \
Many visitors of the Portuguese Observatory admire the telescope that Henrique Dias constructed. \
The painters around Amalia Ferreira have considered portraits unfashionable.";

fn source(chosen: &[usize]) -> Source {
    let sentences: Vec<&str> = chosen.iter().map(|place| SENTENCES[*place]).collect();
    Source {
        context: sentences.join(" "),
        question: "What about the bike?".into(),
        sentence: sentences[0].into(),
        next: sentences.get(1).map(|next| (*next).into()),
        group: "bikes".into(),
    }
}

fn elsewhere() -> Elsewhere {
    let mut elsewhere = Elsewhere::default();
    elsewhere.add(OTHERS, "museums");
    elsewhere.add(&SENTENCES.join(" "), "bikes");
    elsewhere
}

fn contexts() -> impl Strategy<Value = Vec<usize>> {
    Just((0..SENTENCES.len()).collect::<Vec<_>>())
        .prop_shuffle()
        .prop_flat_map(|order| (1..=order.len()).prop_map(move |length| order[..length].to_vec()))
}

#[test]
fn every_kind_makes_some_sentence_false() {
    let (elsewhere, everything) = (elsewhere(), (0..SENTENCES.len()).collect::<Vec<_>>());
    for kind in Kind::value_variants() {
        let makes = (0..SENTENCES.len()).any(|first| {
            let mut order = everything.clone();
            order.rotate_left(first);
            let source = source(&order);
            let scene = Scene::new(&source, &elsewhere);
            (0..20).any(|seed| corrupted(*kind, &source.sentence, &scene, &mut Draw::new(seed, "")).is_some())
        });
        assert!(makes, "{kind:?}");
    }
}

#[test]
fn a_rewording_says_the_same() {
    for (name, sentence, expected) in [
        ("parenthesis", "The bike (a red one) has a lock and a light.", "The bike has a lock and a light."),
        ("contraction", "It is not free.", "It isn't free."),
        ("contraction", "It can't be used.", "It cannot be used."),
        ("number_format", "It costs 1,500 euros.", "It costs 1500 euros."),
        ("number_format", "A rebate of 20% is given.", "A rebate of 20 percent is given."),
        ("clause_order", "In winter, the battery lasts three hours.", "The battery lasts three hours in winter."),
        ("list_order", "It is sold in red and blue.", "It is sold in blue and red."),
        ("active_voice", "The old bike was painted by Martha Klein.", "Martha Klein painted the old bike."),
        ("copula", "The Junior is the smallest bike.", "The smallest bike is the Junior."),
        ("dropped_clause", "The Junior, which is red, has a lock and lights.", "The Junior has a lock and lights."),
        ("pronoun", "The rear light is red.", "It is red."),
    ] {
        let way = rewording::ALL.iter().find(|way| way.0 == name).unwrap().1;
        assert_eq!(way(sentence, &mut Draw::new(1, "")).as_deref(), Some(expected));
    }
}

proptest! {
    #[test]
    fn one_seed_makes_one_file(chosen in contexts(), seed in 0..50_u64) {
        let (sources, elsewhere) = ([source(&chosen)], elsewhere());
        prop_assert_eq!(
            make(&sources, &elsewhere, Kind::value_variants(), seed),
            make(&sources, &elsewhere, Kind::value_variants(), seed)
        );
    }

    #[test]
    fn what_is_false_is_never_what_the_context_says(chosen in contexts(), seed in 0..50_u64) {
        let (source, elsewhere) = (source(&chosen), elsewhere());
        let scene = Scene::new(&source, &elsewhere);
        for kind in Kind::value_variants() {
            if let Some(answer) = corrupted(*kind, &source.sentence, &scene, &mut Draw::new(seed, kind.name())) {
                prop_assert_ne!(&answer, &source.sentence);
                prop_assert!(!source.context.contains(answer.trim_end_matches('.')), "{:?}: {}", kind, answer);
            }
        }
    }

    #[test]
    fn what_is_supported_has_no_number_and_no_name_of_its_own(chosen in contexts(), seed in 0..50_u64) {
        let source = source(&chosen);
        let known: HashSet<String> = text::vocabulary(&source.context);
        for line in make(&[source], &elsewhere(), Kind::value_variants(), seed).iter().filter(|line| line.supported) {
            let tokens = text::tokens(&line.answer);
            for run in text::names(&tokens) {
                let name = text::name(&tokens, &run);
                prop_assert!(name.split(' ').all(|word| known.contains(&word.to_lowercase())), "{}", line.answer);
            }
            for token in tokens.iter().filter(|token| token.has_digit()) {
                let plain = token.core.replace(',', "");
                prop_assert!(known.iter().any(|word| word.replace(',', "") == plain), "{}", line.answer);
            }
        }
    }
}
