//! Pages that are read: searched, and keys that work on what they are about.

use std::borrow::Cow;

use strongroom::app::{Event, Overlay, Page, Topic, layout, reader_text};
use strongroom::domain::{Dependents, Outcome, Request};

use super::WIDE;
use crate::desk::{Desk, arn, log_line};

fn top(desk: &Desk) -> &Overlay {
    desk.state.overlays.last().unwrap()
}

#[test]
fn a_report_is_laid_out_once_for_a_screen_and_not_with_every_frame() {
    let mut desk = Desk::filled(WIDE);
    let found = Dependents {
        key_arn: arn("11111111-0000-0000-0000-000000000001"),
        ..Dependents::default()
    };
    desk.keys("1adependents<enter>")
        .done(1, Outcome::Dependents(Box::new(found)));
    assert!(matches!(top(&desk), Overlay::Report(_)), "{}", desk.screen());
    for (cols, rows) in [WIDE, (80, 24), (200, 50)] {
        desk.event(Event::Resize { cols, rows });
        let (columns, _) = layout::reader(&desk.state);
        let lines = reader_text::lines(&desk.state, columns);
        assert!(matches!(lines, Cow::Borrowed(_)) && !lines.is_empty(), "{cols}x{rows}");
        assert!(desk.screen().contains("What depends on the key"), "{}", desk.screen());
    }
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
