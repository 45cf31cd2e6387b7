//! The chain of what is selected: key, role, object, job, each with how it stands and where it breaks.
//!
//! It is about the pane with the cursor: a job has its own key and role, an object its own key; of a key and its grants the
//! rows under the other cursors belong to it that say so. It is read off what is known and asks for nothing; what was not
//! looked at is said to be so. Whatever grows with the rows is looked up once a row or a list has changed.

use super::State;
use crate::app::format::{self, Tone};
use crate::app::pane::Pane;
use crate::app::seen::ReadResult;
use crate::app::state::overlay::{Confirm, Overlay, Then};
use crate::app::table::{Freshness, Listing as _};
use crate::domain::explain::explain_text;
use crate::domain::{
    FaultKind, Grant, Job, JobStatus, KeyState, KmsKey, ObjectFormat, ObjectRow, ProofMethod, Request,
};

/// Key, role, object and job of what is selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// In this order; empty before the first event.
    pub links: Vec<Link>,
    /// The key (ARN, or as the job or object names it).
    pub(in crate::app) key: Option<String>,
    /// The role (ARN).
    pub(in crate::app) role: Option<String>,
    /// The object of the place shown (key).
    pub(in crate::app) object: Option<String>,
    /// Where the job reads from, if that is no row.
    data: Option<String>,
    /// The job (name).
    pub(in crate::app) job: Option<String>,
    /// Why the job, which was refused, is only to be started again: what it was refused is granted by now.
    pub(in crate::app) again: Option<String>,
    /// Whether the role has a grant that lets it decrypt, whatever the context.
    pub(in crate::app) is_granted: bool,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub place: Place,
    /// What it is called; empty where nothing is selected. Untrusted.
    pub name: String,
    /// How it stands.
    pub words: String,
    /// The same in a word or two.
    pub brief: &'static str,
    /// How good that is.
    pub standing: Standing,
}

/// The links by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the links")]
pub enum Place {
    Key,
    Role,
    Object,
    Job,
}

impl Place {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Role => "role",
            Self::Object => "object",
            Self::Job => "job",
        }
    }
}

/// How a link stands, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// As it should be, as far as it was looked at.
    Holds,
    /// On its way.
    Busy,
    /// Nothing is selected here.
    Open,
    /// It was not looked at.
    Unknown,
    /// It may not hold.
    Weak,
    /// It does not hold.
    Broken,
}

impl Standing {
    /// Its sign and meaning.
    pub fn sign(self) -> (Tone, &'static str) {
        match self {
            Self::Holds => (Tone::Good, "✓"),
            Self::Busy => (Tone::Busy, "…"),
            Self::Open => (Tone::Dim, "·"),
            Self::Unknown => (Tone::Dim, "?"),
            Self::Weak => (Tone::Warn, "!"),
            Self::Broken => (Tone::Bad, "✗"),
        }
    }
}

impl Chain {
    /// The first of the links that stand worst; none before the first event.
    pub fn weakest(&self) -> Option<&Link> {
        self.links.iter().rev().max_by_key(|link| link.standing)
    }
}

/// What was looked up in lists that may be long, each with the state of the list that it was looked up in.
#[derive(Debug, Default)]
pub(super) struct Memo {
    grant: Option<(u64, String, Option<usize>)>,
}

impl State {
    /// The chain of what is selected, as it stands.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(super) fn forge_chain(&mut self) {
        let mut memo = std::mem::take(&mut self.chain_memo);
        let before = std::mem::take(&mut self.chain);
        let state: &Self = self;
        let selected = Selected::kept(state, &before).unwrap_or_else(|| Selected::of(state));
        let chain = selected.chain(state, &mut memo);
        self.chain = chain;
        self.chain_memo = memo;
    }
}

/// What belongs together, of the rows under the cursors.
struct Selected<'a> {
    /// As the job or the object names it.
    key: Option<&'a str>,
    role: Option<&'a str>,
    object: Option<&'a ObjectRow>,
    /// Where the job reads from, if that is no row.
    data: Option<&'a str>,
    job: Option<&'a Job>,
}

