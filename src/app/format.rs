//! Words for the screen, without a screen: tones instead of colours, untrusted text made harmless, sizes and times as
//! people read them.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::{JobStatus, KeyState, ObjectFormat};

/// What a text means; the theme gives it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of meanings")]
pub enum Tone {
    Plain,
    Dim,
    Heading,
    Accent,
    Good,
    Busy,
    Warn,
    Bad,
    /// A letter of what was typed to find it.
    Letter,
    /// Found in what stands around it.
    Found,
    /// The same where one is.
    FoundHere,
    /// One of several alike, by number: neighbours differ.
    Host(usize),
}

/// One line of text in pieces, each with its tone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(pub Vec<(Tone, String)>);

impl Line {
    /// A line in one tone.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self(vec![(tone, text.into())])
    }

    /// An empty line.
    pub fn blank() -> Self {
        Self::default()
    }

    /// The line with one more piece.
    #[must_use]
    pub fn and(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.0.push((tone, text.into()));
        self
    }

    /// The line with the pieces of another behind it.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Its text without tones.
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The same in as many lines as it needs: what does not fit stands under what follows its label, or as far in as it does.
    pub fn wrapped(&self, columns: usize) -> Vec<Self> {
        let mut pieces: Vec<(Tone, char)> = Vec::new();
        for (tone, text) in &self.0 {
            pieces.extend(clean_lines(text).chars().map(|of| (*tone, of)));
        }
        let label = match self.0.as_slice() {
            [(_, label), _, ..] if label.ends_with(' ') => clean_lines(label).chars().count(),
            _ => pieces.iter().take_while(|(_, character)| *character == ' ').count(),
        };
        let text = |pieces: &[(Tone, char)]| pieces.iter().map(|(_, of)| *of).collect::<String>();
        let hang = width(&text(&pieces[..label]));
        let (label, hang) = if hang > columns / 2 { (0, 0) } else { (label, hang) };
        let mut rest = pieces[label..].iter().copied();
        let mut lines = Vec::new();
        for piece in wrap(&text(&pieces[label..]), columns.saturating_sub(hang)) {
            let mut line = if lines.is_empty() {
                of_pieces(pieces[..label].iter().copied())
            } else {
                Self::new(Tone::Dim, " ".repeat(hang))
            };
            // Only spaces and line breaks are not in the pieces.
            let of = piece.chars().map(|character| {
                let tone = rest.find(|(_, of)| *of == character);
                (tone.map_or(Tone::Plain, |(tone, _)| tone), character)
            });
            line.0.extend(of_pieces(of).0);
            lines.push(line);
        }
        lines
    }
}

/// Characters in pieces of a tone each.
fn of_pieces(characters: impl Iterator<Item = (Tone, char)>) -> Line {
    let mut line = Line::blank();
    for (tone, character) in characters {
        match line.0.last_mut() {
            Some((last, text)) if *last == tone => text.push(character),
            _ => line.0.push((tone, character.to_string())),
        }
    }
    line
}

/// The tone of a KMS key's state.
pub fn key_tone(state: &KeyState) -> Tone {
    match state {
        KeyState::Enabled => Tone::Good,
        KeyState::Disabled | KeyState::PendingImport => Tone::Warn,
        KeyState::PendingDeletion => Tone::Bad,
        KeyState::Other(_) => Tone::Plain,
    }
}

