//! A disk that fills and empties under a world at work.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Answer, Client};
use super::counters::{self, Counter};
use super::process::World;
use super::rounds;

/// Names the file system to the process that works on it.
const PLACE: &str = "STRONGROOM_TEST_PLACE";

/// Runs what works on a small file system: in a mount namespace of its own, where there is one. Elsewhere no file of the
/// world may grow while the disk is "full".
#[test]
fn what_a_full_disk_refuses_is_taken_back_and_work_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let has_namespaces = Command::new("unshare")
        .args(["-Urm", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(folder.path())
        .status()
        .is_ok_and(|status| status.success());
    let test = std::env::current_exe().unwrap();
    let mut command = if has_namespaces {
        let mut command = Command::new("unshare");
        let script = "mount -t tmpfs -o size=12m tmpfs \"$1\" && shift && exec \"$@\"";
        command
            .args(["-Urm", "sh", "-c", script, "sh"])
            .arg(folder.path())
            .arg(test);
        command
    } else {
        eprintln!("no mount namespace here: files that may not grow instead of a small file system");
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(test);
        command
    };
    let status = command
        .args(["--exact", "full::calls_on_a_small_disk", "--ignored", "--nocapture"])
        .env(PLACE, folder.path())
        .env("STRONGROOM_TEST_SMALL", if has_namespaces { "1" } else { "0" })
        .status()
        .unwrap();
    assert!(status.success());
}

/// What fills and empties.
struct Place {
    folder: PathBuf,
    is_small: bool,
    is_full: bool,
}

impl Place {
    fn fill(&mut self, world: &World) {
        self.is_full = true;
        if self.is_small {
            let mut file = fs::File::create(self.folder.join("filler")).unwrap();
            while file.write_all(&[1; 4096]).is_ok() {}
        } else {
            world.limit_files(Some(fs::metadata(self.folder.join("world/world.redb")).unwrap().len()));
        }
    }

    fn empty(&mut self, world: &World) {
        self.is_full = false;
        if self.is_small {
            let _ = fs::remove_file(self.folder.join("filler"));
        } else {
            world.limit_files(None);
        }
    }
}

#[test]
#[ignore = "no test: the process that works on a small file system"]
fn calls_on_a_small_disk() {
    let Some(folder) = std::env::var_os(PLACE).map(PathBuf::from) else {
        return;
    };
    let mut place = Place {
        is_small: std::env::var("STRONGROOM_TEST_SMALL").is_ok_and(|small| small == "1"),
        is_full: false,
        folder,
    };
    for seed in 0..rounds(1, 20) {
        let dir = place.folder.join("world");
        calls(&mut place, &dir, seed as u64);
        fs::remove_dir_all(dir).unwrap();
    }
}

fn calls(place: &mut Place, dir: &Path, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut world = World::start(dir).unwrap();
    let key = counters::prepare(&mut world.client());
    counters::ended(&mut world.client(), "counter");
    // Of every object the bytes that it was last given, if that was answered.
    let mut objects: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
    let (mut refused, mut taken_back, mut reopened_full) = (0, 0, 0);
    for number in 0..200 {
        match dice.u8(..20) {
            0..=1 => place.fill(&world),
            2..=3 => place.empty(&world),
            _ => {}
        }
        let mut client = world.client();
        let answer = call(&mut client, &mut dice, &key, number, &mut objects);
        if answer.status >= 500 {
            refused += 1;
            assert_eq!(answer.status, 500, "{}", answer.text());
            let text = answer.text();
            taken_back += usize::from(!text.contains("objects"));
            let why = if place.is_small {
                "No space left"
            } else {
                "File too large"
            };
            assert!(text.contains(&*dir.to_string_lossy()) && text.contains(why), "{text}");
        }
        if number % 20 == 19 {
            let before = seen(&mut client, &key, &mut objects, place, &world);
            world.kill();
            world = match World::start(dir) {
                Ok(world) => {
                    reopened_full += usize::from(place.is_full);
                    world
                }
                // Not even its own start fits: that is said, and nothing is lost by it.
                Err(why) => {
                    assert!(place.is_full && why.contains("No space left"), "{why}");
                    let _ = fs::remove_file(place.folder.join("filler"));
                    place.is_full = false;
                    World::start(dir).unwrap()
                }
            };
            if place.is_full {
                place.fill(&world);
            }
            let after = seen(&mut world.client(), &key, &mut objects, place, &world);
            assert_eq!(before, after, "memory and disk differ at call {number} of seed {seed}");
        }
    }
    let mut client = world.client();
    place.fill(&world);
    let late = counters::job("late", "model");
    let asked = client.json("sagemaker", "CreateTrainingJob", &late).unwrap();
    place.empty(&world);
    if asked.is_good() {
        // Its own folder may not have had room.
        let job = counters::ended(&mut client, "late");
        let why = job["FailureReason"].as_str().unwrap_or_default();
        let is_completed = job["TrainingJobStatus"] == "Completed";
        assert!(is_completed || why.contains("(os error "), "{job}");
    } else {
        let name = json!({ "TrainingJobName": "late" });
        let found = client.json("sagemaker", "DescribeTrainingJob", &name).unwrap();
        assert_eq!(found.status, 400, "{}", found.text());
    }
    for counter in counters::ALL {
        let begun = Instant::now();
        let next = counter.read(&mut client, &key).unwrap_or_default() + 1;
        while !counter.write(&mut client, &key, next + 1000).unwrap().is_good() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{counter:?} does not work again"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let bodies = fs::read_dir(dir.join("objects")).unwrap().count();
    let held = objects.values().flatten().count() + 1 + counted(&mut client, "/counters?uploads=", "<UploadId>");
    assert!(bodies <= held + 1, "{bodies} files for {held} objects and uploads");
    eprintln!(
        "seed {seed}: {refused} of 200 calls refused, {taken_back} of them taken back, {reopened_full} times opened again on a full disk"
    );
    assert!(taken_back > 0, "no commit failed");
}

fn counted(client: &mut Client, path: &str, what: &str) -> usize {
    client.s3("GET", path, b"").unwrap().text().matches(what).count()
}

/// One random call.
fn call(
    client: &mut Client,
    dice: &mut fastrand::Rng,
    key: &str,
    number: u64,
    objects: &mut BTreeMap<String, Option<Vec<u8>>>,
) -> Answer {
    let object = format!("x{}", dice.u8(..8));
    let alias = format!("alias/a{}", dice.u8(..6));
    match dice.u8(..16) {
        0..=4 => {
            let length = if dice.u8(..4) == 0 {
                dice.usize(..2 << 20)
            } else {
                dice.usize(..5000)
            };
            let body = vec![number as u8; length];
            let answer = client.s3("PUT", &format!("/counters/{object}"), &body).unwrap();
            objects.insert(object, answer.is_good().then_some(body));
            answer
        }
        5..=6 => {
            let answer = client.s3("DELETE", &format!("/counters/{object}"), b"").unwrap();
            objects.remove(&object);
            if !answer.is_good() {
                objects.insert(object, None);
            }
            answer
        }
        7 => {
            let (operation, request) = if dice.bool() {
                ("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": key }))
            } else {
                ("DeleteAlias", json!({ "AliasName": alias }))
            };
            client.json("kms", operation, &request).unwrap()
        }
        // Rows that make the world's file grow.
        8 => {
            let message = number.to_string().repeat(dice.usize(1..60_000));
            let event = json!({ "timestamp": jiff::Timestamp::now().as_millisecond(), "message": message });
            let request = json!({ "logGroupName": "counters", "logStreamName": "s", "logEvents": [event] });
            client.json("logs", "PutLogEvents", &request).unwrap()
        }
        9 => client.s3("POST", "/counters/multipart?uploads=", b"").unwrap(),
        10 => {
            let name = format!("r{}", dice.u8(..6));
            let operation = if dice.bool() {
                "CreateRepository"
            } else {
                "DeleteRepository"
            };
            let request = json!({ "repositoryName": name });
            client.json("ecr", operation, &request).unwrap()
        }
        _ => {
            let others = [
                Counter::Kms,
                Counter::Iam,
                Counter::Logs,
                Counter::SageMaker,
                Counter::Clock,
            ];
            let counter = dice.choice(&others).unwrap();
            counter.write(client, key, number).unwrap()
        }
    }
}

