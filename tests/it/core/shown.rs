//! How rows, names and words share the screen.

use strongroom::app::{COMMANDS, Command, Page, Pane, Topic};
use strongroom::domain::{JobStatus, KmsKey};

use super::WIDE;
use crate::desk::{Desk, arn, bucket, job};

/// With so many keys and so many jobs.
fn with(size: (u16, u16), keys: usize, jobs: usize) -> Desk {
    let mut desk = Desk::filled(size);
    let key = |index: usize| KmsKey {
        id: format!("{index:08}"),
        arn: arn(&format!("{index:08}")),
        aliases: vec![format!("alias/data-{index}")],
        detail: None,
    };
    desk.answer(Topic::Keys, Page::Keys((0..keys).map(key).collect()));
    let job = |index: usize| job(&format!("train-{index}"), JobStatus::Completed, "Completed", -10);
    desk.answer(Topic::Jobs, Page::Jobs((0..jobs).map(job).collect()));
    desk
}

fn rows(desk: &Desk, pane: Pane) -> usize {
    let panes = desk.state.regions().panes;
    panes.iter().find(|(of, _)| *of == pane).unwrap().1.rows()
}

#[test]
fn a_pane_that_would_scroll_has_the_rows_that_its_neighbour_does_not_need() {
    for size in [WIDE, (200, 50)] {
        let few = with(size, 3, 3);
        let (keys, jobs) = (rows(&few, Pane::Keys), rows(&few, Pane::Jobs));
        let many = with(size, 90, 90);
        assert!(rows(&many, Pane::Keys) > keys, "grants are few");
        assert!(rows(&many, Pane::Jobs) > jobs, "objects are few");
        assert!(rows(&many, Pane::Grants) >= 3 && rows(&many, Pane::Objects) >= 5);
        // Where neither has rows to spare each has its share.
        let mut both = with(size, 90, 90);
        both.objects(
            (0..90)
                .map(|index| crate::desk::object(&format!("{index:02}"), strongroom::domain::ObjectFormat::Plain, None))
                .collect(),
        );
        assert_eq!(rows(&both, Pane::Jobs), jobs);
        // And where a person has put the border it stays.
        let mut moved = with(size, 90, 90);
        moved.keys("{");
        assert!(rows(&moved, Pane::Keys) < keys);
    }
}

