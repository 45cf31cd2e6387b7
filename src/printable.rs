//! What may reach a terminal, a log or a clipboard: the one rule that every sink asks.
//!
//! Names, tags, log lines and errors come from strangers. In them a control character acts on the terminal (C0 and C1
//! alike), a bidirectional control reorders what is read, an invisible character hides that two names differ, and a
//! heap of combining marks paints over the lines around it. People see U+FFFD for each; programs get the true value, in
//! JSON as `\u` and in a shell's word as octal digits.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

/// What stands where something was that must not be shown.
const SIGN: char = '\u{fffd}';
/// So many combining marks one character may carry: no script needs more, stacks of them do.
const MARKS: usize = 4;

/// Whether a character neither acts on a terminal nor hides or reorders text.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            // Unicode's Default_Ignorable_Code_Point: invisible, where it is known at all.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            // Separators of lines and paragraphs; interlinear annotation.
            | '\u{2028}'..='\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

/// Follows a text and tells of each character whether it may stand where it is.
#[derive(Default)]
struct Reader {
    /// Whether there is something that marks may sit on.
    has_base: bool,
    marks: usize,
}

impl Reader {
    fn takes(&mut self, c: char) -> bool {
        if !is_printable(c) {
            *self = Self::default();
            return false;
        }
        if c.width() == Some(0) {
            self.marks += 1;
            return self.has_base && self.marks <= MARKS;
        }
        self.has_base = !c.is_ascii() || c.is_ascii_alphanumeric();
        self.marks = 0;
        true
    }
}

/// Whether a text is of printable ASCII alone, as nearly all is that is drawn: as many cells as bytes, each as it is.
pub fn is_ascii(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether [`clean`] leaves a text as it is.
pub fn is_clean(text: &str) -> bool {
    if is_ascii(text) {
        return true;
    }
    let mut reader = Reader::default();
    text.chars().all(|c| reader.takes(c))
}

/// One harmless line: what must not be shown becomes visible.
pub fn clean(text: &str) -> String {
    if is_ascii(text) {
        return text.to_owned();
    }
    let mut reader = Reader::default();
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if reader.takes(c) {
            shown.push(c);
        } else if reader.marks <= MARKS + 1 {
            // One sign for all the marks that are too many.
            shown.push(SIGN);
        }
    }
    shown
}

/// Harmless lines: like [`clean`], with the line breaks of a text that has some.
pub fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(clean).collect();
    lines.join("\n")
}

/// JSON text whose strings hold nothing but what may be shown: the rest is `\u`, so a parser gives the true value back.
pub fn json(compact: &str) -> String {
    let mut reader = Reader::default();
    let mut shown = String::with_capacity(compact.len());
    for c in compact.chars() {
        if reader.takes(c) || c == '\n' {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

/// These bytes as one word of a shell, and nothing but printable characters.
///
/// What holds others is quoted as `$'…'` with octal digits, which every shell that knows this form reads as the same
/// bytes whatever its locale is. So what is pasted can neither act on a terminal nor run before Enter is pressed.
pub fn shell_word(bytes: &[u8]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if let Ok(text) = std::str::from_utf8(bytes) {
        if !text.is_empty() && text.chars().all(is_plain) {
            return text.to_owned();
        }
        if is_clean(text) {
            return format!("'{}'", text.replace('\'', r"'\''"));
        }
    }
    let mut word = "$'".to_owned();
    for chunk in bytes.utf8_chunks() {
        let mut reader = Reader::default();
        for c in chunk.valid().chars() {
            match (c, reader.takes(c)) {
                ('\'', _) => word.push_str(r"\'"),
                ('\\', _) => word.push_str(r"\\"),
                ('\n', _) => word.push_str(r"\n"),
                ('\t', _) => word.push_str(r"\t"),
                (c, true) => word.push(c),
                (c, false) => octal(&mut word, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        octal(&mut word, chunk.invalid());
    }
    word + "'"
}

fn octal(word: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(word, "\\{byte:03o}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_acts_hides_or_reorders_is_left() {
        for (text, shown) in [
            ("a\x1b[31mb\r\n\tc\u{202e}d\u{2066}e", "a�[31mb���c�d�e"),
            ("\u{9b}31m \u{90}x\u{9c} \u{85}", "�31m �x� �"),
            ("a\u{200b}b\u{200d}c\u{2060}d\u{feff}e\u{ad}f", "a�b�c�d�e�f"),
            ("a\u{2028}b\u{2029}c", "a�b�c"),
            ("a\u{e0041}\u{e007f}b\u{fe0f}c", "a��b�c"),
            ("\u{3164}\u{115f}\u{61c}", "���"),
            (
                "Größe 数据 🙂 ไฟล์ tiếng Việt e\u{301}",
                "Größe 数据 🙂 ไฟล์ tiếng Việt e\u{301}",
            ),
        ] {
            assert_eq!(clean(text), shown);
            assert_eq!(is_clean(text), text == shown);
        }
    }

    #[test]
    fn marks_stand_on_a_character_and_only_so_many() {
        let heap = format!("a{}b", "\u{301}".repeat(1000));
        assert_eq!(clean(&heap), format!("a{}\u{fffd}b", "\u{301}".repeat(MARKS)));
        assert_eq!(clean("\u{301}a \u{301}\u{302}b"), "\u{fffd}a \u{fffd}\u{fffd}b");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_gives_the_true_value_back_and_shows_nothing_else(text in any::<String>()) {
            let line = json(&serde_json::json!({ "name": text }).to_string());
            let back: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(back["name"].as_str(), Some(text.as_str()));
            prop_assert!(is_clean(&line), "{}", line);
        }

        #[test]
        fn a_cleaned_text_is_clean(text in any::<String>()) {
            prop_assert!(is_clean(&clean(&text)));
        }

        #[test]
        fn a_shell_reads_the_same_bytes(bytes in proptest::collection::vec(1_u8.., 0..40)) {
            let word = shell_word(&bytes);
            prop_assert!(is_clean(&word), "{}", word);
            let printed = std::process::Command::new("bash").args(["-c", &format!("printf %s {word}")]).output().unwrap();
            prop_assert_eq!(printed.stdout, bytes);
        }
    }
}