/// Everything that the world shows; a disk that can be read by nobody is emptied before.
fn seen(
    client: &mut Client,
    key: &str,
    objects: &mut BTreeMap<String, Option<Vec<u8>>>,
    place: &mut Place,
    world: &World,
) -> Vec<String> {
    let begun = Instant::now();
    while !client.s3("GET", "/counters?list-type=2", b"").unwrap().is_good() {
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(60), "the world does not come back");
        if waited > Duration::from_secs(2) {
            place.empty(world);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut shown = Vec::new();
    let mut show = |answer: Answer| {
        assert!(answer.is_good(), "{}", answer.text());
        let text = answer.text();
        // Only this differs from answer to answer.
        shown.push(text.split("<ResponseMetadata>").next().unwrap().to_owned());
    };
    for (name, body) in objects.iter_mut() {
        let answer = client.s3("GET", &format!("/counters/{name}"), b"").unwrap();
        match body {
            Some(body) => assert!(answer.body == *body, "{name} is not what was answered"),
            // Refused, so it may be either.
            None if answer.is_good() => *body = Some(answer.body),
            None => {}
        }
    }
    objects.retain(|_, body| body.is_some());
    let listed = client.s3("GET", "/counters?list-type=2", b"").unwrap();
    let names: Vec<String> = objects.keys().map(|name| format!("<Key>{name}</Key>")).collect();
    let text = listed.text();
    assert_eq!(text.matches("<Key>x").count(), names.len(), "{text}");
    assert!(names.iter().all(|name| text.contains(name)), "{text}");
    show(listed);
    show(client.s3("GET", "/counters?uploads=", b"").unwrap());
    show(client.json("kms", "ListAliases", &json!({})).unwrap());
    show(client.json("kms", "DescribeKey", &json!({ "KeyId": key })).unwrap());
    show(client.query("iam", "ListRoleTags", &[counters::ROLE]).unwrap());
    let stream = json!({ "logGroupName": "counters", "logStreamName": "s", "startFromHead": true });
    show(client.json("logs", "GetLogEvents", &stream).unwrap());
    show(client.json("ecr", "DescribeRepositories", &json!({})).unwrap());
    let job = json!({ "ResourceArn": counters::JOB });
    show(client.json("sagemaker", "ListTags", &job).unwrap());
    let ahead = client.control(&json!({})).unwrap().json()["ahead"].to_string();
    shown.push(ahead);
    shown
}
