//! Requests and outcomes in words.

use super::pane::Pane;
use super::state::State;
use super::text::{self, Line, Tone};
use crate::domain::{ObjectRow, Outcome, ProofStep, Request, Verdict};

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
        Request::CreateGrant {
            grantee, operations, ..
        } => {
            format!("grant {} to {}", operations.join(", "), text::last_part(grantee))
        }
        Request::RevokeGrant { grant_id, .. } => format!("revoke grant {}", text::cut(grant_id, 12)),
        Request::Prove { role_arn, .. } => format!("prove access of {}", text::last_part(role_arn)),
        Request::CreateKey { alias, .. } => format!("create key {alias}"),
        Request::EnableKey { key_arn } => format!("enable key {}", text::last_part(key_arn)),
        Request::DisableKey { key_arn } => format!("disable key {}", text::last_part(key_arn)),
        Request::ScheduleKeyDeletion { key_arn, days } => {
            format!("schedule the deletion of {} in {days} days", text::last_part(key_arn))
        }
        Request::CancelKeyDeletion { key_arn } => format!("cancel the deletion of {}", text::last_part(key_arn)),
        Request::StartJob(spec) => format!("start job {}", spec.name),
        Request::StopJob { name } => format!("stop job {name}"),
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
                let intact = several.iter().filter(|verdict| verdict.intact).count();
                format!("Verified: {intact} of {} intact.", text::count(several.len(), "object"))
            }
        },
        Outcome::Decrypted { path, bytes, bound } => {
            let proof = if *bound {
                "name and metadata proved"
            } else {
                "unbound: name not proved"
            };
            format!("Decrypted {} to {} ({proof}).", text::size(*bytes), path.display())
        }
        Outcome::UploadAbandoned { .. } => "Aborted: nothing of it is left in S3.".to_owned(),
        Outcome::Deleted { objects } => format!("Deleted {}.", text::count(*objects as usize, "object")),
        Outcome::BucketCreated { bucket } => format!("Created the bucket {bucket}."),
        Outcome::Granted { .. } => "Granted. To train with it: select an encrypted object (3), press t.".to_owned(),
        Outcome::Revoked { .. } => "Revoked. It takes some minutes to reach everywhere.".to_owned(),
        Outcome::Proved { role_arn, steps } => {
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
    }
}

fn allowed(steps: &[ProofStep], allowed: bool) -> Vec<&str> {
    let steps = steps.iter().filter(|step| step.allowed == allowed);
    steps.map(|step| step.operation.as_str()).collect()
}

fn verdict(verdict: &Verdict) -> String {
    match &verdict.error {
        None if verdict.intact && verdict.bound => format!("{} is intact, name and metadata proved.", verdict.source),
        None if verdict.intact => format!("{} is intact, unbound.", verdict.source),
        None => format!("{} is not intact.", verdict.source),
        Some(error) => format!("{} is not intact: {error}.", verdict.source),
    }
}

/// Whether an outcome is good news.
pub(super) fn tone(outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::Verified { verdicts } if verdicts.iter().any(|verdict| !verdict.intact) => Tone::Bad,
        Outcome::Decrypted { bound: false, .. } => Tone::Warn,
        _ => Tone::Good,
    }
}

/// An access proof to be read.
pub(super) fn proof_lines(role_arn: &str, steps: &[ProofStep]) -> Vec<Line> {
    let mut lines = vec![
        Line::new(Tone::Dim, "As      ").and(Tone::Plain, role_arn),
        Line::blank(),
    ];
    for step in steps {
        let (tone, word) = if step.allowed {
            (Tone::Good, "allowed")
        } else {
            (Tone::Bad, "denied ")
        };
        lines.push(Line::new(tone, format!("{word}  ")).and(Tone::Plain, step.operation.clone()));
        if let Some(reason) = &step.reason {
            lines.push(Line::new(Tone::Dim, format!("         {reason}")));
        }
        if let Some(id) = &step.request_id {
            lines.push(Line::new(Tone::Dim, format!("         request {id}")));
        }
    }
    lines
}

/// A verdict to be read.
pub(super) fn verdict_lines(found: &Verdict) -> Vec<Line> {
    let (tone, word) = if found.intact {
        (Tone::Good, "intact     ")
    } else {
        (Tone::Bad, "not intact ")
    };
    let mut lines = vec![Line::new(tone, word).and(Tone::Plain, found.source.clone())];
    let more = match &found.error {
        Some(error) => error.clone(),
        None if found.bound => format!("{}, name and metadata proved", found.format.as_str()),
        None => format!("{}, unbound", found.format.as_str()),
    };
    lines.push(Line::new(Tone::Dim, format!("           {more}")));
    lines
}

/// The `aws` command that shows what the cursor is on.
pub(super) fn aws_command(state: &State) -> Option<String> {
    let mut words: Vec<String> = vec!["aws".to_owned()];
    match state.focus {
        Pane::Keys => words.extend(owned(&["kms", "describe-key", "--key-id", &state.key()?.arn])),
        Pane::Grants => {
            let grant = state.grants.current()?;
            let query = format!("Grants[?GrantId=='{}']", grant.id);
            words.extend(owned(&[
                "kms",
                "list-grants",
                "--key-id",
                &grant.key_arn,
                "--query",
                &query,
            ]));
        }
        Pane::Objects => match (&state.place, state.objects.current()) {
            (None, _) => {
                let uri = format!("s3://{}/", state.buckets.current()?.name);
                words.extend(owned(&["s3", "ls", &uri]));
            }
            (Some((bucket, _)), Some(ObjectRow::Prefix { prefix })) => {
                words.extend(owned(&["s3", "ls", &format!("s3://{bucket}/{prefix}")]));
            }
            (Some((bucket, _)), row) => {
                words.extend(owned(&[
                    "s3api",
                    "head-object",
                    "--bucket",
                    bucket,
                    "--key",
                    row?.key(),
                ]));
            }
        },
        Pane::Jobs => {
            let name = &state.jobs.current()?.name;
            words.extend(owned(&[
                "sagemaker",
                "describe-training-job",
                "--training-job-name",
                name,
            ]));
        }
        Pane::Files => {
            let (file, (bucket, prefix)) = (state.files.current()?, state.place.as_ref()?);
            let uri = format!("s3://{bucket}/{prefix}");
            words = owned(&[
                "strongroom",
                "encrypt",
                &file.path.to_string_lossy(),
                &uri,
                "--key",
                &state.key()?.arn,
            ]);
        }
    }
    let settings = &state.settings;
    for (option, value) in [
        ("--profile", &settings.profile),
        ("--region", &settings.region),
        ("--endpoint-url", &settings.endpoint),
    ] {
        if let Some(value) = value {
            words.extend(owned(&[option, value]));
        }
    }
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A word as a POSIX shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
