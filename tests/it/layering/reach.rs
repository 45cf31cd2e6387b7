//! How far one thing that can be asked for reaches: a new one is written in as many files as those that are there are named in.

use std::collections::BTreeMap;

use super::{names, sources};

/// Where the requests of all areas are.
const REQUESTS: &str = "domain/request/";
/// Its facts, what performs it, and the action that begins it.
const LEAST: usize = 3;
/// And one more: what comes after it, how its result is shown, or the command line.
const MOST: usize = 4;
/// What also mends something: a check before a job, the reason of a refusal or a clean-up names it as the way out.
const MENDS: [(&str, usize); 8] = [
    ("GrantRequest::New", 8),
    ("GrantRequest::Revoke", 6),
    ("KeyRequest::CancelDeletion", 5),
    ("KeyRequest::Enable", 5),
    ("ObjectRequest::Preview", 5),
    ("ObjectRequest::Verify", 6),
    ("ProofRequest::Access", 5),
    ("RoleRequest::TrustService", 5),
];
/// A pane has its rows, their questions, its columns, its place on the screen, and what its keys do.
const MOST_OF_A_PANE: usize = 30;

/// The variants of the public enums of a file whose names end so.
fn variants(code: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut within = None;
    for line in code.lines() {
        if let Some(rest) = line.strip_prefix("pub enum ") {
            let name = rest.split(' ').next().unwrap();
            within = name.ends_with(ending).then_some(name);
        } else if line == "}" {
            within = None;
        } else if let (Some(name), Some(rest)) = (within, line.strip_prefix("    "))
            && rest.starts_with(char::is_uppercase)
        {
            let variant: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            found.push(format!("{name}::{variant}"));
        }
    }
    found
}

/// The files that name each of these, the one that defines it among them.
fn files_of(all: &[(String, String)], defined: &str, ending: &str) -> BTreeMap<String, Vec<String>> {
    let mut reach = BTreeMap::new();
    for (home, code) in all.iter().filter(|(path, _)| path.starts_with(defined)) {
        for variant in variants(code, ending) {
            let named = all.iter().filter(|(path, code)| path == home || names(code, &variant));
            reach.insert(variant.clone(), named.map(|(path, _)| path.clone()).collect());
        }
    }
    reach
}

fn texts() -> Vec<(String, String)> {
    let all = sources().into_iter();
    all.map(|(_, path, code)| (path.to_string_lossy().into_owned(), code))
        .collect()
}

#[test]
fn what_can_be_asked_for_is_described_begun_and_performed_in_one_file_each_and_named_in_hardly_another() {
    let reach = files_of(&texts(), REQUESTS, "Request");
    assert!(reach.len() > 50, "the requests were not found: {}", reach.len());
    let wrong: Vec<_> = reach
        .iter()
        .filter(|(request, files)| {
            let mends = MENDS.iter().find(|(name, _)| name == request);
            !(LEAST..=mends.map_or(MOST, |(_, most)| *most)).contains(&files.len())
        })
        .map(|(request, files)| format!("{request} is named in {} files: {}", files.len(), files.join(", ")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let usual = reach.values().filter(|files| files.len() == LEAST).count();
    assert!(
        usual * 2 > reach.len(),
        "of {} requests {usual} are in {LEAST} files",
        reach.len()
    );
}

#[test]
fn no_request_is_named_outside_of_the_rooms_that_describe_begin_show_or_perform_it() {
    let rooms = [REQUESTS, "domain/", "app/", "perform.rs", "actions/", "commands/"];
    for (request, files) in files_of(&texts(), REQUESTS, "Request") {
        let stray = files
            .iter()
            .find(|path| !rooms.iter().any(|room| path.starts_with(room)));
        assert!(stray.is_none(), "{request} is named in {stray:?}");
        assert!(
            files.iter().any(|path| path == "perform.rs"),
            "{request} is not performed: {files:?}"
        );
        let begun =
            |path: &String| path.starts_with("app/") || path.starts_with("commands/") || path.starts_with("actions/");
        assert!(files.iter().any(begun), "nothing begins {request}: {files:?}");
    }
}

#[test]
fn an_action_is_one_item_of_its_area_and_a_line_of_the_menu() {
    let texts = texts();
    let menu = &texts.iter().find(|(path, _)| path == "app/actions.rs").unwrap().1;
    let mut actions = 0;
    for (path, code) in texts.iter().filter(|(path, _)| path.starts_with("app/actions/")) {
        let area = path.trim_start_matches("app/actions/").trim_end_matches(".rs");
        for line in code.lines().filter(|line| line.ends_with(": Action = Action {")) {
            let name = line.split("const ").nth(1).unwrap().split(':').next().unwrap();
            let area = area.split('/').next().unwrap();
            assert!(
                menu.contains(&format!("{area}::{name}")),
                "{path}: {name} is in no menu and on no key"
            );
            actions += 1;
        }
    }
    assert!(actions > 40, "the actions were not found: {actions}");
}

#[test]
fn a_pane_reaches_no_further_than_it_did() {
    let reach = files_of(&texts(), "app/pane.rs", "Pane");
    assert_eq!(reach.len(), 5);
    for (pane, files) in reach {
        assert!(
            files.len() <= MOST_OF_A_PANE,
            "{pane} is named in {} files: {}",
            files.len(),
            files.join(", ")
        );
    }
}
