//! Going about: back and forward, bookmarks, names that complete; and the versions of an object.

use strongroom::app::{Bookmark, Effect, Habit, Overlay, Page, Topic};
use strongroom::domain::versions::{Comparison, Side, VersionList, VersionRow};
use strongroom::domain::{
    FaultKind, KeyRequest, ObjectFormat, ObjectRequest, ObjectRow, Origin, Outcome, Plaintext, Preview, Request,
    RoleRequest, View,
};

use super::WIDE;
use crate::desk::{BUCKET, Desk, at, fault, object, role};

fn place(desk: &Desk) -> Option<&str> {
    desk.state.place.as_ref().map(|(_, prefix)| prefix.as_str())
}

#[test]
fn one_goes_back_where_one_was_and_forward_again() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3gg<enter>");
    assert_eq!(place(&desk), Some("output/"));
    desk.keys("4[");
    assert_eq!(place(&desk), Some("output/"));
    desk.keys("[");
    assert_eq!(place(&desk), Some(""));
    desk.objects(crate::desk::objects());
    assert_eq!(
        desk.state.objects.current().map(ObjectRow::key),
        Some("output/"),
        "the cursor is where it was"
    );
    desk.keys("]");
    assert_eq!(place(&desk), Some("output/"));
    desk.keys("]]");
    assert!(desk.screen().contains("nothing to go forward to"), "{}", desk.screen());
    // Who goes elsewhere from there has nothing ahead.
    desk.keys("<esc>[[5]");
    assert!(desk.screen().contains("nothing to go forward to"), "{}", desk.screen());
}

#[test]
fn a_place_is_bookmarked_listed_and_forgotten() {
    let mut desk = Desk::filled(WIDE);
    let bookmark = Bookmark {
        account: "111122223333".to_owned(),
        what: format!("s3://{BUCKET}/output/"),
    };
    desk.keys("3gg<enter>b");
    assert!(
        desk.effects
            .contains(&Effect::Habit(Habit::Bookmarked(bookmark.clone())))
    );
    // Of another account it is none of ours.
    let other = Bookmark {
        account: "999999999999".to_owned(),
        what: "s3://other/".to_owned(),
    };
    desk.state.settings.habits.bookmarks.push(other);
    desk.keys("<esc><esc>1'");
    let screen = desk.screen();
    assert!(
        screen.contains("/output/") && !screen.contains("s3://other"),
        "{screen}"
    );
    desk.keys("<enter>");
    assert_eq!(place(&desk), Some("output/"));
    desk.keys("b");
    assert!(desk.effects.contains(&Effect::Habit(Habit::Forgotten(bookmark))));
    desk.keys("5b");
    assert!(desk.screen().contains("can be bookmarked"), "{}", desk.screen());
}

fn names(desk: &Desk) -> Vec<String> {
    match desk.state.overlays.last() {
        Some(Overlay::Palette(palette)) => palette.matches.iter().map(|(row, _)| row.name().into_owned()).collect(),
        other => panic!("no palette but {other:?}"),
    }
}

#[test]
fn what_is_typed_of_a_place_is_completed_by_what_is_listed() {
    let mut desk = Desk::filled(WIDE);
    desk.keys(":s3://sage");
    assert_eq!(names(&desk), ["s3://sage/".to_owned(), format!("s3://{BUCKET}/")]);
    desk.keys("<tab>");
    assert!(
        names(&desk).contains(&format!("s3://{BUCKET}/output/")),
        "{:?}",
        names(&desk)
    );
    desk.keys("hou<tab><enter>");
    assert_eq!(place(&desk), Some(""));
    desk.objects(crate::desk::objects());
    assert_eq!(desk.state.objects.current().map(ObjectRow::key), Some("housing.csv"));
}

#[test]
fn a_key_is_found_by_the_beginning_of_its_id_and_a_role_by_its_name() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("O2222");
    assert_eq!(names(&desk)[0], "22222222-0000-0000-0000-000000000002");
    desk.keys("<enter>");
    assert_eq!(
        desk.state.key().map(strongroom::domain::KmsKey::name),
        Some("legacy-datasets")
    );
    let policies = |role: &str| Request::Role(RoleRequest::Policies { role: role.to_owned() });
    desk.keys(":role/mine<enter>");
    assert_eq!(desk.started().pop(), Some(policies("mine")));
    desk.keys(":arn:aws:iam::111122223333:role/team/trainer<enter>");
    assert_eq!(desk.started().pop(), Some(policies("trainer")));
    // Those that are known are proposed.
    desk.keys("2n");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<esc>Oexrl<down>");
    assert!(
        names(&desk).contains(&"role/example-role".to_owned()),
        "{:?}",
        names(&desk)
    );
}

fn version(id: &str, size: Option<u64>, is_latest: bool) -> VersionRow {
    VersionRow {
        id: id.to_owned(),
        size,
        modified: Some(at(-60)),
        etag: size.map(|_| id.repeat(8)),
        is_latest,
    }
}

