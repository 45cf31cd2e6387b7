//! The dashboard as a user who lacks permissions: each of twelve by itself, and two hundred sets of them. Worker, core
//! and drawing as they are, against the sandbox; only the terminal is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use strongroom::actions;
use strongroom::app::{Effect, Event, Settings, Topic};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::worker::Worker;
use strongroom_sandbox::{Options, Sandbox};
use tokio::sync::mpsc::{self, Receiver};

use crate::desk::Desk;

/// Wide enough for AWS's sentences.
const SIZE: (u16, u16) = (200, 50);
const SETS: usize = 200;
/// Dashboards at once.
const LANES: usize = 16;
/// Nothing more is expected after so long without an event.
const QUIET: Duration = Duration::from_millis(10);
const SOON: Duration = Duration::from_secs(60);

/// A permission, and where its lack matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    action: &'static str,
    view: &'static str,
    /// Without these the view has nothing to show.
    needs: &'static [&'static str],
}

const PERMISSIONS: [Permission; 13] = [
    permission("kms:ListKeys", "keys", &[]),
    permission("kms:ListAliases", "keys", &["kms:ListKeys"]),
    permission("kms:DescribeKey", "key", &["kms:ListKeys"]),
    permission("kms:GetKeyPolicy", "policy", &["kms:ListKeys"]),
    permission("kms:ListGrants", "grants", &["kms:ListKeys"]),
    permission("s3:ListAllMyBuckets", "objects", &[]),
    permission("s3:ListBucket", "objects", &["s3:ListAllMyBuckets"]),
    permission("s3:GetObject", "object", &["s3:ListAllMyBuckets", "s3:ListBucket"]),
    permission("sagemaker:ListTrainingJobs", "jobs", &[]),
    permission("sagemaker:ListProcessingJobs", "jobs", &["sagemaker:ListTrainingJobs"]),
    permission("sagemaker:DescribeTrainingJob", "job", &["sagemaker:ListTrainingJobs"]),
    permission("logs:GetLogEvents", "log", &["sagemaker:ListTrainingJobs"]),
    permission("iam:ListRoles", "roles", &["kms:ListKeys"]),
];

const fn permission(action: &'static str, view: &'static str, needs: &'static [&'static str]) -> Permission {
    Permission { action, view, needs }
}

/// A way to look at everything: names of views, the pane that each is of, and the keys from that pane to it.
const WAY: [(&str, &str, &str); 10] = [
    ("keys", "1", ""),
    ("key", "1", "<enter>"),
    ("policy", "1", "<enter><tab>"),
    ("grants", "2", ""),
    ("roles", "2", "n"),
    ("objects", "3", ""),
    ("object", "3", "G<enter>"),
    ("jobs", "4", ""),
    ("job", "4", "<enter>"),
    ("log", "4", "l"),
];

/// A dashboard, its worker, and what it still waits for.
struct Person {
    desk: Desk,
    worker: Worker,
    events: Receiver<Event>,
    watched: BTreeSet<Topic>,
    settled: BTreeSet<Topic>,
    done: usize,
}

impl Person {
    fn sit_down(endpoint: SandboxEndpoint, folder: PathBuf) -> Self {
        let (sender, events) = mpsc::channel(1024);
        let connection = Connection {
            sandbox: Some(endpoint),
            ..Connection::default()
        };
        let worker = Worker::spawn(async move { actions::connect(&connection).await }, sender);
        let desk = Desk::with(Settings {
            region: Some("us-east-1".to_owned()),
            start_dir: folder,
            has_mouse: true,
            now: Timestamp::now(),
            size: SIZE,
            ..Settings::default()
        });
        Self {
            desk,
            worker,
            events,
            watched: BTreeSet::new(),
            settled: BTreeSet::new(),
            done: 0,
        }
    }

    /// Hands new effects to the worker.
    fn perform(&mut self) {
        for effect in &self.desk.effects[self.done..] {
            if let Effect::Watch(topics) = effect {
                self.watched = topics.iter().cloned().collect();
                self.settled.retain(|topic| self.watched.contains(topic));
            }
            self.worker.perform(effect.clone());
        }
        self.done = self.desk.effects.len();
    }

