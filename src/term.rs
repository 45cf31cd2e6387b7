//! The terminal: entered once, restored on every way out (return, error, panic, signal, Ctrl-Z), and the stream of
//! what is typed. It knows nothing of the program behind it.

mod input;

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;

pub use input::{Decoder, Input, Keyboard};

/// Whether the terminal is ours now; restoring twice, or from two places at once, does it once.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal while the dashboard has it; gives it back when dropped.
pub struct Term {
    inner: ratatui::Terminal<CrosstermBackend<Stdout>>,
}

impl Term {
    /// Takes the terminal: raw mode, alternate screen, bracketed paste; a panic gives it back before it speaks.
    pub fn enter() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            earlier(info);
        }));
        take()?;
        let inner = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { inner })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size()
    }

    /// Draws one frame.
    pub fn draw(&mut self, render: impl FnOnce(&mut ratatui::Frame)) -> io::Result<()> {
        self.inner.draw(render).map(|_| ())
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

    /// Puts a text on the clipboard of whoever sits at the terminal (OSC 52; works over ssh and in tmux).
    pub fn copy(&mut self, base64_text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        write!(out, "\x1b]52;c;{base64_text}\x07")?;
        out.flush()
    }

    /// Calls the person: a bell, and a notice for terminals that show some (OSC 9). The text must hold no control character.
    pub fn notify(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        write!(out, "\x07\x1b]9;{text}\x07")?;
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

/// Gives the terminal back; harmless when it is not ours. Errors are ignored: nobody is left to read them.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}
