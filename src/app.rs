//! The pure core: `update(&mut State, Event) -> Vec<Effect>`. It knows no tokio, AWS, file system, network,
//! environment or clock; time arrives as [`Event::Tick`].
//!
//! ```text
//! Event::Key ─▶ press ─▶ keymap ─▶ Command ─▶ act ─▶ actions ─▶ asking ─▶ Effect::Start(Request)
//! Event::Answer, Failed, Op ─▶ update ─▶ tables, operations, messages
//! after every event: settle ─▶ Effect::Watch(topics on screen)
//! ```

mod act;
pub mod actions;
mod asking;
pub mod audit;
pub mod cancelling;
pub mod cleanup;
pub mod command;
pub mod content;
pub mod continuation;
mod copy;
pub mod effect;
mod ended;
pub mod event;
pub mod form;
pub mod found;
pub mod interrupted;
pub mod keymap;
pub mod layout;
pub mod log;
pub mod messages;
mod named;
pub mod operations;
pub mod overlay;
pub mod pane;
mod press;
pub mod review;
pub mod seen;
mod settings;
pub mod state;
pub mod table;
pub mod text;
mod update;
pub mod walk;
mod watched;
pub mod words;

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
