//! Uploads and downloads that are killed, cut off, corrupted or swapped, by the real program against a sandbox.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;
use serde_json::Value;
use strongroom::sandbox::{Options, Sandbox};
use tempfile::TempDir;
use tokio::process::Command;

use crate::proxy::{Proxy, Trouble};

const BUCKET: &str = "training-bucket";
const MIB: usize = 1 << 20;

/// A sandbox with a bucket and a key, and a home for the program.
struct World {
    sandbox: Sandbox,
    home: TempDir,
    s3: aws_sdk_s3::Client,
    key: String,
}

impl World {
    async fn start() -> Self {
        Self::troubled(&[]).await
    }

    /// A world where these things go wrong.
    async fn troubled(faults: &[&str]) -> Self {
        let options = Options {
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            fault_seed: 7,
            ..Options::new(PathBuf::from(env!("CARGO_BIN_EXE_strongroom")))
        };
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
        let key = aws_sdk_kms::Client::from_conf(kms.build()).create_key().send().await;
        let key = key.unwrap().key_metadata.unwrap().arn.unwrap();
        let made = s3.create_bucket().bucket(BUCKET).send().await;
        assert!(made.is_ok() || s3.head_bucket().bucket(BUCKET).send().await.is_ok());
        Self {
            sandbox,
            home: tempfile::tempdir().unwrap(),
            s3,
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        command
            .args(arguments)
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

    async fn open_uploads(&self) -> usize {
        let page = self.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
        page.uploads().len()
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

/// `STRONGROOM_KILLS=100` for the long mode; a first, undisturbed upload says how long one takes.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_killed_at_any_moment_is_finished_by_the_same_command_and_leaves_nothing_open() {
    const PARTS: usize = 6;
    let kills = repetitions("STRONGROOM_KILLS", 3);
    let world = World::troubled(&["s3:latency=20ms"]).await;
    let plaintext = noise(PARTS * 6 * MIB - 1000);
    let source = world.write("data.bin", &plaintext);
    let begun = Instant::now();
    good(&world.encrypt(&source, "s3://training-bucket/first/").await);
    let whole = begun.elapsed().as_millis() as u64;

    let (mut killed, mut sent_before, mut sent_again) = (0, 0, 0);
    for round in 0..kills {
        let proxy = Proxy::start(&world.sandbox, |_| Trouble::None);
        let prefix = format!("s3://{BUCKET}/round-{round}/");
        let arguments = world.encrypting(&source, &prefix);
        let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(random(whole))).await;
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
        let before = proxy.parts();
        let known = world
            .journals()
            .iter()
            .map(|journal| count_parts(journal))
            .sum::<usize>();
        let again = world.command_at(proxy.url(), &arguments).output().await.unwrap();
        let object = format!("round-{round}/data.bin");
        if again.status.success() {
            good(&again);
        } else {
            // It was there already when the process was killed.
            assert!(refusal(&again).contains("exists already"), "{}", refusal(&again));
        }
        sent_before += known;
        sent_again += (proxy.parts() - before).saturating_sub(PARTS - known);
        let back = world.path("back");
        good(&world.decrypt(&object, &back).await);
        assert!(
            fs::read(&back).unwrap() == plaintext,
            "round {round}: this is a security issue"
        );
        fs::remove_file(back).unwrap();
        assert_eq!(world.open_uploads().await, 0, "round {round}");
        assert!(world.journals().is_empty(), "round {round}");
        world
            .s3
            .delete_object()
            .bucket(BUCKET)
            .key(object)
            .send()
            .await
            .unwrap();
    }
    let key_objects = world
        .keys()
        .await
        .iter()
        .filter(|key| key.starts_with(".strongroom/"))
        .count() as u64;
    println!("{killed} of {kills} were killed; {sent_before} parts were kept, {sent_again} sent twice");
    println!("{key_objects} key objects");
    assert_eq!(key_objects, kills + 1);
    assert_eq!(sent_again, 0);
}

fn count_parts(journal: &Path) -> usize {
    let text = fs::read_to_string(journal).unwrap();
    text.lines().filter(|line| line.starts_with("{\"part\"")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_of_all_requests_going_wrong_changes_nothing_but_the_time() {
    let faults = [
        "*:reset@0.06",
        "s3:lost@0.06",
        "*:error=503@0.06",
        "*:error=500@0.06",
        "*:throttle@0.06",
        "s3:latency=100ms@0.1",
    ];
    let world = World::troubled(&faults).await;
    let plaintext = noise(20 * MIB);
    let source = world.write("tree/large.bin", &plaintext);
    world.write("tree/small.txt", b"small");
    let said = good(
        &world
            .encrypt(source.parent().unwrap(), "s3://training-bucket/set/")
            .await,
    );
    assert_eq!(said.len(), 2);
    good(&world.run(&["decrypt", "s3://training-bucket/set/", "-o", "back"]).await);
    assert!(fs::read(world.path("back/large.bin")).unwrap() == plaintext);
    assert_eq!(fs::read(world.path("back/small.txt")).unwrap(), b"small");
    assert_eq!(world.open_uploads().await, 0);
    assert!(world.journals().is_empty());
    let key_objects = world
        .keys()
        .await
        .iter()
        .filter(|key| key.starts_with(".strongroom/"))
        .count();
    assert_eq!(key_objects, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_and_a_lost_answer_of_the_completion_end_right() {
    let world = World::start().await;
    let plaintext = noise(8 * MIB);
    let source = world.write("data.bin", &plaintext);
    for (index, trouble) in [Trouble::ErrorInside200, Trouble::LostAnswer].into_iter().enumerate() {
        let proxy = Proxy::start(&world.sandbox, move |seen| {
            let is_completion = seen.line.starts_with("POST") && seen.line.contains("uploadId=");
            if is_completion && seen.completions == 1 {
                trouble
            } else {
                Trouble::None
            }
        });
        let prefix = format!("s3://{BUCKET}/{index}/");
        let arguments = world.encrypting(&source, &prefix);
        good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
        let back = world.path("back");
        good(&world.decrypt(&format!("{index}/data.bin"), &back).await);
        assert!(fs::read(&back).unwrap() == plaintext);
        fs::remove_file(back).unwrap();
        assert_eq!(world.open_uploads().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_while_it_is_read_is_never_published() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("truncated", |path| {
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(1000)
                .unwrap();
        }),
        ("appended to", |path| {
            use std::io::Write;
            fs::OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"more")
                .unwrap();
        }),
        ("edited", |path| {
            use std::os::unix::fs::FileExt;
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(b"other", 10).unwrap();
        }),
    ];
    let world = World::troubled(&["s3:latency=100ms"]).await;
    for (what, change) in changes {
        let source = world.write("data.bin", &noise(60 * MIB));
        let child = world
            .command(&world.encrypting(&source, "s3://training-bucket/"))
            .spawn()
            .unwrap();
        while world.open_uploads().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        change(&source);
        let said = refusal(&child.wait_with_output().await.unwrap());
        assert!(said.contains("it changed while it was read"), "{what}: {said}");
        world.assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_since_the_interruption_is_encrypted_anew_under_a_new_data_key() {
    let world = World::troubled(&["s3:latency=100ms"]).await;
    let source = world.write("data.bin", &noise(40 * MIB));
    let mut child = world
        .command(&world.encrypting(&source, "s3://training-bucket/"))
        .spawn()
        .unwrap();
    while world
        .journals()
        .iter()
        .map(|journal| count_parts(journal))
        .sum::<usize>()
        < 2
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    let old = world.keys().await;
    assert_eq!((old.len(), world.open_uploads().await), (1, 1));

    let changed = noise(30 * MIB);
    world.write("data.bin", &changed);
    let said = good(&world.encrypt(&source, "s3://training-bucket/").await);
    assert_eq!(said[0]["resumed"], false);
    assert_eq!(world.open_uploads().await, 0);
    assert!(!world.keys().await.contains(&old[0]));
    good(&world.decrypt("data.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_resume_and_cancelling_abort_what_was_begun() {
    let world = World::troubled(&["s3:latency=100ms"]).await;
    let source = world.write("data.bin", &noise(40 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let interrupted = async |signal| {
        let mut child = world.command(&arguments).spawn().unwrap();
        while world
            .journals()
            .iter()
            .map(|journal| count_parts(journal))
            .sum::<usize>()
            < 2
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        child.wait().await.unwrap().code()
    };
    assert_eq!(interrupted(rustix::process::Signal::TERM).await, Some(130));
    world.assert_nothing_left().await;

    // A terminal that goes away leaves what can be resumed.
    assert_eq!(interrupted(rustix::process::Signal::HUP).await, None);
    assert_eq!((world.open_uploads().await, world.journals().len()), (1, 1));
    let old = world.keys().await;
    let again = [arguments.as_slice(), &["--no-resume"]].concat();
    let said = good(&world.run(&again).await);
    assert_eq!(said[0]["resumed"], false);
    assert_eq!(world.open_uploads().await, 0);
    assert!(world.journals().is_empty());
    assert!(!world.keys().await.contains(&old[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_download_goes_on_from_its_spool_which_holds_no_plaintext() {
    let world = World::troubled(&["s3:latency=150ms"]).await;
    let plaintext = b"plain words ".repeat(3 * MIB);
    let source = world.write("data.txt", &plaintext);
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let to = world.path("out/back");
    fs::create_dir(world.path("out")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.txt", "-o", to.to_str().unwrap()];
    let spools = || {
        fs::read_dir(world.path("out"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let mut child = world.command(&arguments).spawn().unwrap();
    while spools()
        .first()
        .is_none_or(|spool| fs::metadata(spool).unwrap().len() < 8 * MIB as u64)
    {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().await.unwrap();
    let left = spools();
    let kept = fs::read(&left[0]).unwrap();
    assert_eq!(left.len(), 1);
    assert!(kept.starts_with(b"gAAAAA") && !kept.windows(5).any(|window| window == b"words"));

    // What was kept is not asked for again.
    let proxy = Proxy::start(&world.sandbox, |_| Trouble::None);
    good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert!(proxy.ranges().iter().all(|start| *start >= kept.len() as u64));
    assert!(fs::read(&to).unwrap() == plaintext);
    assert_eq!(spools(), [to]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_that_suffered_is_fetched_again() {
    let world = World::start().await;
    let plaintext = noise(9 * MIB);
    let source = world.write("data.bin", &plaintext);
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let to = world.path("out/back");
    fs::create_dir(world.path("out")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.bin", "-o", to.to_str().unwrap()];
    let spool = || {
        fs::read_dir(world.path("out"))
            .unwrap()
            .next()
            .map(|entry| entry.unwrap().path())
    };
    let mut child = world.command(&arguments).spawn().unwrap();
    while spool().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let spool = spool().unwrap();
    child.kill().await.unwrap();
    fs::remove_file(&to).unwrap_or_default();
    fs::write(&spool, b"gAAAAA damaged").unwrap();
    good(&world.run(&arguments).await);
    assert!(fs::read(&to).unwrap() == plaintext);
    assert!(!spool.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_bodies_names_metadata_and_data_keys_are_refused_and_leave_no_file() {
    let world = World::start().await;
    let one = world.write("one.txt", b"the first");
    let two = world.write("two.txt", b"the other");
    good(&world.encrypt(&one, "s3://training-bucket/a/").await);
    good(&world.encrypt(&two, "s3://training-bucket/b/").await);
    let head = async |key: &str| {
        let head = world.s3.head_object().bucket(BUCKET).key(key).send().await.unwrap();
        head.metadata.unwrap()
    };
    let body = async |key: &str| {
        let object = world.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().into_bytes()
    };
    let (first, second) = (head("a/one.txt").await, head("b/two.txt").await);
    let put = async |key: &str, bytes, metadata| {
        let put = world
            .s3
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .set_metadata(Some(metadata));
        put.body(ByteStream::from(bytes)).send().await.unwrap();
    };

    put("swapped/one.txt", body("b/two.txt").await, first.clone()).await;
    let mut longer = first.clone();
    longer.insert("strongroom-length".to_owned(), "10".to_owned());
    put("longer/one.txt", body("a/one.txt").await, longer).await;
    let mut other_name = first.clone();
    other_name.insert("strongroom-name".to_owned(), "uno.txt".to_owned());
    put("renamed/uno.txt", body("a/one.txt").await, other_name).await;
    let mut other_key = first.clone();
    for name in ["strongroom-data-key", "strongroom-data-key-object"] {
        other_key.insert(name.to_owned(), second[name].clone());
    }
    put("other-key/one.txt", body("a/one.txt").await, other_key).await;
    let copy = world.s3.copy_object().bucket(BUCKET).key("copied/eins.txt");
    let copy = copy
        .copy_source(format!("{BUCKET}/a/one.txt"))
        .metadata_directive(MetadataDirective::Copy);
    copy.send().await.unwrap();

    for (key, why) in [
        ("swapped/one.txt", "this is not its data key"),
        ("longer/one.txt", "do not belong together"),
        ("renamed/uno.txt", "do not belong together"),
        ("other-key/one.txt", "this is not its data key"),
        ("copied/eins.txt", "it was renamed or swapped"),
    ] {
        let to = world.path("out");
        let said = refusal(&world.decrypt(key, &to).await);
        assert!(said.contains(why), "{key}: {said}");
        let source = format!("s3://{BUCKET}/{key}");
        refusal(&world.run(&["decrypt", &source, "-o", "-"]).await);
        assert!(!to.exists(), "{key}");
    }
    let left = fs::read_dir(world.home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert!(
        !left
            .into_iter()
            .any(|name| name.to_string_lossy().starts_with(".strongroom-"))
    );
    let accepted = [
        "decrypt",
        "s3://training-bucket/copied/eins.txt",
        "-o",
        "eins.txt",
        "--accept-name",
    ];
    good(&world.run(&accepted).await);
    assert_eq!(fs::read(world.path("eins.txt")).unwrap(), b"the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_leave_the_folder_are_reported_and_written_nowhere() {
    let world = World::start().await;
    let source = world.write("good.txt", b"good");
    good(&world.encrypt(&source, "s3://training-bucket/set/").await);
    let hostile = [
        "set/../outside.txt",
        "set//empty.txt",
        "set/./dot.txt",
        "set/link/file.txt",
    ];
    for key in hostile {
        let copy = world.s3.copy_object().bucket(BUCKET).key(key);
        copy.copy_source(format!("{BUCKET}/set/good.txt")).send().await.unwrap();
    }
    fs::create_dir(world.path("elsewhere")).unwrap();
    fs::create_dir(world.path("out")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("out/link")).unwrap();
    let output = world
        .run(&["decrypt", "s3://training-bucket/set/", "-o", "out", "--accept-name"])
        .await;
    let said = refusal(&output);
    for name in ["../outside.txt", "/empty.txt", "./dot.txt", "link/file.txt"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(fs::read(world.path("out/good.txt")).unwrap(), b"good");
    let names: Vec<_> = fs::read_dir(world.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(fs::read_dir(world.path("elsewhere")).unwrap().next().is_none());
    assert!(!world.path("outside.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_up_with_names_that_are_no_text_and_without_what_lies_outside_it() {
    let world = World::start().await;
    let odd = std::ffi::OsStr::from_bytes(b"deep/caf\xe9 50%25.txt");
    world.write("tree/plain.txt", b"plain");
    fs::create_dir_all(world.path("tree/deep")).unwrap();
    fs::write(world.path("tree").join(odd), b"odd").unwrap();
    world.write("outside.txt", b"secret");
    std::os::unix::fs::symlink("../outside.txt", world.path("tree/leads-out")).unwrap();
    std::os::unix::fs::symlink("plain.txt", world.path("tree/leads-in")).unwrap();

    let output = world.encrypt(&world.path("tree"), "s3://training-bucket/set/").await;
    let said = refusal(&output);
    assert!(
        said.contains("leads-out") && said.contains("out of the folder"),
        "{said}"
    );
    let keys = world.keys().await;
    assert!(keys.contains(&"set/deep/caf%E9 50%2525.txt".to_owned()), "{keys:?}");
    assert!(!keys.contains(&"set/leads-out".to_owned()));

    good(&world.run(&["decrypt", "s3://training-bucket/set/", "-o", "back"]).await);
    assert_eq!(fs::read(world.path("back").join(odd)).unwrap(), b"odd");
    assert_eq!(fs::read(world.path("back/plain.txt")).unwrap(), b"plain");
    assert_eq!(fs::read(world.path("back/leads-in")).unwrap(), b"plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_a_link_is_refused() {
    let world = World::start().await;
    let source = world.write("data.txt", b"data");
    good(&world.encrypt(&source, "s3://training-bucket/").await);
    let target = world.write("target", b"untouched");
    std::os::unix::fs::symlink(&target, world.path("link")).unwrap();
    let arguments = ["decrypt", "s3://training-bucket/data.txt", "-o", "link", "--overwrite"];
    let said = refusal(&world.run(&arguments).await);
    assert!(said.contains("symbolic link"), "{said}");
    assert_eq!(fs::read(target).unwrap(), b"untouched");
}
