//! What the dashboard asks AWS for, counted on the wire, and how long a person waits for it: the real program in a
//! pseudo-terminal, a proxy that counts, and a sandbox behind it.
//!
//! ```text
//! cargo bench --bench calls [-- [--program STRONGROOM] [--small] [NAME]...]
//! ```
//!
//! `--program` measures another build of strongroom, `--small` a hundredth of what is long and for a tenth of the time, and
//! names say which figures: each can be asked for alone. How far it is goes to standard error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a figure that cannot be had is none")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use strongroom_sandbox::{Options, Sandbox};

use self::proxy::{Proxy, Trouble, named};
use self::pty::Session;

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/proxy.rs"]
mod proxy;
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/pty.rs"]
mod pty;

/// A name to ask for it by, and what measures it.
type Figure = (&'static str, fn(&Asked));

/// What is measured.
struct Asked {
    program: String,
    small: bool,
}

impl Asked {
    /// So many rows.
    fn rows(&self, count: u64) -> u64 {
        if self.small { count / 100 } else { count }
    }

    /// So long.
    fn time(&self, time: Duration) -> Duration {
        if self.small { time / 10 } else { time }
    }
}

const FIGURES: &[Figure] = &[
    ("first-frame", first_frame),
    ("key-to-screen", key_to_screen),
    ("keys", keys),
    ("held", held),
    ("log", log),
    ("uploads", uploads),
    ("idle", idle),
];
const SIZE: (u16, u16) = (120, 40);
const PAGE_DOWN: &[u8] = b"\x1b[6~";
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let mut asked = Asked {
        program: env!("CARGO_BIN_EXE_strongroom").to_owned(),
        small: false,
    };
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--program" => asked.program = arguments.next().unwrap(),
            "--small" => asked.small = true,
            // Cargo's own.
            "--bench" => {}
            _ => names.push(argument),
        }
    }
    for (name, figure) in FIGURES {
        if names.is_empty() || names.iter().any(|asked| asked == name) {
            figure(&asked);
        }
    }
}

/// Says how far it is, and for how long it was on its way there.
fn told<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = step();
    eprintln!("  {what}: {:.1?}", began.elapsed());
    done
}

/// A sandbox, the proxy before it, and a folder to start in.
struct World {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    proxy: Proxy,
    home: tempfile::TempDir,
}

impl World {
    fn new(fill: &str, faults: &[&str]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = Options {
            program: Some(PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))),
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            ..Options::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        told(&format!("filled with {fill}"), || {
            runtime.block_on(sandbox.fill(&fill.parse().unwrap())).unwrap();
        });
        let proxy = Proxy::start(&sandbox, |_| Trouble::None);
        let home = tempfile::tempdir().unwrap();
        Self {
            runtime,
            sandbox,
            proxy,
            home,
        }
    }

    fn open(&self, program: &str) -> Session {
        self.open_at(program, &[])
    }

    /// Opens it at a place.
    fn open_at(&self, program: &str, place: &[&str]) -> Session {
        let environment = [
            ("AWS_ENDPOINT_URL", self.proxy.url()),
            ("AWS_ACCESS_KEY_ID", self.sandbox.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", self.sandbox.secret_access_key()),
            ("AWS_REGION", self.sandbox.region()),
        ];
        let mut session = Session::run(program, place, self.home.path(), SIZE, &environment);
        session.wait("KMS keys");
        session
    }

    /// How many calls of these operations have come; of all, if none is named.
    fn calls(&self, operations: &[&str]) -> usize {
        let calls = self.proxy.operations();
        let is_meant = |call: &&String| operations.is_empty() || operations.contains(&named(call));
        calls.iter().filter(is_meant).count()
    }

    fn close(self, session: Session) {
        drop(session);
        self.runtime.block_on(self.sandbox.stop());
    }
}

/// Waits until something holds; how long that took.
fn until(what: &str, session: &Session, holds: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "never {what}:\n{}", session.text());
        std::thread::sleep(Duration::from_millis(5));
    }
    began.elapsed()
}

fn shows(session: &Session, text: &str) -> Duration {
    until(text, session, || session.text().contains(text))
}

/// Opens the row that has this name, once it is there.
fn enter(session: &mut Session, name: &str) {
    shows(session, name);
    session.keys("\r");
}

