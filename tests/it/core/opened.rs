//! Opened by name: without the right to list, a name is all there is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use strongroom::app::{Page, Pane, Settings, Topic};
use strongroom::domain::{AwsContext, FaultKind, JobStatus, KeyManager, KmsKey, Named, ObjectUri};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, at, bucket, described, detail, fault, job};

const ID: &str = "77777777-0000-0000-0000-000000000007";

/// Somebody who may list nothing, with these named in the configuration.
fn without_lists(named: Vec<Named>, open: Option<Named>) -> Desk {
    let mut desk = Desk::with(Settings {
        context: AwsContext {
            named,
            ..AwsContext::default()
        },
        region: Some("us-east-1".to_owned()),
        open,
        start_dir: PathBuf::from("/data"),
        has_mouse: true,
        now: at(0),
        size: WIDE,
        ..Settings::default()
    });
    for (topic, act) in [
        (Topic::Keys, "list keys"),
        (Topic::Buckets, "list buckets"),
        (Topic::Jobs, "list training jobs"),
    ] {
        desk.fail(topic, fault(FaultKind::Denied, act, "nobody allows it"));
    }
    desk
}

fn key(reference: &str) -> Named {
    Named::Key(reference.to_owned())
}

#[test]
fn what_the_configuration_names_is_shown_where_the_list_is_denied_and_the_pane_says_both() {
    let named = vec![
        key("alias/data"),
        Named::Place(ObjectUri::new("team-data", "")),
        Named::Job("nightly".to_owned()),
    ];
    let mut desk = without_lists(named, None);
    let screen = desk.screen();
    for said in [
        "data",
        "team-data",
        "nightly",
        "list keys: nobody allows it",
        "not all listed",
    ] {
        assert!(screen.contains(said), "{said}:\n{screen}");
    }
    // What the alias stands for is asked, and takes its row.
    assert!(desk.topics().contains(&Topic::Key("alias/data".to_owned())));
    assert!(!desk.topics().iter().any(|topic| matches!(topic, Topic::Grants(_))));
    desk.answer(
        Topic::Key("alias/data".to_owned()),
        described(&arn(ID), detail(&arn(ID))),
    );
    let keys: Vec<_> = desk
        .state
        .keys
        .rows()
        .iter()
        .map(|key| (key.name(), key.arn.as_str()))
        .collect();
    assert_eq!(keys, [("data", arn(ID).as_str())]);
    assert!(desk.topics().contains(&Topic::Grants(arn(ID))));
    // A list that may be walked later finds them, once.
    let listed = KmsKey {
        id: ID.to_owned(),
        arn: arn(ID),
        aliases: vec!["alias/data".to_owned()],
        detail: None,
    };
    desk.answer(Topic::Keys, Page::Keys(vec![listed]));
    desk.answer(Topic::Buckets, Page::Buckets(vec![bucket("logs")]));
    assert_eq!(desk.state.keys.rows().len(), 1);
    assert!(desk.state.keys.rows()[0].detail.is_some());
    let buckets: BTreeSet<_> = desk
        .state
        .buckets
        .rows()
        .iter()
        .map(|bucket| bucket.name.as_str())
        .collect();
    assert_eq!(buckets, BTreeSet::from(["logs", "team-data"]));
}

#[test]
fn a_place_a_key_and_a_job_are_opened_by_name_and_asked_about() {
    let mut desk = without_lists(Vec::new(), None);
    desk.keys(":open s3://team-data/in/<enter>");
    assert_eq!(desk.state.place, Some(("team-data".to_owned(), "in/".to_owned())));
    assert_eq!(desk.state.focus, Pane::Objects);
    // Whoever goes up finds the bucket that was opened.
    desk.keys("--");
    assert_eq!(
        desk.state.buckets.current().map(|row| row.name.as_str()),
        Some("team-data")
    );

    desk.keys("Oalias/data<enter>");
    assert_eq!(desk.state.focus, Pane::Keys);
    desk.answer(
        Topic::Key("alias/data".to_owned()),
        described(&arn(ID), detail(&arn(ID))),
    );
    assert_eq!(desk.state.key().map(|key| key.arn.clone()), Some(arn(ID)));
    assert!(desk.state.keys.is_chosen(), "a person chose it");

    desk.keys(":open nightly<enter>");
    assert_eq!(desk.state.focus, Pane::Jobs);
    assert!(desk.topics().contains(&Topic::Job("nightly".to_owned())));
    let nightly = job("nightly", JobStatus::Completed, "Completed", -600);
    desk.answer(Topic::Job("nightly".to_owned()), Page::Job(Box::new(nightly)));
    assert!(desk.screen().contains("Completed"), "{}", desk.screen());
}

