//! `strongroom doctor`: what works and what does not, line by line; and which permissions are missing.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::warn;
use crate::actions::{self, Answer, Check, Checked, Subject};
use crate::aws::Aws;
use crate::cli::DoctorArgs;
use crate::console;
use crate::domain::words::counted;
use crate::domain::{Capability, Fault, Permission, bucket, capability};
use crate::printable;

/// What to do about a Deny.
const KEEPER: &str = "no Allow helps against it: whoever keeps the policy that denies it must change it";

/// Looks at everything the dashboard needs and prints it; at the permissions for what is named, if something is.
///
/// # Errors
/// When something is not well: scripts read the exit status. What could not be checked is no failure.
pub async fn run(aws: &Aws, args: &DoctorArgs, _: CancellationToken) -> Result<(), Fault> {
    let capabilities = wanted(args)?;
    args.bucket
        .iter()
        .try_for_each(|name| bucket::check("check the permissions for", name))?;
    let subject = Subject {
        key: args.key.clone(),
        bucket: args.bucket.clone(),
        role: args.role.clone(),
    };
    if args.policy {
        let checked = actions::check_permissions(aws, &capabilities, &subject).await?;
        return print_missing(&checked);
    }
    let checks = actions::check_up(aws).await;
    print(&checks, args.json)?;
    let mut failed = checks.iter().filter(|check| !check.ok).count();
    let mut all = checks.len();
    if subject != Subject::default() || !args.capabilities.is_empty() {
        let checked = actions::check_permissions(aws, &capabilities, &subject).await?;
        for one in &checked {
            print_permission(one, args.json)?;
        }
        let is_missing =
            |one: &&Checked| matches!(one.answer, Answer::Missing(_) | Answer::Denied(_) | Answer::Gone(_));
        failed += checked.iter().filter(is_missing).count();
        all += checked.len();
    }
    match failed {
        0 => Ok(()),
        failed => {
            let (cause, remedy) = (format!("{failed} of {all} checks failed"), "see the lines above");
            Err(Fault::other("check", "this setup", cause, remedy))
        }
    }
}

/// The capabilities that are named; those of the main job if none is.
fn wanted(args: &DoctorArgs) -> Result<Vec<&'static Capability>, Fault> {
    let named = args.capabilities.iter().map(String::as_str);
    let names: Vec<&str> = if args.capabilities.is_empty() {
        capability::MAIN_JOB.to_vec()
    } else {
        named.collect()
    };
    let find = |name: &str| {
        capability::find(name).ok_or_else(|| {
            let known: Vec<&str> = capability::CAPABILITIES.iter().map(|one| one.name).collect();
            let (cause, remedy) = (
                format!("there is no capability {name}"),
                format!("give one of {}", known.join(", ")),
            );
            Fault::usage("read", "--for", cause, remedy)
        })
    };
    names.into_iter().map(find).collect()
}

/// What is missing, and what could not be checked, as a policy document. What is denied is not in it: an Allow would not help.
fn print_missing(checked: &[Checked]) -> Result<(), Fault> {
    let is_lacking = |one: &&Checked| !matches!(one.answer, Answer::Allowed(_) | Answer::Denied(_));
    let lacking: Vec<&Checked> = checked.iter().filter(is_lacking).collect();
    let permissions: Vec<&Permission> = lacking.iter().map(|one| &one.permission).collect();
    let text = serde_json::to_string_pretty(&capability::document(&permissions)).unwrap_or_default();
    console::own(&(printable::json(&text) + "\n"))?;
    for Checked { permission, answer } in checked {
        let action = &permission.action;
        match answer {
            Answer::Unknown(why) => warn(&format!("could not check {action}, it is in the document: {why}")),
            Answer::Gone(what) => warn(&format!(
                "could not check {action}, it is in the document: {what} does not exist"
            )),
            Answer::Denied(why) => warn(&format!("{action} is not in the document: {why}; {KEEPER}")),
            Answer::Allowed(_) | Answer::Missing(_) => {}
        }
    }
    let is_denied = checked.iter().any(|one| matches!(one.answer, Answer::Denied(_)));
    if lacking.is_empty() && !is_denied {
        warn(&format!(
            "nothing is missing of {}, by the caller's own policies; a bucket's own policy, organizations and boundaries may deny all the same",
            counted(checked.len(), "permission")
        ));
    }
    Ok(())
}

fn print_permission(Checked { permission, answer }: &Checked, as_json: bool) -> Result<(), Fault> {
    let resources = permission.resources.join(", ");
    let (ok, why, remedy) = match answer {
        Answer::Allowed(how) => (Some(true), (*how).to_owned(), None),
        Answer::Missing(why) => (
            Some(false),
            why.clone(),
            Some("`doctor --policy` prints what to ask for"),
        ),
        Answer::Denied(why) => (Some(false), why.clone(), Some(KEEPER)),
        Answer::Gone(what) => (
            Some(false),
            format!("{what} does not exist"),
            Some("check the name, the account and the region"),
        ),
        Answer::Unknown(why) => (None, format!("could not check: {why}"), None),
    };
    let detail = format!("on {resources}: {why}");
    if as_json {
        return console::json(&json!({"name": permission.action, "ok": ok, "detail": detail, "remedy": remedy}));
    }
    let word = match ok {
        Some(true) => "ok    ",
        Some(false) => "FAILED",
        None => "?     ",
    };
    let remedy = remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
    console::line(&format!("{word}  {:<16} {detail}{remedy}", permission.action))
}

fn print(checks: &[Check], as_json: bool) -> Result<(), Fault> {
    for check in checks {
        if as_json {
            let Check {
                name,
                ok,
                detail,
                remedy,
            } = check;
            console::json(&json!({"name": name, "ok": ok, "detail": detail, "remedy": remedy}))?;
        } else {
            console::line(&line(check))?;
        }
    }
    Ok(())
}

fn line(check: &Check) -> String {
    let word = if check.ok { "ok    " } else { "FAILED" };
    let remedy = check
        .remedy
        .as_deref()
        .map(|remedy| format!("; {remedy}"))
        .unwrap_or_default();
    format!("{word}  {:<16} {}{remedy}", check.name, check.detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_check_and_the_remedy() {
        let check = Check {
            name: "KMS".to_owned(),
            ok: false,
            detail: "denied".to_owned(),
            remedy: Some("ask".to_owned()),
        };
        assert_eq!(line(&check), "FAILED  KMS              denied; ask");
    }
}
