//! What the customer is told when a person takes over, in their language: said by code, because it is a promise.

use crate::answer::decide::Reason;
use crate::answer::language::Language;
use crate::desk::Escalation;

/// The sentences of one language.
struct Sentences {
    /// The articles say nothing about it, or do not answer it.
    not_answered: &'static str,
    low_confidence: &'static str,
    /// The articles are in another language, and what was found does not answer it.
    other_language: &'static str,
    blocked: &'static str,
    customer_request: &'static str,
    /// The workspace has switched answers off.
    policy: &'static str,
    /// The articles cannot be looked at right now.
    search_failure: &'static str,
    /// The customer has read the beginning of an answer, and there is no more of it.
    broke_off: &'static str,
    /// A ticket was opened; its number follows.
    passed_on: &'static str,
    /// The question was added to a ticket; its number follows.
    added: &'static str,
    /// A person has the conversation.
    with_agent: &'static str,
}

/// Why a person takes over, and what was done about it.
#[must_use]
pub fn text(escalation: &Escalation, language: Language) -> String {
    let sentences = sentences(language);
    passed_on(because(escalation.reason, &sentences), escalation, language)
}

/// The same behind an answer that the customer has read as far as it came.
#[must_use]
pub fn text_behind_answer(escalation: &Escalation, language: Language) -> String {
    passed_on(sentences(language).broke_off, escalation, language)
}

fn because(reason: Reason, sentences: &Sentences) -> &'static str {
    match reason {
        Reason::NoEvidence | Reason::InsufficientEvidence => sentences.not_answered,
        Reason::LowConfidence
        | Reason::UnsupportedAnswer
        | Reason::Contradiction
        | Reason::ProviderFailure
        | Reason::Quota => sentences.low_confidence,
        Reason::OtherLanguage => sentences.other_language,
        Reason::BlockedByProvider => sentences.blocked,
        Reason::CustomerRequest => sentences.customer_request,
        Reason::Policy => sentences.policy,
        Reason::SearchFailure => sentences.search_failure,
    }
}

fn passed_on(why: &str, escalation: &Escalation, language: Language) -> String {
    let sentences = sentences(language);
    let what = if escalation.was_open { sentences.added } else { sentences.passed_on };
    // A script that sets its signs apart needs no space after them.
    let space = if matches!(language, Language::Japanese | Language::Chinese) { "" } else { " " };
    format!("{why}{space}{what} {}", escalation.ticket)
}

/// What is said once to who writes on after a person was asked for or has joined.
#[must_use]
pub fn with_agent(language: Language) -> &'static str {
    sentences(language).with_agent
}

