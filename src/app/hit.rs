//! What is drawn that a mouse can be pressed on.

use super::command::Command;
use super::pane::Pane;

/// What is drawn at a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A pane, where nothing else of it is.
    Pane(Pane),
    /// A row of a pane: its number among those shown.
    Row(Pane, usize),
    /// The head of a column, by its title.
    Column(Pane, &'static str),
    /// The name of a command, a tab, a line that a command opens.
    Command(Command),
    /// A button of a question: its letter.
    Button(char),
    /// A row of what lies over the panes, so many rows from the one with the cursor.
    Line(isize),
    /// A page of details.
    Page(usize),
    /// A field of a form.
    Field(usize),
    /// What lies over the panes, where nothing else of it is.
    Over,
}
