//! What operations found out, to be read, and to be acted on where there is something to do.

use std::collections::BTreeMap;

mod lines;

pub(super) use lines::explained;

use super::audit::{self, Audit};
use super::format::{self, Line, Tone};
use super::inventory::Inventory;
use super::outcome_text::Names;
use super::state::continuation::Continuation;
use super::state::operations::Operation;
use super::state::overlay::{Matrix, Next, Overlay, Previewing, Report, ResultList, ResultRow, Scroll};
use super::state::{Proved, State};
use super::{Effect, actions, cleanup, outcome_text, versions};
use crate::domain::seal::plan_lines;
use crate::domain::words::capitalized;
use crate::domain::{
    AuditEntry, BulkRequest, Door, Fault, FaultKind, Finding, GrantCycle, GrantRequest, ObjectRequest, ObjectUri,
    Origin, Outcome, Plaintext, Preview, ProofMethod, ProofRequest, ProofStep, Request, Verdict, View, Weight, policy,
};
use lines::{dependents, finding_row, grant_row, object_proof, refused_row, role_policies, seal_lines, tool_lines};

/// What an outcome found out, to be read or answered.
pub(super) fn show(
    state: &mut State,
    operation: &Operation,
    outcome: Outcome,
    effects: &mut Vec<Effect>,
) -> Option<Next> {
    let request = &operation.request;
    match outcome {
        Outcome::Previewed(preview) => Some(previewing(*preview)),
        Outcome::MessageDecrypted {
            plaintext: Some(plaintext),
            key_arn,
            ..
        } => Some(message(plaintext, &key_arn)),
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
            Some(report("Encrypted message", lines))
        }
        Outcome::DataKeyKept {
            at,
            ciphertext,
            key_arn,
        } => {
            let lines = vec![
                Line::new(Tone::Dim, "Is at   ").and(Tone::Plain, at),
                Line::new(Tone::Dim, "Under   ").and(Tone::Plain, key_arn),
                Line::new(Tone::Dim, "The plaintext data key was 32 bytes, and is forgotten."),
                Line::blank(),
                Line::new(Tone::Plain, ciphertext),
            ];
            Some(report("Encrypted data key", lines))
        }
        Outcome::DataKeyOpened {
            at,
            mine,
            key_arn,
            role,
        } => {
            let mut lines = vec![Line::new(Tone::Dim, "Is at   ").and(Tone::Plain, at)];
            lines.extend(key_arn.map(|arn| Line::new(Tone::Dim, "Under   ").and(Tone::Plain, arn)));
            lines.push(Line::blank());
            lines.extend(outcome_text::step_lines("for you", &mine));
            lines.extend(
                role.iter()
                    .flat_map(|step| outcome_text::step_lines("for the role", step)),
            );
            Some(report("Encrypted data key", lines))
        }
        Outcome::Dependents(found) => Some({
            let summary = found.summary();
            state.dependents.insert(found.key_arn.clone(), (state.now, summary));
            match operation.continuation {
                Continuation::DeleteKey => Next::show(Overlay::Form(actions::deletion(state, &found))),
                _ => report("What depends on the key", dependents(*found)),
            }
        }),
        Outcome::BucketCounted(count) => actions::bucket_counted(state, &operation.continuation, &count),
        Outcome::Archive { source, members } => Some(archive(&source, members)),
        Outcome::Versions(list) => versions::listed(*list),
        Outcome::Compared(comparison) => Some(versions::compared(*comparison)),
        Outcome::Presigned { url, .. } => {
            let url = String::from_utf8_lossy(url.dangerously_show());
            effects.push(Effect::Copy(url.into_owned()));
            None
        }
        Outcome::ObjectProved(proof) => {
            let lines = object_proof(&proof);
            Some(report("What stands between the object and its readers", lines))
        }
        Outcome::RolePolicies(policies) => Some(report("Role policies", role_policies(&policies))),
        Outcome::GrantsFound { grants, refused } => {
            let rows = grants
                .iter()
                .map(|grant| grant_row(state, grant))
                .chain(refused.iter().map(|(key, fault)| refused_row(key, fault)));
            let rows = rows.collect();
            Some(list("Grants of all keys; Enter revokes", rows, None))
        }
        Outcome::GrantCycle(cycle) => {
            remember_grant_cycle(state, &cycle);
            Some(Next::show(Overlay::Matrix(Matrix {
                cycle,
                cursor: 0,
                is_open: false,
            })))
        }
        Outcome::Preflighted { findings, .. } => {
            let (title, begins) = begin_row(state, request, &findings);
            let mut rows: Vec<ResultRow> = findings.into_iter().map(finding_row).collect();
            if let Some((at, row)) = begins {
                rows.insert(at, row);
            }
            let rows = match operation.continuation {
                Continuation::Refill => refill(state, request, rows)?,
                _ => rows,
            };
            Some(list(title, rows, Some(request.clone())))
        }
        Outcome::ImageBuilt { image, pushed, output } => {
            let word = if pushed { "Built and pushed " } else { "Built " };
            Some(report("Training image", tool_lines(&format!("{word}{image}"), output)))
        }
        Outcome::ImageTried { image, status, output } => {
            let lines = tool_lines(&format!("{image} ended with {status}"), output);
            Some(report("Training image", lines))
        }
        Outcome::CleanUpPlan { items, refused } => {
            cleanup::planned(state, operation.id, items, refused);
            None
        }
        Outcome::Audit(entries) => Some(Next::show(Overlay::Audit(Audit::new(entries)))),
        Outcome::Audited(report) => {
            state.keep_audit(&report);
            Some(Next::show(Overlay::Inventory(Inventory::new(report))))
        }
        Outcome::Rewrapped(report) => Some(actions::rewrapped(state, request, &report)),
        Outcome::SealPlanned(plan) => Some(actions::seal_planned(state, &plan).unwrap_or_else(|| {
            let lines = plan_lines(&plan, Door::Dashboard)
                .into_iter()
                .map(|line| Line::new(Tone::Plain, line));
            report("Nothing to do", lines.collect())
        })),
        Outcome::Sealed(sealed) => Some(report("What was done", seal_lines(&sealed))),
        Outcome::PolicyDrafted { policy } => actions::policy_drafted(state, &operation.continuation, policy),
        Outcome::PolicyRead { key_arn, policy } => {
            actions::policy_read(state, &operation.continuation, key_arn, &policy)
        }
        Outcome::PolicyPut { key_arn, previous } => {
            if state.policy.as_ref().is_some_and(|(of, _)| *of == key_arn) {
                state.policy = None;
            }
            state.previous_policies.insert(key_arn, policy::readable(&previous));
            None
        }
        Outcome::Granted { grant_id, grantee, .. } => {
            watch_spread(state, operation, (grant_id, grantee), effects);
            None
        }
        Outcome::Proved {
            key_arn,
            role_arn,
            method,
            steps,
        } => {
            let now = state.now;
            remember(state, (&key_arn, &role_arn), now, method, (&steps, false));
            state.last_role = Some(role_arn.clone());
            let asked_by = state.identity.as_ref().map_or("", |who| who.arn.as_str());
            let lines = outcome_text::proof_lines((&key_arn, &role_arn), (asked_by, now), method, &steps);
            // Only who is the role can prove what it may do.
            let then = (method == ProofMethod::Reasoned).then_some(Request::Proof(ProofRequest::Access {
                key: key_arn,
                role: role_arn,
                context: BTreeMap::new(),
                trust: true,
            }));
            Some(report_with(Report::ACCESS_PROOF, lines, then))
        }
        Outcome::Verified { verdicts } => {
            let is_intact = |verdict: &Verdict| verdict.reading.is_intact() == Some(true);
            let is_told = verdicts.len() == 1 && verdicts.iter().all(is_intact);
            let mut lines: Vec<Line> = verdicts.iter().flat_map(outcome_text::verdict_lines).collect();
            let again = verified_all_the_same(request, &verdicts);
            if again.is_some() {
                let offer = "Enter verifies what has no metadata all the same: nothing proves its name.";
                lines.extend([Line::blank(), Line::new(Tone::Accent, offer)]);
            }
            (!is_told).then(|| report_with("What was verified", lines, again))
        }
        // What was said of these is all there is.
        Outcome::Encrypted { .. }
        | Outcome::UploadAbandoned { .. }
        | Outcome::Decrypted { .. }
        | Outcome::Deleted { .. }
        | Outcome::BucketCreated { .. }
        | Outcome::Revoked { .. }
        | Outcome::Retired { .. }
        | Outcome::KeyCreated { .. }
        | Outcome::KeyChanged { .. }
        | Outcome::JobStarted { .. }
        | Outcome::JobStopping { .. }
        | Outcome::LogSaved { .. }
        | Outcome::AuditSaved { .. }
        | Outcome::AuditReportSaved { .. }
        | Outcome::WhoSaved { .. }
        | Outcome::SheetSaved { .. }
        | Outcome::BulkBegun { .. }
        | Outcome::AliasChanged { .. }
        | Outcome::MessageDecrypted { plaintext: None, .. }
        | Outcome::BucketEmptied { .. }
        | Outcome::RoleChanged { .. }
        | Outcome::RoleDeleted { .. }
        | Outcome::GrantSpread { .. }
        | Outcome::RepositoryReady { .. }
        | Outcome::RepositoryDeleted { .. } => None,
    }
}

