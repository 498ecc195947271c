//! What is said without any article: short, friendly, honest about who says it, and in the customer's language.

use crate::answer::conversation::Conversation;
use crate::answer::intent::SmallTalk;
use crate::answer::language::Language;
use crate::chat::Sender;

/// The sentences of one language.
struct Replies {
    greeting: &'static str,
    thanks: &'static str,
    farewell: &'static str,
    who: &'static str,
    /// Before the customer's own last question.
    you_asked: &'static str,
    nothing_said: &'static str,
}

/// The reply to `kind` in `language`.
#[must_use]
pub fn reply(kind: SmallTalk, language: Language, conversation: &Conversation) -> String {
    let replies = replies(language);
    let last = |sender| conversation.last_of(sender).map(|said| said.text.as_str());
    match kind {
        SmallTalk::Greeting => replies.greeting.to_owned(),
        SmallTalk::Thanks => replies.thanks.to_owned(),
        SmallTalk::Farewell => replies.farewell.to_owned(),
        SmallTalk::WhoAnswers => replies.who.to_owned(),
        SmallTalk::RepeatAnswer => last(Sender::Bot).unwrap_or(replies.nothing_said).to_owned(),
        SmallTalk::RepeatQuestion => match last(Sender::User) {
            Some(question) => format!("{} {question}", replies.you_asked),
            None => replies.nothing_said.to_owned(),
        },
    }
}

