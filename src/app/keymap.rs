//! Keys as data: a key press, or a short sequence of them, names a [`Command`]. The same table prints the help, the
//! footer and the palette. Defaults are in `assets/keys.toml`; a person's own keys are laid over them.

use std::collections::BTreeMap;
use std::fmt;

use super::command::{Command, Place};
use super::{KeyCode, KeyPress};

/// What a sequence of key presses means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// This command.
    Command(Command),
    /// Nothing yet: a longer sequence begins so.
    Prefix,
    /// Nothing.
    Nothing,
}

/// Why a table of keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// There is no such command.
    #[error("there is no command `{0}`")]
    UnknownCommand(String),
    /// This is not a key.
    #[error("`{key}` of the command `{command}` is not a key")]
    NotAKey {
        /// What was written.
        key: String,
        /// For which command.
        command: String,
    },
    /// A key, or the beginning of a sequence, has two meanings.
    #[error("`{key}` means both `{first}` and `{second}`")]
    TwoMeanings {
        /// The key.
        key: String,
        /// One command.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
}

/// Which keys ask for which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<Command, Vec<Vec<KeyPress>>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let table = toml::from_str(include_str!("../../assets/keys.toml"));
        Self {
            bindings: table
                .map_err(drop)
                .and_then(|table| bindings(&table).map_err(drop))
                .expect("the embedded table is right: a test reads it"),
        }
    }
}

impl Keymap {
    /// Lays a person's keys over the defaults: a command that is named has these keys and no others.
    ///
    /// # Errors
    /// When a command or key is unknown, or a key would have two meanings.
    pub fn with(mut self, own: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        self.bindings.extend(bindings(own)?);
        self.one_meaning_each()?;
        Ok(self)
    }

    /// What was pressed there so far means.
    pub fn lookup(&self, pressed: &[KeyPress], place: Place) -> Match {
        let mut found = Match::Nothing;
        for (command, sequences) in self.bindings.iter().filter(|(command, _)| command.is_heard(place)) {
            for sequence in sequences {
                if sequence == pressed {
                    return Match::Command(*command);
                }
                if sequence.starts_with(pressed) {
                    found = Match::Prefix;
                }
            }
        }
        found
    }

    /// The first key of a command, as people write it; empty if it has none.
    pub fn key(&self, command: Command) -> String {
        self.bindings
            .get(&command)
            .and_then(|sequences| sequences.first())
            .map(|sequence| spell(sequence))
            .unwrap_or_default()
    }

    /// All keys of a command, as people write them.
    pub fn keys(&self, command: Command) -> Vec<String> {
        self.bindings
            .get(&command)
            .map(|sequences| sequences.iter().map(|sequence| spell(sequence)).collect())
            .unwrap_or_default()
    }

    fn one_meaning_each(&self) -> Result<(), KeymapError> {
        let all: Vec<(&[KeyPress], Command)> = self
            .bindings
            .iter()
            .flat_map(|(command, sequences)| sequences.iter().map(|sequence| (sequence.as_slice(), *command)))
            .collect();
        for (index, (sequence, command)) in all.iter().enumerate() {
            for (other, second) in &all[index + 1..] {
                let is_apart = command
                    .place()
                    .zip(second.place())
                    .is_some_and(|(one, other)| one != other);
                if !is_apart && (sequence.starts_with(other) || other.starts_with(sequence)) {
                    return Err(KeymapError::TwoMeanings {
                        key: spell(sequence),
                        first: command.entry().name,
                        second: second.entry().name,
                    });
                }
            }
        }
        Ok(())
    }
}

