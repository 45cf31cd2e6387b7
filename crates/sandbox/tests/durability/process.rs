//! A world in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_sandbox::{Options, Sandbox};

use super::client::{Client, Credentials};

/// Names the world's folder to the process that serves it.
const DIR: &str = "STRONGROOM_TEST_WORLD";

/// A served world; killed when let go of.
pub(crate) struct World {
    child: Child,
    pub(crate) credentials: Credentials,
}

impl World {
    /// Serves the world in `dir`, or says why that did not work.
    pub(crate) fn start(dir: &Path) -> Result<Self, String> {
        Self::start_in(dir, Path::new("/"))
    }

    /// The same, started in a folder.
    pub(crate) fn start_in(dir: &Path, folder: &Path) -> Result<Self, String> {
        let mut child = spawn(dir, folder);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while out.read_line(&mut line).unwrap() > 0 {
            // The test harness writes before it on the same line.
            if let Some((_, said)) = line.split_once("world: ") {
                let said: Value = serde_json::from_str(said).unwrap();
                let text = |name: &str| said[name].as_str().unwrap().to_owned();
                let credentials = Credentials {
                    address: text("address"),
                    key_id: text("key"),
                    secret: text("secret"),
                    token: None,
                };
                return Ok(Self { child, credentials });
            }
            line.clear();
        }
        let mut why = String::new();
        child.stderr.take().unwrap().read_to_string(&mut why).unwrap();
        child.wait().unwrap();
        Err(why)
    }

    /// Serves the world in `dir` for a moment, whether it is up then or not.
    pub(crate) fn kill_within(dir: &Path, moment: Duration) {
        let mut child = spawn(dir, Path::new("/"));
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.credentials.clone())
    }

    /// Lets no file of the process grow beyond a length, or lets them again.
    pub(crate) fn limit_files(&self, length: Option<u64>) {
        let limit = length.map_or("unlimited".to_owned(), |length| length.to_string());
        let status = Command::new("prlimit")
            .args([format!("--pid={}", self.child.id()), format!("--fsize={limit}:")])
            .status();
        assert!(status.unwrap().success());
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &Path, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::serve", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test: the process that the tests start and kill"]
async fn serve() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let options = Options {
        dir: Some(dir.into()),
        images: vec![
            ("true".to_owned(), "true".to_owned()),
            ("model".to_owned(), "echo model > \"$SM_MODEL_DIR/model\"".to_owned()),
        ],
        ..Options::default()
    };
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            eprintln!("refused: {error}");
            std::process::exit(1);
        }
    };
    let said = json!({
        "address": sandbox.endpoint_url().trim_start_matches("http://"),
        "key": sandbox.access_key_id(),
        "secret": sandbox.secret_access_key(),
    });
    println!("world: {said}");
    std::io::stdout().flush().unwrap();
    std::future::pending::<()>().await;
}
