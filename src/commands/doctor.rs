//! `strongroom doctor`: what works and what does not, line by line.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::actions::{self, Check};
use crate::aws::Aws;
use crate::cli::JsonArgs;
use crate::console;
use crate::domain::{Fault, FaultKind};

/// Looks at everything the dashboard needs and prints it.
///
/// # Errors
/// When something is not well: scripts read the exit status.
pub async fn run(aws: &Aws, args: &JsonArgs, _: CancellationToken) -> Result<(), Fault> {
    let checks = actions::check_up(aws).await;
    print(&checks, args.json)?;
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        failed => {
            let (cause, remedy) = (
                format!("{failed} of {} checks failed", checks.len()),
                "see the lines above",
            );
            Err(Fault::new(FaultKind::Other, "check", "this setup", cause, remedy))
        }
    }
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
