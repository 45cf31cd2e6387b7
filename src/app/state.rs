//! Everything the dashboard knows, and the one function that changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;

use super::story::{self, Choice, Log};
use super::table::Table;
use super::{Effect, Event, KeyCode, KeyPress, OpEvent, OpId, Page, Topic};
use crate::domain::{
    BucketRow, Fault, FileRow, Grant, Identity, KeyState, KmsKey, ObjectRow, Outcome, Progress, Request, RoleSummary,
    TrainingJob,
};

/// What a session starts with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The profile's name, if one was chosen.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// An endpoint of its own.
    pub endpoint: Option<String>,
    /// Whether AWS is the embedded one.
    pub sandbox: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// The folder that the files pane shows first.
    pub start_dir: PathBuf,
    /// Account and destination pairs that were agreed to before.
    pub consents: BTreeSet<(String, String)>,
    /// The time.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// The five panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of panes")]
pub enum Pane {
    Keys,
    Grants,
    Objects,
    Jobs,
    Files,
}

impl Pane {
    /// In the order of their digits.
    pub const ALL: [Self; 5] = [Self::Keys, Self::Grants, Self::Objects, Self::Jobs, Self::Files];
}

/// A question that must be answered before its order is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// The question.
    pub question: String,
    /// What happens on yes.
    pub then: Then,
}

/// What an agreed question does.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Performs a request, remembering a destination first if it is new.
    Start(Box<Request>, Option<(String, String)>),
    /// Cancels everything and leaves.
    Leave,
}

/// An operation in flight.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id.
    pub id: OpId,
    /// What it does, in words.
    pub title: String,
    /// How far it is.
    pub progress: Progress,
}

/// Everything the dashboard knows.
#[derive(Debug)]
pub struct State {
    /// What the session started with.
    pub settings: Settings,
    /// The time.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The pane with the cursor.
    pub focus: Pane,
    /// Who we are.
    pub identity: Option<Identity>,
    /// KMS keys.
    pub keys: Table<KmsKey>,
    /// Grants of the selected key.
    pub grants: Table<Grant>,
    /// Buckets.
    pub buckets: Table<BucketRow>,
    /// Objects at `place`.
    pub objects: Table<ObjectRow>,
    /// The open bucket and prefix; `None` shows the buckets.
    pub place: Option<(String, String)>,
    /// Training jobs.
    pub jobs: Table<TrainingJob>,
    /// Local files of `dir`.
    pub files: Table<FileRow>,
    /// The folder shown.
    pub dir: PathBuf,
    /// Operations in flight.
    pub operations: Vec<Operation>,
    /// What happened, newest last.
    pub messages: Vec<String>,
    /// Whether the newest message is still to be read.
    pub unread: bool,
    /// The open question.
    pub confirm: Option<Confirm>,
    /// Roles that a grant or a job may name.
    pub roles: Vec<RoleSummary>,
    /// The role being chosen.
    pub choice: Option<Choice>,
    /// The log on screen.
    pub log: Option<Log>,
    /// Whether the keys are explained.
    pub help: bool,
    watched: Vec<Topic>,
    grants_of: Option<String>,
    opened_once: bool,
    next_op: u64,
    leaving: bool,
}

impl State {
    /// The first state, and what to ask first.
    pub fn new(settings: Settings) -> (Self, Vec<Effect>) {
        let mut state = Self {
            now: settings.now,
            size: settings.size,
            dir: settings.start_dir.clone(),
            settings,
            focus: Pane::Keys,
            identity: None,
            keys: Table::default(),
            grants: Table::default(),
            buckets: Table::default(),
            objects: Table::default(),
            place: None,
            jobs: Table::default(),
            files: Table::default(),
            operations: Vec::new(),
            messages: Vec::new(),
            unread: false,
            confirm: None,
            roles: Vec::new(),
            choice: None,
            log: None,
            help: false,
            watched: Vec::new(),
            grants_of: None,
            opened_once: false,
            next_op: 1,
            leaving: false,
        };
        let mut effects = Vec::new();
        state.rewatch(&mut effects);
        (state, effects)
    }

    /// Whether something on screen depends on the time.
    pub fn needs_tick(&self) -> bool {
        true
    }

    /// Whether it is leaving, as soon as nothing is in flight.
    pub fn exiting(&self) -> bool {
        self.leaving
    }