#[test]
fn a_value_of_several_lines_stands_under_its_label_in_details() {
    for size in [(80, 24), WIDE] {
        let mut desk = Desk::filled(size);
        let screen = desk.keys("4jj<enter>").screen();
        let why = screen
            .lines()
            .skip_while(|line| !line.contains("Why it was refused"))
            .skip(1);
        let why: Vec<&str> = why
            .take_while(|line| !line.contains("Failure") && line.starts_with('│'))
            .collect();
        assert!(why.len() > 4, "{screen}");
        for line in why {
            let words = line.trim_matches(['│', ' ']);
            let is_labelled = ["who ", "called ", "on ", "link ", "remedy "]
                .iter()
                .any(|label| words.starts_with(label));
            let is_under = line.starts_with("│         ") || words.is_empty();
            assert!(
                is_labelled || is_under || words.starts_with("Enter"),
                "`{line}` of {screen}"
            );
        }
    }
    let mut desk = Desk::filled((80, 24));
    let policy = format!(r#"{{"Statement":[{{"Sid":"{}"}}]}}"#, "a word ".repeat(20));
    let key = desk.state.key().unwrap().arn.clone();
    desk.keys("<enter><tab>");
    desk.answer(Topic::KeyPolicy(key), Page::KeyPolicy(policy));
    let lines = desk.screen();
    let of_text = lines.lines().filter(|line| line.contains("word"));
    assert!(of_text.clone().count() > 1);
    assert!(of_text.clone().all(|line| line.starts_with("│       ")), "{lines}");
}

#[test]
fn what_o_proposes_is_in_order_however_the_lists_came() {
    let mut desk = Desk::filled((120, 50));
    desk.answer(
        Topic::Buckets,
        Page::Buckets(["zeta", "alpha", "mid"].map(bucket).into()),
    );
    let at = |name: &str, created| job(name, JobStatus::Completed, "Completed", created);
    desk.answer(
        Topic::Jobs,
        Page::Jobs(vec![at("old", -900), at("new", -10), at("older", -1000)]),
    );
    let screen = desk.keys("O").screen();
    let place = |name: &str| screen.find(name).unwrap_or_else(|| panic!("no {name}: {screen}"));
    for names in [
        ["alias/decommissioned", "alias/legacy-datasets", "alias/training-data"],
        ["s3://alpha", "s3://mid", "s3://zeta"],
        ["new ", "old ", "older "],
    ] {
        let places = names.map(place);
        assert!(places.is_sorted(), "{names:?}: {screen}");
    }
}

#[test]
fn help_speaks_in_words_and_not_in_names_of_commands() {
    for size in [(80, 24), WIDE, (200, 50)] {
        for pane in ["1", "2", "3jj", "4", "5"] {
            let screen = Desk::filled(size).keys(pane).keys("?").screen();
            let names = COMMANDS.iter().map(|entry| entry.name);
            for name in names.filter(|name| name.contains('-')) {
                assert!(!screen.contains(&format!(" {name} ")), "{name}: {screen}");
            }
        }
    }
    // Of what is read below it the keys are there.
    let mut desk = Desk::filled((80, 24));
    let screen = desk.keys("4l?").screen();
    let follow = desk.state.settings.keymap.key(Command::Follow);
    assert!(
        screen.contains("In a log") && screen.contains(&format!("{follow}  ")),
        "{screen}"
    );
}

#[test]
fn of_the_action_with_the_cursor_the_whole_sentence_is_told() {
    let words = |screen: String| {
        screen
            .replace(['│', '\n'], " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut desk = Desk::filled((80, 24));
    let screen = words(desk.keys("1a").keys("instead of granting").screen());
    assert!(
        screen.contains("Name a role in the key policy instead of granting: shown as a diff, then put"),
        "{screen}"
    );
    let screen = words(desk.keys("<esc>:encrypt").screen());
    assert!(
        screen.contains("Encrypt and upload the selected or marked files to the place shown, under the selected key"),
        "{screen}"
    );
}

#[test]
fn where_there_is_room_the_job_of_the_chain_is_told_below_and_its_curve_below_the_jobs() {
    let mut desk = Desk::filled((200, 50));
    desk.keys("4jj").tick(4).tick(6);
    let line = |epoch: u32| crate::desk::log_line(&format!("epoch={epoch} loss={}", 1.0 / f64::from(epoch)));
    desk.answer(
        Topic::Log("train-20260920-1".to_owned()),
        Page::Log((1..30).map(line).collect()),
    );
    let screen = desk.screen();
    assert!(screen.contains("━ loss") && screen.contains("epoch 1"), "{screen}");
    // Of another job it is not shown.
    let screen = desk.keys("k").screen();
    assert!(!screen.contains("━ loss"), "{screen}");
    let screen = desk.keys("j1").screen();
    let job = |line: &str| line.contains("│ train-20260920-1 ");
    assert!(screen.lines().any(job) && screen.contains("Why it ended"), "{screen}");
    let small = Desk::filled((160, 24)).screen();
    assert!(!small.contains("Phases"), "{small}");
}

#[test]
fn who_has_no_key_yet_is_shown_the_way_beside_the_lists() {
    let mut desk = Desk::new((200, 50));
    assert!(!desk.screen().contains("From a key"), "nobody knows yet");
    desk.answer(Topic::Keys, Page::Keys(Vec::new()));
    let screen = desk.screen();
    assert!(
        screen.contains("From a key to a trained model") && screen.contains("w walks through them"),
        "{screen}"
    );
    let screen = Desk::filled((200, 50)).screen();
    assert!(!screen.contains("From a key"), "{screen}");
}

#[test]
fn a_job_that_has_ended_without_printing_a_loss_is_not_said_to_have_its_curve_still_to_come() {
    for (row, words) in [("4", "No curve yet"), ("4jj", "No curve: it printed no loss.")] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(row).keys(":metr<enter>");
        assert!(
            desk.screen().contains("No curve yet"),
            "its log was not read: {}",
            desk.screen()
        );
        let name = desk.state.jobs.current().unwrap().name.clone();
        desk.answer(
            Topic::Log(name),
            Page::Log(vec![crate::desk::log_line("reading the data key")]),
        );
        assert!(desk.screen().contains(words), "{row}: {}", desk.screen());
    }
}
