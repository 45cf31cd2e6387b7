//! What a terminal answers late presses no key: ten thousand random strings into the dashboard, cut at random places.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::place::Place;
use crate::pty::{ESC, Session};

const ROUNDS: usize = 4;
const STRINGS: usize = 2500;
/// Terminals send the pieces of one string closer together.
const CLOSE: Duration = Duration::from_millis(50);
/// A string without an end has ended after such a silence.
const SILENCE: Duration = Duration::from_millis(1200);
const SIZE: (u16, u16) = (120, 36);

#[test]
fn ten_thousand_answers_of_a_terminal_make_no_request() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-late");
    place.write("a.csv", "x,y\n1,2\n");
    let seed = fastrand::u64(..);
    let mut random = Rng::with_seed(seed);
    let mut given = 0;
    while given < ROUNDS {
        let is_typing = given % 2 == 1;
        let mut session = opened(&place, is_typing);
        let was_close = answer(&mut session, &mut random);
        // The keyboard is the person's: what is typed is all that was typed.
        let is_quiet = said_nothing(&mut session, is_typing);
        // A machine so busy that this test was held up has sent something that no terminal sends.
        if !was_close && !is_quiet {
            continue;
        }
        assert!(is_quiet, "round {given} of seed {seed}:\n{}", session.text());
        let log = place.path(".local/state/strongroom/audit.jsonl");
        assert!(
            !log.exists(),
            "round {given} of seed {seed}: {}",
            std::fs::read_to_string(log).unwrap()
        );
        given += 1;
    }
}

#[test]
fn an_escape_and_a_p_200_ms_apart_are_two_keys() {
    let place = Place::new();
    let config = place.write("config.toml", "[keys]\npalette = ['P']\npreview = [':']\n");
    let config = config.to_str().unwrap().to_owned();
    let mut session = Session::start(&["--sandbox", "--empty", "--config", &config], place.home.path(), SIZE);
    // A busy machine may hold up the program between the two: then they are one string, which ends by a silence.
    for _ in 0..20 {
        session.wait("1 KMS keys").keys("/ab").wait("/ab▏").send(b"\x1b");
        std::thread::sleep(Duration::from_millis(200));
        session.send(b"P");
        if session.comes_to(SILENCE * 2, |screen| {
            screen.contains("Commands") && !screen.contains("/ab")
        }) {
            session.keys(ESC).gone("Commands").keys("q").exit();
            return;
        }
        while !session
            .send(ESC.as_bytes())
            .comes_to(SILENCE, |screen| !screen.contains("/ab"))
        {}
    }
    panic!("they never were:\n{}", session.text());
}

/// The dashboard with the cursor on a file that could be uploaded, or with the filter open.
fn opened(place: &Place, is_typing: bool) -> Session {
    // With the mouse, the report of a press is one.
    let config = place.write("config.toml", "mouse = false\n");
    let environment = place.environment_at(place.endpoint());
    let arguments = ["--config", config.to_str().unwrap()];
    let mut session = Session::start_with(&arguments, place.home.path(), SIZE, &environment);
    session.wait("Enabled").wait("sagemaker-late").keys("5").wait("a.csv");
    session.keys("G");
    if is_typing {
        session.keys("/").wait("/▏");
    }
    session
}

/// Whether what is typed once all of it was taken in is all that was typed, and nothing stands over the panes.
fn said_nothing(session: &mut Session, is_typing: bool) -> bool {
    let mark = if is_typing { "zq" } else { "/zq" };
    // A program that was held up may not have heard the silence before it.
    for _ in 0..20 {
        std::thread::sleep(SILENCE);
        if session
            .send(mark.as_bytes())
            .comes_to(SILENCE, |screen| screen.contains("zq▏"))
        {
            break;
        }
    }
    let screen = session.text();
    let is_open = ["Sure?", "Commands", "agree", "New ", "Upload", "Encrypt and upload"]
        .iter()
        .any(|word| screen.contains(word));
    let filter = screen.split('▏').next().unwrap_or_default().rsplit('/').next();
    !is_open && filter.is_some_and(|typed| !typed.is_empty() && typed.replace("zq", "").is_empty())
}

/// Sends the strings; whether their pieces were as close together as a terminal's.
fn answer(session: &mut Session, random: &mut Rng) -> bool {
    let mut was_close = true;
    for _ in 0..STRINGS {
        let string = string(random);
        let mut rest = string.as_slice();
        let mut sent = None::<Instant>;
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(random.usize(1..=rest.len()));
            if random.u8(..) < 4 {
                std::thread::sleep(Duration::from_millis(random.u64(0..=30)));
            }
            session.send(piece);
            was_close &= sent.is_none_or(|at| at.elapsed() < CLOSE);
            sent = Some(Instant::now());
            rest = tail;
        }
    }
    // One without an end.
    session.send(b"\x1bPe");
    was_close
}

/// A control string, or a control sequence that is no key.
fn string(random: &mut Rng) -> Vec<u8> {
    const SEQUENCES: [&str; 6] = ["24;80R", "?64;1;2;4c", ">41;354;0c", "?2026;2$y", "?1u", "<0;9;9M"];
    if random.u8(..) < 40 {
        return format!("\x1b[{}", random.choice(SEQUENCES).unwrap()).into_bytes();
    }
    let mut bytes = match random.u8(0..10) {
        0 => vec![*random.choice(&[0x90, 0x98, 0x9d, 0x9e, 0x9f]).unwrap()],
        _ => vec![0x1b, *random.choice(b"P]_^X").unwrap()],
    };
    let is_8_bit = bytes.len() == 1;
    for _ in 0..random.usize(0..40) {
        let byte = match random.u8(0..4) {
            0 => random.u8(..),
            1 => *random.choice(b"eyqxdnGuj\r\t\x1b\x03\x1a :/13").unwrap(),
            _ => random.u8(b' '..=b'~'),
        };
        let ends = byte == 0x07 || (byte == b'\\' && bytes.last() == Some(&0x1b)) || (is_8_bit && byte >= 0x80);
        if !ends {
            bytes.push(byte);
        }
    }
    bytes.extend_from_slice(random.choice([b"\x1b\\".as_slice(), b"\x07"]).unwrap());
    bytes
}
