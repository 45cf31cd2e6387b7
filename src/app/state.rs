//! Everything the dashboard knows.

pub mod action;
mod audits;
pub mod chain;
pub mod continuation;
mod history;
pub mod layout;
pub(in crate::app) mod linked;
pub mod messages;
mod named;
pub mod operations;
pub mod overlay;
mod resting;
pub mod review;
mod switch;
pub mod target;
mod topics;
mod used;
pub mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::format::{self, Tone};
use super::job_log::Log;
use super::losses::{Loss, Losses};
use super::pane::Pane;
use super::search::Search;
use super::seen::{AllSeen, ReadResult, Seen};
use super::settings::Settings;
use super::table::{Listing, Row as _, Table};
use super::{Effect, KeyPress, OpId, Topic};
use crate::domain::audit::AuditReport;
use crate::domain::who::WhoReport;
use crate::domain::{
    AwsContext, BucketRow, Door, Fault, FileRow, Grant, Identity, InterruptedUpload, Job, KmsKey, ObjectRow,
    ProofMethod, Question, RoleSummary,
};
use layout::Regions;
use messages::Messages;
use operations::{Operation, Operations};
use overlay::Overlay;
use review::Edit;

/// Everything the dashboard knows.
#[derive(Debug, Default)]
pub struct State {
    /// What the session started with.
    pub settings: Settings,
    /// The time.
    pub now: Timestamp,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The pane with the cursor.
    pub focus: Pane,
    /// Whether the focused pane is alone on screen.
    pub zoom: bool,
    /// Whether the focused pane's filter is being typed.
    pub typing: bool,
    /// How many of its characters stand before its caret; none while that was not moved from its end.
    pub(super) filter_caret: Option<usize>,
    /// Services that have endpoints of their own, as the AWS CLI calls them, and these.
    pub elsewhere: BTreeMap<String, String>,
    /// Who we are.
    pub identity: Option<Identity>,
    /// Whether it could not be learned when it was last asked.
    pub unidentified: bool,
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
    /// Training and processing jobs.
    pub jobs: Table<Job>,
    /// Local files of `dir`.
    pub files: Table<FileRow>,
    /// The folder shown.
    pub dir: PathBuf,
    /// Uploads that were interrupted; `None` until the first answer.
    pub interrupted: Option<Vec<InterruptedUpload>>,
    /// Roles that a grant or a job may name.
    pub roles: Vec<RoleSummary>,
    /// The policy of the key whose details are open, or why it cannot be shown.
    pub policy: Option<(String, Result<String, Fault>)>,
    /// Operations in flight and ended.
    pub operations: Operations,
    /// What was said.
    pub messages: Messages,
    /// What lies over the panes, the topmost last.
    pub overlays: Vec<Overlay>,
    /// What is looked for in the text on top.
    pub search: Search,
    /// Keys of a sequence pressed so far.
    pub pending: Vec<KeyPress>,
    /// What the last key had to do with Esc.
    pub(super) esc: Esc,
    /// Why rows could not be looked at closer, by ARN, object key or job name: they are not asked for again by themselves.
    pub(super) refused: BTreeMap<String, Fault>,
    /// Rows that something was done to: they are asked about at once, and once.
    pub(super) ask_once: BTreeSet<Topic>,
    /// Of these, what a person opened by its name and nothing was heard of yet.
    pub(super) opened: BTreeSet<Topic>,
    /// The key that the cursor was on before another was opened by its name.
    pub(super) key_before: Option<String>,
    pub(super) watched: Vec<Topic>,
    pub(super) grants_of: Option<String>,
    /// Whether a cursor is to go to a row of the pane that has just been gone to.
    pub(super) is_sent: bool,
    /// Whether a bucket was opened, or a person has chosen where to be.
    pub(super) opened_once: bool,
    /// Since when the person leaves, as soon as nothing is in flight.
    pub(super) leaving: Option<Timestamp>,
    /// What was read here to its end.
    pub(super) all_seen: AllSeen,
    /// What proofs found out, the newest last.
    pub(super) proofs: Vec<Proved>,
    /// The role that was chosen or made last.
    pub(super) last_role: Option<String>,
    /// The job that was started here last, by its id.
    pub(super) last_job: Option<String>,
    /// Where the last model was decrypted to.
    pub(super) opened_model: Option<String>,
    /// Key policies as they were before they were replaced, by ARN.
    pub(super) previous_policies: BTreeMap<String, String>,
    /// Texts that are in the person's editor, each under its id, and the turn in which it was opened.
    pub(super) edits: BTreeMap<OpId, (Edit, u64)>,
    /// How often a key was pressed, or something came up by itself.
    pub(super) turn: u64,
    /// The action that was asked for last, by its label, until what it asks for is sent or taken back.
    intended: Option<&'static str>,
    /// The turn in which a row of what lies over the panes was pressed with the mouse, if that was the last press.
    pub(super) pressed_row: Option<u64>,
    /// The log of the job whose details are open.
    pub job_log: Log,
    /// Contexts that were left, the last first.
    pub(super) recent: Vec<AwsContext>,
    /// What is asked for in the middle of calls, the oldest first.
    pub(super) questions: Vec<Question>,
    /// Audits of this session, the newest last.
    pub(super) audits: Vec<Arc<AuditReport>>,
    /// Who can use keys and who did, by ARN, as it was found out in this session; the newest last.
    pub(super) whos: Vec<(String, Arc<WhoReport>)>,
    /// Jobs whose end is told: started here, or looked at while they ran.
    pub(super) watched_jobs: BTreeSet<String>,
    linked: linked::Linked,
    walk: Vec<walk::Standing>,
    /// Whether jobs are listed that are no training jobs, as of this revision of the list.
    kinds: (u64, bool),
    chain: chain::Chain,
    chain_memo: chain::Memo,
    resting: resting::Resting,
    pub(super) losses: Losses,
    /// What is kept under the key of the object that the cursor rested on last.
    pub(super) kept_versions: Option<resting::Kept>,
    /// The object that was encrypted last: its bucket and key.
    pub(super) last_encrypted: Option<(String, String)>,
    history: history::History,
    /// What was found to depend on keys, by ARN: when, and what.
    pub(super) dependents: BTreeMap<String, (Timestamp, String)>,
}

