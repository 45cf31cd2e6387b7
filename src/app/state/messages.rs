//! What was said to the person: it goes with the next key that does something, and its history is kept. A message may lead
//! on, to what came up while the person was elsewhere: such a one stays until it is gone on to, or taken back.

use jiff::Timestamp;

use super::overlay::{Next, Overlay};
use super::review::Review;
use crate::app::form::Form;
use crate::app::format::Tone;
use crate::domain::{AwsContext, Fault};

/// How many messages are kept.
const KEPT: usize = 500;

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What tells it from all others.
    pub id: u64,
    /// When it was said last.
    pub at: Timestamp,
    /// What it means.
    pub tone: Tone,
    /// What it says; untrusted where it quotes.
    pub text: String,
    /// What went wrong, if it is about that.
    pub fault: Option<Box<Fault>>,
    /// The context that it is about, once that was left: there alone what it says is mended.
    pub(in crate::app) of: Option<Box<AwsContext>>,
    /// What its Enter goes on to.
    pub(in crate::app) next: Option<Next>,
    /// So much of the text is left once it was gone on.
    said: usize,
    /// How often it was said in a row.
    pub times: usize,
    read: bool,
}

impl Message {
    /// Whether its Enter goes on to something.
    pub fn leads_on(&self) -> bool {
        self.next.is_some()
    }

    /// The context that it is about, if that is not the one that is shown.
    pub(in crate::app) fn elsewhere(&self, shown: &AwsContext) -> Option<&AwsContext> {
        self.of.as_deref().filter(|of| *of != shown)
    }

    /// What it leads on to: once, and it does not say so any more.
    fn take_next(&mut self) -> Option<Next> {
        let next = self.next.take()?;
        self.text.truncate(self.said);
        Some(next)
    }
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    list: Vec<Message>,
    minted: u64,
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

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All that are kept, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Message> {
        self.list.iter().rev()
    }

    /// Where a message stands, the newest first; the newest if it is gone.
    pub fn row(&self, id: u64) -> usize {
        self.newest_first().position(|message| message.id == id).unwrap_or(0)
    }

    /// The id of the message in a row, the newest first.
    pub(in crate::app) fn id(&self, row: usize) -> u64 {
        self.newest_first().nth(row).map_or(0, |message| message.id)
    }

    pub(in crate::app) fn get(&self, id: u64) -> Option<&Message> {
        self.list.iter().find(|message| message.id == id)
    }

    /// What the message's Enter goes on to: once, then it is read.
    pub(in crate::app) fn take_next(&mut self, id: u64) -> Option<Next> {
        let message = self.list.iter_mut().find(|message| message.id == id)?;
        let next = message.take_next()?;
        message.read = true;
        Some(next)
    }

    /// The form of this purpose as it was filled in the last time, if that came to nothing.
    pub(in crate::app) fn take_form(&mut self, purpose: &str) -> Option<Form> {
        self.take(|overlay| match overlay {
            Overlay::Form(form) if form.purpose == purpose => Some(form.clone()),
            _ => None,
        })
    }

    /// The policy of this key as it was edited the last time, if that came to nothing.
    pub(in crate::app) fn take_policy(&mut self, key_arn: &str) -> Option<String> {
        let is_it = |review: &Review| review.refusal.is_some() && review.of.key_arn() == Some(key_arn);
        self.take(|overlay| match overlay {
            Overlay::Review(review) if is_it(review) => Some(review.after.clone()),
            _ => None,
        })
    }

    /// Of the newest message that leads on to what is wanted: it is not in the message any more.
    fn take<T>(&mut self, wanted: impl Fn(&Overlay) -> Option<T>) -> Option<T> {
        self.list.iter_mut().rev().find_map(|message| match &message.next {
            Some(Next::Show(overlay)) => {
                let found = wanted(overlay)?;
                message.take_next();
                Some(found)
            }
            _ => None,
        })
    }

    pub(in crate::app) fn say(&mut self, at: Timestamp, tone: Tone, text: String, fault: Option<Fault>) {
        self.add(None, (at, tone), (text, ""), fault, None);
    }

    /// Says something of a context that was left.
    pub(in crate::app) fn say_of(
        &mut self,
        context: Box<AwsContext>,
        at: Timestamp,
        tone: Tone,
        text: String,
        fault: Option<Fault>,
    ) {
        self.add(Some(context), (at, tone), (text, ""), fault, None);
    }

    /// Says something whose Enter goes on, and `how`.
    pub(in crate::app) fn lead(
        &mut self,
        at: Timestamp,
        tone: Tone,
        said: (String, &str),
        fault: Option<Fault>,
        next: Next,
    ) {
        self.add(None, (at, tone), said, fault, Some(next));
    }

    fn add(
        &mut self,
        of: Option<Box<AwsContext>>,
        (at, tone): (Timestamp, Tone),
        (mut text, how): (String, &str),
        fault: Option<Fault>,
        next: Option<Next>,
    ) {
        let fault = fault.map(Box::new);
        // What a message leads on to is nobody else's.
        let is_same = |last: &&mut Message| last.text == text && last.of == of && last.next.is_none() && next.is_none();
        if let Some(last) = self.list.last_mut().filter(is_same) {
            last.at = at;
            last.times += 1;
            last.read = false;
            last.fault = fault;
            return;
        }
        // Good news is old news once there is other; trouble stays until it is read.
        let is_trouble = |message: &&mut Message| matches!(message.tone, Tone::Warn | Tone::Bad);
        let news = self.list.iter_mut().filter(|message| !is_trouble(message));
        news.for_each(|message| message.read = true);
        if self.list.len() == KEPT {
            self.list.remove(0);
        }
        self.minted += 1;
        let said = text.len();
        text.push_str(how);
        self.list.push(Message {
            id: self.minted,
            at,
            tone,
            text,
            fault,
            of,
            next,
            said,
            times: 1,
            read: false,
        });
    }

    /// The context that they were said in is left: each says which it was, and leads nowhere any more.
    pub(in crate::app) fn leave(&mut self, context: &AwsContext) {
        for message in &mut self.list {
            message.take_next();
            if message.of.is_none() {
                message.text = format!("In {}: {}", context.label(), message.text);
                message.said = message.text.len();
                message.of = Some(Box::new(context.clone()));
            }
        }
    }

    /// The person goes on with something else: what was on screen is read, but for what still leads on.
    pub(in crate::app) fn pass(&mut self) {
        let told = self.list.iter_mut().filter(|message| message.next.is_none());
        told.for_each(|message| message.read = true);
    }

    pub(in crate::app) fn dismiss_all(&mut self) {
        self.list.iter_mut().for_each(|message| message.read = true);
    }
}
