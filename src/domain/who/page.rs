//! Who can and who did as JSON, as CSV, and as a page of Markdown, to attach to an audit.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cell, Extent, HISTORY_NOTE, SHOWN, Says, Standing, UseRow, WhoReport, operations};
use crate::domain::proof::cell;
use crate::domain::sheet;

/// Everything as JSON.
pub fn document(report: &WhoReport, at: Timestamp) -> Value {
    let access = report.access.as_ref();
    let uses: Vec<Value> = report
        .order()
        .into_iter()
        .map(|(standing, row)| used(&standing, row))
        .collect();
    json!({
        "kms_key_id": access.map(|access| &access.key_arn),
        "at": at.to_string(),
        "is_enabled": access.and_then(|access| access.usable),
        "left_to_iam": access.map(|access| access.delegates),
        "can": access.map(|access| access.rows.iter().map(|row| {
            let said = operations().zip(&row.cells).filter(|(_, cell)| cell.says != Says::No);
            let said = said.map(|(operation, cell)| json!({
                "operation": operation, "by": cell.says.as_str(), "source": cell.source,
            }));
            json!({ "principal": row.principal, "operations": said.collect::<Vec<_>>() })
        }).collect::<Vec<_>>()),
        "did": uses,
        "events": report.uses.events,
        "read_back_to": read_back_to(report).map(|at| at.to_string()),
        "is_whole": matches!(report.uses.extent, Extent::Whole(_)),
        "outside": report.outside(),
        "unchecked": report.unchecked(),
        "unread": report.unread(),
        "note": HISTORY_NOTE,
    })
}

fn read_back_to(report: &WhoReport) -> Option<Timestamp> {
    match report.uses.extent {
        Extent::Whole(since) => Some(since),
        _ => report.uses.oldest,
    }
}

fn used(standing: &Standing, row: &UseRow) -> Value {
    let source = match standing {
        Standing::Inside(source) | Standing::Unknown(source) => Some(source),
        Standing::Outside => None,
    };
    let context: serde_json::Map<String, Value> = row
        .context
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    json!({
        "principal": row.by.name,
        "kind": row.by.kind.as_str(),
        "session": row.session,
        "operation": row.operation,
        "encryption_context": context,
        "from": row.from,
        "user_agent": row.agent,
        "answer": row.answer.as_str(),
        "error": row.answer.error(),
        "count": row.count,
        "first": row.first.to_string(),
        "last": row.last.to_string(),
        "event_id": row.event_id,
        "standing": standing.as_str(),
        "source": source,
    })
}

/// Who did as CSV, a row a line.
pub fn csv(report: &WhoReport) -> String {
    let mut text = "standing,principal,operation,encryption_context,from,answer,error,count,first,last\r\n".to_owned();
    for (standing, row) in report.order() {
        let fields = [
            standing.as_str().to_owned(),
            row.by.name.clone(),
            row.operation.clone(),
            context(row),
            row.from.clone(),
            row.answer.as_str().to_owned(),
            row.answer.error().unwrap_or_default().to_owned(),
            row.count.to_string(),
            row.first.to_string(),
            row.last.to_string(),
        ];
        text += &fields.map(|field| sheet::cell(&field)).join(",");
        text.push_str("\r\n");
    }
    text
}

fn context(row: &UseRow) -> String {
    let pairs = row.context.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// Everything as a page.
pub fn page(report: &WhoReport, at: Timestamp) -> String {
    let key = report
        .access
        .as_ref()
        .map(|access| access.key_arn.as_str())
        .unwrap_or_default();
    let verdict = match (report.outside(), report.unchecked().len()) {
        (0, 0) => "**Nobody outside the chain** has used the key, as far as the history goes.".to_owned(),
        (0, _) => "**Not all could be checked**: nobody outside the chain was found.".to_owned(),
        (rows, _) => {
            format!("**Outside the chain**: {rows} rows of uses by somebody whom nothing lets that holds now.")
        }
    };
    let back = read_back_to(report).map_or_else(|| "nothing".to_owned(), |at| at.to_string());
    let mut page = format!(
        "# Who can, who did\n\n{verdict}\n\n| | |\n| --- | --- |\n| key | {} |\n| at | {at} |\n| events read | {}, back to {back} |\n| note | {HISTORY_NOTE}. |\n",
        cell(key),
        report.uses.events,
    );
    for told in report.unchecked() {
        page.extend(["| not checked | ", &cell(&told), " |\n"]);
    }
    for told in report.unread() {
        page.extend(["| not read of who can | ", &cell(told), " |\n"]);
    }
    page.push_str("\n## Who can\n\nP: key policy, I: IAM policy, G: grant; small: under a condition or constraint; ✗: denied; ?: not known.\n\n| principal |");
    for (operation, _) in SHOWN {
        page.extend([" ", operation, " |"]);
    }
    page.push_str("\n| --- |");
    page.push_str(&" --- |".repeat(SHOWN.len()));
    page.push('\n');
    let rows = report.access.iter().flat_map(|access| &access.rows);
    for row in rows.clone() {
        page.extend(["| ", &cell(&row.principal), " |"]);
        for Cell { says, .. } in row.cells.iter().take(SHOWN.len()) {
            page.extend([" ", says.sign(), " |"]);
        }
        page.push('\n');
    }
    page.push_str("\n## By what\n\n| principal | operation | source |\n| --- | --- | --- |\n");
    for row in rows {
        let said = operations().zip(&row.cells).filter(|(_, cell)| cell.says != Says::No);
        for (operation, said) in said {
            page.extend([
                "| ",
                &cell(&row.principal),
                " | ",
                operation,
                " | ",
                &cell(&said.source),
                " |\n",
            ]);
        }
    }
    page.push_str("\n## Who did\n\n| standing | principal | operation | encryption context | from | answer | error | count | first | last | event |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (standing, row) in report.order() {
        let fields = [
            standing.as_str(),
            &row.by.name,
            &row.operation,
            &context(row),
            &row.from,
            row.answer.as_str(),
            row.answer.error().unwrap_or_default(),
            &row.count.to_string(),
            &row.first.to_string(),
            &row.last.to_string(),
            &row.event_id,
        ];
        page.extend(["| ", &fields.map(cell).join(" | "), " |\n"]);
    }
    page
}