#[expect(clippy::too_many_lines, reason = "eleven sentences in each of fifteen languages")]
fn sentences(language: Language) -> Sentences {
    match language {
        Language::English => Sentences {
            not_answered: "Our help articles do not answer that.",
            low_confidence: "I could not find a reliable answer to that in our help articles.",
            other_language: "Our help articles are written in another language, and I did not find a reliable answer in them.",
            blocked: "I cannot answer that myself.",
            customer_request: "You asked for a person.",
            policy: "Automatic answers are switched off at the moment.",
            search_failure: "I cannot look at our help articles right now.",
            broke_off: "I could not finish this answer.",
            passed_on: "I have passed your question to our team. Your ticket:",
            added: "I have added your question to the request that our team has already. Your ticket:",
            with_agent: "Our team has received your message; a person will answer you.",
        },
        Language::German => Sentences {
            not_answered: "Unsere Hilfeartikel beantworten das nicht.",
            low_confidence: "Ich habe dazu in unseren Hilfeartikeln keine verlässliche Antwort gefunden.",
            other_language: "Unsere Hilfeartikel sind in einer anderen Sprache geschrieben, und ich habe darin keine verlässliche Antwort gefunden.",
            blocked: "Das kann ich nicht selbst beantworten.",
            customer_request: "Sie möchten mit einem Menschen sprechen.",
            policy: "Automatische Antworten sind zurzeit ausgeschaltet.",
            search_failure: "Ich kann unsere Hilfeartikel gerade nicht einsehen.",
            broke_off: "Diese Antwort konnte ich nicht zu Ende bringen.",
            passed_on: "Ich habe Ihre Frage an unser Team weitergegeben. Ihr Ticket:",
            added: "Ich habe Ihre Frage der Anfrage hinzugefügt, die unserem Team schon vorliegt. Ihr Ticket:",
            with_agent: "Unser Team hat Ihre Nachricht erhalten; ein Mensch wird Ihnen antworten.",
        },
        Language::French => Sentences {
            not_answered: "Nos articles d'aide ne répondent pas à cette question.",
            low_confidence: "Je n'ai pas trouvé de réponse fiable dans nos articles d'aide.",
            other_language: "Nos articles d'aide sont rédigés dans une autre langue et je n'y ai pas trouvé de réponse fiable.",
            blocked: "Je ne peux pas répondre moi-même à cette question.",
            customer_request: "Vous souhaitez parler à une personne.",
            policy: "Les réponses automatiques sont désactivées pour le moment.",
            search_failure: "Je ne peux pas consulter nos articles d'aide pour l'instant.",
            broke_off: "Je n'ai pas pu terminer cette réponse.",
            passed_on: "J'ai transmis votre question à notre équipe. Votre ticket :",
            added: "J'ai ajouté votre question à la demande que notre équipe a déjà reçue. Votre ticket :",
            with_agent: "Notre équipe a reçu votre message ; une personne vous répondra.",
        },
        Language::Spanish => Sentences {
            not_answered: "Nuestros artículos de ayuda no responden a eso.",
            low_confidence: "No he encontrado una respuesta fiable en nuestros artículos de ayuda.",
            other_language: "Nuestros artículos de ayuda están escritos en otro idioma y no he encontrado en ellos una respuesta fiable.",
            blocked: "No puedo responder a eso yo mismo.",
            customer_request: "Ha pedido hablar con una persona.",
            policy: "Las respuestas automáticas están desactivadas en este momento.",
            search_failure: "Ahora mismo no puedo consultar nuestros artículos de ayuda.",
            broke_off: "No he podido terminar esta respuesta.",
            passed_on: "He pasado su pregunta a nuestro equipo. Su tique:",
            added: "He añadido su pregunta a la solicitud que ya tiene nuestro equipo. Su tique:",
            with_agent: "Nuestro equipo ha recibido su mensaje; una persona le responderá.",
        },
        Language::Portuguese => Sentences {
            not_answered: "Os nossos artigos de ajuda não respondem a isso.",
            low_confidence: "Não encontrei uma resposta confiável nos nossos artigos de ajuda.",
            other_language: "Os nossos artigos de ajuda estão escritos noutra língua e não encontrei neles uma resposta confiável.",
            blocked: "Não posso responder a isso eu mesmo.",
            customer_request: "Você pediu para falar com uma pessoa.",
            policy: "As respostas automáticas estão desativadas neste momento.",
            search_failure: "Não consigo consultar os nossos artigos de ajuda neste momento.",
            broke_off: "Não consegui terminar esta resposta.",
            passed_on: "Passei a sua pergunta para a nossa equipe. O seu chamado:",
            added: "Acrescentei a sua pergunta ao pedido que a nossa equipe já tem. O seu chamado:",
            with_agent: "A nossa equipe recebeu a sua mensagem; uma pessoa vai responder.",
        },
        Language::Italian => Sentences {
            not_answered: "I nostri articoli di aiuto non rispondono a questa domanda.",
            low_confidence: "Non ho trovato una risposta affidabile nei nostri articoli di aiuto.",
            other_language: "I nostri articoli di aiuto sono scritti in un'altra lingua e non vi ho trovato una risposta affidabile.",
            blocked: "Non posso rispondere io stesso a questa domanda.",
            customer_request: "Ha chiesto di parlare con una persona.",
            policy: "Le risposte automatiche sono disattivate al momento.",
            search_failure: "Al momento non riesco a consultare i nostri articoli di aiuto.",
            broke_off: "Non sono riuscito a completare questa risposta.",
            passed_on: "Ho passato la sua domanda al nostro team. Il suo ticket:",
            added: "Ho aggiunto la sua domanda alla richiesta che il nostro team ha già. Il suo ticket:",
            with_agent: "Il nostro team ha ricevuto il suo messaggio; le risponderà una persona.",
        },
        Language::Dutch => Sentences {
            not_answered: "Onze helpartikelen beantwoorden dat niet.",
            low_confidence: "Ik heb daarop geen betrouwbaar antwoord gevonden in onze helpartikelen.",
            other_language: "Onze helpartikelen zijn in een andere taal geschreven en ik heb er geen betrouwbaar antwoord in gevonden.",
            blocked: "Dat kan ik niet zelf beantwoorden.",
            customer_request: "U hebt om een medewerker gevraagd.",
            policy: "Automatische antwoorden zijn op dit moment uitgeschakeld.",
            search_failure: "Ik kan onze helpartikelen op dit moment niet raadplegen.",
            broke_off: "Ik heb dit antwoord niet kunnen afmaken.",
            passed_on: "Ik heb uw vraag doorgegeven aan ons team. Uw ticket:",
            added: "Ik heb uw vraag toegevoegd aan het verzoek dat ons team al heeft. Uw ticket:",
            with_agent: "Ons team heeft uw bericht ontvangen; een medewerker zal u antwoorden.",
        },
        Language::Polish => Sentences {
            not_answered: "Nasze artykuły pomocy na to nie odpowiadają.",
            low_confidence: "W naszych artykułach pomocy nie ma na to wiarygodnej odpowiedzi.",
            other_language: "Nasze artykuły pomocy są napisane w innym języku i nie ma w nich wiarygodnej odpowiedzi.",
            blocked: "Nie mogę samodzielnie na to odpowiedzieć.",
            customer_request: "To prośba o rozmowę z człowiekiem.",
            policy: "Automatyczne odpowiedzi są obecnie wyłączone.",
            search_failure: "W tej chwili nie mogę zajrzeć do naszych artykułów pomocy.",
            broke_off: "Nie udało się dokończyć tej odpowiedzi.",
            passed_on: "Twoje pytanie zostało przekazane naszemu zespołowi. Numer zgłoszenia:",
            added: "Twoje pytanie zostało dodane do zgłoszenia, które nasz zespół już ma. Numer zgłoszenia:",
            with_agent: "Nasz zespół otrzymał Twoją wiadomość; odpowie na nią człowiek.",
        },
        Language::Turkish => Sentences {
            not_answered: "Yardım makalelerimiz bunu yanıtlamıyor.",
            low_confidence: "Yardım makalelerimizde buna güvenilir bir yanıt bulamadım.",
            other_language: "Yardım makalelerimiz başka bir dilde yazılmış ve içlerinde güvenilir bir yanıt bulamadım.",
            blocked: "Bunu kendim yanıtlayamıyorum.",
            customer_request: "Bir temsilciyle görüşmek istediniz.",
            policy: "Otomatik yanıtlar şu anda kapalı.",
            search_failure: "Şu anda yardım makalelerimize bakamıyorum.",
            broke_off: "Bu yanıtı tamamlayamadım.",
            passed_on: "Sorunuzu ekibimize ilettim. Talebiniz:",
            added: "Sorunuzu ekibimizdeki mevcut talebinize ekledim. Talebiniz:",
            with_agent: "Ekibimiz mesajınızı aldı; bir temsilcimiz yanıtlayacak.",
        },
        Language::Russian => Sentences {
            not_answered: "В наших справочных статьях нет ответа на это.",
            low_confidence: "Я не нашёл надёжного ответа в наших справочных статьях.",
            other_language: "Наши справочные статьи написаны на другом языке, и я не нашёл в них надёжного ответа.",
            blocked: "Я не могу сам ответить на это.",
            customer_request: "Вы просите связать вас с человеком.",
            policy: "Автоматические ответы сейчас отключены.",
            search_failure: "Сейчас я не могу заглянуть в наши справочные статьи.",
            broke_off: "Мне не удалось закончить этот ответ.",
            passed_on: "Я передал ваш вопрос нашей команде. Номер обращения:",
            added: "Я добавил ваш вопрос к обращению, которое уже есть у нашей команды. Номер обращения:",
            with_agent: "Наша команда получила ваше сообщение; вам ответит человек.",
        },
        Language::Arabic => Sentences {
            not_answered: "مقالات المساعدة لدينا لا تجيب عن ذلك.",
            low_confidence: "لم أجد إجابة موثوقة عن ذلك في مقالات المساعدة لدينا.",
            other_language: "مقالات المساعدة لدينا مكتوبة بلغة أخرى، ولم أجد فيها إجابة موثوقة.",
            blocked: "لا أستطيع الإجابة عن ذلك بنفسي.",
            customer_request: "لقد طلبت التحدث إلى شخص.",
            policy: "الردود التلقائية متوقفة حاليًا.",
            search_failure: "لا أستطيع الاطلاع على مقالات المساعدة لدينا الآن.",
            broke_off: "لم أتمكن من إكمال هذه الإجابة.",
            passed_on: "أحلت سؤالك إلى فريقنا. رقم تذكرتك:",
            added: "أضفت سؤالك إلى الطلب الموجود لدى فريقنا. رقم تذكرتك:",
            with_agent: "وصلت رسالتك إلى فريقنا، وسيرد عليك أحد أعضائه.",
        },
        Language::Hindi => Sentences {
            not_answered: "हमारे सहायता लेखों में इसका उत्तर नहीं है।",
            low_confidence: "मुझे हमारे सहायता लेखों में इसका भरोसेमंद उत्तर नहीं मिला।",
            other_language: "हमारे सहायता लेख किसी दूसरी भाषा में लिखे हैं, और मुझे उनमें भरोसेमंद उत्तर नहीं मिला।",
            blocked: "मैं इसका उत्तर स्वयं नहीं दे सकता।",
            customer_request: "आपने किसी व्यक्ति से बात करने को कहा है।",
            policy: "स्वचालित उत्तर अभी बंद हैं।",
            search_failure: "मैं अभी हमारे सहायता लेख नहीं देख पा रहा हूँ।",
            broke_off: "मैं यह उत्तर पूरा नहीं कर सका।",
            passed_on: "मैंने आपका प्रश्न हमारी टीम को भेज दिया है। आपका टिकट:",
            added: "मैंने आपका प्रश्न उस अनुरोध में जोड़ दिया है जो हमारी टीम के पास पहले से है। आपका टिकट:",
            with_agent: "आपका संदेश हमारी टीम को मिल गया है; एक व्यक्ति आपको उत्तर देगा।",
        },
        Language::Japanese => Sentences {
            not_answered: "ヘルプ記事にはその答えがありませんでした。",
            low_confidence: "ヘルプ記事の中に確かな答えが見つかりませんでした。",
            other_language: "ヘルプ記事は別の言語で書かれており、その中に確かな答えが見つかりませんでした。",
            blocked: "私からはお答えできません。",
            customer_request: "担当者との会話をご希望ですね。",
            policy: "現在、自動応答は停止しています。",
            search_failure: "ただいまヘルプ記事を確認できません。",
            broke_off: "この回答を最後までお伝えできませんでした。",
            passed_on: "ご質問を担当チームに引き継ぎました。チケット番号:",
            added: "ご質問を、担当チームがすでにお預かりしているお問い合わせに追加しました。チケット番号:",
            with_agent: "メッセージは担当チームが受け取りました。担当者がお答えします。",
        },
        Language::Korean => Sentences {
            not_answered: "도움말 문서에는 그에 대한 답이 없습니다.",
            low_confidence: "도움말 문서에서 믿을 만한 답을 찾지 못했습니다.",
            other_language: "도움말 문서는 다른 언어로 작성되어 있으며, 그 안에서 믿을 만한 답을 찾지 못했습니다.",
            blocked: "제가 직접 답해 드릴 수 없는 내용입니다.",
            customer_request: "상담원 연결을 요청하셨습니다.",
            policy: "현재 자동 응답이 꺼져 있습니다.",
            search_failure: "지금은 도움말 문서를 확인할 수 없습니다.",
            broke_off: "이 답변을 끝까지 드리지 못했습니다.",
            passed_on: "질문을 담당 팀에 전달했습니다. 티켓 번호:",
            added: "담당 팀이 이미 받은 문의에 질문을 추가했습니다. 티켓 번호:",
            with_agent: "담당 팀이 메시지를 받았습니다. 상담원이 답변해 드리겠습니다.",
        },
        Language::Chinese => Sentences {
            not_answered: "我们的帮助文章没有回答这个问题。",
            low_confidence: "我在帮助文章中没有找到可靠的答案。",
            other_language: "我们的帮助文章是用另一种语言写的，我没有在其中找到可靠的答案。",
            blocked: "我自己无法回答这个问题。",
            customer_request: "您希望与真人交谈。",
            policy: "自动回复目前已关闭。",
            search_failure: "我目前无法查看我们的帮助文章。",
            broke_off: "我未能完成这个回答。",
            passed_on: "我已将您的问题转交给我们的团队。您的工单:",
            added: "我已将您的问题添加到我们团队已有的请求中。您的工单:",
            with_agent: "我们的团队已收到您的消息，会有真人回复您。",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Ids, TicketId};

    #[test]
    fn each_reason_is_told_in_each_language_with_the_ticket() {
        let ticket = TicketId::new(&Ids::counted(), 1);
        let mut seen = std::collections::HashSet::new();
        for language in Language::ALL {
            // The others are told in the words of one of these.
            let likewise = [
                Reason::InsufficientEvidence,
                Reason::UnsupportedAnswer,
                Reason::Contradiction,
                Reason::ProviderFailure,
                Reason::Quota,
            ];
            for reason in Reason::ALL.into_iter().filter(|reason| !likewise.contains(reason)) {
                for was_open in [false, true] {
                    let behind = text_behind_answer(&Escalation { ticket, reason, was_open }, language);
                    assert!(behind.ends_with(&ticket.to_string()), "{behind}");
                    seen.insert(behind);
                    let said = text(&Escalation { ticket, reason, was_open }, language);
                    assert!(said.ends_with(&ticket.to_string()), "{said}");
                    assert!(seen.insert(said), "{language:?} {reason:?}");
                }
            }
            assert!(seen.insert(with_agent(language).to_owned()), "{language:?}");
        }
    }
}
