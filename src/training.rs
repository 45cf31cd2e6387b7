//! The container side: `strongroom train [--] COMMAND…`, and `strongroom serve` where its model is used.
//!
//! Unwraps the job's data keys with the execution role's credentials, decrypts the channels into private folders, runs
//! COMMAND on them, encrypts what it leaves, and removes the plaintext, whatever happened: an end, a fault, any signal
//! that can be caught, a panic. `SIGKILL` takes COMMAND along, and the next start sweeps.
//!
//! COMMAND runs as it is. One that has `/opt/ml/input/data/train` or `/opt/ml/model` written into it meets links to private
//! folders there meanwhile (`cover`), so that plaintext stays out of what SageMaker uploads; what it puts there all the same is
//! taken away at once (`watch`). One of the sagemaker-training
//! toolkit finds the private folders by its variables (`environment`), and the toolkit itself by `SAGEMAKER_BASE_DIR`: they
//! are a whole `/opt/ml` (`workspace`).
//!
//! It reads `/opt/ml` and the environment and talks to S3 and KMS through `aws`; it decides nothing about training.
//! What it does it says on standard error, a line each, which is what SageMaker keeps as the job's log.

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::checkpoints::{Checkpoints, Writing};
use self::cover::{Cover, Covers};
use self::job::{Job, Resources};
use self::keys::Keys;
use self::known::{Destination, Destinations};
use self::stops::Stops;
use self::watch::Watch;
use self::workspace::Workspace;
use crate::aws::Aws;
use crate::console;
use crate::domain::Fault;
use crate::domain::words::bytes as human;

mod bundle;
mod checkpoints;
mod child;
mod cover;
mod environment;
mod exact;
mod inputs;
mod job;
mod keys;
mod known;
mod orphans;
mod outputs;
mod processing;
pub mod reference;
mod serve;
mod stops;
mod sweeper;
mod tether;
mod tree;
mod watch;
mod workspace;

pub use processing::bulk_worker;
pub use serve::serve;
pub use sweeper::sweep_after;
pub use tether::become_command;

/// Where SageMaker mounts everything.
const ROOT: &str = "/opt/ml";
/// Between two looks at the checkpoints.
const CHECKPOINT_POLL: Duration = Duration::from_secs(5);

/// Trains under `/opt/ml`, or under `STRONGROOM_ML_ROOT`, and gives the exit status.
///
/// # Errors
/// When the job could not be prepared, COMMAND not be started, or its output not be encrypted. The reason is in
/// `output/failure` too.
pub async fn run(command: Vec<OsString>) -> Result<u8, Fault> {
    let root = root();
    // What is dropped on the way of a panic removes the plaintext.
    let ended = match AssertUnwindSafe(train(&command, &root)).catch_unwind().await {
        Ok(ended) => ended,
        Err(_) => {
            orphans::end().await;
            Workspace::sweep(&root);
            Err(unexpected("it panicked, as said above"))
        }
    };
    let reason = match &ended {
        Ok(End { failure, .. }) => failure.clone(),
        Err(fault) => Some(outputs::reason(fault)),
    };
    if let Some(reason) = reason {
        if ended.is_ok() {
            say(&reason);
        }
        // What SageMaker shows of a job is the reason of one of its hosts, and it does not say whose.
        let host = Job::read(&root)
            .ok()
            .and_then(|job| job.resources.host().map(str::to_owned));
        let reason = host.map_or(reason.clone(), |host| format!("{host}: {reason}"));
        outputs::write_failure(&root.join("output"), &reason);
    }
    ended.map(|end| end.status)
}

/// `/opt/ml`, unless told otherwise.
fn root() -> PathBuf {
    std::env::var_os("STRONGROOM_ML_ROOT").map_or_else(|| PathBuf::from(ROOT), PathBuf::from)
}

/// How it went.
struct End {
    status: u8,
    /// The sentence for `output/failure`.
    failure: Option<String>,
}

