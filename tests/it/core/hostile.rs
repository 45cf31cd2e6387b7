//! Whatever is shown, typed or sized: nothing raw reaches the screen, and there always is one.

use proptest::prelude::*;

use strongroom::app::Overlay;
use strongroom::domain::Plaintext;
use strongroom::domain::preview::{Origin, Preview, View};
use strongroom::printable;

use super::*;

#[test]
fn a_line_break_in_a_name_writes_no_line_into_a_question() {
    let forged = "a\nKey: somebody-elses\nAccount: 999999999999";
    let mut desk = Desk::filled(WIDE);
    desk.state.settings.consents.clear();
    desk.objects(vec![object(forged, ObjectFormat::Plain, None)]);
    let dir = desk.state.dir.clone();
    let rows = vec![file(forged, 1), file("b", 1)];
    desk.answer(Topic::Files(dir.clone()), Page::Files { dir, rows });
    for keys in ["5gg  e", "n3x"] {
        desk.keys(keys);
        assert!(matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_))));
        let screen = desk.screen();
        let forgeries: Vec<&str> = screen
            .lines()
            .flat_map(|line| line.split('│'))
            .map(str::trim_start)
            .filter(|line| line.starts_with("Key: somebody") || line.starts_with("Account: 9"))
            .collect();
        assert!(forgeries.is_empty(), "{forgeries:?}\n{screen}");
    }
}

#[test]
fn no_control_character_reaches_the_screen_whatever_it_is_in() {
    let mut desk = Desk::filled(WIDE);
    let mut key = desk.state.keys.rows()[0].clone();
    key.aliases = vec![format!("alias/{HOSTILE}")];
    let mut described = detail(&key.arn);
    described.description = HOSTILE.to_owned();
    key.detail = Some(described);
    let key_arn = key.arn.clone();
    desk.answer(Topic::Keys, Page::Keys(vec![key]));
    let mut hostile = grant(&key_arn);
    hostile.grantee = HOSTILE.to_owned();
    hostile.name = Some(HOSTILE.to_owned());
    desk.answer(Topic::Grants(key_arn), Page::Grants(vec![hostile]));
    desk.answer(Topic::Buckets, Page::Buckets(vec![bucket(HOSTILE)]));
    desk.objects(vec![object(HOSTILE, ObjectFormat::Strongroom, None)]);
    let mut failed = job(HOSTILE, strongroom::domain::JobStatus::Failed, HOSTILE, 0);
    if let Some(detail) = failed.detail.as_mut() {
        detail.failure = Some(HOSTILE.to_owned());
    }
    desk.answer(Topic::Jobs, Page::Jobs(vec![failed]));
    let dir = desk.state.dir.clone();
    let rows = vec![file(HOSTILE, 1)];
    desk.answer(Topic::Files(dir.clone()), Page::Files { dir, rows });
    for keys in [
        "1<enter>",
        "<tab><tab>",
        "<esc>2<enter>",
        "<esc>2x",
        "n3<enter>",
        "<esc>3x",
        "n3d",
        "<esc>4<enter>",
        "<esc>5<enter>",
        "<esc>e",
        "<esc>2n",
    ] {
        desk.keys(keys);
        assert_harmless(&desk);
    }
    desk.keys("<esc>4l");
    desk.answer(Topic::Log(HOSTILE.to_owned()), Page::Log(vec![log_line(HOSTILE)]));
    assert_harmless(&desk);
    desk.keys("<esc>");
    desk.fail(Topic::Identity, fault(FaultKind::Other, HOSTILE, HOSTILE));
    assert_harmless(&desk);
    desk.keys("!");
    assert_harmless(&desk);
}

fn assert_harmless(desk: &Desk) {
    for cell in &desk.buffer().content {
        assert!(
            printable::is_clean(cell.symbol()),
            "{:?} in {}",
            cell.symbol(),
            desk.screen()
        );
    }
}

fn copied(desk: &Desk) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    };
    desk.effects.iter().filter_map(text).collect()
}

#[test]
fn a_name_goes_to_the_clipboard_as_a_shell_reads_it_and_acts_on_no_terminal() {
    let mut desk = Desk::filled(WIDE);
    desk.objects(vec![object(
        "a\x1b[201~\nrm -rf \u{202e}it's",
        ObjectFormat::Plain,
        None,
    )]);
    desk.keys("3y");
    assert!(desk.screen().contains("as a word for the shell"), "{}", desk.screen());
    desk.keys("Y");
    let word = format!(r"$'s3://{BUCKET}/a\033[201~\nrm -rf \342\200\256it\'s'");
    assert_eq!(copied(&desk)[0], word);
    assert!(
        copied(&desk).iter().all(|text| printable::is_clean(text)),
        "{:?}",
        copied(&desk)
    );
}

#[test]
fn a_plaintext_goes_to_the_clipboard_as_it_is_only_if_it_is_one_harmless_line() {
    for (plaintext, expected) in [
        ("secret\n", "secret"),
        ("x,y\n1,2\n", r"$'x,y\n1,2'"),
        ("\x1b[201~\u{202e}", r"$'\033[201~\342\200\256'"),
    ] {
        let mut desk = Desk::filled(WIDE);
        desk.keys("3jjP");
        let preview = Preview {
            source: "s3://b/housing.csv".to_owned(),
            total: plaintext.len() as u64,
            bytes: Plaintext::from(plaintext.to_owned()),
            origin: Origin::Kms,
            view: View::Text,
        };
        desk.done(1, Outcome::Previewed(Box::new(preview)));
        assert!(matches!(desk.state.overlays.last(), Some(Overlay::Preview(_))));
        assert_harmless(&desk);
        desk.keys("y");
        assert_eq!(copied(&desk), [expected]);
    }
}

fn any_key() -> impl Strategy<Value = KeyPress> {
    let code = prop_oneof![
        6 => proptest::char::range(' ', '~').prop_map(KeyCode::Char),
        4 => proptest::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Backspace, KeyCode::Up, KeyCode::Down,
            KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Left, KeyCode::Right,
        ]),
        1 => Just(KeyCode::Char('数')),
    ];
    (code, proptest::bool::weighted(0.05)).prop_map(|(code, ctrl)| KeyPress {
        code,
        ctrl,
        alt: false,
        shift: false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_typed_at_whatever_size_there_is_a_screen(
        keys in proptest::collection::vec(any_key(), 0..120),
        sizes in proptest::collection::vec((0_u16..140, 0_u16..50), 1..6),
    ) {
        let mut desk = Desk::filled(WIDE);
        for (index, key) in keys.into_iter().enumerate() {
            let (cols, rows) = sizes[index % sizes.len()];
            if index % 20 == 0 {
                desk.event(Event::Resize { cols, rows });
            }
            desk.event(Event::Key(key));
            desk.buffer();
        }
        for (cols, rows) in [(0, 0), (1, 1), (2, 3), (500, 1), (1, 200)] {
            desk.event(Event::Resize { cols, rows });
            desk.buffer();
        }
    }
}