#[expect(clippy::too_many_lines, reason = "six sentences in each of fifteen languages")]
fn replies(language: Language) -> Replies {
    match language {
        Language::English => Replies {
            greeting: "Hello! What can I help you with?",
            thanks: "You're welcome! Is there anything else that I can help you with?",
            farewell: "Goodbye, and have a nice day!",
            who: "I am an automatic assistant, not a person. I answer from our help articles, and hand over to our team when I can't.",
            you_asked: "You wrote:",
            nothing_said: "Nothing has been said in this conversation yet. What can I help you with?",
        },
        Language::German => Replies {
            greeting: "Hallo! Wobei kann ich Ihnen helfen?",
            thanks: "Gern geschehen! Kann ich sonst noch etwas für Sie tun?",
            farewell: "Auf Wiedersehen und einen schönen Tag!",
            who: "Ich bin ein automatischer Assistent und kein Mensch. Ich antworte aus unseren Hilfeartikeln und gebe an unser Team weiter, wenn ich nicht weiterweiß.",
            you_asked: "Sie haben geschrieben:",
            nothing_said: "In diesem Gespräch wurde noch nichts gesagt. Wobei kann ich Ihnen helfen?",
        },
        Language::French => Replies {
            greeting: "Bonjour ! Comment puis-je vous aider ?",
            thanks: "Avec plaisir ! Puis-je vous aider pour autre chose ?",
            farewell: "Au revoir et bonne journée !",
            who: "Je suis un assistant automatique, pas une personne. Je réponds à partir de nos articles d'aide et je transmets à notre équipe quand je ne peux pas.",
            you_asked: "Vous avez écrit :",
            nothing_said: "Rien n'a encore été dit dans cette conversation. Comment puis-je vous aider ?",
        },
        Language::Spanish => Replies {
            greeting: "¡Hola! ¿En qué puedo ayudarle?",
            thanks: "¡De nada! ¿Puedo ayudarle en algo más?",
            farewell: "¡Hasta luego y que tenga un buen día!",
            who: "Soy un asistente automático, no una persona. Respondo a partir de nuestros artículos de ayuda y paso la conversación a nuestro equipo cuando no puedo.",
            you_asked: "Usted escribió:",
            nothing_said: "Todavía no se ha dicho nada en esta conversación. ¿En qué puedo ayudarle?",
        },
        Language::Portuguese => Replies {
            greeting: "Olá! Como posso ajudar?",
            thanks: "De nada! Posso ajudar em mais alguma coisa?",
            farewell: "Até logo e tenha um bom dia!",
            who: "Sou um assistente automático, não uma pessoa. Respondo a partir dos nossos artigos de ajuda e passo para a nossa equipe quando não consigo.",
            you_asked: "Você escreveu:",
            nothing_said: "Ainda não foi dito nada nesta conversa. Como posso ajudar?",
        },
        Language::Italian => Replies {
            greeting: "Ciao! Come posso aiutarla?",
            thanks: "Prego! Posso aiutarla in altro?",
            farewell: "Arrivederci e buona giornata!",
            who: "Sono un assistente automatico, non una persona. Rispondo in base ai nostri articoli di aiuto e passo al nostro team quando non posso.",
            you_asked: "Ha scritto:",
            nothing_said: "In questa conversazione non è ancora stato detto nulla. Come posso aiutarla?",
        },
        Language::Dutch => Replies {
            greeting: "Hallo! Waarmee kan ik u helpen?",
            thanks: "Graag gedaan! Kan ik u nog ergens anders mee helpen?",
            farewell: "Tot ziens en nog een fijne dag!",
            who: "Ik ben een automatische assistent, geen mens. Ik antwoord uit onze helpartikelen en draag over aan ons team als ik het niet weet.",
            you_asked: "U schreef:",
            nothing_said: "In dit gesprek is nog niets gezegd. Waarmee kan ik u helpen?",
        },
        Language::Polish => Replies {
            greeting: "Dzień dobry! W czym mogę pomóc?",
            thanks: "Nie ma za co! Czy mogę jeszcze w czymś pomóc?",
            farewell: "Do widzenia i miłego dnia!",
            who: "Jestem automatycznym asystentem, nie człowiekiem. Odpowiadam na podstawie naszych artykułów pomocy, a gdy nie potrafię, przekazuję sprawę naszemu zespołowi.",
            you_asked: "Ostatnia wiadomość od Ciebie:",
            nothing_said: "W tej rozmowie nic jeszcze nie zostało powiedziane. W czym mogę pomóc?",
        },
        Language::Turkish => Replies {
            greeting: "Merhaba! Size nasıl yardımcı olabilirim?",
            thanks: "Rica ederim! Başka bir konuda yardımcı olabilir miyim?",
            farewell: "Hoşça kalın, iyi günler!",
            who: "Ben bir insan değil, otomatik bir asistanım. Yardım makalelerimizden yanıt veririm, yanıtlayamadığımda ekibimize aktarırım.",
            you_asked: "Şunu yazdınız:",
            nothing_said: "Bu konuşmada henüz bir şey söylenmedi. Size nasıl yardımcı olabilirim?",
        },
        Language::Russian => Replies {
            greeting: "Здравствуйте! Чем я могу помочь?",
            thanks: "Пожалуйста! Могу ли я помочь чем-то ещё?",
            farewell: "До свидания, хорошего дня!",
            who: "Я автоматический помощник, а не человек. Я отвечаю по нашим справочным статьям и передаю вопрос нашей команде, если не могу ответить.",
            you_asked: "Вы написали:",
            nothing_said: "В этом разговоре ещё ничего не было сказано. Чем я могу помочь?",
        },
        Language::Arabic => Replies {
            greeting: "مرحبًا! كيف يمكنني مساعدتك؟",
            thanks: "على الرحب والسعة! هل يمكنني مساعدتك في شيء آخر؟",
            farewell: "إلى اللقاء، أتمنى لك يومًا سعيدًا!",
            who: "أنا مساعد آلي ولست شخصًا. أجيب من مقالات المساعدة لدينا، وأحيل السؤال إلى فريقنا عندما لا أستطيع الإجابة.",
            you_asked: "لقد كتبت:",
            nothing_said: "لم يُقل شيء في هذه المحادثة بعد. كيف يمكنني مساعدتك؟",
        },
        Language::Hindi => Replies {
            greeting: "नमस्ते! मैं आपकी क्या मदद कर सकता हूँ?",
            thanks: "आपका स्वागत है! क्या मैं किसी और चीज़ में मदद कर सकता हूँ?",
            farewell: "अलविदा, आपका दिन शुभ हो!",
            who: "मैं एक स्वचालित सहायक हूँ, इंसान नहीं। मैं हमारे सहायता लेखों से उत्तर देता हूँ, और जब नहीं दे पाता तो हमारी टीम को सौंप देता हूँ।",
            you_asked: "आपने लिखा:",
            nothing_said: "इस बातचीत में अभी तक कुछ नहीं कहा गया है। मैं आपकी क्या मदद कर सकता हूँ?",
        },
        Language::Japanese => Replies {
            greeting: "こんにちは！どのようなご用件でしょうか？",
            thanks: "どういたしまして！ほかにお手伝いできることはありますか？",
            farewell: "さようなら。良い一日をお過ごしください！",
            who: "私は自動応答のアシスタントで、人間ではありません。ヘルプ記事をもとにお答えし、お答えできないときは担当チームに引き継ぎます。",
            you_asked: "お客様のメッセージ：",
            nothing_said: "この会話ではまだ何も話していません。どのようなご用件でしょうか？",
        },
        Language::Korean => Replies {
            greeting: "안녕하세요! 무엇을 도와드릴까요?",
            thanks: "천만에요! 더 도와드릴 일이 있을까요?",
            farewell: "안녕히 가세요. 좋은 하루 되세요!",
            who: "저는 사람이 아니라 자동 응답 도우미입니다. 도움말 문서를 바탕으로 답하고, 답할 수 없을 때는 담당 팀에 전달합니다.",
            you_asked: "고객님이 쓰신 내용:",
            nothing_said: "이 대화에서는 아직 나눈 말이 없습니다. 무엇을 도와드릴까요?",
        },
        Language::Chinese => Replies {
            greeting: "您好！请问有什么可以帮您？",
            thanks: "不客气！还有什么可以帮您的吗？",
            farewell: "再见，祝您愉快！",
            who: "我是自动助手，不是真人。我根据帮助文章回答问题，无法回答时会转交给我们的团队。",
            you_asked: "您写的是：",
            nothing_said: "这次对话中还没有说过什么。请问有什么可以帮您？",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::conversation::Said;

    #[test]
    fn each_language_has_words_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for language in Language::ALL {
            for kind in [SmallTalk::Greeting, SmallTalk::Thanks, SmallTalk::Farewell, SmallTalk::WhoAnswers] {
                assert!(seen.insert(reply(kind, language, &Conversation::default())), "{language:?} {kind:?}");
            }
        }
    }

    #[test]
    fn what_was_said_is_repeated_and_nothing_is_made_up() {
        let line = |sender, text: &str| Said { sender, text: text.to_owned(), is_answer: true, offered: None };
        let said = vec![line(Sender::User, "How long is it valid?"), line(Sender::Bot, "20 minutes.")];
        let conversation = Conversation::of(said, None);
        assert_eq!(reply(SmallTalk::RepeatAnswer, Language::English, &conversation), "20 minutes.");
        assert_eq!(
            reply(SmallTalk::RepeatQuestion, Language::English, &conversation),
            "You wrote: How long is it valid?"
        );
        let nothing = reply(SmallTalk::RepeatAnswer, Language::German, &Conversation::default());
        assert!(nothing.contains("noch nichts gesagt"));
    }
}
