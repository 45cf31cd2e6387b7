//! What one key press may do without a question: only to what the person chose.

use std::path::PathBuf;

use strongroom::app::{Overlay, Page, Topic};
use strongroom::domain::{KmsKey, ObjectRequest, Request};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, bucket, consent, file};

/// Everything agreed to before, under every key of the small world.
fn agreed(desk: &mut Desk) {
    for id in [
        "11111111-0000-0000-0000-000000000001",
        "33333333-0000-0000-0000-000000000003",
    ] {
        desk.state.settings.consents.insert(consent(&arn(id)));
    }
}

fn is_asked(desk: &Desk) -> bool {
    matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_))) && desk.started().is_empty()
}

fn files(desk: &mut Desk, rows: Vec<strongroom::domain::FileRow>) {
    let dir = PathBuf::from("/data");
    desk.answer(Topic::Files(dir.clone()), Page::Files { dir, rows });
}

#[test]
fn one_press_uploads_nothing_that_only_lay_under_the_cursor() {
    // The file was put under the cursor by the listing, not by the person.
    let mut desk = Desk::filled(WIDE);
    files(&mut desk, vec![file("images.tar", 4 << 30)]);
    desk.keys("e");
    assert!(is_asked(&desk));
    // The same file with the cursor put on it.
    let mut desk = Desk::filled(WIDE);
    files(&mut desk, vec![file("images.tar", 4 << 30)]);
    desk.keys("5je");
    assert_eq!(desk.started().len(), 1);
}

#[test]
fn a_folder_is_always_asked_about() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5kke");
    assert!(is_asked(&desk));
    assert!(
        desk.screen().contains("the folder raw with everything in it"),
        "{}",
        desk.screen()
    );
    let mut desk = Desk::filled(WIDE);
    desk.keys("5gg e");
    assert!(is_asked(&desk), "a marked folder too");
}

#[test]
fn a_key_that_only_came_first_is_asked_about() {
    let mut desk = Desk::untouched(WIDE);
    agreed(&mut desk);
    let first = KmsKey {
        id: "33333333-0000-0000-0000-000000000003".to_owned(),
        arn: arn("33333333-0000-0000-0000-000000000003"),
        aliases: Vec::new(),
        detail: None,
    };
    desk.answer(Topic::Keys, Page::Keys(vec![first]));
    desk.keys("5jje");
    assert!(is_asked(&desk));
    desk.keys("n1k5e");
    assert_eq!(desk.started().len(), 1, "the person has gone to the key");
}

#[test]
fn the_cursor_stays_on_the_key_that_it_was_on_whatever_comes() {
    let mut desk = Desk::untouched(WIDE);
    let before = desk.state.key().unwrap().arn.clone();
    let mut keys: Vec<KmsKey> = desk.state.keys.rows().to_vec();
    keys.insert(
        0,
        KmsKey {
            id: "5".to_owned(),
            arn: arn("5"),
            aliases: vec!["alias/aaa".to_owned()],
            detail: None,
        },
    );
    desk.answer(Topic::Keys, Page::Keys(keys));
    assert_eq!(desk.state.key().unwrap().arn, before);
}

#[test]
fn a_file_that_took_the_place_of_the_chosen_one_is_asked_about() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jj");
    files(
        &mut desk,
        vec![file("raw", 0), file("housing.csv", 10), file("other.tar", 10)],
    );
    desk.keys("e");
    assert!(is_asked(&desk));
    assert!(desk.screen().contains("other.tar"), "{}", desk.screen());
}

#[test]
fn a_file_or_key_found_by_a_filter_is_chosen() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1/training<enter>5/images<enter>e");
    assert_eq!(desk.started().len(), 1, "{}", desk.screen());
}

#[test]
fn a_place_agreed_to_with_one_key_is_asked_about_with_another() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1j5jje");
    assert!(is_asked(&desk));
    assert!(desk.screen().contains("33333333-0000"), "{}", desk.screen());
}

