//! The training image: a repository for it, built and pushed with docker or podman, tried on this machine before anybody
//! pays.
//!
//! The tool's output is streamed as progress. The registry's password goes to its standard input, into a configuration
//! folder of its own that is removed; nothing secret is on a command line, in a build argument or in the image.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::context::Context;
use super::faults::{cancelled, io_fault};
use super::{ProgressSink, walk_tag};
use crate::aws::{Aws, ecr};
use crate::domain::{Fault, FaultKind, ImageSpec, Outcome};

mod context;

const TOOLS: [&str; 2] = ["docker", "podman"];
/// SageMaker runs nothing else.
const PLATFORM: &str = "linux/amd64";
/// What SageMaker says in a container's environment.
const VARIABLES: [&str; 2] = ["AWS_REGION=us-east-1", "TRAINING_JOB_NAME=dry-run"];
/// Lines of a tool's output that are kept.
const TAIL: usize = 200;

/// Creates a repository, or finds it.
pub async fn new_repository(aws: &Aws, repository: &str) -> Result<Outcome, Fault> {
    let uri = ecr::create_repository(aws, repository, walk_tag::TAG).await?;
    Ok(Outcome::RepositoryReady { uri })
}

/// Deletes a repository with every image in it.
pub async fn delete_repository(aws: &Aws, repository: &str) -> Result<Outcome, Fault> {
    ecr::delete_repository(aws, repository).await?;
    Ok(Outcome::RepositoryDeleted {
        repository: repository.to_owned(),
    })
}

/// Builds the image and, if that is asked for, pushes it. A folder without a Dockerfile gets strongroom's own.
pub async fn build_image(
    aws: &Aws,
    spec: &ImageSpec,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    if spec.push && aws.is_read_only() {
        // A push is not an SDK call: the gate before those does not see it.
        let cause = "the session is read-only and a push changes the registry";
        let remedy = "start without --read-only, or build without pushing";
        let act = "push image";
        return Err(Fault::new(FaultKind::ReadOnly, act, &spec.repository, cause, remedy));
    }
    let uri = ecr::repository_uri(aws, &spec.repository).await?;
    let image = format!("{uri}:{}", spec.tag);
    let tool = Tool::find(&spec.folder, &image, spec.push)?;
    let mut run = Run {
        tool: &tool,
        progress,
        cancel,
        tail: VecDeque::new(),
    };
    let context = Context::of(&spec.folder)?;
    for note in context.notes() {
        run.note("build", note.clone());
    }
    let build = ["build", "--platform", PLATFORM, "--tag", &image];
    let status = run
        .go("build", run.command().args(build).arg(context.path()), None)
        .await?;
    run.succeeded("build image", &image, status)?;
    if spec.push {
        let login = ecr::login(aws).await?;
        // Its own configuration: the person's is not touched, and the password does not stay.
        let home = tempfile::tempdir().map_err(|error| io_fault("make", "a temporary folder", &error))?;
        let mut command = run.command();
        command
            .env("DOCKER_CONFIG", home.path())
            .env("REGISTRY_AUTH_FILE", home.path().join("auth.json"))
            .args(["login", "--username", &login.user, "--password-stdin", &login.registry]);
        let status = run.go("log in", &mut command, Some(login.password)).await?;
        run.succeeded("log in to registry", &login.registry, status)?;
        let mut command = run.command();
        command
            .env("DOCKER_CONFIG", home.path())
            .env("REGISTRY_AUTH_FILE", home.path().join("auth.json"))
            .args(["push", &image]);
        let status = run.go("push", &mut command, None).await?;
        run.succeeded("push image", &image, status)?;
    }
    Ok(Outcome::ImageBuilt {
        image,
        pushed: spec.push,
        output: run.tail.into(),
    })
}

