//! Mails in English.

use super::{Wording, one_line};
use crate::mail::{Language, Letter};

pub(super) fn of(letter: &Letter, name: Option<&str>) -> Wording {
    let (subject, before, button, after) = match letter {
        Letter::Verification { valid_hours, .. } => (
            "Confirm your e-mail address".to_owned(),
            vec![
                "Somebody has registered with this address. If it was you, please confirm that it is yours.".to_owned(),
            ],
            "Confirm the address",
            vec![works_for(*valid_hours), "If it was not you, ignore this mail: nothing happens then.".to_owned()],
        ),
        Letter::Welcome => (
            "Welcome".to_owned(),
            vec!["Your e-mail address is confirmed, and your account is ready.".to_owned()],
            "Sign in",
            vec![],
        ),
        Letter::PasswordReset { valid_hours, .. } => (
            "Choose a new password".to_owned(),
            vec!["Somebody has asked for a new password for your account.".to_owned()],
            "Choose a new password",
            vec![
                format!("{} It works once.", works_for(*valid_hours)),
                "If it was not you, ignore this mail: your password stays as it is.".to_owned(),
            ],
        ),
        Letter::Invitation { valid_hours, workspace, inviter, .. } => {
            let workspace = one_line(workspace);
            let invited = match inviter.as_deref().map(one_line).filter(|inviter| !inviter.is_empty()) {
                Some(inviter) => format!("{inviter} invites you to the workspace “{workspace}”."),
                None => format!("You are invited to the workspace “{workspace}”."),
            };
            (
                format!("Invitation to {workspace}"),
                vec![invited],
                "Accept the invitation",
                vec![
                    works_for(*valid_hours),
                    "If you do not know why, ignore this mail: nothing happens then.".to_owned(),
                ],
            )
        }
    };
    let greeting = name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"));
    Wording { language: Language::English, subject, greeting, before, button, after }
}

fn works_for(hours: u32) -> String {
    match hours {
        1 => "The link works for one hour.".to_owned(),
        hours if hours > 48 && hours % 24 == 0 => format!("The link works for {} days.", hours / 24),
        hours => format!("The link works for {hours} hours."),
    }
}