#[test]
fn without_knowing_the_account_nothing_was_agreed_to() {
    let mut desk = Desk::filled(WIDE);
    desk.state.identity = None;
    desk.keys("5jje");
    assert!(is_asked(&desk));
    desk.keys("y");
    assert_eq!(desk.started().len(), 1);
    desk.keys("e");
    assert_eq!(desk.started().len(), 1, "and nothing is remembered");
}

#[test]
fn marked_files_go_though_the_filter_hides_them() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jj /housing<enter>e");
    let Some(Request::Object(ObjectRequest::Encrypt { paths, .. })) = desk.started().pop() else {
        panic!("nothing was encrypted: {}", desk.screen())
    };
    assert_eq!(paths, [PathBuf::from("/data/images.tar")]);
}

#[test]
fn a_key_is_enabled_by_one_press_only_where_the_person_put_the_cursor() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1ku");
    assert_eq!(desk.started().len(), 1);
    // The disabled key came to be under the cursor when the chosen one was gone.
    let mut desk = Desk::filled(WIDE);
    desk.keys("1");
    let keys: Vec<KmsKey> = desk.state.keys.rows().to_vec();
    let left = keys.into_iter().filter(|key| key.name() == "legacy-datasets").collect();
    desk.answer(Topic::Keys, Page::Keys(left));
    desk.keys("u");
    assert!(is_asked(&desk), "{}", desk.screen());
    desk.keys("y");
    assert_eq!(desk.started().len(), 1);
}

#[test]
fn esc_never_leaves_the_folder_of_the_start_and_another_key_does() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5gg<enter>");
    assert_eq!(desk.state.dir, PathBuf::from("/data/raw"));
    desk.keys("<esc><esc><esc>");
    assert_eq!(desk.state.dir, PathBuf::from("/data"));
    desk.keys("-");
    assert_eq!(desk.state.dir, PathBuf::from("/"));
    desk.keys("<esc>");
    assert_eq!(desk.state.dir, PathBuf::from("/data"), "and Esc comes back");
}

#[test]
fn a_bucket_that_the_person_opened_is_not_left_for_a_likelier_one() {
    let mut desk = Desk::new(WIDE);
    desk.keys("3");
    desk.answer(Topic::Buckets, Page::Buckets(vec![bucket("logs"), bucket(BUCKET)]));
    assert_eq!(desk.state.place, None, "the person is choosing");
    desk.keys("gg<enter>");
    assert_eq!(desk.state.place, Some(("logs".to_owned(), String::new())));
    desk.answer(Topic::Buckets, Page::Buckets(vec![bucket("logs"), bucket(BUCKET)]));
    assert_eq!(desk.state.place, Some(("logs".to_owned(), String::new())));
}

#[test]
fn who_deletes_an_encrypted_data_key_under_whatever_name_is_told_what_is_lost() {
    let lost = "Among them is an encrypted data key";
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jx");
    let asked = |desk: &Desk| match desk.state.overlays.last() {
        Some(Overlay::Confirm(confirm)) => format!("{} {}", confirm.question, confirm.explanation.join(" ")),
        other => panic!("no question but {other:?}"),
    };
    assert!(
        asked(&desk).contains("dont_look") && asked(&desk).contains(lost),
        "{}",
        asked(&desk)
    );
    desk.keys("<esc>jx");
    assert!(
        asked(&desk).contains("housing.csv") && !asked(&desk).contains(lost),
        "{}",
        asked(&desk)
    );
}

#[test]
fn a_palette_in_which_nothing_matches_says_so() {
    let mut desk = Desk::filled(WIDE);
    let words = "Nothing has this in its name";
    desk.keys(":");
    assert!(!desk.screen().contains(words), "{}", desk.screen());
    desk.keys("zzz");
    assert!(desk.screen().contains(words), "{}", desk.screen());
    desk.keys("<enter>");
    assert!(desk.started().is_empty(), "{:?}", desk.started());
}
