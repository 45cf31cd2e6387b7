//! A person at a terminal: types keys into the real program in a pseudo-terminal and reads its screen.

use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a screen may take to show what a test waits for. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ENTER: &str = "\r";
pub(crate) const ESC: &str = "\x1b";
pub(crate) const TAB: &str = "\t";
pub(crate) const HOME: &str = "\x1b[H";
/// Empties the field with the cursor.
pub(crate) const CLEAR: &str = "\x15";

/// The program under the person's hands.
pub(crate) struct Session {
    screen: Arc<Mutex<vt100::Parser>>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    /// Whether its end was seen: its number may be another process's since.
    is_over: bool,
    /// What reads the screen; it ends with the program.
    reader: JoinHandle<()>,
    master: Box<dyn MasterPty + Send>,
    raw: Arc<Mutex<Vec<u8>>>,
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
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(cols), 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut output = pty.master.try_clone_reader().unwrap();
        let (seen, bytes) = (Arc::clone(&screen), Arc::clone(&raw));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                seen.lock().unwrap().process(&buffer[..count]);
                bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        let keyboard = pty.master.take_writer().unwrap();
        Self {
            screen,
            keyboard,
            child,
            is_over: false,
            reader,
            master: pty.master,
            raw,
        }
    }

    /// The screen as text.
    pub(crate) fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Every byte that the program printed so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }

    /// Forgets what was on the screen, so that only what is drawn anew is seen.
    pub(crate) fn forget(&mut self) -> &mut Self {
        let (rows, cols) = self.screen.lock().unwrap().screen().size();
        *self.screen.lock().unwrap() = vt100::Parser::new(rows, cols, 0);
        self
    }

    /// Types these characters as they are.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        // Keys come one after another from a person; a program must not depend on it, but a lone Esc does: what follows
        // it at once belongs to it.
        let pause = if keys.ends_with(ESC) { 300 } else { 60 };
        std::thread::sleep(Duration::from_millis(pause));
        self
    }

    /// Sends bytes as a terminal would, at once.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.keyboard.write_all(bytes).unwrap();
        self.keyboard.flush().unwrap();
        self
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
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.text();
            if holds(&screen) {
                return self;
            }
            assert!(Instant::now() < end, "the screen never showed {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses `j` until the row under the cursor of the pane with the keyboard begins with these words, behind its signs.
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
        while !self.cursors().iter().any(|row| row.contains(title)) {
            assert!(Instant::now() < end, "the next step is not {title}:\n{}", self.text());
            self.keys("\x1b").gone("The walk");
            std::thread::sleep(Duration::from_millis(200));
            self.keys("w").wait("The walk");
        }
        self
    }

    fn go_to(&mut self, words: &str, signs: usize) -> &mut Self {
        let begins = |row: &String| {
            let row: String = row.chars().skip(signs).collect();
            row.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(words)
        };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // Rows may still be on their way: from the top again, until it is there.
            self.keys(HOME);
            std::thread::sleep(Duration::from_millis(200));
            loop {
                let cursors = self.cursors();
                if cursors.iter().any(begins) {
                    return self;
                }
                self.keys("j");
                let moved = Instant::now() + Duration::from_millis(1500);
                while self.cursors() == cursors && Instant::now() < moved {
                    std::thread::sleep(Duration::from_millis(10));
                }
                if self.cursors() == cursors {
                    break;
                }
            }
        }
        panic!("no row `{words}` could be selected:\n{}", self.text());
    }

    /// What follows each cursor that is highlighted: that of the pane with the keyboard, and of what lies over it.
    fn cursors(&self) -> Vec<String> {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let (rows, columns) = screen.size();
        let mut found = Vec::new();
        for row in 0..rows.get() {
            for column in 0..columns.get() {
                let is_cursor = |cell: &vt100::Cell| {
                    cell.contents() == "▸" && (cell.inverse() || cell.bgcolor() != vt100::Color::Default)
                };
                if screen.cell(row, column).is_some_and(is_cursor) {
                    let rest = (column + 1..columns.get()).filter_map(|column| screen.cell(row, column));
                    let text: String = rest
                        .map(|cell| if cell.has_contents() { cell.contents() } else { " " })
                        .collect();
                    found.push(text);
                }
            }
        }
        found
    }

    /// Opens the further actions of what the cursor is on, and does one.
    pub(crate) fn action(&mut self, label: &str) -> &mut Self {
        self.keys("a").wait("do it").choose(label).keys(ENTER)
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
        self.screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(cells(rows), cells(cols));
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

    /// Sends a signal.
    pub(crate) fn signal(&mut self, signal: rustix::process::Signal) -> &mut Self {
        assert!(!self.is_over, "a signal to what has ended");
        let pid = rustix::process::Pid::from_raw(self.child.process_id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        self
    }

    /// Waits for the end; the exit status.
    pub(crate) fn exit(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.is_over = true;
                // Its last words may be on their way. Children of its own can hold the terminal for longer.
                let last = Instant::now() + Duration::from_secs(2);
                while !self.reader.is_finished() && Instant::now() < last {
                    std::thread::sleep(Duration::from_millis(5));
                }
                return status.exit_code();
            }
            assert!(Instant::now() < end, "the program did not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_over {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
