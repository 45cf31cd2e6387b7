//! The chain of what is selected: key, role, object, job, each with how it stands and where it breaks.
//!
//! It is about the pane with the cursor: a job has its own key and role, an object its own key; of a key and its grants the
//! rows under the other cursors belong to it that say so. Of a key its role is the one that something was just proved of, or
//! that was just looked at before a job, for as long as nothing else is selected. Under the walk it is about the role of the
//! walk, under a form about the role that is chosen in it. It is read off what is known and asks for nothing; what was not
//! looked at is said to be so. Whatever grows with the rows is looked up once a row or a list has changed.

mod links;

use std::collections::BTreeMap;

use self::links::{Access, Refusal};
use super::{Proved, State, row_id, walk};
use crate::app::format::Tone;
use crate::app::pane::Pane;
use crate::app::state::overlay::{Confirm, Overlay, Report, ResultList, Then};
use crate::domain::{Grant, Job, ObjectRow, Request};

/// Key, role, object and job of what is selected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// In this order; empty before the first event.
    pub links: Vec<Link>,
    /// The key (ARN, or as the job or object names it).
    pub(in crate::app) key: Option<String>,
    /// The role (ARN).
    pub(in crate::app) role: Option<String>,
    /// The grant to it that says most (id), of those that are listed.
    pub(in crate::app) grant: Option<String>,
    /// The object of the place shown (key).
    pub(in crate::app) object: Option<String>,
    /// Where the job reads from, if that is no row.
    data: Option<String>,
    /// The job (name).
    pub(in crate::app) job: Option<String>,
    /// Why the job, which was refused, is only to be started again: what it was refused is granted by now.
    pub(in crate::app) again: Option<String>,
    /// Why what was granted since does not help the job.
    pub(in crate::app) unmet: Option<String>,
    /// Whether the role has a grant that lets it decrypt here.
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

/// The pane with the cursor, the selected key, and the row under the cursor.
type Selection = (Pane, Option<String>, Option<String>);

/// A role (ARN) that something has just been found out about, and the key (ARN) that it was about, if it says so.
#[derive(Debug, Clone)]
struct Found {
    key: Option<String>,
    role: String,
}

/// What was looked up in lists that may be long, each with the state of the list that it was looked up in.
#[derive(Debug, Default)]
pub(super) struct Memo {
    grant: Option<(u64, String, Option<usize>)>,
    /// How many proofs there were.
    proofs: usize,
    /// What was found out last, and what was selected when it was told, for as long as it is.
    found: Option<(Selection, Found)>,
    /// The key (ARN) that the walk was last on screen with, and its role (ARN).
    walked: Option<(String, String)>,
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
        let (found, walked, asked) = (memo.found(state), memo.walked(state), asked_about(state));
        let selected = Selected::kept(state, &before, asked.as_deref())
            .unwrap_or_else(|| Selected::of(state, found.as_ref(), walked.as_deref()));
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

/// The role (ARN) that a question, a form or a proof on screen is about, as far as it says so.
fn asked_about(state: &State) -> Option<String> {
    let role = state.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Confirm(Confirm {
            then: Then::Start(request, _),
            ..
        }) => match &**request {
            Request::Grant(request) => request.grantee().map(str::to_owned),
            _ => None,
        },
        Overlay::Form(form) => form.role(),
        Overlay::Matrix(shown) => Some(shown.cycle.role_arn.clone()),
        Overlay::Report(report) if report.title == Report::ACCESS_PROOF => {
            state.proofs.last().map(|proof| proof.role_arn.clone())
        }
        Overlay::Results(list) => looked_at(list).map(str::to_owned),
        _ => None,
    });
    // A session's becomes its role's: which that is, the chain knows already.
    role.filter(|role| role.contains(":role/"))
}

/// Whether the walk is on screen, and nothing over it that is about a job of its own.
fn is_walked(state: &State) -> bool {
    let is_walk = |overlay: &Overlay| matches!(overlay, Overlay::Guide(_));
    let is_of_job = |overlay: &Overlay| matches!(overlay, Overlay::Details(_) | Overlay::Log(_));
    state.overlays.iter().any(is_walk) && !state.overlays.iter().any(is_of_job)
}

/// The role (ARN) that was looked at before a job.
fn looked_at(list: &ResultList) -> Option<&str> {
    match list.again.as_ref()? {
        Request::Job(request) => request.role_of_preflight(),
        Request::Bulk(request) => request.role_of_preflight(),
        _ => None,
    }
}