/// What the last key had to do with Esc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Esc {
    /// It was another.
    #[default]
    Other,
    /// It was Esc, and what lay over the rows went.
    Pressed,
    /// It was Esc, which would have left a bucket: the next one does.
    Held,
}

/// What a proof found out about Decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proved {
    pub(super) key_arn: String,
    pub(super) role_arn: String,
    pub(super) at: Timestamp,
    pub(super) method: ProofMethod,
    pub(super) allowed: bool,
    /// Whether the story of a grant has asked, which came out as it should.
    pub(super) is_of_story: bool,
}

impl State {
    /// The first state, and what to ask first.
    pub fn new(settings: Settings) -> (Self, Vec<Effect>) {
        let mut state = Self {
            now: settings.now,
            size: settings.size,
            dir: settings.start_dir.clone(),
            recent: settings.recent.clone(),
            settings,
            keys: Table::sorted_by(0, false),
            grants: Table::sorted_by(0, false),
            jobs: Table::sorted_by(0, true),
            job_log: Log::new(""),
            ..Self::default()
        };
        state.list_named();
        if let Some(named) = state.settings.open.take() {
            state.open(&named);
        }
        let mut effects = Vec::new();
        state.settle(&mut effects);
        (state, effects)
    }

    /// Seconds until the screen needs to know the time again: what runs is counted in seconds, ages are coarser.
    pub fn seconds_between_ticks(&self) -> u64 {
        let is_busy =
            self.operations.running().next().is_some() || self.jobs.visible().any(|(job, ..)| job.status.is_active());
        if is_busy || self.is_coming_to_rest() { 1 } else { 10 }
    }

    /// What the newest proof of this key and this role found out.
    pub(super) fn newest_proof(&self, key_arn: &str, role_arn: &str) -> Option<&Proved> {
        let mut proofs = self.proofs.iter().rev();
        proofs.find(|proof| proof.key_arn == key_arn && proof.role_arn == role_arn)
    }

    /// Where everything stands on screen.
    pub fn regions(&self) -> Regions {
        layout::regions(self)
    }

    /// The selected key.
    pub fn key(&self) -> Option<&KmsKey> {
        self.keys.current()
    }

    /// Whether the selected key wraps the object's data key: as KMS told when the object was read here, else as the object
    /// says, unless its head refutes it.
    pub fn is_object_linked(&self, row: &ObjectRow) -> bool {
        let claimed = || {
            let info = row.info().filter(|info| info.refuted.is_empty());
            info.and_then(|info| info.kms_key_arn.as_deref())
        };
        let wrapped_by = match self.seen(row).map(|seen| &seen.result) {
            Some(ReadResult::Verified {
                kms_key_arn: Some(arn), ..
            }) => Some(arn.as_str()),
            Some(ReadResult::Refuted(_)) => None,
            Some(ReadResult::Verified { kms_key_arn: None, .. }) | None => claimed(),
        };
        matches!((wrapped_by, self.key()), (Some(arn), Some(key)) if key.is_meant(arn))
    }