/// The role (ARN) that a question or a proof on screen is about, as far as it says so.
fn asked_about(state: &State) -> Option<&str> {
    let role = state.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Confirm(Confirm {
            then: Then::Start(request, _),
            ..
        }) => match &**request {
            Request::Grant(request) => request.grantee(),
            _ => None,
        },
        Overlay::Matrix(shown) => Some(shown.cycle.role_arn.as_str()),
        Overlay::Report(report) if report.title == ACCESS_PROOF => {
            state.proofs.last().map(|proof| proof.role_arn.as_str())
        }
        _ => None,
    });
    // A session's becomes its role's: which that is, the chain knows already.
    role.filter(|role| role.contains(":role/"))
}

/// The title of a proof.
const ACCESS_PROOF: &str = "Access proof";

impl<'a> Selected<'a> {
    /// The same as before, under a question, a form or a proof: it is about that, wherever the cursor is put meanwhile.
    fn kept(state: &'a State, before: &'a Chain) -> Option<Self> {
        let is_asking = |overlay: &Overlay| {
            matches!(
                overlay,
                Overlay::Confirm(_) | Overlay::Form(_) | Overlay::Report(_) | Overlay::Matrix(_)
            )
        };
        if !state.overlays.iter().any(is_asking) {
            return None;
        }
        let kept = before.role.as_deref();
        let role = asked_about(state).or(kept)?;
        let is_same = kept == Some(role);
        let job = before.job.as_deref().and_then(|name| state.jobs.get(name));
        let object = before.object.as_deref().filter(|_| state.place.is_some());
        Some(Self {
            key: before.key.as_deref(),
            role: Some(role),
            object: object.and_then(|name| state.objects.get(name)),
            data: before.data.as_deref(),
            job: job.filter(|_| is_same),
        })
    }

    fn of(state: &'a State) -> Self {
        let listed = state.keys.current();
        let key = listed.map(|key| key.arn.as_str());
        let object = state.place.as_ref().and(state.objects.current());
        let object = object.filter(|row| matches!(row, ObjectRow::Object { .. }));
        let job = state.jobs.current();
        match (state.focus, job, object) {
            (Pane::Jobs, Some(job), _) => Self::of_job(state, job, object),
            (Pane::Objects, _, Some(object)) => {
                let named = object.info().and_then(|info| info.kms_key_arn.as_deref());
                let job = job.filter(|job| reads(state, job, object));
                Self {
                    key: named.or(key),
                    role: role_of(job).or_else(|| of_grants(state)),
                    object: Some(object),
                    data: None,
                    job,
                }
            }
            _ => {
                let job = job.filter(|job| state.is_job_linked(job));
                let grantee = of_grants(state).filter(|_| state.focus == Pane::Grants);
                let job = job.filter(|job| grantee.is_none() || role_of(Some(job)) == grantee);
                Self {
                    key,
                    role: grantee.or_else(|| role_of(job)).or_else(|| of_grants(state)),
                    object: object.filter(|row| state.is_object_linked(row)),
                    data: None,
                    job,
                }
            }
        }
    }

    fn of_job(state: &'a State, job: &'a Job, object: Option<&'a ObjectRow>) -> Self {
        let detail = job.detail.as_deref();
        let channel = detail.and_then(|detail| detail.channels.first());
        let object = object.filter(|row| reads(state, job, row));
        Self {
            key: detail.and_then(|detail| detail.kms_key()),
            role: role_of(Some(job)),
            object,
            data: channel.map(|channel| channel.uri.as_str()).filter(|_| object.is_none()),
            job: Some(job),
        }
    }

    fn chain(self, state: &State, memo: &mut Memo) -> Chain {
        let row = self.key.and_then(|named| state.listed_key(named));
        let arn = row.map_or(self.key, |key| Some(key.arn.as_str()));
        let is_listed = arn.is_some() && state.grants_of.as_deref() == arn;
        let role = self.role.filter(|_| is_listed);
        let grant = role.and_then(|role| memo.grant(state, role));
        let again = match (self.job, grant) {
            (Some(job), Some(grant)) => again(job, grant),
            _ => None,
        };
        let links = vec![
            key_link(state, self.key, row, self.job),
            role_link(state, memo, arn, self.role, self.job),
            object_link(state, self.object, self.data),
            job_link(state, self.job),
        ];
        Chain {
            links,
            key: arn.map(str::to_owned),
            role: self.role.map(str::to_owned),
            object: self.object.map(|row| row.key().to_owned()),
            data: self.data.map(str::to_owned),
            job: self.job.map(|job| job.id().into_owned()),
            again,
            is_granted: grant.is_some_and(|grant| may_decrypt(grant) && grant.constraint.is_none()),
        }
    }
}