    /// Until everything that is looked at has answered or failed.
    async fn settle(&mut self) {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            self.perform();
            let is_settled = self.watched.is_subset(&self.settled);
            let pause = if is_settled { QUIET } else { SOON };
            let Ok(event) = tokio::time::timeout(pause, self.events.recv()).await else {
                let missing: Vec<_> = self.watched.difference(&self.settled).collect();
                assert!(is_settled, "{missing:?} never answered");
                return;
            };
            self.take(event.unwrap());
            assert!(tokio::time::Instant::now() < deadline, "{:?} goes on", self.watched);
        }
    }

    fn take(&mut self, event: Event) {
        match &event {
            Event::Answer { topic, last: true, .. } | Event::Failed { topic, .. } => {
                self.settled.insert(topic.clone());
            }
            _ => {}
        }
        self.desk.event(event);
    }

    /// Everything, view by view, as it is drawn.
    async fn look_around(&mut self) -> BTreeMap<&'static str, String> {
        self.settle().await;
        let mut views = BTreeMap::from([("first", self.desk.screen())]);
        for (view, pane, keys) in WAY {
            while !self.desk.state.overlays.is_empty() {
                self.desk.keys("<esc>");
            }
            self.desk.keys(pane);
            if !self.desk.state.zoom {
                self.desk.keys("z");
            }
            if !keys.is_empty() {
                self.settle().await;
                self.desk.keys(keys);
            }
            self.settle().await;
            views.insert(view, self.desk.screen());
        }
        views
    }
}

/// What a user without these permissions must be told, and nobody else.
fn judge(lacks: &BTreeSet<&str>, views: &BTreeMap<&'static str, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (view, screen) in views {
        if is_blank(screen) {
            wrong.push(format!("{view} is blank"));
        }
    }
    for permission in PERMISSIONS {
        let is_lacking = lacks.contains(permission.action);
        let is_reached = !permission.needs.iter().any(|needed| lacks.contains(needed));
        let named = times(&views[permission.view], permission.action);
        if is_lacking && is_reached && named != 1 {
            wrong.push(format!(
                "{} is named {named} times in {}",
                permission.action, permission.view
            ));
        }
        if !is_lacking {
            let claimed = views.iter().filter(|(_, screen)| times(screen, permission.action) > 0);
            wrong.extend(claimed.map(|(view, _)| format!("{} is not lacking, {view} says", permission.action)));
        }
    }
    wrong
}

/// How often a screen quotes the refusal of an action, across the ends of lines.
fn times(screen: &str, action: &str) -> usize {
    let words: Vec<&str> = screen.split(|c: char| c.is_whitespace() || c == '│').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let said = ["perform:", action];
    words.windows(2).filter(|pair| **pair == said).count()
}

/// Whether some frame on the screen holds nothing.
fn is_blank(screen: &str) -> bool {
    let grid: Vec<Vec<char>> = screen.lines().map(|line| line.chars().collect()).collect();
    let at = |row: usize, column: usize| grid.get(row).and_then(|line| line.get(column)).copied().unwrap_or(' ');
    for row in 0..grid.len() {
        for column in 0..grid[row].len() {
            if at(row, column) != '╭' {
                continue;
            }
            let right = (column + 1..grid[row].len()).find(|right| at(row, *right) == '╮');
            let bottom = (row + 1..grid.len()).find(|bottom| at(*bottom, column) == '╰');
            let (Some(right), Some(bottom)) = (right, bottom) else {
                continue;
            };
            let mut inside = (row + 1..bottom).flat_map(|row| (column + 1..right).map(move |column| (row, column)));
            if inside.all(|(row, column)| at(row, column) == ' ') {
                return true;
            }
        }
    }
    false
}

/// Users by lane, each with a policy that is put anew for every set.
struct Lane {
    iam: aws_sdk_iam::Client,
    user: String,
    endpoint: SandboxEndpoint,
}

