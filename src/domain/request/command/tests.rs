use std::path::PathBuf;

use super::*;
use crate::domain::{
    AccountRequest, GrantConstraint, GrantRequest, GrantSpec, KeyRequest, KeySpec, Message, MessageRequest,
    ObjectRequest, Plaintext, Request,
};

fn command(request: &Request) -> String {
    let session = Session::default();
    let [only] = &request.commands(&session)[..] else {
        unreachable!("it takes one command")
    };
    only.shell(&session)
}

#[test]
fn words_survive_the_shell() {
    let table = [
        ("plain-1.csv", "plain-1.csv"),
        ("", "''"),
        ("two words", "'two words'"),
        ("it's", r"'it'\''s'"),
        ("$(rm -rf /)", "'$(rm -rf /)'"),
        ("a\nb\u{1b}", r"$'a\nb\033'"),
        ("~", "'~'"),
    ];
    for (word, expected) in table {
        assert_eq!(CommandLine(vec![word.to_owned()]).shell(&Session::default()), expected);
    }
}

#[test]
fn a_grant_is_copied_with_its_constraint_and_name() {
    let mut spec = GrantSpec::for_job("arn:k", "arn:r", "job-1");
    spec.constraint = Some(GrantConstraint::ContextSubset(vec![(
        "team".to_owned(),
        "blue".to_owned(),
    )]));
    assert_eq!(
        command(&Request::Grant(GrantRequest::New(Box::new(spec)))),
        "aws kms create-grant --key-id arn:k --grantee-principal arn:r --operations Decrypt Encrypt --constraints \
         '{\"EncryptionContextSubset\":{\"team\":\"blue\"}}' --name strongroom-job-1"
    );
}

#[test]
fn the_session_goes_with_every_line() {
    let session = Session {
        profile: Some("dev".to_owned()),
        region: Some("eu-west-1".to_owned()),
        endpoint: None,
        elsewhere: BTreeMap::new(),
        account: None,
    };
    let spec = KeySpec {
        description: "training data".to_owned(),
        alias: "training".to_owned(),
        rotation: true,
        ..KeySpec::default()
    };
    let request = Request::Key(KeyRequest::New(Box::new(spec)));
    let lines: Vec<String> = request
        .commands(&session)
        .iter()
        .map(|line| line.shell(&session))
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with("--profile dev --region eu-west-1")),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("--description 'training data' --key-spec SYMMETRIC_DEFAULT"),
        "{lines:?}"
    );
    assert!(lines[1].contains("--alias-name alias/training"), "{lines:?}");
}

#[test]
fn what_aws_has_no_call_for_is_strongrooms_own_command() {
    let request = Request::Object(ObjectRequest::Encrypt {
        paths: vec![PathBuf::from("-x.csv"), PathBuf::from("my data.csv")],
        bucket: "b".to_owned(),
        prefix: "data/".to_owned(),
        key: "alias/k".to_owned(),
        context: BTreeMap::from([("team".to_owned(), "blue".to_owned())]),
        overwrite: true,
    });
    assert_eq!(
        command(&request),
        "strongroom encrypt ./-x.csv 'my data.csv' s3://b/data/ --key alias/k --context team=blue --overwrite"
    );
}

#[test]
fn a_typed_message_is_never_copied() {
    let request = Request::Message(MessageRequest::Encrypt {
        key: "alias/k".to_owned(),
        message: Message::Text(Plaintext::from("the diagnosis".to_owned())),
        context: BTreeMap::new(),
        to: None,
    });
    assert_eq!(
        command(&request),
        "aws kms encrypt --key-id alias/k --plaintext fileb://MESSAGE --query CiphertextBlob --output text"
    );
}

#[test]
fn plans_have_no_command() {
    let plan = Request::Account(AccountRequest::PlanCleanUp);
    assert_eq!(plan.commands(&Session::default()), []);
}
