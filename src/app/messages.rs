//! What was said to the person: it stays until read, and its history is kept.

use jiff::Timestamp;

use super::text::Tone;
use crate::domain::Fault;

/// How many messages are kept.
const KEPT: usize = 500;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// When it was said last.
    pub at: Timestamp,
    /// What it means.
    pub tone: Tone,
    /// What it says; untrusted where it quotes.
    pub text: String,
    /// What went wrong, if it is about that.
    pub fault: Option<Box<Fault>>,
    /// How often it was said in a row.
    pub times: usize,
    read: bool,
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    list: Vec<Message>,
}

impl Messages {
    /// The newest that is still to be read.
    pub fn unread(&self) -> Option<&Message> {
        self.list.iter().rev().find(|message| !message.read)
    }

    /// How many are still to be read.
    pub fn count_unread(&self) -> usize {
        self.list.iter().filter(|message| !message.read).count()
    }

    /// All that are kept, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Message> {
        self.list.iter().rev()
    }

    pub(super) fn say(&mut self, at: Timestamp, tone: Tone, text: String, fault: Option<Fault>) {
        let fault = fault.map(Box::new);
        if let Some(last) = self.list.last_mut().filter(|last| last.text == text) {
            last.at = at;
            last.times += 1;
            last.read = false;
            last.fault = fault;
            return;
        }
        if self.list.len() == KEPT {
            self.list.remove(0);
        }
        self.list.push(Message {
            at,
            tone,
            text,
            fault,
            times: 1,
            read: false,
        });
    }

    /// Takes the newest unread one as read; false if all are.
    pub(super) fn dismiss(&mut self) -> bool {
        let newest = self.list.iter_mut().rev().find(|message| !message.read);
        newest.is_some_and(|message| {
            message.read = true;
            true
        })
    }

    pub(super) fn dismiss_all(&mut self) {
        self.list.iter_mut().for_each(|message| message.read = true);
    }
}