impl Lane {
    async fn new(sandbox: &Sandbox, index: usize) -> Self {
        let (id, secret) = (sandbox.access_key_id(), sandbox.secret_access_key());
        let credentials = aws_credential_types::Credentials::new(id, secret, None, None, "test");
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
            .region(aws_sdk_iam::config::Region::new("us-east-1"))
            .endpoint_url(sandbox.endpoint_url())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(credentials)
            .build();
        let (iam, user) = (aws_sdk_iam::Client::from_conf(config), format!("limited-{index}"));
        iam.create_user().user_name(&user).send().await.unwrap();
        let key = iam.create_access_key().user_name(&user).send().await.unwrap();
        let key = key.access_key.unwrap();
        let endpoint = SandboxEndpoint {
            url: sandbox.endpoint_url().to_owned(),
            region: sandbox.region().to_owned(),
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key,
        };
        Self { iam, user, endpoint }
    }

    /// Everything but these.
    async fn without(&self, lacks: &BTreeSet<&str>) {
        let statement = match lacks.len() {
            0 => serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
            _ => serde_json::json!({"Effect": "Allow", "NotAction": lacks, "Resource": "*"}),
        };
        let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let put = self.iam.put_user_policy().user_name(&self.user).policy_name("p");
        put.policy_document(policy).send().await.unwrap();
    }
}

/// None, each by itself, and sets of any size by dice that fall the same every time.
fn sets() -> Vec<BTreeSet<&'static str>> {
    let actions = PERMISSIONS.map(|permission| permission.action);
    let mut dice = fastrand::Rng::with_seed(12);
    let mut sets = vec![BTreeSet::new()];
    sets.extend(actions.map(|action| BTreeSet::from([action])));
    sets.extend((0..SETS).map(|_| {
        let share = dice.f64();
        actions.into_iter().filter(|_| dice.f64() < share).collect()
    }));
    sets
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_permissions_reads_each_lack_once_where_it_matters_and_never_a_blank_pane() {
    let options = Options {
        empty: false,
        program: Some(PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data.csv"), "x\n1\n").unwrap();
    let queue = Arc::new(std::sync::Mutex::new(sets().into_iter()));
    let mut lanes = tokio::task::JoinSet::new();
    for index in 0..LANES {
        let (lane, queue) = (Lane::new(&sandbox, index).await, Arc::clone(&queue));
        let folder = folder.path().to_path_buf();
        lanes.spawn(async move {
            let (mut cases, mut wrong) = (0, Vec::new());
            loop {
                let Some(lacks) = queue.lock().unwrap().next() else {
                    return (cases, wrong);
                };
                lane.without(&lacks).await;
                let mut person = Person::sit_down(lane.endpoint.clone(), folder.clone());
                let views = person.look_around().await;
                person.worker.shutdown(SOON).await;
                cases += 1;
                for complaint in judge(&lacks, &views) {
                    wrong.push(format!("{complaint}, without {lacks:?}"));
                }
                if wrong.len() == 1 {
                    wrong.extend(views.into_iter().map(|(view, screen)| format!("{view}:\n{screen}")));
                }
            }
        });
    }
    let (mut cases, mut wrong) = (0, Vec::new());
    while let Some(lane) = lanes.join_next().await {
        let (done, complaints) = lane.unwrap();
        cases += done;
        wrong.extend(complaints);
    }
    sandbox.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cases, 1 + PERMISSIONS.len() + SETS);
}

#[test]
fn a_blank_frame_is_told_from_one_with_words() {
    assert!(is_blank("╭ a ─╮╭ b ─╮\n│ x  ││    │\n╰────╯╰────╯"));
    assert!(!is_blank("╭ a ─╮╭ b ─╮\n│ x  ││  y │\n╰────╯╰────╯"));
    assert_eq!(
        times(
            "│ to perform: │\n│ kms:ListKeys on, perform: kms:ListKeysX │",
            "kms:ListKeys"
        ),
        1
    );
}
