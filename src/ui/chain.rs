//! The chain of what is selected, in one line: as much of it as there is room for, where it is weakest in any case.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::Theme;
use super::put::put;
use crate::app::chain::{Chain, Link, Place, Standing};
use crate::app::format::{self, Line, Tone};
use crate::app::{Command, State};

/// How a link is written beside its name.
type Form<'a> = &'a dyn Fn(&Link) -> String;

/// The least cells of a name where not all of it fits.
const NAME: usize = 16;
/// The most cells of a role beside what is said of its job.
const ROLE: usize = 24;

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
    put(frame, area, &[super::line(&words, theme, columns)]);
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
    let Some(link) = chain.weakest() else {
        return weakest(chain, free, None);
    };
    let (words, timeless) = (link.words.as_str(), without_time(&link.words));
    let told = |name: &str, words: &str| weakest(chain, free, Some((name, words)));
    let whole = told(&link.name, words);
    if link.standing < Standing::Broken {
        return with_role(chain, whole, free);
    }
    // As whom a job has failed is told before its name, which its row has, and before when that was.
    let by_role = role_of(chain, link).map(|role| {
        let [words, timeless] = [words, timeless].map(|words| format!("{words} as {role}"));
        [
            told(&link.name, &words),
            told(&link.name, &timeless),
            told("", &words),
            told("", &timeless),
        ]
    });
    let mut lines = by_role.into_iter().flatten();
    let line = lines
        .find(fits)
        .or_else(|| [whole, told(&link.name, timeless)].into_iter().find(fits))
        .unwrap_or_else(|| told(&link.name, link.brief));
    with_role(chain, line, free)
}

/// The same with the name of the role instead of what the link is called, where there is room for it and it is not told yet.
fn with_role(chain: &Chain, line: Line, columns: usize) -> Line {
    let Some(role) = chain.links.iter().find(|link| link.place == Place::Role) else {
        return line;
    };
    let is_told = chain.weakest().is_some_and(|link| link.place == Place::Role);
    let name = format::cut_middle(&role.name, ROLE);
    if name.is_empty() || is_told || line.text().contains(&name) {
        return line;
    }
    let (_, sign) = role.standing.sign();
    let (unnamed, named) = (format!("{sign} {}", role.place.name()), format!("{sign} {name}"));
    let mut with_name = line.clone();
    for (_, text) in with_name.0.iter_mut().filter(|(_, text)| *text == unnamed) {
        text.clone_from(&named);
    }
    if format::width(&with_name.text()) <= columns {
        with_name
    } else {
        line
    }
}

/// The role of a job.
fn role_of(chain: &Chain, link: &Link) -> Option<String> {
    let role = chain.links.iter().find(|link| link.place == Place::Role)?;
    let is_told = link.place == Place::Job && !role.name.is_empty();
    is_told.then(|| format::cut_middle(&role.name, ROLE))
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

/// The signs of all links; the name of the one that is weakest in the columns that are left, and what is said of it.
fn weakest(chain: &Chain, columns: usize, said: Option<(&str, &str)>) -> Line {
    let mut line = Line::blank();
    for link in &chain.links {
        let (tone, sign) = link.standing.sign();
        line = arrow(line).and(tone, format!("{sign} {}", link.place.name()));
    }
    if let (Some(link), Some((name, words))) = (chain.weakest(), said) {
        let (tone, _) = link.standing.sign();
        let used = format::width(&line.text()) + format::width(words) + "    ".len();
        let name = match (name, link.name.as_str()) {
            ("", "") => format!("{}: ", link.place.name()),
            ("", _) => String::new(),
            (name, _) => format!("{} ", format::cut_middle(name, columns.saturating_sub(used).max(NAME))),
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
