//! The chain of what is selected, in one line: as much of it as there is room for, where it is weakest in any case.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use super::Theme;
use crate::app::chain::{Chain, Link, Standing};
use crate::app::format::{self, Line, Tone};
use crate::app::{Command, State};

/// How a link is written beside its name.
type Form<'a> = &'a dyn Fn(&Link) -> String;

/// The least cells of a name where not all of it fits.
const NAME: usize = 16;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let columns = usize::from(area.width);
    let chain = state.chain();
    let standing = chain.weakest().map(|link| link.standing);
    let key = state.settings.keymap.key(Command::Chain);
    let hint = format!("   {key} goes there");
    let hinted = format::width(&hint);
    // Where it breaks, what mends it is not cut away; else it gives way to words, but to no longer names.
    let (room, kept) = match standing {
        Some(Standing::Broken) => (columns.saturating_sub(hinted), 0),
        Some(Standing::Weak) => (columns, hinted),
        _ => (columns, 0),
    };
    let mut words = line(chain, room, kept);
    if standing >= Some(Standing::Weak) && format::width(&words.text()) + hinted <= columns {
        words = words.and(Tone::Dim, hint);
    }
    frame.render_widget(Paragraph::new(super::line(&words, theme, columns)), area);
}

/// The longest that fits. Its names have the columns that are free, where there are as many beside `kept` ones.
fn line(chain: &Chain, columns: usize, kept: usize) -> Line {
    let whole = |link: &Link| link.words.clone();
    let brief = |link: &Link| link.brief.to_owned();
    let place = chain.weakest().map(|link| link.place);
    let most = |link: &Link| {
        if Some(link.place) == place {
            whole(link)
        } else {
            brief(link)
        }
    };
    let timeless = |link: &Link| without_time(&most(link)).to_owned();
    let width = |line: &Line| format::width(&line.text());
    let longest = chain.links.iter().map(|link| format::width(&format::clean(&link.name)));
    let longest = longest.max().unwrap_or(0).clamp(NAME, columns.max(NAME));
    let forms: [Form<'_>; 4] = [&whole, &most, &timeless, &brief];
    for form in forms {
        let least = width(&all(chain, NAME, form));
        if least > columns {
            continue;
        }
        let room = if least + kept <= columns {
            columns - kept
        } else {
            columns
        };
        let (mut cells, mut upper) = (NAME, longest);
        while cells < upper {
            let middle = (cells + upper).div_ceil(2);
            if width(&all(chain, middle, form)) <= room {
                cells = middle;
            } else {
                upper = middle - 1;
            }
        }
        return all(chain, cells, form);
    }
    let fits = |line: &Line| width(line) <= columns;
    let free = columns.saturating_sub(kept);
    let whole = weakest(chain, free, |link| &link.words);
    if fits(&whole) || chain.weakest().is_none_or(|link| link.standing < Standing::Broken) {
        return whole;
    }
    let timeless = weakest(chain, free, |link| without_time(&link.words));
    if fits(&timeless) {
        return timeless;
    }
    weakest(chain, free, |link| link.brief)
}

/// Without the time of day at its end.
fn without_time(words: &str) -> &str {
    let is_time = |word: &str| {
        word.len() == 5
            && word
                .bytes()
                .enumerate()
                .all(|(at, byte)| if at == 2 { byte == b':' } else { byte.is_ascii_digit() })
    };
    match words.rsplit_once(' ') {
        Some((before, time)) if is_time(time) => before,
        _ => words,
    }
}

fn all(chain: &Chain, cells: usize, form: Form<'_>) -> Line {
    let mut line = Line::blank();
    for link in &chain.links {
        let (tone, sign) = link.standing.sign();
        let name = format::cut_middle(&link.name, cells);
        line = arrow(line).and(tone, format!("{sign} "));
        line = if name.is_empty() {
            line.and(Tone::Dim, format!("{} ", link.place.name()))
        } else {
            line.and(Tone::Plain, format!("{name} "))
        };
        line = line.and(tone, form(link));
    }
    line
}

/// The signs of all links; what is said so of the one that is weakest, its name in the columns that are left.
fn weakest(chain: &Chain, columns: usize, said: impl Fn(&Link) -> &str) -> Line {
    let mut line = Line::blank();
    for link in &chain.links {
        let (tone, sign) = link.standing.sign();
        line = arrow(line).and(tone, format!("{sign} {}", link.place.name()));
    }
    if let Some(link) = chain.weakest() {
        let (tone, _) = link.standing.sign();
        let words = said(link).to_owned();
        let used = format::width(&line.text()) + format::width(&words) + "    ".len();
        let name = if link.name.is_empty() {
            format!("{}: ", link.place.name())
        } else {
            format!(
                "{} ",
                format::cut_middle(&link.name, columns.saturating_sub(used).max(NAME))
            )
        };
        line = line.and(Tone::Plain, format!("   {name}")).and(tone, words);
    }
    line
}

fn arrow(line: Line) -> Line {
    if line.0.is_empty() {
        line
    } else {
        line.and(Tone::Dim, " ▸ ")
    }
}
