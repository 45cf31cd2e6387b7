//! Where everything stands, in cells. The core needs it for scrolling, the drawing for drawing.
//!
//! ```text
//! header                                            header
//! ┌ keys ─────────┬ objects ──────┬ files ───────┐  tabs
//! │               │               │              │  ┌ the focused pane ──────────┐
//! ├ grants ───────┼ jobs ─────────┴──────────────┤  │                            │
//! │               │                              │  │                            │
//! └───────────────┴──────────────────────────────┘  └────────────────────────────┘
//! operations (when there are any)                   operations
//! message                                           message
//! chain                                             chain
//! footer                                            footer
//! ```
//!
//! A pane whose rows do not fit has the room that the one above or below it does not need;

use super::State;
use crate::app::effect::Arrangement;
use crate::app::pane::Pane;

/// From this size on all panes are on screen at once.
const ROOM: (u16, u16) = (100, 24);
/// With less columns than this the details stand below the list.
const BESIDE: u16 = 100;
/// With less columns than this files and objects take turns.
const ALL: u16 = 96;
/// From this height on the details stand below all panes where beside them one had no room.
const STACKED: u16 = 24;
/// Operations on screen at once; the list (`o`) has them all.
const OPERATIONS: usize = 3;
/// From this height on the chain has a line.
const CHAINED: u16 = 16;
/// Frame and column titles of a pane.
const FRAME: u16 = 3;
/// The least rows of a pane that another has rows of.
const LEAST: u16 = 6;

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the usual four numbers")]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    /// Cuts rows off the top: those, and the rest.
    fn top(self, rows: u16) -> (Self, Self) {
        let rows = rows.min(self.height);
        let rest = Self {
            y: self.y + rows,
            height: self.height - rows,
            ..self
        };
        (Self { height: rows, ..self }, rest)
    }

    /// Cuts columns off the left: those, and the rest.
    fn left(self, columns: u16) -> (Self, Self) {
        let columns = columns.min(self.width);
        let rest = Self {
            x: self.x + columns,
            width: self.width - columns,
            ..self
        };
        (Self { width: columns, ..self }, rest)
    }

    /// How many rows of a table fit into a pane of this area.
    pub fn rows(self) -> usize {
        usize::from(self.height.saturating_sub(FRAME))
    }
}

/// The regions of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    /// Who and where.
    pub header: Area,
    /// The panes by name, when only one is on screen.
    pub tabs: Option<Area>,
    /// The panes on screen.
    pub panes: Vec<(Pane, Area)>,
    /// The details of what the cursor is on.
    pub aside: Option<Area>,
    /// All of the panes together, and the details: overlays lie over it.
    pub body: Area,
    /// One line for each of the newest operations in flight.
    pub operations: Area,
    /// The newest message, or what `e` would do.
    pub message: Area,
    /// The chain of what is selected; no rows where there is no room.
    pub chain: Area,
    /// Keys.
    pub footer: Area,
}

/// Divides the screen.
pub fn regions(state: &State) -> Regions {
    let (width, height) = state.size;
    let screen = Area {
        width,
        height,
        ..Area::default()
    };
    let (header, rest) = screen.top(1);
    let running = state.operations.running().count().min(OPERATIONS) as u16;
    let chained = u16::from(height >= CHAINED);
    let below = (2 + chained + running).min(rest.height);
    let (body, rest) = rest.top(rest.height - below);
    let (operations, rest) = rest.top(running);
    let (message, rest) = rest.top(1);
    let (chain, footer) = rest.top(chained);
    let alone = width < ROOM.0 || height < ROOM.1 || state.zoom;
    let (tabs, body) = if alone {
        let (tabs, body) = body.top(1);
        (Some(tabs), body)
    } else {
        (None, body)
    };
    let (list, aside) = beside(state, body);
    let panes = if list.height == 0 {
        Vec::new()
    } else if alone {
        vec![(state.focus, list)]
    } else {
        let (left, right) = list.left(share(list.width, state.settings.arrangement.left));
        let count = |pane: Pane| state.table(pane).count();
        let files = if list.width < ALL { 0 } else { count(Pane::Files) };
        let (keys, grants) = left.top(upper(state, list.height, count(Pane::Keys), count(Pane::Grants)));
        let data = count(Pane::Objects).max(files);
        let (data, jobs) = right.top(upper(state, list.height, data, count(Pane::Jobs)));
        let mut panes = vec![(Pane::Keys, keys), (Pane::Grants, grants)];
        if list.width < ALL {
            let is_files = state.focus == Pane::Files;
            panes.push((if is_files { Pane::Files } else { Pane::Objects }, data));
        } else {
            let (objects, files) = data.left(right.width * 3 / 5);
            panes.extend([(Pane::Objects, objects), (Pane::Files, files)]);
        }
        panes.push((Pane::Jobs, jobs));
        panes
    };
    Regions {
        header,
        tabs,
        panes,
        aside,
        body,
        operations,
        message,
        chain,
        footer,
    }
}

/// Rows of the upper of two panes that hold so many: its share, and what the other does not need, or less what that needs and
/// it does not. Where the person has put the border it stays.
fn upper(state: &State, rows: u16, above: usize, below: usize) -> u16 {
    let hundredths = state.settings.arrangement.upper;
    let even = share(rows, hundredths);
    if hundredths != Arrangement::default().upper {
        return even;
    }
    let need = |count: usize| {
        let rows = u16::try_from(count).unwrap_or(u16::MAX).saturating_add(FRAME);
        rows.max(LEAST)
    };
    let (above, left) = (need(above), rows.saturating_sub(need(below)));
    if above > even {
        left.clamp(even, above)
    } else {
        left.clamp(above, even)
    }
}

/// So many hundredths, rounded up.
fn share(cells: u16, hundredths: u16) -> u16 {
    let share = (u32::from(cells) * u32::from(hundredths)).div_ceil(100);
    u16::try_from(share).unwrap_or(cells)
}

/// The list, and the details beside or below it, if they are shown.
fn beside(state: &State, body: Area) -> (Area, Option<Area>) {
    if !state.is_aside() {
        return (body, None);
    }
    let columns = (body.width * 3 / 10).clamp(36, 64);
    // Below the panes where it would else be at the cost of one of them.
    let is_below = body.width - columns.min(body.width) < ALL && body.height >= STACKED && !state.zoom;
    let (list, aside) = if body.width < BESIDE {
        let rows = body.height * 2 / 5;
        // A frame without a row tells nothing.
        body.top(if rows > FRAME { rows } else { 0 })
    } else if is_below {
        body.top(body.height * 3 / 5)
    } else {
        body.left(body.width - columns)
    };
    (list, Some(aside))
}

/// What a text overlay has room for inside its frame: columns and rows.
pub fn reader(state: &State) -> (usize, usize) {
    let body = regions(state).body;
    (
        usize::from(body.width.saturating_sub(4)),
        usize::from(body.height.saturating_sub(2)),
    )
}

/// The first line on screen of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll(pub usize);

impl Scroll {
    /// Moves within a text of so many lines, of which so many fit.
    pub(in crate::app) fn step(&mut self, by: isize, lines: usize, room: usize) {
        let last = lines.saturating_sub(room);
        self.0 = self.0.min(last).saturating_add_signed(by).min(last);
    }
}
