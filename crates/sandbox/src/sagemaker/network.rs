//! A network that the hosts of one isolated job share, and nobody else: SageMaker lets such hosts reach each other.

use std::io;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Says when loopback is up, and keeps the namespace until its input ends: with the sandbox, however that ends.
const KEEPER: &str = "ip link set lo up 2>/dev/null || true; echo up; exec cat >/dev/null";

/// The process that keeps it.
#[derive(Debug)]
pub(super) struct Network {
    keeper: Child,
}

impl Network {
    pub(super) async fn new() -> io::Result<Self> {
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-current-user", "--keep-caps", "--net", "--"])
            .args(["sh", "-c", KEEPER])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut said = String::new();
        if let Some(out) = keeper.stdout.as_mut() {
            BufReader::new(out).read_line(&mut said).await?;
        }
        if said.is_empty() {
            return Err(io::Error::other("no network of their own can be made for the hosts"));
        }
        Ok(Self { keeper })
    }

    /// What stands before a command that runs in it.
    pub(super) fn words(&self) -> Vec<String> {
        let keeper = self.keeper.id().unwrap_or_default();
        let words = format!("nsenter --preserve-credentials --user --net --target {keeper} --");
        words.split(' ').map(str::to_owned).collect()
    }
}
