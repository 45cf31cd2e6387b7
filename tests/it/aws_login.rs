//! Profiles that `aws login` has made: the session that the AWS CLI keeps gives credentials, and where it is missing or has ended
//! the command that makes one is told. The dashboard waits for it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fake;
use crate::place::{Done, Place};
use crate::pty::{ENTER, ESC, Session};
use crate::sessions::{self, ENGINEER};

const ANN: &str = "arn:aws:sts::111122223333:assumed-role/engineer/ann";
pub(crate) const COMMAND: &str = "aws login --profile research";

/// What the sign-in service answers to who renews a session.
type Renews = Arc<Mutex<Option<Value>>>;

pub(crate) struct Company {
    pub(crate) place: Place,
    endpoint: String,
    renews: Renews,
    environment: Vec<(&'static str, String)>,
}

impl Company {
    fn new() -> Self {
        Self::at(|place| place.endpoint().to_owned())
    }

    /// With AWS at an endpoint of its own.
    pub(crate) fn at(endpoint: impl FnOnce(&Place) -> String) -> Self {
        let place = Place::new();
        place.key("data");
        place.bucket("sagemaker-data");
        sessions::engineer(&place);
        let endpoint = endpoint(&place);
        let renews = Renews::default();
        let config = format!(
            "[profile research]\nlogin_session = {ANN}\nregion = us-east-1\n\
             [profile behind]\nrole_arn = {ENGINEER}\nsource_profile = research\nregion = us-east-1\n"
        );
        let config = place.write("aws/config", config).to_str().unwrap().to_owned();
        let environment = vec![
            ("AWS_CONFIG_FILE", config),
            ("AWS_PROFILE", "research".to_owned()),
            ("AWS_ENDPOINT_URL", endpoint.clone()),
            ("AWS_ENDPOINT_URL_SIGNIN", sign_in(Arc::clone(&renews))),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Self {
            place,
            endpoint,
            renews,
            environment,
        }
    }

    pub(crate) fn session(&self) -> Session {
        self.place.keyless_session(&self.environment, &[])
    }

    fn run(&self, arguments: &[&str]) -> Done {
        self.place.run_keyless(&self.environment, arguments)
    }

    /// Where the AWS CLI keeps the session.
    fn file(&self) -> PathBuf {
        let name = hex::encode(Sha256::digest(ANN));
        self.place.path(&format!(".aws/login/cache/{name}.json"))
    }

    /// What `aws login` leaves, of a session that ends then.
    pub(crate) fn log_in(&self, seconds: i64) {
        let given = sessions::begin(&self.place, &self.endpoint);
        let kept = json!({
            "accessToken": {
                "accessKeyId": given.access_key_id,
                "secretAccessKey": given.secret_access_key,
                "sessionToken": given.session_token,
                "accountId": "111122223333",
                "expiresAt": sessions::in_seconds(seconds),
            },
            "tokenType": "aws_sigv4",
            "refreshToken": "again",
            "clientId": "arn:aws:signin:::devtools/same-device",
            "dpopKey": device_key(),
        });
        let file = self.file();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, kept.to_string()).unwrap();
    }
}

/// The key of a device, which proves that the session is its own: SEC 1, P-256, of no worth.
fn device_key() -> String {
    let mut der = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    der.extend([7; 32]);
    der.extend([0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    let (begin, end) = ("-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----");
    let text = STANDARD.encode(der);
    let (first, second) = text.split_at(64);
    format!("{begin}\n{first}\n{second}\n{end}\n")
}

fn sign_in(renews: Renews) -> String {
    fake::serve(move |asked| {
        assert_eq!(asked.path, "/v1/token");
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(
            (&body["grantType"], &body["refreshToken"]),
            (&json!("refresh_token"), &json!("again"))
        );
        assert!(asked.head.to_ascii_lowercase().contains("dpop: "), "{}", asked.head);
        match &*renews.lock().unwrap() {
            Some(answer) => (200, answer.to_string()),
            None => {
                let words = "The refresh token has expired";
                let refused = json!({"__type": "AccessDeniedException", "error": "TOKEN_EXPIRED", "message": words});
                (400, refused.to_string())
            }
        }
    })
}

#[test]
fn the_dashboard_tells_the_command_waits_and_goes_on_once_the_login_is_there() {
    let company = Company::new();
    let mut session = company.session();
    session.wait("has no valid login").wait(COMMAND);
    session.keys("y").wait(&format!("Copied {COMMAND}"));
    // Nobody has logged in yet.
    session.keys(ENTER).wait("There is none yet that holds");
    company.log_in(3600);
    session.keys(ENTER).gone("In another terminal").wait("Enabled");
    session.keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn who_does_not_log_in_is_not_asked_by_every_call_and_goes_on_with_refresh_or_login() {
    let company = Company::new();
    let mut session = company.session();
    session.wait(COMMAND).keys(ESC).wait("Not logged in");
    session.keys("r").wait("there is no valid login");
    assert!(!session.text().contains("In another terminal"), "{}", session.text());
    session
        .keys("L")
        .wait("In another terminal")
        .keys(ESC)
        .gone("In another terminal");
    company.log_in(3600);
    session.keys("r").wait("Enabled");
}

#[test]
fn commands_name_the_login_that_is_missing_and_need_no_other_once_it_is_there() {
    let company = Company::new();
    company
        .run(&["decrypt", "s3://team-data/x"])
        .failed(1, &[COMMAND, "then run it again"]);
    company.run(&["login"]).failed(1, &["only the AWS CLI makes", COMMAND]);
    let done = company.run(&["doctor"]);
    assert!(done.out.contains("FAILED") && done.out.contains(COMMAND), "{done:?}");
    // Who assumes a role logs in as whoever assumes it.
    let done = company.run(&["--profile", "behind", "doctor"]);
    assert!(done.out.contains(COMMAND), "{done:?}");
    company.log_in(3600);
    for profile in ["research", "behind"] {
        let done = company.run(&["--profile", profile, "doctor"]);
        assert!(
            done.out.contains("ok      KMS") && done.out.contains("assumed-role/engineer/"),
            "{profile}: {done:?}"
        );
    }
}

#[test]
fn a_session_that_has_ended_is_renewed_and_where_it_cannot_be_the_login_is_named() {
    let company = Company::new();
    company.log_in(-60);
    let done = company.run(&["doctor"]);
    assert!(done.out.contains(COMMAND) && done.out.contains("expired"), "{done:?}");
    let next = sessions::begin(&company.place, company.place.endpoint());
    *company.renews.lock().unwrap() = Some(json!({
        "accessToken": {
            "accessKeyId": next.access_key_id,
            "secretAccessKey": next.secret_access_key,
            "sessionToken": next.session_token,
        },
        "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "once more",
    }));
    let done = company.run(&["doctor"]);
    assert!(done.out.contains("ok      KMS"), "{done:?}");
    let kept: Value = serde_json::from_slice(&std::fs::read(company.file()).unwrap()).unwrap();
    assert_eq!(kept["refreshToken"], "once more");
}
