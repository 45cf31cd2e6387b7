//! Arguments -> mode; error -> exit status. Nothing else.

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use jiff::Timestamp;
use strongroom_sandbox::Sandbox;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::actions::{self, Aws};
use crate::cli::{Cli, Command, Global};
use crate::commands::interrupt::{self, Interrupt};
use crate::config::{self, Config, Connection, SandboxEndpoint};
use crate::domain::{Fault, FileRow, Named};
use crate::{commands, console, printable, runtime, term, training};

/// The whole program, to its end. It blocks, so that what is asynchronous is compiled once, here, and not again in `main`.
pub fn run(given: Vec<OsString>) -> ExitCode {
    console::report_panics(term::release_in_panic);
    // What panics here has said so.
    std::panic::catch_unwind(|| start_up(given)).unwrap_or(ExitCode::FAILURE)
}

fn start_up(given: Vec<OsString>) -> ExitCode {
    if let Err(fault) = config::shed_empty_variables() {
        return failed(&fault);
    }
    let cli = match arguments(given) {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    no_core_dumps();
    let made = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // The SDK's futures are large, and without optimisation they are moved over the stack call by call.
        .thread_stack_size(16 << 20)
        .enable_all()
        .build();
    let runtime = match made {
        Ok(runtime) => runtime,
        Err(error) => {
            let cause = error.to_string();
            return failed(&Fault::io("start", "the runtime", cause, ""));
        }
    };
    console::started();
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(perform(cli))));
    let status = match result {
        Ok(Ok(status)) => status,
        Ok(Err(fault)) => failed(&fault),
        Err(_) => ExitCode::FAILURE,
    };
    // No thread should run on while the process tears itself down; one that hangs in a write is left behind, also by a panic.
    runtime.shutdown_timeout(Duration::from_millis(50));
    status
}

fn failed(fault: &Fault) -> ExitCode {
    term::restore();
    if !console::reader_left() && interrupt::is_first_to_tell() {
        console::complain(&fault.to_string());
    }
    ExitCode::from(commands::exit_status(fault))
}

/// What was asked for; or help, or what is wrong, said.
fn arguments(given: Vec<OsString>) -> Result<Cli, ExitCode> {
    Cli::try_parse_from(&given).map_err(|error| {
        // The parser quotes what it refuses: it gets to see it harmless.
        let harmless = given
            .iter()
            .map(|argument| printable::clean(&argument.to_string_lossy()));
        let error = Cli::try_parse_from(harmless).err().unwrap_or(error);
        let text = error.render();
        if error.use_stderr() {
            console::explain(&text.to_string());
            return ExitCode::from(2);
        }
        let in_style = console::is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let text = if in_style {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        console::own(&text).map_or_else(|fault| failed(&fault), |()| ExitCode::SUCCESS)
    })
}

/// Data keys live in memory: it must not be written to a core file.
fn no_core_dumps() {
    let none = rustix::process::Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
}

async fn perform(cli: Cli) -> Result<ExitCode, Fault> {
    let Some(command) = cli.command else {
        return dashboard(&cli.global, cli.open.as_deref()).await;
    };
    if let Some(name) = cli.open {
        let cause = "only the dashboard opens what is named before a command";
        let remedy = "leave it out, or leave out the command";
        return Err(Fault::usage("open", name, cause, remedy));
    }
    match command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "strongroom", &mut script);
            console::own(&String::from_utf8_lossy(&script))?;
        }
        Command::Man => man()?,
        Command::Sandbox(args) => commands::sandbox::run(&args).await?,
        Command::Train(args) => return Ok(ExitCode::from(training::run(args.command).await?)),
        Command::Serve(args) => training::serve(args.command).await?,
        Command::ReferenceTrainer => training::reference::run()?,
        Command::Swept { parent, folder, second } => training::sweep_after(parent, &folder, !second)?,
        Command::Tethered { parent, command } => training::become_command(parent, &command)?,
        Command::Encrypt(args) => {
            let asked = (args, config::job_settings(&cli.global)?);
            with_aws("encrypt", &cli.global, &asked, commands::encrypt::run).await?;
        }
        Command::Decrypt(args) => with_aws("decrypt", &cli.global, &args, commands::decrypt::run).await?,
        Command::Verify(args) => with_aws("verify", &cli.global, &args, commands::verify::run).await?,
        Command::Audit(args) => {
            let asked = (args, config::job_settings(&cli.global)?);
            with_aws("audit", &cli.global, &asked, commands::audit::run).await?;
        }
        Command::Rewrap(args) => {
            let asked = (args, config::job_settings(&cli.global)?);
            with_aws("rewrap", &cli.global, &asked, commands::rewrap::run).await?;
        }
        Command::Rotate(args) => {
            let asked = (args, config::job_settings(&cli.global)?);
            with_aws("rotate", &cli.global, &asked, commands::rotate::run).await?;
        }
        Command::BulkWorker(args) => return Ok(ExitCode::from(commands::bulk::worker(&args).await?)),
        Command::Prove(args) => {
            let name = if args.story { interrupt::STORY } else { "prove" };
            with_aws(name, &cli.global, &args, commands::prove::run).await?;
        }
        Command::Who(args) => {
            let status = AtomicU8::new(0);
            let asked = (args, &status);
            with_aws("who", &cli.global, &asked, commands::who::run).await?;
            return Ok(ExitCode::from(status.into_inner()));
        }
        Command::Start(args) => {
            let asked = (args, config::job_settings(&cli.global)?);
            with_aws("start", &cli.global, &asked, commands::start::run).await?;
        }
        Command::Watch(args) => with_aws("watch", &cli.global, &args, commands::watch::run).await?,
        Command::Login => with_aws("login", &cli.global, &(), commands::login::run).await?,
        Command::Doctor(args) => with_aws("doctor", &cli.global, &args, commands::doctor::run).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that talks to AWS, or to an embedded world that lives as long as the command does.
