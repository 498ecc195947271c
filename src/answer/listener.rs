//! Who hears of an answer before it is whole.

use tokio::sync::mpsc;

use crate::answer::Citation;

/// What is heard of an answer while it is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Articles are searched.
    Searching,
    /// A language model writes.
    Writing,
    /// Whole sentences of a draft that is good enough to be sent with them: they are never taken back.
    Words {
        /// They, with what stands between them and those before.
        text: String,
        /// What they stand on and none before them did.
        citations: Vec<Citation>,
    },
}

/// The end at which an answer is made. Who hears it may be gone: nothing depends on that.
#[derive(Clone, Debug, Default)]
pub struct Listener(Option<mpsc::UnboundedSender<Heard>>);

impl Listener {
    /// A listener, and where it hears. An answer has some dozen sentences at most, so nothing piles up.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Heard>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    /// Whether anybody wants to hear it before it is whole.
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn hear(&self, heard: Heard) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(heard);
        }
    }
}
