//! The pure core: `update(&mut State, Event) -> Vec<Effect>`. It knows no tokio, AWS, file system, network,
//! environment or clock; time arrives as [`Event::Tick`].

pub mod effect;
pub mod event;

pub use effect::{Effect, OpId, Topic};
pub use event::{Event, KeyCode, KeyPress, OpEvent, Page};

pub mod state;
mod story;
pub mod table;

pub use state::{Confirm, Operation, Pane, Settings, State, Then, update};
pub use story::{Choice, Log, Purpose, roles_by_use};
pub use table::{Freshness, Row, Table};
