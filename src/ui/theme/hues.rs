//! The colours of each theme: of 256, whose values no terminal's own scheme changes, and of 16, for terminals with no more.
//!
//! A test holds that every text can be read on its ground and on the row of the cursor.

use ratatui::style::Color;

use crate::app::ThemeName;

/// The colours of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hues {
    pub(super) text: Color,
    pub(super) ground: Color,
    /// The ground of the row of the cursor; where there are only 16 colours that row is reversed.
    pub(super) cursor: Option<Color>,
    pub(super) dim: Color,
    pub(super) accent: Color,
    pub(super) good: Color,
    pub(super) busy: Color,
    pub(super) warn: Color,
    pub(super) bad: Color,
    /// The ground of badges, and of what was found; what stands on it is `on`.
    pub(super) badge: Color,
    pub(super) sandbox: Color,
    pub(super) on: Color,
    /// Of several alike.
    pub(super) hosts: [Color; 6],
}

const fn hosts(numbers: [u8; 6]) -> [Color; 6] {
    [
        Color::Indexed(numbers[0]),
        Color::Indexed(numbers[1]),
        Color::Indexed(numbers[2]),
        Color::Indexed(numbers[3]),
        Color::Indexed(numbers[4]),
        Color::Indexed(numbers[5]),
    ]
}

const DARK: Hues = Hues {
    text: Color::Indexed(253),
    ground: Color::Indexed(234),
    cursor: Some(Color::Indexed(237)),
    dim: Color::Indexed(248),
    accent: Color::Indexed(80),
    good: Color::Indexed(114),
    busy: Color::Indexed(117),
    warn: Color::Indexed(221),
    bad: Color::Indexed(210),
    badge: Color::Indexed(221),
    sandbox: Color::Indexed(80),
    on: Color::Indexed(16),
    hosts: hosts([80, 176, 114, 221, 117, 216]),
};

const LIGHT: Hues = Hues {
    text: Color::Indexed(235),
    ground: Color::Indexed(255),
    cursor: Some(Color::Indexed(253)),
    dim: Color::Indexed(240),
    accent: Color::Indexed(24),
    good: Color::Indexed(22),
    busy: Color::Indexed(19),
    warn: Color::Indexed(58),
    bad: Color::Indexed(124),
    badge: Color::Indexed(220),
    sandbox: Color::Indexed(80),
    on: Color::Indexed(16),
    hosts: hosts([24, 90, 22, 58, 19, 124]),
};

const HIGH_CONTRAST: Hues = Hues {
    text: Color::Indexed(231),
    ground: Color::Indexed(16),
    cursor: Some(Color::Indexed(18)),
    dim: Color::Indexed(252),
    accent: Color::Indexed(51),
    good: Color::Indexed(46),
    busy: Color::Indexed(159),
    warn: Color::Indexed(226),
    bad: Color::Indexed(217),
    badge: Color::Indexed(226),
    sandbox: Color::Indexed(51),
    on: Color::Indexed(16),
    hosts: hosts([51, 219, 46, 226, 159, 217]),
};

/// Good is blue and bad is orange, which differ for whoever does not tell red from green.
const COLOUR_BLIND: Hues = Hues {
    text: Color::Indexed(253),
    ground: Color::Indexed(234),
    cursor: Some(Color::Indexed(237)),
    dim: Color::Indexed(248),
    accent: Color::Indexed(159),
    good: Color::Indexed(75),
    busy: Color::Indexed(183),
    warn: Color::Indexed(229),
    bad: Color::Indexed(208),
    badge: Color::Indexed(229),
    sandbox: Color::Indexed(159),
    on: Color::Indexed(16),
    hosts: hosts([75, 208, 229, 183, 159, 250]),
};

const SIXTEEN: Hues = Hues {
    text: Color::Gray,
    ground: Color::Black,
    cursor: None,
    dim: Color::Gray,
    accent: Color::LightCyan,
    good: Color::LightGreen,
    busy: Color::White,
    warn: Color::LightYellow,
    bad: Color::LightRed,
    badge: Color::LightYellow,
    sandbox: Color::LightCyan,
    on: Color::Black,
    hosts: [
        Color::LightCyan,
        Color::LightMagenta,
        Color::LightGreen,
        Color::LightYellow,
        Color::White,
        Color::LightRed,
    ],
};

const SIXTEEN_LIGHT: Hues = Hues {
    text: Color::Black,
    ground: Color::White,
    cursor: None,
    dim: Color::Black,
    accent: Color::Blue,
    good: Color::Blue,
    busy: Color::Blue,
    warn: Color::Red,
    bad: Color::Red,
    badge: Color::LightYellow,
    sandbox: Color::LightCyan,
    on: Color::Black,
    hosts: [
        Color::Blue,
        Color::Red,
        Color::Black,
        Color::Blue,
        Color::Red,
        Color::Black,
    ],
};

/// Of a theme, with 256 colours or with 16.
pub(super) const fn of(name: ThemeName, is_rich: bool) -> Hues {
    match (name, is_rich) {
        (ThemeName::Terminal | ThemeName::Dark, true) => DARK,
        (ThemeName::Light, true) => LIGHT,
        (ThemeName::HighContrast, true) => HIGH_CONTRAST,
        (ThemeName::ColourBlind, true) => COLOUR_BLIND,
        (ThemeName::Light, false) => SIXTEEN_LIGHT,
        (ThemeName::Terminal | ThemeName::Dark, false) => SIXTEEN,
        (ThemeName::HighContrast, false) => Hues {
            text: Color::White,
            dim: Color::White,
            ..SIXTEEN
        },
        (ThemeName::ColourBlind, false) => Hues {
            good: Color::LightCyan,
            accent: Color::White,
            warn: Color::White,
            bad: Color::LightYellow,
            ..SIXTEEN
        },
    }
}
