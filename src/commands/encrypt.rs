//! `strongroom encrypt PATH... DEST`.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::encrypt_objects;
use super::output::{clear_progress, context, json_line, line, names_once, progress, settle, terms, warn};
use crate::actions::encrypt::{Destination, EncryptReport, EncryptRequest, Way, encrypt};
use crate::aws::Aws;
use crate::cli::{EncryptArgs, TermsArgs, UploadArgs};
use crate::domain::{Fault, JobSettings, Location, ObjectUri, UploadSettings};

/// Encrypts and prints what was made.
///
/// # Errors
/// When a file could not be encrypted; the others are done.
pub async fn run(aws: &Aws, asked: &(EncryptArgs, JobSettings), cancel: CancellationToken) -> Result<(), Fault> {
    let (args, _) = asked;
    if is_of_objects(args) {
        return Box::pin(encrypt_objects::run(&aws.carrying(&checked(args)?), asked, cancel)).await;
    }
    refuse_what_only_objects_take(args)?;
    let (request, carried) = (request(args)?, checked(args)?);
    if !matches!(
        request.destination,
        Destination::Location(Location::S3(ObjectUri { .. }))
    ) {
        refuse_what_only_s3_takes(args)?;
    }
    let to_stdout = request.destination == Destination::Stdout;
    let result = encrypt(&aws.carrying(&carried), request, &progress(), &cancel).await;
    clear_progress();
    let report = result?;
    for warning in &report.warnings {
        warn(warning);
    }
    if !to_stdout {
        print(&report, args.json)?;
    }
    settle(report.failed)
}

/// What the objects are to carry, if S3 takes it.
fn checked(args: &EncryptArgs) -> Result<UploadSettings, Fault> {
    let carried = carried(args)?;
    carried.check().map_err(|why| {
        let remedy = "see what --sse, --sse-key, --bucket-key and --tag take: strongroom encrypt --help";
        Fault::usage("encrypt", "what the objects are to carry", why, remedy)
    })?;
    Ok(carried)
}

/// Whether what is named is in S3 already.
fn is_of_objects(args: &EncryptArgs) -> bool {
    let sources = args.paths.split_last().map_or(&[][..], |(_, sources)| sources);
    sources.iter().any(|path| path.to_string_lossy().starts_with("s3://"))
}

/// An option that would do nothing is a mistake.
fn refuse_what_only_objects_take(args: &EncryptArgs) -> Result<(), Fault> {
    let given = [
        ("--delete-plain", args.delete_plain),
        ("--dry-run", args.dry_run),
        ("--on", args.engine.on.is_some()),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) else {
        return Ok(());
    };
    let cause = "it is for objects that are in S3 already, and these are files";
    Err(Fault::usage("heed", option, cause, "leave it out"))
}

fn carried(args: &EncryptArgs) -> Result<UploadSettings, Fault> {
    let upload = &args.upload;
    Ok(UploadSettings {
        encryption: upload.sse.clone(),
        key: upload.sse_key.clone(),
        context: names_once("--sse-context", &upload.sse_context)?,
        bucket_key: upload.bucket_key,
        tags: names_once("--tag", &upload.tag)?,
        storage_class: upload.storage_class.clone(),
        acl: upload.acl.clone(),
        ..terms(&upload.terms)
    })
}

/// An option that would do nothing is a mistake.
fn refuse_what_only_s3_takes(args: &EncryptArgs) -> Result<(), Fault> {
    let UploadArgs {
        sse,
        sse_key,
        sse_context,
        bucket_key,
        tag,
        storage_class,
        acl,
        terms: TermsArgs {
            expected_owner,
            requester_pays,
        },
    } = &args.upload;
    let given = [
        ("--sse", sse.is_some()),
        ("--sse-key", sse_key.is_some()),
        ("--sse-context", !sse_context.is_empty()),
        ("--bucket-key", *bucket_key),
        ("--tag", !tag.is_empty()),
        ("--storage-class", storage_class.is_some()),
        ("--acl", acl.is_some()),
        ("--expected-owner", expected_owner.is_some()),
        ("--requester-pays", *requester_pays),
    ];
    let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) else {
        return Ok(());
    };
    let cause = "it says how S3 stores an object, and the destination is not in S3";
    let remedy = "leave it out, or give s3://BUCKET/PREFIX/ as the destination";
    Err(Fault::usage("heed", option, cause, remedy))
}

fn request(args: &EncryptArgs) -> Result<EncryptRequest, Fault> {
    let Some((destination, paths)) = args.paths.split_last() else {
        return Err(Fault::usage(
            "encrypt",
            "nothing",
            "no destination is given",
            "give PATH... DEST",
        ));
    };
    let place = match destination.to_str() {
        Some(text) => Location::parse(text)?,
        None => Location::Local(destination.clone()),
    };
    let way = match &place {
        Location::Local(path) if path.as_os_str() == "-" => Way::Stdout,
        Location::Local(path) => Way::of(path),
        Location::S3(ObjectUri { .. }) => Way::File,
    };
    let destination = match way {
        Way::Stdout if args.json => {
            let cause = "--json and the token would mix";
            return Err(Fault::usage("encrypt", "-", cause, "leave out --json"));
        }
        Way::Stdout => Destination::Stdout,
        Way::Stream => Destination::Stream(destination.clone()),
        Way::File => Destination::Location(place),
    };
    Ok(EncryptRequest {
        paths: paths.to_vec(),
        destination,
        key: args.key.clone(),
        context: context(&args.context)?,
        data_key_name: args.data_key_name.clone(),
        data_key_out: args.data_key_out.clone(),
        overwrite: args.overwrite,
        resume: !args.no_resume,
    })
}

fn print(report: &EncryptReport, as_json: bool) -> Result<(), Fault> {
    for file in &report.files {
        if !as_json {
            let place = file.place.as_ref().map(ToString::to_string).unwrap_or_default();
            line(&format!("{} -> {place} ({} bytes)", file.path.display(), file.bytes))?;
            continue;
        }
        let (bucket, key) = match &file.place {
            Some(Location::S3(ObjectUri { bucket, key })) => (Some(bucket), Some(key)),
            _ => (None, None),
        };
        json_line(&json!({
            "path": file.path.to_string_lossy(),
            "bucket": bucket,
            "key": key,
            "kms_key_id": report.kms_key_arn,
            "data_key_uri": file.data_key_uri,
            "bytes": file.bytes,
            "token_bytes": file.token_bytes,
            "etag": file.etag,
            "resumed": file.resumed,
        }))?;
    }
    Ok(())
}
