//! A line of text that is typed: one way to edit it, whatever it is for.

use tui_input::{Input, InputRequest};

use super::{KeyCode, KeyPress};

/// What stands where the next character goes.
pub const CARET: &str = "▏";

/// Where a line stands after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typing {
    /// It is typed still.
    On,
    /// It is as wanted.
    Kept,
    /// It was taken back, and is empty.
    Cleared,
}

/// A key for a line that Enter keeps and Esc takes back: a filter, what is looked for.
pub(super) fn type_into(input: &mut Input, key: KeyPress) -> Typing {
    match key.code {
        KeyCode::Enter => Typing::Kept,
        KeyCode::Esc => {
            input.reset();
            Typing::Cleared
        }
        KeyCode::Char('c') if key.ctrl => {
            input.reset();
            Typing::Cleared
        }
        _ => {
            edit(input, key);
            Typing::On
        }
    }
}

/// Whether Alt has a meaning with this key where a line is edited.
pub(super) fn heeds_alt(key: KeyPress) -> bool {
    !key.ctrl && matches!(key.code, KeyCode::Char('b' | 'd' | 'f') | KeyCode::Backspace)
}

/// Edits a line of text as shells do; true if its text changed.
pub(super) fn edit(input: &mut Input, key: KeyPress) -> bool {
    let request = match (key.code, key.ctrl, key.alt) {
        (KeyCode::Char(character), false, false) => InputRequest::InsertChar(character),
        (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, false) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, false, false) | (KeyCode::Char('d'), true, false) => InputRequest::DeleteNextChar,
        (KeyCode::Char('w'), true, _) | (KeyCode::Backspace, ..) => InputRequest::DeletePrevWord,
        (KeyCode::Char('d'), false, true) | (KeyCode::Delete, ..) => InputRequest::DeleteNextWord,
        (KeyCode::Char('u'), true, _) => InputRequest::DeleteLine,
        (KeyCode::Char('k'), true, _) => InputRequest::DeleteTillEnd,
        (KeyCode::Left, true, _) | (KeyCode::Left | KeyCode::Char('b'), _, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true, _) | (KeyCode::Right | KeyCode::Char('f'), _, true) => InputRequest::GoToNextWord,
        (KeyCode::Left, ..) | (KeyCode::Char('b'), true, _) => InputRequest::GoToPrevChar,
        (KeyCode::Right, ..) | (KeyCode::Char('f'), true, _) => InputRequest::GoToNextChar,
        (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => InputRequest::GoToStart,
        (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => InputRequest::GoToEnd,
        _ => return false,
    };
    input.handle(request).is_some_and(|change| change.value)
}

/// Pastes a text into a line: what is not printable is left out.
pub(super) fn paste(input: &mut Input, text: &str) {
    for character in text.chars().filter(|character| !character.is_control()) {
        input.handle(InputRequest::InsertChar(character));
    }
}

/// The line with its caret where the next character goes. Untrusted.
pub fn with_caret(input: &Input) -> String {
    let text = input.value();
    let at = text
        .char_indices()
        .nth(input.cursor())
        .map_or(text.len(), |(byte, _)| byte);
    format!("{}{CARET}{}", &text[..at], &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: KeyPress = KeyPress {
        code: KeyCode::Enter,
        ctrl: false,
        alt: false,
        shift: false,
    };

    fn key(code: KeyCode) -> KeyPress {
        KeyPress { code, ..PLAIN }
    }

    fn ctrl(letter: char) -> KeyPress {
        KeyPress {
            ctrl: true,
            ..key(KeyCode::Char(letter))
        }
    }

    fn alt(code: KeyCode) -> KeyPress {
        KeyPress { alt: true, ..key(code) }
    }

    #[test]
    fn every_key_of_a_shell_edits_the_line() {
        let with_ctrl = |code: KeyCode| KeyPress {
            ctrl: true,
            ..key(code)
        };
        // What is pressed at the end of `one two three`, and what is left with its caret.
        let table: [(&[KeyPress], &str); 19] = [
            (&[key(KeyCode::Char('x'))], "one two threex▏"),
            (&[key(KeyCode::Home), key(KeyCode::Char('x'))], "x▏one two three"),
            (&[ctrl('a'), key(KeyCode::Delete)], "▏ne two three"),
            (&[ctrl('a'), ctrl('d')], "▏ne two three"),
            (&[ctrl('a'), alt(KeyCode::Char('d'))], "▏two three"),
            (&[ctrl('a'), with_ctrl(KeyCode::Delete)], "▏two three"),
            (&[ctrl('a'), ctrl('e')], "one two three▏"),
            (&[ctrl('a'), key(KeyCode::End)], "one two three▏"),
            (&[ctrl('a'), ctrl('f')], "o▏ne two three"),
            (&[key(KeyCode::Left), ctrl('k')], "one two thre▏"),
            (&[alt(KeyCode::Char('b'))], "one two ▏three"),
            (&[alt(KeyCode::Left), with_ctrl(KeyCode::Left)], "one ▏two three"),
            (&[ctrl('a'), alt(KeyCode::Char('f'))], "one ▏two three"),
            (&[ctrl('a'), alt(KeyCode::Right)], "one ▏two three"),
            (&[ctrl('w')], "one two ▏"),
            (&[alt(KeyCode::Backspace)], "one two ▏"),
            (&[with_ctrl(KeyCode::Backspace)], "one two ▏"),
            (&[ctrl('h')], "one two thre▏"),
            (&[ctrl('u')], "▏"),
        ];
        for (keys, expected) in table {
            let mut input = Input::new("one two three".to_owned());
            for key in keys {
                edit(&mut input, *key);
            }
            assert_eq!(with_caret(&input), expected, "{keys:?}");
        }
    }

    #[test]
    fn a_line_is_kept_by_enter_and_taken_back_by_esc() {
        let mut input = Input::new("数据".to_owned());
        assert_eq!(type_into(&mut input, key(KeyCode::Left)), Typing::On);
        assert_eq!(with_caret(&input), "数▏据");
        assert_eq!(type_into(&mut input, key(KeyCode::Enter)), Typing::Kept);
        assert_eq!(type_into(&mut input, ctrl('c')), Typing::Cleared);
        assert_eq!(input.value(), "");
    }
}
