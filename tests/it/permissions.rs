//! A dashboard of whoever may only do some things: nothing breaks, no pane is blank, and each lack is named once, where it
//! matters.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use strongroom::actions::{self, Aws};
use strongroom::app::{Effect, Event, Keymap, Settings, Topic};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::worker::Worker;
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

use crate::desk::{Desk, at};
use crate::place::Place;

const BUCKET: &str = "sagemaker-permissions";
const SOON: Duration = Duration::from_secs(30);

/// What the dashboard needs, with the keys that lead to where its lack is named, and what must be allowed to get there.
const PERMISSIONS: [(&str, &str, &[&str]); 12] = [
    ("kms:ListKeys", "1z", &[]),
    ("kms:ListAliases", "1z", &["kms:ListKeys"]),
    ("kms:DescribeKey", "1<enter>", &["kms:ListKeys"]),
    ("kms:GetKeyPolicy", "1<enter><tab>", &["kms:ListKeys"]),
    ("kms:ListGrants", "2z", &["kms:ListKeys"]),
    ("s3:ListAllMyBuckets", "3z", &[]),
    ("s3:ListBucket", "3z", &["s3:ListAllMyBuckets"]),
    (
        "s3:GetObject",
        "3<end><enter>",
        &["s3:ListAllMyBuckets", "s3:ListBucket"],
    ),
    ("sagemaker:ListTrainingJobs", "4z", &[]),
    (
        "sagemaker:DescribeTrainingJob",
        "4<enter>",
        &["sagemaker:ListTrainingJobs"],
    ),
    ("logs:DescribeLogStreams", "4l", &["sagemaker:ListTrainingJobs"]),
    ("iam:ListRoles", "2n", &["kms:ListKeys"]),
];

/// A world with a key, an object and a job, and a user whose policy is changed from look to look.
struct Scene {
    place: Place,
    endpoint: SandboxEndpoint,
    iam: aws_sdk_iam::Client,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let key_arn = place.key("training");
        place.bucket(BUCKET);
        place.write("x.csv", b"x,y\n1,2\n2,4\n3,6\n4,8\n");
        let to = format!("s3://{BUCKET}/");
        place.run(&["encrypt", "x.csv", &to, "--key", "alias/training"]).ok();
        let role_arn = place.role("trainer", BUCKET);
        place.grant(&key_arn, &role_arn);
        let job = crate::walk::job("job-1", &role_arn, "x.csv");
        let job = strongroom::domain::JobSpec {
            bucket: BUCKET.to_owned(),
            output: format!("s3://{BUCKET}/output"),
            ..job
        };
        place.wait(actions::start_job(&place.aws, &job)).unwrap();
        place.run(&["watch", "job-1"]);
        let [(_, access_key_id), (_, secret_access_key)] = place.user("ann", &[]);
        let sandbox = place.sandbox.as_ref().unwrap();
        let endpoint = SandboxEndpoint {
            url: sandbox.endpoint_url().to_owned(),
            region: sandbox.region().to_owned(),
            access_key_id,
            secret_access_key,
        };
        let iam = aws_sdk_iam::Client::new(&place.sdk());
        Self { place, endpoint, iam }
    }

    /// Everything but these is allowed; looks at each place where a lack may be named.
    fn look_without(&self, lacking: &BTreeSet<&str>) {
        let allowed: Vec<&str> = PERMISSIONS
            .iter()
            .map(|(permission, ..)| *permission)
            .filter(|permission| !lacking.contains(permission))
            .chain(["logs:GetLogEvents", "kms:GetKeyRotationStatus", "kms:Decrypt"])
            .collect();
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": allowed, "Resource": "*"}
        ]});
        self.place.wait(async {
            let call = self.iam.put_user_policy().user_name("ann").policy_name("some");
            call.policy_document(policy.to_string()).send().await.unwrap();
            let mut dashboard = Dashboard::open(&self.endpoint).await;
            dashboard.settle().await;
            dashboard.no_pane_is_blank(lacking);
            for (permission, keys, needed) in PERMISSIONS {
                if needed.iter().any(|needed| lacking.contains(needed)) {
                    continue;
                }
                dashboard.desk.keys(keys);
                dashboard.settle().await;
                let screen = dashboard.desk.screen();
                let text = words(&screen);
                let named = told(&text, permission);
                let expected = usize::from(lacking.contains(permission));
                assert_eq!(named, expected, "{permission} without {lacking:?}:\n{screen}");
                dashboard.close();
            }
            dashboard.worker.shutdown(SOON).await;
        });
    }
}