async fn with_aws<A>(
    name: &'static str,
    global: &Global,
    args: &A,
    command: impl AsyncFnOnce(&Aws, &A, CancellationToken) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let interrupt = Interrupt::listen(name);
    let world = OnceCell::new();
    let result = interrupt
        .over(async {
            let mut connection = Connection::new(global)?;
            if global.sandbox {
                connection.sandbox = Some(start(global, &world).await?);
                connection.sandbox_audit = audit_of(global);
            }
            let aws = actions::connect_for(&connection, commands::person::at_the_terminal()).await?;
            let result = command(&aws, args, interrupt.token()).await;
            if let Some(fault) = aws.unaudited() {
                console::complain(&fault.to_string());
            }
            result
        })
        .await;
    interrupt.hurry(stop(world)).await;
    result
}

async fn dashboard(global: &Global, open: Option<&str>) -> Result<ExitCode, Fault> {
    let mut config = Config::new(global)?;
    if let Some(name) = open {
        let unknown = || {
            let cause = "it names neither a place in S3 nor a KMS key nor a training job";
            let remedy = "write s3://BUCKET/PREFIX/, a key's id, ARN or alias/NAME, or training-job/NAME";
            Fault::usage("open", name, cause, remedy)
        };
        let named = Named::parse(name).ok_or_else(unknown)?;
        named.check()?;
        config.open = Some(named);
    }
    let world = OnceCell::new();
    if global.sandbox {
        // The world is up within milliseconds and its folder holds the sample data that the files pane opens on.
        config.connection.sandbox = Some(start(global, &world).await?);
        config.connection.sandbox_audit = audit_of(global);
        if let Some(sandbox) = world.get() {
            let folder = sandbox.sample_dir();
            config.sample = sample(&folder.join(SAMPLE));
            if !global.world.empty {
                config.start_dir = folder.to_path_buf();
            }
        }
    }
    let result = runtime::run(config).await;
    stop(world).await;
    result.map(|()| ExitCode::SUCCESS)
}

/// The table that a sandbox brings.
const SAMPLE: &str = "housing.csv";

/// A file, if it is there.
fn sample(path: &Path) -> Option<FileRow> {
    let about = std::fs::metadata(path).ok()?;
    Some(FileRow {
        name: path.file_name()?.to_string_lossy().into_owned(),
        path: path.to_path_buf(),
        is_dir: about.is_dir(),
        is_link: false,
        size: about.len(),
        modified: about.modified().ok().and_then(|at| Timestamp::try_from(at).ok()),
    })
}

/// The audit log of a world that is kept: with it, for it tells of nothing else.
fn audit_of(global: &Global) -> Option<PathBuf> {
    global
        .sandbox_dir
        .as_ref()
        .map(|dir| dir.join("strongroom-audit.jsonl"))
}

async fn start(global: &Global, world: &OnceCell<Sandbox>) -> Result<SandboxEndpoint, Fault> {
    let sandbox = world
        .get_or_try_init(|| commands::sandbox::start(global.sandbox_dir.as_deref(), &global.world))
        .await?;
    Ok(SandboxEndpoint {
        url: sandbox.endpoint_url().to_owned(),
        region: sandbox.region().to_owned(),
        access_key_id: sandbox.access_key_id().to_owned(),
        secret_access_key: sandbox.secret_access_key().to_owned(),
    })
}

async fn stop(world: OnceCell<Sandbox>) {
    if let Some(sandbox) = world.into_inner() {
        sandbox.stop().await;
    }
}

fn man() -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::io("print", "the manual page", error.to_string(), "");
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(fault)?;
    console::own(&String::from_utf8_lossy(&page))
}
