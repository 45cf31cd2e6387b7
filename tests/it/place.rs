//! A person at a command line: runs the real program against a world of its own, and prepares that world.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom::actions::{self, Aws};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::domain::{GrantSpec, KeySpec, Outcome, RoleSpec};
use strongroom_sandbox::{Options, Sandbox};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The world, the person's home, and the person's own access to the world.
pub(crate) struct Place {
    pub(crate) runtime: Runtime,
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) aws: Aws,
    pub(crate) home: tempfile::TempDir,
    pub(crate) environment: Vec<(String, String)>,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Done {
    /// Of a signal that ended it: its number, negative.
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What nobody cancels.
pub(crate) fn never() -> CancellationToken {
    CancellationToken::new()
}

/// What is to be changed in the environment for somebody with this access key.
pub(crate) fn access(key: &[(String, String)]) -> Vec<(&str, Option<&str>)> {
    key.iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect()
}

/// Waits until something is found. Generous: the machine may be busy.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The way to a world of its own.
pub(crate) fn connection(sandbox: &Sandbox) -> Connection {
    connection_at(sandbox, sandbox.endpoint_url())
}

/// The same by way of something in between.
pub(crate) fn connection_at(sandbox: &Sandbox, url: &str) -> Connection {
    Connection {
        sandbox: Some(SandboxEndpoint {
            url: url.to_owned(),
            region: sandbox.region().to_owned(),
            access_key_id: sandbox.access_key_id().to_owned(),
            secret_access_key: sandbox.secret_access_key().to_owned(),
        }),
        ..Connection::default()
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// An empty world, changed before it starts.
    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        // The stack that the program gives to its own.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_stack_size(16 << 20)
            .enable_all()
            .build()
            .unwrap();
        let mut options = Options {
            program: Some(PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))),
            ..Options::default()
        };
        change(&mut options);
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        let connection = connection(&sandbox);
        let aws = runtime.block_on(actions::connect(&connection)).unwrap();
        let environment = [
            ("AWS_ENDPOINT_URL", sandbox.endpoint_url()),
            ("AWS_ACCESS_KEY_ID", sandbox.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", sandbox.secret_access_key()),
            ("AWS_REGION", sandbox.region()),
        ];
        Self {
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            runtime,
            sandbox: Some(sandbox),
            aws,
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments).output().unwrap())
    }

    /// The same, with some variables another value, or none.
    pub(crate) fn run_as(&self, changes: &[(&str, Option<&str>)], arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        for (name, value) in changes {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        finish(command.output().unwrap())
    }

    /// The same without keys of the person's own.
    pub(crate) fn run_keyless(&self, environment: &[(&str, String)], arguments: &[&str]) -> Done {
        let changes = environment.iter().map(|(name, value)| (*name, Some(&**value)));
        let no_keys = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];
        let changes: Vec<(&str, Option<&str>)> = changes.chain(no_keys).collect();
        self.run_as(&changes, arguments)
    }

    /// The same in a terminal.
    pub(crate) fn keyless_session(&self, environment: &[(&str, String)], arguments: &[&str]) -> crate::pty::Session {
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
        crate::pty::Session::start_with(arguments, self.home.path(), (120, 36), &environment)
    }

    /// The program in the person's home, with nothing of the caller's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// The dashboard in the person's home, with the person's own access.
    pub(crate) fn dashboard(&self, size: (u16, u16)) -> crate::pty::Session {
        let environment = self.environment_at(self.endpoint());
        crate::pty::Session::start_with(&[], self.home.path(), size, &environment)
    }

    /// Where the sandbox is.
    pub(crate) fn endpoint(&self) -> &str {
        self.sandbox.as_ref().unwrap().endpoint_url()
    }

    /// The person's own access, by way of another endpoint.
    pub(crate) fn environment_at<'a>(&'a self, url: &'a str) -> Vec<(&'a str, &'a str)> {
        let variables = self.environment.iter();
        let variables = variables.map(|(name, value)| match name.as_str() {
            "AWS_ENDPOINT_URL" => (name.as_str(), url),
            name => (name, value.as_str()),
        });
        variables.collect()
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn key(&self, alias: &str) -> String {
        let spec = KeySpec {
            alias: alias.to_owned(),
            ..KeySpec::default()
        };
        match self.wait(actions::new_key(&self.aws, &spec, &never())).unwrap() {
            Outcome::KeyCreated { key_arn, .. } => key_arn,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn bucket(&self, name: &str) {
        self.wait(actions::create_bucket(&self.aws, name)).unwrap();
    }

    /// A role for training on `bucket`, which the person may assume too; its ARN.
    pub(crate) fn role(&self, name: &str, bucket: &str) -> String {
        let spec = RoleSpec {
            name: name.to_owned(),
            bucket: bucket.to_owned(),
            data: "data/".to_owned(),
            output: "output/".to_owned(),
            ..RoleSpec::default()
        };
        let made = self.wait(actions::new_role(&self.aws, &spec, &never())).unwrap();
        self.wait(actions::trust_caller(&self.aws, name, true)).unwrap();
        match made {
            Outcome::RoleChanged { role_arn, .. } => role_arn,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn grant(&self, key_arn: &str, role_arn: &str) -> String {
        let spec = GrantSpec::for_job(key_arn, role_arn, "test");
        match self.wait(actions::grant(&self.aws, &spec)).unwrap() {
            Outcome::Granted { grant_id, .. } => grant_id,
            other => panic!("{other:?}"),
        }
    }

    /// The SDK itself, for what is prepared around strongroom.
    pub(crate) fn sdk(&self) -> aws_config::SdkConfig {
        let of = |name: &str| {
            let found = self.environment.iter().find(|(known, _)| known == name);
            found.unwrap().1.clone()
        };
        let credentials = aws_credential_types::Credentials::new(
            of("AWS_ACCESS_KEY_ID"),
            of("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "test",
        );
        aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(of("AWS_REGION")))
            .endpoint_url(of("AWS_ENDPOINT_URL"))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                credentials,
            ))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk()).force_path_style(true);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub(crate) fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let body = aws_sdk_s3::primitives::ByteStream::from(bytes.to_vec());
        let call = self.s3().put_object().bucket(bucket).key(key).body(body).send();
        self.wait(call).unwrap();
    }

    pub(crate) fn objects(&self, bucket: &str) -> Vec<String> {
        let answer = self.wait(self.s3().list_objects_v2().bucket(bucket).send()).unwrap();
        let keys = answer.contents().iter().filter_map(|object| object.key());
        keys.map(str::to_owned).collect()
    }

    pub(crate) fn unfinished_uploads(&self, bucket: &str) -> usize {
        let answer = self.wait(self.s3().list_multipart_uploads().bucket(bucket).send());
        answer.unwrap().uploads().len()
    }

    /// A user with these policies only: its access key.
    pub(crate) fn user(&self, name: &str, policies: &[&str]) -> [(String, String); 2] {
        let iam = aws_sdk_iam::Client::new(&self.sdk());
        self.wait(async {
            iam.create_user().user_name(name).send().await.unwrap();
            for (index, policy) in policies.iter().enumerate() {
                let call = iam.put_user_policy().user_name(name).policy_document(*policy);
                call.policy_name(format!("p{index}")).send().await.unwrap();
            }
            let key = iam.create_access_key().user_name(name).send().await.unwrap();
            let key = key.access_key.unwrap();
            [
                ("AWS_ACCESS_KEY_ID".to_owned(), key.access_key_id),
                ("AWS_SECRET_ACCESS_KEY".to_owned(), key.secret_access_key),
            ]
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}

impl Done {
    /// Every line of standard output as JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        assert!(self.err.is_empty() || self.status != 0, "{self:?}");
        self.lines()
    }

    /// The same, whatever was said beside it.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }

    /// Failed with this status and one line that says all of this.
    pub(crate) fn failed(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in: {}", self.err);
        }
        self
    }
}

pub(crate) fn finish(output: Output) -> Done {
    Done {
        status: output
            .status
            .code()
            .unwrap_or_else(|| -output.status.signal().unwrap_or_default()),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Every file under a folder, hidden ones too.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