#[test]
fn an_object_is_opened_in_its_prefix_and_is_there_before_any_list() {
    let mut desk = without_lists(Vec::new(), None);
    desk.keys("Os3://team-data/in/a.csv<enter>");
    let topic = Topic::Object {
        bucket: "team-data".to_owned(),
        key: "in/a.csv".to_owned(),
    };
    assert!(desk.topics().contains(&topic));
    desk.fail(topic, fault(FaultKind::NotFound, "look at", "there is no such object"));
    assert!(desk.screen().contains("there is no such object"), "{}", desk.screen());
}

#[test]
fn what_is_not_there_goes_and_is_said_and_what_is_denied_stays() {
    let mut desk = without_lists(Vec::new(), None);
    desk.keys("Oalias/none<enter>Oalias/other<enter>Ono-job<enter>");
    let gone = |act: &str| fault(FaultKind::NotFound, act, "there is none");
    desk.fail(Topic::Key("alias/none".to_owned()), gone("describe key"));
    desk.fail(Topic::Job("no-job".to_owned()), gone("describe job"));
    let denied = fault(FaultKind::Denied, "describe", "nobody allows it");
    desk.fail(Topic::Key("alias/other".to_owned()), denied);
    let names: Vec<_> = desk.state.keys.rows().iter().map(KmsKey::name).collect();
    assert_eq!((names, desk.state.jobs.rows().len()), (vec!["other"], 0));
    assert!(desk.screen().contains("denied"), "{}", desk.screen());
    assert_eq!(desk.state.messages.len(), 3);
}

#[test]
fn the_palette_proposes_what_is_listed_and_goes_to_what_tells_itself_what_it_is() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("Otrain");
    let screen = desk.screen();
    assert!(screen.contains("alias/training-data"), "{screen}");
    desk.keys("ing-data<enter>");
    assert_eq!(desk.state.key().map(KmsKey::name), Some("training-data"));
    desk.keys(&format!(":s3://{BUCKET}/<enter>"));
    assert_eq!(desk.state.focus, Pane::Objects);
    assert_eq!(desk.state.place, Some((BUCKET.to_owned(), String::new())));
}

#[test]
fn a_session_begins_where_the_command_line_says() {
    let desk = without_lists(Vec::new(), Some(Named::Place(ObjectUri::new("team-data", "in/"))));
    assert_eq!(desk.state.place, Some(("team-data".to_owned(), "in/".to_owned())));
    let topic = Topic::Objects {
        bucket: "team-data".to_owned(),
        prefix: "in/".to_owned(),
    };
    assert!(desk.topics().contains(&topic));
}

#[test]
fn grants_of_an_alias_that_nobody_may_read_are_not_said_to_be_of_no_key() {
    let mut desk = without_lists(vec![key("alias/data")], None);
    desk.keys("2");
    let screen = desk.screen();
    assert!(!screen.contains("No key is selected"), "{screen}");
    assert!(screen.contains("The key behind this alias is not known"), "{screen}");
}

#[test]
fn under_a_key_that_aws_manages_nothing_is_granted_or_encrypted_from_here() {
    let mut desk = Desk::filled(WIDE);
    let arn = arn("11111111-0000-0000-0000-000000000001");
    let mut managed = detail(&arn);
    managed.manager = KeyManager::Aws;
    desk.answer(Topic::Key(arn.clone()), described(&arn, managed));
    for (keys, words) in [
        ("2n", "it takes no grants of yours"),
        ("5jje", "only AWS's own services use"),
    ] {
        desk.keys(keys);
        assert!(desk.state.overlays.is_empty(), "{}", desk.screen());
        let said = &desk.state.messages.newest_first().next().unwrap().text;
        assert!(said.contains("AWS managed key") && said.contains(words), "{said}");
    }
    assert!(desk.started().is_empty());
}

#[test]
fn under_a_key_that_aws_manages_nothing_is_rewrapped_from_here() {
    let mut desk = Desk::filled(WIDE);
    let arn = arn("11111111-0000-0000-0000-000000000001");
    let mut managed = detail(&arn);
    managed.manager = KeyManager::Aws;
    desk.keys("3a").keys("re-wrap<enter>");
    assert!(desk.screen().contains("To the key"), "{}", desk.screen());
    let offered = desk.screen();
    desk.keys("<esc>");
    desk.answer(Topic::Key(arn.clone()), described(&arn, managed));
    desk.keys("3a").keys("re-wrap<enter>");
    let screen = desk.screen();
    assert!(screen.contains("To the key") && screen != offered, "{screen}");
    desk.keys("alias/aws/s3<enter>");
    assert!(
        desk.screen().contains("choose a customer managed key"),
        "{}",
        desk.screen()
    );
    assert!(desk.started().is_empty());
}
