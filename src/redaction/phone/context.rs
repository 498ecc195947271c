//! What the words around a number say about it, in the languages that Candor speaks.
//!
//! The lists are looked up by hand: a pattern with word boundaries would leave the fast path of `regex` in every text
//! that is not ASCII.

use crate::redaction::digits::{is_space, last_chars};

/// How far before a number a word is looked for, in characters: "you can reach me any time at".
const WINDOW_CHARS: usize = 48;

/// What the words before a number say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Phone,
    /// The number of an order, an error, an article.
    AnotherNumber,
}

/// Words that announce a phone number.
const PHONE_WORDS: &[&str] = &[
    "tel",
    "tél",
    "tlf",
    "tfno",
    "ph",
    "fon",
    "mob",
    "cel",
    "gsm",
    "fax",
    "sms",
    "call",
    "ring",
    "dial",
    "contact",
    "whatsapp",
    "viber",
    "kontakt",
    "bel",
    "zadzwoń",
    "ligue",
    "ligar",
    "rufen",
    "ruf",
    "rufnummer",
    "arayın",
    "тел",
    "моб",
];

/// The same wherever they stand: within long words (Kundenhotline), inflected, or in scripts without spaces.
const PHONE_PARTS: &[&str] = &[
    "phone",
    "telefon",
    "teléfono",
    "téléphone",
    "telemóvel",
    "móvil",
    "celular",
    "cellulare",
    "portable",
    "mobil",
    "handy",
    "numero verde",
    "hotline",
    "anruf",
    "erreich",
    "appel",
    "joindre",
    "llama",
    "lláma",
    "llame",
    "chiama",
    "chiami",
    "my cell",
    "cell:",
    "text me",
    "reach me",
    "reach us",
    "my number",
    "meine nummer",
    "mi número",
    "mi numero",
    "mon numéro",
    "meu número",
    "il mio numero",
    "mijn nummer",
    "mój numer",
    "numaram",
    "мой номер",
    "телефон",
    "мобильн",
    "звон",
    "电话",
    "電話",
    "手机",
    "手機",
    "热线",
    "联系方式",
    "連絡先",
    "携帯",
    "휴대폰",
    "전화",
    "연락처",
    "هاتف",
    "جوال",
    "موبايل",
    "واتساب",
    "تليفون",
    "رقمي",
    "اتصل",
    "फ़ोन",
    "फोन",
    "मोबाइल",
    "व्हाट्सएप",
    "कॉल",
    "wa.me/",
];

/// Words that announce another number.
const OTHER_WORDS: &[&str] = &[
    "id", "ids", "ref", "sn", "ean", "gtin", "upc", "isbn", "issn", "imei", "iccid", "vin", "sku", "po", "rma", "kb",
    "pin", "pid", "zip", "plz", "iban", "bic", "vat", "ust", "tva", "nif", "cif", "case", "cases", "code", "codes",
    "item", "items", "part", "lot", "line", "page", "row", "step", "run", "build", "port", "v", "ver", "rev", "asin",
    "awb", "nip", "inn", "инн", "огрн", "acct", "account", "art", "bestelnr",
];

/// Beginnings of words that announce another number.
const OTHER_BEGINNINGS: &[&str] = &[
    "order",
    "invoice",
    "ticket",
    "referen",
    "référence",
    "error",
    "fehler",
    "article",
    "artikel",
    "serial",
    "serien",
    "version",
    "track",
    "parcel",
    "shipment",
    "customer",
    "model",
    "batch",
    "policy",
    "contract",
    "contrat",
    "license",
    "licence",
    "receipt",
    "booking",
    "reservation",
    "transaction",
    "payment",
    "session",
    "bestell",
    "auftrag",
    "rechnung",
    "kundennummer",
    "kundennr",
    "vorgang",
    "sendung",
    "vertrag",
    "beleg",
    "commande",
    "facture",
    "dossier",
    "colis",
    "erreur",
    "pedido",
    "factura",
    "incidencia",
    "fatura",
    "encomenda",
    "erro",
    "ordine",
    "fattura",
    "codice",
    "codigo",
    "código",
    "zamówieni",
    "faktur",
    "przesyłk",
    "błąd",
    "błęd",
    "sipariş",
    "hata",
    "kargo",
    "factuur",
    "klantnummer",
    "pakket",
    "foutcode",
    "заказ",
    "счет",
    "счёт",
    "ошибк",
    "накладн",
    "договор",
    "артикул",
    "заявк",
    "طلب",
    "الطلب",
    "فاتورة",
    "خطأ",
    "ऑर्डर",
    "चालान",
    "त्रुटि",
];

