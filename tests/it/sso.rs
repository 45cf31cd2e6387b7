//! Logging in to single sign-on from inside: offered where the login has ended, agreed to in a browser, kept where all programs
//! look for it. What is under way waits for it.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::fake;
use crate::place::Place;
use crate::pty::{ENTER, ESC, Session};

const SIZE: (u16, u16) = (120, 36);
const PAGE: &str = "https://device.sso.test/";
const CODE: &str = "ABCD-EFGH";
/// SHA-1 of `company`.
const FILE: &str = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";

/// What the services know and do.
#[derive(Default)]
struct Portal {
    /// What is answered to who asks for a token: pending, refused, or this token.
    agreed: Option<Result<&'static str, ()>>,
    /// The token that holds.
    holds: Option<&'static str>,
    /// What was asked for, by path.
    asked: Vec<String>,
}

/// A world behind single sign-on.
struct Company {
    place: Place,
    portal: Arc<Mutex<Portal>>,
    environment: Vec<(&'static str, String)>,
}

impl Company {
    fn new() -> Self {
        let place = Place::new();
        place.key("data");
        place.bucket("sagemaker-data");
        let portal: Arc<Mutex<Portal>> = Arc::default();
        let url = serve(&place, Arc::clone(&portal));
        let config = "[profile research]\nsso_session = company\nsso_account_id = 111122223333\nsso_role_name = engineer\n\
            region = us-east-1\n[sso-session company]\nsso_region = eu-west-1\nsso_start_url = https://company.test/start\n\
            [profile other]\nregion = us-east-1\naws_access_key_id = A\naws_secret_access_key = s\n";
        let config = place.write("aws/config", config).to_str().unwrap().to_owned();
        let browser = place.write("browser", "#!/bin/sh\nprintf %s \"$1\" > \"$HOME/opened\"\n");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment = vec![
            ("AWS_CONFIG_FILE", config),
            ("AWS_PROFILE", "research".to_owned()),
            ("AWS_ENDPOINT_URL", place.endpoint().to_owned()),
            ("AWS_ENDPOINT_URL_SSO", url.clone()),
            ("AWS_ENDPOINT_URL_SSO_OIDC", url),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("BROWSER", browser.to_str().unwrap().to_owned()),
        ];
        Self {
            place,
            portal,
            environment,
        }
    }

    fn session(&self) -> Session {
        let environment: Vec<(&str, &str)> = self.environment.iter().map(|(name, value)| (*name, &**value)).collect();
        Session::start_with(&[], self.place.home.path(), SIZE, &environment)
    }

    fn run(&self, arguments: &[&str]) -> crate::place::Done {
        let changes = self.environment.iter().map(|(name, value)| (*name, Some(&**value)));
        let no_keys = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];
        let changes: Vec<(&str, Option<&str>)> = changes.chain(no_keys).collect();
        self.place.run_as(&changes, arguments)
    }

    /// The person has agreed in the browser, or refused.
    fn agree(&self, with: Result<&'static str, ()>) {
        let mut portal = self.portal.lock().unwrap();
        portal.agreed = Some(with);
        portal.holds = with.ok().or(portal.holds);
    }

    /// The login is over, on the other side.
    fn revoke(&self) {
        let mut portal = self.portal.lock().unwrap();
        (portal.agreed, portal.holds) = (None, None);
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.place.path(FILE)).unwrap()).unwrap()
    }

    fn count(&self, path: &str) -> usize {
        let portal = self.portal.lock().unwrap();
        portal.asked.iter().filter(|asked| asked.starts_with(path)).count()
    }
}

fn serve(place: &Place, portal: Arc<Mutex<Portal>>) -> String {
    let of = |name: &str| {
        let found = place.environment.iter().find(|(known, _)| known == name);
        found.unwrap().1.clone()
    };
    let (id, secret) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
    let after = |seconds: u64| {
        let end = SystemTime::now() + Duration::from_secs(seconds);
        end.duration_since(SystemTime::UNIX_EPOCH).unwrap()
    };
    fake::serve(move |asked| {
        let mut portal = portal.lock().unwrap();
        portal.asked.push(asked.path.clone());
        let body = || serde_json::from_str::<Value>(&asked.body).unwrap();
        let refused =
            |status: u16, kind: &str, words: &str| (status, json!({"__type": kind, "message": words}).to_string());
        match asked.path.split('?').next().unwrap() {
            "/client/register" => {
                assert_eq!(body()["scopes"], json!(["sso:account:access"]));
                let ends = after(86_400).as_secs();
                (
                    200,
                    json!({"clientId": "client", "clientSecret": "hidden", "clientSecretExpiresAt": ends}).to_string(),
                )
            }
            "/device_authorization" => {
                assert_eq!(body()["startUrl"], "https://company.test/start");
                let answer = json!({
                    "deviceCode": "device", "userCode": CODE, "verificationUri": PAGE,
                    "verificationUriComplete": format!("{PAGE}?user_code={CODE}"), "expiresIn": 600, "interval": 1,
                });
                (200, answer.to_string())
            }
            "/token" => match portal.agreed {
                None => refused(400, "AuthorizationPendingException", "pending"),
                Some(Err(())) => refused(400, "AccessDeniedException", "not you"),
                Some(Ok(token)) => {
                    assert_eq!(body()["deviceCode"], "device");
                    (200, json!({"accessToken": token, "tokenType": "Bearer", "expiresIn": 28_800, "refreshToken": "again"}).to_string())
                }
            },
            "/federation/credentials" => {
                if !portal.holds.is_some_and(|token| asked.head.contains(token)) {
                    return refused(401, "UnauthorizedException", "Session token not found or invalid");
                }
                // Over, as the SDK sees it: every call wants others.
                let ends = after(0).as_millis() as u64;
                let given = json!({"accessKeyId": id, "secretAccessKey": secret, "expiration": ends});
                (200, json!({ "roleCredentials": given }).to_string())
            }
            path => panic!("{path}"),
        }
    })
}

#[test]
fn a_login_is_offered_shown_opened_and_kept_and_everything_is_asked_then() {
    let company = Company::new();
    let mut session = company.session();
    session.wait("has no valid SSO login").keys(ENTER).wait(PAGE).wait(CODE);
    session.keys("y").wait("Copied the page's address");
    session.keys(ENTER);
    let opened = company.place.path("opened");
    let end = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(&opened).is_ok_and(|url| !url.is_empty()) {
        assert!(Instant::now() < end, "no page was opened");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(
        std::fs::read_to_string(opened).unwrap(),
        format!("{PAGE}?user_code={CODE}")
    );
    company.agree(Ok("first-token"));
    session.gone(CODE).wait("Enabled");
    assert_eq!(company.count("/client/register"), 1);
    let kept = company.kept();
    assert_eq!(
        (&kept["accessToken"], &kept["refreshToken"]),
        (&json!("first-token"), &json!("again"))
    );
    let mode = std::fs::metadata(company.place.path(FILE))
        .unwrap()
        .permissions()
        .mode();
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