/// The number behind a pane's title.
fn rows(session: &Session, title: &str) -> Option<u64> {
    let screen = session.text();
    let rest = &screen[screen.find(title)? + title.len()..];
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn first_frame(asked: &Asked) {
    let home = tempfile::tempdir().unwrap();
    let mut times: Vec<Duration> = (0..11)
        .map(|_| {
            let began = Instant::now();
            let session = Session::run(&asked.program, &["--sandbox", "--empty"], home.path(), SIZE, &[]);
            while session.raw().is_empty() {
                std::thread::sleep(Duration::from_micros(200));
            }
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("first frame: {:?}, median of {}", times[times.len() / 2], times.len());
}

fn key_to_screen(asked: &Asked) {
    let many = asked.rows(100_000);
    let world = World::new(&format!("keys=1,objects={many}"), &[]);
    let place = "s3://sagemaker-fill/data/";
    let mut session = world.open_at(&asked.program, &[place]);
    told("listed", || {
        until("all objects", &session, || rows(&session, "-fill/data/") == Some(many))
    });
    session.send(b"z");
    let cursor = |session: &Session| {
        let screen = session.text();
        screen.lines().find(|line| line.contains('▸')).map(str::to_owned)
    };
    let mut times: Vec<Duration> = (0..101)
        .map(|_| {
            let stood = cursor(&session);
            let began = Instant::now();
            session.send(b"j");
            while cursor(&session) == stood {
                std::thread::sleep(Duration::from_micros(200));
            }
            began.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "key to screen with {many} objects: {:.2?}, median of {}; the slowest {:.2?}",
        times[times.len() / 2],
        times.len(),
        times[times.len() - 1],
    );
    world.close(session);
}

fn keys(asked: &Asked) {
    let world = World::new("keys=28", &["*:latency=200ms"]);
    let mut session = world.open(&asked.program);
    session.send(b"z");
    shows(&session, "STATE");
    let took = until("28 states", &session, || {
        session.text().matches("Enabled").count() >= 28
    });
    let calls = world.calls(&["DescribeKey", "GetKeyRotationStatus"]);
    println!("28 visible keys with states at 200 ms: {took:.2?}, {calls} calls");
    world.close(session);
}

fn held(asked: &Asked) {
    let world = World::new("jobs=1000", &[]);
    let mut session = world.open(&asked.program);
    session.send(b"4z");
    until("1000 jobs", &session, || rows(&session, "Training jobs") == Some(1000));
    for _ in 0..300 {
        session.send(b"j");
        std::thread::sleep(Duration::from_millis(33));
    }
    let is_known = || {
        session
            .text()
            .lines()
            .any(|line| line.contains('▸') && line.contains("example-role"))
    };
    let took = until("the role", &session, is_known);
    println!("detail of the row on which ten seconds of held `j` end: {took:.2?}");
    world.close(session);
}

fn log(asked: &Asked) {
    let world = World::new("jobs=1000", &[]);
    let mut session = world.open(&asked.program);
    session.send(b"4z");
    until("1000 jobs", &session, || rows(&session, "Training jobs") == Some(1000));
    for _ in 0..20 {
        session.send(PAGE_DOWN);
        std::thread::sleep(Duration::from_millis(60));
    }
    world.proxy.forget();
    session.send(b"l");
    // A job without a line has no stream: asking for these is the last that can be asked.
    let took = until("the log", &session, || world.calls(&["DescribeLogStreams"]) > 0);
    println!("log after 20 page-downs: asked for within {took:.2?}");
    world.close(session);
}

fn uploads(asked: &Asked) {
    const FILES: usize = 25;
    let (many, minute) = (asked.rows(100_000), asked.time(Duration::from_secs(60)));
    let world = World::new(&format!("keys=1,objects={many},jobs={many}"), &[]);
    for number in 0..FILES {
        std::fs::write(world.home.path().join(format!("f{number:02}.csv")), b"x,y\n1,2\n").unwrap();
    }
    let mut session = world.open(&asked.program);
    session.wait("Enabled").keys("1gg").keys("3");
    enter(&mut session, "data/");
    told("listed", || {
        until("all objects", &session, || rows(&session, "-fill/data/") == Some(many))
    });
    session.keys("5G");
    world.proxy.forget();
    let began = Instant::now();
    session.keys("e").wait("y yes").keys("y");
    for _ in 1..FILES {
        session.keys("k").keys("e");
    }
    let lists = ["ListObjectsV2", "ListAliases"];
    let (mut least, mut done, mut shown) = ([0, 0], None, None);
    let mut shrank = 0;
    while began.elapsed() < minute || done.is_none() {
        let counts = [rows(&session, "-fill/data/"), rows(&session, "Training jobs")];
        for (least, now) in least.iter_mut().zip(counts) {
            let now = now.unwrap_or(*least);
            shrank += u32::from(now < *least);
            *least = now;
        }
        if done.is_none() && world.calls(&["PutObject"]) >= 2 * FILES {
            done = Some(began.elapsed());
        }
        if shown.is_none() && least[0] >= many + FILES as u64 {
            shown = Some(began.elapsed());
        }
        assert!(began.elapsed() < PATIENCE, "never uploaded:\n{}", session.text());
        std::thread::sleep(Duration::from_millis(50));
    }
    println!(
        "{FILES} uploads beside {many} objects and jobs: {} calls of {} in {:.0?}; uploaded after {:.1?}, all listed \
         after {shown:.1?}, lists got shorter {shrank} times",
        world.calls(&lists),
        lists.join(" and "),
        began.elapsed(),
        done.unwrap_or_default(),
    );
    world.close(session);
}

fn idle(asked: &Asked) {
    let (objects, keys) = (asked.rows(100_000), asked.rows(10_000));
    let minute = asked.time(Duration::from_secs(60));
    let world = World::new(&format!("keys={keys},objects={objects}"), &[]);
    let place = "s3://sagemaker-fill/data/";
    let session = world.open_at(&asked.program, &[place]);
    told("listed", || {
        until("all objects", &session, || {
            rows(&session, "-fill/data/") == Some(objects)
        });
    });
    // What is asked about because it has just come into sight is no rest.
    std::thread::sleep(minute / 3);
    world.proxy.forget();
    let before = cpu(session.pid());
    std::thread::sleep(minute);
    let spent = cpu(session.pid()) - before;
    let (lists, all) = (world.calls(&["ListObjectsV2"]), world.calls(&[]));
    println!(
        "{minute:?} of rest with {objects} objects, {keys} keys: {lists} + {} calls, {spent:.2} s CPU",
        all - lists
    );
    world.close(session);
}

/// Seconds of processor time that a process has used.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}
