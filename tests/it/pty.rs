//! A person at a terminal: types keys into the real program in a pseudo-terminal and reads its screen.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use screen::Screen;

#[path = "pty/screen.rs"]
mod screen;

/// How long a screen may take to show what a test waits for. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const ENTER: &str = "\r";
/// As terminals of the `CSI u` form send it. The byte alone is this key only after a silence, which no test can make on a
/// busy machine: the next key would belong to it.
pub(crate) const ESC: &str = "\x1b[27u";
pub(crate) const TAB: &str = "\t";
/// Copies a command line where text is typed.
pub(crate) const CTRL_Y: &str = "\x19";
pub(crate) const DOWN: &str = "\x1b[B";
pub(crate) const HOME: &str = "\x1b[H";
/// Empties the field with the cursor.
pub(crate) const CLEAR: &str = "\x15";
/// Paints every cell anew.
const REDRAW: &str = "\x0c";

/// What the program shows, and the news of it.
struct Shown {
    screen: Mutex<Screen>,
    news: Condvar,
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap()
    }

    /// Waits until what is shown is as described; whether it came to that in time.
    fn until(&self, patience: Duration, holds: impl Fn(&Screen) -> bool) -> bool {
        let waited = self
            .news
            .wait_timeout_while(self.lock(), patience, |screen| !holds(screen));
        !waited.unwrap().1.timed_out()
    }
}

/// The program under the person's hands.
pub(crate) struct Session {
    shown: Arc<Shown>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// Whether its end was seen: its number may be another process's since.
    is_over: bool,
    master: Box<dyn MasterPty + Send>,
}

impl Session {
    /// Starts strongroom with these arguments in a terminal of this size, with nothing of the caller's AWS environment.
    pub(crate) fn start(arguments: &[&str], folder: &Path, size: (u16, u16)) -> Self {
        Self::start_with(arguments, folder, size, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn start_with(
        arguments: &[&str],
        folder: &Path,
        size: (u16, u16),
        environment: &[(&str, &str)],
    ) -> Self {
        Self::run(env!("CARGO_BIN_EXE_strongroom"), arguments, folder, size, environment)
    }

    /// Starts any program so.
    pub(crate) fn run(
        program: &str,
        arguments: &[&str],
        folder: &Path,
        (cols, rows): (u16, u16),
        environment: &[(&str, &str)],
    ) -> Self {
        let pty = native_pty_system()
            .openpty(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(folder);
        command.env_clear();
        command.env("PATH", std::env::var("PATH").unwrap());
        command.env("HOME", folder);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let shown = Arc::new(Shown {
            screen: Mutex::new(Screen::new(cols, rows)),
            news: Condvar::new(),
        });
        let mut output = pty.master.try_clone_reader().unwrap();
        let seen = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                seen.lock().take(&buffer[..count]);
                seen.news.notify_all();
            }
            seen.lock().end();
            seen.news.notify_all();
        });
        let keyboard = pty.master.take_writer().unwrap();
        Self {
            shown,
            keyboard,
            child,
            is_over: false,
            master: pty.master,
        }
    }

    /// The screen as text.
    pub(crate) fn text(&self) -> String {
        self.shown.lock().text()
    }

