//! A dashboard without a terminal: the core and its drawing, a small world to show, keys typed as a string.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use strongroom::app::{Consent, Effect, Event, KeyCode, KeyPress, OpEvent, OpId, Page, Settings, State, Topic, update};
use strongroom::domain::{
    AwsContext, BucketRow, Channel, Fault, FaultKind, FileRow, Grant, Identity, InterruptedUpload, Job, JobDetail,
    JobKind, JobSettings, JobStatus, KeyDetail, KeyManager, KeyState, KmsKey, LogLine, ObjectFormat, ObjectInfo,
    ObjectRow, Outcome, Progress, RoleSummary, Transition,
};
use strongroom::ui::{Theme, render};

pub(crate) const BUCKET: &str = "sagemaker-us-east-1-111122223333";
const NOW: i64 = 1_790_000_000;

/// The dashboard and everything that it asked for.
pub(crate) struct Desk {
    pub(crate) state: State,
    pub(crate) effects: Vec<Effect>,
    pub(crate) theme: Theme,
    walk: u64,
}

impl Desk {
    /// Before anything has answered.
    pub(crate) fn new(size: (u16, u16)) -> Self {
        Self::with(Settings {
            context: AwsContext {
                profile: Some("research".to_owned()),
                ..AwsContext::default()
            },
            region: Some("us-east-1".to_owned()),
            start_dir: PathBuf::from("/data"),
            consents: BTreeSet::from([consent(&arn("11111111-0000-0000-0000-000000000001"))]),
            has_mouse: true,
            now: at(0),
            size,
            ..Settings::default()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (state, effects) = State::new(settings);
        Self {
            state,
            effects,
            theme: Theme::new(strongroom::app::ThemeName::Terminal, strongroom::ui::Abilities::ALL),
            walk: 0,
        }
    }

    /// With a small world on screen, and the cursor put on the key `training-data`.
    pub(crate) fn filled(size: (u16, u16)) -> Self {
        let mut desk = Self::untouched(size);
        desk.keys("jj");
        desk.grants();
        desk
    }

    /// With a small world on screen; nothing was pressed yet.
    pub(crate) fn untouched(size: (u16, u16)) -> Self {
        let mut desk = Self::new(size);
        desk.answer(
            Topic::Identity,
            Page::Identity(Identity {
                arn: "arn:aws:sts::111122223333:assumed-role/Researcher/ann".to_owned(),
                account: "111122223333".to_owned(),
            }),
        );
        desk.answer(Topic::Keys, Page::Keys(keys()));
        desk.details();
        desk.answer(Topic::Buckets, Page::Buckets(vec![bucket("logs"), bucket(BUCKET)]));
        desk.objects(objects());
        desk.answer(Topic::Jobs, Page::Jobs(jobs()));
        desk.answer(
            Topic::Files(PathBuf::from("/data")),
            Page::Files {
                dir: PathBuf::from("/data"),
                rows: files(),
            },
        );
        desk.grants();
        desk
    }

    /// Answers with the grants of the selected key.
    fn grants(&mut self) {
        let arn = self.state.key().unwrap().arn.clone();
        self.answer(Topic::Grants(arn.clone()), Page::Grants(vec![grant(&arn)]));
    }

    pub(crate) fn event(&mut self, event: Event) -> &mut Self {
        self.effects.extend(update(&mut self.state, event));
        self
    }

    /// A whole answer, newer than all before.
    pub(crate) fn answer(&mut self, topic: Topic, page: Page) -> &mut Self {
        self.walk += 1;
        self.event(Event::Answer {
            topic,
            walk: self.walk,
            first: true,
            last: true,
            at: self.state.now,
            page,
        })
    }

    pub(crate) fn fail(&mut self, topic: Topic, fault: Fault) -> &mut Self {
        self.walk += 1;
        self.event(Event::Failed {
            topic,
            walk: self.walk,
            at: self.state.now,
            fault,
            retry_at: None,
        })
    }

    /// Answers what is asked about keys that nobody has looked at yet.
    fn details(&mut self) {
        let asked = |topic: &Topic| match topic {
            Topic::Key(arn) => Some(arn.clone()),
            _ => None,
        };
        while let Some(arn) = self.watched(asked) {
            let detail = detail(&arn);
            let page = described(&arn, detail);
            self.answer(Topic::Key(arn), page);
        }
    }

    pub(crate) fn objects(&mut self, rows: Vec<ObjectRow>) {
        let topic = Topic::Objects {
            bucket: BUCKET.to_owned(),
            prefix: String::new(),
        };
        self.answer(topic, Page::Objects(rows));
    }

    /// The topics that are wanted.
    pub(crate) fn topics(&self) -> &[Topic] {
        let topics = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Watch(topics) => Some(topics),
            _ => None,
        });
        topics.unwrap()
    }