/// Runs an image over a made-up `/opt/ml`, without network and credentials: does its entry point start, does it find
/// what SageMaker mounts, and does it say what is missing? Its exit status is an answer, not a fault.
pub async fn try_image(image: &str, progress: &ProgressSink, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    let tool = Tool::find(Path::new("."), image, false)?;
    let root = tempfile::tempdir().map_err(|error| io_fault("make", "a temporary folder", &error))?;
    make_up(root.path()).map_err(|error| io_fault("write", root.path().display(), &error))?;
    let mut run = Run {
        tool: &tool,
        progress,
        cancel,
        tail: VecDeque::new(),
    };
    let mount = format!("{}:/opt/ml", root.path().display());
    // Ending the tool leaves its container running, so the container has a name to be ended by.
    let name = format!(
        "strongroom-try-{}-{}",
        std::process::id(),
        uuid::Uuid::new_v4().simple()
    );
    let mut command = run.command();
    command.args(["run", "--rm", "--name", &name, "--network", "none", "--volume", &mount]);
    for variable in VARIABLES {
        command.args(["--env", variable]);
    }
    command.args([image, "train"]);
    let ended = run.go("run", &mut command, None).await;
    if ended.is_err() {
        let mut remove = run.command();
        remove.args(["rm", "--force", &name]).stdin(Stdio::null());
        let _ = remove.output().await;
    }
    let status = ended?;
    Ok(Outcome::ImageTried {
        image: image.to_owned(),
        status,
        output: run.tail.into(),
    })
}

/// What SageMaker mounts, with nothing real in it.
fn make_up(root: &Path) -> std::io::Result<()> {
    let config = root.join("input/config");
    for folder in [
        &config,
        &root.join("input/data/train"),
        &root.join("model"),
        &root.join("output"),
    ] {
        std::fs::create_dir_all(folder)?;
    }
    let documents = [
        ("hyperparameters.json", "{}"),
        (
            "resourceconfig.json",
            r#"{"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}"#,
        ),
        (
            "inputdataconfig.json",
            r#"{"train": {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}}"#,
        ),
    ];
    for (name, text) in documents {
        std::fs::write(config.join(name), text)?;
    }
    std::fs::write(root.join("input/data/train/made-up.csv"), "x,y\n1,2\n2,4\n")
}

/// docker or podman.
struct Tool {
    path: PathBuf,
}

impl Tool {
    /// The first one on the path; without one the commands are told that somebody else may run.
    fn find(folder: &Path, image: &str, push: bool) -> Result<Self, Fault> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = TOOLS.iter().find_map(|tool| {
            let files = std::env::split_paths(&path).map(|folder| folder.join(tool));
            files.into_iter().find(|file| file.is_file())
        });
        found.map(|path| Self { path }).ok_or_else(|| {
            let mut commands = format!("docker build --platform {PLATFORM} --tag {image} {}", folder.display());
            if push {
                let registry = image.split('/').next().unwrap_or_default();
                commands = format!(
                    "{commands} && aws ecr get-login-password | docker login --username AWS --password-stdin {registry} \
                     && docker push {image}"
                );
            }
            let cause = "there is neither docker nor podman on this machine";
            let remedy = format!("run elsewhere: {commands}");
            Fault::not_found("build image", image, cause, remedy)
        })
    }
}

struct Run<'a> {
    tool: &'a Tool,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
    tail: VecDeque<String>,
}

impl Run<'_> {
    /// With nothing of our credentials in its environment.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.tool.path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs to the end, streaming what it prints; on cancellation it is ended first.
    async fn go(&mut self, act: &str, command: &mut Command, input: Option<Zeroizing<String>>) -> Result<i32, Fault> {
        let tool = self.tool.path.display().to_string();
        let io = |error: std::io::Error| io_fault("run", &tool, &error);
        command
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(io)?;
        if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
            pipe.write_all(input.as_bytes()).await.map_err(io)?;
        }
        let mut lines = lines(&mut child);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    let _ = child.start_kill();
                    let _ = child.wait().await;
                    return Err(cancelled(act, &tool));
                }
                line = lines.recv() => match line {
                    Some(line) => self.note(act, line),
                    None => break,
                }
            }
        }
        let status = child.wait().await.map_err(io)?;
        Ok(status.code().unwrap_or(-1))
    }

    fn note(&mut self, act: &str, line: String) {
        self.progress.at(act, &line);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    fn succeeded(&self, act: &str, object: &str, status: i32) -> Result<(), Fault> {
        if status == 0 {
            return Ok(());
        }
        let said = self.tail.back().map_or("it said nothing", String::as_str);
        let cause = format!("{} ended with status {status}: {said}", self.tool.path.display());
        Err(Fault::other(act, object, cause, "see its output"))
    }
}

/// Both streams, line by line, as they come.
fn lines(child: &mut Child) -> tokio::sync::mpsc::Receiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    let follow = |stream: Option<Box<dyn AsyncRead + Send + Unpin>>| {
        let Some(stream) = stream else { return };
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(text).await.is_err() {
                    return;
                }
            }
        });
    };
    follow(child.stdout.take().map(|stream| Box::new(stream) as _));
    follow(child.stderr.take().map(|stream| Box::new(stream) as _));
    receiver
}
