//! A company's portal of single sign-on, and a world behind it.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_sts::types::Credentials;
use serde_json::{Value, json};

use crate::fake;
use crate::place::Place;
use crate::pty::Session;

pub(crate) const PAGE: &str = "https://device.sso.test/";
pub(crate) const CODE: &str = "ABCD-EFGH";
/// SHA-1 of `company`.
const FILE: &str = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";

/// What the services know and do.
#[derive(Default)]
pub(crate) struct Portal {
    /// What is answered first to who asks for a token: errors of these names.
    pub(crate) before: VecDeque<&'static str>,
    /// What is answered then: pending, refused, or this token.
    agreed: Option<Result<&'static str, ()>>,
    /// The token that holds.
    holds: Option<&'static str>,
    /// Sessions that are given one after the other, each for an hour; without any, it is what has ended already.
    pub(crate) gives: VecDeque<Credentials>,
    /// How many seconds a code lasts, if not ten minutes.
    pub(crate) lasts: Option<u64>,
    /// What was asked for, by path, and when.
    asked: Vec<(String, Instant)>,
    /// As what this program registered itself.
    pub(crate) registered: Vec<Value>,
}

/// A world behind single sign-on.
pub(crate) struct Company {
    pub(crate) place: Place,
    pub(crate) portal: Arc<Mutex<Portal>>,
    environment: Vec<(&'static str, String)>,
}

impl Company {
    pub(crate) fn new() -> Self {
        Self::at(|place| place.endpoint().to_owned())
    }

    /// With AWS at an endpoint of its own.
    pub(crate) fn at(endpoint: impl FnOnce(&Place) -> String) -> Self {
        let place = Place::new();
        place.key("data");
        place.bucket("sagemaker-data");
        let endpoint = endpoint(&place);
        let portal: Arc<Mutex<Portal>> = Arc::default();
        let url = serve(&place, Arc::clone(&portal));
        let config = "[profile research]\nsso_session = company\nsso_account_id = 111122223333\nsso_role_name = engineer\n\
            region = us-east-1\n[sso-session company]\nsso_region = eu-west-1\nsso_start_url = https://company.test/start\n\
            [profile old]\nsso_start_url = https://company.test/start\nsso_region = eu-west-1\n\
            sso_account_id = 111122223333\nsso_role_name = engineer\nregion = us-east-1\n\
            [profile other]\nregion = us-east-1\naws_access_key_id = A\naws_secret_access_key = s\n";
        let config = place.write("aws/config", config).to_str().unwrap().to_owned();
        let browser = place.write("browser", "#!/bin/sh\nprintf %s \"$1\" > \"$HOME/opened\"\n");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
        let environment = vec![
            ("AWS_CONFIG_FILE", config),
            ("AWS_PROFILE", "research".to_owned()),
            ("AWS_ENDPOINT_URL", endpoint),
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

    pub(crate) fn session(&self) -> Session {
        self.session_as("research")
    }

    /// The dashboard as this profile.
    pub(crate) fn session_as(&self, profile: &str) -> Session {
        self.place.keyless_session(&self.environment, &["--profile", profile])
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> crate::place::Done {
        self.place.run_keyless(&self.environment, arguments)
    }

    /// The person has agreed in the browser, or refused.
    pub(crate) fn agree(&self, with: Result<&'static str, ()>) {
        let mut portal = self.portal.lock().unwrap();
        portal.agreed = Some(with);
        portal.holds = with.ok().or(portal.holds);
    }

    /// The login is over, on the other side.
    pub(crate) fn revoke(&self) {
        let mut portal = self.portal.lock().unwrap();
        (portal.agreed, portal.holds) = (None, None);
    }

    /// Where the token is kept.
    pub(crate) fn file(&self) -> PathBuf {
        self.place.path(FILE)
    }

    pub(crate) fn kept(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        let portal = self.portal.lock().unwrap();
        portal.asked.iter().filter(|(asked, _)| asked.starts_with(path)).count()
    }

    /// How long it took from each question for a token to the next.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        let portal = self.portal.lock().unwrap();
        let asked = portal.asked.iter().filter(|(path, _)| path == "/token");
        let times: Vec<Instant> = asked.map(|(_, time)| *time).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
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
        portal.asked.push((asked.path.clone(), Instant::now()));
        let body = || serde_json::from_str::<Value>(&asked.body).unwrap();
        let refused =
            |status: u16, kind: &str, words: &str| (status, json!({"__type": kind, "message": words}).to_string());
        match asked.path.split('?').next().unwrap() {
            "/client/register" => {
                portal.registered.push(body());
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
                    "verificationUriComplete": format!("{PAGE}?user_code={CODE}"),
                    "expiresIn": portal.lasts.unwrap_or(600), "interval": 1,
                });
                (200, answer.to_string())
            }
            "/token" if !portal.before.is_empty() => {
                let kind = portal.before.pop_front().unwrap();
                refused(400, kind, "not yet")
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
                if let Some(next) = portal.gives.pop_front() {
                    let given = json!({
                        "accessKeyId": next.access_key_id, "secretAccessKey": next.secret_access_key,
                        "sessionToken": next.session_token, "expiration": after(3600).as_millis() as u64,
                    });
                    return (200, json!({ "roleCredentials": given }).to_string());
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
