//! `?` is one page, whatever the place; nobody looks for the walk.

use strongroom::app::{COMMANDS, Command, Keyed};

use crate::desk::Desk;

const SMALL: (u16, u16) = (80, 24);

#[test]
fn help_is_one_page_of_a_small_terminal_in_every_pane() {
    for pane in ["1", "2", "3jj", "4", "4jj", "5j"] {
        let mut desk = Desk::filled(SMALL);
        let screen = desk.keys(pane).keys("?").screen();
        assert!(
            !screen.contains(" of 1") && !screen.contains(" of 2"),
            "{pane} is longer: {screen}"
        );
        assert!(screen.contains(": all by name"), "the last line of {pane}: {screen}");
    }
}

#[test]
fn every_key_that_works_here_is_on_the_page() {
    for pane in ["1", "2", "3jj", "4", "5j"] {
        let mut desk = Desk::filled(SMALL);
        desk.keys(pane);
        let works: Vec<Command> = COMMANDS
            .iter()
            .map(|entry| entry.command)
            .filter(|command| desk.state.is_available(*command))
            .collect();
        let screen = desk.keys("?").screen();
        let keymap = desk.state.settings.keymap.clone();
        for command in works {
            let key = keymap.key(command);
            assert!(screen.contains(&format!("{key} ")), "{key} is not in {pane}: {screen}");
        }
    }
}

#[test]
fn the_walk_is_in_the_footer_of_a_sandbox_in_80_columns() {
    let mut desk = Desk::filled(SMALL);
    desk.state.settings.sandbox = true;
    for pane in ["1", "2", "3jj", "4", "5"] {
        let screen = desk.keys(pane).screen();
        let footer = screen.lines().last().unwrap_or_default();
        assert!(footer.contains("w walk"), "{footer}");
    }
}

#[test]
fn an_empty_account_says_in_each_pane_what_can_be_done_and_its_key() {
    use strongroom::app::{Page, Topic};
    let mut desk = Desk::new(SMALL);
    desk.answer(Topic::Keys, Page::Keys(Vec::new()));
    desk.answer(Topic::Buckets, Page::Buckets(Vec::new()));
    desk.answer(Topic::Jobs, Page::Jobs(Vec::new()));
    for (pane, words) in [
        ("1", "n makes one"),
        ("1", "w walks through all of it"),
        ("2", "select"),
        ("3", "n makes one"),
        ("3", "O opens one by its name"),
        ("4", "3, then t starts one"),
    ] {
        let screen = desk.keys(pane).screen();
        assert!(screen.contains(words), "no `{words}` in {pane}: {screen}");
    }
    let keyed = Command::Do(Keyed::New);
    assert_eq!(desk.state.settings.keymap.key(keyed), "n");
}