fn bindings(table: &BTreeMap<String, Vec<String>>) -> Result<BTreeMap<Command, Vec<Vec<KeyPress>>>, KeymapError> {
    let mut bindings = BTreeMap::new();
    for (name, keys) in table {
        let command = Command::parse(name).ok_or_else(|| KeymapError::UnknownCommand(name.clone()))?;
        let sequences = keys.iter().map(|key| {
            parse(key).ok_or_else(|| KeymapError::NotAKey {
                key: key.clone(),
                command: name.clone(),
            })
        });
        bindings.insert(command, sequences.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(bindings)
}

/// Keys with a name of their own, as they are written in `keys.toml`.
const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
];

/// A sequence of keys, separated by spaces.
fn parse(text: &str) -> Option<Vec<KeyPress>> {
    let sequence: Vec<KeyPress> = text.split_whitespace().map(parse_one).collect::<Option<_>>()?;
    (!sequence.is_empty()).then_some(sequence)
}

fn parse_one(text: &str) -> Option<KeyPress> {
    let (mut ctrl, mut alt, mut rest) = (false, false, text);
    loop {
        if let Some(after) = rest.strip_prefix("ctrl-") {
            (ctrl, rest) = (true, after);
        } else if let Some(after) = rest.strip_prefix("alt-") {
            (alt, rest) = (true, after);
        } else {
            break;
        }
    }
    let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
    let code = named.or_else(|| {
        let number = rest.strip_prefix('f').and_then(|number| number.parse().ok());
        number.filter(|number| (1..=12).contains(number)).map(KeyCode::F)
    });
    let mut characters = rest.chars();
    let code = match (code, characters.next(), characters.next()) {
        (Some(code), ..) => code,
        (None, Some(character), None) => KeyCode::Char(character),
        _ => return None,
    };
    Some(KeyPress {
        code,
        ctrl,
        alt,
        shift: false,
    })
}

fn spell(sequence: &[KeyPress]) -> String {
    sequence.iter().map(ToString::to_string).collect()
}

impl KeyPress {
    /// As the table knows it: terminals disagree on whether Shift is told beside a capital letter or a back tab.
    #[must_use]
    pub fn normalized(self) -> Self {
        Self { shift: false, ..self }
    }
}

impl fmt::Display for KeyPress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("Space"),
            KeyCode::Char(character) => write!(f, "{character}"),
            KeyCode::BackTab => f.write_str("Shift-Tab"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::Up => f.write_str("↑"),
            KeyCode::Down => f.write_str("↓"),
            KeyCode::Left => f.write_str("←"),
            KeyCode::Right => f.write_str("→"),
            KeyCode::F(number) => write!(f, "F{number}"),
            code => write!(f, "{code:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{COMMANDS, Keyed};

    fn own(command: &str, key: &str) -> BTreeMap<String, Vec<String>> {
        BTreeMap::from([(command.to_owned(), vec![key.to_owned()])])
    }

    #[test]
    fn every_command_has_a_key_and_no_key_has_two_meanings() {
        let keymap = Keymap::default();
        keymap.one_meaning_each().unwrap();
        for entry in COMMANDS {
            assert!(!keymap.key(entry.command).is_empty(), "{}", entry.name);
            assert_eq!(Command::parse(entry.name), Some(entry.command));
        }
        assert_eq!(keymap.bindings.len(), COMMANDS.len());
    }

    #[test]
    fn a_sequence_is_awaited() {
        let keymap = Keymap::default();
        let lookup = |keys: &str| keymap.lookup(&parse(keys).unwrap(), Place::Rows);
        assert_eq!(lookup("g"), Match::Prefix);
        assert_eq!(lookup("g g"), Match::Command(Command::Top));
        assert_eq!(lookup("g x"), Match::Nothing);
        assert_eq!(lookup("ctrl-c"), Match::Command(Command::Quit));
    }

    #[test]
    fn a_key_has_one_meaning_where_there_are_rows_and_one_where_a_text_is_searched() {
        let keymap = Keymap::default();
        let n = parse("n").unwrap();
        assert_eq!(keymap.lookup(&n, Place::Rows), Match::Command(Command::Do(Keyed::New)));
        assert_eq!(keymap.lookup(&n, Place::Text), Match::Command(Command::NextMatch));
        assert_eq!(
            keymap.lookup(&parse("j").unwrap(), Place::Text),
            Match::Command(Command::Down)
        );
        assert!(Keymap::default().with(&own("next-match", "j")).is_err());
    }

    #[test]
    fn own_keys_replace_the_defaults_of_their_command() {
        let keymap = Keymap::default().with(&own("encrypt", "ctrl-e")).unwrap();
        assert_eq!(keymap.lookup(&parse("e").unwrap(), Place::Rows), Match::Nothing);
        assert_eq!(keymap.key(Command::Do(Keyed::Encrypt)), "Ctrl-e");
    }

    #[test]
    fn a_wrong_table_says_what_is_wrong() {
        let error = |command: &str, key: &str| Keymap::default().with(&own(command, key)).unwrap_err().to_string();
        assert_eq!(error("encrpt", "e"), "there is no command `encrpt`");
        assert_eq!(
            error("encrypt", "hyper-e"),
            "`hyper-e` of the command `encrypt` is not a key"
        );
        assert_eq!(error("encrypt", "d"), "`d` means both `encrypt` and `decrypt`");
        assert_eq!(error("encrypt", "g"), "`gg` means both `top` and `encrypt`");
    }
}
