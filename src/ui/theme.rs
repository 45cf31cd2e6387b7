//! Colours by role: of the theme that was chosen, in as many as the terminal has.

mod hues;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::plain;
use crate::app::ThemeName;
use crate::app::format::Tone;
use crate::domain::Colour;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Its colours.
    pub colours: Colours,
    /// Whether it shows more than ASCII.
    pub has_unicode: bool,
}

impl Abilities {
    /// What today's terminals can.
    pub const ALL: Self = Self {
        colours: Colours::Many,
        has_unicode: true,
    };
}

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None, or none are wanted.
    None,
    /// The sixteen of its own scheme.
    Sixteen,
    /// At least 256.
    Many,
}

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
    /// Text and ground where nothing else is said, if they are not the terminal's own.
    ground: Option<(Color, Color)>,
    /// None without colours.
    hues: Option<hues::Hues>,
    colours: Colours,
    has_unicode: bool,
}

impl Theme {
    /// A theme for a terminal that can show so much.
    pub fn new(name: ThemeName, abilities: Abilities) -> Self {
        let Abilities { colours, has_unicode } = abilities;
        if colours == Colours::None {
            return Self {
                has_unicode,
                ..Self::colorless()
            };
        }
        let hues = hues::of(name, colours == Colours::Many);
        let bold = Modifier::BOLD;
        let on = |ground: Color| Style::new().fg(hues.on).bg(ground).add_modifier(bold);
        Self {
            cursor: match hues.cursor {
                Some(ground) => Style::new().bg(ground).add_modifier(bold),
                None => Style::new().add_modifier(Modifier::REVERSED | bold),
            },
            focus: Style::new().fg(hues.accent),
            frame: Style::new().fg(hues.dim),
            badge: on(hues.badge),
            sandbox: on(hues.sandbox),
            context: Style::new().fg(hues.ground).bg(hues.text).add_modifier(bold),
            bar: Style::new().fg(hues.accent),
            key: Style::new().fg(hues.accent).add_modifier(bold),
            ground: (name != ThemeName::Terminal).then_some((hues.text, hues.ground)),
            hues: Some(hues),
            colours,
            has_unicode,
        }
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
            ground: None,
            hues: None,
            colours: Colours::None,
            has_unicode: true,
        }
    }

    /// The whole header, of a context that has a colour of its own.
    pub fn header(&self, colour: Colour) -> Style {
        let (fg, bg) = match (self.colours, colour) {
            (Colours::None, _) => return Style::new().add_modifier(Modifier::REVERSED),
            (Colours::Many, Colour::Red) => (Color::Indexed(231), Color::Indexed(124)),
            (Colours::Many, Colour::Yellow) => (Color::Indexed(16), Color::Indexed(220)),
            (Colours::Many, Colour::Green) => (Color::Indexed(16), Color::Indexed(114)),
            (Colours::Many, Colour::Blue) => (Color::Indexed(231), Color::Indexed(19)),
            (Colours::Many, Colour::Magenta) => (Color::Indexed(231), Color::Indexed(90)),
            (Colours::Sixteen, Colour::Red) => (Color::White, Color::Red),
            (Colours::Sixteen, Colour::Yellow) => (Color::Black, Color::Yellow),
            (Colours::Sixteen, Colour::Green) => (Color::Black, Color::Green),
            (Colours::Sixteen, Colour::Blue) => (Color::White, Color::Blue),
            (Colours::Sixteen, Colour::Magenta) => (Color::White, Color::Magenta),
        };
        Style::new().fg(fg).bg(bg)
    }

    /// The style of a text's meaning.
    pub fn tone(&self, tone: Tone) -> Style {
        let style = Style::new();
        let Some(hues) = &self.hues else {
            return match tone {
                Tone::Found | Tone::Letter => style.add_modifier(Modifier::UNDERLINED),
                Tone::FoundHere => style.add_modifier(Modifier::REVERSED),
                Tone::Heading | Tone::Accent | Tone::Bad | Tone::Warn => style.add_modifier(Modifier::BOLD),
                _ => style,
            };
        };
        match tone {
            Tone::Plain => style,
            Tone::Dim => style.fg(hues.dim),
            Tone::Heading => style.fg(hues.accent).add_modifier(Modifier::BOLD),
            Tone::Accent => style.fg(hues.accent),
            Tone::Good => style.fg(hues.good),
            Tone::Busy => style.fg(hues.busy).add_modifier(Modifier::BOLD),
            Tone::Warn => style.fg(hues.warn),
            Tone::Bad => style.fg(hues.bad),
            Tone::Letter => style
                .fg(hues.accent)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Tone::Found => style.fg(hues.on).bg(hues.badge),
            Tone::FoundHere => style
                .fg(hues.on)
                .bg(hues.badge)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Tone::Host(number) => style.fg(hues.hosts[number % hues.hosts.len()]),
        }
    }

    /// What is drawn, on the theme's ground, in signs that the terminal has.
    pub(super) fn finish(&self, buffer: &mut Buffer) {
        if let Some((text, ground)) = self.ground {
            for cell in &mut buffer.content {
                if cell.fg == Color::Reset {
                    cell.fg = text;
                }
                if cell.bg == Color::Reset {
                    cell.bg = ground;
                }
            }
        }
        if !self.has_unicode {
            plain::signs(buffer);
        }
    }
}
