//! What operations found out, to be read, and to be acted on where there is something to do.

use super::overlay::{Confirm, Overlay, Report, Scroll};
use super::state::{Intent, State};
use super::text::{self, Line, Tone};
use super::{Effect, OpId, cleanup, form::Form, form::Purpose, more, seen, words};
use crate::domain::policy;
use crate::domain::{
    BucketCount, Dependents, Origin, Outcome, Plaintext, Preview, ProofMethod, ProofStep, Request, Story, View,
};

mod lines;

pub(super) use lines::explained;
use lines::{audit_line, finding_row, grant_row, object_proof, refused_row, role_policies, story_lines, tool_lines};

/// Rows that were found, each with what can be done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was looked for.
    pub title: String,
    /// The rows.
    pub rows: Vec<FoundRow>,
    /// The row with the cursor.
    pub cursor: usize,
    /// What found them, if it is to look again once something was done about one.
    pub again: Option<Request>,
    /// What is being done about one.
    pub(super) awaited: Option<OpId>,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundRow {
    /// What it is, the first line as the row itself.
    pub lines: Vec<Line>,
    /// What Enter does.
    pub then: Option<Request>,
}

/// What a proof found out about Decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proved {
    pub(super) key_arn: String,
    pub(super) role_arn: String,
    pub(super) at: jiff::Timestamp,
    pub(super) method: ProofMethod,
    pub(super) allowed: bool,
}

/// A plaintext on screen; wiped when closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Previewing {
    /// The beginning of the plaintext.
    pub preview: Preview,
    /// How it is read.
    pub view: View,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

/// Shows what an outcome found out, if it is a finding.
pub(super) fn show(state: &mut State, request: &Request, outcome: Outcome, effects: &mut Vec<Effect>) {
    match outcome {
        Outcome::Previewed(preview) => {
            if let (Request::Preview { bucket, object, .. }, Origin::Token { verified, etag }) =
                (request, &preview.origin)
            {
                let (bond, kms_key_arn) = (verified.bond.clone(), None);
                let found = seen::Found::Verified { bond, kms_key_arn };
                seen::remember(state, bucket, object, etag.as_deref(), found);
            }
            let view = preview.view;
            state.overlays.push(Overlay::Preview(Previewing {
                preview: *preview,
                view,
                scroll: Scroll::default(),
            }));
        }
        Outcome::MessageDecrypted {
            plaintext: Some(plaintext),
            key_arn,
            ..
        } => message(state, plaintext, &key_arn),
        Outcome::MessageEncrypted {
            ciphertext,
            key_arn,
            path,
            ..
        } => {
            let mut lines = vec![Line::new(Tone::Dim, "Under ").and(Tone::Plain, key_arn)];
            if let Some(path) = path {
                lines.push(Line::new(Tone::Dim, "In    ").and(Tone::Plain, path.to_string_lossy()));
            }
            lines.push(Line::blank());
            lines.push(Line::new(Tone::Plain, ciphertext));
            report(state, "Encrypted message", lines);
        }
        Outcome::DataKeyKept {
            at,
            ciphertext,
            key_arn,
        } => {
            let lines = vec![
                Line::new(Tone::Dim, "C is at ").and(Tone::Plain, at),
                Line::new(Tone::Dim, "Under   ").and(Tone::Plain, key_arn),
                Line::new(Tone::Dim, "D was 32 bytes, and is forgotten."),
                Line::blank(),
                Line::new(Tone::Plain, ciphertext),
            ];
            report(state, "Encrypted data key", lines);
        }
        Outcome::DataKeyOpened {
            at,
            mine,
            key_arn,
            role,
        } => {
            let mut lines = vec![Line::new(Tone::Dim, "C is at ").and(Tone::Plain, at)];
            lines.extend(key_arn.map(|arn| Line::new(Tone::Dim, "Under   ").and(Tone::Plain, arn)));
            lines.push(Line::blank());
            lines.extend(words::step_lines("for you", &mine));
            lines.extend(role.iter().flat_map(|step| words::step_lines("for the role", step)));
            report(state, "Encrypted data key", lines);
        }
        Outcome::KeyTags { tags, .. } => {
            let lines = tags
                .iter()
                .map(|(name, value)| Line::new(Tone::Dim, text::fit(name, 24)).and(Tone::Plain, value.clone()));
            report(state, "Tags", lines.collect());
        }
        Outcome::Dependents(found) => dependents(state, *found),
        Outcome::BucketCounted(count) => counted(state, &count),
        Outcome::Archive { source, members } => archive(state, &source, members),
        Outcome::ObjectProved(proof) => {
            let lines = object_proof(&proof);
            report(state, "What stands between the object and its readers", lines);
        }
        Outcome::RolePolicies(policies) => {
            let lines = role_policies(&policies);
            report(state, "Role policies", lines);
        }
        Outcome::GrantsFound { grants, refused } => {
            let rows = grants
                .iter()
                .map(|grant| grant_row(state, grant))
                .chain(refused.iter().map(|(key, fault)| refused_row(key, fault)));
            let rows = rows.collect();
            list(state, "Grants of all keys; Enter revokes", rows);
        }
        Outcome::Story(story) => {
            remember_story(state, &story);
            let lines = story_lines(&story);
            report(state, "The story of the grant", lines);
        }
        Outcome::Preflighted { findings } => {
            let rows: Vec<FoundRow> = findings.into_iter().map(finding_row).collect();
            let same = state.overlays.iter_mut().find_map(|overlay| match overlay {
                Overlay::Found(found) if found.again.as_ref() == Some(request) => Some(found),
                _ => None,
            });
            if let Some(found) = same {
                found.cursor = found.cursor.min(rows.len().saturating_sub(1));
                found.rows = rows;
                return;
            }
            list(state, "Before the job; Enter repairs", rows);
            if let Some(Overlay::Found(found)) = state.overlays.last_mut() {
                found.again = Some(request.clone());
            }
        }
        Outcome::ImageBuilt { image, pushed, output } => {
            let word = if pushed { "Built and pushed " } else { "Built " };
            report(state, "Training image", tool_lines(&format!("{word}{image}"), output));
        }
        Outcome::ImageTried { image, status, output } => {
            report(
                state,
                "Training image",
                tool_lines(&format!("{image} ended with {status}"), output),
            );
        }
        Outcome::CleanUpPlan { items, refused } => cleanup::planned(state, items, refused),
        Outcome::Audit(entries) => {
            let lines = entries.iter().map(audit_line).collect();
            report(state, "Every change that was asked for, newest first", lines);
        }
        Outcome::PolicyDrafted { policy } => {
            if let Some(purpose @ Intent::Key(_)) = state.intent.take() {
                super::review::show(state, purpose, String::new(), policy);
            }
        }
        Outcome::PolicyPut { key_arn, previous } => {
            if state.policy.as_ref().is_some_and(|(of, _)| *of == key_arn) {
                state.policy = None;
            }
            state.previous_policies.insert(key_arn, policy::readable(&previous));
        }
        Outcome::Granted { grant_id } => {
            state.grants.want(&grant_id);
            watch_spread(state, request, grant_id, effects);
        }
        _ => {}
    }
}

