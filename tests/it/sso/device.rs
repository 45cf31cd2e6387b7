//! What the device flow may come to, and profiles from before there were sessions of single sign-on.

use std::time::Duration;

use sha1::{Digest as _, Sha1};

use super::portal::{CODE, Company};
use crate::place::Done;
use crate::pty::{ENTER, ESC};

/// It has failed, and says so beside the code that it showed.
fn has_failed(done: &Done, words: &[&str]) {
    assert_eq!(done.status, 1, "{done:?}");
    for word in words.iter().chain([&CODE]) {
        assert!(done.err.contains(word), "no `{word}` in {done:?}");
    }
}

#[test]
fn who_is_told_to_slow_down_asks_five_seconds_later_from_then_on() {
    let company = Company::new();
    company.agree(Ok("token"));
    company.portal.lock().unwrap().before = ["AuthorizationPendingException", "SlowDownException"].into();
    company.run(&["login"]).ok();
    let pauses = company.pauses();
    // Not the time of the answers, but of what came here: a little less than was waited for.
    let least = |seconds: u64| Duration::from_millis(seconds * 1000 - 300);
    assert_eq!(pauses.len(), 2, "{pauses:?}");
    assert!(pauses[0] >= least(1) && pauses[1] >= least(6), "{pauses:?}");
}

#[test]
fn a_code_that_has_expired_is_said_to_have_and_another_one_serves() {
    let company = Company::new();
    company.portal.lock().unwrap().before = ["AuthorizationPendingException", "ExpiredTokenException"].into();
    has_failed(
        &company.run(&["login"]),
        &["expired before anybody agreed", "log in again"],
    );
    // Where the service does not say it, its time does.
    company.portal.lock().unwrap().lasts = Some(2);
    has_failed(&company.run(&["login"]), &["expired before anybody agreed"]);
    assert!(!company.file().exists());

    let mut session = company.session();
    session
        .wait("has no valid SSO login")
        .keys(ENTER)
        .wait("expired before anybody agreed");
    company.portal.lock().unwrap().lasts = None;
    company.agree(Ok("token"));
    session
        .keys(ESC)
        .keys("L")
        .wait("has no valid SSO login")
        .keys(ENTER)
        .wait("Enabled");
}

#[test]
fn who_refuses_in_the_browser_is_told_so_on_the_command_line() {
    let company = Company::new();
    company.agree(Err(()));
    has_failed(&company.run(&["login"]), &["refused in the browser", "allow it there"]);
    assert!(!company.file().exists());
}

#[test]
fn a_profile_with_a_start_url_and_no_session_logs_in_and_is_served() {
    let company = Company::new();
    let done = company.run(&["--profile", "old", "decrypt", "s3://sagemaker-data/x"]);
    done.failed(1, &["aws sso login --profile old", "strongroom login"]);
    company.agree(Ok("token"));
    company.run(&["--profile", "old", "login"]).ok();
    let name = hex::encode(Sha1::digest("https://company.test/start"));
    assert!(company.place.path(&format!(".aws/sso/cache/{name}.json")).exists());
    // Scopes are of sessions.
    assert!(company.portal.lock().unwrap().registered[0].get("scopes").is_none());
    let done = company.run(&["--profile", "old", "doctor"]);
    assert!(done.out.contains("ok      KMS"), "{done:?}");

    company.revoke();
    let mut session = company.session_as("old");
    session
        .wait("The profile old has no valid SSO login")
        .keys(ENTER)
        .wait(CODE);
    company.agree(Ok("another"));
    session.gone(CODE).wait("Enabled");
}