    /// How many operations are in flight.
    pub fn operations_in_flight(&self) -> usize {
        self.operations.len()
    }

    fn rewatch(&mut self, effects: &mut Vec<Effect>) {
        let key = self.keys.current().map(|key| key.arn.clone());
        if key != self.grants_of {
            self.grants = Table::default();
            self.grants_of.clone_from(&key);
        }
        let mut topics = vec![
            Topic::Identity,
            Topic::Keys,
            Topic::Buckets,
            Topic::Jobs,
            Topic::Files(self.dir.clone()),
        ];
        let rows = usize::from(self.size.1);
        let near = |selected: usize| selected.saturating_sub(rows)..selected.saturating_add(rows);
        let unknown: Vec<String> = window(&self.keys.rows, near(self.keys.selected))
            .iter()
            .filter(|key| key.detail.is_none())
            .map(|key| key.arn.clone())
            .collect();
        if !unknown.is_empty() {
            topics.push(Topic::KeyDetails(unknown));
        }
        topics.extend(key.map(Topic::Grants));
        if let Some((bucket, prefix)) = &self.place {
            topics.push(Topic::Objects {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
            });
            let keys: Vec<String> = window(&self.objects.rows, near(self.objects.selected))
                .iter()
                .filter(|row| matches!(row, ObjectRow::Object { info: None, .. }))
                .map(|row| row.key().to_owned())
                .collect();
            if !keys.is_empty() {
                topics.push(Topic::ObjectInfos {
                    bucket: bucket.clone(),
                    keys,
                });
            }
        }
        topics.extend(self.jobs.current().map(|job| Topic::Job(job.name.clone())));
        if self.choice.is_some() {
            topics.push(Topic::Roles);
        }
        topics.extend(self.log.as_ref().map(|log| Topic::Log(log.job.clone())));
        if topics != self.watched {
            self.watched.clone_from(&topics);
            effects.push(Effect::Watch(topics));
        }
    }

    pub(super) fn say(&mut self, text: String) {
        self.messages.push(text);
        self.unread = true;
    }

    pub(super) fn start(&mut self, request: Request, title: String, effects: &mut Vec<Effect>) {
        if self.settings.read_only {
            self.say("This session is read-only: start strongroom without --read-only to change anything.".to_owned());
            return;
        }
        let id = OpId(self.next_op);
        self.next_op += 1;
        self.operations.push(Operation {
            id,
            title,
            progress: Progress::default(),
        });
        effects.push(Effect::Start { id, request });
    }
}

fn window<T>(rows: &[T], range: std::ops::Range<usize>) -> &[T] {
    let end = range.end.min(rows.len());
    &rows[range.start.min(end)..end]
}

/// Takes in what happened; returns what to do.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::Key(key) => press(state, key, &mut effects),
        Event::Resize { cols, rows } => state.size = (cols, rows),
        Event::Tick(now) => state.now = now,
        Event::Asking(topic) => asking(state, &topic),
        Event::Answer {
            topic,
            walk,
            first,
            last,
            at,
            page,
        } if state.watched.contains(&topic) => {
            answer(state, page, (walk, first, last, at));
        }
        Event::Failed { topic, walk, fault, .. } if state.watched.contains(&topic) => {
            failed(state, &topic, walk, fault);
        }
        Event::Op { id, event } => operation(state, id, event, &mut effects),
        Event::Terminate => leave(state, &mut effects),
        Event::Paste(_) | Event::Answer { .. } | Event::Failed { .. } => {}
    }
    state.rewatch(&mut effects);
    effects
}

fn asking(state: &mut State, topic: &Topic) {
    match topic {
        Topic::Keys => state.keys.asking(),
        Topic::Grants(_) => state.grants.asking(),
        Topic::Buckets => state.buckets.asking(),
        Topic::Objects { .. } => state.objects.asking(),
        Topic::Jobs => state.jobs.asking(),
        Topic::Files(_) => state.files.asking(),
        _ => {}
    }
}

