//! Sessions that AWS ends while work is under way: others are asked for once, what was refused is asked again, and nobody notices.
//! Where only the person can give others, what is under way waits.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::aws_login::{COMMAND, Company};
use crate::mfa;
use crate::place::{Done, Place, until};
use crate::proxy::{Proxy, Trouble};
use crate::pty::ENTER;
use crate::sessions;
use crate::sso::portal;

const BUCKET: &str = "sagemaker-data";
/// More than one part.
const LENGTH: usize = 20 << 20;

/// Which sessions have ended, and what ends the next.
#[derive(Default)]
struct Ends {
    /// The session of who asks for this is over.
    at: Option<&'static str>,
    over: BTreeSet<String>,
    /// What was refused.
    refused: Vec<String>,
}

/// An endpoint that ends sessions.
fn ending(place: &Place, ends: &Arc<Mutex<Ends>>) -> Proxy {
    let ends = Arc::clone(ends);
    Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        // Whoever begins one does it from outside.
        if seen.operation == "AssumeRole" {
            return Trouble::None;
        }
        let mut ends = ends.lock().unwrap();
        // Calls of a session that is over already may come late.
        if !ends.over.contains(seen.access_key) {
            if ends.at != Some(seen.name()) {
                return Trouble::None;
            }
            ends.at = None;
            ends.over.insert(seen.access_key.to_owned());
        }
        ends.refused.push(seen.name().to_owned());
        Trouble::Ended
    })
}

