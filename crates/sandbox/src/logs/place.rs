//! Where a page of events begins and ends, and the tokens that say so.

use std::ops::Range;

use super::Event;
use super::read::{LARGEST_PAGE, bad_token, name_of};
use crate::api::{ApiError, token_of};

/// Where an event is among those of several streams.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) timestamp: i64,
    pub(super) stream: String,
    pub(super) index: usize,
}

impl Place {
    pub(super) fn token(&self) -> String {
        token_of(format!("{} {} {}", self.timestamp, self.index, self.stream))
    }

    pub(super) fn parse(token: &str) -> Result<Self, ApiError> {
        let text = name_of(token)?;
        let mut words = text.splitn(3, ' ');
        let place = (|| {
            Some(Self {
                timestamp: words.next()?.parse().ok()?,
                index: words.next()?.parse().ok()?,
                stream: words.next()?.to_owned(),
            })
        })();
        place.ok_or_else(bad_token)
    }
}

/// Where `GetLogEvents` goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    Forward(usize),
    Backward(usize),
}

impl Position {
    pub(super) fn token(self) -> String {
        match self {
            Self::Forward(at) => format!("f/{at:056}"),
            Self::Backward(at) => format!("b/{at:056}"),
        }
    }

    pub(super) fn parse(token: &str) -> Result<Self, ApiError> {
        let (direction, at) = token.split_once('/').ok_or_else(bad_token)?;
        let at = at.parse().map_err(|_| bad_token())?;
        match direction {
            "f" => Ok(Self::Forward(at)),
            "b" => Ok(Self::Backward(at)),
            _ => Err(bad_token()),
        }
    }
}

/// The events from `start` on and before `end`.
pub(super) fn window(events: &[Event], start: Option<i64>, end: Option<i64>) -> Range<usize> {
    let from = start.map_or(0, |start| events.partition_point(|event| event.timestamp < start));
    let to = end.map_or(events.len(), |end| {
        events.partition_point(|event| event.timestamp < end)
    });
    from..to.max(from)
}

pub(super) fn forward(events: &[Event], at: usize, window: &Range<usize>, limit: usize) -> Range<usize> {
    // A token behind the window stays where it is: the end is a repeated token.
    let from = at.max(window.start);
    if from >= window.end {
        let from = from.min(events.len());
        return from..from;
    }
    from..from + fitting(events[from..window.end].iter(), limit)
}

pub(super) fn backward(events: &[Event], at: usize, window: &Range<usize>, limit: usize) -> Range<usize> {
    let to = at.min(window.end).max(window.start);
    to - fitting(events[window.start..to].iter().rev(), limit)..to
}

/// How many of `events` a page holds: at least one, if there is one.
pub(super) fn fitting<'a>(events: impl Iterator<Item = &'a Event>, limit: usize) -> usize {
    let mut size = 0;
    events
        .take(limit)
        .enumerate()
        .take_while(|(number, event)| {
            size += event.message.len() + 26;
            *number == 0 || size <= LARGEST_PAGE
        })
        .count()
}
