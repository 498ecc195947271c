//! Sentences that say what somebody did or will do for the customer: "I have escalated this", "a colleague will call you".
//!
//! A model can do none of that. What an article promises ("we refund you within five days") may be said again.

/// How a language promises.
struct Promises {
    /// The model itself; phrases are separated by `|`.
    own: &'static str,
    /// The company's people.
    company: &'static str,
    /// Beginnings of words for what is done for a customer.
    acts: &'static str,
    /// Words between who and what: the verb comes last in German.
    reach: usize,
}

const ALL: [Promises; 6] = [
    Promises {
        own: "i have|i will|i am going to|i am|i just|i already|i can confirm|let me|i did|i shall",
        company: "we have|we will|we are going to|we are|we shall|our team will|our team has|the team will|our support team will|support will|\
someone will|somebody will|a colleague will|my colleague will|a colleague has|an agent will|a representative will|a specialist will|\
a technician will|a human will|a person will|our staff will|our agents will|a member of our team will|someone from our team will|\
you will be|your ticket has been|your ticket is|your case has been|your request has been|your refund has been|your order has been|\
your account has been|your issue has been|this has been|the issue has been|a ticket has been|a refund has been|a replacement has been|\
your ticket was|a ticket was|your refund was",
        acts: "escalat refund open creat forward notif contact call phone email mail send sent process cancel arrang reset transfer schedul \
book issu submit assign pass rais fil investigat fix replac ship credit compensat inform report log reach follow look get check updat \
reimburs unlock activat deliver dispatch",
        reach: 3,
    },
    Promises {
        own: "ich habe|ich werde|ich kümmere|ich leite|ich sende|ich schicke|ich veranlasse",
        company: "wir haben|wir werden|ein kollege wird|eine kollegin wird|ein mitarbeiter wird|eine mitarbeiterin wird|unser team wird|\
jemand wird|ihr ticket wurde|ihre anfrage wurde|ein ticket wurde|sie werden",
        acts: "weiter eskalier erstatt kontaktier melden meldet anruf angerufen zurückruf zurückgerufen eröffn erstell stornier veranlass \
gesendet senden schick geschickt informier prüf ersetz aktualisier darum mich",
        reach: 10,
    },
    Promises {
        own: "j'ai|je vais|je viens de|je m'en|je transmets|je transfère",
        company: "nous avons|nous allons|un collègue va|un collègue vous|un conseiller va|un conseiller vous|notre équipe va|quelqu'un va|\
votre ticket a été|votre demande a été|un ticket a été|vous serez",
        acts: "transmi transfér escalad rembours contact appel rappel ouvert ouvrir créé créer annul envoy programm inform vérifi remplac occup \
signal trait",
        reach: 4,
    },
    Promises {
        own: "he|voy a|acabo de|yo",
        company: "hemos|vamos a|un compañero le|un agente le|nuestro equipo|alguien le|su ticket ha sido|su solicitud ha sido|se ha",
        // Whole forms: "he" is English too.
        acts: "escalado escalar reembolsado reembolsar reembolsaremos contactado contactar contactará llamado llamar llamará abierto abrir \
creado crear cancelado cancelar enviado enviar enviaremos transferido transferir reenviado reenviar informado informar revisado revisar \
verificado verificar reemplazado reemplazar ocuparme",
        reach: 4,
    },
    Promises {
        own: "ho|sto per|mi occupo",
        company: "abbiamo|un collega la|un operatore la|il nostro team|qualcuno la",
        acts: "inoltrat rimbors contatt chiam aperto creato annullat inviat trasferit segnalat",
        reach: 4,
    },
    Promises {
        own: "ik heb|ik zal|ik ga",
        company: "we hebben|wij hebben|we zullen|een collega zal|een medewerker zal|ons team zal",
        acts: "doorgestuurd geëscaleerd terugbetaal contact bellen gebeld geopend aangemaakt geannuleerd verstuurd sturen doorverbonden",
        reach: 8,
    },
];

/// Whether `sentence` promises something that `context` does not.
#[must_use]
pub fn is_promise(sentence: &str, context: &str) -> bool {
    let said = spoken(sentence);
    ALL.iter().any(|language| {
        let own = act_of(&said, language.own, language).is_some();
        let company = || act_of(&said, language.company, language);
        own && !context_says(&said, context) || company().is_some_and(|act| !stands_in(act, context))
    })
}

/// The beginning of the word for what is done by one of `actors`.
fn act_of(said: &[String], actors: &str, language: &Promises) -> Option<&'static str> {
    let acts = language.acts;
    actors.split('|').find_map(|actor| {
        let actor: Vec<&str> = actor.split(' ').collect();
        let places = said.windows(actor.len()).enumerate().filter(|(_, words)| *words == actor);
        places.map(|(place, _)| place + actor.len()).find_map(|after| {
            let next = said.iter().skip(after).take(language.reach);
            next.filter(|word| word.chars().count() > 2)
                .find_map(|word| acts.split_whitespace().find(|act| word.starts_with(act)))
        })
    })
}

/// Whether the context has these very words: an article that quotes a message may be quoted.
fn context_says(said: &[String], context: &str) -> bool {
    let context = spoken(context);
    context.windows(said.len().max(1)).any(|words| words == said)
}

/// Whether the context says that something is done that begins so.
fn stands_in(act: &str, context: &str) -> bool {
    spoken(context).iter().any(|word| word.starts_with(act))
}

/// The words as they are spoken: in lower case, with "I've" as "I have".
fn spoken(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'");
    let full =
        lower.replace("'ve ", " have ").replace("'ll ", " will ").replace("i'm ", "i am ").replace("we're ", "we are ");
    full.split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: &str = "We refund you within 5 days. Send the bike to the workshop. You can call us.";

    #[test]
    fn what_nobody_will_do_is_a_promise() {
        for promise in [
            "I have escalated this to our team.",
            "I've opened a ticket for you.",
            "A colleague will contact you tomorrow.",
            "We’ll reset your lock.",
            "Your ticket has been created.",
            "Ich habe Ihre Anfrage weitergeleitet.",
            "Ein Kollege wird Sie morgen kontaktieren.",
            "J'ai ouvert un ticket pour vous.",
            "He abierto un ticket.",
        ] {
            assert!(is_promise(promise, ARTICLE), "{promise}");
        }
    }

    #[test]
    fn what_the_article_promises_and_what_the_customer_does_is_none() {
        for sentence in [
            "We will refund you within 5 days.",
            "You can send the bike to the workshop.",
            "He contacted the workshop.",
            "We have three plans.",
            "Open a ticket in the app.",
            "Sie haben 30 Tage.",
        ] {
            assert!(!is_promise(sentence, ARTICLE), "{sentence}");
        }
    }
}
