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
    let mut words = line(chain, columns);
    let weakest = chain.weakest().map(|link| link.standing);
    let key = state.settings.keymap.key(Command::Chain);
    let hint = format!("   {key} goes there");
    if weakest >= Some(Standing::Weak) && format::width(&words.text()) + format::width(&hint) <= columns {
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
    let forms: [Form<'_>; 4] = [&whole, &cut, &most, &brief];
    let mut lines = forms.iter().map(|form| all(chain, form));
    let fitting = lines.find(|line| format::width(&line.text()) <= columns);
    fitting.unwrap_or_else(|| weakest(chain))
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

/// The signs of all links; the words of the one that is weakest.
fn weakest(chain: &Chain) -> Line {
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
            .and(tone, link.words.clone());
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
