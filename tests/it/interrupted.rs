//! Uploads that were killed, as the next dashboard finds them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use crate::place::{Place, files, until};
use crate::proxy::{Proxy, Trouble, is_completion};
use crate::pty::{ENTER, ESC, Session};

const BUCKET: &str = "sagemaker-interrupted";
const UPLOADS: &str = ".local/state/strongroom/uploads";

/// How many uploads have an id that somebody who comes later can find.
fn noted(place: &Place) -> usize {
    let folder = place.path(UPLOADS);
    let journals = if folder.exists() { files(&folder) } else { Vec::new() };
    let is_noted = |journal: &std::path::PathBuf| std::fs::read_to_string(journal).unwrap().contains("{\"upload\"");
    journals.iter().filter(|journal| is_noted(journal)).count()
}

/// Begins an upload that cannot complete, and kills it once its id is noted: before, nobody could finish it.
fn kill_midway(place: &Place, url: &str, name: &str) {
    let before = noted(place);
    let source = place.write(name, vec![name.len() as u8; 20 << 20]);
    let to = format!("s3://{BUCKET}/");
    let arguments = ["encrypt", source.to_str().unwrap(), &to, "--key", "alias/training"];
    let mut command = place.command(&arguments);
    let mut child = command.env("AWS_ENDPOINT_URL", url).spawn().unwrap();
    until("an upload is begun", || (noted(place) > before).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_upload_killed_before_is_offered_at_the_start_finished_by_enter_and_aborted_by_x() {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    let is_resumed = Arc::new(AtomicBool::new(false));
    let (let_on, held) = mpsc::channel::<()>();
    let (is_later, held) = (Arc::clone(&is_resumed), Mutex::new(held));
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if !is_completion(seen.line) {
            return Trouble::None;
        }
        if !is_later.load(Ordering::SeqCst) {
            return Trouble::StallUnanswered;
        }
        held.lock().unwrap().recv().unwrap_err();
        Trouble::None
    });
    kill_midway(&place, proxy.url(), "first.bin");
    kill_midway(&place, proxy.url(), "second-one.bin");
    assert_eq!(place.unfinished_uploads(BUCKET), 2);

    is_resumed.store(true, Ordering::SeqCst);
    let environment = place.environment_at(proxy.url());
    let mut session = Session::start_with(&[], place.home.path(), (80, 24), &environment);
    session
        .wait("Interrupted uploads")
        .wait("first.bin to s3://")
        .wait("second-one.bin to");
    session.keys(ENTER).wait("Finish the upload of first.bin").keys("y");
    session.wait("under way");
    drop(let_on);
    session.gone("first.bin to s3://");
    session
        .keys("x")
        .wait("Abort the upload of second-one.bin to s3://")
        .keys("y");
    session.wait("No upload is interrupted.").keys(ESC);
    // What has ended cannot be cancelled any more.
    session.keys("o").wait("done").gone(" cancel ").keys(ESC).keys("q");
    session.exit();

    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    let opened = place.path("opened.bin");
    let from = format!("s3://{BUCKET}/first.bin");
    place.run(&["decrypt", &from, "-o", opened.to_str().unwrap()]).ok();
    assert_eq!(std::fs::read(opened).unwrap(), vec![9; 20 << 20]);
    let objects = place.objects(BUCKET);
    assert!(objects.iter().all(|key| !key.contains("second-one")), "{objects:?}");
    assert_eq!(files(&place.path(UPLOADS)), Vec::<std::path::PathBuf>::new());
}

/// The only journal, with everything of this in it replaced.
fn rewrite(place: &Place, from: &str, to: &str) {
    let [journal] = files(&place.path(UPLOADS)).try_into().unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&journal, text.replace(from, to)).unwrap();
}

#[test]
fn an_interrupted_upload_is_offered_to_the_account_that_began_it_where_it_may_be_finished() {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    let is_later = Arc::new(AtomicBool::new(false));
    let later = Arc::clone(&is_later);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if is_completion(seen.line) && !later.load(Ordering::SeqCst) {
            return Trouble::StallUnanswered;
        }
        Trouble::None
    });
    kill_midway(&place, proxy.url(), "first.bin");
    is_later.store(true, Ordering::SeqCst);
    let environment = place.environment_at(proxy.url());
    let start = |arguments: &[&str]| Session::start_with(arguments, place.home.path(), (80, 24), &environment);

    // It may be somebody's whose credentials are used here at other times.
    let [ours, theirs] = ["\"account\":\"111122223333\"", "\"account\":\"999999999999\""];
    rewrite(&place, ours, theirs);
    let mut session = start(&[]);
    session
        .wait("Enabled")
        .keys("3")
        .action("interrupted")
        .wait("No upload is interrupted.");
    session.keys(ESC).keys("q");
    session.exit();
    // Nor does the same command go on with it.
    let source = place.path("first.bin");
    let encrypt = [
        "encrypt",
        source.to_str().unwrap(),
        &format!("s3://{BUCKET}/"),
        "--key",
        "alias/training",
    ];
    let as_before = ("AWS_ENDPOINT_URL", Some(proxy.url()));
    let done = place.run_as(&[as_before], &[&encrypt[..], &["--json"]].concat()).ok();
    assert_eq!(done.lines()[0]["resumed"], false, "{done:?}");
    assert_eq!(place.unfinished_uploads(BUCKET), 1);

    // Where nothing may be changed it is listed, and nothing is offered that would be refused.
    rewrite(&place, theirs, ours);
    let mut session = start(&["--read-only"]);
    session
        .wait("Enabled")
        .keys("3")
        .action("interrupted")
        .wait("first.bin to s3://");
    session.gone("finish it").gone("abort it").keys(ESC);
    // Of the walk's steps only those are offered that look.
    session
        .keys("w")
        .wait("The walk")
        .keys("gg")
        .wait("do it")
        .keys("jj")
        .gone("do it");
    session.keys("G").wait("do it").keys(ESC).keys("q");
    session.exit();

    // One of before accounts were noted is anybody's.
    rewrite(&place, ours, "\"account\":null");
    let mut session = start(&[]);
    session
        .wait("Interrupted uploads")
        .wait("finish it")
        .keys("x")
        .wait("Abort the upload of first.bin")
        .keys("y");
    session.wait("No upload is interrupted.").keys(ESC).keys("q");
    session.exit();
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
}
