//! The keys that terminals have sequences for: xterm's, the Linux console's, rxvt's, and the `CSI u` form of others.
//!
//! What is not a key for certain is none. So `CSI … R` is the position of the cursor and never F3 with a modifier.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Super, Hyper and Meta: `Super-e` is another key than `e`.
const OTHER_MODIFIERS: u32 = 8 | 16 | 32;

/// A key of one byte.
pub(super) fn ascii(byte: u8) -> KeyEvent {
    let control = |c: u8| KeyEvent::new(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL);
    match byte {
        b'\r' => KeyCode::Enter.into(),
        b'\t' => KeyCode::Tab.into(),
        0x1b => KeyCode::Esc.into(),
        0x7f => KeyCode::Backspace.into(),
        0 => control(b' '),
        0x01..=0x1a => control(byte - 1 + b'a'),
        0x1c..=0x1f => control(byte - 0x1c + b'4'),
        _ => character(char::from(byte)),
    }
}

/// A character.
pub(super) fn character(c: char) -> KeyEvent {
    let modifiers = if c.is_uppercase() {
        KeyModifiers::SHIFT
    } else {
        KeyModifiers::NONE
    };
    KeyEvent::new(KeyCode::Char(c), modifiers)
}

/// `ESC O` and this byte.
pub(super) fn shifted(last: u8) -> Option<KeyEvent> {
    match last {
        b'M' => Some(KeyCode::Enter.into()),
        b'R' => Some(KeyCode::F(3).into()),
        _ => arrow_or_function(last).map(KeyEvent::from),
    }
}

/// `ESC [ [` and this byte.
pub(super) fn console(last: u8) -> Option<KeyEvent> {
    matches!(last, b'A'..=b'E').then(|| KeyCode::F(last - b'A' + 1).into())
}

/// `ESC [`, parameters, and this last byte.
pub(super) fn sequence(parameters: &[u8], last: u8) -> Option<KeyEvent> {
    let parameters = Parameters::read(parameters)?;
    let (code, modifiers) = match last {
        b'~' => match parameters.first? {
            // xterm's modifyOtherKeys.
            27 => (coded(parameters.third?)?, parameters.modifiers()?),
            number => (numbered(number)?, parameters.modifiers()?),
        },
        b'u' => (coded(parameters.first?)?, parameters.modifiers()?),
        b'Z' if parameters.first.is_none_or(|first| first == 1) => {
            (KeyCode::BackTab, parameters.modifiers()? | KeyModifiers::SHIFT)
        }
        _ if parameters.first.is_none_or(|first| first == 1) => (arrow_or_function(last)?, parameters.modifiers()?),
        _ => return None,
    };
    Some(with_shift(code, modifiers))
}

/// Letters and Tab have other names with Shift.
fn with_shift(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    match code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::SHIFT) => {
            let mut upper = c.to_uppercase();
            let only = upper.next().filter(|_| upper.next().is_none());
            KeyEvent::new(KeyCode::Char(only.unwrap_or(c)), modifiers)
        }
        KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => KeyEvent::new(KeyCode::BackTab, modifiers),
        code => KeyEvent::new(code, modifiers),
    }
}

fn arrow_or_function(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'S' => KeyCode::F(4),
        _ => return None,
    })
}

fn numbered(number: u32) -> Option<KeyCode> {
    let function = |from: u32, first: u8| KeyCode::F((number - from) as u8 + first);
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => function(11, 1),
        17..=21 => function(17, 6),
        23..=26 => function(23, 11),
        28..=29 => function(28, 15),
        31..=34 => function(31, 17),
        _ => return None,
    })
}

/// The key of a character's number; those of Unicode's private area are modifiers, media keys and the like.
fn coded(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        57_344..=63_743 => return None,
        _ => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

/// `first;modifiers:event;third`, as far as keys have them.
struct Parameters {
    first: Option<u32>,
    modifiers: Option<u32>,
    /// 1 pressed, 2 repeated, 3 released.
    event: Option<u32>,
    third: Option<u32>,
}

impl Parameters {
    /// `None` if there is anything in them that no key has: a private sign, an intermediate byte.
    fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if !text.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':') {
            return None;
        }
        let mut fields = text.split(';');
        let number = |text: Option<&str>| match text {
            None | Some("") => Some(None),
            Some(text) => text.parse().ok().map(Some),
        };
        let first = number(fields.next().and_then(|field| field.split(':').next()))?;
        let mut second = fields.next().unwrap_or_default().split(':');
        let (modifiers, event) = (number(second.next())?, number(second.next())?);
        let third = number(fields.next())?;
        fields.next().is_none().then_some(Self {
            first,
            modifiers,
            event,
            third,
        })
    }

    /// `None` if the key was released, or pressed with a modifier that we have no name for.
    fn modifiers(&self) -> Option<KeyModifiers> {
        if self.event.is_some_and(|event| event == 3) {
            return None;
        }
        let bits = self.modifiers.unwrap_or(1).saturating_sub(1);
        if bits & OTHER_MODIFIERS != 0 {
            return None;
        }
        let of = |bit: u32, modifier| if bits & bit == 0 { KeyModifiers::NONE } else { modifier };
        Some(of(1, KeyModifiers::SHIFT) | of(2, KeyModifiers::ALT) | of(4, KeyModifiers::CONTROL))
    }
}
