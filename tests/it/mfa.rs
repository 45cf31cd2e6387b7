//! A profile whose role wants the code of an MFA device: it is asked for once, where there is somebody to ask.

use std::sync::{Arc, Mutex};

use crate::fake;
use crate::place::Place;
use crate::pty::{CLEAR, ENTER, ESC, Session};
use crate::sessions;

const DEVICE: &str = "arn:aws:iam::111122223333:mfa/ann";
pub(crate) const RIGHT: &str = "654321";
const WRONG: &str = "123456";
const METADATA: &str = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>";

/// A world with a role that may do everything, and an STS that gives a session of it for the right code.
pub(crate) struct Company {
    pub(crate) place: Place,
    environment: Vec<(&'static str, String)>,
    codes: Arc<Mutex<Vec<String>>>,
}

impl Company {
    fn new() -> Self {
        Self::at(|place| place.endpoint().to_owned())
    }

    /// With AWS at an endpoint of its own.
    pub(crate) fn at(endpoint: impl FnOnce(&Place) -> String) -> Self {
        let place = Place::new();
        place.key("data");
        sessions::engineer(&place);
        let endpoint = endpoint(&place);
        let codes: Arc<Mutex<Vec<String>>> = Arc::default();
        let sts = sts(&place, &endpoint, Arc::clone(&codes));
        let of = |name: &str| {
            place
                .environment
                .iter()
                .find(|(known, _)| known == name)
                .unwrap()
                .1
                .clone()
        };
        let config = format!(
            "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n\
             [profile dev]\nrole_arn = arn:aws:iam::111122223333:role/engineer\nsource_profile = base\n\
             mfa_serial = {DEVICE}\nregion = us-east-1\n",
            of("AWS_ACCESS_KEY_ID"),
            of("AWS_SECRET_ACCESS_KEY")
        );
        let config = place.write("aws-config", config).to_str().unwrap().to_owned();
        let environment = vec![
            ("AWS_CONFIG_FILE", config),
            ("AWS_PROFILE", "dev".to_owned()),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ENDPOINT_URL_STS", sts),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Self {
            place,
            environment,
            codes,
        }
    }

    pub(crate) fn session(&self, arguments: &[&str]) -> Session {
        self.place.keyless_session(&self.environment, arguments)
    }

    /// The codes that STS was sent until now.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.codes.lock().unwrap().clone()
    }
}

fn sts(place: &Place, endpoint: &str, codes: Arc<Mutex<Vec<String>>>) -> String {
    let sdk = place.sdk().to_builder().endpoint_url(endpoint).build();
    let handle = place.runtime.handle().clone();
    fake::serve(move |asked| {
        if asked.member("Action").as_deref() != Some("AssumeRole") {
            let who = "<Arn>arn:aws:sts::111122223333:assumed-role/engineer/ann</Arn><Account>111122223333</Account>";
            let answer = format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult>{who}<UserId>A</UserId></GetCallerIdentityResult>{METADATA}</GetCallerIdentityResponse>"
            );
            return (200, answer);
        }
        assert_eq!(asked.member("SerialNumber").as_deref(), Some(DEVICE));
        let code = asked.member("TokenCode").unwrap();
        codes.lock().unwrap().push(code.clone());
        if code != RIGHT {
            let words = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
            let error = format!("<Error><Code>AccessDenied</Code><Message>{words}</Message></Error>");
            return (403, format!("<ErrorResponse>{error}</ErrorResponse>"));
        }
        let call = aws_sdk_sts::Client::new(&sdk).assume_role();
        let call = call.role_arn(asked.member("RoleArn").unwrap()).role_session_name("ann");
        let given = handle.block_on(call.send()).unwrap().credentials.unwrap();
        let given = format!(
            "<AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration>",
            given.access_key_id,
            given.secret_access_key,
            given.session_token,
            given
                .expiration
                .fmt(aws_smithy_types::date_time::Format::DateTime)
                .unwrap()
        );
        let answer = format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials>{given}</Credentials></AssumeRoleResult>{METADATA}</AssumeRoleResponse>"
        );
        (200, answer)
    })
}

#[test]
fn the_dashboard_asks_for_the_code_once_and_again_when_it_is_wrong() {
    let company = Company::new();
    let mut session = company.session(&[]);
    session.wait("MFA code").wait(DEVICE);
    // What no device shows is not sent.
    session.keys("12x3").keys(ENTER).wait("A code has six digits.");
    session
        .keys(CLEAR)
        .keys(WRONG)
        .keys(ENTER)
        .wait("invalid MFA one time pass");
    session
        .keys(RIGHT)
        .keys(ENTER)
        .gone("MFA code")
        .wait("Enabled")
        .wait("Enabled");
    assert_eq!(company.codes(), [WRONG, RIGHT]);
    session.keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn who_gives_no_code_is_not_asked_by_every_call_but_when_they_want_to_be() {
    let company = Company::new();
    let mut session = company.session(&[]);
    session
        .wait("MFA code")
        .keys(ESC)
        .gone("MFA code")
        .wait("and none was given");
    session.keys("r").wait("and none was given");
    assert!(!session.text().contains("MFA code"), "{}", session.text());
    session
        .keys("L")
        .wait("MFA code")
        .keys(RIGHT)
        .keys(ENTER)
        .wait("Enabled");
    assert_eq!(company.codes(), [RIGHT]);
}

#[test]
fn a_command_asks_for_the_code_at_its_terminal() {
    let company = Company::new();
    let mut session = company.session(&["doctor"]);
    session
        .wait(&format!("Code of the MFA device {DEVICE}"))
        .wait("for the profile dev:");
    session
        .send(format!("{WRONG}\n").as_bytes())
        .wait("invalid MFA one time pass");
    session.send(format!("{RIGHT}\n").as_bytes()).wait("ok      KMS");
    session.exit();
    assert_eq!(company.codes(), [WRONG, RIGHT]);
}

#[test]
fn without_a_terminal_the_code_is_said_to_be_missing() {
    let company = Company::new();
    let verify = ["verify", "s3://team-data/x"];
    let done = company.place.run_keyless(&company.environment, &verify);
    assert_eq!(done.status, 1, "{done:?}");
    let said = done.out + &done.err;
    for word in ["profile dev", DEVICE, "nobody is here to give it", "--token-code"] {
        assert!(said.contains(word), "no `{word}` in: {said}");
    }
    assert!(company.codes().is_empty());
}
