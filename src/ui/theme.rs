//! Colours by role. The sixteen of the terminal, so that a person's own scheme holds, and one quiet background for the
//! cursor.

use ratatui::style::{Color, Modifier, Style};

use crate::app::format::Tone;
use crate::domain::Colour;

/// Styles by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// The row of the cursor in the focused pane.
    pub cursor: Style,
    /// The frame of the focused pane.
    pub focus: Style,
    /// Other frames.
    pub frame: Style,
    /// A badge that must not be overlooked: READ-ONLY, or a real account.
    pub badge: Style,
    /// The badge of the sandbox.
    pub sandbox: Style,
    /// The badge of a context.
    pub context: Style,
    /// The done part of a bar.
    pub bar: Style,
    /// A key in the footer.
    pub key: Style,
    /// Whether colours are used at all.
    colors: bool,
    dim: Color,
}

impl Theme {
    /// For dark terminals.
    pub fn dark() -> Self {
        Self::colored(Color::Indexed(237), Color::Indexed(245))
    }

    /// For light terminals.
    pub fn light() -> Self {
        Self::colored(Color::Indexed(253), Color::Indexed(242))
    }

    /// Without any colour (`NO_COLOR`).
    pub fn colorless() -> Self {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        Self {
            cursor: reversed,
            focus: bold,
            frame: Style::new(),
            badge: reversed,
            sandbox: reversed,
            context: reversed,
            bar: bold,
            key: bold,
            colors: false,
            dim: Color::Reset,
        }
    }

    fn colored(cursor: Color, dim: Color) -> Self {
        let bold = Modifier::BOLD;
        Self {
            cursor: Style::new().bg(cursor).add_modifier(bold),
            focus: Style::new().fg(Color::Cyan),
            frame: Style::new().fg(dim),
            badge: Style::new().fg(Color::Black).bg(Color::Yellow).add_modifier(bold),
            sandbox: Style::new().fg(Color::Black).bg(Color::Cyan).add_modifier(bold),
            context: Style::new().fg(Color::Black).bg(Color::Gray).add_modifier(bold),
            bar: Style::new().fg(Color::Cyan),
            key: Style::new().fg(Color::Cyan).add_modifier(bold),
            colors: true,
            dim,
        }
    }

    /// The whole header, of a context that has a colour of its own.
    pub fn header(&self, colour: Colour) -> Style {
        if !self.colors {
            return Style::new().add_modifier(Modifier::REVERSED);
        }
        let (fg, bg) = match colour {
            Colour::Red => (Color::White, Color::Red),
            Colour::Yellow => (Color::Black, Color::Yellow),
            Colour::Green => (Color::Black, Color::Green),
            Colour::Blue => (Color::White, Color::Blue),
            Colour::Magenta => (Color::White, Color::Magenta),
        };
        Style::new().fg(fg).bg(bg)
    }

    /// The style of a text's meaning.
    pub fn tone(&self, tone: Tone) -> Style {
        let style = Style::new();
        if !self.colors {
            return match tone {
                Tone::Heading | Tone::Accent | Tone::Bad | Tone::Warn => style.add_modifier(Modifier::BOLD),
                _ => style,
            };
        }
        match tone {
            Tone::Plain => style,
            Tone::Dim => style.fg(self.dim),
            Tone::Heading => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Accent => style.fg(Color::Cyan),
            Tone::Good => style.fg(Color::Green),
            Tone::Busy => style.fg(Color::LightBlue).add_modifier(Modifier::BOLD),
            Tone::Warn => style.fg(Color::Yellow),
            Tone::Bad => style.fg(Color::Red),
        }
    }
}
