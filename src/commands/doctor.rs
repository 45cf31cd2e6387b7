//! `strongroom doctor`: what works and what does not, line by line.

use std::io::Write;

use serde_json::json;

use super::one_line;
use crate::actions::{self, Check};
use crate::aws::Aws;
use crate::domain::{Fault, FaultKind};

/// Looks at everything the dashboard needs and prints it.
///
/// # Errors
/// When something is not well: scripts read the exit status.
pub async fn run(aws: &Aws, json: bool) -> Result<(), Fault> {
    let checks = actions::check_up(aws).await;
    print(&checks, json).map_err(|error| Fault::new(FaultKind::Io, "print", "the checks", error.to_string(), ""))?;
    match checks.iter().filter(|check| !check.ok).count() {
        0 => Ok(()),
        failed => {
            let cause = format!("{failed} of {} checks failed", checks.len());
            Err(Fault::new(
                FaultKind::Other,
                "check",
                "this setup",
                cause,
                "see the lines above",
            ))
        }
    }
}

fn print(checks: &[Check], as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for check in checks {
        if as_json {
            let Check {
                name,
                ok,
                detail,
                remedy,
            } = check;
            writeln!(
                out,
                "{}",
                json!({"name": name, "ok": ok, "detail": detail, "remedy": remedy})
            )?;
        } else {
            writeln!(out, "{}", line(check))?;
        }
    }
    out.flush()
}

fn line(check: &Check) -> String {
    let word = if check.ok { "ok    " } else { "FAILED" };
    let remedy = check
        .remedy
        .as_deref()
        .map(|remedy| format!("; {remedy}"))
        .unwrap_or_default();
    one_line(&format!("{word}  {:<16} {}{remedy}", check.name, check.detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_check_and_the_remedy_and_moves_no_cursor() {
        let check = Check {
            name: "KMS".to_owned(),
            ok: false,
            detail: "denied\u{1b}[2J".to_owned(),
            remedy: Some("ask".to_owned()),
        };
        assert_eq!(line(&check), "FAILED  KMS              denied\u{fffd}[2J; ask");
    }
}
