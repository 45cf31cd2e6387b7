//! Requests and outcomes in words.

use super::text::{self, Line, Tone};
use crate::domain::{Outcome, ProofMethod, ProofStep, Reading, Request, Verdict};

/// What an operation does: `encrypt housing.csv to s3://…`.
pub(super) fn title(request: &Request) -> String {
    let several = |names: &[String]| match names {
        [only] => only.clone(),
        names => text::count(names.len(), "object"),
    };
    match request {
        Request::Encrypt {
            paths, bucket, prefix, ..
        } => {
            let what = match paths.as_slice() {
                [only] => text::last_part(&only.to_string_lossy()).to_owned(),
                several => text::count(several.len(), "file"),
            };
            format!("encrypt {what} to s3://{bucket}/{prefix}")
        }
        Request::ResumeUpload { .. } => "resume an interrupted upload".to_owned(),
        Request::AbandonUpload { .. } => "abort an interrupted upload".to_owned(),
        Request::Decrypt { object, to, .. } => format!("decrypt {} to {}", text::last_part(object), to.display()),
        Request::Verify { objects, .. } => format!("verify {}", several(objects)),
        Request::DeleteObjects { objects, .. } => format!("delete {}", several(objects)),
        Request::CreateBucket { bucket } => format!("create bucket {bucket}"),
        Request::RevokeGrant { grant_id, .. } => format!("revoke grant {}", text::cut(grant_id, 12)),
        Request::Prove { role_arn, .. } => format!("prove access of {}", text::last_part(role_arn)),
        Request::EnableKey { key_arn } => format!("enable key {}", text::last_part(key_arn)),
        Request::DisableKey { key_arn } => format!("disable key {}", text::last_part(key_arn)),
        Request::ScheduleKeyDeletion { key_arn, days } => {
            format!("schedule the deletion of {} in {days} days", text::last_part(key_arn))
        }
        Request::CancelKeyDeletion { key_arn } => format!("cancel the deletion of {}", text::last_part(key_arn)),
        Request::StartJob(spec) => format!("start job {}", spec.name),
        Request::StopJob { name } => format!("stop job {name}"),
        Request::SaveLog { job, to } => format!("save the log of {job} to {}", to.display()),
        other => further_title(other),
    }
}

fn further_title(request: &Request) -> String {
    let last = text::last_part;
    match request {
        Request::NewKey(spec) => format!("create key {}", spec.alias),
        Request::DraftKeyPolicy { .. } => "draft a key policy".to_owned(),
        Request::ReadKeyPolicy { key_arn } => format!("read the policy of {}", last(key_arn)),
        Request::PutKeyPolicy { key_arn, .. } => format!("put the policy of {}", last(key_arn)),
        Request::AddAlias { alias, .. } => format!("add alias {alias}"),
        Request::MoveAlias { alias, key_arn } => format!("move alias {alias} to {}", last(key_arn)),
        Request::DeleteAlias { alias } => format!("delete alias {alias}"),
        Request::TagKey { key_arn, .. } => format!("tag {}", last(key_arn)),
        Request::KeyTags { key_arn } => format!("read the tags of {}", last(key_arn)),
        Request::SetRotation { key_arn, on } => {
            format!(
                "switch rotation {} for {}",
                if *on { "on" } else { "off" },
                last(key_arn)
            )
        }
        Request::SetDescription { key_arn, .. } => format!("describe {}", last(key_arn)),
        Request::FindDependents { key_arn, .. } => format!("look for dependents of {}", last(key_arn)),
        Request::EncryptMessage { .. } => "encrypt a message".to_owned(),
        Request::DecryptMessage { .. } => "decrypt a message".to_owned(),
        Request::NewDataKey { to, .. } => format!("generate a data key, C to {to}"),
        Request::OpenDataKey { at, .. } => format!("open the data key at {at}"),
        Request::ReEncryptDataKey { at, .. } => format!("re-wrap the data key at {at}"),
        Request::CountBucket { bucket } => format!("count what is in {bucket}"),
        Request::EmptyBucket { bucket, .. } => format!("empty {bucket}"),
        Request::DeleteBucket { bucket, .. } => format!("delete the bucket {bucket}"),
        Request::Preview { object, .. } => format!("preview {}", last(object)),
        Request::ListArchive { object, .. } => format!("list {}", last(object)),
        Request::ProveObject { object, .. } => format!("prove {}", last(object)),
        Request::NewRole(spec) => format!("create role {}", spec.name),
        Request::RolePolicies { role } => format!("read the policies of {role}"),
        Request::DetachRolePolicy { role, policy } => format!("take {} off {role}", last(policy)),
        Request::DeleteRole { role } => format!("delete role {role}"),
        Request::TrustCaller { role, on: true } => format!("let yourself assume {role}"),
        Request::TrustCaller { role, on: false } => format!("no longer let yourself assume {role}"),
        Request::TrustService { role } => format!("let SageMaker assume {role}"),
        Request::Grant(spec) => format!("grant {} to {}", spec.operations.join(", "), last(&spec.grantee)),
        Request::AwaitGrant { grantee, .. } => format!("the grant to {} spreads", last(grantee)),
        Request::RetireGrant { grant_id, .. } => format!("retire grant {}", text::cut(grant_id, 12)),
        Request::GrantsOf { .. } => "list all grants".to_owned(),
        Request::ProveStory { role_arn, .. } => format!("prove the story of {}", last(role_arn)),
        Request::Preflight(spec) => format!("look ahead of job {}", spec.name),
        Request::NewRepository { repository } => format!("create repository {repository}"),
        Request::DeleteRepository { repository } => format!("delete repository {repository}"),
        Request::BuildImage(spec) => format!("build {}:{}", spec.repository, spec.tag),
        Request::TryImage { image } => format!("try {image}"),
        Request::PlanCleanUp => "look for what the walk made".to_owned(),
        Request::AuditLog { .. } => "read the audit log".to_owned(),
        _ => "operation".to_owned(),
    }
}

