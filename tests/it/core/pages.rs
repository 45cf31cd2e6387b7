//! Pages that are read: searched, and keys that work on what they are about.

use strongroom::app::{Overlay, Page, Topic};
use strongroom::domain::Request;

use super::WIDE;
use crate::desk::{Desk, log_line};

fn top(desk: &Desk) -> &Overlay {
    desk.state.overlays.last().unwrap()
}

#[test]
fn details_are_searched_and_their_keys_work_on_what_they_are_about() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("4jj<enter>");
    assert!(desk.screen().contains("l log"), "{}", desk.screen());
    // Words, whatever their case, one line after the other.
    desk.keys("/ROLE<enter>");
    assert!(desk.screen().contains("/ROLE in "), "{}", desk.screen());
    desk.keys("n").keys("N");
    assert!(
        matches!(top(&desk), Overlay::Details(_)),
        "n is no new job here: {}",
        desk.screen()
    );
    // While it is typed every letter is one of it.
    desk.keys("/delvq!<esc>");
    assert_eq!(desk.started(), []);
    assert!(!desk.screen().contains("/delvq"), "{}", desk.screen());
    desk.keys("l");
    assert!(matches!(top(&desk), Overlay::Log(_)), "{}", desk.screen());
    desk.keys("<esc>!");
    assert!(matches!(top(&desk), Overlay::Messages(_)), "{}", desk.screen());
    desk.keys("<esc>");
    assert!(matches!(top(&desk), Overlay::Details(_)), "{}", desk.screen());
}

#[test]
fn an_object_is_verified_from_its_details() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jj<enter>");
    assert!(desk.screen().contains("v verify"), "{}", desk.screen());
    desk.keys("v");
    assert!(
        matches!(desk.started().as_slice(), [Request::Object(_)]),
        "{:?}",
        desk.started()
    );
    assert!(matches!(top(&desk), Overlay::Details(_)), "{}", desk.screen());
}

#[test]
fn no_letter_does_anything_on_a_page_that_is_about_nothing() {
    for page in ["?", "4jjl", "o"] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(page);
        if page.ends_with('l') {
            let job = desk.state.jobs.current().unwrap().name.clone();
            desk.answer(Topic::Log(job), Page::Log(vec![log_line("one"), log_line("two")]));
        }
        let open = desk.state.overlays.len();
        desk.keys("edvptxuNnsSr V");
        assert_eq!(desk.started(), [], "{page}");
        assert_eq!(desk.state.overlays.len(), open, "{page}: {}", desk.screen());
    }
}
