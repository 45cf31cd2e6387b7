//! Bytes from a terminal into what a person typed, and nothing that the terminal itself says.
//!
//! A terminal answers questions on the same line that the keys come by, late perhaps and in pieces, and asked by the
//! program before us. Such an answer is a control string (DCS, OSC, APC, PM, SOS) or a control sequence (CSI) that is
//! no key: all of it is swallowed. In doubt more is swallowed, not less, because a key press acts; what never ends
//! counts as ended after a silence, so that the keyboard is never lost.
//!
//! There is no clock here: whoever reads waits for [`Decoder::patience`] and reports a [`Decoder::silence`].

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::Input;
use super::{keys, mouse};

/// Within it, what follows Esc is one key with it: Alt. A terminal sends both at once.
const ALT: Duration = Duration::from_millis(25);
/// Within it (counting [`ALT`]), what follows Esc may be the rest of a sequence that was cut.
const CUT: Duration = Duration::from_millis(75);
/// Within it, what follows Esc and the first byte of a sequence may be its rest. Alone they are two keys.
const BEGUN: Duration = Duration::from_millis(100);
/// A sequence or string without an end has ended.
const UNENDED: Duration = Duration::from_secs(1);
/// A paste whose end got lost. Longer: what comes too late for it would be key presses.
const UNPASTED: Duration = Duration::from_secs(5);
/// No key is longer.
const LONGEST: usize = 32;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What has begun.
#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// A character of several bytes: those that came, and how many there are in all.
    Character { bytes: Vec<u8>, of: usize, alt: bool },
    /// Esc; `late` once it is too old for Alt.
    Escape { late: bool },
    /// Esc and what begins a sequence or a string, of which nothing has come yet: two keys, if nothing comes.
    Begun { with: u8, late: bool },
    /// The Linux console's `ESC [ [`; three keys, if nothing comes.
    Console { late: bool },
    /// CSI: its bytes so far.
    Sequence(Vec<u8>),
    /// SS3.
    Shifted,
    /// An old mouse report: so many bytes to come.
    Mouse(u8),
    /// DCS, OSC, APC, PM or SOS.
    Text(Text),
    /// Bracketed paste.
    Paste(Vec<u8>),
}

/// A control string, as far as its end can be told.
#[derive(Debug, Default)]
struct Text {
    /// It was begun by an 8-bit control, so an 8-bit ST ends it.
    is_8_bit: bool,
    /// The last byte was Esc.
    escaped: bool,
    /// Bytes that a character in it still wants, and whether it began as U+0080 to U+00BF do: 0x9C in a character is
    /// no ST, and U+009C is one.
    wanted: usize,
    is_low: bool,
}

impl Text {
    fn ends_with(&mut self, byte: u8) -> bool {
        if byte == BEL || (self.escaped && byte == b'\\') {
            return true;
        }
        self.escaped = byte == ESC;
        if !self.is_8_bit {
            return false;
        }
        if self.wanted > 0 && (0x80..=0xbf).contains(&byte) {
            self.wanted -= 1;
            return self.is_low && byte == 0x9c;
        }
        self.wanted = length(byte).saturating_sub(1);
        self.is_low = byte == 0xc2;
        byte == 0x9c
    }
}

/// The state between two reads.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
}

impl Decoder {
    /// How long to wait for more bytes before it is a [`Decoder::silence`]; `None` where nothing has begun.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape { late: false } => Some(ALT),
            State::Escape { late: true } => Some(CUT),
            State::Begun { .. } | State::Console { .. } => Some(BEGUN),
            State::Paste(_) => Some(UNPASTED),
            State::Character { .. } | State::Sequence(_) | State::Shifted | State::Mouse(_) | State::Text(_) => {
                Some(UNENDED)
            }
        }
    }

    /// Nothing came for as long as [`Decoder::patience`] said.
    pub fn silence(&mut self, typed: &mut Vec<Input>) {
        self.state = match std::mem::take(&mut self.state) {
            State::Escape { late: false } => State::Escape { late: true },
            State::Escape { late: true } => {
                typed.push(key(KeyCode::Esc));
                State::Ground
            }
            State::Begun { with, late } => after_escape(with, late, typed),
            State::Console { late } => no_console(late, typed),
            State::Ground
            | State::Character { .. }
            | State::Sequence(_)
            | State::Shifted
            | State::Mouse(_)
            | State::Text(_)
            | State::Paste(_) => State::Ground,
        };
    }

    /// These bytes came, with no [`Decoder::silence`] since the last ones but those that were reported.
    pub fn feed(&mut self, bytes: &[u8], typed: &mut Vec<Input>) {
        for byte in bytes {
            let state = std::mem::take(&mut self.state);
            self.state = next(state, *byte, typed);
        }
    }
}