/// The tone of a training job's status.
pub fn job_tone(status: &JobStatus) -> Tone {
    match status {
        JobStatus::Completed => Tone::Good,
        JobStatus::InProgress => Tone::Busy,
        JobStatus::Stopping | JobStatus::Stopped => Tone::Warn,
        JobStatus::Failed => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// The tone of what an object says it is: muted, for nothing of it was read; what anybody reads is told.
pub fn format_tone(format: ObjectFormat) -> Tone {
    match format {
        ObjectFormat::Strongroom
        | ObjectFormat::Fernet
        | ObjectFormat::KeyObject
        | ObjectFormat::Archive
        | ObjectFormat::S3EncryptionClient
        | ObjectFormat::AwsEncryptionSdk => Tone::Dim,
        ObjectFormat::SseKms | ObjectFormat::SseS3 => Tone::Warn,
        ObjectFormat::Plain => Tone::Bad,
    }
}

/// How many are marked, and how large they are if they have a size.
pub fn marked(count: usize, bytes: u64) -> String {
    match bytes {
        0 => format!("{count} marked"),
        bytes => format!("{count} marked, {}", size(bytes)),
    }
}

/// How many cells a harmless text takes.
pub fn width(text: &str) -> usize {
    if is_ascii(text) { text.len() } else { text.width() }
}

/// A harmless text of exactly `cells` cells: padded, or cut with an ellipsis.
pub fn fit(text: &str, cells: usize) -> String {
    let mut cut = cut(text, cells);
    let missing = cells.saturating_sub(width(&cut));
    cut.extend(std::iter::repeat_n(' ', missing));
    cut
}

/// A harmless text of at most `cells` cells.
pub fn cut(text: &str, cells: usize) -> String {
    let text = clean(text);
    if width(&text) <= cells {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > cells {
            break;
        }
        kept.push(character);
    }
    if cells > 0 {
        kept.push('…');
    }
    kept
}

/// Like [`cut`], but keeps the end: for paths and URIs whose last part tells most.
pub fn cut_front(text: &str, cells: usize) -> String {
    let text = clean(text);
    if width(&text) <= cells {
        return text;
    }
    let mut used = 1;
    let mut from = text.len();
    for (index, character) in text.char_indices().rev() {
        used += character.width().unwrap_or(0);
        if used > cells {
            break;
        }
        from = index;
    }
    if cells == 0 {
        return String::new();
    }
    format!("…{}", &text[from..])
}

/// Like [`cut`], but keeps both ends: for names that differ in either.
pub fn cut_middle(text: &str, cells: usize) -> String {
    let text = clean(text);
    if width(&text) <= cells {
        return text;
    }
    if cells < 3 {
        return cut(&text, cells);
    }
    let tail = cut_front(&text, cells / 2 + 1);
    let tail = tail.trim_start_matches('…');
    let head = cut(&text, cells - width(tail));
    format!("{head}{tail}")
}

/// A harmless name of exactly `cells` cells, cut in the middle; the last cell is a gap.
pub fn labelled(text: &str, cells: usize) -> String {
    fit(&cut_middle(text, cells.saturating_sub(1)), cells)
}

/// Breaks a text into harmless lines of at most `cells` cells, at spaces where there are any.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in clean(paragraph).split_inclusive(' ') {
            if width(&line) + width(word.trim_end()) > cells && !line.is_empty() {
                lines.push(line.trim_end().to_owned());
                line = String::new();
            }
            for character in word.chars() {
                if width(&line) + character.width().unwrap_or(0) > cells {
                    if character == ' ' {
                        continue;
                    }
                    lines.push(line);
                    line = String::new();
                }
                line.push(character);
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Like [`wrap`], but a word that is longer than a line, which is a name, is cut in the middle and not broken.
pub fn wrap_names(text: &str, cells: usize) -> Vec<String> {
    let line = |line: &str| {
        line.split(' ')
            .map(|word| cut_middle(word, cells))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    wrap(&lines.join("\n"), cells)
}

/// Bytes in binary units, three figures.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match (unit, value < 9.995) {
        (0, _) => format!("{bytes} B"),
        (_, true) => format!("{value:.2} {}", UNITS[unit]),
        (_, false) if value < 99.95 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// Bytes, each of them counted.
pub fn bytes(bytes: u64) -> String {
    let digits = bytes.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<&str> = groups
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    format!("{} B", groups.join(","))
}

/// How long ago, coarsely, so that a resting screen rests.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..10 => "now".to_owned(),
        10..60 => format!("{}s", seconds / 10 * 10),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

/// A time in UTC, to the second.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A curve in one line, as wide as there is room for.
pub fn sparkline(values: &[f64], columns: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let cells = values.len().min(columns);
    let [least, most] = values
        .iter()
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], value| {
            [least.min(*value), most.max(*value)]
        });
    let bar = |value: f64| {
        let share = if most > least {
            (value - least) / (most - least)
        } else {
            0.0
        };
        let place = BARS
            .iter()
            .enumerate()
            .rev()
            .find(|(index, _)| share * 7.0 >= *index as f64 - 0.5);
        place.map_or(BARS[0], |(_, bar)| *bar)
    };
    (0..cells)
        .map(|cell| bar(values[cell * values.len() / cells]))
        .collect()
}

pub use crate::domain::words::{capitalized, counted as count, last_part, span};
pub use crate::printable::clean;
use crate::printable::{clean_lines, is_ascii};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_text_takes_exactly_its_cells() {
        for (text, cells, expected) in [
            ("abc", 5, "abc  "),
            ("abcdef", 4, "abc…"),
            ("数据数据", 5, "数据…"),
            ("数据数据", 4, "数… "),
            ("abc", 0, ""),
            ("", 2, "  "),
        ] {
            assert_eq!(fit(text, cells), expected, "{text} in {cells}");
        }
        assert_eq!(cut_front("s3://bucket/a/long/key", 9), "…long/key");
        assert_eq!(cut_middle("train-20260921-1", 11), "train…921-1");
        assert_eq!(cut_middle("数据数据数据", 7), "数据…据");
        assert_eq!(labelled("train-20260921-1", 12), "train…921-1 ");
        assert_eq!(labelled("a", 3), "a  ");
    }

    #[test]
    fn long_lines_break_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 10), ["a", "", "b"]);
        assert_eq!(wrap("ab cdefgh", 4), ["ab", "cdef", "gh"]);
    }

    #[test]
    fn what_is_longer_than_a_line_goes_on_under_what_follows_its_label_in_its_tone() {
        let told = |line: &Line, columns| {
            let lines = line.wrapped(columns).into_iter();
            lines.map(|line| line.text()).collect::<Vec<_>>()
        };
        let fact = Line::new(Tone::Dim, "why   ").and(Tone::Plain, "it was denied\nthere");
        assert_eq!(told(&fact, 13), ["why   it was", "      denied", "      there"]);
        assert_eq!(told(&fact, 80), ["why   it was denied", "      there"]);
        assert_eq!(
            told(&fact, 8),
            ["why   it", "was", "denied", "there"],
            "no room beside it"
        );
        let inner = Line::new(Tone::Plain, "  \"a\": \"long\"");
        assert_eq!(told(&inner, 10), ["  \"a\":", "  \"long\""]);
        assert_eq!(told(&Line::new(Tone::Plain, "one two"), 4), ["one", "two"]);
        assert_eq!(told(&Line::blank(), 4), [""]);
        let tones = Line::new(Tone::Good, "✓ ")
            .and(Tone::Plain, "try: ")
            .and(Tone::Bad, "refused");
        let tones = tones.wrapped(9);
        assert_eq!(
            tones[1].0,
            [(Tone::Dim, "  ".to_owned()), (Tone::Bad, "refused".to_owned())]
        );
    }

    #[test]
    fn a_name_longer_than_a_line_is_cut_in_the_middle_and_not_broken() {
        assert_eq!(
            wrap_names("decrypt s3://bucket/output/model.tar.gz beside your files", 16),
            ["decrypt", "s3://bu…l.tar.gz", "beside your", "files"]
        );
    }

    #[test]
    fn sizes_have_three_figures() {
        let words: Vec<String> = [0, 1023, 1024, 13_000, 1_048_575, 4 << 30, u64::MAX].map(size).into();
        assert_eq!(
            words,
            [
                "0 B",
                "1023 B",
                "1.00 KiB",
                "12.7 KiB",
                "1.00 MiB",
                "4.00 GiB",
                "16384 PiB"
            ]
        );
    }

    #[test]
    fn bytes_that_are_counted_stand_in_thousands() {
        assert_eq!(
            [0, 173, 10_443, 4 << 30].map(bytes),
            ["0 B", "173 B", "10,443 B", "4,294,967,296 B"]
        );
    }

    #[test]
    fn a_sparkline_falls_as_the_loss_does_and_a_flat_one_is_flat() {
        assert_eq!(sparkline(&[1.0, 0.5, 0.0], 10), "█▅▁");
        assert_eq!(sparkline(&[3.0, 3.0], 10), "▁▁");
        assert_eq!(sparkline(&[0.0; 100], 5).chars().count(), 5);
        assert_eq!(sparkline(&[], 5), "");
    }

    #[test]
    fn ages_are_coarse() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let ago = |seconds: i64| age(Timestamp::from_second(1_000_000_000 - seconds).unwrap(), now);
        assert_eq!(
            [-5, 0, 9, 47, 61, 7200, 200_000].map(ago),
            ["now", "now", "now", "40s", "1m", "2h", "2d"]
        );
    }
}
