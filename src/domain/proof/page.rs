//! The story of a grant as a page of Markdown, to attach to an audit: the matrix, the chain, and the id of every request.

use super::{CyclePhase, GrantCycle, PHASES, ProofStep};
use crate::printable::clean;

/// The page.
pub fn page(cycle: &GrantCycle) -> String {
    let verdict = if cycle.holds {
        "**It holds**: only the grant opens the key to this role."
    } else {
        "**It does not hold.**"
    };
    let mut page = format!("# Access proof\n\n{verdict}\n\n| | |\n| --- | --- |\n");
    let mut fact = |name: &str, value: &str| page.extend(["| ", name, " | ", &cell(value), " |\n"]);
    fact("key", &cycle.key_arn);
    fact("role", &cycle.role_arn);
    fact("asked by", cycle.identity.as_deref().unwrap_or("not told"));
    fact("granted for the proof", &cycle.granted.join(", "));
    for (name, phase) in [("begun", cycle.phases.first()), ("ended", cycle.phases.last())] {
        fact(name, &phase.map(|phase| phase.at.to_string()).unwrap_or_default());
    }
    for note in &cycle.notes {
        fact("note", note);
    }
    page.push_str("\n## Operations\n\n");
    page.push_str(&matrix(cycle));
    page.push_str("\n## The chain\n\n");
    page.push_str(&chain(cycle));
    page.push_str("\n## Requests\n\n| time | phase | call | answer | request id | in KMS's words |\n| --- | --- | --- | --- | --- | --- |\n");
    for phase in &cycle.phases {
        page.push_str(&requests(phase));
    }
    page
}

/// Operations by phase.
fn matrix(cycle: &GrantCycle) -> String {
    let mut table = "| operation |".to_owned();
    for phase in PHASES {
        let at = cycle
            .phase(phase)
            .map(|phase| phase.at.strftime(" %H:%M:%SZ").to_string());
        table.extend([" ", phase, &at.unwrap_or_default(), " |"]);
    }
    table.push_str("\n| --- | --- | --- | --- |\n");
    for operation in cycle.operations() {
        let is_granted = cycle.granted.iter().any(|granted| granted == operation);
        let mark = if is_granted { " (granted)" } else { "" };
        table.extend(["| ", &cell(operation), mark, " |"]);
        for phase in PHASES {
            table.extend([" ", answer(cycle.step(phase, operation)), " |"]);
        }
        table.push('\n');
    }
    table
}

fn answer(step: Option<&ProofStep>) -> &'static str {
    match step {
        Some(step) if step.allowed => "✓ allowed",
        Some(_) => "✗ denied",
        None => "not tried",
    }
}

/// What led from the key to the role, link by link.
fn chain(cycle: &GrantCycle) -> String {
    let change = |name: &str| {
        let phase = cycle.phases.iter().find(|phase| phase.name == name);
        phase.map_or_else(
            || "not made".to_owned(),
            |phase| {
                let id = phase.request_id.as_deref().unwrap_or("not told");
                format!("{}, request {}", phase.at, cell(id))
            },
        )
    };
    format!(
        "1. KMS key {}\n2. grant of {} ({})\n3. role {}\n4. the grant revoked ({})\n",
        cell(&cycle.key_arn),
        cell(&cycle.granted.join(", ")),
        change("grant"),
        cell(&cycle.role_arn),
        change("revoke"),
    )
}

fn requests(phase: &CyclePhase) -> String {
    let row = |call: &str, answer: &str, id: Option<&str>, words: &str| {
        let cells = [phase.name, call, answer, id.unwrap_or("not told"), words].map(cell);
        format!("| {} | {} |\n", phase.at, cells.join(" | "))
    };
    match phase.expected {
        None if phase.name == "grant" => row("CreateGrant", "done", phase.request_id.as_deref(), ""),
        None => row("RevokeGrant", "done", phase.request_id.as_deref(), ""),
        Some(_) => {
            let of_step = |step: &ProofStep| {
                let words = step.reason.as_deref().unwrap_or_default();
                row(&step.operation, answer(Some(step)), step.request_id.as_deref(), words)
            };
            phase.operations.iter().map(of_step).collect()
        }
    }
}

/// Text that stays in its cell: no line breaks, no markup of its own.
pub(in crate::domain) fn cell(text: &str) -> String {
    let mut cell = String::new();
    for character in clean(text).chars() {
        match character {
            '|' | '\\' | '`' | '*' | '[' | ']' | '#' => cell.extend(['\\', character]),
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            _ => cell.push(character),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn phase(name: &'static str, allowed: bool, reason: &str) -> CyclePhase {
        CyclePhase {
            name,
            at: Timestamp::UNIX_EPOCH,
            expected: Some(allowed),
            held: true,
            operations: vec![ProofStep {
                operation: "Decrypt".to_owned(),
                allowed,
                reason: (!allowed).then(|| reason.to_owned()),
                request_id: Some(format!("id-{name}")),
            }],
            request_id: None,
            waited_ms: None,
        }
    }

    fn story(reason: &str) -> GrantCycle {
        GrantCycle {
            key_arn: "arn:aws:kms:r:1:key/k".to_owned(),
            role_arn: "arn:aws:iam::1:role/r".to_owned(),
            identity: Some("arn:aws:iam::1:user/u".to_owned()),
            granted: vec!["Decrypt".to_owned()],
            phases: vec![phase("before", false, reason), phase("granted", true, "")],
            holds: true,
            notes: Vec::new(),
            evidence: None,
            page: None,
        }
    }

    #[test]
    fn the_page_has_the_matrix_and_every_request() {
        let page = page(&story("no grant"));
        assert!(
            page.contains("| Decrypt (granted) | ✗ denied | ✓ allowed | not tried |"),
            "{page}"
        );
        assert!(page.contains("id-before") && page.contains("id-granted"), "{page}");
        assert!(page.contains("| asked by | arn:aws:iam::1:user/u |"), "{page}");
        assert!(
            page.contains("the grant revoked (not made)"),
            "what was not done is not told as done: {page}"
        );
    }

    #[test]
    fn what_others_wrote_stays_in_its_cell() {
        let page = page(&story("a | b\n# c <script> `d`"));
        let row = page.lines().find(|line| line.contains("id-before")).unwrap_or_default();
        assert!(row.contains("a \\| b") && row.contains("&lt;script>"), "{row}");
        assert!(!page.contains("\n# c"), "{page}");
    }
}
