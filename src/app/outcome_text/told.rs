//! What came of it, and what to do next where that is known.

use super::Names;
use super::bulk::{audited, begun, rewrapped, sealed};
use super::objects;
use super::proofs::reading_tone;
use crate::app::command::{Command, Keyed};
use crate::app::format::{self, Tone};
use crate::domain::JobKind;
use crate::domain::policy::role_label;
use crate::domain::request::principal;
use crate::domain::words::{capitalized, holdings, not_checked};
use crate::domain::{
    AliasChange, BucketCount, Contested, Door, KeyChange, Outcome, ProofMethod, ProofStep, Reading, RoleChange,
    Verdict, Weight,
};

/// The bucket and prefix that all of these are under.
fn common_place(uris: &[String]) -> &str {
    let Some((first, others)) = uris.split_first() else {
        return "nowhere";
    };
    let holds = |place: &&str| others.iter().all(|uri| uri.starts_with(*place));
    let slashes = first.rmatch_indices('/').map(|(at, _)| &first[..=at]);
    slashes.into_iter().find(holds).unwrap_or("S3")
}

/// What came of a request, in a sentence, and whether it is good news.
pub fn told(names: &Names<'_>, outcome: &Outcome) -> (Tone, String) {
    let mut tone = Tone::Good;
    let said = match outcome {
        Outcome::Encrypted {
            uris, bytes, key_arn, ..
        } => {
            let what = match uris.as_slice() {
                [only] => only.clone(),
                several => format!("{} to {}", format::count(several.len(), "file"), common_place(several)),
            };
            let (size, key) = (format::size(*bytes), names.key(key_arn));
            format!("Encrypted and uploaded {what} ({size}) under {key}.")
        }
        Outcome::Verified { verdicts } => {
            let tones: Vec<Tone> = verdicts.iter().map(|verdict| reading_tone(&verdict.reading)).collect();
            let worst = [Tone::Bad, Tone::Warn].into_iter().find(|tone| tones.contains(tone));
            let is_lost = verdicts.iter().any(|verdict| !verdict.contested.is_empty());
            tone = worst.unwrap_or(if is_lost { Tone::Warn } else { Tone::Good });
            match verdicts.as_slice() {
                [only] => verdict(only),
                several => {
                    let is_intact = |verdict: &&Verdict| verdict.reading.is_intact() == Some(true);
                    let intact = several.iter().filter(is_intact).count();
                    let all = format::count(several.len(), "object");
                    format!("{intact} of {all} are intact tokens.")
                }
            }
        }
        Outcome::Decrypted {
            source,
            path,
            bytes,
            verified,
            contested,
            ..
        } => {
            let is_bound = verified.as_ref().is_some_and(|verified| verified.bond.is_bound());
            if !is_bound || !contested.is_empty() {
                tone = Tone::Warn;
            }
            let proved: String = verified.iter().map(|verified| format!("; {verified}")).collect();
            let (size, path) = (format::size(*bytes), path.display());
            format!("Decrypted {source} ({size}) to {path}{proved}.{}", lost(contested))
        }
        Outcome::UploadAbandoned { what, destination } => {
            format!("Aborted the upload of {what} to {destination}: its parts are deleted.")
        }
        Outcome::Deleted { bucket, objects } => format!("Deleted {}.", names.objects(bucket, objects)),
        Outcome::BucketCreated { bucket, .. } => format!("Created the bucket {bucket}, and opened it."),
        Outcome::Granted {
            key_arn,
            grantee,
            operations,
            ..
        } => format!(
            "Granted {} {} with {}. It is known everywhere in some minutes.",
            principal(grantee),
            operations.join(", "),
            names.key(key_arn)
        ),
        Outcome::Revoked { key_arn, grantee } => format!(
            "Revoked the grant of {} on {}. It takes some minutes to reach everywhere.",
            principal(grantee),
            names.key(key_arn)
        ),
        Outcome::Retired { key_arn, grantee } => format!(
            "Retired the grant of {} on {}. It takes some minutes to reach everywhere.",
            principal(grantee),
            names.key(key_arn)
        ),
        Outcome::Proved {
            key_arn,
            role_arn,
            method,
            steps,
        } => {
            if steps.iter().any(|step| !step.allowed) {
                tone = Tone::Warn;
            }
            proved(names, (key_arn, role_arn), *method, steps)
        }
        Outcome::KeyCreated {
            alias: Some(alias),
            key_arn,
        } => {
            format!("Created the key {alias} ({}).", format::last_part(key_arn))
        }
        Outcome::KeyCreated { alias: None, key_arn } => format!("Created {}.", names.key(key_arn)),
        Outcome::KeyChanged { key_arn, change } => key_changed(names, key_arn, change),
        Outcome::JobStarted { name, note, .. } => {
            let shows = names.press(Command::Do(Keyed::Log));
            let note = note.as_ref().map(|note| format!(" Its {note}."));
            format!(
                "Started the job {name}; {shows} shows its log.{}",
                note.unwrap_or_default()
            )
        }
        Outcome::JobStopping { name } => {
            let name = JobKind::split(name).1;
            format!("Told the job {name} to stop: it has two minutes.")
        }
        Outcome::LogSaved { job, path, lines } => {
            let lines = format::count(*lines as usize, "line");
            let job = JobKind::split(job).1;
            format!("Saved the log of {job} ({lines}) to {}.", path.display())
        }
        Outcome::PolicyDrafted { .. } => {
            "Drafted the policy of the new key: y creates the key with it, e edits it first.".to_owned()
        }
        Outcome::PolicyRead { key_arn, .. } => format!("Read the policy of {}.", names.key(key_arn)),
        Outcome::PolicyPut { key_arn, .. } => {
            let (key, menu) = (names.key(key_arn), names.press(Command::Actions));
            format!("Replaced the policy of {key}; `put policy back` ({menu}) undoes it.")
        }
        Outcome::AliasChanged { alias, change } => match change {
            AliasChange::Added(key) => format!("Added {alias} to {}.", names.key(key)),
            AliasChange::Moved(key) => format!("Moved {alias} to {}.", names.key(key)),
            AliasChange::Deleted => format!("Deleted {alias}; its key stays."),
        },
        Outcome::Dependents(found) => {
            let key = capitalized(&names.key(&found.key_arn));
            format!("{key}: {}.", found.summary())
        }
        Outcome::MessageEncrypted { key_arn, path, .. } => {
            let key = names.key(key_arn);
            match path {
                Some(path) => format!("Encrypted the message under {key} to {}.", path.display()),
                None => format!("Encrypted the message under {key}."),
            }
        }
        Outcome::MessageDecrypted { key_arn, path, .. } => {
            let key = names.key(key_arn);
            match path {
                Some(path) => format!("Decrypted the message under {key} to {}.", path.display()),
                None => format!("Decrypted the message under {key}; it is wiped when closed."),
            }
        }
        Outcome::DataKeyKept { at, key_arn, .. } => {
            let key = names.key(key_arn);
            format!("The encrypted data key, under {key}, is at {at}; its plaintext is forgotten.")
        }
        Outcome::DataKeyOpened { at, mine, role, .. } => {
            let yours = if mine.allowed { "unwraps" } else { "does not unwrap" };
            let roles = match role {
                Some(role) if role.allowed => ", and for the role too",
                Some(_) => ", and not for the role",
                None => "",
            };
            format!("The encrypted data key {at} {yours} for you{roles}.")
        }
        Outcome::BucketCounted(count) => format!(
            "The bucket {} holds {} ({}{}) and {}.",
            count.bucket,
            format::count(count.objects as usize, "object"),
            format::size(count.bytes),
            older(count),
            format::count(count.uploads as usize, "unfinished upload")
        ),
        Outcome::BucketEmptied {
            bucket,
            objects,
            older,
            deleted,
        } => {
            let objects = holdings(*objects, *older);
            if *deleted {
                format!("Deleted the bucket {bucket} and its {objects}.")
            } else {
                format!("Emptied the bucket {bucket} of its {objects}; the bucket stays.")
            }
        }
        Outcome::Previewed(preview) => {
            format!("The beginning of {}; it is wiped when closed.", preview.source)
        }
        Outcome::Archive { source, members } => {
            format!("{source} holds {}.", format::count(members.len(), "file"))
        }
        Outcome::ObjectProved(proof) if proof.holds => {
            format!("Proved of {}: only who may use the key can read it.", proof.source)
        }
        Outcome::ObjectProved(proof) => {
            tone = Tone::Bad;
            format!("It does not hold, read why: the proof of {}.", proof.source)
        }
        Outcome::RoleChanged { role_arn, change } => role_changed(role_label(role_arn), change),
        Outcome::RolePolicies(policies) => format!("The policies of the role {}.", role_label(&policies.role_arn)),
        Outcome::RoleDeleted { role } => format!("Deleted the role {role} and its own policies."),
        Outcome::GrantSpread {
            key_arn,
            grantee,
            seconds,
        } => format!(
            "The grant works (seen after {}): {} on {}. To train: select an encrypted object ({}), press {}.",
            format::span(*seconds as i64),
            principal(grantee),
            names.key(key_arn),
            names.press(Command::Focus(crate::app::Pane::Objects)),
            names.press(Command::Do(Keyed::Train))
        ),
        Outcome::GrantsFound { grants, refused } => {
            let refused = match refused.len() {
                0 => String::new(),
                keys => format!("; {} could not be asked", format::count(keys, "key")),
            };
            format!("Found {}{refused}.", format::count(grants.len(), "grant"))
        }
        Outcome::GrantCycle(story) => {
            let (role, key) = (principal(&story.role_arn), names.key(&story.key_arn));
            if story.holds {
                format!("Denied, allowed with the grant, denied again: proved of {role} and {key}.")
            } else {
                tone = Tone::Bad;
                format!("It does not hold, read why: the story of {role} and {key}.")
            }
        }
        Outcome::Preflighted { job, findings } => {
            let blocking = findings
                .iter()
                .filter(|finding| finding.weight == Weight::Blocks)
                .count();
            let unknown = findings
                .iter()
                .filter(|finding| finding.weight == Weight::Unknown)
                .count();
            match (blocking, unknown) {
                (0, 0) => format!("Nothing that was looked at stands in the way of the job {job}."),
                (0, unknown) => format!(
                    "Nothing that could be seen stands in the way of the job {job}; {} could not be looked at.",
                    format::count(unknown, "thing")
                ),
                (blocking, _) => {
                    tone = Tone::Bad;
                    format!("{} would make the job {job} fail.", format::count(blocking, "finding"))
                }
            }
        }
        Outcome::RepositoryReady { uri } => format!("The repository {uri} is there."),
        Outcome::RepositoryDeleted { repository } => {
            format!("Deleted the repository {repository} and its images.")
        }
        Outcome::ImageBuilt {
            image, pushed: true, ..
        } => format!("Built and pushed {image}."),
        Outcome::ImageBuilt {
            image, pushed: false, ..
        } => format!("Built {image}; it was not pushed."),
        Outcome::ImageTried { image, status, .. } => {
            if *status != 0 {
                tone = Tone::Bad;
            }
            format!("{image} ended with status {status}.")
        }
        Outcome::CleanUpPlan { items, refused } => {
            let refused = match refused.len() {
                0 => String::new(),
                looks => format!("; {} was refused", format::count(looks, "look")),
            };
            format!(
                "Found {} that the walk made{refused}.",
                format::count(items.len(), "thing")
            )
        }
        Outcome::Audited(report) => {
            let (said, is_well) = audited(&report.summary);
            tone = if is_well { Tone::Good } else { Tone::Warn };
            said
        }
        Outcome::Rewrapped(report) => {
            if !report.is_well() {
                tone = Tone::Warn;
            }
            rewrapped(report)
        }
        Outcome::SealPlanned(plan) => {
            let all = plan.all();
            let objects = format::count(usize::try_from(all.objects).unwrap_or(usize::MAX), "object");
            let (verb, place) = (plan.spec.verb(), plan.spec.place());
            if !plan.is_well() {
                tone = Tone::Warn;
            }
            let counts = [
                (plan.doomed_count, "would fail"),
                (plan.unread_count, "could not be looked at"),
                (plan.unchecked(), "would be left, and may be plain"),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let more: String = counts.map(|(count, what)| format!("; {count} {what}")).collect();
            format!(
                "Looked ahead: {objects} ({}) to {verb} at {place}{more}.",
                format::size(all.bytes)
            )
        }
        Outcome::Sealed(report) => {
            let (said, is_well) = sealed(report);
            tone = if is_well { Tone::Good } else { Tone::Warn };
            said
        }
        Outcome::BulkBegun {
            id,
            job,
            shards,
            objects,
            unchecked,
            unplanned,
            uploaded,
        } => {
            if unchecked.is_some() || !unplanned.is_empty() {
                tone = Tone::Warn;
            }
            let begun = begun((id, job.as_deref()), *shards, *objects);
            let unchecked = unchecked.as_deref().map(not_checked);
            let uploaded = uploaded.as_ref().map(|uri| format!("strongroom uploaded to {uri}"));
            let left = unplanned.iter().map(|left| format!("also found: {left}"));
            let more = unchecked.into_iter().chain(left).chain(uploaded);
            more.fold(begun, |said, more| format!("{said} {}.", capitalized(&more)))
        }
        Outcome::WhoSaved { json, page } => {
            format!(
                "Kept it with the evidence: {}, and as a page {}.",
                json.display(),
                page.display()
            )
        }
        Outcome::Versions(list) => {
            tone = Tone::Dim;
            objects::versions(list)
        }
        Outcome::Compared(compared) => {
            tone = Tone::Dim;
            format!("Compared two versions of s3://{}/{}.", compared.bucket, compared.object)
        }
        Outcome::Presigned { source, until, .. } => {
            tone = Tone::Warn;
            objects::presigned(source, *until)
        }
        Outcome::SheetSaved { what, path, rows } => objects::saved(what, path, *rows),
        Outcome::AuditReportSaved { path, rows } => {
            let rows = format::count(usize::try_from(*rows).unwrap_or(usize::MAX), "row");
            format!("Saved the audit ({rows}) to {}.", path.display())
        }
        Outcome::AuditSaved { path, changes } => {
            let changes = format::count(*changes as usize, "change");
            format!("Saved the audit log ({changes}) to {}.", path.display())
        }
        Outcome::Audit(entries) => match entries.len() {
            1 => "The audit log: the newest change.".to_owned(),
            changes => format!("The audit log: the newest {changes} changes."),
        },
    };
    (tone, said)
}

fn key_changed(names: &Names<'_>, key_arn: &str, change: &KeyChange) -> String {
    let (key, restore) = (names.key(key_arn), names.press(Command::Do(Keyed::Restore)));
    match change {
        KeyChange::Enabled => format!("Enabled {key}."),
        KeyChange::Disabled => {
            format!("Disabled {key}: nothing under it opens until it is enabled again ({restore}).")
        }
        KeyChange::DeletionScheduled { days } => {
            format!(
                "{} is deleted in {days} days; until then {restore} takes that back.",
                capitalized(&key)
            )
        }
        KeyChange::DeletionCancelled => {
            format!("Cancelled the deletion of {key}. It is Disabled: {restore} enables it.")
        }
        KeyChange::RotationOn => format!("Switched the yearly rotation of {key} on."),
        KeyChange::RotationOff => format!("Switched the yearly rotation of {key} off."),
        KeyChange::Described(words) if words.is_empty() => format!("Removed the description of {key}."),
        KeyChange::Described(words) => format!("Described {key} as `{words}`."),
        KeyChange::Tagged { set, removed } => {
            let set = set.iter().map(|(name, value)| format!("{name}={value}"));
            let removed = removed.iter().map(|name| format!("no {name}"));
            let tags: Vec<String> = set.chain(removed).collect();
            format!("Tagged {key}: {}.", tags.join(", "))
        }
    }
}

fn role_changed(role: &str, change: &RoleChange) -> String {
    match change {
        RoleChange::Created => {
            format!("Created the role {role}: SageMaker may assume it, no key is granted to it yet.")
        }
        RoleChange::PolicyDetached(policy) => format!("Took the policy {policy} off the role {role}."),
        RoleChange::TrustsCaller => {
            format!("You may assume the role {role}, and read what it can; `distrust me` takes that back.")
        }
        RoleChange::DistrustsCaller => format!("You may no longer assume the role {role}."),
        RoleChange::TrustsService => format!("SageMaker may assume the role {role}."),
    }
}

fn proved(names: &Names<'_>, (key_arn, role_arn): (&str, &str), method: ProofMethod, steps: &[ProofStep]) -> String {
    let of = |allowed: bool| {
        let steps = steps.iter().filter(|step| step.allowed == allowed);
        steps.map(|step| step.operation.as_str()).collect::<Vec<_>>().join(", ")
    };
    let how = match method {
        ProofMethod::Assumed => "Proved",
        ProofMethod::Reasoned => "Reasoned from policies, not proved",
    };
    let (role, key) = (principal(role_arn), names.key(key_arn));
    match (of(true).as_str(), of(false).as_str()) {
        (may, "") => format!("{how}: {role} may {may} with {key}."),
        ("", denied) => format!("{how}: denied {denied}: {role} with {key}."),
        (may, denied) => format!("{how}: denied {denied}; allowed {may}: {role} with {key}."),
    }
}

/// The files of an archive of which another host's is lost.
fn lost(contested: &[Contested]) -> String {
    contested.first().map_or_else(String::new, |first| {
        let (name, files) = (&first.name, format::count(contested.len(), "file"));
        format!(" {files} of it had the name of another host's. {name}: {first}.")
    })
}

fn verdict(verdict: &Verdict) -> String {
    let source = &verdict.source;
    match &verdict.reading {
        Reading::Intact { verified, .. } => format!("{source} is intact, {verified}.{}", lost(&verdict.contested)),
        Reading::NotIntact { why, .. } => format!("{source} is NOT INTACT: {}.", why.why_at(Door::Dashboard)),
        Reading::NoToken { why, .. } => format!("{source}: {}.", why.why_at(Door::Dashboard)),
        Reading::NotChecked { why, .. } => {
            format!("{source} could not be checked: {}.", why.at(Door::Dashboard))
        }
    }
}

/// What a bucket holds besides current objects, as far as it could be seen.
pub(crate) fn older(count: &BucketCount) -> String {
    if count.unseen {
        return ", older versions could not be listed".to_owned();
    }
    if count.older() == 0 {
        return String::new();
    }
    format!(
        ", {} and {}",
        format::count(count.versions as usize, "older version"),
        format::count(count.markers as usize, "delete marker")
    )
}