/// A person whose profile has a process that gives a session more each time.
struct Person {
    place: Place,
    ends: Arc<Mutex<Ends>>,
    environment: Vec<(&'static str, String)>,
}

impl Person {
    fn new(sessions: usize) -> Self {
        let place = Place::new();
        place.key("data");
        place.bucket(BUCKET);
        sessions::engineer(&place);
        let ends = Arc::default();
        let proxy = ending(&place, &ends);
        for number in 1..=sessions {
            let session = sessions::printed(&sessions::begin(&place, proxy.url()));
            place.write(&format!("aws/session-{number}"), session.to_string());
        }
        let folder = place.path("aws").to_str().unwrap().to_owned();
        let give = format!("cd {folder} && echo again >> asked && cat session-$(($(wc -l < asked)))");
        let give = place.write("aws/give", give).to_str().unwrap().to_owned();
        let config = format!("[profile work]\ncredential_process = /bin/sh {give}\nregion = us-east-1\n");
        let config = place.write("aws/config", config).to_str().unwrap().to_owned();
        let environment = vec![
            ("AWS_CONFIG_FILE", config),
            ("AWS_PROFILE", "work".to_owned()),
            ("AWS_ENDPOINT_URL", proxy.url().to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        Self {
            place,
            ends,
            environment,
        }
    }

    /// The next of these ends the session that it comes with.
    fn end_at(&self, name: &'static str) {
        self.ends.lock().unwrap().at = Some(name);
    }

    /// How often the process was asked for a session.
    fn asked(&self) -> usize {
        let asked = std::fs::read_to_string(self.place.path("aws/asked"));
        asked.map_or(0, |text| text.lines().count())
    }

    fn run(&self, arguments: &[&str]) -> Done {
        self.place.run_keyless(&self.environment, arguments)
    }

    /// A command during which the session ends, at this call.
    fn survives(&self, name: &'static str, arguments: &[&str]) {
        let before = self.asked();
        self.end_at(name);
        self.run(arguments).ok();
        assert!(self.ends.lock().unwrap().at.is_none(), "nothing asked for {name}");
        assert_eq!(self.asked() - before, 2, "{name}: a session at first, and another one");
    }
}

#[test]
fn uploads_and_downloads_go_on_with_the_next_session_wherever_the_one_before_has_ended() {
    let person = Person::new(20);
    let mut plain = vec![0; LENGTH];
    fastrand::Rng::with_seed(7).fill(&mut plain);
    person.place.write("train.bin", &plain);
    let destination = format!("s3://{BUCKET}/data/");
    let encrypt = [
        "encrypt",
        "train.bin",
        &destination,
        "--key",
        "alias/data",
        "--overwrite",
    ];
    for name in [
        "GenerateDataKey",
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    ] {
        person.survives(name, &encrypt);
    }
    assert_eq!(person.place.unfinished_uploads(BUCKET), 0);
    let source = format!("s3://{BUCKET}/data/train.bin");
    for name in ["GetObject", "Decrypt"] {
        person.survives(name, &["decrypt", &source, "-o", "out.bin", "--overwrite"]);
        assert!(std::fs::read(person.place.path("out.bin")).unwrap() == plain, "{name}");
    }
}

#[test]
fn a_list_whose_session_has_ended_is_listed_with_the_next_one_and_nothing_is_told() {
    let person = Person::new(4);
    let mut session = person.place.keyless_session(&person.environment, &[]);
    session.wait("Enabled").wait("s3://sagemaker-data/");
    for (name, number) in [("ListKeys", 2), ("ListBuckets", 3)] {
        person.end_at(name);
        session.keys("r");
        until(&format!("another session after {name}"), || {
            (person.asked() >= number).then_some(())
        });
    }
    person.place.key("another");
    session.keys("r").wait("another");
    let raw = String::from_utf8_lossy(&session.raw()).into_owned();
    for word in ["ExpiredToken", "not now", "renew the credentials"] {
        assert!(!raw.contains(word), "{word} was shown");
    }
}

#[test]
fn a_session_of_a_device_that_has_ended_wants_another_code() {
    let ends = Arc::default();
    let company = mfa::Company::at(|place| ending(place, &ends).url().to_owned());
    let mut session = company.session(&[]);
    session
        .wait("MFA code")
        .keys(mfa::RIGHT)
        .keys(ENTER)
        .gone("MFA code")
        .wait("Enabled");
    company.place.key("another");
    ends.lock().unwrap().at = Some("ListKeys");
    session
        .keys("r")
        .wait("MFA code")
        .keys(mfa::RIGHT)
        .keys(ENTER)
        .wait("another");
    assert_eq!(company.codes(), [mfa::RIGHT, mfa::RIGHT]);
}

#[test]
fn where_there_are_no_others_it_is_said_after_one_more_try() {
    let person = Person::new(0);
    let given = sessions::begin(&person.place, &person.environment[2].1);
    person.end_at("GenerateDataKey");
    person.place.write("train.csv", "x,y\n1,2\n");
    let changes = [
        ("AWS_ENDPOINT_URL", Some(&*person.environment[2].1)),
        ("AWS_ACCESS_KEY_ID", Some(&*given.access_key_id)),
        ("AWS_SECRET_ACCESS_KEY", Some(&*given.secret_access_key)),
        ("AWS_SESSION_TOKEN", Some(&*given.session_token)),
    ];
    let destination = format!("s3://{BUCKET}/data/");
    let encrypt = ["encrypt", "train.csv", &destination, "--key", "alias/data"];
    let done = person.place.run_as(&changes, &encrypt);
    done.failed(1, &["ExpiredToken", "renew the credentials"]);
    let ends = person.ends.lock().unwrap();
    let tries = ends.refused.iter().filter(|name| *name == "GenerateDataKey");
    assert_eq!(tries.count(), 2, "{:?}", ends.refused);
}

#[test]
fn an_upload_whose_session_has_ended_waits_for_a_login_where_that_has_ended_too() {
    let (ends, mut sessions) = (Arc::default(), Vec::new());
    let company = portal::Company::at(|place| {
        sessions::engineer(place);
        let proxy = ending(place, &ends);
        sessions.extend((0..2).map(|_| sessions::begin(place, proxy.url())));
        proxy.url().to_owned()
    });
    company.portal.lock().unwrap().gives.extend(sessions);
    company.agree(Ok("first-token"));
    company.run(&["login"]).ok();
    company.place.write("train.csv", "x,y\n1,2\n");
    let mut session = company.session();
    session.wait("Enabled").wait("s3://sagemaker-data/");
    session.keys("5").select("train.csv").keys("e").wait("y yes");
    company.revoke();
    ends.lock().unwrap().at = Some("PutObject");
    session
        .keys("y")
        .wait("has no valid SSO login")
        .keys(ENTER)
        .wait(portal::CODE);
    assert!(!session.text().contains("Encrypted and uploaded"), "{}", session.text());
    company.agree(Ok("second-token"));
    session.wait("Encrypted and uploaded");
    let token = |company: &portal::Company| company.kept()["accessToken"].clone();
    assert_eq!(token(&company), "second-token");
}

#[test]
fn an_upload_whose_login_is_over_before_its_end_waits_for_the_next_one() {
    let ends = Arc::default();
    let company = Company::at(|place| ending(place, &ends).url().to_owned());
    company.log_in(3600);
    company.place.write("train.csv", "x,y\n1,2\n");
    let mut session = company.session();
    session.wait("Enabled").wait("s3://sagemaker-data/");
    session.keys("5").select("train.csv").keys("e").wait("y yes");
    ends.lock().unwrap().at = Some("PutObject");
    // The file of the session says that it holds for an hour: only another one serves.
    session
        .keys("y")
        .wait(COMMAND)
        .keys(ENTER)
        .wait("There is none yet that holds");
    assert!(!session.text().contains("Encrypted and uploaded"), "{}", session.text());
    company.log_in(3600);
    session.keys(ENTER).wait("Encrypted and uploaded");
}
