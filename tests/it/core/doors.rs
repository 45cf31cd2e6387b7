//! Actions as people find them: by name in the palette, each with one name and a sentence of its own.

use std::collections::BTreeSet;

use strongroom::app::actions::MENU;
use strongroom::app::{COMMANDS, Overlay, Page, Topic};
use strongroom::domain::{FaultKind, JobRequest, Request};

use super::WIDE;
use crate::desk::{Desk, fault, role};

fn found(desk: &Desk) -> Vec<String> {
    match desk.state.overlays.last() {
        Some(Overlay::Palette(palette)) => palette
            .matches
            .iter()
            .map(|(choice, _)| choice.name().into_owned())
            .collect(),
        other => panic!("no palette but {other:?}"),
    }
}

#[test]
fn the_palette_finds_every_command_and_every_action_by_its_name() {
    let commands = COMMANDS.iter().map(|entry| entry.name);
    let others = MENU
        .iter()
        .map(|action| action.label)
        .filter(|label| *label != "audit log");
    for name in commands.chain(others) {
        let mut desk = Desk::filled(WIDE);
        desk.keys(&format!(":{name}"));
        assert!(
            found(&desk).iter().any(|found| found == name),
            "{name} is not in {:?}",
            found(&desk)
        );
    }
}

#[test]
fn an_action_of_the_palette_is_done_to_what_the_cursor_is_on_or_says_that_it_is_not_possible() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1:add alias<enter>");
    assert!(desk.screen().contains("One more alias for"), "{}", desk.screen());
    let mut desk = Desk::filled(WIDE);
    desk.keys("4:add alias<enter>");
    assert!(desk.screen().contains("Not here: add alias."), "{}", desk.screen());
}

#[test]
fn no_two_actions_have_one_name() {
    let labels: BTreeSet<&str> = MENU.iter().map(|action| action.label).collect();
    assert_eq!(labels.len(), MENU.len());
}

#[test]
fn a_field_for_roles_says_what_was_heard_of_them() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("2n");
    assert!(desk.screen().contains("asking…"), "{}", desk.screen());
    desk.answer(Topic::Roles, Page::Roles(Vec::new()));
    assert!(
        desk.screen().contains("there is none; an ARN may be typed"),
        "{}",
        desk.screen()
    );
    let mut desk = Desk::filled(WIDE);
    desk.keys("2n");
    desk.fail(Topic::Roles, fault(FaultKind::Denied, "list roles", "nobody allows it"));
    assert!(desk.screen().contains("they could not be listed"), "{}", desk.screen());
}

#[test]
fn hyperparameters_of_a_file_are_named_in_the_form_and_read_by_the_action() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjt");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<tab><tab><tab><tab><tab>@hp.json<enter>");
    let started = desk.started();
    let [Request::Job(JobRequest::Start(spec))] = &started[..] else {
        panic!("{}", desk.screen());
    };
    let file = spec.plan.parameter_file.as_deref();
    assert_eq!(file, Some(std::path::Path::new("/data/hp.json")));
    assert_eq!(spec.hyperparameters.len(), 0);
}

#[test]
fn the_menu_of_a_key_begins_with_who_may_use_it_and_ends_with_what_takes_away() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a");
    let Some(Overlay::Menu(menu)) = desk.state.overlays.last() else {
        panic!("{}", desk.screen())
    };
    assert_eq!(menu.actions[0].label, "who");
    let last = menu.actions.last().unwrap();
    assert!(last.label == "clean up" && last.is_dangerous());
}
