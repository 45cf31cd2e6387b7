//! One key encrypts what is selected.

use strongroom::domain::ObjectRow;

use super::*;

fn encrypts(requests: &[Request]) -> Vec<(String, bool)> {
    let named = |request: &Request| match request {
        Request::Object(ObjectRequest::Encrypt { paths, overwrite, .. }) => {
            Some((paths[0].to_string_lossy().into_owned(), *overwrite))
        }
        _ => None,
    };
    requests.iter().filter_map(named).collect()
}

#[test]
fn one_key_encrypts_the_selected_file_under_the_selected_key_to_the_place_shown() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jje");
    let Some(Request::Object(ObjectRequest::Encrypt {
        paths,
        bucket,
        prefix,
        key,
        overwrite,
        ..
    })) = desk.started().pop()
    else {
        panic!("nothing was encrypted")
    };
    assert_eq!(paths, [PathBuf::from("/data/images.tar")]);
    assert_eq!((bucket.as_str(), prefix.as_str(), overwrite), (BUCKET, "", false));
    assert_eq!(key, arn("11111111-0000-0000-0000-000000000001"));
}

#[test]
fn interrupted_uploads_are_offered_once_and_finished_or_aborted_when_agreed() {
    let both = || Page::Interrupted(vec![interrupted("a"), interrupted("b")]);
    let mut desk = Desk::untouched(WIDE);
    desk.answer(Topic::Interrupted, both());
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Interrupted(id)) if id == "a"));
    desk.keys("<enter>");
    assert!(desk.started().is_empty(), "it came up by itself: it is asked");
    assert!(
        desk.screen().contains("Finish the upload of a.csv"),
        "{}",
        desk.screen()
    );
    desk.keys("y<enter>");
    assert_eq!(
        desk.started(),
        [Request::Object(ObjectRequest::ResumeUpload {
            id: "a".to_owned(),
            what: "a.csv".to_owned(),
            destination: format!("s3://{BUCKET}/"),
        })],
        "once is enough"
    );
    desk.keys("jx");
    assert_eq!(desk.started().len(), 1, "aborting is asked about");
    desk.keys("y");
    assert_eq!(
        desk.started().pop(),
        Some(Request::Object(ObjectRequest::AbandonUpload {
            id: "b".to_owned(),
            what: "b.csv".to_owned(),
            destination: format!("s3://{BUCKET}/"),
        }))
    );
    desk.keys("<esc>").answer(Topic::Interrupted, both());
    assert!(desk.state.overlays.is_empty(), "offered once");
}

#[test]
fn interrupted_uploads_do_not_take_the_keyboard_from_a_form() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1n");
    desk.answer(Topic::Interrupted, Page::Interrupted(vec![interrupted("a")]));
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Form(_))));
    assert!(
        desk.state
            .messages
            .unread()
            .unwrap()
            .text
            .contains("1 interrupted upload")
    );
}

#[test]
fn an_existing_name_is_asked_about_and_no_is_no() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5je");
    assert!(desk.started().is_empty());
    desk.keys("n");
    assert!(desk.started().is_empty() && desk.state.overlays.is_empty());
    desk.keys("ey");
    assert_eq!(encrypts(&desk.started()), [("/data/housing.csv".to_owned(), true)]);
}

#[test]
fn agreeing_to_replace_one_of_several_says_that_it_covers_the_others() {
    let words = "come to be there under the other names";
    let mut desk = Desk::filled(WIDE);
    desk.keys("5je");
    assert!(!desk.screen().contains(words), "{}", desk.screen());
    desk.keys("n  e");
    assert!(desk.screen().contains(words), "{}", desk.screen());
}

#[test]
fn a_key_and_a_destination_are_asked_about_once() {
    let mut desk = Desk::filled(WIDE);
    desk.state.settings.consents.clear();
    desk.keys("5jje");
    let screen = desk.screen();
    for word in ["images.tar (4.00 GiB)", "training-data", "11111111-0000", BUCKET] {
        assert!(screen.contains(word), "{word}\n{screen}");
    }
    desk.keys("y");
    assert_eq!(desk.started().len(), 1);
    let agreed = consent(&arn("11111111-0000-0000-0000-000000000001"));
    assert!(desk.effects.contains(&Effect::Remember(agreed)));
    desk.keys("e");
    assert_eq!(desk.started().len(), 2);
}