    /// Whether the job uses the selected key.
    pub fn is_job_linked(&self, job: &Job) -> bool {
        let used = job.detail.as_ref().and_then(|detail| detail.kms_key());
        matches!((used, self.key()), (Some(used), Some(key)) if key.is_meant(used))
    }

    /// How many grants, objects and jobs on screen belong to the selected key, while its details are open.
    pub fn linked(&self) -> (usize, usize, usize) {
        let (objects, jobs) = self.linked.counts();
        (self.grants.count(), objects, jobs)
    }

    /// How the loss of a job went, if its log was read in this session.
    pub fn loss(&self, job: &str) -> Option<&Loss> {
        self.losses.of(job)
    }

    /// The key with this ARN, id or alias, if it is listed.
    pub fn listed_key(&self, reference: &str) -> Option<&KmsKey> {
        let alias = || {
            let (_, name) = reference.rsplit_once(":alias/")?;
            self.keys.get(&format!("alias/{name}"))
        };
        self.keys.get(reference).or_else(alias)
    }

    /// The name of the key with this ARN, if it is listed.
    pub fn key_name(&self, reference: &str) -> Option<&str> {
        self.listed_key(reference).map(KmsKey::name)
    }

    /// Why a row could not be looked at closer.
    pub fn refusal(&self, id: &str) -> Option<&Fault> {
        self.refused.get(id)
    }

    /// What reading this object of the place shown told, if it was read here and is still the same.
    pub fn seen(&self, row: &ObjectRow) -> Option<&Seen> {
        let (bucket, _) = self.place.as_ref()?;
        self.all_seen.of(bucket, row)
    }

    /// An object was read to its end. Without an ETag nobody can tell later whether it is still the same.
    pub(super) fn remember(&mut self, bucket: &str, key: &str, etag: Option<&str>, result: ReadResult) {
        let Some(etag) = etag else { return };
        let is_here = self.place.as_ref().is_some_and(|(open, _)| open == bucket);
        let listed = if is_here { self.objects.rows() } else { &[] };
        self.all_seen.remember((bucket, key), etag, result, self.now, listed);
    }

    /// The rows of a pane.
    pub fn table(&self, pane: Pane) -> &dyn Listing {
        match pane {
            Pane::Keys => &self.keys,
            Pane::Grants => &self.grants,
            Pane::Objects if self.place.is_none() => &self.buckets,
            Pane::Objects => &self.objects,
            Pane::Jobs => &self.jobs,
            Pane::Files => &self.files,
        }
    }

    /// The rows of the pane with the cursor, to do something with.
    pub(super) fn focused(&mut self) -> &mut dyn Listing {
        match self.focus {
            Pane::Keys => &mut self.keys,
            Pane::Grants => &mut self.grants,
            Pane::Objects if self.place.is_none() => &mut self.buckets,
            Pane::Objects => &mut self.objects,
            Pane::Jobs => &mut self.jobs,
            Pane::Files => &mut self.files,
        }
    }

    /// The rows that answer a topic.
    pub(super) fn table_of(&mut self, topic: &Topic) -> Option<&mut dyn Listing> {
        Some(match topic {
            Topic::Keys => &mut self.keys,
            Topic::Grants(_) => &mut self.grants,
            Topic::Buckets => &mut self.buckets,
            Topic::Objects { .. } => &mut self.objects,
            Topic::Jobs => &mut self.jobs,
            Topic::Files(_) => &mut self.files,
            Topic::Identity
            | Topic::Key(_)
            | Topic::KeyPolicy(_)
            | Topic::Who(_)
            | Topic::Object { .. }
            | Topic::Versions { .. }
            | Topic::Job(_)
            | Topic::Log(_)
            | Topic::Roles
            | Topic::Interrupted => return None,
        })
    }

    /// When the oldest rows on screen were fresh.
    pub fn oldest(&self) -> Option<Timestamp> {
        let panes = Pane::ALL.into_iter().filter(|pane| *pane != Pane::Files);
        panes.filter_map(|pane| self.table(pane).freshness().at()).min()
    }