/// With the versions of an object on screen: what it is, a marker, and what it was.
fn with_versions() -> Desk {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjaversions<enter>");
    let (bucket, key) = (BUCKET.to_owned(), "housing.csv".to_owned());
    assert_eq!(
        desk.started(),
        [Request::Object(ObjectRequest::ListVersions { bucket, object: key })]
    );
    desk.done(
        1,
        Outcome::Versions(Box::new(VersionList {
            bucket: BUCKET.to_owned(),
            object: "housing.csv".to_owned(),
            rows: vec![
                version("new", Some(14_028), true),
                version("gone", None, false),
                version("old", Some(140), false),
            ],
            is_all: true,
        })),
    );
    desk
}

fn of_version(id: &str, request: ObjectRequest) -> Request {
    Request::Object(ObjectRequest::OfVersion {
        version: id.to_owned(),
        request: Box::new(request),
    })
}

#[test]
fn a_version_is_previewed_verified_and_decrypted_by_its_id() {
    let mut desk = with_versions();
    let screen = desk.screen();
    for words in ["Versions of s3://", "now", "deleted", "13.7 KiB", "140 B"] {
        assert!(screen.contains(words), "no `{words}`: {screen}");
    }
    desk.keys("<down>v");
    assert!(desk.screen().contains("there is nothing to read"), "{}", desk.screen());
    desk.keys("<down>v");
    let verify = ObjectRequest::Verify {
        bucket: BUCKET.to_owned(),
        objects: vec!["housing.csv".to_owned()],
        accept_unbound: false,
    };
    assert_eq!(desk.started().pop(), Some(of_version("old", verify)));
    desk.keys("<enter>");
    assert!(format!("{:?}", desk.started().pop()).contains("OfVersion { version: \"old\", request: Preview"));
    desk.keys("d<enter>");
    assert!(format!("{:?}", desk.started().pop()).contains("/data/housing.csv.old"));
}

fn side(id: &str, beginning: Option<Preview>) -> Side {
    let ObjectRow::Object { info: Some(info), .. } = object("housing.csv", ObjectFormat::Strongroom, Some("1")) else {
        unreachable!("it is one")
    };
    Side {
        id: id.to_owned(),
        size: 140,
        modified: Some(at(-60)),
        etag: Some(id.repeat(8)),
        info,
        beginning: beginning.map(Ok),
    }
}

fn preview(text: &str) -> Preview {
    Preview {
        source: "s3://b/x".to_owned(),
        bytes: Plaintext::from(text.to_owned()),
        total: text.len() as u64,
        origin: Origin::Stored(ObjectFormat::Plain),
        view: View::Text,
    }
}

#[test]
fn two_versions_stand_beside_each_other_and_are_decrypted_when_that_is_wanted() {
    let mut desk = with_versions();
    desk.keys(" <down><down>");
    assert!(desk.screen().contains("Enter compare the two"), "{}", desk.screen());
    desk.keys("<enter>");
    let compare = |decrypted| {
        Request::Object(ObjectRequest::CompareVersions {
            bucket: BUCKET.to_owned(),
            object: "housing.csv".to_owned(),
            versions: ["old", "new"].map(str::to_owned),
            decrypted,
        })
    };
    assert_eq!(desk.started().pop(), Some(compare(false)));
    let compared = |beginning: fn(&str) -> Option<Preview>| {
        Outcome::Compared(Box::new(Comparison {
            bucket: BUCKET.to_owned(),
            object: "housing.csv".to_owned(),
            sides: ["old", "new"].map(|id| side(id, beginning(id))),
        }))
    };
    desk.done(2, compared(|_| None));
    let screen = desk.screen();
    assert!(screen.contains("oldoldold") && screen.contains("newnewnew"), "{screen}");
    desk.keys("<enter>");
    assert_eq!(desk.started().pop(), Some(compare(true)));
    desk.done(
        3,
        compared(|id| Some(preview(&format!("of {id}\u{1b}[2J\nthe same\n")))),
    );
    let screen = desk.screen();
    assert!(
        screen.contains("of old\u{fffd}[2J") && screen.contains("of new"),
        "{screen}"
    );
    desk.keys("<esc>");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Versions(_))));
}

#[test]
fn an_object_without_versions_opens_no_list() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjaversions<enter>");
    desk.done(
        1,
        Outcome::Versions(Box::new(VersionList {
            bucket: BUCKET.to_owned(),
            object: "housing.csv".to_owned(),
            rows: vec![version("null", Some(1), true)],
            is_all: true,
        })),
    );
    assert!(desk.state.overlays.is_empty());
    assert!(desk.screen().contains("keeps no versions"), "{}", desk.screen());
    desk.keys("aversions<enter>");
    desk.failed(2, fault(FaultKind::Denied, "list the versions of", "AccessDenied"));
    assert!(desk.screen().contains("AccessDenied"), "{}", desk.screen());
    assert!(
        !desk
            .started()
            .iter()
            .any(|request| matches!(request, Request::Key(KeyRequest::Disable { .. })))
    );
}

#[test]
fn who_has_no_bookmark_yet_is_told_what_makes_one_and_a_key_is_called_by_its_alias() {
    let mut desk = Desk::filled((80, 24));
    let screen = desk.keys("'").screen();
    assert!(screen.contains("Nothing is bookmarked yet: b bookmarks"), "{screen}");
    assert!(desk.state.overlays.is_empty());
    let screen = desk.keys("1b'").screen();
    assert!(screen.contains("▸ alias/training-data"), "{screen}");
}
