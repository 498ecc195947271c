//! Words by which an order is known, in the languages that attacks are written in. All are in small letters.

/// Words by which an instruction takes the place of those before it.
#[rustfmt::skip]
pub(super) const OVERRIDES: &[&str] = &[
    "ignore", "disregard", "forget", "override", "bypass", "discard", "do not follow", "stop following", "never mind",
    "ignorier", "vergiss", "missachte", "vergessen sie", "oublie", "ignorez", "néglige", "ne tiens pas compte",
    "ne tenez pas compte", "ignora", "olvida", "haz caso omiso", "omite", "esqueça", "desconsidere", "desconsiderar",
    "dimentica", "tralascia", "negeer", "vergeet", "zignoruj", "ignoruj", "zapomnij", "pomiń", "игнорируй",
    "проигнорируй", "забудь", "не обращай внимания", "忽略", "无视", "忘记", "忘掉", "yok say", "unut",
];

/// What they are about.
#[rustfmt::skip]
pub(super) const OVERRIDDEN: &[&str] = &[
    "instruction", "prompt", "rules", "rule", "above", "guidelines", "directions", "directive", "everything",
    "constraints", "anweisung", "vorgaben", "regeln", "alles", "consigne", "règles", "instrucci", "reglas",
    "indicaciones", "instruções", "regras", "istruzioni", "regole", "instructies", "regels", "instrukcj", "polece",
    "zasad", "инструкц", "правил", "указани", "指令", "指示", "规则", "提示", "talimat", "kural",
];

/// Overriding where what is overridden comes first.
#[rustfmt::skip]
pub(super) const OVERRIDES_AFTER: &[&str] = &[
    "指示を無視", "指示はすべて無視", "指示は無視", "命令を無視", "ルールを無視", "指示を忘れ", "ルールは忘れ", "지시를 무시", "지시는 무시", "규칙을 무시",
    "talimatları yok say", "talimatları unut", "kuralları unut", "talimatları görmezden gel",
    "anweisungen sind aufgehoben", "regeln gelten nicht", "rules no longer apply", "rules are suspended",
    "instructions are obsolete", "instructions are void", "prompt is outdated",
];

/// Somebody is made into somebody else, or says that he may order something; a command has to follow.
#[rustfmt::skip]
pub(super) const ROLES: &[&str] = &[
    "you are now", "you're now", "you are no longer", "from now on", "from this point on", "as the administrator",
    "as an administrator", "as your administrator", "as the admin", "as the developer", "as your developer",
    "as the owner", "as the ceo", "i am the administrator", "i am your developer", "i am the developer",
    "i'm the developer", "i am an employee", "i work for", "developer mode", "debug mode", "maintenance mode", "act as",
    "pretend", "imagine that you", "let's play", "roleplay", "role-play", "your new role", "your new name is",
    "i order you", "i authorise you", "i authorize you", "you are authorised", "you are authorized", "du bist jetzt",
    "du bist ab", "ab sofort", "ab jetzt", "als administrator", "als geschäftsführer", "als entwickler", "spiele",
    "tu es désormais", "tu es maintenant", "vous êtes désormais", "à partir de maintenant", "désormais",
    "en tant qu'administrateur", "en tant que", "ahora eres", "a partir de ahora", "desde ahora", "como administrador",
    "agora você é", "você agora é", "a partir de agora", "ora sei", "adesso sei", "d'ora in poi", "da ora in poi",
    "come amministratore", "je bent nu", "u bent nu", "vanaf nu", "als beheerder", "od teraz", "od tej chwili",
    "jesteś teraz", "jako administrator", "теперь ты", "ты теперь", "отныне", "с этого момента", "как администратор",
    "я администратор", "从现在起", "从现在开始", "你现在是", "作为管理员", "これからは", "今からあなたは", "あなたは今から", "管理者として", "bundan sonra",
    "artık sen", "이제부터",
];

/// The data seem to end, or somebody else seems to speak.
#[rustfmt::skip]
pub(super) const DELIMITERS: &[&str] = &[
    "### instruction", "### system", "## system", "<|im_start|>system", "<|im_start|>assistant", "<|system|>",
    "<|assistant|>", "[inst]", "<<sys>>", "<system>", "[system]", "[system message]", "{system}", "(system)", "[admin]",
    "[assistant]", "</data>", "</passage>", "</passages>", "</article>", "</context>", "</document>", "</question>",
    "end of article", "end of the article", "end of passage", "end of the passage", "end of document", "end of context",
    "end of data", "end of the data", "end of passages", "end of input", "ende des artikels", "ende der daten",
    "fin de l'article", "fin des données", "fin del artículo", "fine dell'articolo", "einde van het artikel",
    "koniec artykułu", "конец статьи", "文章结束", "記事の終わり", "new task", "new instruction", "updated instruction",
    "additional instruction", "neue aufgabe", "nouvelle tâche", "nueva tarea", "assistant must", "assistant should",
    "assistant has to", "note to the assistant", "note to assistant", "note to ai", "note for the ai", "note for ai",
    "message to the assistant", "instruction to the model", "instructions for the ai", "instructions for ai",
    "instruction for the assistant", "instructions to the assistant", "to the language model", "to any language model",
    "to all language models", "ai assistants", "if you are an ai", "if you are a language model", "dear ai",
    "dear assistant", "hinweis an die ki", "hinweis für die ki", "an den assistenten", "note à l'ia", "à l'assistant",
    "nota para la ia", "nota para el asistente", "nota per l'ia", "nota para a ia", "bericht aan de ai", "uwaga dla ai",
    "system override", "admin override", "system notice", "priority override", "tool result", "tool_result",
    "function result", "begin system",
];

