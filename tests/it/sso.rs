//! Logging in to single sign-on from inside: offered where the login has ended, agreed to in a browser, kept where all programs
//! look for it. What is under way waits for it.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use self::portal::{CODE, Company, PAGE};
use crate::place::until;
use crate::pty::{ENTER, ESC};

#[path = "sso/device.rs"]
mod device;
#[path = "sso/portal.rs"]
pub(crate) mod portal;

#[test]
fn a_login_is_offered_shown_opened_and_kept_and_everything_is_asked_then() {
    let company = Company::new();
    let mut session = company.session();
    session.wait("has no valid SSO login").keys(ENTER).wait(PAGE).wait(CODE);
    session.keys("y").wait("Copied the page's address");
    session.keys(ENTER);
    let opened = company.place.path("opened");
    let opened = until("a page is opened", || {
        let url = std::fs::read_to_string(&opened).ok();
        url.filter(|url| !url.is_empty())
    });
    assert_eq!(opened, format!("{PAGE}?user_code={CODE}"));
    company.agree(Ok("first-token"));
    session.gone(CODE).wait("Enabled");
    assert_eq!(company.count("/client/register"), 1);
    let scopes = &company.portal.lock().unwrap().registered[0]["scopes"];
    assert_eq!(*scopes, json!(["sso:account:access"]));
    let kept = company.kept();
    assert_eq!(
        (&kept["accessToken"], &kept["refreshToken"]),
        (&json!("first-token"), &json!("again"))
    );
    let mode = std::fs::metadata(company.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let raw = String::from_utf8_lossy(&session.raw()).into_owned();
    assert!(!raw.contains("first-token") && !raw.contains("hidden"));
    session.keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn an_upload_whose_login_has_ended_waits_for_the_next_one() {
    let company = Company::new();
    company.agree(Ok("first-token"));
    company.run(&["login"]).ok();
    company.place.write("train.csv", "x,y\n1,2\n");
    let mut session = company.session();
    session.wait("Enabled").wait("s3://sagemaker-data/");
    session.keys("5").select("train.csv").keys("e").wait("y yes");
    company.revoke();
    // The login is offered, if not something else waited for it before: then it is told.
    session.keys("y").keys("L").keys(ENTER).wait(CODE);
    assert!(!session.text().contains("Encrypted and uploaded"), "{}", session.text());
    company.agree(Ok("second-token"));
    session.wait("Encrypted and uploaded");
    assert_eq!(company.kept()["accessToken"], "second-token");
    // It is the same program to the service.
    assert_eq!(company.count("/client/register"), 1);
}

#[test]
fn a_login_that_is_refused_or_given_up_says_so_and_how_to_begin_again() {
    let company = Company::new();
    company.agree(Err(()));
    let mut session = company.session();
    session
        .wait("has no valid SSO login")
        .keys(ENTER)
        .wait("refused in the browser");
    company.revoke();
    session.keys(ESC).keys("L").wait("has no valid SSO login").keys(ESC);
    session.wait("Not logged in").wait("`login` does it");
    session.keys("L").wait(CODE);
    company.agree(Ok("token"));
    session.wait("Enabled");
}

#[test]
fn the_command_line_logs_in_and_its_token_serves_the_next_command() {
    let company = Company::new();
    let done = company.run(&["verify", "s3://sagemaker-data/x"]);
    let said = done.out + &done.err;
    assert!(
        said.contains("aws sso login --profile research") && said.contains("strongroom login"),
        "{said}"
    );
    company.agree(Ok("token"));
    let done = company.run(&["login"]).ok();
    assert!(done.err.contains(PAGE) && done.err.contains(CODE), "{done:?}");
    assert!(done.out.starts_with("Logged in until "), "{done:?}");
    assert!(!company.place.path("opened").exists(), "nobody watches");
    let done = company.run(&["doctor"]);
    assert!(done.out.contains("ok      KMS"), "{done:?}");
    company
        .run(&["--profile", "other", "login"])
        .failed(1, &["not a profile's of single sign-on", "aws configure sso"]);
}
