//! Mails in German.

use super::{Wording, one_line};
use crate::mail::{Language, Letter};

pub(super) fn of(letter: &Letter, name: Option<&str>) -> Wording {
    let (subject, before, button, after) = match letter {
        Letter::Verification { valid_hours, .. } => (
            "Bestätigen Sie Ihre E-Mail-Adresse".to_owned(),
            vec![
                "jemand hat sich mit dieser Adresse angemeldet. Wenn Sie es waren, bestätigen Sie bitte, dass sie Ihnen gehört."
                    .to_owned(),
            ],
            "Adresse bestätigen",
            vec![
                works_for(*valid_hours),
                "Wenn Sie es nicht waren, lassen Sie diese Mail liegen: Dann geschieht nichts.".to_owned(),
            ],
        ),
        Letter::Welcome => (
            "Willkommen".to_owned(),
            vec!["Ihre E-Mail-Adresse ist bestätigt, und Ihr Konto ist bereit.".to_owned()],
            "Anmelden",
            vec![],
        ),
        Letter::PasswordReset { valid_hours, .. } => (
            "Wählen Sie ein neues Passwort".to_owned(),
            vec!["jemand hat für Ihr Konto ein neues Passwort verlangt.".to_owned()],
            "Neues Passwort wählen",
            vec![
                format!("{} Er gilt einmal.", works_for(*valid_hours)),
                "Wenn Sie es nicht waren, lassen Sie diese Mail liegen: Ihr Passwort bleibt, wie es ist.".to_owned(),
            ],
        ),
        Letter::Invitation { valid_hours, workspace, inviter, .. } => {
            let workspace = one_line(workspace);
            let invited = match inviter.as_deref().map(one_line).filter(|inviter| !inviter.is_empty()) {
                Some(inviter) => format!("{inviter} lädt Sie in den Arbeitsbereich „{workspace}“ ein."),
                None => format!("Sie sind in den Arbeitsbereich „{workspace}“ eingeladen."),
            };
            (
                format!("Einladung zu {workspace}"),
                vec![invited],
                "Einladung annehmen",
                vec![
                    works_for(*valid_hours),
                    "Wenn Sie nicht wissen, warum, lassen Sie diese Mail liegen: Dann geschieht nichts.".to_owned(),
                ],
            )
        }
    };
    let greeting = name.map_or_else(|| "Guten Tag,".to_owned(), |name| format!("Guten Tag {name},"));
    Wording { language: Language::German, subject, greeting, before, button, after }
}

fn works_for(hours: u32) -> String {
    match hours {
        1 => "Der Link gilt eine Stunde.".to_owned(),
        hours if hours > 48 && hours % 24 == 0 => format!("Der Link gilt {} Tage.", hours / 24),
        hours => format!("Der Link gilt {hours} Stunden."),
    }
}
