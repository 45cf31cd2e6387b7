//! Where a policy's statements stand in its text, as the simulator counts.

use std::fmt::Write;
use std::ops::Range;

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
}

/// The elements of the start and the end of a statement; nothing where the text has no such statement.
///
/// A statement begins where what stands before it ends (the bracket of the list, or the statement before), and ends
/// behind its brace.
pub(super) fn shown(text: &str, index: usize) -> String {
    let mut xml = String::new();
    if let Some(span) = spans(text).get(index) {
        for (name, at) in [("StartPosition", span.start), ("EndPosition", span.end)] {
            let Position { line, column } = position(text, at);
            let _ = write!(xml, "<{name}><Line>{line}</Line><Column>{column}</Column></{name}>");
        }
    }
    xml
}

fn position(text: &str, at: usize) -> Position {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// The bytes of each statement.
fn spans(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut depth = 0;
    // The depth of the statements' braces, and where the next statement begins.
    let mut inside: Option<(usize, usize)> = None;
    let mut string: Option<usize> = None;
    let mut last_string = "";
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if let Some(start) = string {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    last_string = &text[start..at];
                    string = None;
                }
                _ => {}
            }
            continue;
        }
        match c {
            '"' => string = Some(at + 1),
            ':' if depth == 1 && last_string == "Statement" => inside = Some((2, at + 1)),
            '[' => {
                if inside.is_some_and(|(level, _)| level == 2) && depth == 1 {
                    inside = Some((3, at + 1));
                }
                depth += 1;
            }
            '{' => depth += 1,
            '}' | ']' => {
                if let Some((level, start)) = inside {
                    if c == '}' && depth == level {
                        spans.push(start..at + 1);
                        inside = Some((level, at + 1));
                    }
                    if depth <= 2 {
                        inside = None;
                    }
                }
                depth -= 1;
            }
            _ => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_where_the_simulator_finds_them() {
        let position = |line, column| format!("<Line>{line}</Line><Column>{column}</Column>");
        let at = |start: (usize, usize), end: (usize, usize)| {
            format!(
                "<StartPosition>{}</StartPosition><EndPosition>{}</EndPosition>",
                position(start.0, start.1),
                position(end.0, end.1)
            )
        };
        let short =
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"a}]\"{"},{"Condition":{"x":{}}}],"Id":"Statement"}"#;
        assert_eq!(shown(short, 0), at((1, 38), (1, 54)));
        assert_eq!(shown(short, 1), at((1, 54), (1, 77)));
        assert_eq!(shown(short, 2), "");
        let long = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
        assert_eq!(shown(long, 0), at((3, 17), (8, 6)));
        let one = r#"{"Statement":{"Effect":"Deny"}}"#;
        assert_eq!(shown(one, 0), at((1, 14), (1, 31)));
        assert_eq!(shown(one, 1), "");
    }
}
