//! How each link of the chain stands, in words.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Link, Place, Standing, may_decrypt, reads};
use crate::app::format;
use crate::app::pane::grants::only_if;
use crate::app::seen::ReadResult;
use crate::app::state::State;
use crate::app::table::{Freshness, Listing as _};
use crate::domain::explain::explain_text;
use crate::domain::{FaultKind, Grant, Job, JobStatus, KeyState, KmsKey, ObjectFormat, ObjectRow, ProofMethod};

/// What is known of the role's use of the key.
pub(super) struct Access<'a> {
    /// The key (ARN).
    pub(super) key: Option<&'a str>,
    /// The role (ARN).
    pub(super) role: Option<&'a str>,
    pub(super) job: Option<&'a Job>,
    /// What KMS refused the job as this role.
    pub(super) refusal: Option<Refusal>,
    /// Whether the grants that are listed are the key's.
    pub(super) is_listed: bool,
    /// The grant to the role that says most.
    pub(super) grant: Option<&'a Grant>,
    /// Whether it holds in the context.
    pub(super) holds: Option<bool>,
    /// The encryption context that is unwrapped with, as far as it is known.
    pub(super) context: Option<&'a BTreeMap<String, String>>,
}

/// A call to KMS that a job was refused.
pub(super) struct Refusal {
    /// `kms:Decrypt`.
    call: String,
    created: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl Refusal {
    /// What the job was refused, if it was as this role.
    pub(super) fn of(job: Option<&Job>, role: &str) -> Option<Self> {
        let job = job.filter(|job| job.status == JobStatus::Failed)?;
        let refusal = explain_text(&job.cause()?)?;
        let call = refusal.call.filter(|call| call.starts_with("kms:"))?;
        let name = format::last_part(role);
        let is_role = refusal
            .who
            .is_some_and(|who| who.split('/').any(|part| part == name) || who == role);
        is_role.then_some(Self {
            call,
            created: job.created,
            ended: job.ended,
        })
    }
}

impl Access<'_> {
    /// Whether the grant was made since the job that was refused.
    fn is_granted_since(&self) -> bool {
        let granted = self.grant.and_then(|grant| grant.created);
        let refused = self.refusal.as_ref().map(|refusal| refusal.created);
        granted.is_some() && refused.is_some_and(|refused| granted > refused)
    }

    /// The role was seen to be refused, and what was granted since does not mend that for certain.
    fn refused(&self, name: &str) -> Option<Link> {
        let refusal = self.refusal.as_ref()?;
        let (place, call) = (Place::Role, &refusal.call);
        match (self.is_granted_since(), self.holds) {
            (true, Some(true)) => None,
            (true, None) => {
                let words = "granted since, in a context that may not be the job's";
                Some(link(place, name, Standing::Weak, words, "other context?"))
            }
            (true, Some(false)) => {
                let words = format!("refused {call}, and granted since in another context");
                Some(link(place, name, Standing::Broken, words, "other context"))
            }
            (false, _) => {
                let words = match refusal.ended {
                    Some(at) => format!("refused {call} {}", clock(at)),
                    None => format!("refused {call}"),
                };
                Some(link(place, name, Standing::Broken, words, "refused"))
            }
        }
    }

    /// What to say of a job that was refused what the grant allows. One that holds in some context only, and was there
    /// already, did not help it.
    pub(super) fn again(&self) -> Option<String> {
        let (refusal, grant) = (self.refusal.as_ref()?, self.grant?);
        let operation = refusal.call.strip_prefix("kms:")?;
        let is_allowed = grant.operations.iter().any(|allowed| allowed == operation);
        let is_newer = self.is_granted_since();
        let helps = self.holds == Some(true) && (is_newer || grant.constraint.is_none());
        if !is_allowed || !helps {
            return None;
        }
        let name = format::last_part(&grant.grantee);
        let when = refusal.ended.map(|at| format!(" at {}", clock(at))).unwrap_or_default();
        Some(if is_newer {
            format!("It was refused{when}; a grant to {name} has been made since.")
        } else {
            format!("It was refused{when}, though {name} had a grant: that takes some minutes to be known everywhere.")
        })
    }

    /// Why a grant that was made since does not help the job, or may not.
    pub(super) fn unmet(&self) -> Option<String> {
        let grant = self.grant.filter(|_| self.is_granted_since())?;
        let constraint = grant.constraint.as_ref().filter(|_| self.holds != Some(true))?;
        let of_job = match self.context {
            None => "whether the job's is that is not known".to_owned(),
            Some(context) if context.is_empty() => "the job unwraps without any".to_owned(),
            Some(context) => {
                let pairs: Vec<String> = context.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("the job's is {}", pairs.join(", "))
            }
        };
        let name = format::last_part(&grant.grantee);
        Some(format!(
            "A grant to {name} has been made since, but it holds only if the {}; {of_job}.",
            only_if(constraint)
        ))
    }
}