#[test]
fn marked_files_go_together_under_one_data_key() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5<down>  e").keys("y");
    let Some(Request::Object(ObjectRequest::Encrypt { paths, .. })) = desk.started().pop() else {
        panic!("nothing was encrypted")
    };
    assert_eq!(
        paths,
        [PathBuf::from("/data/housing.csv"), PathBuf::from("/data/images.tar")]
    );
}

#[test]
fn a_key_that_cannot_encrypt_is_not_tried() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1k5jje");
    assert!(desk.started().is_empty());
    assert!(desk.screen().contains("legacy-datasets is Disabled"));
}

#[test]
fn in_an_empty_place_the_cursor_is_on_what_was_encrypted_whenever_the_person_comes_there() {
    let done = |desk: &mut Desk| {
        desk.done(
            1,
            Outcome::Encrypted {
                uris: vec![format!("s3://{BUCKET}/housing.csv")],
                bytes: 9,
                data_key_uri: String::new(),
                key_arn: arn("11111111-0000-0000-0000-000000000001"),
            },
        );
    };
    let listed = || {
        let folder = ObjectRow::Prefix {
            prefix: ".strongroom/".to_owned(),
        };
        vec![folder, object("housing.csv", ObjectFormat::Strongroom, None)]
    };
    for (before, after) in [("3", ""), ("", "3"), ("", "")] {
        let mut desk = Desk::filled(WIDE);
        desk.objects(Vec::new());
        desk.keys("5je").keys(before);
        // The data key is stored first.
        desk.objects(listed()[..1].to_vec());
        done(&mut desk);
        desk.keys(after);
        desk.objects(listed());
        assert_eq!(
            desk.state.objects.current().map(ObjectRow::key),
            Some("housing.csv"),
            "{before:?} {after:?}"
        );
    }
    // Who has put the cursor somewhere finds it there, and so does who came to see what is there.
    for keys in ["3jj5jey3", "5jey3"] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(keys);
        let on = desk.state.objects.current().map(|row| row.key().to_owned());
        done(&mut desk);
        desk.objects(objects());
        assert_eq!(
            desk.state.objects.current().map(|row| row.key().to_owned()),
            on,
            "{keys}"
        );
    }
}

#[test]
fn an_upload_that_ends_takes_no_row_from_under_the_hands_of_who_trains() {
    for before in ["", "t<esc>", "a<esc>"] {
        let mut desk = Desk::filled(WIDE);
        // It is asked whether the object is to be replaced.
        desk.keys("5jey3").keys(before);
        let on = desk.state.objects.current().unwrap().key().to_owned();
        desk.done(
            1,
            Outcome::Encrypted {
                uris: vec![format!("s3://{BUCKET}/housing.csv")],
                bytes: 9,
                data_key_uri: String::new(),
                key_arn: arn("11111111-0000-0000-0000-000000000001"),
            },
        );
        desk.objects(objects());
        desk.keys("t");
        assert_eq!(desk.state.objects.current().unwrap().key(), on, "{before:?}");
        let train = format!("Train on s3://{BUCKET}/{on}");
        assert!(desk.screen().contains(&train), "{before:?}: {}", desk.screen());
    }
}

#[test]
fn a_file_that_is_there_is_not_proposed_as_what_is_decrypted_to() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjd");
    assert!(desk.screen().contains("/data/housing-2.csv"), "{}", desk.screen());
    desk.keys("<esc>jd");
    assert!(desk.screen().contains("/data/other.csv"), "{}", desk.screen());
}

#[test]
fn what_e_would_encrypt_is_said_only_where_e_does_it() {
    for (keys, is_said) in [
        ("", true),
        ("2", true),
        ("/", false),
        ("?", false),
        (":", false),
        ("a", false),
        ("w", false),
        ("1n", false),
    ] {
        let mut desk = Desk::filled(WIDE);
        desk.keys("5jj").keys(keys);
        let screen = desk.screen();
        assert_eq!(screen.contains("e encrypts images.tar"), is_said, "{keys}: {screen}");
    }
}