fn next(state: State, byte: u8, typed: &mut Vec<Input>) -> State {
    match state {
        State::Ground => ground(byte, false, typed),
        State::Escape { late } => escaped(byte, late, typed),
        State::Begun { with, late } => begun(with, late, byte, typed),
        State::Character { bytes, of, alt } => character(bytes, of, alt, byte, typed),
        State::Sequence(bytes) => sequence(bytes, byte, typed),
        State::Shifted => match byte {
            ESC => State::Escape { late: false },
            0x40..=0x7e => {
                typed.extend(keys::shifted(byte).map(Input::Key));
                State::Ground
            }
            _ => State::Shifted,
        },
        State::Console { late } => match keys::console(byte) {
            Some(key) => {
                typed.push(Input::Key(key));
                State::Ground
            }
            None => {
                let state = no_console(late, typed);
                next(state, byte, typed)
            }
        },
        State::Mouse(0 | 1) => State::Ground,
        State::Mouse(left) => State::Mouse(left - 1),
        State::Text(mut text) => {
            if text.ends_with(byte) {
                State::Ground
            } else {
                State::Text(text)
            }
        }
        State::Paste(mut bytes) => {
            bytes.push(byte);
            if !bytes.ends_with(PASTE_END) {
                return State::Paste(bytes);
            }
            bytes.truncate(bytes.len() - PASTE_END.len());
            typed.push(Input::Paste(String::from_utf8_lossy(&bytes).into_owned()));
            State::Ground
        }
    }
}

fn ground(byte: u8, alt: bool, typed: &mut Vec<Input>) -> State {
    match byte {
        ESC => State::Escape { late: false },
        0..0x80 => {
            typed.push(Input::Key(with_alt(keys::ascii(byte), alt)));
            State::Ground
        }
        0x80..=0x9f => control(byte),
        _ => match length(byte) {
            0 => State::Ground,
            of => State::Character {
                bytes: vec![byte],
                of,
                alt,
            },
        },
    }
}

fn escaped(byte: u8, late: bool, typed: &mut Vec<Input>) -> State {
    match byte {
        b'[' | b'O' | b'P' | b']' | b'_' | b'^' | b'X' => State::Begun { with: byte, late },
        ESC => {
            typed.push(key(KeyCode::Esc));
            State::Escape { late: false }
        }
        _ => after_escape(byte, late, typed),
    }
}

/// Esc and a key: that key with Alt, which is what terminals mean by it, unless Esc is too old for it.
fn after_escape(byte: u8, late: bool, typed: &mut Vec<Input>) -> State {
    if late {
        typed.push(key(KeyCode::Esc));
    }
    ground(byte, !late, typed)
}

/// The first byte of what Esc and `with` have begun. No sequence of keys holds a control character: a person went on typing.
fn begun(with: u8, late: bool, byte: u8, typed: &mut Vec<Input>) -> State {
    match (with, byte) {
        (b'[', b'[') => State::Console { late },
        (b'[' | b'O', 0..0x20 | 0x7f) => {
            let state = after_escape(with, late, typed);
            next(state, byte, typed)
        }
        (b'[', _) => sequence(Vec::new(), byte, typed),
        (b'O', _) => next(State::Shifted, byte, typed),
        _ => next(State::Text(Text::default()), byte, typed),
    }
}

/// `ESC [ [` was no key of the Linux console.
fn no_console(late: bool, typed: &mut Vec<Input>) -> State {
    after_escape(b'[', late, typed);
    ground(b'[', false, typed)
}

/// An 8-bit control (C1): the first byte of a character never is one.
fn control(byte: u8) -> State {
    match byte {
        0x8f => State::Shifted,
        0x9b => State::Sequence(Vec::new()),
        0x90 | 0x98 | 0x9d | 0x9e | 0x9f => State::Text(Text {
            is_8_bit: true,
            ..Text::default()
        }),
        _ => State::Ground,
    }
}

fn character(mut bytes: Vec<u8>, of: usize, alt: bool, byte: u8, typed: &mut Vec<Input>) -> State {
    if !(0x80..=0xbf).contains(&byte) {
        return ground(byte, false, typed);
    }
    bytes.push(byte);
    if bytes.len() < of {
        return State::Character { bytes, of, alt };
    }
    let read = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
    match read {
        // Terminals with 8-bit controls send them as characters, too.
        Some(c @ '\u{80}'..='\u{9f}') => control(c as u8),
        Some(c) => {
            typed.push(Input::Key(with_alt(keys::character(c), alt)));
            State::Ground
        }
        None => State::Ground,
    }
}

fn sequence(mut bytes: Vec<u8>, byte: u8, typed: &mut Vec<Input>) -> State {
    match (byte, bytes.as_slice()) {
        (ESC, _) => State::Escape { late: false },
        (b'M', []) => State::Mouse(3),
        (b'~', b"200") => State::Paste(Vec::new()),
        (b'M', [b'<', report @ ..]) => {
            typed.extend(mouse::report(report).map(Input::Mouse));
            State::Ground
        }
        (0x40..=0x7e, _) => {
            typed.extend(keys::sequence(&bytes, byte).map(Input::Key));
            State::Ground
        }
        // One byte more than any key has makes it none.
        (0x20..=0x3f, held) if held.len() <= LONGEST => {
            bytes.push(byte);
            State::Sequence(bytes)
        }
        _ => State::Sequence(bytes),
    }
}

/// How many bytes the character that begins so has; 0 if none does.
fn length(first: u8) -> usize {
    match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

fn key(code: KeyCode) -> Input {
    Input::Key(KeyEvent::from(code))
}

fn with_alt(mut key: KeyEvent, alt: bool) -> KeyEvent {
    if alt {
        key.modifiers |= KeyModifiers::ALT;
    }
    key
}

#[cfg(test)]
mod tests;