fn answer(state: &mut State, page: Page, (walk, first, last, at): (u64, bool, bool, Timestamp)) {
    match page {
        Page::Identity(identity) => state.identity = Some(identity),
        Page::Keys(rows) => state.keys.answer(walk, first, last, at, rows),
        Page::KeyDetails(details) => {
            for (arn, detail) in details {
                if let (Ok(detail), Some(key)) = (detail, state.keys.rows.iter_mut().find(|key| key.arn == arn)) {
                    key.detail = Some(detail);
                }
            }
        }
        Page::Grants(rows) => state.grants.answer(walk, first, last, at, rows),
        Page::Buckets(rows) => {
            state.buckets.answer(walk, first, last, at, rows);
            if last && !state.opened_once {
                state.opened_once = true;
                state.place = state
                    .buckets
                    .rows
                    .iter()
                    .find(|bucket| bucket.name.starts_with("sagemaker"))
                    .map(|bucket| (bucket.name.clone(), String::new()));
            }
        }
        Page::Objects(rows) => state.objects.answer(walk, first, last, at, rows),
        Page::ObjectInfos(infos) => {
            for (key, found) in infos {
                let row = state.objects.rows.iter_mut().find(|row| row.key() == key);
                if let (Ok(found), Some(ObjectRow::Object { info, .. })) = (found, row) {
                    *info = Some(Box::new(found));
                }
            }
        }
        Page::Jobs(rows) => state.jobs.answer(walk, first, last, at, rows),
        Page::JobsChanged(rows) => rows.into_iter().rev().for_each(|job| state.jobs.merge(job)),
        Page::Job(job) => state.jobs.merge(*job),
        Page::Files { rows, .. } => state.files.answer(walk, first, last, at, rows),
        Page::Log(lines) => {
            if let Some(log) = &mut state.log {
                log.append(lines);
            }
        }
        Page::Roles(rows) if first => state.roles = rows,
        Page::Roles(rows) => state.roles.extend(rows),
        Page::KeyPolicy(_) => {}
    }
}

fn failed(state: &mut State, topic: &Topic, walk: u64, fault: Fault) {
    match topic {
        Topic::Keys => state.keys.failed(walk, fault),
        Topic::Grants(_) => state.grants.failed(walk, fault),
        Topic::Buckets => state.buckets.failed(walk, fault),
        Topic::Objects { .. } => state.objects.failed(walk, fault),
        Topic::Jobs => state.jobs.failed(walk, fault),
        Topic::Files(_) => state.files.failed(walk, fault),
        _ => state.say(fault.to_string()),
    }
}

