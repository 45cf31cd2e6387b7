//! The loop: input first, drain, update, dispatch effects, draw at most once.
//!
//! Nothing here decides anything: `app` says what to do, `worker` does it, `ui` draws it. A frame is drawn only when
//! something changed, and what only the worker changed is drawn at most thirty times a second. With nothing to show
//! the loop sleeps.

mod edit;
pub mod workers;

use std::collections::VecDeque;
use std::time::Duration;

use crossterm::event as ct;
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use crate::actions;
use crate::app::{self, Effect, Event, KeyCode, KeyPress, State};
use crate::config::Config;
use crate::domain::Fault;
use crate::term::{self, Input, Keyboard, Mouse, MouseAct, Term};
use crate::ui;

use self::workers::Workers;

/// Between two frames that only the worker asked for.
const FRAME: Duration = Duration::from_millis(33);

/// Runs the dashboard until the person leaves. The connection is made while the first frame is already drawn.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn run(config: Config) -> Result<(), Fault> {
    let signals = Signals::listen()?;
    let is_of_sixteen = config.abilities.colours == ui::Colours::Sixteen;
    let term = Term::enter(config.has_mouse, is_of_sixteen).map_err(|error| {
        let remedy = "run it in a terminal, or give a command; see --help";
        Fault::usage("open", "the dashboard", error.to_string(), remedy)
    })?;
    let mut session = Session::start(term, config)?;
    session.draw()?;
    let workers = Workers::start(session.config.connection.clone());
    session.serve(signals, workers).await
}

/// Listened to before the terminal is taken and its size read: one that comes in between is neither lost nor fatal.
struct Signals {
    resized: Signal,
    ends: Ends,
}

/// Those that ask to end.
struct Ends {
    terminated: Signal,
    hung_up: Signal,
    interrupted: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Fault> {
        Ok(Self {
            resized: listen(SignalKind::window_change())?,
            ends: Ends {
                terminated: listen(SignalKind::terminate())?,
                hung_up: listen(SignalKind::hangup())?,
                interrupted: listen(SignalKind::interrupt())?,
            },
        })
    }
}

impl Ends {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.hung_up.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}

struct Session {
    term: Term,
    config: Config,
    state: State,
    /// What editors left behind, pages that were not opened, and the size after the shell had the terminal.
    edited: VecDeque<Event>,
    /// What the core asked for before there was a worker.
    first: Vec<Effect>,
    /// What the last frame has for the mouse.
    hits: ui::Hits,
    dirty: bool,
    drawn: Instant,
    /// The second that the core knows, and when it was told.
    ticked: (i64, Instant),
}

impl Session {
    fn start(term: Term, config: Config) -> Result<Self, Fault> {
        let now = Timestamp::now();
        let size = term.size().map_err(|error| terminal_fault(&error))?;
        let (state, first) = State::new(config.settings(now, size));
        Ok(Self {
            term,
            config,
            state,
            edited: VecDeque::new(),
            first,
            hits: ui::Hits::default(),
            dirty: true,
            drawn: Instant::now(),
            ticked: (now.as_second(), Instant::now()),
        })
    }

