//! The time of a frame and of an event, over tables of growing size: neither may grow with the rows.

use std::path::PathBuf;

use divan::{Bencher, black_box};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use strongroom::app::{Event, KeyCode, KeyPress, Page, Settings, State, Topic, update};
use strongroom::domain::KmsKey;
use strongroom::ui::{Theme, render};

const ROWS: [usize; 4] = [10, 1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

#[divan::bench(args = ROWS)]
fn draw(bencher: Bencher, rows: usize) {
    let state = filled(rows);
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).expect("a test backend always works");
    let theme = Theme::new(strongroom::app::ThemeName::Terminal, strongroom::ui::Abilities::ALL);
    bencher.bench_local(|| {
        terminal
            .draw(|frame| render(black_box(&state), &theme, frame))
            .map(|_| ())
    });
}

#[divan::bench(args = ROWS)]
fn step_and_draw(bencher: Bencher, rows: usize) {
    let mut state = filled(rows);
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).expect("a test backend always works");
    let theme = Theme::new(strongroom::app::ThemeName::Terminal, strongroom::ui::Abilities::ALL);
    bencher.bench_local(|| {
        update(&mut state, Event::Key(press('j')));
        terminal.draw(|frame| render(&state, &theme, frame)).map(|_| ())
    });
}

/// Filtering looks at every row, once a key press.
#[divan::bench(args = ROWS)]
fn filter(bencher: Bencher, rows: usize) {
    bencher
        .with_inputs(|| {
            let mut state = filled(rows);
            update(&mut state, Event::Key(press('/')));
            state
        })
        .bench_local_values(|mut state| {
            update(&mut state, Event::Key(press('7')));
            state
        });
}

fn press(character: char) -> KeyPress {
    KeyPress {
        code: KeyCode::Char(character),
        ctrl: false,
        alt: false,
        shift: false,
    }
}

fn filled(rows: usize) -> State {
    let (mut state, _) = State::new(Settings {
        region: Some("us-east-1".to_owned()),
        sandbox: true,
        start_dir: PathBuf::from("/"),
        has_mouse: true,
        now: Timestamp::UNIX_EPOCH,
        size: (120, 36),
        ..Settings::default()
    });
    let key = |index: usize| KmsKey {
        id: format!("{index:08}-0000-0000-0000-000000000000"),
        arn: format!("arn:aws:kms:us-east-1:111122223333:key/{index:08}-0000-0000-0000-000000000000"),
        aliases: vec![format!("alias/dataset-{index}")],
        detail: None,
    };
    let event = Event::Answer {
        topic: Topic::Keys,
        walk: 1,
        first: true,
        last: true,
        at: Timestamp::UNIX_EPOCH,
        page: Page::Keys((0..rows).map(key).collect()),
    };
    update(&mut state, event);
    state
}
