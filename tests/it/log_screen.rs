//! The log of a job as a person reads it: of real hosts, which print bars and colours.

use crate::hosts::{on_four, ready};
use crate::pty::{ENTER, ESC};

/// Prints what training scripts print: colours, a progress bar, a loss.
const SCRIPT: &str = "printf '\\033[32mready\\033[0m on %s\\n0%%|\\r 50%%|#  |\\r100%%|###|\\n' $SM_CURRENT_HOST;\
    [ $SM_CURRENT_HOST = algo-1 ]||exit 0;\
    i=9;while [ $i -lt 40 ];do i=$((i+1));echo epoch=$i loss=0.$((99-i));done;echo model saved";

#[test]
fn the_log_of_a_job_on_several_hosts_is_searched_timed_and_taken_apart() {
    let place = ready(8);
    on_four(&place, SCRIPT).ok();
    let mut session = place.dashboard((120, 40));
    session.wait("Completed").keys("4").select("job-1");
    session
        .keys("l")
        .wait("Log of job-1 · Completed")
        .wait("ready on algo-4")
        .wait("loss")
        .wait_until("a curve", |screen| {
            screen.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count() > 10
        });
    // One at a time: of each what it printed, bars as they were in the end, without colours.
    session
        .keys("H")
        .wait("algo-1 alone")
        .keys("gg")
        .wait("ready on algo-1")
        .wait("100%|###|");
    session
        .keys("H")
        .wait("algo-2 alone")
        .wait("ready on algo-2")
        .gone("model saved");
    let screen = session.text();
    assert!(
        !screen.contains("50%") && !screen.contains("[1;32m") && !screen.contains('\u{fffd}'),
        "{screen}"
    );
    session.keys("H").wait("algo-3 alone").keys("H").wait("algo-4 alone");
    session
        .keys("H")
        .gone("alone")
        .wait("algo-4 ")
        .keys("G")
        .wait("following");
    // What is looked for, one after the other, and nothing else.
    session
        .keys("/")
        .wait("to look for")
        .keys("READY")
        .keys(ENTER)
        .wait("match 4 of 4");
    session
        .keys("n")
        .wait("match 1 of 4")
        .keys("n")
        .wait("match 2 of 4")
        .keys("N")
        .wait("match 1 of 4");
    session.keys("&").gone("epoch=").wait("ready on algo-4").wait("4 of ");
    session.keys("/").keys(ESC).wait("epoch=").gone("match 1 of 4");
    // The time of the day before each line.
    session.keys("T").wait_until("times", |screen| {
        let is_time = |word: &str| {
            word.len() == 8
                && word
                    .split(':')
                    .all(|part| part.len() == 2 && part.parse::<u8>().is_ok())
        };
        screen
            .lines()
            .filter(|line| line.split_whitespace().any(is_time))
            .count()
            > 10
    });
    // `n` is no new job here.
    session.keys("n").keys(ESC).gone("Log of job-1").wait("l log");
}
