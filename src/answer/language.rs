//! The languages that Candor itself speaks: in small talk, and when a person takes over. Articles may be in any.

/// Those of our languages that are not written in Latin letters.
const OURS_BEYOND_LATIN: [whatlang::Lang; 6] = [
    whatlang::Lang::Rus,
    whatlang::Lang::Ara,
    whatlang::Lang::Hin,
    whatlang::Lang::Jpn,
    whatlang::Lang::Kor,
    whatlang::Lang::Cmn,
];

/// A language that the sentences written by us exist in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    English,
    German,
    French,
    Spanish,
    Portuguese,
    Italian,
    Dutch,
    Polish,
    Turkish,
    Russian,
    Arabic,
    Hindi,
    Japanese,
    Korean,
    Chinese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::English,
        Self::German,
        Self::French,
        Self::Spanish,
        Self::Portuguese,
        Self::Italian,
        Self::Dutch,
        Self::Polish,
        Self::Turkish,
        Self::Russian,
        Self::Arabic,
        Self::Hindi,
        Self::Japanese,
        Self::Korean,
        Self::Chinese,
    ];

    /// Its ISO 639-1 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::Italian => "it",
            Self::Dutch => "nl",
            Self::Polish => "pl",
            Self::Turkish => "tr",
            Self::Russian => "ru",
            Self::Arabic => "ar",
            Self::Hindi => "hi",
            Self::Japanese => "ja",
            Self::Korean => "ko",
            Self::Chinese => "zh",
        }
    }

    /// The language of a tag such as `de` or `de-AT`, where it is one of ours.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
        Self::ALL.into_iter().find(|language| language.code() == primary)
    }

    /// The language that a text is written in, where it is one of ours and the text is long enough to tell.
    #[must_use]
    pub fn detected(text: &str) -> Option<Self> {
        let told = whatlang::detect(text)?;
        let lang = if told.is_reliable() {
            told.lang()
        } else if told.script() == whatlang::Script::Latin {
            return None;
        } else {
            // A script narrows it down enough to choose among ours.
            whatlang::Detector::with_allowlist(OURS_BEYOND_LATIN.to_vec()).detect_lang(text)?
        };
        match lang {
            whatlang::Lang::Eng => Some(Self::English),
            whatlang::Lang::Deu => Some(Self::German),
            whatlang::Lang::Fra => Some(Self::French),
            whatlang::Lang::Spa => Some(Self::Spanish),
            whatlang::Lang::Por => Some(Self::Portuguese),
            whatlang::Lang::Ita => Some(Self::Italian),
            whatlang::Lang::Nld => Some(Self::Dutch),
            whatlang::Lang::Pol => Some(Self::Polish),
            whatlang::Lang::Tur => Some(Self::Turkish),
            whatlang::Lang::Rus => Some(Self::Russian),
            whatlang::Lang::Ara => Some(Self::Arabic),
            whatlang::Lang::Hin => Some(Self::Hindi),
            whatlang::Lang::Jpn => Some(Self::Japanese),
            whatlang::Lang::Kor => Some(Self::Korean),
            whatlang::Lang::Cmn => Some(Self::Chinese),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_language_whatever_its_region() {
        assert_eq!(Language::of_tag("de-AT"), Some(Language::German));
        assert_eq!(Language::of_tag("ZH_tw"), Some(Language::Chinese));
        assert_eq!(Language::of_tag("sv"), None);
    }

    #[test]
    fn a_sentence_tells_its_language_and_a_word_does_not() {
        assert_eq!(
            Language::detected("Wie kann ich meine Bestellung zurückschicken, wenn sie beschädigt ist?"),
            Some(Language::German)
        );
        assert_eq!(Language::detected("подскажите, где мой заказ"), Some(Language::Russian));
        assert_eq!(Language::detected("ok"), None);
    }
}
