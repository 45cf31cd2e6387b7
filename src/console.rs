//! Standard output and standard error: nothing else of this program writes to them, but `term`, whose screen is the
//! dashboard's. So what is said to people passes [`printable`] here, and data ([`data`]) is told apart by name.
//!
//! A panic is said here too: it is a fault, of ours.

use std::fs::File;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use zeroize::Zeroizing;

use crate::domain::Fault;
use crate::printable;

/// Set when whoever read standard output has left: `strongroom … | head`.
static READER_LEFT: AtomicBool = AtomicBool::new(false);

/// Set as soon as there is something that unwinding tidies up.
static STARTED: AtomicBool = AtomicBool::new(false);

/// One harmless line on standard output.
pub fn line(text: &str) -> Result<(), Fault> {
    written(&format!("{}\n", printable::clean(text)))
}

/// One JSON value on a line of its own; a parser gets the true value, a terminal only what may be shown.
pub fn json(value: &Value) -> Result<(), Fault> {
    written(&format!("{}\n", printable::json(&value.to_string())))
}

/// A text of the program's own with all that is in it: help, a manual page, a script.
pub fn own(text: &str) -> Result<(), Fault> {
    written(text)
}

/// Standard output for bytes that are not ours to change. (Rust's own looks for the ends of lines in all that passes.)
pub fn data() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Standard error for such bytes: a person may name it as the place for them.
pub fn data_on_errors() -> io::Result<File> {
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether nobody reads standard output any more: then nobody waits for a word about it either.
pub fn reader_left() -> bool {
    READER_LEFT.load(Ordering::Relaxed)
}

/// One harmless line on standard error, in the program's name. Where it cannot be written nobody can be told.
pub fn complain(text: &str) {
    said(&format!("strongroom: {}\n", printable::clean(text)));
}

/// Harmless lines on standard error.
pub fn explain(text: &str) {
    said(&printable::clean_lines(text));
}

/// Whether somebody watches standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Whether somebody is at the terminal who can be asked something.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && is_watched()
}

/// Asks at the terminal, and waits for the line that is typed there; `None` when it ends without one. It blocks.
pub fn asked(question: &str) -> Option<Zeroizing<String>> {
    end_progress();
    said(&format!("{} ", printable::clean(question)));
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().lock().read_line(&mut line).ok()?;
    (read > 0).then(|| Zeroizing::new(line.trim().to_owned()))
}

/// The line that tells how far a command is, written over the one before.
pub fn progress(text: &str) {
    said(&format!("\r\x1b[K{}", printable::clean(text)));
}

/// Takes the line of [`progress`] away.
pub fn end_progress() {
    if is_watched() {
        said("\r\x1b[K");
    }
}

/// From now on a panic says one line instead of a backtrace (which `RUST_BACKTRACE` still asks for).
///
/// `screen` is told whether the panic ends the program, gives the terminal back if so, and answers whether something
/// can be said: what panics beside a dashboard is the failure of one operation, which says so itself.
pub fn report_panics(screen: fn(bool) -> bool) {
    let earlier = std::panic::take_hook();
    let is_wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| !value.is_empty() && value != "0");
    std::panic::set_hook(Box::new(move |info| {
        let is_end = std::thread::current().name() == Some("main");
        if !screen(is_end) {
            return;
        }
        if is_wanted {
            earlier(info);
        } else {
            let why = info.payload_as_str().unwrap_or("no reason is known");
            let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
            complain(&format!(
                "this is a fault of strongroom itself{place}: {why}; please report it with what you did before"
            ));
        }
        // Half a runtime waits for its other half when it is dropped.
        if !STARTED.load(Ordering::Relaxed) {
            std::process::exit(1);
        }
    }));
}

/// From now on a panic unwinds, after it was said.
pub fn started() {
    STARTED.store(true, Ordering::Relaxed);
}

fn written(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                READER_LEFT.store(true, Ordering::Relaxed);
            }
            let remedy = match error.kind() {
                ErrorKind::StorageFull => "free some space or choose another disk",
                _ => "",
            };
            Fault::io("write", "standard output", error.to_string(), remedy)
        })
}

fn said(text: &str) {
    // In one write, so that lines of two processes do not mix.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
