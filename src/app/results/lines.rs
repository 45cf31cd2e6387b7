//! What was found out, line by line.

use crate::app::format::{self, Line, Tone};
use crate::app::rests_on::rests_on;
use crate::app::state::State;
use crate::app::state::overlay::ResultRow;
use crate::domain::explain::Explanation;
use crate::domain::seal::{Fate, SealReport, row_line, summary_lines};
use crate::domain::{
    Dependents, Door, Fault, Finding, Grant, GrantRequest, ObjectProof, Request, RolePolicies, Weight,
};

pub(super) fn grant_row(state: &State, grant: &Grant) -> ResultRow {
    let key = state
        .key_name(&grant.key_arn)
        .unwrap_or_else(|| format::last_part(&grant.key_arn));
    let name = grant.name.clone().unwrap_or_default();
    ResultRow {
        lines: vec![
            Line::new(Tone::Accent, format::fit(key, 24))
                .and(Tone::Plain, format::fit(format::last_part(&grant.grantee), 28))
                .and(Tone::Plain, format!("{}  ", grant.operations.join(", ")))
                .and(Tone::Dim, name),
        ],
        then: Some(Request::Grant(GrantRequest::Revoke {
            key_arn: grant.key_arn.clone(),
            grant_id: grant.id.clone(),
            grantee: grant.grantee.clone(),
        })),
        instead: "",
    }
}

pub(super) fn refused_row(what: &str, fault: &Fault) -> ResultRow {
    ResultRow {
        lines: vec![Line::new(
            Tone::Warn,
            format!("{what} {}", fault.at(Door::Dashboard)).trim().to_owned(),
        )],
        then: None,
        instead: "Its grants could not be listed: there is none to revoke. The row says why.",
    }
}

/// What became of objects that were sealed: of all, then each, what failed first.
pub(super) fn seal_lines(report: &SealReport) -> Vec<Line> {
    let tone = if report.summary.is_well() {
        Tone::Good
    } else {
        Tone::Warn
    };
    let mut told = summary_lines(&report.spec, &report.summary, Door::Dashboard).into_iter();
    let mut lines: Vec<Line> = told.next().map(|first| Line::new(tone, first)).into_iter().collect();
    lines.extend(told.map(|line| Line::new(Tone::Plain, line)));
    lines.extend(rests_on(report.summary.rests_on.as_ref()));
    lines.push(Line::blank());
    lines.extend(report.rows.iter().map(|row| {
        let tone = match &row.fate {
            _ if row.is_unchecked() => Tone::Warn,
            _ if !row.is_well() => Tone::Bad,
            Fate::PassedOver(_) => Tone::Dim,
            Fate::Sealed(_) | Fate::Failed(_) => Tone::Plain,
        };
        Line::new(tone, row_line(&report.spec, row, Door::Dashboard))
    }));
    if report.dropped > 0 {
        let more = format::count(usize::try_from(report.dropped).unwrap_or(usize::MAX), "object");
        lines.push(Line::new(Tone::Dim, format!("and {more} more, which are not kept")));
    }
    lines
}

pub(super) fn finding_row(finding: Finding) -> ResultRow {
    let tone = match finding.weight {
        Weight::Blocks => Tone::Bad,
        Weight::Warns => Tone::Warn,
        Weight::Unknown => Tone::Dim,
        Weight::Well => Tone::Good,
    };
    let instead = match (finding.weight, finding.remedy.is_empty()) {
        (Weight::Well, _) => "It is as it should be: nothing is to be done about it.",
        (_, false) => "It cannot be repaired from here: the last line of the row says what to do.",
        (Weight::Unknown, true) => "It could not be looked at, so there is nothing to repair.",
        (Weight::Blocks | Weight::Warns, true) => "It cannot be repaired from here: the row says what is wrong.",
    };
    let word = finding.weight.as_str();
    let mut lines = vec![Line::new(tone, format!("{word:<7}  ")).and(Tone::Plain, finding.what)];
    lines.push(Line::new(Tone::Dim, format!("         {}", finding.detail)));
    if !finding.remedy.is_empty() {
        lines.push(Line::new(Tone::Accent, format!("         {}", finding.remedy)));
    }
    ResultRow {
        lines,
        then: finding.repair,
        instead,
    }
}

pub(super) fn object_proof(proof: &ObjectProof) -> Vec<Line> {
    let mut lines = vec![
        Line::new(Tone::Heading, proof.source.clone()),
        Line::new(Tone::Dim, format!("As stored ({}):", format::size(proof.stored_bytes))),
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

pub(super) fn role_policies(policies: &RolePolicies) -> Vec<Line> {
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

pub(super) fn tool_lines(head: &str, output: Vec<String>) -> Vec<Line> {
    let head = [Line::new(Tone::Heading, head), Line::blank()];
    head.into_iter()
        .chain(output.into_iter().map(|line| Line::new(Tone::Plain, line)))
        .collect()
}

pub(super) fn dependents(found: Dependents) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Heading, found.summary()), Line::blank()];
    let last = found.last_used.map_or_else(|| "not told".to_owned(), format::time);
    lines.push(Line::new(Tone::Dim, "Last used    ").and(Tone::Plain, last));
    for (label, names) in [
        ("Alias", &found.aliases),
        ("Running job", &found.jobs),
        ("Object says", &found.objects),
        ("Key object", &found.key_objects),
    ] {
        let named = names
            .iter()
            .map(|name| Line::new(Tone::Dim, format::fit(label, 13)).and(Tone::Plain, name.clone()));
        lines.extend(named);
    }
    for grant in &found.grants {
        lines.push(Line::new(Tone::Dim, "Grant        ").and(Tone::Plain, grant.grantee.clone()));
    }
    for fault in &found.refused {
        lines.push(Line::new(
            Tone::Warn,
            format!("Not looked at: {}", fault.at(Door::Dashboard)),
        ));
    }
    lines
}

/// A refusal taken apart, to be read.
pub(in crate::app) fn explained(explanation: &Explanation) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(Line::new(Tone::Dim, format::fit(name, 8)).and(Tone::Plain, value));
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