/// How often a refusal of this names it. S3 answers a HEAD without words: then its status stands for the one call.
fn told(text: &str, permission: &str) -> usize {
    let wordless = if permission == "s3:GetObject" {
        "HTTP status 403"
    } else {
        "\0"
    };
    let ways = [
        format!("perform: {permission} "),
        format!("{permission} is not allowed"),
        wordless.to_owned(),
    ];
    ways.iter().map(|way| text.matches(way.as_str()).count()).sum()
}

/// A screen without its lines and line ends: names may be broken over two lines.
fn words(screen: &str) -> String {
    let lines = screen.lines().map(|line| line.trim_matches(['│', ' ']));
    lines.collect::<Vec<_>>().join(" ")
}

/// The core, the drawing and the worker, without a terminal.
struct Dashboard {
    desk: Desk,
    worker: Worker,
    events: Receiver<Event>,
    performed: usize,
    watched: HashSet<Topic>,
    answered: HashSet<Topic>,
}

impl Dashboard {
    async fn open(endpoint: &SandboxEndpoint) -> Self {
        let connection = Connection {
            sandbox: Some(endpoint.clone()),
            ..Connection::default()
        };
        let aws: Aws = actions::connect(&connection).await.unwrap();
        let (sender, events) = mpsc::channel(1024);
        let worker = Worker::spawn(async move { Ok(aws) }, sender);
        let desk = Desk::with(Settings {
            profile: None,
            region: Some(endpoint.region.clone()),
            endpoint: None,
            sandbox: true,
            read_only: false,
            start_dir: PathBuf::from("/"),
            consents: BTreeSet::new(),
            keymap: Keymap::default(),
            now: at(0),
            size: (160, 50),
        });
        Self {
            desk,
            worker,
            events,
            performed: 0,
            watched: HashSet::new(),
            answered: HashSet::new(),
        }
    }

    /// Until everything on screen has been answered, or refused.
    async fn settle(&mut self) {
        loop {
            for effect in &self.desk.effects[self.performed..] {
                if let Effect::Watch(topics) = effect {
                    self.watched = topics.iter().cloned().collect();
                    self.answered.retain(|topic| self.watched.contains(topic));
                }
                self.worker.perform(effect.clone());
            }
            self.performed = self.desk.effects.len();
            if self.watched.is_subset(&self.answered) {
                return;
            }
            let event = timeout(SOON, self.events.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("{:?}", self.watched.difference(&self.answered)));
            let event = event.unwrap();
            if let Event::Answer { topic, last: true, .. } | Event::Failed { topic, .. } = &event {
                self.answered.insert(topic.clone());
            }
            self.desk.event(event);
            // Late answers change nothing that counts as a message.
            let said = self
                .desk
                .state
                .messages
                .newest_first()
                .map(|message| message.text.clone());
            let said: Vec<String> = said.collect();
            assert_eq!(said.len(), said.iter().collect::<HashSet<_>>().len(), "{said:?}");
        }
    }

    /// Back to all panes.
    fn close(&mut self) {
        while !self.desk.state.overlays.is_empty() {
            self.desk.keys("<esc>");
        }
        if self.desk.state.zoom {
            self.desk.keys("z");
        }
    }

    /// Every pane has rows, or says why it has none.
    fn no_pane_is_blank(&mut self, lacking: &BTreeSet<&str>) {
        for pane in ["1", "2", "3", "4", "5"] {
            let screen = self.desk.keys(pane).keys("z").screen();
            let inside = screen
                .lines()
                .skip(2)
                .take(45)
                .filter(|line| line.trim_matches(['│', ' ']).len() > 3);
            assert!(inside.count() > 1, "pane {pane} without {lacking:?}:\n{screen}");
            self.desk.keys("z");
        }
    }
}

#[test]
fn with_everything_allowed_nothing_is_said_to_be_lacking() {
    Scene::new().look_without(&BTreeSet::new());
}

#[test]
fn each_permission_taken_away_is_named_once_where_it_matters_and_no_pane_is_blank() {
    let scene = Scene::new();
    for (permission, ..) in PERMISSIONS {
        scene.look_without(&BTreeSet::from([permission]));
    }
}

/// `STRONGROOM_TEST_SUBSETS` says how many.
#[test]
fn any_permissions_taken_away_together_are_each_named_once() {
    let scene = Scene::new();
    let subsets = std::env::var("STRONGROOM_TEST_SUBSETS")
        .ok()
        .and_then(|count| count.parse().ok());
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..subsets.unwrap_or(200) {
        let lacking = PERMISSIONS
            .iter()
            .map(|(permission, ..)| *permission)
            .filter(|_| dice.bool());
        scene.look_without(&lacking.collect());
    }
}