/// What is asked before a repair changes anything: the question, and what to know.
pub(super) fn question(request: &Request) -> (String, String) {
    match request {
        Request::Prove {
            role_arn, trust: true, ..
        } => (
            format!("Let yourself assume {} for a proof?", text::last_part(role_arn)),
            "Whoever may assume it can read the training data. That is taken back as soon as the proof is done."
                .to_owned(),
        ),
        other => (format!("{}?", text::capitalized(&title(other))), String::new()),
    }
}

/// What came of a request, and what to do next where that is known.
pub(super) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Encrypted { uris, bytes, .. } => match uris.as_slice() {
            [only] => format!("Encrypted and uploaded {only} ({}).", text::size(*bytes)),
            several => format!(
                "Encrypted and uploaded {} ({}).",
                text::count(several.len(), "file"),
                text::size(*bytes)
            ),
        },
        Outcome::Verified { verdicts } => match verdicts.as_slice() {
            [only] => verdict(only),
            several => {
                let intact = several
                    .iter()
                    .filter(|verdict| verdict.reading.is_intact() == Some(true));
                let all = text::count(several.len(), "object");
                format!("{} of {all} are intact tokens.", intact.count())
            }
        },
        Outcome::Decrypted {
            path, bytes, verified, ..
        } => {
            let proved = verified
                .iter()
                .map(|verified| format!(" ({verified})"))
                .collect::<String>();
            format!("Decrypted {} to {}{proved}.", text::size(*bytes), path.display())
        }
        Outcome::UploadAbandoned { .. } => "Aborted: nothing of it is left in S3.".to_owned(),
        Outcome::Deleted { objects } => format!("Deleted {}.", text::count(*objects as usize, "object")),
        Outcome::BucketCreated { bucket, .. } => format!("Created the bucket {bucket}."),
        Outcome::Granted { .. } => "Granted; it is known everywhere in a while.".to_owned(),
        Outcome::Revoked { .. } => "Revoked. It takes some minutes to reach everywhere.".to_owned(),
        Outcome::Proved { role_arn, steps, .. } => {
            let allowed: Vec<&str> = allowed(steps, true);
            let role = text::last_part(role_arn);
            if allowed.is_empty() {
                format!("{role} is denied everything that was tried.")
            } else {
                format!("{role} may {}.", allowed.join(", "))
            }
        }
        Outcome::KeyCreated { key_arn } => format!("Created the key {}.", text::last_part(key_arn)),
        Outcome::KeyChanged { key_arn } => format!("Changed the key {}.", text::last_part(key_arn)),
        Outcome::JobStarted { name } => format!("Started {name}; l shows its log."),
        Outcome::JobStopping { name } => format!("{name} was told to stop."),
        other => further_told(other),
    }
}

