//! What operations found out, to be read, and to be acted on where there is something to do.

use super::overlay::{Confirm, Overlay, Report, Scroll, Then};
use super::state::{Intent, State};
use super::text::{self, Line, Tone};
use super::{Effect, form::Form, form::Purpose, more, words};
use crate::domain::explain::Explanation;
use crate::domain::{
    AuditEntry, BucketCount, CleanUpItem, Dependents, Fault, Finding, Grant, ObjectProof, Outcome, Plaintext, Preview,
    ProofMethod, ProofStep, Request, RolePolicies, Story, View, Weight,
};

/// Rows that were found, each with what can be done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was looked for.
    pub title: String,
    /// The rows.
    pub rows: Vec<FoundRow>,
    /// The row with the cursor.
    pub cursor: usize,
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
            let rows = findings.into_iter().map(finding_row).collect();
            list(state, "Before the job; Enter repairs", rows);
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
        Outcome::CleanUpPlan { items, refused } => {
            let rows = items
                .into_iter()
                .map(clean_up_row)
                .chain(refused.iter().map(|fault| refused_row("", fault)));
            let rows: Vec<FoundRow> = rows.collect();
            list(state, "What the walk made; Enter takes one down", rows);
        }
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
            state.previous_policies.insert(key_arn, previous);
        }
        Outcome::Granted { grant_id } => {
            state.grants.want(&grant_id);
            watch_spread(state, request, grant_id, effects);
        }
        _ => {}
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
    state.overlays.push(Overlay::Report(Report {
        title: title.to_owned(),
        lines,
        scroll: Scroll::default(),
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
    }));
}