/// The same in scripts without spaces, and signs.
const OTHER_ENDINGS: &[&str] =
    &["#", "№", "订单", "訂單", "单", "编", "發票", "发票", "错误", "注文", "伝票", "エラー", "주문", "송장", "오류"];

/// Words that may stand between such a word and its number.
const FILLERS: &[&str] = &[
    "number",
    "numbers",
    "no",
    "nr",
    "num",
    "numero",
    "número",
    "numéro",
    "numer",
    "nummer",
    "numarası",
    "номер",
    "номера",
    "n",
    "is",
    "was",
    "ist",
    "war",
    "lautet",
    "est",
    "es",
    "é",
    "è",
    "to",
    "jest",
    "de",
    "du",
    "di",
    "da",
    "रक़म",
    "नंबर",
    "संख्या",
    "है",
    "رقم",
];

/// The same in scripts without spaces.
const FILLER_ENDINGS: &[&str] = &["号码", "號碼", "番号", "号", "號", "番", "번호", "是", "は", "为", "為"];

const CURRENCY_SIGNS: [char; 8] = ['€', '$', '£', '¥', '₹', '₽', '₺', '₩'];

const CURRENCIES: &[&str] =
    &["eur", "usd", "gbp", "chf", "pln", "sek", "nok", "dkk", "jpy", "cny", "inr", "rub", "try", "brl", "aed", "rs"];

/// Units and what is counted, right behind an amount.
const UNITS: &[&str] = &[
    "euro",
    "euros",
    "dollar",
    "dollars",
    "pounds",
    "kr",
    "zł",
    "руб",
    "рублей",
    "lei",
    "kč",
    "kb",
    "mb",
    "gb",
    "tb",
    "kib",
    "mib",
    "gib",
    "byte",
    "bytes",
    "ms",
    "km",
    "kg",
    "mm",
    "cm",
    "px",
    "user",
    "users",
    "points",
    "punkte",
    "customers",
    "downloads",
    "times",
];

/// What the words before a number say.
pub(super) fn said_before(before: &str) -> Said {
    let window = last_chars(before, WINDOW_CHARS);
    // The line above is about something else.
    let line = window.rsplit(['\n', '\r']).next().unwrap_or(window).to_lowercase();
    if is_another_number(&line) {
        Said::AnotherNumber
    } else if PHONE_PARTS.iter().any(|part| line.contains(part))
        || line.split(|c: char| !is_letter(c)).any(|word| PHONE_WORDS.contains(&word))
    {
        Said::Phone
    } else {
        Said::Nothing
    }
}

/// Whether a line ends with a word for another number and nothing but such words as "number" and "is" behind it.
fn is_another_number(line: &str) -> bool {
    let mut rest = line;
    loop {
        rest = rest.trim_end_matches(|c: char| c.is_whitespace() || ".:=-–\"'(*_°º".contains(c));
        if OTHER_ENDINGS.iter().any(|ending| rest.ends_with(ending)) {
            return true;
        }
        if let Some(shorter) = FILLER_ENDINGS.iter().find_map(|ending| rest.strip_suffix(ending)) {
            rest = shorter;
            continue;
        }
        let shorter = rest.trim_end_matches(is_letter);
        let word = &rest[shorter.len()..];
        if !FILLERS.contains(&word) {
            // Bestellhotline, Auftragstelefon.
            let is_phone = PHONE_PARTS.iter().any(|part| word.contains(part));
            let is_other = OTHER_WORDS.contains(&word) || OTHER_BEGINNINGS.iter().any(|other| word.starts_with(other));
            return is_other && !is_phone;
        }
        rest = shorter;
    }
}

/// Whether a number is an amount of money or of something that is counted.
pub(super) fn is_amount(before: &str, after: &str) -> bool {
    let before = last_chars(before, 6).trim_end_matches(is_space);
    let after = first_chars(after, 16).trim_start_matches(is_space).to_lowercase();
    if before.ends_with(CURRENCY_SIGNS)
        || after.starts_with(CURRENCY_SIGNS)
        || after.starts_with(['%', '‰', '°', '元', '円', '원', '万'])
    {
        return true;
    }
    let word_before = before[before.trim_end_matches('.').trim_end_matches(is_letter).len()..].to_lowercase();
    let word_after = &after[..after.len() - after.trim_start_matches(is_letter).len()];
    CURRENCIES.contains(&word_before.trim_end_matches('.'))
        || CURRENCIES.contains(&word_after)
        || UNITS.contains(&word_after)
}

/// Whether a character is part of a word: a letter, or a sign of Devanagari that hangs on one.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}')
}

/// The first characters of a text.
fn first_chars(text: &str, chars: usize) -> &str {
    let end = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    &text[..end]
}