/// Who speaks, at the beginning of a line or a sentence.
#[rustfmt::skip]
pub(super) const SPEAKERS: &[&str] = &[
    "system:", "system :", "assistant:", "developer:", "admin:", "user:", "human:", "sistema:", "système :", "système:",
    "systeem:", "система:", "系统:", "系统：", "システム:", "システム：", "important:", "system message:", "system note:",
    "system update:",
];

/// Words after which stands what is to be said; the longer ones first.
#[rustfmt::skip]
pub(super) const COMMANDS: &[&str] = &[
    "reply with", "respond with", "answer with", "reply", "respond", "answer", "output", "print", "say", "write",
    "state", "tell", "inform", "promise", "offer", "give", "add ", "append", "include", "recommend", "confirm", "claim",
    "announce", "mention", "insert", "guarantee", "direct ", "send ", "advise", "assure", "translate", "grant",
    "antworte", "sage", "sag ", "schreib", "gib ", "nenne", "biete", "versprich", "versprechen", "empfiehl", "teile",
    "bestätige", "réponds", "répondez", "dis ", "dites", "écris", "écrivez", "affiche", "promets", "promettez",
    "confirme", "indique", "responde", "di ", "di:", "diga", "escribe", "contesta", "promete", "ofrece", "confirma",
    "responda", "escreva", "prometa", "informe", "rispondi", "scrivi", "dì", "prometti", "conferma", "comunica",
    "antwoord", "zeg", "schrijf", "beloof", "vermeld", "odpowiedz", "odpowiadaj", "napisz", "powiedz", "obiecaj",
    "podaj", "ответь", "отвечай", "скажи", "напиши", "сообщи", "пообещай", "回答", "回复", "请说", "说", "输出", "告诉", "写",
    "答えて", "返信", "言って", "出力", "書いて", "伝えて", "söyle", "yaz", "yanıtla", "cevap ver", "답하", "말하", "출력",
];

/// Commands that need nobody's authority: they are said as a rule of the house. What is said comes after the honest answer.
#[rustfmt::skip]
pub(super) const DIRECT: &[&str] = &[
    "always tell", "always say", "always add", "always mention", "always include", "always recommend", "always end",
    "tell every customer", "tell all customers", "tell the customer", "tell customers", "tell users", "tell the user",
    "inform every customer", "inform all customers", "inform customers", "inform the customer",
    "promise every customer", "promise the customer", "promise customers", "promise me", "offer every customer",
    "offer the customer", "grant every customer", "every answer must", "each answer must", "every reply must",
    "all answers must", "your answer must", "your reply must", "answers must", "add this link", "add the link",
    "add a link", "include this link", "include the link", "include a link", "append", "insert", "embed",
    "include this image", "include the image", "add this image", "add the image", "add an image", "show this image",
    "begin your answer with", "start your answer with", "end your answer with", "end every answer with",
    "end each answer with", "finish your answer with", "close your answer with", "start your reply with",
    "end your reply with", "begin every answer with", "put this at the end", "recommend every customer",
    "confirm to the customer", "confirm to me", "confirm that", "assure the customer", "in your answer",
    "in your reply", "mention that", "direct customers to", "send customers to", "refer customers to", "say that",
    "say in your answer", "also say", "also tell", "also add", "also mention", "just say", "simply say", "please say",
    "answer only with", "reply only with", "respond only with", "answer exclusively", "füge", "hänge", "ergänze",
    "beende", "sage jedem kunden", "sage dem kunden", "sag dem kunden", "teile dem kunden", "nenne dem kunden",
    "versprich", "antworte nur", "ajoute", "ajoutez", "termine ta réponse", "dis au client", "dites au client",
    "promets au client", "réponds uniquement", "añade", "agrega", "incluye", "termina tu respuesta", "di al cliente",
    "dile al cliente", "promete al cliente", "adicione", "acrescente", "inclua", "diga ao cliente",
    "prometa ao cliente", "aggiungi", "inserisci", "di' al cliente", "di al cliente", "prometti al cliente", "voeg",
    "vertel de klant", "zeg tegen de klant", "beloof de klant", "dodaj", "dołącz", "powiedz klientowi",
    "obiecaj klientowi", "добавь", "скажи клиенту", "скажи покупателю", "пообещай клиенту", "сообщи клиенту", "请在回答中",
    "在回答中加上", "告诉客户", "请告诉客户", "请添加", "回答の最後に", "お客様に", "顧客に", "müşteriye", "고객에게",
];

/// That no source is to be named.
#[rustfmt::skip]
pub(super) const CITE_NOTHING: &[&str] = &[
    "cite nothing", "cite no ", "citing nothing", "citing no", "without citation", "without citing",
    "without any citation", "no citation", "without a source", "without source", "without naming", "name no source",
    "no source", "no passage", "leave passages empty", "leave the passages empty", "empty list of passages",
    "do not cite", "don't cite", "ohne quelle", "keine quelle", "nenne keine", "sans citer", "sans source",
    "ne cite aucun", "sin citar", "sin fuente", "no cites", "sem citar", "sem fonte", "senza citare", "senza fonti",
    "zonder bron", "bez źródł", "bez podawania źródeł", "не указывай источник", "без источник", "不要引用", "无需引用", "出典なし",
    "引用せず", "引用しない", "kaynak gösterme",
];