fn role_of(job: Option<&Job>) -> Option<&str> {
    job?.detail.as_deref().map(|detail| detail.role_arn.as_str())
}

/// The grantee under the cursor: of the selected key's grants.
fn of_grants(state: &State) -> Option<&str> {
    state.grants.current().map(|grant| grant.grantee.as_str())
}

/// Whether a channel of the job covers the object.
fn reads(state: &State, job: &Job, object: &ObjectRow) -> bool {
    let Some((bucket, _)) = &state.place else { return false };
    let uri = format!("s3://{bucket}/{}", object.key());
    let channels = job.detail.iter().flat_map(|detail| &detail.channels);
    channels
        .map(|channel| channel.uri.as_str())
        .any(|channel| uri.starts_with(channel))
}

impl Memo {
    /// The newest grant to this role, of those that let it decrypt if there are any.
    fn grant<'a>(&mut self, state: &'a State, role: &str) -> Option<&'a Grant> {
        let rows = state.grants.rows();
        let found = looked_up(&mut self.grant, state.grants.revision(), role, || {
            let to_role = rows.iter().enumerate().filter(|(_, grant)| grant.grantee == role);
            let best = to_role.max_by_key(|(_, grant)| (may_decrypt(grant), grant.created));
            best.map(|(index, _)| index)
        });
        rows.get(found?)
    }
}

/// What was found the last time, if nothing has changed since.
fn looked_up(
    known: &mut Option<(u64, String, Option<usize>)>,
    revision: u64,
    named: &str,
    look: impl FnOnce() -> Option<usize>,
) -> Option<usize> {
    match known {
        Some((at, of, found)) if *at == revision && of == named => *found,
        _ => {
            let found = look();
            *known = Some((revision, named.to_owned(), found));
            found
        }
    }
}

fn may_decrypt(grant: &Grant) -> bool {
    grant.operations.iter().any(|operation| operation == "Decrypt")
}

fn link(place: Place, name: &str, standing: Standing, words: impl Into<String>, brief: &'static str) -> Link {
    Link {
        place,
        name: name.to_owned(),
        words: words.into(),
        brief,
        standing,
    }
}

/// What is not known of a row: it is asked about, or could not be looked at.
fn not_looked_at(state: &State, place: Place, name: &str, id: &str) -> Link {
    let words = match state.refusal(id).map(|fault| &fault.kind) {
        None => "not looked at yet",
        Some(FaultKind::Denied) => "not looked at: denied",
        Some(FaultKind::NotFound) => return link(place, name, Standing::Broken, "not there", "not there"),
        Some(_) => "not looked at: it was asked for in vain",
    };
    link(place, name, Standing::Unknown, words, "not looked at")
}

fn key_link(state: &State, named: Option<&str>, row: Option<&KmsKey>, job: Option<&Job>) -> Link {
    let place = Place::Key;
    let Some(key) = row else {
        return match (named, job) {
            (Some(named), _) => link(
                place,
                format::last_part(named),
                Standing::Unknown,
                "not listed here",
                "not listed",
            ),
            (None, Some(job)) if job.detail.is_some() => {
                link(place, "", Standing::Unknown, "the job names none", "not named")
            }
            (None, Some(_)) => link(place, "", Standing::Unknown, "not looked at yet", "not looked at"),
            (None, None) => link(place, "", Standing::Open, "none selected", "none"),
        };
    };
    let Some(detail) = &key.detail else {
        return not_looked_at(state, place, key.name(), &key.arn);
    };
    let (standing, brief) = match &detail.state {
        KeyState::Enabled => (Standing::Holds, "Enabled"),
        KeyState::Disabled => (Standing::Broken, "Disabled"),
        KeyState::PendingDeletion => (Standing::Broken, "PendingDeletion"),
        KeyState::PendingImport => (Standing::Broken, "PendingImport"),
        KeyState::Other(_) => (Standing::Broken, "not usable"),
    };
    let until = detail.deletion.map(|at| at.strftime(", deleted on %-d %b").to_string());
    let words = format!("{}{}", detail.state.as_str(), until.unwrap_or_default());
    link(place, key.name(), standing, words, brief)
}

