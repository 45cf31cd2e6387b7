//! `strongroom encrypt s3://SOURCE/PREFIX/ s3://DESTINATION/PREFIX/`: objects that are in S3 already.

use tokio_util::sync::CancellationToken;

use super::output::context;
use super::rotate;
use super::seal::{self, How};
use crate::aws::Aws;
use crate::cli::EncryptArgs;
use crate::domain::seal::{SealAct, SealSpec};
use crate::domain::{Fault, JobSettings, Location, ObjectUri};

/// Encrypts, and prints what was made.
///
/// # Errors
/// Unless every plain object under it is encrypted.
pub(super) async fn run(
    aws: &Aws,
    (args, settings): &(EncryptArgs, JobSettings),
    cancel: CancellationToken,
) -> Result<(), Fault> {
    let spec = spec(args)?;
    let how = How {
        dry_run: args.dry_run,
        json: args.json,
        engine: &args.engine,
        settings,
    };
    seal::run(aws, &spec, how, &cancel).await
}

fn spec(args: &EncryptArgs) -> Result<SealSpec, Fault> {
    let texts: Vec<String> = args
        .paths
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    let [source, destination] = texts.as_slice() else {
        let cause = "of what is in S3 already one object or prefix goes at a time, and no files with it";
        let remedy = "give s3://SOURCE/PREFIX/ s3://DESTINATION/PREFIX/";
        return Err(Fault::usage("encrypt", texts.join(" "), cause, remedy));
    };
    let (Location::S3(source), Location::S3(destination)) = (Location::parse(source)?, Location::parse(destination)?)
    else {
        let cause = "tokens of what is in S3 stay in S3";
        let remedy = "give s3://BUCKET/PREFIX/ as the destination, or decrypt it to a file first";
        return Err(Fault::usage("encrypt", destination, cause, remedy));
    };
    if args.no_resume {
        let remedy = "leave it out: what is encrypted already is passed over";
        return Err(Fault::usage("heed", "--no-resume", "it is for files", remedy));
    }
    if args.data_key_out.is_some() {
        let cause = "--data-key-out is for local destinations";
        return Err(Fault::usage("encrypt", "--data-key-out", cause, "give --data-key-name"));
    }
    let to = if source == destination {
        parent(&source)
    } else {
        prefix(&source, destination)?
    };
    let act = SealAct::Encrypt {
        to,
        key: args.key.clone(),
        context: context(&args.context)?,
        data_key_name: args.data_key_name.clone(),
        overwrite: args.overwrite,
        delete_plain: args.delete_plain,
    };
    Ok(rotate::of_place(source, act))
}

/// A prefix itself; of an object what its name stands below.
fn parent(place: &ObjectUri) -> ObjectUri {
    let end = place.key.rfind('/').map_or(0, |slash| slash + 1);
    ObjectUri::new(place.bucket.as_str(), &place.key[..end])
}

fn prefix(source: &ObjectUri, destination: ObjectUri) -> Result<ObjectUri, Fault> {
    if destination.is_prefix() {
        return Ok(destination);
    }
    let (cause, remedy) = if source.is_prefix() {
        ("it names one object, and a prefix goes to a prefix", "end it with /")
    } else {
        (
            "an object keeps its name",
            "give the prefix that it goes to, with / at its end; or the object itself, to replace it",
        )
    };
    Err(Fault::usage("encrypt", destination, cause, remedy))
}