fn message(state: &mut State, plaintext: Plaintext, key_arn: &str) {
    let view = View::of("", plaintext.dangerously_show());
    state.overlays.push(Overlay::Preview(Previewing {
        preview: Preview {
            source: format!("message under {}", text::last_part(key_arn)),
            total: plaintext.len() as u64,
            bytes: plaintext,
            bound: true,
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
    state.overlays.push(Overlay::Confirm(Confirm {
        question: format!("{verb} the bucket {}?", count.bucket),
        explanation: format!(
            "{} ({}) and {} will be gone for good, data keys with them. To agree, type: {}",
            text::count(expected as usize, "object"),
            text::size(count.bytes),
            text::count(count.uploads as usize, "unfinished upload"),
            count.bucket,
        ),
        typed: Some((count.bucket.clone(), tui_input::Input::default())),
        then: Then::Start(Box::new(request), None),
    }));
}

fn dependents(state: &mut State, found: Dependents) {
    let mut lines = vec![Line::new(Tone::Heading, found.summary()), Line::blank()];
    let last = found.last_used.map_or_else(|| "not told".to_owned(), text::time);
    lines.push(Line::new(Tone::Dim, "Last used    ").and(Tone::Plain, last));
    for (label, names) in [
        ("Alias", &found.aliases),
        ("Running job", &found.jobs),
        ("Object", &found.objects),
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
    state.overlays.push(Overlay::Form(form.text("Days", "30", "7 to 30")));
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

fn grant_row(state: &State, grant: &Grant) -> FoundRow {
    let key = state
        .key_name(&grant.key_arn)
        .unwrap_or_else(|| text::last_part(&grant.key_arn));
    let name = grant.name.clone().unwrap_or_default();
    FoundRow {
        lines: vec![
            Line::new(Tone::Accent, text::fit(key, 24))
                .and(Tone::Plain, text::fit(text::last_part(&grant.grantee), 28))
                .and(Tone::Plain, format!("{}  ", grant.operations.join(", ")))
                .and(Tone::Dim, name),
        ],
        then: Some(Request::RevokeGrant {
            key_arn: grant.key_arn.clone(),
            grant_id: grant.id.clone(),
        }),
    }
}

fn refused_row(what: &str, fault: &Fault) -> FoundRow {
    FoundRow {
        lines: vec![Line::new(Tone::Warn, format!("{what} {fault}").trim().to_owned())],
        then: None,
    }
}

fn finding_row(finding: Finding) -> FoundRow {
    let (tone, word) = match finding.weight {
        Weight::Blocks => (Tone::Bad, "fails  "),
        Weight::Warns => (Tone::Warn, "warns  "),
        Weight::Unknown => (Tone::Dim, "unknown"),
        Weight::Well => (Tone::Good, "well   "),
    };
    let mut lines = vec![Line::new(tone, format!("{word}  ")).and(Tone::Plain, finding.what)];
    lines.push(Line::new(Tone::Dim, format!("         {}", finding.detail)));
    if !finding.remedy.is_empty() {
        lines.push(Line::new(Tone::Accent, format!("         {}", finding.remedy)));
    }
    FoundRow {
        lines,
        then: finding.repair,
    }
}

fn clean_up_row(item: CleanUpItem) -> FoundRow {
    let tone = if item.request.is_some() { Tone::Plain } else { Tone::Dim };
    let mut lines = vec![
        Line::new(Tone::Accent, text::fit(item.kind, 14))
            .and(tone, text::fit(&item.name, 56))
            .and(Tone::Dim, item.state),
    ];
    lines.extend(
        item.refused
            .map(|why| Line::new(Tone::Warn, format!("              {why}"))),
    );
    FoundRow {
        lines,
        then: item.request,
    }
}

fn object_proof(proof: &ObjectProof) -> Vec<Line> {
    let mut lines = vec![
        Line::new(Tone::Heading, proof.source.clone()),
        Line::new(Tone::Dim, format!("As stored ({}):", text::size(proof.stored_bytes))),
        Line::new(Tone::Plain, proof.stored.clone()),
        Line::blank(),
    ];
    for step in &proof.steps {
        let (tone, sign) = if step.held {
            (Tone::Good, "✓ ")
        } else {
            (Tone::Bad, "✗ ")
        };
        lines.push(
            Line::new(tone, sign)
                .and(Tone::Plain, format!("{}: ", step.what))
                .and(tone, step.outcome.clone()),
        );
        let more = step.reason.iter().chain(&step.request_id);
        lines.extend(more.map(|text| Line::new(Tone::Dim, format!("    {text}"))));
    }
    lines.push(Line::blank());
    lines.push(verdict(proof.holds));
    lines.extend(proof.notes.iter().map(|note| Line::new(Tone::Warn, note.clone())));
    lines
}

fn verdict(holds: bool) -> Line {
    if holds {
        Line::new(Tone::Good, "It holds.")
    } else {
        Line::new(Tone::Bad, "It does not hold.")
    }
}

fn story_lines(story: &Story) -> Vec<Line> {
    let mut lines = vec![
        Line::new(Tone::Dim, "Key   ").and(Tone::Plain, story.key_arn.clone()),
        Line::new(Tone::Dim, "Role  ").and(Tone::Plain, story.role_arn.clone()),
    ];
    for phase in &story.phases {
        let (tone, sign) = if phase.held {
            (Tone::Good, "✓ ")
        } else {
            (Tone::Bad, "✗ ")
        };
        let expected = match phase.expected {
            Some(true) => "expect allowed",
            Some(false) => "expect denied",
            None => "",
        };
        lines.push(Line::blank());
        lines.push(
            Line::new(tone, sign)
                .and(Tone::Heading, text::fit(phase.name, 10))
                .and(Tone::Dim, format!("{}  {expected}", phase.at.strftime("%H:%M:%S"))),
        );
        if let Some(waited) = phase.waited_ms {
            lines.push(Line::new(Tone::Dim, format!("    it took {waited} ms to show")));
        }
        lines.extend(phase.operations.iter().flat_map(|step| words::step_lines("  ", step)));
    }
    lines.push(Line::blank());
    lines.push(verdict(story.holds));
    lines.extend(story.notes.iter().map(|note| Line::new(Tone::Warn, note.clone())));
    if let Some(path) = &story.evidence {
        lines.push(Line::new(Tone::Dim, "Evidence: ").and(Tone::Plain, path.to_string_lossy()));
    }
    lines
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

fn role_policies(policies: &RolePolicies) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Heading, policies.role_arn.clone())];
    let mut part = |title: String, document: Option<&str>| {
        lines.push(Line::blank());
        lines.push(Line::new(Tone::Accent, title));
        let document = document.unwrap_or("its document could not be read");
        let pretty = serde_json::from_str::<serde_json::Value>(document).ok();
        let pretty = pretty.and_then(|value| serde_json::to_string_pretty(&value).ok());
        let text = pretty.unwrap_or_else(|| document.to_owned());
        lines.extend(text.lines().map(|line| Line::new(Tone::Plain, line)));
    };
    part("Who may assume it".to_owned(), Some(&policies.trust));
    for (name, document) in &policies.inline {
        part(format!("Inline: {name}"), Some(document));
    }
    for (arn, document) in &policies.attached {
        part(format!("Attached: {arn}"), document.as_deref());
    }
    lines
}

fn tool_lines(head: &str, output: Vec<String>) -> Vec<Line> {
    let head = [Line::new(Tone::Heading, head), Line::blank()];
    head.into_iter()
        .chain(output.into_iter().map(|line| Line::new(Tone::Plain, line)))
        .collect()
}

fn audit_line(entry: &AuditEntry) -> Line {
    let status = entry
        .status
        .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let tone = if entry.status.is_some_and(|status| status < 400) {
        Tone::Good
    } else {
        Tone::Warn
    };
    Line::new(Tone::Dim, format!("{}  ", text::time(entry.time)))
        .and(Tone::Plain, text::fit(&entry.call, 34))
        .and(tone, text::fit(&status, 10))
        .and(Tone::Dim, format!("{}  ", entry.identity.clone().unwrap_or_default()))
        .and(Tone::Dim, entry.request_id.clone().unwrap_or_default())
}

/// A refusal taken apart, to be read.
pub(super) fn explained(explanation: &Explanation) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(Line::new(Tone::Dim, text::fit(name, 8)).and(Tone::Plain, value));
        }
    };
    fact("who", explanation.who.as_deref().unwrap_or_default());
    fact("called", explanation.call.as_deref().unwrap_or_default());
    fact("on", &explanation.on);
    fact("link", explanation.link.as_str());
    fact("", &explanation.words);
    fact("remedy", &explanation.remedy);
    lines
}