/// Something is being done about what was found, as this operation.
pub(super) fn started(state: &mut State, id: OpId) {
    if let Some(Overlay::Found(found)) = state.overlays.last_mut() {
        found.awaited = Some(id);
    }
}

/// An operation has ended: if it was done about what was found, it is looked for again.
pub(super) fn ended(state: &mut State, id: OpId, effects: &mut Vec<Effect>) {
    let again = state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Found(found) if found.awaited == Some(id) => {
            found.awaited = None;
            found.again.clone()
        }
        _ => None,
    });
    if let Some(request) = again {
        state.start(request, effects);
    }
}

/// A new grant is used by its token at once; everybody else sees it later, which is watched.
fn watch_spread(state: &mut State, request: &Request, grant_id: String, effects: &mut Vec<Effect>) {
    if let Request::Grant(spec) = request
        && spec.grantee.contains(":role/")
    {
        state.walk_role = Some(spec.grantee.clone());
        let request = Request::AwaitGrant {
            key_arn: spec.key_arn.clone(),
            grant_id,
            grantee: spec.grantee.clone(),
        };
        state.start(request, effects);
    }
}

/// Shows lines to be read.
pub(super) fn report(state: &mut State, title: &str, lines: Vec<Line>) {
    report_with(state, title, lines, None);
}

/// Shows lines to be read, with something that Enter does.
pub(super) fn report_with(state: &mut State, title: &str, lines: Vec<Line>, then: Option<Request>) {
    state.overlays.push(Overlay::Report(Report {
        title: title.to_owned(),
        lines,
        scroll: Scroll::default(),
        then,
    }));
}

fn list(state: &mut State, title: &str, rows: Vec<FoundRow>) {
    let rows = if rows.is_empty() {
        vec![FoundRow {
            lines: vec![Line::new(Tone::Dim, "Nothing was found.")],
            then: None,
        }]
    } else {
        rows
    };
    state.overlays.push(Overlay::Found(Found {
        title: title.to_owned(),
        rows,
        cursor: 0,
        again: None,
        awaited: None,
    }));
}

