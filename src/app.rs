//! The pure core: `update(&mut State, Event) -> Vec<Effect>`. It knows no tokio, AWS, file system, network,
//! environment or clock; time arrives as [`Event::Tick`].
//!
//! ```text
//! Event::Key ─▶ input ─▶ keymap ─▶ Command ─▶ dispatch ─▶ actions ─▶ requests ─▶ Effect::Start(Request)
//! Event::Answer, Failed, Op ─▶ update ─▶ tables, operations, messages
//! after every event: settle ─▶ Effect::Watch(topics on screen)
//! ```
//!
//! What is known is in [`state`], with what lies over the panes and what follows an operation, all of it data; what is done
//! with it stands above. No two modules here know each other but a module and its children.
//!
//! - From a key, or a mouse on what is drawn ([`hit`]), to a request: `input`, [`keymap`], [`command`], `dispatch`; [`actions`] with their [`form`]s, listed by the
//!   menu and by `palette`, where `chooser` goes elsewhere by name; `requests` asks first what must be asked.
//! - From an answer to the screen: `update`; `ended` for operations, with `row_updates` for what they changed, `results` for
//!   what they found, `next` for what they lead to; `job_alerts`.
//! - Rows: [`table`], and a [`pane`] each; [`losses`] of jobs. [`chain`]: what is selected in one line; `mend` goes where it breaks. Screens:
//!   `details`, [`aside`], [`job_log`], [`audit`], [`inventory`], [`who`] (with `who_asked`), [`guide`] (the walk), [`cleanup`],
//!   [`policy_review`], [`interrupted_uploads`]. What a call waits for: `questions`, `login`.
//! - Words: [`fuzzy`], [`search`], [`line`](mod@line) (what is typed), [`format`](mod@format), [`outcome_text`], [`reader_text`].

pub mod actions;
pub mod aside;
pub mod audit;
pub mod cancelling;
mod chooser;
pub mod cleanup;
mod clipboard;
pub mod command;
mod cursor;
mod details;
mod dispatch;
pub mod effect;
mod ended;
pub mod event;
pub mod form;
pub mod format;
pub mod fuzzy;
pub mod guide;
mod habits;
mod help;
pub mod hit;
mod input;
pub mod interrupted_uploads;
pub mod inventory;
mod job_alerts;
pub mod job_log;
pub mod keymap;
mod known;
pub mod line;
mod login;
pub mod losses;
pub mod matrix;
mod mend;
mod next;
pub mod outcome_text;
pub mod palette;
pub mod pane;
pub mod policy_review;
mod questions;
pub mod reader_text;
mod requests;
mod rests_on;
mod results;
mod row_updates;
pub mod search;
pub mod seen;
mod settings;
pub mod state;
pub mod table;
mod update;
pub mod versions;
pub mod who;
mod who_asked;

pub use command::{COMMANDS, Command, Keyed, Place};
pub use effect::{Arrangement, Consent, Effect, OpId, ThemeName, Topic};
pub use event::{Event, KeyCode, KeyPress, LoginEvent, OpEvent, Page, WhoPage};
pub use habits::{Bookmark, Habit, Habits};
pub use hit::Hit;
pub use keymap::{Keymap, KeymapError};
pub use pane::Pane;
pub use settings::Settings;
pub use state::overlay::Overlay;
pub use state::{State, chain, layout, messages, operations, overlay};
pub use table::{Freshness, Listing, Row, Table};
pub use update::update;
