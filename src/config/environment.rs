//! The environment, before anything reads it: empty `AWS_*` variables count as unset, as the AWS CLI has it.
//!
//! `docker compose` and CI systems set `AWS_X=${AWS_X}`. The SDK takes an empty endpoint for an endpoint and panics; an
//! empty region hides the next place to look in. A process cannot safely change its own environment, so the program
//! starts itself again, once, under the same process id.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::domain::Fault;

/// Goes on without empty `AWS_*` variables, as the same process.
///
/// # Errors
/// When one of them is not text, or the program cannot be started again.
pub fn shed_empty_variables() -> Result<(), Fault> {
    let is_aws = |name: &OsString| name.to_string_lossy().starts_with("AWS_");
    let aws: Vec<(OsString, OsString)> = env::vars_os().filter(|(name, _)| is_aws(name)).collect();
    if let Some((name, _)) = aws.iter().find(|(_, value)| value.to_str().is_none()) {
        // The SDK would go on without it, as somebody else perhaps.
        let (cause, remedy) = ("its value is not UTF-8", "set it anew, or unset it");
        return Err(Fault::usage("read", name.to_string_lossy(), cause, remedy));
    }
    let empty: Vec<OsString> = aws
        .into_iter()
        .filter(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
        .collect();
    if empty.is_empty() {
        return Ok(());
    }
    // On Linux even a file that was replaced meanwhile is still itself there.
    let own = Path::new("/proc/self/exe");
    let program = if own.exists() {
        Ok(own.to_path_buf())
    } else {
        env::current_exe()
    };
    let fault = |error: std::io::Error| {
        let names: Vec<_> = empty.iter().map(|name| name.to_string_lossy()).collect();
        let remedy = format!("unset {}", names.join(", "));
        let (act, object) = ("start again without", "empty AWS variables");
        Fault::io(act, object, error.to_string(), remedy)
    };
    let mut arguments = env::args_os();
    let mut again = Command::new(program.map_err(fault)?);
    again
        .arg0(arguments.next().unwrap_or_else(|| "strongroom".into()))
        .args(arguments);
    for name in &empty {
        again.env_remove(name);
    }
    Err(fault(again.exec()))
}
