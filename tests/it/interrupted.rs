//! Uploads that were killed, as the next dashboard finds them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::place::{Place, files};
use crate::pty::Session;

const BUCKET: &str = "sagemaker-interrupted";
const ENTER: &str = "\r";

/// Begins an upload and kills it before it can complete.
fn kill_midway(place: &Place, name: &str) {
    let before = place.unfinished_uploads(BUCKET);
    let source = place.write(name, vec![name.len() as u8; 20 << 20]);
    let to = format!("s3://{BUCKET}/");
    let arguments = ["encrypt", source.to_str().unwrap(), &to, "--key", "alias/training"];
    let mut child = place.command(&arguments).stdin(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while place.unfinished_uploads(BUCKET) == before {
        assert!(begun.elapsed() < Duration::from_secs(60), "no upload was begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_upload_killed_before_is_offered_at_the_start_finished_by_enter_and_aborted_by_x() {
    let place = Place::with(|options| options.faults = vec!["s3:latency=400ms".parse().unwrap()]);
    place.key("training");
    place.bucket(BUCKET);
    kill_midway(&place, "first.bin");
    kill_midway(&place, "second-one.bin");
    assert_eq!(place.unfinished_uploads(BUCKET), 2);

    let environment: Vec<(&str, &str)> = place
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut session = Session::start_with(&[], place.home.path(), (80, 24), &environment);
    session
        .wait("Interrupted uploads")
        .wait("first.bin to s3://")
        .wait("second-one.bin to");
    session.keys(ENTER).wait("Finish the upload of first.bin").keys("y");
    session.wait("under way").gone("first.bin to s3://");
    session
        .keys("x")
        .wait("Abort the upload of second-one.bin to s3://")
        .keys("y");
    session.wait("No upload is interrupted.").keys("\x1b").keys("q");
    session.exit();

    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    let opened = place.path("opened.bin");
    let from = format!("s3://{BUCKET}/first.bin");
    place.run(&["decrypt", &from, "-o", opened.to_str().unwrap()]).ok();
    assert_eq!(std::fs::read(opened).unwrap(), vec![9; 20 << 20]);
    let objects = place.objects(BUCKET);
    assert!(objects.iter().all(|key| !key.contains("second-one")), "{objects:?}");
    let state = place.path(".local/state/strongroom/uploads");
    assert_eq!(files(&state), Vec::<std::path::PathBuf>::new());
}
