//! A terminal dashboard for training models on data that must stay encrypted: KMS keys, grants, encrypted S3 objects and
//! SageMaker training jobs on one screen, over an async worker that polls AWS and runs encryption actions.
//!
//! # The map
//!
//! ```text
//!              keys                                      answers
//!   terminal ───────▶ runtime ──Event──▶ app::update ◀──Event─── worker ──▶ actions ──▶ aws ──▶ AWS
//!      ▲                 │                   │                     ▲           │               or the
//!      └──── ui::render ─┴───── State ───────┴──────Effect─────────┘           └──▶ envelope   sandbox
//! ```
//!
//! - [`domain`]: the nouns, plain data.
//! - [`app`]: the pure core: state, events, effects, `update`.
//! - [`ui`]: draws a state; nothing else.
//! - [`worker`]: owns every task: polls what is visible, runs operations, answers with events.
//! - [`runtime`]: the loop between these three and the terminal, which is [`term`]'s.
//! - [`actions`]: one async function per thing a person can do, for the dashboard and the command line alike.
//! - [`perform`]: a request and the action of the same name.
//! - [`aws`]: the only door to the SDK.
//! - [`publish`]: files that appear under their name only when they are whole.
//! - [`training`]: the container side, `strongroom train`, `strongroom serve` and `strongroom bulk-worker`.
//! - [`envelope`], a crate of its own in `crates/`: bytes: the Fernet token as a stream, the data key, what binds them.
//! - [`strongroom_sandbox`], another: an AWS-compatible world on loopback, with real KMS authorization.
//! - [`console`]: standard output and standard error; nothing else writes to them.
//! - [`printable`]: what may reach a terminal, a log or a clipboard.
//! - [`cli`], [`config`], `program`: arguments to something ready to use; `main` calls it. [`commands`]: the command line at work.
//!
//! # Who may import whom
//!
//! ```text
//! printable -> nothing of ours; everybody may name it
//! domain, envelope, cli, term -> nothing else of ours
//! app      -> domain                       ui       -> app (read only), domain
//! console  -> domain                       aws      -> domain, config
//! publish  -> domain
//! actions  -> aws, envelope, publish, domain, config, console
//! training -> actions, aws, envelope, publish, domain, config, console
//! perform  -> actions, aws, domain
//! worker   -> app (Event, Effect), perform, actions, aws, domain
//! config   -> cli, app (keymap), ui (theme), domain
//! runtime  -> app, ui, worker, term, config, console, actions, domain
//! commands -> everything but app, ui, worker, runtime, term; it alone (and `program`) names the sandbox
//! program  -> everything but app, ui, worker
//! ```
//!
//! SDK types stop at [`aws`]; crypto crates are named only in [`envelope`] and the sandbox; `domain`, `app`, `ui` and the envelope
//! know no clock, file system, network or environment. `tests/it/layering.rs` reads the sources and enforces all of it.

pub mod actions;
pub mod app;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod config;
pub mod console;
pub mod domain;
pub mod perform;
pub mod printable;
mod program;
pub mod publish;
pub mod runtime;
pub mod term;
pub mod training;
pub mod ui;
pub mod worker;

pub use program::run;
pub use strongroom_envelope as envelope;
