//! Every row of `tests/conformance/recorded.txt` but S3's, over HTTP. `tests/interop` asks all of them with boto3.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use aws_credential_types::Credentials;
use strongroom_sandbox::{Options, Sandbox};

#[path = "recorded/table.rs"]
mod table;
#[path = "recorded/wire.rs"]
mod wire;
#[path = "recorded/xml.rs"]
mod xml;

use table::{Expected, Known, Step, filled, mismatches};
use wire::Told;

const TABLE: &str = include_str!("../../../tests/conformance/recorded.txt");

#[tokio::test]
async fn every_recorded_row_is_answered_as_aws_answered_it_or_says_why_not() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for (title, steps) in table::scenes(TABLE) {
        let mut known = Known::new();
        for step in steps.iter().filter(|step| step.service != "s3") {
            let told = ask(&sandbox, step, &known).await;
            rows += usize::from(step.expected.is_some());
            let said = said(step, &told, &mut known);
            let failed = match (&step.differs, told.error) {
                (None, _) => said,
                (Some(_), _) if said.is_empty() => vec!["does not differ".to_owned()],
                (Some(code), error) => {
                    let answered = error.map_or("ok".to_owned(), |error| error[1].as_str().unwrap().to_owned());
                    if answered == *code { Vec::new() } else { vec![answered] }
                }
            };
            let call = format!("{title}: {}.{} {}", step.service, step.operation, step.members);
            wrong.extend(failed.into_iter().map(|failed| format!("{call}\n    {failed}")));
        }
    }
    sandbox.stop().await;
    assert!(rows > 200, "{rows}");
    assert!(
        wrong.is_empty(),
        "{} wrong of {rows}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn ask(sandbox: &Sandbox, step: &Step, known: &Known) -> Told {
    let own = Credentials::new(sandbox.access_key_id(), sandbox.secret_access_key(), None, None, "test");
    let who = step.caller.as_ref().map_or(own, |caller| {
        let part = |part: &str| known.get(&format!("${caller}.{part}")).cloned();
        Credentials::new(
            part("id").unwrap(),
            part("secret").unwrap(),
            part("token"),
            None,
            "test",
        )
    });
    let members = filled(&step.members, known);
    let asked = || wire::ask(sandbox.endpoint_url(), &who, &step.service, &step.operation, &members);
    for _ in 1..step.times {
        asked().await;
    }
    asked().await
}

/// What is wrong about an answer.
fn said(step: &Step, told: &Told, known: &mut Known) -> Vec<String> {
    match (&step.expected, &told.error) {
        (Some(Expected::Error(expected, fields)), Some(error)) => {
            let mut wrong = mismatches(expected, error, known, false, "error");
            wrong.extend(mismatches(fields, &told.answer, known, true, "error"));
            wrong
        }
        (Some(Expected::Error(expected, _)), None) => vec![format!("answered, instead of {expected}")],
        (_, Some(error)) => vec![format!("refused: {error}")],
        (Some(Expected::Answer(expected, partial)), None) => mismatches(expected, &told.answer, known, *partial, ""),
        (None, None) => Vec::new(),
    }
}
