use jiff::Timestamp;

use super::*;
use crate::app::format::Tone;

fn line(host: &str, text: &str) -> LogLine {
    LogLine {
        at: Timestamp::from_second(1_700_000_000).ok(),
        stream: format!("j/{host}-1700000000"),
        text: text.to_owned(),
    }
}

fn log(lines: &[&str]) -> Log {
    let mut log = Log::new("j");
    log.append(lines.iter().map(|text| line("algo-1", text)).collect());
    log.wrap = false;
    log
}

fn screen(log: &Log, columns: usize, rows: usize) -> Vec<String> {
    let lines = log.screen(columns, rows).into_iter();
    lines.map(|line| line.text().trim_end().to_owned()).collect()
}

fn looking_for(mut log: Log, words: &str) -> Log {
    log.search.set(words);
    log.select();
    log
}

#[test]
fn it_follows_its_end_until_somebody_scrolls_up_and_again_at_the_bottom() {
    let mut log = log(&["a", "b", "c", "d"]);
    assert_eq!(screen(&log, 10, 2), ["c", "d"]);
    log.step(-1, (10, 2));
    assert!(!log.follow);
    assert_eq!(screen(&log, 10, 2), ["b", "c"]);
    log.step(1, (10, 2));
    assert!(log.follow);
}

#[test]
fn wrapped_lines_fill_the_screen_from_the_end() {
    let mut log = log(&["first", "abcdefgh"]);
    log.wrap = true;
    assert_eq!(screen(&log, 4, 2), ["abcd", "efgh"]);
    log.follow = false;
    assert_eq!(screen(&log, 4, 2), ["firs", "t"]);
}

#[test]
fn what_is_looked_for_is_marked_and_gone_to_and_can_be_all_that_is_shown() {
    let lines = ["epoch=1 loss=2", "noise", "EPOCH=2 loss=1", "noise", "noise", "end"];
    let mut log = looking_for(log(&lines), "epoch");
    assert_eq!(log.found(), Some((2, None)));
    log.go_on(false, (20, 2));
    assert_eq!(log.found(), Some((2, Some(2))));
    assert_eq!(screen(&log, 20, 2), ["EPOCH=2 loss=1", "noise"]);
    assert_eq!(
        log.screen(20, 1)[0].0,
        [
            (Tone::FoundHere, "EPOCH".to_owned()),
            (Tone::Plain, "=2 loss=1".to_owned())
        ]
    );
    log.go_on(true, (20, 2));
    assert_eq!(log.found(), Some((2, Some(1))), "round the end");
    log.go_on(true, (20, 2));
    assert_eq!(log.found(), Some((2, Some(2))));
    log.only = true;
    log.select();
    assert_eq!(log.count(), (6, 2));
    assert_eq!(screen(&log, 20, 5), ["epoch=1 loss=2", "EPOCH=2 loss=1"]);
    log.search.set("");
    log.select();
    assert_eq!(log.count(), (6, 6));
    assert_eq!(log.found(), None);
}

#[test]
fn a_word_that_is_broken_over_two_rows_is_marked_in_both() {
    let mut log = looking_for(log(&["abcdefgh"]), "DE");
    log.wrap = true;
    let marked = |pieces: &[(Tone, String)]| {
        let found = pieces.iter().filter(|(tone, _)| *tone == Tone::Found);
        found.map(|(_, text)| text.clone()).collect::<String>()
    };
    let rows = log.screen(4, 2);
    assert_eq!([marked(&rows[0].0), marked(&rows[1].0)], ["d", "e"]);
}

#[test]
fn where_nothing_is_found_nothing_moves() {
    let mut log = looking_for(log(&["a", "b", "c"]), "z");
    log.go_on(true, (10, 2));
    assert_eq!(log.found(), Some((0, None)));
    assert!(log.follow);
    log.step(-1, (10, 2));
    log.go_on(true, (10, 2));
    log.go_on(false, (10, 2));
    assert_eq!(log.found(), Some((0, None)));
    let mut empty = looking_for(Log::new("j"), "z");
    empty.go_on(false, (10, 2));
    assert_eq!(empty.found(), Some((0, None)));
}

#[test]
fn a_bar_that_is_drawn_again_stays_one_line() {
    let mut log = log(&["start", "\r 10%", "\r 20%"]);
    log.append(vec![
        line("algo-2", "\r 5%"),
        line("algo-1", "\r 30%\r 40%"),
        line("algo-1", "done"),
    ]);
    let texts: Vec<&str> = log.texts().collect();
    assert_eq!(texts, ["start", " 40%", " 5%", "done"]);
}

#[test]
fn hosts_are_told_apart_and_shown_one_at_a_time() {
    let mut log = log(&["one"]);
    log.next_host();
    assert_eq!(log.host(), None, "there is only one");
    assert_eq!(screen(&log, 20, 1), ["one"]);
    log.append(vec![line("algo-2", "two")]);
    assert_eq!(screen(&log, 20, 2), ["algo-1 one", "algo-2 two"]);
    assert_ne!(log.screen(20, 2)[0].0[0].0, log.screen(20, 2)[1].0[0].0);
    log.next_host();
    assert_eq!(
        (log.host(), screen(&log, 20, 2)),
        (Some("algo-1"), vec!["one".to_owned()])
    );
    log.next_host();
    assert_eq!(screen(&log, 20, 2), ["two"]);
    log.next_host();
    assert_eq!(log.host(), None);
}

#[test]
fn a_time_stands_before_the_first_row_of_its_line() {
    let mut log = log(&["abcdef"]);
    (log.wrap, log.times) = (true, true);
    assert_eq!(screen(&log, 13, 2), ["22:13:20 abcd", "         ef"]);
}

#[test]
fn what_is_on_screen_stays_there_when_the_oldest_lines_are_forgotten() {
    let mut log = Log::new("j");
    log.wrap = false;
    let lines = |from: usize, to: usize| (from..to).map(|number| line("algo-1", &number.to_string())).collect();
    log.append(lines(0, KEPT));
    log.step(-5, (10, 2));
    let before = screen(&log, 10, 2);
    log.append(lines(KEPT, KEPT + 100));
    assert_eq!(log.count().0, KEPT);
    assert_eq!(screen(&log, 10, 2), before);
    log.search.set("19990");
    log.select();
    log.go_on(false, (10, 2));
    log.append(lines(KEPT + 100, KEPT + 200));
    assert_eq!(log.found(), Some((1, Some(1))));
}

#[test]
fn a_curve_has_room_above_the_lines_of_a_tall_screen_alone() {
    let log = log(&["epoch=1 loss=2", "epoch=2 loss=1"]);
    let curve = log.curve().map(|(name, series)| (name, series.points.as_slice()));
    assert_eq!(curve, Some(("loss", &[(1.0, 2.0), (2.0, 1.0)][..])));
    assert_eq!([17, 30, 100].map(|rows| log.curve_rows(rows)), [0, 7, 12]);
    assert_eq!(Log::new("j").curve_rows(100), 0);
}