/// The encryption context that the job unwraps with; without a job the one that the object names. Unknown where neither
/// tells.
pub(super) fn context(job: Option<&Job>, object: Option<&ObjectRow>) -> Option<BTreeMap<String, String>> {
    if let Some(job) = job {
        let detail = job.detail.as_deref()?;
        detail.kms_key()?;
        let Some(text) = detail.hyperparameters.get("encryption_context") else {
            return Some(BTreeMap::new());
        };
        // The SageMaker SDK writes texts with quotes.
        let plain = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.clone());
        return if plain.is_empty() {
            Some(BTreeMap::new())
        } else {
            serde_json::from_str(&plain).ok()
        };
    }
    let info = object?.info().filter(|info| info.format.is_token())?;
    Some(info.context.iter().cloned().collect())
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

pub(super) fn key(state: &State, named: Option<&str>, row: Option<&KmsKey>, job: Option<&Job>) -> Link {
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

pub(super) fn role(state: &State, access: &Access<'_>) -> Link {
    let place = Place::Role;
    let Some(role) = access.role else {
        let is_asked = access.job.is_some_and(|job| job.detail.is_none());
        return if is_asked {
            link(place, "", Standing::Unknown, "not looked at yet", "not looked at")
        } else {
            link(place, "", Standing::Open, "none selected", "none")
        };
    };
    let name = format::last_part(role);
    if let Some(link) = access.refused(name) {
        return link;
    }
    let granted = access.grant.and_then(|grant| grant.created);
    let proof = access.key.and_then(|key| state.newest_proof(key, role));
    let proof = proof.filter(|proof| granted.is_none_or(|granted| granted <= proof.at));
    let proved = proof.map(|proof| {
        let how = match proof.method {
            ProofMethod::Assumed => "proved",
            ProofMethod::Reasoned => "reasoned",
        };
        (proof.allowed, format!(", {how} {}", clock(proof.at)))
    });
    // That it is denied without a grant is what a story of one wants to see; the grant of the story may be listed still.
    let is_wanted = proof.is_some_and(|proof| proof.is_of_story);
    match (access.grant, proved) {
        (_, Some((false, at))) if is_wanted => {
            let words = format!("no grant: denied Decrypt{at}");
            link(place, name, Standing::Weak, words, "no grant")
        }
        (_, Some((false, at))) => link(
            place,
            name,
            Standing::Broken,
            format!("denied Decrypt{at}"),
            "denied Decrypt",
        ),
        (Some(grant), proved) => {
            let proved = proved.map(|(_, at)| at).unwrap_or_default();
            granted_link(name, grant, access.holds, &proved)
        }
        (None, Some((true, at))) => link(place, name, Standing::Holds, format!("allowed Decrypt{at}"), "allowed"),
        (None, None) => ungranted(state, name, access.is_listed),
    }
}

fn granted_link(name: &str, grant: &Grant, holds: Option<bool>, proved: &str) -> Link {
    let (place, operations) = (Place::Role, grant.operations.join(", "));
    if !may_decrypt(grant) {
        let words = format!("granted {operations}, not Decrypt");
        return link(place, name, Standing::Weak, words, "not Decrypt");
    }
    if holds == Some(false) {
        let words = format!("granted {operations}, but in another context");
        return link(place, name, Standing::Weak, words, "other context");
    }
    let only_if = grant.constraint.as_ref().map_or("", |_| " in its context");
    let words = format!("granted {operations}{only_if}{proved}");
    link(place, name, Standing::Holds, words, "granted")
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

pub(super) fn object(state: &State, row: Option<&ObjectRow>, data: Option<&str>) -> Link {
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

pub(super) fn job(state: &State, job: Option<&Job>, object: Option<&ObjectRow>) -> Link {
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
    let is_told = job.detail.as_ref().is_some_and(|detail| !detail.channels.is_empty());
    if object.is_some_and(|object| is_told && !reads(state, job, object)) {
        let (standing, brief) = match standing {
            Standing::Weak | Standing::Broken => (standing, brief),
            Standing::Holds | Standing::Busy | Standing::Open | Standing::Unknown => (Standing::Weak, "other data"),
        };
        let words = format!("{}; it reads other data", job.status.as_str());
        return link(place, &job.name, standing, words, brief);
    }
    link(place, &job.name, standing, words.trim_end(), brief)
}

/// The time of day, in UTC as everywhere.
fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}
