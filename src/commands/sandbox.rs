//! The embedded world: beside another command, or alone as `strongroom sandbox`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use strongroom_sandbox::{Fill, Options, Sandbox, SandboxError};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{SandboxArgs, WorldArgs};
use crate::console;
use crate::domain::Fault;

/// Starts a world that holds and does what was asked for.
///
/// # Errors
/// When it cannot, or what was asked for makes no sense.
pub async fn start(dir: Option<&Path>, args: &WorldArgs) -> Result<Sandbox, Fault> {
    open(options(dir, args)?, args).await
}

async fn open(options: Options, args: &WorldArgs) -> Result<Sandbox, Fault> {
    let fill = args
        .fill
        .iter()
        .map(|(what, count)| format!("{what}={count}"))
        .collect::<Vec<_>>()
        .join(",")
        .parse::<Fill>()
        .map_err(|why| wrong("--fill", why))?;
    let sandbox = Sandbox::start(options).await.map_err(|error| fault(&error))?;
    sandbox.fill(&fill).await.map_err(|error| fault(&error))?;
    Ok(sandbox)
}

fn options(dir: Option<&Path>, args: &WorldArgs) -> Result<Options, Fault> {
    let program =
        std::env::current_exe().map_err(|error| Fault::io("find", "this program's own file", error.to_string(), ""))?;
    Ok(Options {
        dir: dir.map(Path::to_path_buf),
        empty: args.empty,
        images: args.image.clone(),
        registry: args.registry,
        grant_delay: seconds("--grant-delay", args.grant_delay)?,
        trail_delay: seconds("--trail-delay", args.trail_delay)?,
        job_pace: Duration::from_millis(1200),
        faults: args
            .fault
            .iter()
            .map(|fault| fault.parse().map_err(|why| wrong("--fault", why)))
            .collect::<Result<_, _>>()?,
        fault_seed: args.fault_seed,
        program: Some(program),
        ..Options::default()
    })
}

fn seconds(option: &str, given: f64) -> Result<Duration, Fault> {
    Duration::try_from_secs_f64(given).map_err(|error| wrong(option, format!("{error}; give seconds, such as 2.5")))
}

fn fault(error: &SandboxError) -> Fault {
    Fault::other("start", "the sandbox", error.to_string(), "")
}

/// Serves a world until SIGINT or SIGTERM; says where it is first.
///
/// # Errors
/// When the world cannot start or nothing can be printed.
pub async fn run(args: &SandboxArgs) -> Result<(), Fault> {
    let wait = stop_signal()?;
    let options = Options {
        port: args.port,
        accounts: args.account.clone(),
        regions: args.region.clone(),
        ..options(args.dir.as_deref(), &args.world)?
    };
    let sandbox = open(options, &args.world).await?;
    announce(&sandbox, args.json)?;
    if !sandbox.confines_jobs().await {
        console::complain(
            "no namespaces can be made here (unshare): training jobs are not confined, they can read the world's folder \
             and each other's data",
        );
    }
    wait.await;
    sandbox.stop().await;
    Ok(())
}

fn wrong(option: &str, why: String) -> Fault {
    Fault::usage("read", option, why, "see strongroom sandbox --help")
}

fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    let listen = |kind| signal(kind).map_err(|error| Fault::io("listen for", "signals", error.to_string(), ""));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// What the SDKs read.
fn variables(sandbox: &Sandbox) -> Vec<(String, &str)> {
    [
        ("AWS_ENDPOINT_URL", sandbox.endpoint_url()),
        ("AWS_ACCESS_KEY_ID", sandbox.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", sandbox.secret_access_key()),
        ("AWS_REGION", sandbox.region()),
        ("AWS_DEFAULT_REGION", sandbox.region()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// The same, and the access keys of further accounts.
fn exports(sandbox: &Sandbox) -> Vec<String> {
    let others = sandbox.accounts().iter().skip(1).flat_map(|account| {
        [
            (format!("AWS_ACCESS_KEY_ID_{}", account.id), &*account.access_key_id),
            (
                format!("AWS_SECRET_ACCESS_KEY_{}", account.id),
                &*account.secret_access_key,
            ),
        ]
    });
    let all = variables(sandbox).into_iter().chain(others);
    all.map(|(name, value)| format!("export {name}={value}")).collect()
}

fn announce(sandbox: &Sandbox, as_json: bool) -> Result<(), Fault> {
    if as_json {
        let variables = variables(sandbox).into_iter();
        let mut object: serde_json::Map<_, _> = variables.map(|(name, value)| (name, json!(value))).collect();
        object.insert("accounts".to_owned(), json!(sandbox.accounts()));
        object.insert("regions".to_owned(), json!(sandbox.regions()));
        object.insert("pid".to_owned(), json!(std::process::id()));
        return console::json(&serde_json::Value::Object(object));
    }
    for line in exports(sandbox) {
        console::line(&line)?;
    }
    console::line("ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_account_is_exported_as_the_sdks_read_it_and_others_by_their_ids() {
        let options = Options {
            accounts: vec!["444455556666".to_owned(), "111122223333".to_owned()],
            regions: vec!["eu-west-1".to_owned()],
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let lines = exports(&sandbox);
        let value = |name: &str| {
            let prefix = format!("export {name}=");
            lines.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap()
        };
        assert_eq!(lines.len(), 7, "{lines:?}");
        assert_eq!(value("AWS_REGION"), "eu-west-1");
        let [first, second] = sandbox.accounts() else {
            unreachable!("two were named")
        };
        assert_eq!(value("AWS_ACCESS_KEY_ID"), first.access_key_id);
        assert_eq!(value("AWS_ACCESS_KEY_ID_111122223333"), second.access_key_id);
        assert_eq!(value("AWS_SECRET_ACCESS_KEY_111122223333"), second.secret_access_key);
        sandbox.stop().await;
    }
}
