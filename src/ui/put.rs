//! Lines into their cells.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::printable;

/// Draws lines below each other from the left, each cut at the edge. Nearly all that is drawn is ASCII, which goes into its
/// cells as it is, without a search for graphemes.
pub(super) fn put(frame: &mut Frame, area: Rect, lines: &[Line]) {
    let buffer = frame.buffer_mut();
    let area = area.intersection(buffer.area);
    for (line, row) in lines.iter().zip(area.rows()) {
        buffer.set_style(row, line.style);
        let mut x = row.left();
        for span in &line.spans {
            if printable::is_ascii(&span.content) {
                for (byte, at) in span.content.bytes().zip(x..row.right()) {
                    buffer[(at, row.y)].set_char(char::from(byte)).set_style(span.style);
                    x = at + 1;
                }
            } else {
                let room = usize::from(row.right() - x);
                (x, _) = buffer.set_stringn(x, row.y, &span.content, room, span.style);
            }
        }
    }
}
