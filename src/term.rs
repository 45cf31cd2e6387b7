//! The terminal: entered once, restored on every way out (return, error, panic, signal, Ctrl-Z), and the stream of
//! what is typed. It knows nothing of the program behind it.

mod input;

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;

use crate::printable;

pub use input::{Decoder, Input, Keyboard};

/// Whether the terminal is ours now; restoring twice, or from two places at once, does it once.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal while the dashboard has it; gives it back when dropped.
pub struct Term {
    inner: ratatui::Terminal<CrosstermBackend<Stdout>>,
}

impl Term {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste.
    pub fn enter() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        take()?;
        let inner = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { inner })
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

    /// Makes the next frame paint every cell. (ratatui's own `clear` asks the terminal for its cursor and fails where
    /// none answers.)
    pub fn clear(&mut self) -> io::Result<()> {
        execute!(io::stdout(), terminal::Clear(terminal::ClearType::All))?;
        self.inner = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))?;
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
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}
