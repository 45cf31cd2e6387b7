//! Sandboxes that are killed: nothing acknowledged is lost, no job runs on, no plaintext stays.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_s3::primitives::ByteStream;
use rustix::process::Signal;

use crate::place::until;
use crate::pty::Session;
use crate::world::{Aws, body};

/// The image of the seed's job.
const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest";

/// A training command that leaves plaintext wherever it can and writes down where.
fn careless(told: &Path) -> String {
    let told = told.display();
    format!(
        "{IMAGE}=sleep 1000 & for folder in $STRONGROOM_ML_ROOT $STRONGROOM_MEMORY_ROOT; do echo secret > $folder/plaintext; done; \
         echo $STRONGROOM_ML_ROOT $STRONGROOM_MEMORY_ROOT > {told}.new; mv {told}.new {told}; trap '' TERM; wait"
    )
}

/// How many processes of the job in this folder run; their numbers are others within it.
fn processes(root: &str) -> usize {
    let own = format!("STRONGROOM_ML_ROOT={root}");
    let is_own = |environ: Vec<u8>| {
        environ
            .split(|byte| *byte == 0)
            .any(|variable| variable == own.as_bytes())
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|process| std::fs::read(process.path().join("environ")).is_ok_and(is_own))
        .count()
}

/// Waits for the job, kills the sandbox, and waits until nothing is left of the job; the job's folder.
fn kill_under_the_job(told: &Path, kill: impl FnOnce()) -> PathBuf {
    let told = until("the job starts", || std::fs::read_to_string(told).ok());
    let words: Vec<&str> = told.split_whitespace().collect();
    let [root, memory] = words[..] else {
        panic!("the job said {told}");
    };
    assert!(processes(root) >= 2);
    for folder in [root, memory] {
        assert!(Path::new(folder).join("plaintext").exists(), "{folder}");
    }
    kill();
    until("the job is over", || (processes(root) == 0).then_some(()));
    for folder in [root, memory] {
        until("the plaintext is gone", || (!Path::new(folder).exists()).then_some(()));
    }
    PathBuf::from(root)
}

#[tokio::test]
async fn a_killed_sandbox_leaves_no_job_running_and_no_plaintext() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    for place in [&["--dir", dir.to_str().unwrap()][..], &[]] {
        let told = folder.path().join(format!("told-{}", place.len()));
        let image = careless(&told);
        let mut served = Served::start(&[place, &["--image", &image]].concat());
        served.1.train("careless", IMAGE).await;
        let root = kill_under_the_job(&told, || served.0.kill().unwrap());
        let world = root.ancestors().nth(2).unwrap();
        if place.is_empty() {
            until("the world is gone", || (!world.exists()).then_some(()));
        } else {
            assert_eq!(world.canonicalize().unwrap(), dir.canonicalize().unwrap());
        }
    }
}

#[test]
fn a_killed_dashboard_takes_its_sandboxs_job_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let image = careless(&told);
    let mut session = Session::start(&["--sandbox", "--image", &image], folder.path(), (120, 40));
    let root = kill_under_the_job(&told, || {
        session.signal(Signal::KILL);
    });
    let world = root.ancestors().nth(2).unwrap();
    until("the world is gone", || (!world.exists()).then_some(()));
}

/// A sandbox in a process of its own, killed when let go.
struct Served(Child, Aws);

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_strongroom"))
            .args(["sandbox", "--json", "--empty"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let said: BTreeMap<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        let aws = Aws::new(
            &text("AWS_ENDPOINT_URL"),
            &text("AWS_ACCESS_KEY_ID"),
            &text("AWS_SECRET_ACCESS_KEY"),
        );
        Self(child, aws)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a client was told is done.
#[derive(Default)]
struct Acknowledged {
    keys: Vec<(String, Blob)>,
    objects: BTreeMap<String, Vec<u8>>,
    gone: Vec<String>,
}

impl Acknowledged {
    /// Whether so many rounds have something to lose.
    fn is_enough(&self, rounds: usize) -> bool {
        self.keys.len() > 2 * rounds && self.objects.len() > rounds
    }
}

/// Writes until the connection breaks, noting what was answered.
async fn write(aws: &Aws, told: &Mutex<Acknowledged>, writer: usize, round: usize) {
    for number in 0.. {
        let Ok(made) = aws.kms.create_key().send().await else {
            return;
        };
        let id = made.key_metadata.unwrap().key_id;
        let Ok(sealed) = aws
            .kms
            .encrypt()
            .key_id(&id)
            .plaintext(Blob::new(id.as_str()))
            .send()
            .await
        else {
            return;
        };
        told.lock()
            .unwrap()
            .keys
            .push((id.clone(), sealed.ciphertext_blob.unwrap()));
        let (name, bytes) = (format!("{round}/{writer}/{number}"), id.into_bytes().repeat(100));
        let put = aws.s3.put_object().bucket("kept-bucket").key(&name);
        if put.body(ByteStream::from(bytes.clone())).send().await.is_err() {
            return;
        }
        told.lock().unwrap().objects.insert(name.clone(), bytes);
        if number % 3 == 2 {
            // From here on it may be gone or not, until the answer says that it is.
            told.lock().unwrap().objects.remove(&name);
            if aws
                .s3
                .delete_object()
                .bucket("kept-bucket")
                .key(&name)
                .send()
                .await
                .is_err()
            {
                return;
            }
            told.lock().unwrap().gone.push(name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_loses_nothing_that_was_acknowledged() {
    // STRONGROOM_KILLS=100 for a long run.
    let rounds = std::env::var("STRONGROOM_KILLS").map_or(4, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    let told = Arc::new(Mutex::new(Acknowledged::default()));
    for round in 0..rounds {
        let mut served = Served::start(&["--dir", dir.to_str().unwrap()]);
        if round == 0 {
            served.1.s3.create_bucket().bucket("kept-bucket").send().await.unwrap();
        }
        let writers = (0..4).map(|writer| write(&served.1, &told, writer, round));
        let moment = Duration::from_millis((round as u64 * 97) % 400);
        let enough = async {
            while !told.lock().unwrap().is_enough(round + 1) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(moment).await;
        };
        tokio::select! {
            _ = futures::future::join_all(writers) => panic!("the sandbox broke by itself"),
            () = enough => {}
        }
        served.0.kill().unwrap();
        served.0.wait().unwrap();
    }
    let served = Served::start(&["--dir", dir.to_str().unwrap()]);
    let told = std::mem::take(&mut *told.lock().unwrap());
    for (id, blob) in &told.keys {
        let opened = served
            .1
            .kms
            .decrypt()
            .key_id(id)
            .ciphertext_blob(blob.clone())
            .send()
            .await;
        assert_eq!(opened.unwrap().plaintext.unwrap().as_ref(), id.as_bytes());
    }
    for (name, bytes) in &told.objects {
        assert_eq!(body(&served.1.s3, name).await, *bytes, "{name}");
    }
    for name in &told.gone {
        let found = served.1.s3.head_object().bucket("kept-bucket").key(name).send().await;
        assert!(found.is_err(), "{name} is back");
    }
}
