//! The terminal: entered once, restored on every way out (return, error, panic, signal, Ctrl-Z), and the stream of
//! what is typed. It knows nothing of the program behind it.

mod input;
mod sixteen;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};

use self::sixteen::Out;
use crate::printable;

pub use input::{Decoder, Input, Keyboard, Mouse, MouseAct};

/// Whether the terminal is ours now; restoring twice, or from two places at once, does it once.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// Whether the terminal tells of the mouse while it is ours.
static HAS_MOUSE: AtomicBool = AtomicBool::new(false);

/// The terminal tells of buttons and wheel, in the form of SGR; and no longer.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// The terminal while the dashboard has it; gives it back when dropped.
pub struct Term {
    inner: ratatui::Terminal<CrosstermBackend<Out>>,
    is_of_sixteen: bool,
}

impl Term {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste, and its mouse if that is wanted; one of
    /// sixteen colours is told them as it knows them.
    pub fn enter(has_mouse: bool, is_of_sixteen: bool) -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        HAS_MOUSE.store(has_mouse, Ordering::SeqCst);
        take()?;
        Ok(Self {
            inner: painter(is_of_sixteen)?,
            is_of_sixteen,
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size()
    }

    /// Draws one frame, in which no cell can act on the terminal whatever was drawn.
    pub fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame)) -> io::Result<()> {
        let harmless = |frame: &mut ratatui::Frame| {
            render(frame);
            for cell in &mut frame.buffer_mut().content {
                if !printable::is_clean(cell.symbol()) {
                    cell.set_char(char::REPLACEMENT_CHARACTER);
                }
            }
        };
        self.inner.draw(harmless).map(|_| ())
    }

    /// Makes the next frame paint every cell of the terminal, which may have another size by now. (ratatui's own `clear`
    /// asks the terminal for its cursor and fails where none answers.)
    pub fn clear(&mut self) -> io::Result<()> {
        execute!(io::stdout(), terminal::Clear(terminal::ClearType::All))?;
        self.inner = painter(self.is_of_sixteen)?;
        Ok(())
    }

    /// Stops the process as Ctrl-Z does in a shell, with its whole group (`cargo run` waits in it too); returns when it
    /// is continued.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        take()?;
        self.clear()
    }

    /// Gives the terminal to another program while `run` lasts, the keyboard too, and takes it again.
    pub fn lend<T>(&mut self, keyboard: &Keyboard, run: impl FnOnce() -> T) -> io::Result<T> {
        let paused = keyboard.pause();
        restore();
        let result = run();
        take()?;
        drop(paused);
        self.clear()?;
        Ok(result)
    }

    /// Puts a text on the clipboard of whoever sits at the terminal (OSC 52; works over ssh and in tmux). What is pasted
    /// may come to a terminal again: nothing goes that could act there.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let text = BASE64.encode(printable::clean_lines(text));
        let mut out = io::stdout();
        write!(out, "\x1b]52;c;{text}\x07")?;
        out.flush()
    }

    /// Calls the person: a bell, and a notice for terminals that show some (OSC 9).
    pub fn notify(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        write!(out, "\x07\x1b]9;{}\x07", printable::clean(text))?;
        out.flush()
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        restore();
    }
}

/// What paints a terminal of the size that it has now. (Else its size would be asked for at every frame.)
fn painter(is_of_sixteen: bool) -> io::Result<ratatui::Terminal<CrosstermBackend<Out>>> {
    let (columns, rows) = terminal::size()?;
    let options = TerminalOptions {
        viewport: Viewport::Fixed(Rect::new(0, 0, columns, rows)),
    };
    ratatui::Terminal::with_options(CrosstermBackend::new(Out::new(io::stdout(), is_of_sixteen)), options)
}

fn take() -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    terminal::enable_raw_mode()?;
    // Cleared, because not every terminal clears the screen it changes to, and the first frame paints only what is not
    // blank.
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        terminal::Clear(terminal::ClearType::All),
        EnableBracketedPaste,
        Print(if HAS_MOUSE.load(Ordering::SeqCst) { MOUSE_ON } else { "" }),
        cursor::Hide
    )
}

/// At a panic: gives the terminal back if it ends the program; whether something can be said now.
pub fn release_in_panic(is_end: bool) -> bool {
    if is_end {
        restore();
    }
    !ENTERED.load(Ordering::SeqCst)
}

/// Gives the terminal back; harmless when it is not ours. Errors are ignored: nobody is left to read them.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let mouse = if HAS_MOUSE.load(Ordering::SeqCst) {
            MOUSE_OFF
        } else {
            ""
        };
        let _ = execute!(
            io::stdout(),
            Print(mouse),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = terminal::disable_raw_mode();
    }
}
