//! What a program has drawn, frame by frame: no test sees half a frame.

use std::num::NonZero;

/// The last of every frame of the dashboard's: the terminal's own cursor is hidden again.
const FRAME: &[u8] = b"\x1b[?25l";
const ENTER: &[u8] = b"\x1b[?1049h";
const LEAVE: &[u8] = b"\x1b[?1049l";
/// Every cell is painted by the next frame.
const ERASE: &[u8] = b"\x1b[2J";
const MARKS: [&[u8]; 4] = [FRAME, ENTER, LEAVE, ERASE];

/// A terminal's screen.
pub(super) struct Screen {
    parser: vt100::Parser,
    /// Every byte so far.
    pub(super) raw: Vec<u8>,
    /// How many of them are on the screen.
    drawn: usize,
    /// How many frames there were, and how many of them painted every cell.
    pub(super) frames: usize,
    pub(super) repaints: usize,
    is_erased: bool,
    state: State,
}

/// Whose the screen is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A program's that draws no frames.
    Plain,
    /// The dashboard's, which has not hidden the cursor yet.
    Entered,
    /// The dashboard's.
    Frames,
    /// Nobody's any more.
    Over,
}

impl Screen {
    pub(super) fn new(cols: u16, rows: u16) -> Self {
        Self {
            parser: vt100::Parser::new(cells(rows), cells(cols), 0),
            raw: Vec::new(),
            drawn: 0,
            frames: 0,
            repaints: 0,
            is_erased: false,
            state: State::Plain,
        }
    }

    /// Takes in what was printed.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        while let Some((mark, end)) = self.next_mark() {
            self.draw(end);
            match (mark, self.state) {
                (ENTER, _) => self.state = State::Entered,
                (LEAVE, _) => self.state = State::Plain,
                (FRAME, State::Entered) => self.state = State::Frames,
                (FRAME, State::Frames) => {
                    self.frames += 1;
                    self.repaints += usize::from(std::mem::take(&mut self.is_erased));
                }
                _ => self.is_erased = mark == ERASE && self.state == State::Frames,
            }
        }
        if self.state == State::Plain {
            self.draw(self.raw.len());
        }
    }

    /// No more is printed.
    pub(super) fn end(&mut self) {
        self.draw(self.raw.len());
        self.state = State::Over;
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether keys are answered with frames.
    pub(super) fn has_frames(&self) -> bool {
        self.state == State::Frames
    }

    /// The first mark that is not on the screen as a whole, and its end.
    fn next_mark(&self) -> Option<(&'static [u8], usize)> {
        let ends = MARKS.iter().filter_map(|mark| {
            // Its beginning may be there already.
            let from = (self.drawn + 1).saturating_sub(mark.len());
            let at = self.raw[from..].windows(mark.len()).position(|bytes| bytes == *mark)?;
            Some((*mark, from + at + mark.len()))
        });
        ends.min_by_key(|(_, end)| *end)
    }

    fn draw(&mut self, end: usize) {
        self.parser.process(&self.raw[self.drawn..end]);
        self.drawn = end;
    }

    pub(super) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Forgets what was drawn.
    pub(super) fn forget(&mut self) {
        let (rows, cols) = self.parser.screen().size();
        self.parser = vt100::Parser::new(rows, cols, 0);
    }

    pub(super) fn resize(&mut self, cols: u16, rows: u16) {
        self.parser.screen_mut().set_size(cells(rows), cells(cols));
    }

    /// What follows each cursor that is highlighted.
    pub(super) fn cursors(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        let mut found = Vec::new();
        for row in 0..rows.get() {
            for column in 0..columns.get() {
                let is_cursor = |cell: &vt100::Cell| {
                    cell.contents() == "▸" && (cell.inverse() || cell.bgcolor() != vt100::Color::Default)
                };
                if screen.cell(row, column).is_some_and(is_cursor) {
                    let rest = (column + 1..columns.get()).filter_map(|column| screen.cell(row, column));
                    let text: String = rest
                        .map(|cell| if cell.has_contents() { cell.contents() } else { " " })
                        .collect();
                    found.push(text);
                }
            }
        }
        found
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}
