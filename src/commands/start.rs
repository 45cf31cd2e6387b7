//! `strongroom start IMAGE`: a training job on encrypted channels, for scripts; with `--wait` to its end.

use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::output::{clear_progress, json_line, line, names_once, program, progress, unexpected};
use super::watch;
use crate::actions::role_arn;
use crate::aws::Aws;
use crate::cli::{StartArgs, WatchArgs};
use crate::domain::{
    Brought, DataChannel, Fault, FaultKind, JobPlan, JobRequest, JobSettings, JobSpec, Outcome, PlaintextPlace, Request,
};
use crate::perform::perform;

/// Starts the job, says its name, and follows it if that is asked for.
///
/// # Errors
/// When it was not started; with `--wait` also when it did not end well.
pub async fn run(
    aws: &Aws,
    (args, settings): &(StartArgs, JobSettings),
    cancel: CancellationToken,
) -> Result<(), Fault> {
    let role_arn = role_arn(aws, &args.role).await?;
    let spec = spec(args, settings, role_arn)?;
    for plain in spec.channels().iter().filter(|channel| channel.is_plain) {
        if args.json {
            json_line(&json!({ "event": "plain", "channel": plain.name, "place": plain.uri() }))?;
        } else {
            let (name, place) = (&plain.name, plain.uri());
            line(&format!(
                "{name}: plain, as it is declared: what is in {place} is not decrypted"
            ))?;
        }
    }
    let request = Request::Job(JobRequest::Start(Box::new(spec)));
    let outcome = perform(aws, &request, &progress(), &cancel).await;
    clear_progress();
    let Outcome::JobStarted { name, note, brought } = outcome? else {
        return Err(unexpected(START, &args.image, "job"));
    };
    said(&name, note.as_deref(), brought.as_ref(), args.json)?;
    if !args.wait {
        return Ok(());
    }
    let follow = WatchArgs {
        job: name,
        json: args.json,
    };
    watch::run(aws, &follow, cancel)
        .await
        .map_err(|fault| match fault.kind {
            FaultKind::Cancelled => Fault {
                remedy: format!("the job goes on: strongroom watch {}", follow.job),
                ..fault
            },
            _ => fault,
        })
}

fn said(job: &str, note: Option<&str>, brought: Option<&Brought>, as_json: bool) -> Result<(), Fault> {
    if as_json {
        let mut told = json!({ "event": "started", "job": job });
        if let Some(note) = note {
            told["note"] = json!(note);
        }
        if let Some(Brought { uri, sha256, is_new }) = brought {
            told["program"] = json!({ "uri": uri, "sha256": sha256, "uploaded": is_new });
        }
        return json_line(&told);
    }
    if let Some(Brought { uri, is_new, .. }) = brought {
        let how = if *is_new { "uploaded to" } else { "is there already:" };
        line(&format!("{job}: strongroom {how} {uri}"))?;
    }
    let note = note.map(|note| format!("; {note}")).unwrap_or_default();
    line(&format!("{job}: started{note}"))
}

const START: &str = "start training job";

fn spec(args: &StartArgs, settings: &JobSettings, role_arn: String) -> Result<JobSpec, Fault> {
    let mut channels = args.channel.iter().map(|(name, place)| channel(name, place));
    let Some(first) = channels.next().transpose()? else {
        let remedy = "give NAME=s3://BUCKET/PREFIX/";
        return Err(Fault::usage("read", "--channel", "there is none", remedy));
    };
    let others = channels.collect::<Result<_, _>>()?;
    let hyperparameters = names_once("--hp", &args.hp)?;
    let plaintext = args.plaintext.as_deref().and_then(PlaintextPlace::parse);
    Ok(JobSpec {
        name: args.name.clone().unwrap_or_else(new_name),
        role_arn,
        image: args.image.clone(),
        instance_type: args.instance.clone(),
        instance_count: args.instances,
        volume_gb: args.volume,
        max_runtime: args.max_runtime,
        output: args
            .output
            .clone()
            .unwrap_or_else(|| format!("s3://{}/output", first.bucket)),
        bucket: first.bucket,
        object: first.object,
        hyperparameters,
        moved_from: None,
        settings: JobSettings {
            spot_wait: args.spot.or(settings.spot_wait),
            volume_key: args.volume_key.clone().or_else(|| settings.volume_key.clone()),
            plaintext: plaintext.unwrap_or(settings.plaintext),
            program: program(args.program.as_ref(), settings),
            ..settings.clone()
        },
        plan: JobPlan {
            channel: Some(first.name),
            is_sharded: first.is_sharded,
            is_plain: first.is_plain,
            others,
            command: args.command.clone(),
            parameter_file: args.hp_file.clone(),
        },
        original: None,
    })
}

fn new_name() -> String {
    let now = Timestamp::now().strftime("%Y%m%d-%H%M%S");
    // Scripts start several in one second.
    format!("train-{now}-{:04x}", fastrand::u16(..))
}

fn channel(name: &str, place: &str) -> Result<DataChannel, Fault> {
    DataChannel::read(name, place).ok_or_else(|| {
        let remedy = "give NAME=s3://BUCKET/PREFIX/, or the same with ,sharded for a part to each host";
        Fault::usage("read", "--channel", format!("`{place}` is no place in S3"), remedy)
    })
}
