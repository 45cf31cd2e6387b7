//! The embedded world: beside another command, or alone as `strongroom sandbox`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use strongroom_sandbox::{Fill, Options, Sandbox, SandboxError};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{SandboxArgs, WorldArgs};
use crate::console;
use crate::domain::{Fault, FaultKind};

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
    let program = std::env::current_exe()
        .map_err(|error| Fault::new(FaultKind::Io, "find", "this program's own file", error.to_string(), ""))?;
    Ok(Options {
        dir: dir.map(Path::to_path_buf),
        empty: args.empty,
        images: args.image.clone(),
        registry: args.registry,
        grant_delay: Duration::try_from_secs_f64(args.grant_delay)
            .map_err(|error| wrong("--grant-delay", format!("{error}; give seconds, such as 2.5")))?,
        job_pace: Duration::from_millis(1200),
        faults: args
            .fault
            .iter()
            .map(|fault| fault.parse().map_err(|why| wrong("--fault", why)))
            .collect::<Result<_, _>>()?,
        fault_seed: args.fault_seed,
        ..Options::new(program)
    })
}

fn fault(error: &SandboxError) -> Fault {
    Fault::new(FaultKind::Other, "start", "the sandbox", error.to_string(), "")
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
    Fault::new(FaultKind::Usage, "read", option, why, "see strongroom sandbox --help")
}

fn stop_signal() -> Result<impl Future<Output = ()>, Fault> {
    let listen =
        |kind| signal(kind).map_err(|error| Fault::new(FaultKind::Io, "listen for", "signals", error.to_string(), ""));
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

fn announce(sandbox: &Sandbox, as_json: bool) -> Result<(), Fault> {
    let values = [
        ("AWS_ENDPOINT_URL", sandbox.endpoint_url()),
        ("AWS_ACCESS_KEY_ID", sandbox.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", sandbox.secret_access_key()),
        ("AWS_REGION", sandbox.region()),
        ("AWS_DEFAULT_REGION", sandbox.region()),
    ];
    if as_json {
        let mut object: serde_json::Map<_, _> = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        object.insert("accounts".to_owned(), json!(sandbox.accounts()));
        object.insert("regions".to_owned(), json!(sandbox.regions()));
        object.insert("pid".to_owned(), json!(std::process::id()));
        return console::json(&serde_json::Value::Object(object));
    }
    for (name, value) in values {
        console::line(&format!("export {name}={value}"))?;
    }
    for account in sandbox.accounts().iter().skip(1) {
        let id = &account.id;
        console::line(&format!("export AWS_ACCESS_KEY_ID_{id}={}", account.access_key_id))?;
        console::line(&format!(
            "export AWS_SECRET_ACCESS_KEY_{id}={}",
            account.secret_access_key
        ))?;
    }
    console::line("ready")
}
