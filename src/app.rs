//! The pure core: `update(&mut State, Event) -> Vec<Effect>`. It knows no tokio, AWS, file system, network,
//! environment or clock; time arrives as [`Event::Tick`].
//!
//! ```text
//! Event::Key ─▶ press ─▶ keymap ─▶ Command ─▶ act ─▶ actions ─▶ asking ─▶ Effect::Start(Request)
//! Event::Answer, Failed, Op ─▶ update ─▶ tables, operations, messages
//! after every event: settle ─▶ Effect::Watch(topics on screen)
//! ```

pub mod actions;
mod asking;
pub mod audit;
pub mod cancelling;
pub mod cleanup;
mod clipboard;
pub mod command;
pub mod continuation;
mod dispatch;
pub mod effect;
mod ended;
pub mod event;
pub mod form;
pub mod format;
pub mod guide;
mod input;
pub mod interrupted_uploads;
mod job_alerts;
pub mod job_log;
pub mod keymap;
pub mod layout;
pub mod messages;
mod named;
pub mod operations;
pub mod outcome_text;
pub mod overlay;
pub mod pane;
pub mod policy_review;
pub mod reader_text;
pub mod results;
pub mod seen;
mod settings;
pub mod state;
pub mod table;
mod update;

pub use command::{COMMANDS, Command};
pub use effect::{Effect, OpId, Topic};
pub use event::{Event, KeyCode, KeyPress, OpEvent, Page};
pub use keymap::{Keymap, KeymapError};
pub use overlay::Overlay;
pub use pane::Pane;
pub use settings::{Consent, Settings};
pub use state::State;
pub use table::{Freshness, Listing, Row, Table};
pub use update::update;