/// What begins the act whose job was looked at, and where: first, unless something would make the job fail. A training job is begun
/// from its form.
fn begin_row(state: &State, request: &Request, findings: &[Finding]) -> (&'static str, Option<(usize, ResultRow)>) {
    let Request::Bulk(BulkRequest::Preflight { order, engine }) = request else {
        return ("Before the job; Enter repairs what it can", None);
    };
    let begin = Request::Bulk(BulkRequest::Begin {
        order: order.clone(),
        engine: engine.clone(),
    });
    let title = capitalized(&begin.facts(&Names::of(state)).title);
    let fails = findings.iter().any(|finding| finding.weight == Weight::Blocks);
    let (at, tone, word) = if fails {
        (findings.len(), Tone::Warn, "all the same")
    } else {
        (0, Tone::Accent, "begin")
    };
    let row = ResultRow {
        lines: vec![Line::new(tone, format!("{word:<7}  ")).and(Tone::Plain, title)],
        then: Some(begin),
        instead: "",
    };
    (
        "Before the job; Enter begins it, or repairs what it can",
        Some((at, row)),
    )
}

/// Something was done about what was found, or could not be: it is looked for again, if anybody still looks.
pub(super) fn look_again(state: &mut State, request: &Request, turn: u64, effects: &mut Vec<Effect>) {
    if open(state, request).is_some() {
        state.begin_in(turn, request.clone(), Continuation::Refill, effects);
    }
}