fn further_told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::LogSaved { path, lines } => {
            let lines = text::count(*lines as usize, "line");
            format!("Saved {lines} to {}.", path.display())
        }
        Outcome::PolicyDrafted { .. } => "The policy of the new key: y creates it, e edits it first.".to_owned(),
        Outcome::PolicyRead { .. } => "The policy as it is now.".to_owned(),
        Outcome::PolicyPut { .. } => "The policy was put; `put policy back` (a) undoes it.".to_owned(),
        Outcome::AliasChanged { alias } => format!("Changed {alias}."),
        Outcome::KeyTags { tags, .. } => format!("{}.", text::count(tags.len(), "tag")),
        Outcome::Dependents(found) => format!("{}.", found.summary()),
        Outcome::MessageEncrypted { path: Some(path), .. } | Outcome::MessageDecrypted { path: Some(path), .. } => {
            format!("Written to {}.", path.display())
        }
        Outcome::MessageEncrypted { .. } => "Encrypted.".to_owned(),
        Outcome::MessageDecrypted { .. } => "Decrypted; wiped when closed.".to_owned(),
        Outcome::DataKeyKept { at, .. } => format!("C is at {at}; D is forgotten."),
        Outcome::DataKeyOpened { mine, .. } if mine.allowed => "The data key unwraps for you.".to_owned(),
        Outcome::DataKeyOpened { .. } => "The data key does not unwrap for you.".to_owned(),
        Outcome::BucketCounted(count) => format!(
            "{} holds {}.",
            count.bucket,
            text::count(count.objects as usize, "object")
        ),
        Outcome::BucketEmptied {
            bucket,
            objects,
            deleted,
        } => {
            let gone = if *deleted { ", and the bucket is gone" } else { "" };
            format!(
                "Deleted {} of {bucket}{gone}.",
                text::count(*objects as usize, "object")
            )
        }
        Outcome::Previewed(preview) => format!("The beginning of {}; wiped when closed.", preview.source),
        Outcome::Archive { members, .. } => format!("{}.", text::count(members.len(), "file")),
        Outcome::ObjectProved(proof) if proof.holds => "Proved: only who may use the key can read it.".to_owned(),
        Outcome::ObjectProved(_) => "The proof does not hold: read why.".to_owned(),
        Outcome::RoleChanged { role_arn } => format!("Changed the role {}.", text::last_part(role_arn)),
        Outcome::RolePolicies(policies) => format!("Policies of {}.", text::last_part(&policies.role_arn)),
        Outcome::RoleDeleted { role } => format!("Deleted the role {role}."),
        Outcome::GrantSpread { seconds, .. } => {
            format!(
                "The grant works everywhere (after {}). To train: select an encrypted object (3), press t.",
                text::span(*seconds as i64)
            )
        }
        Outcome::GrantsFound { grants, .. } => format!("{}.", text::count(grants.len(), "grant")),
        Outcome::Story(story) if story.holds => "Proved: denied, allowed with the grant, denied again.".to_owned(),
        Outcome::Story(_) => "The story does not hold: read why.".to_owned(),
        Outcome::Preflighted { findings } => {
            let blocking = findings
                .iter()
                .filter(|finding| finding.weight == crate::domain::Weight::Blocks)
                .count();
            match blocking {
                0 => "Nothing stands in the way of the job.".to_owned(),
                blocking => format!("{} would make the job fail.", text::count(blocking, "finding")),
            }
        }
        Outcome::RepositoryReady { uri } => format!("The repository is {uri}."),
        Outcome::RepositoryDeleted { repository } => format!("Deleted the repository {repository}."),
        Outcome::ImageBuilt {
            image, pushed: true, ..
        } => format!("Built and pushed {image}."),
        Outcome::ImageBuilt { image, .. } => format!("Built {image}."),
        Outcome::ImageTried { image, status, .. } => format!("{image} ended with {status}."),
        Outcome::CleanUpPlan { items, .. } => format!("{}.", text::count(items.len(), "thing")),
        Outcome::Audit(entries) => format!("{}.", text::count(entries.len(), "change")),
        _ => "Done.".to_owned(),
    }
}

