//! `strongroom rotate s3://BUCKET/PREFIX/`.

use tokio_util::sync::CancellationToken;

use super::output::{context, in_s3, terms};
use super::seal::{self, How};
use crate::aws::Aws;
use crate::cli::RotateArgs;
use crate::domain::seal::{SealAct, SealSpec};
use crate::domain::{Fault, JobSettings, ObjectUri};

/// Rotates, and prints what was done.
///
/// # Errors
/// Unless every token of strongroom under it is rotated.
pub async fn run(
    aws: &Aws,
    (args, settings): &(RotateArgs, JobSettings),
    cancel: CancellationToken,
) -> Result<(), Fault> {
    let spec = spec(args)?;
    if args.no_resume && args.engine.on.is_some() {
        let cause = "what is begun with --on is gone on with by its id alone";
        return Err(Fault::usage("heed", "--no-resume", cause, "leave it out"));
    }
    let aws = aws.carrying(&terms(&args.terms));
    let how = How {
        dry_run: args.dry_run,
        json: args.json,
        engine: &args.engine,
        settings,
    };
    seal::run(&aws, &spec, how, &cancel).await
}

fn spec(args: &RotateArgs) -> Result<SealSpec, Fault> {
    let place = in_s3("rotate", &args.place)?;
    let context = context(&args.context)?;
    let act = SealAct::Rotate {
        key: args.key.clone(),
        context: Some(context).filter(|context| !context.is_empty()),
        resume: !args.no_resume,
    };
    Ok(of_place(place, act))
}

/// Everything under a prefix, or one object.
pub(super) fn of_place(ObjectUri { bucket, key }: ObjectUri, act: SealAct) -> SealSpec {
    if key.is_empty() || key.ends_with('/') {
        return SealSpec {
            bucket,
            prefix: key,
            places: Vec::new(),
            act,
        };
    }
    let prefix = key
        .rfind('/')
        .map_or_else(String::new, |slash| key[..=slash].to_owned());
    SealSpec {
        bucket,
        prefix,
        places: vec![key],
        act,
    }
}