fn role_link(state: &State, memo: &mut Memo, key: Option<&str>, role: Option<&str>, job: Option<&Job>) -> Link {
    let place = Place::Role;
    let Some(role) = role else {
        let is_asked = job.is_some_and(|job| job.detail.is_none());
        return if is_asked {
            link(place, "", Standing::Unknown, "not looked at yet", "not looked at")
        } else {
            link(place, "", Standing::Open, "none selected", "none")
        };
    };
    let name = format::last_part(role);
    let is_listed = key.is_some() && state.grants_of.as_deref() == key;
    let grant = is_listed.then(|| memo.grant(state, role)).flatten();
    let granted = grant.and_then(|grant| grant.created);
    if let Some(link) = refused(name, role, job, grant) {
        return link;
    }
    let proof = key.and_then(|key| state.newest_proof(key, role));
    let proof = proof.filter(|proof| granted.is_none_or(|granted| granted <= proof.at));
    let proved = proof.map(|proof| {
        let how = match proof.method {
            ProofMethod::Assumed => "proved",
            ProofMethod::Reasoned => "reasoned",
        };
        (proof.allowed, format!(", {how} {}", clock(proof.at)))
    });
    match (grant, proved) {
        (_, Some((false, at))) => link(
            place,
            name,
            Standing::Broken,
            format!("denied Decrypt{at}"),
            "denied Decrypt",
        ),
        (Some(grant), proved) => granted_link(name, grant, &proved.map(|(_, at)| at).unwrap_or_default()),
        (None, Some((true, at))) => link(place, name, Standing::Holds, format!("allowed Decrypt{at}"), "allowed"),
        (None, None) => ungranted(state, name, is_listed),
    }
}

fn granted_link(name: &str, grant: &Grant, proved: &str) -> Link {
    let operations = grant.operations.join(", ");
    let only_if = grant.constraint.as_ref().map_or("", |_| " in its context");
    if may_decrypt(grant) {
        let words = format!("granted {operations}{only_if}{proved}");
        link(Place::Role, name, Standing::Holds, words, "granted")
    } else {
        let words = format!("granted {operations}, not Decrypt");
        link(Place::Role, name, Standing::Weak, words, "not Decrypt")
    }
}

/// Without a grant the role may still be allowed by a policy: nothing is broken that was not seen to be.
fn ungranted(state: &State, name: &str, is_listed: bool) -> Link {
    let unknown = |words: &str| link(Place::Role, name, Standing::Unknown, words, "grants not listed");
    match state.grants.freshness() {
        _ if !is_listed => unknown("grants not listed"),
        Freshness::Absent | Freshness::Loading => unknown("grants not listed yet"),
        Freshness::Stale { fault, .. } if fault.kind == FaultKind::Denied => unknown("grants not listed: denied"),
        Freshness::Stale { .. } => unknown("no grant when last listed"),
        Freshness::Ready(_) if !state.grants.is_whole() => unknown("no grant among those listed so far"),
        Freshness::Ready(_) => {
            let words = "no grant; a policy may allow it";
            link(Place::Role, name, Standing::Weak, words, "no grant")
        }
    }
}

/// The role was seen to be refused: its job says so, and nothing was granted since.
fn refused(name: &str, role: &str, job: Option<&Job>, grant: Option<&Grant>) -> Option<Link> {
    let job = job.filter(|job| job.status == JobStatus::Failed)?;
    let refusal = explain_text(&job.cause()?)?;
    let call = refusal.call.filter(|call| call.starts_with("kms:"))?;
    let is_role = refusal
        .who
        .is_some_and(|who| who.split('/').any(|part| part == name) || who == role);
    let granted = grant.and_then(|grant| grant.created);
    let is_mended = granted.is_some() && granted > job.created;
    let words = match job.ended {
        Some(at) => format!("refused {call} {}", clock(at)),
        None => format!("refused {call}"),
    };
    (is_role && !is_mended).then(|| link(Place::Role, name, Standing::Broken, words, "refused"))
}

