//! Signs for terminals that show nothing but ASCII.

use ratatui::buffer::Buffer;

/// What stands for each sign that is drawn here; what else there is came from outside.
const SIGNS: &[(&str, char)] = &[
    ("╭╮╰╯┌┐└┘├┤┬┴┼", '+'),
    ("│┃▏", '|'),
    ("─┄–—", '-'),
    ("━", '='),
    ("▸›→", '>'),
    ("←", '<'),
    ("↑", '^'),
    ("↓", 'v'),
    ("✓", '+'),
    ("✗", 'x'),
    ("◆●", '*'),
    ("…", '~'),
    ("·", '.'),
    ("▁▂", '_'),
    ("▃▄", '-'),
    ("▅▆", '='),
    ("▇█", '#'),
    ("⠀", ' '),
];

/// Replaces every sign that is no ASCII.
pub(super) fn signs(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if !symbol.is_ascii()
            && let Some(first) = symbol.chars().next()
        {
            cell.set_char(sign(first));
        }
    }
}

fn sign(of: char) -> char {
    let known = SIGNS.iter().find(|(signs, _)| signs.contains(of));
    match known {
        Some((_, sign)) => *sign,
        // A curve.
        None if ('\u{2801}'..='\u{28ff}').contains(&of) => '*',
        None => '?',
    }
}
