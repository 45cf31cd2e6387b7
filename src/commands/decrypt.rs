//! `strongroom decrypt SOURCE`.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, open_options, passed_over, progress, settle, terms, warn};
use crate::actions::decrypt::{DecryptRequest, Output, Way, decrypt};
use crate::aws::Aws;
use crate::cli::DecryptArgs;
use crate::domain::{Fault, Location, ObjectUri};

/// Decrypts and prints what was opened.
///
/// # Errors
/// When a token did not open; the others are done.
pub async fn run(aws: &Aws, args: &DecryptArgs, cancel: CancellationToken) -> Result<(), Fault> {
    let source = Location::parse(&args.source)?;
    let output = output(&source, args)?;
    let to_stdout = output == Output::Stdout;
    let request = DecryptRequest {
        source,
        output,
        open: open_options(&args.open, args.accept_name)?,
        overwrite: args.overwrite,
    };
    let result = decrypt(&aws.carrying(&terms(&args.terms)), request, &progress(), &cancel).await;
    clear_progress();
    let report = result?;
    for file in &report.files {
        if let Some(contested) = &file.contested {
            warn(&format!("{}: {contested}", file.source));
        }
        let path = file.path.as_ref().map(|path| path.to_string_lossy());
        if to_stdout {
            if !file.verified.bond.is_bound() || file.verified.is_ahead {
                warn(&format!("{} is {}", file.source, file.verified));
            }
        } else if args.json {
            let bond = &file.verified.bond;
            json_line(&json!({
                "source": file.source,
                "path": path,
                "bytes": file.bytes,
                "bound": bond.as_str(),
                "put_at": bond.put_at(),
                "host": file.contested.as_ref().map(|contested| &contested.kept),
                "lost_of": file.contested.as_ref().map(|contested| &contested.lost),
            }))?;
        } else {
            line(&format!(
                "{} -> {} ({} bytes, {})",
                file.source,
                path.unwrap_or_default(),
                file.bytes,
                file.verified
            ))?;
        }
    }
    passed_over(report.key_objects);
    settle(report.failed)
}

fn output(source: &Location, args: &DecryptArgs) -> Result<Output, Fault> {
    let usage = |cause: &str, remedy: &str| Fault::usage("decrypt", &args.source, cause, remedy);
    let way = |path: &Path| {
        if path.as_os_str() == "-" {
            Way::Stdout
        } else {
            Way::of(path)
        }
    };
    match (&args.output, source) {
        (Some(path), _) if way(path) == Way::Stdout && args.json => {
            Err(usage("--json and the plaintext would mix", "leave out --json"))
        }
        (Some(path), _) if way(path) == Way::Stdout => Ok(Output::Stdout),
        (Some(path), _) if way(path) == Way::Stream => Ok(Output::Stream(path.clone())),
        (Some(path), Location::S3(ObjectUri { key, .. })) if path.is_dir() && !is_folder_source(source) => {
            Ok(Output::Path(path.join(basename(key))))
        }
        (Some(path), _) => Ok(Output::Path(path.clone())),
        (None, Location::S3(ObjectUri { key, .. })) if !is_folder_source(source) => {
            Ok(Output::Path(PathBuf::from(basename(key))))
        }
        (None, _) => Err(usage("it has no destination", "give -o PATH")),
    }
}

fn is_folder_source(source: &Location) -> bool {
    source.is_prefix() || source.to_string().ends_with(".tar.gz") || source.to_string().ends_with(".tgz")
}

fn basename(key: &str) -> &str {
    match key.rsplit('/').next() {
        Some(name) if name != ".." && name != "." => name,
        _ => "plaintext",
    }
}