/// The rows on screen that this request has found.
fn open<'a>(state: &'a mut State, request: &Request) -> Option<&'a mut ResultList> {
    state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Results(list) if list.again.as_ref() == Some(request) => Some(list),
        _ => None,
    })
}

/// Puts new rows in place of those on screen: the cursor stays on its row, if that is still there. Gives them back if
/// nobody looks any more.
fn refill(state: &mut State, request: &Request, rows: Vec<ResultRow>) -> Option<Vec<ResultRow>> {
    let Some(list) = open(state, request) else {
        return Some(rows);
    };
    let same = list.rows.get(list.cursor).and_then(|chosen| {
        let is_it = |row: &ResultRow| row.lines.first() == chosen.lines.first();
        rows.iter().position(is_it)
    });
    list.cursor = same.unwrap_or(0);
    list.rows = rows;
    None
}

/// A new grant is used by its token at once; everybody else sees it later, which is watched.
fn watch_spread(
    state: &mut State,
    operation: &Operation,
    (grant_id, grantee): (String, String),
    effects: &mut Vec<Effect>,
) {
    if let Request::Grant(GrantRequest::New(spec)) = &operation.request
        && grantee.contains(":role/")
    {
        state.last_role = Some(grantee.clone());
        let request = Request::Grant(GrantRequest::Await {
            key_arn: spec.key_arn.clone(),
            grant_id,
            grantee,
        });
        state.begin_in(operation.turn, request, Continuation::Nothing, effects);
    }
}

/// The same of those tokens that may have lost their metadata, as unbound.
fn verified_all_the_same(request: &Request, verdicts: &[Verdict]) -> Option<Request> {
    let Request::Object(ObjectRequest::Verify { bucket, .. }) = request else {
        return None;
    };
    let root = format!("s3://{bucket}/");
    let is_stripped = |verdict: &&Verdict| verdict.reading.why().is_some_and(|why| why.kind == FaultKind::Stripped);
    let key = |verdict: &Verdict| verdict.source.strip_prefix(&root).map(str::to_owned);
    let objects: Vec<String> = verdicts.iter().filter(is_stripped).filter_map(key).collect();
    (!objects.is_empty()).then(|| {
        Request::Object(ObjectRequest::Verify {
            bucket: bucket.clone(),
            objects,
            accept_unbound: true,
        })
    })
}