fn allowed(steps: &[ProofStep], allowed: bool) -> Vec<&str> {
    let steps = steps.iter().filter(|step| step.allowed == allowed);
    steps.map(|step| step.operation.as_str()).collect()
}

fn verdict(verdict: &Verdict) -> String {
    let source = &verdict.source;
    match &verdict.reading {
        Reading::Intact { verified, .. } => format!("{source} is intact, {verified}."),
        Reading::NotIntact { why, .. } => format!("{source} is NOT INTACT: {}; {}.", why.cause, why.remedy),
        Reading::NoToken { why, .. } => format!("{source}: {}; {}.", why.cause, why.remedy),
        Reading::NotChecked { why, .. } => format!("{source} could not be checked: {why}."),
    }
}

/// Whether an outcome is good news.
pub(super) fn tone(outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::Verified { verdicts } => {
            let tones: Vec<Tone> = verdicts.iter().map(|verdict| reading_tone(&verdict.reading)).collect();
            let worst = [Tone::Bad, Tone::Warn].into_iter().find(|tone| tones.contains(tone));
            worst.unwrap_or(Tone::Good)
        }
        Outcome::Decrypted { verified, .. } if !verified.as_ref().is_some_and(|verified| verified.bond.is_bound()) => {
            Tone::Warn
        }
        Outcome::ObjectProved(proof) if !proof.holds => Tone::Bad,
        Outcome::Story(story) if !story.holds => Tone::Bad,
        Outcome::ImageTried { status, .. } if *status != 0 => Tone::Bad,
        _ => Tone::Good,
    }
}

/// An access proof to be read.
pub(super) fn proof_lines(role_arn: &str, method: ProofMethod, steps: &[ProofStep]) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Dim, "As      ").and(Tone::Plain, role_arn)];
    if method == ProofMethod::Reasoned {
        let words = "The role could not be assumed: this is reasoned from policies and grants, not proved.";
        lines.push(Line::new(Tone::Warn, words));
        let offer = "Enter lets you assume the role for a proof, and takes that back when it is done.";
        lines.push(Line::new(Tone::Accent, offer));
    }
    lines.push(Line::blank());
    lines.extend(steps.iter().flat_map(|step| step_lines("", step)));
    lines
}

/// One operation that was tried.
pub(super) fn step_lines(lead: &str, step: &ProofStep) -> Vec<Line> {
    let (tone, word) = if step.allowed {
        (Tone::Good, "allowed")
    } else {
        (Tone::Bad, "denied ")
    };
    let mut lines = vec![Line::new(tone, format!("{lead}{word}  ")).and(Tone::Plain, step.operation.clone())];
    let margin = " ".repeat(lead.len() + 9);
    lines.extend(
        step.reason
            .iter()
            .map(|reason| Line::new(Tone::Dim, format!("{margin}{reason}"))),
    );
    let id = step.request_id.iter();
    lines.extend(id.map(|id| Line::new(Tone::Dim, format!("{margin}request {id}"))));
    lines
}

/// How good news it is.
fn reading_tone(reading: &Reading) -> Tone {
    match reading {
        Reading::Intact { verified, .. } if verified.bond.is_bound() && !verified.is_ahead => Tone::Good,
        Reading::Intact { .. } | Reading::NoToken { .. } | Reading::NotChecked { .. } => Tone::Warn,
        Reading::NotIntact { .. } => Tone::Bad,
    }
}

/// A verdict to be read.
pub(super) fn verdict_lines(found: &Verdict) -> Vec<Line> {
    let (word, more) = match &found.reading {
        Reading::Intact { format, verified } => ("intact      ", format!("{}, {verified}", format.as_str())),
        Reading::NotIntact { why, .. } => ("not intact  ", format!("{}; {}", why.cause, why.remedy)),
        Reading::NoToken { why, .. } => ("no token    ", format!("{}; {}", why.cause, why.remedy)),
        Reading::NotChecked { why, .. } => ("not checked ", why.to_string()),
    };
    vec![
        Line::new(reading_tone(&found.reading), word).and(Tone::Plain, found.source.clone()),
        Line::new(Tone::Dim, format!("{}{more}", " ".repeat(word.len()))),
    ]
}