    async fn serve(&mut self, mut signals: Signals, mut workers: Workers) -> Result<(), Fault> {
        let mut keyboard = Keyboard::open().map_err(|error| terminal_fault(&error))?;

        let mut effects = std::mem::take(&mut self.first);
        let mut is_told = false;
        loop {
            if self.perform(effects, &mut workers, &keyboard)? {
                break;
            }
            // What an editor left behind comes before what is typed next.
            if let Some(event) = self.edited.pop_front() {
                effects = self.update(event);
                continue;
            }
            effects = tokio::select! {
                biased;
                got = keyboard.recv() => {
                    let mut effects = self.typed(got)?;
                    while let Some(more) = keyboard.try_recv() {
                        effects.extend(self.typed(Some(more))?);
                    }
                    self.draw()?;
                    effects
                }
                () = signals.ends.recv() => {
                    // Who does not want to wait any longer says so once more.
                    if std::mem::replace(&mut is_told, true) {
                        break;
                    }
                    self.update(Event::Terminate)
                }
                _ = signals.resized.recv() => {
                    // The terminal may have lost cells even when it is back at its old size.
                    self.term.clear().map_err(|error| terminal_fault(&error))?;
                    match self.term.size() {
                        Ok((cols, rows)) => self.update(Event::Resize { cols, rows }),
                        Err(_) => Vec::new(),
                    }
                }
                () = tokio::time::sleep_until(self.drawn + FRAME), if self.dirty => {
                    self.draw()?;
                    Vec::new()
                }
                event = workers.next() => {
                    let mut effects = self.update(event);
                    for _ in 0..256 {
                        match workers.try_next() {
                            Some(event) => effects.extend(self.update(event)),
                            None => break,
                        }
                    }
                    effects
                }
                () = tokio::time::sleep_until(self.next_tick()) => self.tick(),
            };
        }
        term::restore();
        tokio::select! {
            () = workers.shutdown() => {}
            () = signals.ends.recv() => {}
        }
        match app::cancelling::left_behind(&self.state) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn typed(&mut self, input: Option<Input>) -> Result<Vec<Effect>, Fault> {
        let event = match input {
            None | Some(Input::HungUp) => Event::Terminate,
            Some(Input::Paste(text)) => Event::Paste(text),
            Some(Input::Key(key)) => match press(key) {
                Some(press) => Event::Key(press),
                None => return Ok(Vec::new()),
            },
            Some(Input::Mouse(mouse)) => {
                // What is pressed on is what the person sees once all that was typed before is on screen.
                self.draw()?;
                match self.pointed(mouse) {
                    Some(event) => event,
                    None => return Ok(Vec::new()),
                }
            }
        };
        Ok(self.update(event))
    }

    /// What the mouse did to what is drawn; nothing where it is not ours.
    fn pointed(&self, mouse: Mouse) -> Option<Event> {
        let hit = self
            .hits
            .at(mouse.column, mouse.row)
            .filter(|_| self.config.has_mouse)?;
        Some(match mouse.act {
            MouseAct::Press => Event::Click(hit),
            MouseAct::WheelUp => Event::Wheel(hit, -1),
            MouseAct::WheelDown => Event::Wheel(hit, 1),
        })
    }

    /// Tells the core what happened, the time first if a second has passed: ages and names made from it are right.
    fn update(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = self.tick();
        effects.extend(app::update(&mut self.state, event));
        self.dirty = true;
        effects
    }

    fn next_tick(&self) -> Instant {
        self.ticked.1 + Duration::from_secs(self.state.seconds_between_ticks())
    }

    fn tick(&mut self) -> Vec<Effect> {
        let now = Timestamp::now();
        if now.as_second() == self.ticked.0 {
            self.ticked.1 = Instant::now();
            return Vec::new();
        }
        self.ticked = (now.as_second(), Instant::now());
        self.dirty = true;
        app::update(&mut self.state, Event::Tick(now))
    }

    /// Does what the core asked for; true when it asked to leave.
    fn perform(&mut self, effects: Vec<Effect>, workers: &mut Workers, keyboard: &Keyboard) -> Result<bool, Fault> {
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(true),
                Effect::Suspend => {
                    self.term.suspend().map_err(|error| terminal_fault(&error))?;
                    // Only the shell was told of another size meanwhile.
                    let (cols, rows) = self.term.size().map_err(|error| terminal_fault(&error))?;
                    self.edited.push_back(Event::Resize { cols, rows });
                    self.dirty = true;
                }
                Effect::Redraw => {
                    self.term.clear().map_err(|error| terminal_fault(&error))?;
                    self.dirty = true;
                }
                Effect::Copy(text) => {
                    self.term.copy(&text).map_err(|error| terminal_fault(&error))?;
                }
                Effect::Edit { id, text, name } => {
                    let edited = self.term.lend(keyboard, || edit::run(&text, &name));
                    let result = edited.map_err(|error| terminal_fault(&error))?;
                    self.edited.push_back(Event::Edited { id, result });
                    self.dirty = true;
                }
                Effect::Notify(text) => {
                    self.term.notify(&text).map_err(|error| terminal_fault(&error))?;
                }
                Effect::OpenPage(url) => {
                    if let Err(fault) = actions::open_page(&url) {
                        self.edited.push_back(Event::NotOpened(fault));
                    }
                }
                Effect::Remember(consent) => self.config.remember(consent),
                Effect::Habit(habit) => self.config.grow_used_to(&habit),
                Effect::Arrange(arrangement) => self.config.arrange(arrangement),
                Effect::Switch(context) => {
                    self.config.visit(&context);
                    workers.switch(self.config.connection_in(&context));
                }
                effect => workers.perform(effect),
            }
        }
        Ok(false)
    }

    fn draw(&mut self) -> Result<(), Fault> {
        if self.dirty {
            let theme = ui::Theme::new(self.state.theme(), self.config.abilities);
            let (state, hits) = (&self.state, &mut self.hits);
            self.term
                .draw(|frame| *hits = ui::draw(state, &theme, frame))
                .map_err(|error| terminal_fault(&error))?;
            self.dirty = false;
            self.drawn = Instant::now();
        }
        Ok(())
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Fault> {
    signal(kind).map_err(|error| Fault::io("listen for", "signals", error.to_string(), ""))
}

fn terminal_fault(error: &std::io::Error) -> Fault {
    Fault::io("draw on", "the terminal", error.to_string(), "")
}

fn press(key: ct::KeyEvent) -> Option<KeyPress> {
    let code = match key.code {
        ct::KeyCode::Char(c) => KeyCode::Char(c),
        ct::KeyCode::Enter => KeyCode::Enter,
        ct::KeyCode::Esc => KeyCode::Esc,
        ct::KeyCode::Tab => KeyCode::Tab,
        ct::KeyCode::BackTab => KeyCode::BackTab,
        ct::KeyCode::Backspace => KeyCode::Backspace,
        ct::KeyCode::Delete => KeyCode::Delete,
        ct::KeyCode::Insert => KeyCode::Insert,
        ct::KeyCode::Up => KeyCode::Up,
        ct::KeyCode::Down => KeyCode::Down,
        ct::KeyCode::Left => KeyCode::Left,
        ct::KeyCode::Right => KeyCode::Right,
        ct::KeyCode::Home => KeyCode::Home,
        ct::KeyCode::End => KeyCode::End,
        ct::KeyCode::PageUp => KeyCode::PageUp,
        ct::KeyCode::PageDown => KeyCode::PageDown,
        ct::KeyCode::F(n) => KeyCode::F(n),
        _ => return None,
    };
    Some(KeyPress {
        code,
        ctrl: key.modifiers.contains(ct::KeyModifiers::CONTROL),
        alt: key.modifiers.contains(ct::KeyModifiers::ALT),
        shift: key.modifiers.contains(ct::KeyModifiers::SHIFT),
    })
}