fn message(state: &mut State, plaintext: Plaintext, key_arn: &str) {
    let view = View::of("", plaintext.dangerously_show());
    state.overlays.push(Overlay::Preview(Previewing {
        preview: Preview {
            source: format!("message under {}", text::last_part(key_arn)),
            total: plaintext.len() as u64,
            bytes: plaintext,
            origin: Origin::Kms,
            view,
        },
        view,
        scroll: Scroll::default(),
    }));
}

fn counted(state: &mut State, count: &BucketCount) {
    let delete = match state.intent.take() {
        Some(Intent::Empty { bucket, delete }) if bucket == count.bucket => delete,
        _ => return,
    };
    let (bucket, expected) = (count.bucket.clone(), count.objects);
    let (verb, request) = if delete {
        ("Delete", Request::DeleteBucket { bucket, expected })
    } else {
        ("Empty", Request::EmptyBucket { bucket, expected })
    };
    let question = format!("{verb} the bucket {}?", count.bucket);
    let explanation = format!(
        "{} ({}) and {} will be gone for good, data keys with them.",
        text::count(expected as usize, "object"),
        text::size(count.bytes),
        text::count(count.uploads as usize, "unfinished upload"),
    );
    let confirm = Confirm::typing(question, &explanation, &count.bucket, request);
    state.overlays.push(Overlay::Confirm(confirm));
}

fn dependents(state: &mut State, found: Dependents) {
    let mut lines = vec![Line::new(Tone::Heading, found.summary()), Line::blank()];
    let last = found.last_used.map_or_else(|| "not told".to_owned(), text::time);
    lines.push(Line::new(Tone::Dim, "Last used    ").and(Tone::Plain, last));
    for (label, names) in [
        ("Alias", &found.aliases),
        ("Running job", &found.jobs),
        ("Object says", &found.objects),
    ] {
        let named = names
            .iter()
            .map(|name| Line::new(Tone::Dim, text::fit(label, 13)).and(Tone::Plain, name.clone()));
        lines.extend(named);
    }
    for grant in &found.grants {
        lines.push(Line::new(Tone::Dim, "Grant        ").and(Tone::Plain, grant.grantee.clone()));
    }
    for fault in &found.refused {
        lines.push(Line::new(Tone::Warn, format!("Not looked at: {fault}")));
    }
    let deletion = matches!(&state.intent, Some(Intent::Deletion { key_arn }) if *key_arn == found.key_arn);
    if !deletion {
        return report(state, "What depends on the key", lines);
    }
    state.intent = None;
    let name = state.key_name(&found.key_arn).unwrap_or(&found.key_arn).to_owned();
    let note = format!("After that nothing under it ever opens again. {}.", found.summary());
    let form = Form::new(
        Purpose::Deletion(found.key_arn),
        format!("Schedule the deletion of {name}"),
        note,
    );
    state.ask(form.text("Days", "30", "7 to 30"));
}

fn archive(state: &mut State, source: &str, members: Vec<(String, u64)>) {
    let place = source.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    let (bucket, object) = place
        .map(|(bucket, key)| (bucket.to_owned(), key.to_owned()))
        .unwrap_or_default();
    let rows = members.into_iter().map(|(name, bytes)| FoundRow {
        lines: vec![Line::new(Tone::Plain, text::fit(&name, 48)).and(Tone::Dim, text::size(bytes))],
        then: Some(more::preview(bucket.clone(), object.clone(), Some(name))),
    });
    let rows = rows.collect();
    list(state, "Files of the archive; Enter previews", rows);
}

fn remember_story(state: &mut State, story: &Story) {
    for phase in story.phases.iter().filter(|phase| !phase.operations.is_empty()) {
        remember(
            state,
            (&story.key_arn, &story.role_arn),
            phase.at,
            ProofMethod::Assumed,
            &phase.operations,
        );
    }
}

/// Keeps what a proof found out about a key and a role, for the walk.
pub(super) fn remember(
    state: &mut State,
    (key_arn, role_arn): (&str, &str),
    at: jiff::Timestamp,
    method: ProofMethod,
    steps: &[ProofStep],
) {
    if let Some(step) = steps.iter().find(|step| step.operation == "Decrypt") {
        state.proofs.push(Proved {
            key_arn: key_arn.to_owned(),
            role_arn: role_arn.to_owned(),
            at,
            method,
            allowed: step.allowed,
        });
    }
}