async fn train(command: &[OsString], root: &Path) -> Result<End, Fault> {
    let mut stops = Stops::listen()?;
    Covers::recover(root)?;
    Workspace::sweep(root);
    child::check(command, "train")?;
    let job = Arc::new(Job::read(root)?);
    // An earlier run's reason would be taken for COMMAND's own.
    let _ = outputs::own_failure(&job.output_dir());
    let cancel = CancellationToken::new();
    let mut stopped = None;
    let prepared = {
        let mut preparing = pin!(prepare(Arc::clone(&job), cancel.clone()));
        loop {
            tokio::select! {
                prepared = &mut preparing => break prepared,
                signal = stops.next(), if stopped.is_none() => {
                    stopped = Some(signal);
                    cancel.cancel();
                }
            }
        }
    };
    if let Some(signal) = stopped {
        let status = u8::try_from(128 + signal.as_raw()).unwrap_or(1);
        let failure = Some(format!(
            "stopped by signal {} before the training began",
            signal.as_raw()
        ));
        return Ok(End { status, failure });
    }
    // What is named last goes first, should there be a panic.
    let Prepared {
        keys,
        workspace,
        covers,
        checkpoints,
        destinations,
    } = prepared?;

    let variables = environment::variables(&job, &workspace);
    let public = covers.meanwhile(&job.checkpoints_dir);
    let links = covers.links().join(", ");
    if !links.is_empty() {
        say(&format!(
            "{links}: links to private folders until the command ends; to clear one empty it, for a link cannot be removed as a folder (shutil.rmtree refuses it)"
        ));
    }
    let watch = Watch::begin(covers.of_outputs(), public, checkpoints.taken())
        .inspect_err(|error| say(&format!("the public folders are not watched, only looked at: {error}")));
    let (over, until) = mpsc::channel();
    let links = covers.of_outputs();
    let keeping = begin(move || keep_and_deliver(&job, &keys, checkpoints, destinations, &links, &until))?;
    orphans::adopt();
    let ended = match command.first().zip(tether::command(command).ok()) {
        Some((program, tethered)) => child::run(program, tethered, &variables, &mut stops, child::GRACE).await,
        None => Err(unexpected("this program does not know where it is")),
    };
    // A worker that outlives COMMAND could write plaintext where everything is encrypted by then.
    orphans::end().await;
    // From here on only `deliver` moves what is there.
    drop(watch);
    let writing = match &ended {
        Ok(status) if child::is_own_end(*status) => Writing::Finished,
        Ok(_) | Err(_) => Writing::CutOff,
    };
    // Where nobody is there to take it, it has panicked, which `keeping` says.
    let _ = over.send(Over {
        covers,
        workspace,
        writing,
    });
    let delivered = keeping.await?;
    let status = ended?;
    let own = delivered.own_failure.map(|own| explained(&own));
    let failure = child::failure(command, status).map(|reason| own.unwrap_or(reason));
    match (failure, delivered.result) {
        (Some(reason), _) => Ok(End {
            status: child::exit_code(status),
            failure: Some(reason),
        }),
        (None, Err(fault)) => Err(fault),
        (None, Ok(())) => Ok(End {
            status: 0,
            failure: None,
        }),
    }
}

/// COMMAND's own sentence, with what to do where it met a link.
fn explained(own: &str) -> String {
    let remedy = "the folders of /opt/ml are links to private ones while the command runs: empty such a folder instead of removing it";
    if own.contains("rmtree on a symbolic link") {
        format!("{remedy}. {own}")
    } else {
        own.to_owned()
    }
}

/// What is handed over when COMMAND is done, in the order in which it must go if it is not needed.
struct Over {
    covers: Covers,
    workspace: Workspace,
    writing: Writing,
}

/// Encrypts checkpoints as they appear until COMMAND is done, then everything. A failure is tried again at the next look, and
/// for good at the end. One thread does both, so that there is one when it is needed.
fn keep_and_deliver(
    job: &Job,
    keys: &Keys,
    mut checkpoints: Checkpoints,
    destinations: Destinations,
    links: &[Cover],
    until: &mpsc::Receiver<Over>,
) -> Result<Delivered, Fault> {
    loop {
        match until.recv_timeout(CHECKPOINT_POLL) {
            Ok(over) => return Ok(deliver(keys, &job.resources, checkpoints, destinations, over)),
            Err(RecvTimeoutError::Disconnected) => return Err(unexpected("it panicked, as said above")),
            Err(RecvTimeoutError::Timeout) => {
                let place = job.usual_checkpoints_dir();
                links.iter().filter(|link| link.is_of(&place)).for_each(Cover::follow);
                if let Err(fault) = checkpoints.keep(keys.first(), Writing::GoesOn) {
                    say(&fault.to_string());
                }
            }
        }
    }
}