    /// The topic that is picked.
    pub(crate) fn watched<T>(&self, pick: impl Fn(&Topic) -> Option<T>) -> Option<T> {
        self.topics().iter().find_map(pick)
    }

    /// Types keys: characters as they are, others as `<enter>`, `<ctrl-c>`.
    pub(crate) fn keys(&mut self, typed: &str) -> &mut Self {
        let mut rest = typed;
        while let Some(first) = rest.chars().next() {
            let (press, taken) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((name, _)) => (named(name), name.len() + 2),
                None => (plain(KeyCode::Char(first)), first.len_utf8()),
            };
            rest = &rest[taken..];
            self.event(Event::Key(press));
        }
        self
    }

    pub(crate) fn tick(&mut self, seconds: i64) -> &mut Self {
        self.event(Event::Tick(at(seconds)))
    }

    pub(crate) fn progress(&mut self, id: u64, bytes: u64, total: u64) -> &mut Self {
        self.event(Event::Op {
            id: OpId(id),
            event: OpEvent::Progress(Progress {
                phase: "uploading".to_owned(),
                bytes,
                total: Some(total),
                ..Progress::default()
            }),
        })
    }

    pub(crate) fn done(&mut self, id: u64, outcome: Outcome) -> &mut Self {
        self.event(Event::Op {
            id: OpId(id),
            event: OpEvent::Done(Box::new(outcome)),
        })
    }

    pub(crate) fn failed(&mut self, id: u64, fault: Fault) -> &mut Self {
        self.event(Event::Op {
            id: OpId(id),
            event: OpEvent::Failed(fault),
        })
    }

    /// The requests started so far.
    pub(crate) fn started(&self) -> Vec<strongroom::domain::Request> {
        let requests = self.effects.iter().filter_map(|effect| match effect {
            Effect::Start { request, .. } => Some(request.clone()),
            _ => None,
        });
        requests.collect()
    }

    /// The screen.
    pub(crate) fn buffer(&self) -> Buffer {
        let (cols, rows) = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(cols, rows)).unwrap();
        terminal.draw(|frame| render(&self.state, &self.theme, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text.
    pub(crate) fn screen(&self) -> String {
        let buffer = self.buffer();
        let width = usize::from(buffer.area.width).max(1);
        let cells: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        let lines = cells.chunks(width).map(|line| line.concat().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn plain(code: KeyCode) -> KeyPress {
    KeyPress {
        code,
        ctrl: false,
        alt: false,
        shift: false,
    }
}

fn named(name: &str) -> KeyPress {
    if let Some(letter) = name.strip_prefix("ctrl-") {
        return KeyPress {
            ctrl: true,
            ..plain(KeyCode::Char(letter.chars().next().unwrap()))
        };
    }
    if let Some(name) = name.strip_prefix("alt-") {
        let mut characters = name.chars();
        let press = match (characters.next(), characters.next()) {
            (Some(character), None) => plain(KeyCode::Char(character)),
            _ => named(name),
        };
        return KeyPress { alt: true, ..press };
    }
    plain(match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "delete" => KeyCode::Delete,
        "backspace" => KeyCode::Backspace,
        "pgdown" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        other => panic!("no key {other}"),
    })
}

pub(crate) fn interrupted(id: &str) -> InterruptedUpload {
    InterruptedUpload {
        id: id.to_owned(),
        paths: vec![PathBuf::from(format!("/data/{id}.csv"))],
        destination: format!("s3://{BUCKET}/"),
        started: at(0),
        files: 1,
        files_done: 0,
        bytes: 5 << 20,
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

pub(crate) fn fault(kind: FaultKind, act: &str, cause: &str) -> Fault {
    Fault::new(kind, act, "", cause, "ask for the permission")
}

/// To the bucket that is opened first, under this key.
pub(crate) fn consent(key: &str) -> Consent {
    Consent {
        account: "111122223333".to_owned(),
        key: key.to_owned(),
        destination: format!("{BUCKET}/"),
    }
}

pub(crate) fn arn(id: &str) -> String {
    format!("arn:aws:kms:us-east-1:111122223333:key/{id}")
}

fn keys() -> Vec<KmsKey> {
    let key = |id: &str, aliases: &[&str]| KmsKey {
        id: id.to_owned(),
        arn: arn(id),
        aliases: aliases.iter().map(|alias| format!("alias/{alias}")).collect(),
        detail: None,
    };
    vec![
        key("33333333-0000-0000-0000-000000000003", &[]),
        key("11111111-0000-0000-0000-000000000001", &["training-data", "td"]),
        key("22222222-0000-0000-0000-000000000002", &["legacy-datasets"]),
        key("44444444-0000-0000-0000-000000000004", &["decommissioned"]),
    ]
}

pub(crate) fn detail(arn: &str) -> KeyDetail {
    let state = match arn.as_bytes()[arn.len() - 1] {
        b'2' => KeyState::Disabled,
        b'4' => KeyState::PendingDeletion,
        _ => KeyState::Enabled,
    };
    KeyDetail {
        description: "What the models are trained on".to_owned(),
        deletion: (state == KeyState::PendingDeletion).then(|| at(12 * 86_400)),
        state,
        manager: KeyManager::Customer,
        spec: "SYMMETRIC_DEFAULT".to_owned(),
        usage: "ENCRYPT_DECRYPT".to_owned(),
        origin: "AWS_KMS".to_owned(),
        created: Some(at(-90 * 86_400)),
        rotation: Some(true),
        multi_region: false,
    }
}

/// The answer about a key.
pub(crate) fn described(arn: &str, detail: KeyDetail) -> Page {
    Page::Key(KmsKey {
        id: arn.rsplit('/').next().unwrap().to_owned(),
        arn: arn.to_owned(),
        aliases: Vec::new(),
        detail: Some(detail),
    })
}

pub(crate) fn grant(key_arn: &str) -> Grant {
    Grant {
        id: "0123456789abcdef".repeat(4),
        key_arn: key_arn.to_owned(),
        name: Some("strongroom-train-1".to_owned()),
        grantee: "arn:aws:iam::111122223333:role/example-role".to_owned(),
        retiring: None,
        operations: vec!["Decrypt".to_owned(), "Encrypt".to_owned()],
        constraint: None,
        created: Some(at(-3600)),
    }
}

pub(crate) fn bucket(name: &str) -> BucketRow {
    BucketRow {
        name: name.to_owned(),
        created: Some(at(-86_400)),
    }
}

pub(crate) fn object(key: &str, format: ObjectFormat, under: Option<&str>) -> ObjectRow {
    ObjectRow::Object {
        key: key.to_owned(),
        size: 14_028,
        modified: Some(at(-7200)),
        etag: Some("5d41402abc4b2a76b9719d911017c592".to_owned()),
        info: Some(Box::new(ObjectInfo {
            format,
            refuted: Vec::new(),
            kms_key_arn: under.map(arn),
            data_key_uri: under.map(|_| format!("s3://{BUCKET}/.strongroom/data-keys/6f0c")),
            name: under.map(|_| key.to_owned()),
            prefix: under.map(|_| String::new()),
            plaintext_bytes: under.map(|_| 10_444),
            context: Vec::new(),
            metadata: Vec::new(),
            content_type: Some("application/octet-stream".to_owned()),
        })),
    }
}

pub(crate) fn objects() -> Vec<ObjectRow> {
    vec![
        ObjectRow::Prefix {
            prefix: "output/".to_owned(),
        },
        object("dont_look", ObjectFormat::KeyObject, None),
        object(
            "housing.csv",
            ObjectFormat::Strongroom,
            Some("11111111-0000-0000-0000-000000000001"),
        ),
        object(
            "other.csv",
            ObjectFormat::Strongroom,
            Some("33333333-0000-0000-0000-000000000003"),
        ),
        object("readme.txt", ObjectFormat::Plain, None),
    ]
}

pub(crate) fn role(name: &str, trusts_sagemaker: bool) -> RoleSummary {
    RoleSummary {
        name: name.to_owned(),
        arn: format!("arn:aws:iam::111122223333:role/{name}"),
        trusts_sagemaker,
    }
}

pub(crate) fn job(name: &str, status: JobStatus, secondary: &str, created: i64) -> Job {
    let ended = (!status.is_active()).then(|| at(created + 185));
    let failure = (status == JobStatus::Failed).then(|| {
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/example-role/SageMaker is not authorized to \
         perform: kms:Decrypt"
            .to_owned()
    });
    Job {
        kind: JobKind::Training,
        name: name.to_owned(),
        arn: format!("arn:aws:sagemaker:us-east-1:111122223333:training-job/{name}"),
        status,
        secondary: Some(secondary.to_owned()),
        created: Some(at(created)),
        modified: Some(at(created + 100)),
        ended,
        detail: Some(Box::new(JobDetail {
            role_arn: role("example-role", true).arn,
            image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest".to_owned(),
            instance_type: "ml.m5.large".to_owned(),
            instance_count: 1,
            volume_gb: 10,
            settings: JobSettings::default(),
            command: Vec::new(),
            channels: vec![Channel {
                name: "train".to_owned(),
                uri: format!("s3://{BUCKET}/housing.csv"),
            }],
            output: Some(format!("s3://{BUCKET}/output")),
            model: None,
            hyperparameters: BTreeMap::from([("kms_key_id".to_owned(), arn("11111111-0000-0000-0000-000000000001"))]),
            failure,
            message: None,
            transitions: vec![Transition {
                status: "Starting".to_owned(),
                start: Some(at(created)),
                end: Some(at(created + 42)),
                message: "Preparing the instances for training".to_owned(),
            }],
            billable_seconds: Some(143),
            training_seconds: Some(143),
            max_runtime: Some(3600),
            metrics: vec![("loss".to_owned(), 0.25)],
        })),
        progress: None,
    }
}

fn jobs() -> Vec<Job> {
    vec![
        job("train-20260921-1", JobStatus::InProgress, "Downloading", -75),
        job("train-20260920-2", JobStatus::Completed, "Completed", -90_000),
        job("train-20260920-1", JobStatus::Failed, "Failed", -93_000),
    ]
}

pub(crate) fn file(name: &str, size: u64) -> FileRow {
    FileRow {
        name: name.to_owned(),
        path: PathBuf::from("/data").join(name),
        is_dir: size == 0,
        is_link: false,
        size,
        modified: Some(at(-600)),
    }
}

fn files() -> Vec<FileRow> {
    vec![file("raw", 0), file("housing.csv", 10_444), file("images.tar", 4 << 30)]
}

pub(crate) fn log_line(text: &str) -> LogLine {
    LogLine {
        at: Some(at(0)),
        stream: "algo-1".to_owned(),
        text: text.to_owned(),
    }
}
