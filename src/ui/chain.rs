//! The chain of what is selected, in one line: as much of it as there is room for, where it is weakest in any case.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use super::Theme;
use crate::app::chain::{Chain, Link, Standing};
use crate::app::format::{self, Line, Tone};
use crate::app::{Command, State};

/// How a link is written: its name, and its state in words.
type Form<'a> = &'a dyn Fn(&Link) -> (String, String);

/// Cells of a name where not all of it fits.
const NAME: usize = 16;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let columns = usize::from(area.width);
    let chain = state.chain();
    let standing = chain.weakest().map(|link| link.standing);
    let key = state.settings.keymap.key(Command::Chain);
    let hint = format!("   {key} goes there");
    // Where it breaks, what mends it is not cut away.
    let room = match standing {
        Some(Standing::Broken) => columns.saturating_sub(format::width(&hint)),
        _ => columns,
    };
    let mut words = line(chain, room);
    if standing >= Some(Standing::Weak) && format::width(&words.text()) + format::width(&hint) <= columns {
        words = words.and(Tone::Dim, hint);
    }
    frame.render_widget(Paragraph::new(super::line(&words, theme, columns)), area);
}

/// The longest that fits.
fn line(chain: &Chain, columns: usize) -> Line {
    let whole = |link: &Link| (format::clean(&link.name), link.words.clone());
    let cut = |link: &Link| (format::cut_middle(&link.name, NAME), link.words.clone());
    let brief = |link: &Link| (format::cut_middle(&link.name, NAME), link.brief.to_owned());
    let place = chain.weakest().map(|link| link.place);
    let most = |link: &Link| {
        if Some(link.place) == place {
            cut(link)
        } else {
            brief(link)
        }
    };
    let timeless = |link: &Link| {
        let (name, words) = most(link);
        (name, without_time(&words).to_owned())
    };
    let forms: [Form<'_>; 5] = [&whole, &cut, &most, &timeless, &brief];
    let mut lines = forms.iter().map(|form| all(chain, form));
    let fits = |line: &Line| format::width(&line.text()) <= columns;
    if let Some(fitting) = lines.find(fits) {
        return fitting;
    }
    let whole = weakest(chain, |link| &link.words);
    if fits(&whole) || chain.weakest().is_none_or(|link| link.standing < Standing::Broken) {
        return whole;
    }
    let timeless = weakest(chain, |link| without_time(&link.words));
    if fits(&timeless) {
        return timeless;
    }
    weakest(chain, |link| link.brief)
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

fn all(chain: &Chain, form: impl Fn(&Link) -> (String, String)) -> Line {
    let mut line = Line::blank();
    for link in &chain.links {
        let (tone, sign) = link.standing.sign();
        let (name, words) = form(link);
        line = arrow(line).and(tone, format!("{sign} "));
        line = if name.is_empty() {
            line.and(Tone::Dim, format!("{} ", link.place.name()))
        } else {
            line.and(Tone::Plain, format!("{name} "))
        };
        line = line.and(tone, words);
    }
    line
}

/// The signs of all links; what is said so of the one that is weakest.
fn weakest(chain: &Chain, said: impl Fn(&Link) -> &str) -> Line {
    let mut line = Line::blank();
    for link in &chain.links {
        let (tone, sign) = link.standing.sign();
        line = arrow(line).and(tone, format!("{sign} {}", link.place.name()));
    }
    if let Some(link) = chain.weakest() {
        let (tone, _) = link.standing.sign();
        let name = if link.name.is_empty() {
            format!("{}: ", link.place.name())
        } else {
            format!("{} ", format::cut_middle(&link.name, NAME))
        };
        line = line
            .and(Tone::Plain, format!("   {name}"))
            .and(tone, said(link).to_owned());
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