/// Why a token was not opened, where the person may open it all the same.
pub(super) fn refused(request: &Request, fault: &Fault) -> Option<Next> {
    let mut again = request.clone();
    let Request::Object(ObjectRequest::Preview { accept_unbound, .. }) = &mut again else {
        return None;
    };
    if fault.kind != FaultKind::Stripped || std::mem::replace(accept_unbound, true) {
        return None;
    }
    let offer = "Enter looks into it all the same: nothing proves its name.";
    let lines = vec![
        Line::new(Tone::Bad, "Refused ").and(Tone::Plain, fault.object.clone()),
        Line::new(Tone::Plain, fault.cause.clone()),
        Line::blank(),
        Line::new(Tone::Accent, offer),
    ];
    Some(report_with("No metadata", lines, Some(again)))
}

/// Everything of one change in the audit log.
pub(super) fn one_change(entry: &AuditEntry) -> Next {
    report("One change", audit::details(entry))
}

/// Lines to be read.
fn report(title: &str, lines: Vec<Line>) -> Next {
    report_with(title, lines, None)
}

/// Lines to be read, with something that Enter does.
fn report_with(title: &str, lines: Vec<Line>, then: Option<Request>) -> Next {
    Next::show(Overlay::Report(Report::new(title, lines, then)))
}

fn list(title: &str, rows: Vec<ResultRow>, again: Option<Request>) -> Next {
    let rows = if rows.is_empty() {
        vec![ResultRow {
            lines: vec![Line::new(Tone::Dim, "Nothing was found.")],
            then: None,
            instead: "Nothing was found: there is nothing to do.",
        }]
    } else {
        rows
    };
    Next::show(Overlay::Results(ResultList {
        title: title.to_owned(),
        rows,
        cursor: 0,
        again,
    }))
}

fn previewing(preview: Preview) -> Next {
    let view = preview.view;
    Next::show(Overlay::Preview(Previewing {
        preview,
        view,
        scroll: Scroll::default(),
    }))
}

fn message(plaintext: Plaintext, key_arn: &str) -> Next {
    let view = View::of("", plaintext.dangerously_show());
    previewing(Preview {
        source: format!("message under {}", format::last_part(key_arn)),
        total: plaintext.len() as u64,
        bytes: plaintext,
        origin: Origin::Kms,
        view,
    })
}

fn archive(source: &str, members: Vec<(String, u64)>) -> Next {
    let uri = ObjectUri::parse_object(source);
    let rows = members.into_iter().map(|(name, bytes)| ResultRow {
        lines: vec![Line::new(Tone::Plain, format::fit(&name, 48)).and(Tone::Dim, format::size(bytes))],
        then: uri
            .clone()
            .map(|ObjectUri { bucket, key }| actions::preview(bucket, key, Some(name))),
        instead: "The archive was not read from S3: its files cannot be previewed from here.",
    });
    list("Files of the archive; Enter previews", rows.collect(), None)
}

fn remember_grant_cycle(state: &mut State, cycle: &GrantCycle) {
    for phase in cycle.phases.iter().filter(|phase| !phase.operations.is_empty()) {
        remember(
            state,
            (&cycle.key_arn, &cycle.role_arn),
            phase.at,
            ProofMethod::Assumed,
            (&phase.operations, cycle.holds),
        );
    }
}

/// Keeps what a proof found out about a key and a role, for the walk; with whether a story that holds has found it.
pub(super) fn remember(
    state: &mut State,
    (key_arn, role_arn): (&str, &str),
    at: jiff::Timestamp,
    method: ProofMethod,
    (steps, is_of_story): (&[ProofStep], bool),
) {
    if let Some(step) = steps.iter().find(|step| step.operation == "Decrypt") {
        state.proofs.push(Proved {
            key_arn: key_arn.to_owned(),
            role_arn: role_arn.to_owned(),
            at,
            method,
            allowed: step.allowed,
            is_of_story,
        });
    }
}