fn operation(state: &mut State, id: OpId, event: OpEvent, effects: &mut Vec<Effect>) {
    let Some(index) = state.operations.iter().position(|operation| operation.id == id) else {
        return;
    };
    match event {
        OpEvent::Progress(progress) => {
            state.operations[index].progress = progress;
            return;
        }
        OpEvent::Done(outcome) => {
            let title = state.operations.remove(index).title;
            let text = match *outcome {
                Outcome::Encrypted { uris, .. } => {
                    format!("Encrypted and uploaded {}.", uris.join(", "))
                }
                Outcome::Verified { verdicts } => verdicts
                    .iter()
                    .map(|verdict| match &verdict.error {
                        None if verdict.intact => format!("{} is intact.", verdict.source),
                        None => format!("{} is not intact.", verdict.source),
                        Some(error) => format!("{} is not intact: {error}.", verdict.source),
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
                Outcome::Granted { .. } => {
                    "Granted. Train with it: choose an encrypted object (3) and press t.".to_owned()
                }
                Outcome::JobStarted { name } => {
                    story::show_job(state, &name);
                    format!("Started {name}; l shows its log.")
                }
                Outcome::Decrypted { path, bytes, bound } => {
                    let proof = if bound { "name and metadata proved" } else { "unbound" };
                    format!("Decrypted {bytes} bytes to {} ({proof}).", path.display())
                }
                _ => format!("Done: {title}."),
            };
            state.say(text);
            effects.push(Effect::Refresh(state.watched.clone()));
        }
        OpEvent::Failed(fault) => {
            state.operations.remove(index);
            state.say(fault.to_string());
        }
    }
    if state.leaving && state.operations.is_empty() {
        effects.push(Effect::Quit);
    }
}

fn leave(state: &mut State, effects: &mut Vec<Effect>) {
    state.leaving = true;
    if state.operations.is_empty() {
        effects.push(Effect::Quit);
    }
    effects.extend(state.operations.iter().map(|operation| Effect::Cancel(operation.id)));
}

fn press(state: &mut State, key: KeyPress, effects: &mut Vec<Effect>) {
    if key.ctrl {
        match key.code {
            KeyCode::Char('c') if state.confirm.is_some() => leave(state, effects),
            KeyCode::Char('c') => quit(state, effects),
            KeyCode::Char('z') => effects.push(Effect::Suspend),
            KeyCode::Char('l') => effects.push(Effect::Redraw),
            _ => {}
        }
        return;
    }
    if let Some(confirm) = state.confirm.take() {
        match key.code {
            KeyCode::Char('y') => match confirm.then {
                Then::Leave => leave(state, effects),
                Then::Start(request, consent) => {
                    if let Some((account, destination)) = consent {
                        state.settings.consents.insert((account.clone(), destination.clone()));
                        effects.push(Effect::Remember { account, destination });
                    }
                    let title = title(&request);
                    state.start(*request, title, effects);
                }
            },
            KeyCode::Char('n') | KeyCode::Esc => {}
            _ => state.confirm = Some(confirm),
        }
        return;
    }
    if let Some(choice) = state.choice.take() {
        story::chosen(state, choice, key.code, effects);
        return;
    }
    if state.help || state.log.is_some() {
        state.help = false;
        state.log = None;
        return;
    }
    match key.code {
        KeyCode::Char(digit @ '1'..='5') => state.focus = Pane::ALL[usize::from(digit as u8 - b'1')],
        KeyCode::Tab => {
            let at = Pane::ALL.iter().position(|pane| *pane == state.focus).unwrap_or(0);
            state.focus = Pane::ALL[(at + 1) % Pane::ALL.len()];
        }
        KeyCode::Down | KeyCode::Char('j') => step(state, 1),
        KeyCode::Up | KeyCode::Char('k') => step(state, -1),
        KeyCode::PageDown => step(state, 10),
        KeyCode::PageUp => step(state, -10),
        KeyCode::Home => step(state, isize::MIN),
        KeyCode::End | KeyCode::Char('G') => step(state, isize::MAX),
        KeyCode::Enter => enter(state),
        KeyCode::Esc => back(state),
        KeyCode::Char('r') => effects.push(Effect::Refresh(state.watched.clone())),
        KeyCode::Char('e') => encrypt(state, effects),
        KeyCode::Char('v') => verify(state, effects),
        KeyCode::Char('n' | 't') => story::choose(state),
        KeyCode::Char('l') => story::open_log(state),
        KeyCode::Char('d') => story::decrypt(state),
        KeyCode::Char('x') => remove(state),
        KeyCode::Char('?') => state.help = true,
        KeyCode::Char('q') => quit(state, effects),
        _ => {}
    }
}

fn quit(state: &mut State, effects: &mut Vec<Effect>) {
    if state.operations.is_empty() {
        leave(state, effects);
    } else {
        let question = format!("{} in flight. Cancel and quit?", state.operations.len());
        state.confirm = Some(Confirm {
            question,
            then: Then::Leave,
        });
    }
}

fn step(state: &mut State, by: isize) {
    match state.focus {
        Pane::Keys => state.keys.step(by),
        Pane::Grants => state.grants.step(by),
        Pane::Objects if state.place.is_none() => state.buckets.step(by),
        Pane::Objects => state.objects.step(by),
        Pane::Jobs => state.jobs.step(by),
        Pane::Files => state.files.step(by),
    }
}

fn enter(state: &mut State) {
    match (state.focus, &mut state.place) {
        (Pane::Objects, None) => {
            if let Some(bucket) = state.buckets.current() {
                state.place = Some((bucket.name.clone(), String::new()));
                state.objects = Table::default();
            }
        }
        (Pane::Objects, Some((_, at))) => {
            if let Some(ObjectRow::Prefix { prefix }) = state.objects.current() {
                at.clone_from(prefix);
                state.objects = Table::default();
            }
        }
        (Pane::Files, _) => {
            if let Some(file) = state.files.current().filter(|file| file.is_dir) {
                state.dir.clone_from(&file.path);
                state.files = Table::default();
            }
        }
        _ => {}
    }
}

fn back(state: &mut State) {
    if state.unread {
        state.unread = false;
    } else if state.focus == Pane::Files {
        if state.dir.pop() {
            state.files = Table::default();
        }
    } else if state.focus == Pane::Objects
        && let Some((_, prefix)) = &mut state.place
    {
        if prefix.is_empty() {
            state.place = None;
        } else {
            let parent = prefix.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
            prefix.truncate(parent);
        }
        state.objects = Table::default();
    }
}

fn encrypt(state: &mut State, effects: &mut Vec<Effect>) {
    let (Some(file), Some(key), Some((bucket, prefix))) =
        (state.files.current(), state.keys.current(), state.place.clone())
    else {
        state.say("To encrypt, choose a key (1), open a bucket (3) and choose a file (5).".to_owned());
        return;
    };
    if let Some(detail) = &key.detail
        && detail.state != KeyState::Enabled
    {
        let text = format!(
            "The key {} is {}: choose one that is Enabled.",
            key.name(),
            detail.state.as_str()
        );
        state.say(text);
        return;
    }
    let destination = format!("{bucket}/{prefix}");
    let account = state
        .identity
        .as_ref()
        .map(|identity| identity.account.clone())
        .unwrap_or_default();
    let exists = state
        .objects
        .rows
        .iter()
        .any(|row| row.key() == format!("{prefix}{}", file.name));
    let first = !state.settings.sandbox
        && !state
            .settings
            .consents
            .contains(&(account.clone(), destination.clone()));
    let question = match (exists, first) {
        (true, _) => format!("s3://{destination}{} exists. Replace it?", file.name),
        (false, _) => format!(
            "First upload to s3://{destination} from account {account}. Encrypt {} there?",
            file.name
        ),
    };
    let request = Request::Encrypt {
        paths: vec![file.path.clone()],
        bucket,
        prefix,
        key: key.arn.clone(),
        context: BTreeMap::new(),
        overwrite: exists,
    };
    if exists || first {
        let consent = first.then_some((account, destination));
        state.confirm = Some(Confirm {
            question,
            then: Then::Start(Box::new(request), consent),
        });
    } else {
        let title = title(&request);
        state.start(request, title, effects);
    }
}

fn verify(state: &mut State, effects: &mut Vec<Effect>) {
    let (Some((bucket, _)), Some(ObjectRow::Object { key, .. })) = (&state.place, state.objects.current()) else {
        state.say("To verify, choose an object (3).".to_owned());
        return;
    };
    let request = Request::Verify {
        bucket: bucket.clone(),
        objects: vec![key.clone()],
    };
    let title = title(&request);
    state.start(request, title, effects);
}

fn remove(state: &mut State) {
    let asked = match state.focus {
        Pane::Grants => state.grants.current().map(|grant| {
            let request = Request::RevokeGrant {
                key_arn: grant.key_arn.clone(),
                grant_id: grant.id.clone(),
            };
            (format!("Revoke the grant of {}?", grant.grantee), request)
        }),
        Pane::Jobs => state.jobs.current().filter(|job| job.status.is_active()).map(|job| {
            (
                format!("Stop the job {}?", job.name),
                Request::StopJob { name: job.name.clone() },
            )
        }),
        Pane::Objects => match (&state.place, state.objects.current()) {
            (Some((bucket, _)), Some(ObjectRow::Object { key, .. })) => Some((
                format!("Delete s3://{bucket}/{key}?"),
                Request::DeleteObjects {
                    bucket: bucket.clone(),
                    objects: vec![key.clone()],
                },
            )),
            _ => None,
        },
        Pane::Keys | Pane::Files => None,
    };
    state.confirm = asked.map(|(question, request)| Confirm {
        question,
        then: Then::Start(Box::new(request), None),
    });
}

fn title(request: &Request) -> String {
    match request {
        Request::Encrypt { bucket, prefix, .. } => format!("encrypt to s3://{bucket}/{prefix}"),
        Request::Verify { bucket, objects } => format!("verify s3://{bucket}/{}", objects.join(", ")),
        Request::DeleteObjects { bucket, objects } => format!("delete s3://{bucket}/{}", objects.join(", ")),
        Request::RevokeGrant { grant_id, .. } => format!("revoke grant {grant_id}"),
        Request::StopJob { name } => format!("stop job {name}"),
        _ => "operation".to_owned(),
    }
}