/// What to say of a job that was refused what this grant of its role allows. A grant that holds in some context only, and
/// was there already, did not help it.
fn again(job: &Job, grant: &Grant) -> Option<String> {
    let job = Some(job).filter(|job| job.status == JobStatus::Failed)?;
    let refusal = explain_text(&job.cause()?)?;
    let name = format::last_part(&grant.grantee);
    let is_role = refusal
        .who
        .is_some_and(|who| who.split('/').any(|part| part == name) || who == grant.grantee);
    let operation = refusal.call.as_deref().and_then(|call| call.strip_prefix("kms:"))?;
    let is_allowed = grant.operations.iter().any(|allowed| allowed == operation);
    let is_newer = grant.created.is_some() && grant.created > job.created;
    if !is_role || !is_allowed || !(is_newer || grant.constraint.is_none()) {
        return None;
    }
    let when = job.ended.map(|at| format!(" at {}", clock(at))).unwrap_or_default();
    Some(if is_newer {
        format!("It was refused{when}; a grant to {name} has been made since.")
    } else {
        format!("It was refused{when}, though {name} had a grant: that takes some minutes to be known everywhere.")
    })
}

fn object_link(state: &State, row: Option<&ObjectRow>, data: Option<&str>) -> Link {
    let place = Place::Object;
    let Some(row) = row else {
        return match data {
            Some(uri) => {
                let name = format::last_part(uri.trim_end_matches('/'));
                link(place, name, Standing::Unknown, "not looked at", "not looked at")
            }
            None => link(place, "", Standing::Open, "none selected", "none"),
        };
    };
    let name = format::last_part(row.key());
    let Some(info) = row.info() else {
        return not_looked_at(state, place, name, row.key());
    };
    match state.seen(row).map(|seen| (&seen.result, clock(seen.at))) {
        Some((ReadResult::Verified { bond, .. }, at)) if bond.is_bound() => link(
            place,
            name,
            Standing::Holds,
            format!("bound, verified {at}"),
            "verified",
        ),
        Some((ReadResult::Verified { bond, .. }, at)) => {
            let words = format!("{}, intact {at}", bond.as_str());
            link(place, name, Standing::Weak, words, bond.as_str())
        }
        Some((ReadResult::Refuted(_), at)) => {
            link(place, name, Standing::Broken, format!("not intact {at}"), "not intact")
        }
        None if !info.refuted.is_empty() => link(place, name, Standing::Broken, "not what it says it is", "refuted"),
        None => match info.format {
            ObjectFormat::Plain | ObjectFormat::SseS3 | ObjectFormat::SseKms => {
                let words = format!("{}: whoever reads it has it plain", info.format.as_str());
                link(place, name, Standing::Broken, words, "not encrypted")
            }
            format => {
                let words = format!("says {}, not read here", format.as_str());
                link(place, name, Standing::Unknown, words, "not read here")
            }
        },
    }
}

fn job_link(state: &State, job: Option<&Job>) -> Link {
    let place = Place::Job;
    let Some(job) = job else {
        return link(place, "", Standing::Open, "none selected", "none");
    };
    if job.status.as_str().is_empty() {
        return not_looked_at(state, place, &job.id(), &job.name);
    }
    let (standing, brief) = match &job.status {
        JobStatus::Completed => (Standing::Holds, "Completed"),
        JobStatus::InProgress => (Standing::Busy, "InProgress"),
        JobStatus::Stopping => (Standing::Busy, "Stopping"),
        JobStatus::Stopped => (Standing::Weak, "Stopped"),
        JobStatus::Failed => (Standing::Broken, "Failed"),
        JobStatus::Other(_) => (Standing::Unknown, "unknown"),
    };
    let phase = job.secondary.as_deref().filter(|_| job.status.is_active());
    let more = phase
        .map(str::to_owned)
        .or_else(|| job.ended.map(clock))
        .unwrap_or_default();
    let words = format!("{} {more}", job.status.as_str());
    link(place, &job.name, standing, words.trim_end(), brief)
}

/// The time of day, in UTC as everywhere.
fn clock(at: jiff::Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}