impl<'a> Selected<'a> {
    /// The same as before, under a question, a form, a proof or a look before a job: it is about that, wherever the cursor is
    /// put meanwhile.
    fn kept(state: &'a State, before: &'a Chain, asked: Option<&'a str>) -> Option<Self> {
        let is_asking = |overlay: &Overlay| match overlay {
            Overlay::Confirm(_) | Overlay::Form(_) | Overlay::Report(_) | Overlay::Matrix(_) => true,
            Overlay::Results(list) => looked_at(list).is_some(),
            _ => false,
        };
        if !state.overlays.iter().any(is_asking) {
            return None;
        }
        let kept = before.role.as_deref();
        let role = asked.or(kept)?;
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

    /// Of the rows under the cursors; of what was found out about the same key its role, and a job only if that is its own.
    /// Under the walk it is about the selected key and the role of the walk.
    fn of(state: &'a State, found: Option<&'a Found>, walked: Option<&'a str>) -> Self {
        let listed = state.keys.current();
        let key = listed.map(|key| key.arn.as_str());
        let object = state.place.as_ref().and(state.objects.current());
        let object = object.filter(|row| matches!(row, ObjectRow::Object { .. }));
        let job = state.jobs.current();
        let proved = |key: Option<&str>| {
            let found = found.filter(|found| found.key.is_none() || found.key.as_deref() == key);
            found.map(|found| found.role.as_str())
        };
        let is_of = |job: &Job, role: Option<&str>| role.is_none() || role_of(Some(job)) == role;
        // Where nothing selects a role, and the key has a grant.
        let of_key = || of_grants(state).map(|grantee| walked.unwrap_or(grantee));
        let is_walked = is_walked(state);
        match (state.focus, job, object) {
            (Pane::Jobs, Some(job), _) if !is_walked => Self::of_job(state, job, object),
            (Pane::Objects, _, Some(object)) if !is_walked => {
                let named = object.info().and_then(|info| info.kms_key_arn.as_deref());
                let key = named.or(key);
                let role = proved(key);
                let job = job.filter(|job| reads(state, job, object) && is_of(job, role));
                Self {
                    key,
                    role: role.or_else(|| role_of(job)).or_else(of_key),
                    object: Some(object),
                    data: None,
                    job,
                }
            }
            _ => {
                let job = job.filter(|job| state.is_job_linked(job));
                let grantee = of_grants(state).filter(|_| state.focus == Pane::Grants);
                let role = walked.filter(|_| is_walked).or_else(|| proved(key)).or(grantee);
                let job = job.filter(|job| is_of(job, role));
                Self {
                    key,
                    role: role.or_else(|| role_of(job)).or_else(of_key),
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
        let context = links::context(self.job, self.object);
        let role = self.role.filter(|_| is_listed);
        let grant = role.and_then(|role| memo.grant(state, role, context.as_ref()));
        let access = Access {
            key: arn,
            role: self.role,
            job: self.job,
            refusal: self.role.and_then(|role| Refusal::of(self.job, role)),
            is_listed,
            grant,
            holds: grant.and_then(|grant| holds(grant, context.as_ref())),
            context: context.as_ref(),
        };
        let links = vec![
            links::key(state, self.key, row, self.job),
            links::role(state, &access),
            links::object(state, self.object, self.data),
            links::job(state, self.job, self.object),
        ];
        Chain {
            links,
            key: arn.map(str::to_owned),
            role: self.role.map(str::to_owned),
            grant: grant.map(|grant| grant.id.clone()),
            object: self.object.map(|row| row.key().to_owned()),
            data: self.data.map(str::to_owned),
            job: self.job.map(|job| job.id().into_owned()),
            again: access.again(),
            unmet: access.unmet(),
            is_granted: grant.is_some_and(may_decrypt) && access.holds == Some(true),
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
    /// The role of the walk with the selected key, once that was on screen with it.
    fn walked(&mut self, state: &State) -> Option<String> {
        let key = state.key().map(|key| key.arn.as_str());
        if state
            .overlays
            .iter()
            .any(|overlay| matches!(overlay, Overlay::Guide(_)))
        {
            let role = walk::role_arn(state, &state.linked);
            self.walked = key.map(str::to_owned).zip(role);
        }
        let (of, role) = self.walked.as_ref()?;
        (key == Some(of.as_str())).then(|| state.last_role.clone().unwrap_or_else(|| role.clone()))
    }

    /// What the newest proof or look ahead of a job found out, for as long as what was selected when it came is selected. What
    /// a story of a grant tells is told on its page.
    fn found(&mut self, state: &State) -> Option<Found> {
        let key = state.key().map(|key| key.arn.clone());
        let selection = (state.focus, key, row_id(state));
        let looked = state.overlays.iter().rev().find_map(|overlay| match overlay {
            Overlay::Results(list) => looked_at(list),
            _ => None,
        });
        let is_new = |proof: &&Proved| state.proofs.len() > self.proofs && !proof.is_of_story;
        if let Some(proof) = state.proofs.last().filter(is_new) {
            let (key, role) = (Some(proof.key_arn.clone()), proof.role_arn.clone());
            self.found = Some((selection, Found { key, role }));
        } else if let Some(role) = looked.filter(|role| role.contains(":role/")) {
            let (key, role) = (None, role.to_owned());
            self.found = Some((selection, Found { key, role }));
        } else if self.found.as_ref().is_some_and(|(of, _)| *of != selection) {
            self.found = None;
        }
        self.proofs = state.proofs.len();
        self.found.as_ref().map(|(_, found)| found.clone())
    }

    /// Of the grants to this role the one that says most: that lets it decrypt, in this context, the newest.
    fn grant<'a>(
        &mut self,
        state: &'a State,
        role: &str,
        context: Option<&BTreeMap<String, String>>,
    ) -> Option<&'a Grant> {
        let rows = state.grants.rows();
        let named = format!("{role} {context:?}");
        let found = looked_up(&mut self.grant, state.grants.revision(), &named, || {
            let to_role = rows.iter().enumerate().filter(|(_, grant)| grant.grantee == role);
            let best = to_role.max_by_key(|(_, grant)| {
                let helps = match holds(grant, context) {
                    Some(true) => 2,
                    None => 1,
                    Some(false) => 0,
                };
                (may_decrypt(grant), helps, grant.created)
            });
            best.map(|(index, _)| index)
        });
        rows.get(found?)
    }
}

/// Whether the grant holds in this context; unknown where the context is.
fn holds(grant: &Grant, context: Option<&BTreeMap<String, String>>) -> Option<bool> {
    match &grant.constraint {
        None => Some(true),
        Some(constraint) => context.map(|context| constraint.holds_in(context)),
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
