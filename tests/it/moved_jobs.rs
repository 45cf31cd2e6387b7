//! Jobs on data that is not where it was put: swapped, moved, and moved as a person declares.

use strongroom::actions;
use strongroom::domain::{Door, Fault, FaultKind, JobSpec, Outcome};

use crate::place::{Place, never};
use crate::walk::{BUCKET, TABLE, job, upload, with_data};

fn copy(place: &Place, from: &str, to: &str) {
    let call = place.s3().copy_object().bucket(BUCKET).key(to);
    let call = call.copy_source(format!("{BUCKET}/{from}"));
    place.wait(call.send()).unwrap();
}

fn start(place: &Place, spec: &JobSpec) -> Result<Outcome, Fault> {
    place.wait(actions::start_job(&place.aws, spec, &never()))
}

#[test]
fn a_job_is_not_started_on_an_object_that_stands_in_anothers_place() {
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    place.write("sub/y.csv", TABLE);
    let to = format!("s3://{BUCKET}/data/sub/");
    place.run(&["encrypt", "sub", &to, "--key", "alias/training"]).ok();
    copy(&place, "data/x.csv", "data/sub/x.csv");
    let refused = start(&place, &job("job-1", &role_arn, "data/")).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Integrity, "{refused}");
    assert!(
        refused.cause.contains("data/sub/x.csv") && refused.cause.contains("put at data/x.csv"),
        "{refused}"
    );
    assert!(refused.at(Door::Dashboard).contains("Moved from"), "{refused}");
    // Nor if a move is declared that does not explain it.
    let declared = JobSpec {
        moved_from: Some("older/".to_owned()),
        ..job("job-1", &role_arn, "data/")
    };
    assert_eq!(start(&place, &declared).unwrap_err().kind, FaultKind::Integrity);
}

#[test]
fn a_job_trains_on_moved_data_once_the_move_is_declared() {
    let place = Place::new();
    let key_arn = with_data(&place);
    upload(&place, "y.csv");
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    for name in ["x.csv", "y.csv"] {
        copy(&place, &format!("data/{name}"), &format!("data/moved/{name}"));
    }
    let moved = job("job-1", &role_arn, "data/moved/");
    assert_eq!(start(&place, &moved).unwrap_err().kind, FaultKind::Integrity);
    let declared = JobSpec {
        moved_from: Some("data".to_owned()),
        ..moved
    };
    start(&place, &declared).unwrap();
    let done = place.run(&["watch", "job-1"]).ok();
    assert!(done.out.contains("decrypted train/x.csv"), "{}", done.out);
    assert!(done.out.contains("decrypted train/y.csv"), "{}", done.out);
}
