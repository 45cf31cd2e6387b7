//! What the terminal can show, as its variables say.

use crate::ui::{Abilities, Colours};

/// Terminals with more than sixteen colours whose names do not say so.
const RICH: [&str; 8] = [
    "kitty",
    "alacritty",
    "foot",
    "ghostty",
    "wezterm",
    "contour",
    "rio",
    "iterm",
];
/// Those that have no colours.
const COLORLESS: [&str; 6] = ["dumb", "vt52", "vt100", "vt102", "vt220", "vt320"];
/// Those whose fonts have too few signs.
const FEW_SIGNS: [&str; 2] = ["linux", "ansi"];

/// What the terminal can show.
pub(super) fn abilities(variable: impl Fn(&str) -> Option<String>) -> Abilities {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let term = set("TERM").unwrap_or_default().to_ascii_lowercase();
    let is_colorless = COLORLESS.contains(&term.as_str()) || term.ends_with("-m") || term.ends_with("-mono");
    let has_many = term.contains("256") || term.contains("direct") || RICH.iter().any(|name| term.contains(name));
    let colours = if set("NO_COLOR").is_some() || is_colorless {
        Colours::None
    } else if has_many || set("COLORTERM").is_some() {
        Colours::Many
    } else {
        Colours::Sixteen
    };
    let has_few = is_colorless || FEW_SIGNS.contains(&term.as_str());
    Abilities {
        colours,
        has_unicode: !has_few && speaks_unicode(set),
    }
}

/// By the first of the variables that decide it; where none does a terminal of today is taken to.
fn speaks_unicode(set: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> (Colours, bool) {
        let value = |name: &str| {
            let mut found = variables.iter().filter(|(of, _)| *of == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        let Abilities { colours, has_unicode } = abilities(value);
        (colours, has_unicode)
    }

    #[test]
    fn a_terminal_is_known_by_its_variables() {
        let utf8 = ("LANG", "en_US.UTF-8");
        for (variables, expected) in [
            (&[("TERM", "xterm-256color"), utf8][..], (Colours::Many, true)),
            (&[("TERM", "tmux-direct"), utf8], (Colours::Many, true)),
            (&[("TERM", "xterm-kitty")], (Colours::Many, true)),
            (&[("TERM", "xterm"), utf8], (Colours::Sixteen, true)),
            (
                &[("TERM", "xterm"), ("COLORTERM", "truecolor"), utf8],
                (Colours::Many, true),
            ),
            (&[("TERM", "linux"), utf8], (Colours::Sixteen, false)),
            (&[("TERM", "vt100"), utf8], (Colours::None, false)),
            (&[("TERM", "xterm-mono"), utf8], (Colours::None, false)),
            (
                &[("TERM", "xterm-256color"), ("NO_COLOR", "1"), utf8],
                (Colours::None, true),
            ),
            (
                &[("TERM", "xterm-256color"), ("NO_COLOR", ""), utf8],
                (Colours::Many, true),
            ),
            // The first that is set decides.
            (&[("TERM", "screen"), ("LC_ALL", "C"), utf8], (Colours::Sixteen, false)),
            (
                &[
                    ("TERM", "screen"),
                    ("LC_ALL", ""),
                    ("LC_CTYPE", "C.utf8"),
                    ("LANG", "C"),
                ],
                (Colours::Sixteen, true),
            ),
            (
                &[("TERM", "screen"), ("LANG", "de_DE.ISO-8859-1")],
                (Colours::Sixteen, false),
            ),
            (&[], (Colours::Sixteen, true)),
        ] {
            assert_eq!(of(variables), expected, "{variables:?}");
        }
    }
}