    /// Every byte that the program printed so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.shown.lock().raw.clone()
    }

    /// Forgets what was on the screen, so that only what is drawn anew is seen.
    pub(crate) fn forget(&mut self) -> &mut Self {
        self.shown.lock().forget();
        self
    }

    /// Types these characters as they are, and waits for the frame that the dashboard draws of it.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        let before = self.shown.lock().frames;
        self.send(keys.as_bytes());
        self.shown_when("an answer to a key", |screen| {
            screen.frames > before || !screen.has_frames()
        })
    }

    /// Sends bytes as a terminal would, at once.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.keyboard.write_all(bytes).unwrap();
        self.keyboard.flush().unwrap();
        self
    }

    /// Has the dashboard paint everything anew: whatever was typed before has been taken in when that is seen.
    fn redraw(&mut self) -> &mut Self {
        let before = self.shown.lock().repaints;
        self.send(REDRAW.as_bytes());
        self.shown_when("everything anew", |screen| {
            screen.repaints > before || !screen.has_frames()
        })
    }

    /// Waits until the screen shows the text; panics with the screen if it never does.
    pub(crate) fn wait(&mut self, text: &str) -> &mut Self {
        self.wait_until(&format!("`{text}`"), |screen| screen.contains(text))
    }

    /// Waits until the screen shows the text no longer.
    pub(crate) fn gone(&mut self, text: &str) -> &mut Self {
        self.wait_until(&format!("no `{text}`"), |screen| !screen.contains(text))
    }

    /// Waits until the screen is as described.
    pub(crate) fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> &mut Self {
        self.shown_when(what, |screen| holds(&screen.text()))
    }

    /// Waits until what was printed so far is as described.
    pub(crate) fn wait_printed(&mut self, what: &str, holds: impl Fn(&[u8]) -> bool) -> &mut Self {
        self.shown_when(what, |screen| holds(&screen.raw))
    }

    /// Whether the screen comes to be as described within a time.
    pub(crate) fn comes_to(&self, time: Duration, holds: impl Fn(&str) -> bool) -> bool {
        self.shown.until(time, |screen| holds(&screen.text()))
    }

    fn shown_when(&mut self, what: &str, holds: impl Fn(&Screen) -> bool) -> &mut Self {
        assert!(
            self.shown.until(PATIENCE, holds),
            "the screen never showed {what}:\n{}",
            self.text()
        );
        self
    }

    /// Goes down until the row under the cursor of the pane with the keyboard begins with these words, behind its signs.
    pub(crate) fn select(&mut self, words: &str) -> &mut Self {
        // After the cursor's sign come those of mark and link, and a space.
        self.go_to(words, 3)
    }

    /// The same for rows without signs: of menus, and of what is acted on over the panes.
    pub(crate) fn choose(&mut self, words: &str) -> &mut Self {
        self.go_to(words, 1)
    }

    /// Waits until the walk is opened with its cursor on this step: what it rests on may still be on its way.
    pub(crate) fn choose_step(&mut self, title: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        let is_there = |screen: &Screen| screen.cursors().iter().any(|row| row.contains(title));
        // It goes on by itself from a step that was begun in it.
        while !self.shown.until(Duration::from_secs(2), is_there) {
            assert!(Instant::now() < end, "the next step is not {title}:\n{}", self.text());
            self.keys(ESC).gone("The walk").keys("w").wait("The walk");
        }
        self
    }

    /// From the top again until it is there: rows may still be on their way.
    fn go_to(&mut self, words: &str, signs: usize) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        while !self.finds(words, signs) {
            assert!(
                Instant::now() < end,
                "no row `{words}` could be selected:\n{}",
                self.text()
            );
        }
        self
    }

    /// Whether a row that begins so is there, from the top down; with the cursor on it. If not, it has waited for news.
    fn finds(&mut self, words: &str, signs: usize) -> bool {
        let begins = |row: &String| {
            let row: String = row.chars().skip(signs).collect();
            row.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(words)
        };
        let was_empty = self.cursors().is_empty();
        self.send(HOME.as_bytes()).redraw();
        // Before there is a row none is chosen by that: what comes above the first is then under the cursor.
        if was_empty && !self.cursors().is_empty() {
            return false;
        }
        // Rows change meanwhile, if only their age: more than these are on no screen.
        for _ in 0..100 {
            let cursors = self.cursors();
            if cursors.iter().any(begins) {
                return true;
            }
            if self.send(DOWN.as_bytes()).redraw().cursors() == cursors {
                break;
            }
        }
        let seen = self.shown.lock().frames;
        self.shown
            .until(Duration::from_millis(500), |screen| screen.frames > seen);
        false
    }

    /// Presses the mouse on the first cell of these words, and lets it go; waits for the frame that is drawn of it.
    pub(crate) fn press(&mut self, words: &str) -> &mut Self {
        let (column, row) = self.cell_of(words);
        self.keys(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"))
    }

    /// Turns the wheel over these words, up if it is by less than nothing.
    pub(crate) fn wheel(&mut self, words: &str, by: i8) -> &mut Self {
        let (column, row) = self.cell_of(words);
        let button = if by < 0 { 64 } else { 65 };
        self.keys(&format!("\x1b[<{button};{column};{row}M"))
    }

    /// The cell where these words begin, behind spaces; counted from 1.
    fn cell_of(&mut self, words: &str) -> (usize, usize) {
        self.wait(words);
        let screen = self.text();
        let found = screen.lines().enumerate().find_map(|(row, line)| {
            let at = line.find(words)?;
            let spaces = words.len() - words.trim_start().len();
            Some((line[..at].chars().count() + spaces + 1, row + 1))
        });
        found.unwrap()
    }

    /// What follows each cursor that is highlighted: that of the pane with the keyboard, and of what lies over it.
    fn cursors(&self) -> Vec<String> {
        self.shown.lock().cursors()
    }

    /// Opens the further actions of what the cursor is on until this one is among them, and does it: what can be done
    /// depends on what is known.
    pub(crate) fn action(&mut self, label: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        while !self.keys("a").wait("do it").finds(label, 1) {
            assert!(Instant::now() < end, "`{label}` is not offered:\n{}", self.text());
            self.keys(ESC).gone("do it");
        }
        self.keys(ENTER)
    }

    /// The pane of objects with the cursor on this only bucket, which the dashboard opens by itself unless a key comes first.
    pub(crate) fn bucket(&mut self, name: &str) -> &mut Self {
        let (row, inside) = (format!("▸   {name}"), "3 Objects s3://");
        self.keys("3")
            .wait_until("the bucket", |screen| screen.contains(&row) || screen.contains(inside));
        if self.text().contains(inside) {
            self.keys(ESC);
        }
        self.wait(&row)
    }

    /// Presses `V` on a job until what it does is known, and waits for this of its report.
    pub(crate) fn report(&mut self, text: &str) -> &mut Self {
        const UNKNOWN: &str = "What this job does is not known yet";
        loop {
            self.keys("V")
                .wait_until("the report", |screen| screen.contains(text) || screen.contains(UNKNOWN));
            if self.text().contains(text) {
                return self;
            }
            // Another message takes its place once it is pressed again.
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Takes this one of a form's choices once it is listed.
    pub(crate) fn take(&mut self, name: &str) -> &mut Self {
        self.keys(name).wait(&format!("▸ {name}"))
    }

    /// Presses `e`, agrees to what is asked the first time, and waits until it is uploaded.
    pub(crate) fn encrypt(&mut self) -> &mut Self {
        self.keys("e").wait("Encrypt and upload").wait("y yes").keys("y");
        self.wait("Encrypted and uploaded")
    }

    /// Agrees to a question by typing the word that it asks for; the word.
    pub(crate) fn agree(&mut self) -> String {
        const ASKED: &str = "To agree, type: ";
        self.wait(ASKED);
        let screen = self.text();
        let rest = &screen[screen.rfind(ASKED).unwrap() + ASKED.len()..];
        let word = rest.split(['│', '\n']).next().unwrap().trim().to_owned();
        self.keys(&word).keys(ENTER).gone(ASKED);
        word
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, cols: u16, rows: u16) -> &mut Self {
        // The emulator first: the program may draw as soon as it is told.
        self.shown.lock().resize(cols, rows);
        self.master
            .resize(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        self
    }

    /// The program's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, signal: rustix::process::Signal) -> &mut Self {
        assert!(!self.is_over, "a signal to what has ended");
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        self
    }

    /// Waits for the end; the exit status.
    pub(crate) fn exit(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.is_over = true;
                // Its last words may be on their way; what it started itself has let go of the terminal by then.
                self.shown_when("its end", Screen::is_over);
                return status.exit_code();
            }
            assert!(Instant::now() < end, "the program did not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_over {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