    /// Whether whoever asked for it is still where they asked: it may come up by itself.
    pub(super) fn is_waited_for(&self, operation: &Operation) -> bool {
        self.is_still(operation.turn)
    }

    /// Whether nothing was pressed, and nothing came up, since that turn.
    pub(super) fn is_still(&self, turn: u64) -> bool {
        self.turn == turn && !self.typing && self.leaving.is_none()
    }

    /// A key was pressed, or something came up by itself: what was waited for until now no longer is.
    pub(super) fn next_turn(&mut self) {
        self.turn += 1;
    }

    /// Whether a cursor may move by itself: whoever asked for it still waits for it, or is at work in another pane. The
    /// key under its cursor is used from every pane.
    pub(super) fn may_move(&self, pane: Pane, operation: &Operation) -> bool {
        match pane {
            Pane::Keys | Pane::Files => self.is_waited_for(operation),
            Pane::Grants | Pane::Objects | Pane::Jobs => self.is_waited_for(operation) || self.focus != pane,
        }
    }

    pub(super) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.messages.say(self.now, tone, text.into(), None);
    }

    pub(super) fn complain(&mut self, fault: Fault) {
        let text = fault.at(Door::Dashboard);
        self.messages.say(self.now, Tone::Bad, text, Some(fault));
    }

    /// After every event: room for the tables, and what is to be watched from now on.
    pub(super) fn settle(&mut self, effects: &mut Vec<Effect>) {
        let regions = self.regions();
        let room = |pane: Pane| {
            let shown = regions.panes.iter().find(|(shown, _)| *shown == pane);
            shown.map_or(0, |(_, area)| area.rows())
        };
        self.keys.resize(room(Pane::Keys));
        self.grants.resize(room(Pane::Grants));
        self.buckets.resize(room(Pane::Objects));
        self.objects.resize(room(Pane::Objects));
        self.jobs.resize(room(Pane::Jobs));
        self.files.resize(room(Pane::Files));

        // An alias has no grants: they are asked for once it is known what it stands for.
        let key = self
            .key()
            .map(|key| key.arn.clone())
            .filter(|arn| arn.contains(":key/"));
        if key != self.grants_of {
            self.grants.reset();
            self.grants_of = key;
        }
        let (columns, _) = layout::reader(self);
        for overlay in &mut self.overlays {
            if let Overlay::Report(report) = overlay {
                report.lay_out(columns);
                report.look_for(&self.search);
            }
        }
        self.look_up();
        self.take_stock();
        self.forge_chain();
        self.forget_intent();
        self.rest();
        let topics = self.topics();
        if topics != self.watched {
            self.watched.clone_from(&topics);
            effects.push(Effect::Watch(topics));
        }
    }
}

impl State {
    /// What is marked in the pane with the cursor: `3 marked, 41.2 KiB`.
    pub fn marked_here(&self) -> Option<String> {
        let (count, bytes) = self.table(self.focus).marks();
        (count > 0).then(|| format::marked(count, bytes))
    }
}

/// What tells the row under the cursor from the others of its pane.
fn row_id(state: &State) -> Option<String> {
    match state.focus {
        Pane::Keys => state.keys.current().map(|row| row.id().into_owned()),
        Pane::Grants => state.grants.current().map(|row| row.id().into_owned()),
        Pane::Objects if state.place.is_none() => state.buckets.current().map(|row| row.id().into_owned()),
        Pane::Objects => state.objects.current().map(|row| row.id().into_owned()),
        Pane::Jobs => state.jobs.current().map(|row| row.id().into_owned()),
        Pane::Files => state.files.current().map(|row| row.id().into_owned()),
    }
}

/// The ARN, URI or path of the row under the cursor.
pub(super) fn reference(state: &State) -> Option<String> {
    match state.focus {
        Pane::Keys => state.keys.current().map(|key| key.arn.clone()),
        Pane::Grants => state.grants.current().map(|grant| grant.id.clone()),
        Pane::Objects => match &state.place {
            None => state.buckets.current().map(|bucket| format!("s3://{}/", bucket.name)),
            Some((bucket, _)) => state
                .objects
                .current()
                .map(|row| format!("s3://{bucket}/{}", row.key())),
        },
        Pane::Jobs => state.jobs.current().map(|job| {
            if job.arn.is_empty() {
                job.name.clone()
            } else {
                job.arn.clone()
            }
        }),
        Pane::Files => state
            .files
            .current()
            .map(|file| file.path.to_string_lossy().into_owned()),
    }
}
