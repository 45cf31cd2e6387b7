//! Uploads and downloads that are killed, cut off, corrupted or swapped, by the real program against a sandbox.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use aws_credential_types::Credentials;
use serde_json::Value;
use strongroom_sandbox::{Options, Sandbox};
use tempfile::TempDir;
use tokio::process::Command;

#[path = "envelope/answers.rs"]
mod answers;
#[path = "envelope/bonds.rs"]
mod bonds;
#[path = "envelope/downloads.rs"]
mod downloads;
#[path = "envelope/faults.rs"]
mod faults;
#[path = "envelope/keys.rs"]
mod keys;
#[path = "envelope/large.rs"]
mod large;
#[path = "envelope/listed.rs"]
mod listed;
#[path = "envelope/places.rs"]
mod places;
#[path = "envelope/sources.rs"]
mod sources;
#[path = "envelope/strangers.rs"]
mod strangers;
#[path = "envelope/streams.rs"]
mod streams;
#[path = "envelope/swaps.rs"]
mod swaps;
#[path = "envelope/uploads.rs"]
mod uploads;

const BUCKET: &str = "training-bucket";
const MIB: usize = 1 << 20;

/// A sandbox with a bucket and a key, and a home for the program.
struct World {
    sandbox: Sandbox,
    home: TempDir,
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    key: String,
}

impl World {
    async fn start() -> Self {
        Self::troubled(&[]).await
    }

    /// A world where these things go wrong.
    async fn troubled(faults: &[&str]) -> Self {
        Self::with(|options| {
            options.faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
            options.fault_seed = 7;
        })
        .await
    }

    /// A world that is changed before it starts.
    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options {
            program: Some(PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))),
            ..Options::default()
        };
        change(&mut options);
        let sandbox = Sandbox::start(options).await.unwrap();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let (id, secret) = (sandbox.access_key_id(), sandbox.secret_access_key());
        let credentials = Credentials::new(id, secret, None, None, "test");
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new("us-east-1"))
            .endpoint_url(sandbox.endpoint_url())
            .http_client(http.clone())
            .retry_config(aws_sdk_s3::config::retry::RetryConfig::standard().with_max_attempts(20))
            .credentials_provider(credentials.clone())
            .force_path_style(true);
        let kms = aws_sdk_kms::Config::builder()
            .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
            .region(aws_sdk_kms::config::Region::new("us-east-1"))
            .endpoint_url(sandbox.endpoint_url())
            .http_client(http)
            .retry_config(aws_sdk_kms::config::retry::RetryConfig::standard().with_max_attempts(20))
            .credentials_provider(credentials);
        let s3 = aws_sdk_s3::Client::from_conf(s3.build());
        let kms = aws_sdk_kms::Client::from_conf(kms.build());
        let key = kms.create_key().send().await;
        let key = key.unwrap().key_metadata.unwrap().arn.unwrap();
        let made = s3.create_bucket().bucket(BUCKET).send().await;
        assert!(made.is_ok() || s3.head_bucket().bucket(BUCKET).send().await.is_ok());
        Self {
            sandbox,
            home: tempfile::tempdir().unwrap(),
            s3,
            kms,
            key,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(self.sandbox.endpoint_url(), arguments)
    }

    fn command_at(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = self.as_we_are(endpoint, program());
        command.args(arguments);
        command
    }

    /// Any program, in the environment that ours has.
    fn as_we_are(&self, endpoint: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_ACCESS_KEY_ID", self.sandbox.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", self.sandbox.secret_access_key())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    async fn encrypt(&self, source: &Path, to: &str) -> Output {
        self.run(&self.encrypting(source, to)).await
    }

    fn encrypting<'a>(&'a self, source: &'a Path, to: &'a str) -> [&'a str; 6] {
        ["encrypt", source.to_str().unwrap(), to, "--key", &self.key, "--json"]
    }

    async fn decrypt(&self, key: &str, to: &Path) -> Output {
        let source = format!("s3://{BUCKET}/{key}");
        self.run(&["decrypt", &source, "-o", to.to_str().unwrap()]).await
    }

    async fn keys(&self) -> Vec<String> {
        let page = self.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        page.contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    /// The ids of the uploads that are neither complete nor aborted.
    async fn begun(&self) -> BTreeSet<String> {
        let page = self.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
        let ids = page.uploads().iter();
        ids.map(|upload| upload.upload_id().unwrap().to_owned()).collect()
    }

    /// Uploads that hold parts. One whose beginning was never answered holds none, and nobody has its id.
    async fn open_uploads(&self) -> usize {
        let page = self.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
        let mut open = 0;
        for upload in page.uploads() {
            let parts = self.s3.list_parts().bucket(BUCKET);
            let parts = parts
                .set_key(upload.key.clone())
                .set_upload_id(upload.upload_id.clone());
            // It may have been completed meanwhile.
            open += usize::from(parts.send().await.is_ok_and(|page| !page.parts().is_empty()));
        }
        open
    }

    fn journals(&self) -> Vec<PathBuf> {
        let folder = self.path(".local/state/strongroom/uploads");
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// No object, no key object, no part, no journal.
    async fn assert_nothing_left(&self) {
        assert_eq!(self.keys().await, [""; 0]);
        assert_eq!(self.open_uploads().await, 0);
        assert_eq!(self.journals(), Vec::<PathBuf>::new());
    }
}

fn good(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn refusal(output: &Output) -> String {
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes) % below
}

fn repetitions(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// `STRONGROOM_BIN` names another build to try, such as a release.
fn program() -> PathBuf {
    std::env::var_os("STRONGROOM_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_strongroom")), PathBuf::from)
}