/// In the order in which it must go if it is not needed.
struct Prepared {
    checkpoints: Checkpoints,
    destinations: Destinations,
    covers: Covers,
    workspace: Workspace,
    keys: Arc<Keys>,
}

async fn prepare(job: Arc<Job>, cancel: CancellationToken) -> Result<Prepared, Fault> {
    let obtaining = async {
        let aws = Aws::connect(&job.connection()?).await?;
        Keys::obtain(&job, &aws).await
    };
    let keys = tokio::select! {
        keys = obtaining => Arc::new(keys?),
        () = cancel.cancelled() => {
            return Err(Fault::cancelled("train", "", "the job was told to stop", ""));
        }
    };
    blocking(move || {
        let inputs = inputs::plan(&job, &keys)?;
        let need = inputs::size(&inputs) + Checkpoints::size(&job.checkpoints_dir)? + workspace::size_of_code(&job)?;
        let workspace = Workspace::create(&job, need)?;
        let destinations = Destinations::of(&job);
        let covers = Covers::put_up(&job, &workspace)?;
        let delivered = |channel: &str| covers.meanwhile(&job.channel_dir(channel));
        let private = |channel: &str| workspace.channel(channel);
        inputs::decrypt(&inputs, &keys, &delivered, &private, &cancel)?;
        let public = covers.meanwhile(&job.checkpoints_dir);
        let checkpoints = Checkpoints::restore(
            keys.first(),
            job.resources.host(),
            &workspace.checkpoints(),
            &public,
            &cancel,
        )?;
        Ok(Prepared {
            checkpoints,
            destinations,
            covers,
            workspace,
            keys,
        })
    })
    .await
}

/// What came of the output.
struct Delivered {
    own_failure: Option<String>,
    result: Result<(), Fault>,
}

/// Encrypts everything and removes the plaintext, each step whether or not the one before went well.
fn deliver(keys: &Keys, hosts: &Resources, mut checkpoints: Checkpoints, to: Destinations, over: Over) -> Delivered {
    let Over {
        mut covers,
        workspace,
        writing,
    } = over;
    let nothing = |_: &str| false;
    let uncovered = covers.take_down();
    // What is in it comes before it.
    let cleared = to.output.fill(|_| Ok(()));
    checkpoints.return_to(to.checkpoints);
    let private_output = workspace.output();
    let own_failure = outputs::said_failure(&private_output).or_else(|| outputs::own_failure(to.output.path()));
    // `data` is delivered by itself; `failure` is a sentence for people.
    let elsewhere = |name: &str| name == "failure" || name.starts_with("data/");
    let key = keys.writing();
    let out = |private: &Path, to: &Destination, left: &dyn Fn(&str) -> bool| {
        to.fill(|public| outputs::deliver(key, hosts, private, public, left))
    };
    let steps = [
        uncovered,
        cleared,
        checkpoints.keep(keys.first(), writing),
        out(&workspace.model(), &to.model, &nothing),
        out(&workspace.output_data(), &to.output_data, &nothing),
        out(&private_output, &to.output, &elsewhere),
        covers.remove_taken(),
        workspace.remove(),
    ];
    Delivered {
        own_failure,
        result: steps.into_iter().collect(),
    }
}

/// As [`begin`], to its end.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    begin(work)?.await
}

/// Begins work on a thread of its own. Where there can be none what the work took along is dropped: tokio would panic then,
/// and do the work all the same once another thread is free.
fn begin<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<impl Future<Output = Result<T, Fault>>, Fault> {
    let (done, result) = oneshot::channel();
    let caught = move || drop(done.send(std::panic::catch_unwind(AssertUnwindSafe(work))));
    let begun = thread::Builder::new().name("work".to_owned()).spawn(caught);
    begun.map_err(|error| {
        let (cause, remedy) = (error.to_string(), "choose an instance with more memory");
        Fault::io("start", "a thread", cause, remedy)
    })?;
    Ok(async {
        match result.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(unexpected("it panicked, as said above")),
        }
    })
}

fn unexpected(cause: &str) -> Fault {
    Fault::other("train", "", cause, "please report this")
}

/// One line of the job's log, in which nothing can move a cursor.
fn say(text: &str) {
    console::complain(text);
}
