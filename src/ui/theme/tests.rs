use ratatui::style::{Color, Modifier, Style};

use super::*;

/// Of the sixteen, as xterm and as the Linux console have them.
const XTERM: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];
const CONSOLE: [[u8; 3]; 16] = [
    [0, 0, 0],
    [170, 0, 0],
    [0, 170, 0],
    [170, 85, 0],
    [0, 0, 170],
    [170, 0, 170],
    [0, 170, 170],
    [170, 170, 170],
    [85, 85, 85],
    [255, 85, 85],
    [85, 255, 85],
    [255, 255, 85],
    [85, 85, 255],
    [255, 85, 255],
    [85, 255, 255],
    [255, 255, 255],
];

/// Grounds of dark terminals as people have them: black, two greys, solarized, dracula, nord.
const GROUNDS: [[u8; 3]; 6] = [
    [0, 0, 0],
    [0x1e, 0x1e, 0x1e],
    [0x28, 0x28, 0x28],
    [0x00, 0x2b, 0x36],
    [0x28, 0x2a, 0x36],
    [0x2e, 0x34, 0x40],
];

const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

const TONES: [Tone; 17] = [
    Tone::Letter,
    Tone::Plain,
    Tone::Dim,
    Tone::Heading,
    Tone::Accent,
    Tone::Good,
    Tone::Busy,
    Tone::Warn,
    Tone::Bad,
    Tone::Found,
    Tone::FoundHere,
    Tone::Host(0),
    Tone::Host(1),
    Tone::Host(2),
    Tone::Host(3),
    Tone::Host(4),
    Tone::Host(5),
];

fn rgb(color: Color, sixteen: &[[u8; 3]; 16]) -> [u8; 3] {
    let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
    match color {
        Color::Indexed(number @ 16..=231) => {
            let number = number - 16;
            [number / 36, number / 6 % 6, number % 6].map(step)
        }
        Color::Indexed(number @ 232..) => [8 + 10 * (number - 232); 3],
        named => {
            let number = NAMED.iter().position(|one| *one == named);
            sixteen[number.expect("a colour that no scheme changes, or one of the sixteen")]
        }
    }
}

fn linear(rgb: [u8; 3]) -> [f64; 3] {
    rgb.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    })
}

/// As the WCAG define it.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |rgb: [u8; 3]| {
        let [r, g, b] = linear(rgb);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

fn theme(name: ThemeName, colours: Colours) -> Theme {
    Theme::new(
        name,
        Abilities {
            colours,
            has_unicode: true,
        },
    )
}

/// The colours of a text in this style where nothing else is said.
fn seen(style: Style, text: Color, ground: Color) -> (Color, Color) {
    let (fg, bg) = (style.fg.unwrap_or(text), style.bg.unwrap_or(ground));
    let is_reversed = style.add_modifier.contains(Modifier::REVERSED);
    if is_reversed { (bg, fg) } else { (fg, bg) }
}

#[test]
fn every_text_can_be_read_on_its_ground_and_on_the_row_of_the_cursor() {
    for name in ThemeName::ALL {
        for (colours, sixteen) in [
            (Colours::Many, &XTERM),
            (Colours::Sixteen, &XTERM),
            (Colours::Sixteen, &CONSOLE),
        ] {
            let theme = theme(name, colours);
            let hues = theme.hues.expect("colours");
            let least = if name == ThemeName::HighContrast && colours == Colours::Many {
                7.0
            } else {
                4.5
            };
            let holds = |what: &str, style: Style| {
                let (fg, bg) = seen(style, hues.text, hues.ground);
                let found = contrast(rgb(fg, sixteen), rgb(bg, sixteen));
                assert!(found >= least, "{name:?} {colours:?} {what}: {found:.2}");
            };
            for tone in TONES {
                holds(&format!("{tone:?}"), theme.tone(tone));
                holds(
                    &format!("{tone:?} on the cursor's row"),
                    theme.cursor.patch(theme.tone(tone)),
                );
            }
            for (what, style) in [
                ("focus", theme.focus),
                ("frame", theme.frame),
                ("badge", theme.badge),
                ("sandbox", theme.sandbox),
                ("context", theme.context),
                ("key", theme.key),
            ] {
                holds(what, style);
            }
        }
    }
}

#[test]
fn a_context_of_a_colour_can_be_read() {
    use Colour::{Blue, Green, Magenta, Red, Yellow};
    for colours in [Colours::Many, Colours::Sixteen] {
        for colour in [Red, Yellow, Green, Blue, Magenta] {
            let header = theme(ThemeName::Dark, colours).header(colour);
            let (fg, bg) = seen(header, Color::Reset, Color::Reset);
            for sixteen in [&XTERM, &CONSOLE] {
                let found = contrast(rgb(fg, sixteen), rgb(bg, sixteen));
                assert!(
                    found >= 4.5 || sixteen == &CONSOLE && colour == Yellow && found > 4.0,
                    "{colour:?}: {found}"
                );
            }
        }
    }
}

#[test]
fn the_terminals_own_ground_may_be_any_dark_one() {
    let theme = theme(ThemeName::Terminal, Colours::Many);
    assert_eq!(theme.ground, None);
    for tone in TONES.into_iter().filter(|tone| *tone != Tone::Plain) {
        let style = theme.tone(tone);
        let fg = rgb(style.fg.expect("a colour"), &XTERM);
        for ground in GROUNDS {
            let ground = style.bg.map_or(ground, |bg| rgb(bg, &XTERM));
            let found = contrast(fg, ground);
            assert!(found >= 4.5, "{tone:?} on {ground:?}: {found:.2}");
        }
    }
}

/// As whoever lacks one kind of cones sees it (Viénot, Brettel and Mollon, 1999), in linear light.
fn dichromat(rgb: [u8; 3], is_protan: bool) -> [f64; 3] {
    let [r, g, b] = linear(rgb);
    if is_protan {
        let both = 0.112_38 * r + 0.887_62 * g;
        [both, both, 0.004_01 * r - 0.004_01 * g + b]
    } else {
        let both = 0.292_75 * r + 0.707_25 * g;
        [both, both, -0.022_34 * r + 0.022_34 * g + b]
    }
}

#[test]
fn good_and_bad_differ_for_whoever_does_not_tell_red_from_green() {
    let hues = theme(ThemeName::ColourBlind, Colours::Many).hues.expect("colours");
    for is_protan in [true, false] {
        let apart = |one: Color, other: Color| {
            let one = dichromat(rgb(one, &XTERM), is_protan);
            let other = dichromat(rgb(other, &XTERM), is_protan);
            let squares = one.iter().zip(other).map(|(one, other)| (one - other).powi(2));
            squares.sum::<f64>().sqrt()
        };
        for (one, other) in [(hues.good, hues.bad), (hues.good, hues.warn), (hues.warn, hues.bad)] {
            assert!(apart(one, other) > 0.3, "{one:?} {other:?}: {}", apart(one, other));
        }
    }
}
