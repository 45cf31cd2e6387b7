//! Hosts by themselves, laid out as SageMaker does it, each a process of the real program: no job is needed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{BUCKET, ENGINE, HOSTS, NOISE, TABLE, body, equal, mixed, put, reports, uri};
use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};

/// Has the list written, and no job made: the role is nobody's.
fn listed(place: &Place, arguments: &[&str]) -> String {
    listed_for(place, &[&["audit"], arguments].concat())
}

/// The same for any act.
pub(super) fn listed_for(place: &Place, command: &[&str]) -> String {
    let many = HOSTS.to_string();
    let engine = [
        "--on",
        "processing",
        "--instances",
        &many,
        "--image",
        "image",
        "--role",
        "arn:aws:iam::111122223333:role/nobody",
    ];
    let done = place.run(&[command, &engine].concat());
    assert_eq!(done.status, 1, "{done:?}");
    let (_, rest) = done.err.split_once("--resume ").unwrap_or_else(|| panic!("{done:?}"));
    rest.split(' ').next().unwrap().trim().to_owned()
}

/// The names of what is in a folder of an act.
pub(super) fn names(place: &Place, id: &str, folder: &str) -> Vec<String> {
    let folder = format!(".strongroom/bulk/{id}/{folder}/");
    let all = place.objects(BUCKET);
    let names = all.iter().filter_map(|key| key.strip_prefix(&folder));
    names.map(str::to_owned).collect()
}

/// As SageMaker lays it out for one of the hosts, with its part of these shards.
pub(super) fn host(place: &Place, id: &str, number: usize, shards: &[String]) -> PathBuf {
    let root = place.path(&format!("{id}-algo-{number}"));
    let _ = std::fs::remove_dir_all(&root);
    let (config, input) = (root.join("config"), root.join("processing/input/shards"));
    std::fs::create_dir_all(&config).unwrap();
    std::fs::create_dir_all(&input).unwrap();
    let resources =
        json!({"current_host": format!("algo-{number}"), "hosts": ["algo-1", "algo-2", "algo-3", "algo-4"]});
    std::fs::write(config.join("resourceconfig.json"), resources.to_string()).unwrap();
    for file in shards.iter().skip(number - 1).step_by(HOSTS) {
        let shard = body(place, &format!(".strongroom/bulk/{id}/shards/{file}"));
        std::fs::write(input.join(file), shard).unwrap();
    }
    root
}

pub(super) fn work(place: &Place, id: &str, root: &PathBuf, endpoint: &str) -> Child {
    work_by(place, id, root, endpoint, &plan(place, id))
}

/// The SHA-256 of the plan as it stands there.
pub(super) fn plan(place: &Place, id: &str) -> String {
    let plan = body(place, &format!(".strongroom/bulk/{id}/plan.json"));
    Sha256::digest(plan).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A host of a job that was started with the plan of this SHA-256.
pub(super) fn work_by(place: &Place, id: &str, root: &PathBuf, endpoint: &str, plan: &str) -> Child {
    let from = uri(&format!(".strongroom/bulk/{id}/"));
    // An id begins with its act.
    let (act, _) = id.split_once('-').unwrap();
    let mut command = place.command(&["bulk-worker", "--act", act, "--from", &from, "--plan", plan]);
    command
        .env("STRONGROOM_ML_ROOT", root)
        .env("AWS_ENDPOINT_URL", endpoint)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for a host; what the last line of its log says.
pub(super) fn ended(child: Child) -> (Done, Value) {
    let done = crate::place::finish(child.wait_with_output().unwrap());
    let last = done.out.lines().last().map(|line| serde_json::from_str(line).unwrap());
    (done, last.unwrap_or_default())
}

pub(super) fn all_work(place: &Place, id: &str) -> Vec<Value> {
    let shards = names(place, id, "shards");
    let roots: Vec<PathBuf> = (1..=HOSTS).map(|number| host(place, id, number, &shards)).collect();
    let children: Vec<Child> = roots
        .iter()
        .map(|root| work(place, id, root, place.endpoint()))
        .collect();
    let lines = children.into_iter().map(|child| {
        let (done, last) = ended(child);
        assert_eq!(done.status, 0, "{done:?}");
        last
    });
    lines.collect()
}

#[test]
fn four_hosts_tell_of_a_mixed_bucket_what_one_machine_tells_byte_for_byte() {
    let place = mixed();
    let all = uri("");
    let one = reports(&place, &[&all], "one");
    let id = listed(&place, &[&all]);
    let shards = names(&place, &id, "shards");
    assert_eq!(shards.len(), HOSTS * 4, "{shards:?}");

    let early = place.run(&["audit", &all, "--on", "processing", "--resume", &id, "--wait"]);
    early.failed(1, &["it has no job; 16 of its 16 shards have no result", "--resume"]);
    let other = place.run(&["audit", &uri("data/"), "--on", "processing", "--resume", &id]);
    other.failed(2, &["it is an act on s3://sagemaker-many-hosts/"]);
    let none = place.run(&["audit", &all, "--on", "processing", "--resume", "audit-none"]);
    none.failed(1, &["check bucket and id"]);
    let nowhere = place.run(&[&["audit", &all, "--csv", "x.csv"], &ENGINE[..]].concat());
    nowhere.failed(2, &["--csv: the report is not there yet"]);
    place.write("there.csv", "mine");
    let there = place.run(&[
        "audit",
        &all,
        "--csv",
        "there.csv",
        "--on",
        "processing",
        "--resume",
        &id,
        "--wait",
    ]);
    there.failed(1, &["it exists already"]);

    let lines = all_work(&place, &id);
    let sum = |name: &str| lines.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    let objects = serde_json::from_str::<Value>(one[1].lines().last().unwrap()).unwrap()["summary"]["objects"].clone();
    assert_eq!(
        (sum("objects"), sum("shards_done"), sum("failed")),
        (objects.as_u64().unwrap(), 16, 0)
    );
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(
            (&line["strongroom"], &line["act"], &line["host"]),
            (&"bulk".into(), &"audit".into(), &format!("algo-{number}").into())
        );
    }
    equal(
        &one,
        &reports(&place, &[&all, "--on", "processing", "--resume", &id], "many"),
    );
}

/// A user who may do all but this.
fn without(place: &Place, name: &str, denied: &str) -> [(String, String); 2] {
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny",{denied}}}]}}"#
    );
    place.user(name, &[&policy])
}

fn run_as(place: &Place, user: &[(String, String); 2], words: &[&str]) -> Done {
    let access: Vec<(&str, Option<&str>)> = user.iter().map(|(name, value)| (&**name, Some(&**value))).collect();
    place.run_as(&access, words)
}

#[test]
fn who_waits_in_vain_is_told_that_a_job_goes_on_only_where_one_was_seen() {
    let place = mixed();
    let data = uri("data/");
    let id = listed(&place, &[&data]);
    let blind = without(
        &place,
        "blind",
        r#""Action":"sagemaker:DescribeProcessingJob","Resource":"*""#,
    );
    let wait = ["audit", &data, "--on", "processing", "--resume", &id, "--wait"];
    let none = run_as(&place, &blind, &wait);
    assert!(
        none.status == 1 && none.err.contains("sagemaker:DescribeProcessingJob") && !none.err.contains("goes on"),
        "{none:?}"
    );
    super::worker_role(&place);
    let begun = run_as(&place, &blind, &[&["audit", &data, "--wait"], &ENGINE[..]].concat());
    assert!(begun.status == 1 && begun.err.contains("its job audit-"), "{begun:?}");
    assert!(begun.err.contains("goes on: --resume audit-"), "{begun:?}");
}

#[test]
fn who_interrupts_an_act_by_hosts_is_told_that_they_may_go_on_and_what_stops_them() {
    let place = mixed();
    super::worker_role(&place);
    let data = uri("data/");
    for (asked, words) in [
        ("DescribeProcessingJob", "goes on: --resume audit-"),
        ("CreateProcessingJob", "if it was, its hosts go on"),
    ] {
        let (at, moments) = mpsc::channel();
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
            if seen.name() == asked {
                let _ = at.send(());
                return Trouble::StallUnanswered;
            }
            Trouble::None
        });
        let mut child = place.command(&[&["audit", &data, "--wait"], &ENGINE[..]].concat());
        child.env("AWS_ENDPOINT_URL", proxy.url());
        let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        moments.recv().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let done = crate::place::finish(child.wait_with_output().unwrap());
        let stops = "aws sagemaker stop-processing-job --processing-job-name audit-";
        assert!(
            done.status == 130 && done.err.contains(words) && done.err.contains(stops),
            "{asked}: {done:?}"
        );
    }
}

#[test]
fn who_goes_on_at_the_same_time_as_somebody_else_is_told_to_wait_for_that_job() {
    let place = mixed();
    super::worker_role(&place);
    let data = uri("data/");
    let id = listed(&place, &[&data]);
    let go_on = [&["audit", &data, "--resume", &id], &ENGINE[..]].concat();
    let (at, moments) = mpsc::channel();
    let (on, waits) = mpsc::channel::<()>();
    let waits = std::sync::Mutex::new(waits);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.name() == "CreateProcessingJob" {
            at.send(()).unwrap();
            waits.lock().unwrap().recv().unwrap();
        }
        Trouble::None
    });
    let mut late = place.command(&go_on);
    late.env("AWS_ENDPOINT_URL", proxy.url());
    let late = late.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    moments.recv().unwrap();
    place.run(&go_on).ok();
    on.send(()).unwrap();
    let done = crate::place::finish(late.wait_with_output().unwrap());
    assert!(
        done.status == 1 && done.err.contains("somebody else goes on with it at the same time"),
        "{done:?}"
    );
    assert!(
        done.err.contains(&format!("--resume {id} --wait waits for that job")),
        "{done:?}"
    );
    place.run(&["audit", &data, "--on", "processing", "--resume", &id, "--wait"]);
    assert_eq!(names(&place, &id, "results").len(), names(&place, &id, "shards").len());
}

#[test]
fn of_a_list_that_did_not_become_whole_it_is_said_what_is_left_of_it_and_nothing_that_was_not_seen() {
    let place = mixed();
    let data = uri("data/");
    let at = |what: &str| format!("arn:aws:s3:::{BUCKET}/.strongroom/bulk/*{what}");
    let denied = |action: &str, what: &str| format!(r#""Action":"{action}","Resource":"{}""#, at(what));
    let audit = [&["audit", &data], &ENGINE[..]].concat();
    super::worker_role(&place);

    let writes_none = without(&place, "writes-none", &denied("s3:PutObject", ""));
    let done = run_as(&place, &writes_none, &audit);
    assert!(done.status == 1 && done.err.contains("s3:PutObject"), "{done:?}");
    assert!(!done.err.contains("written for it"), "nothing was: {done:?}");

    let list = r#""Action":"s3:ListBucket","Resource":"*","Condition":{"StringLike":{"s3:prefix":".strongroom/*"}}},{"Effect":"Deny","#;
    let sees_none = without(&place, "sees-none", &format!("{list}{}", denied("s3:PutObject", "")));
    let done = run_as(&place, &sees_none, &audit);
    assert!(
        done.err.contains("whether something written for it is still in")
            && done.err.contains("could not be looked at"),
        "{done:?}"
    );

    let plan = denied("s3:PutObject", "plan.json");
    let deletes_none = format!(r#"{plan}}},{{"Effect":"Deny",{}"#, denied("s3:DeleteObject", ""));
    let deletes_none = without(&place, "deletes-none", &deletes_none);
    let done = run_as(&place, &deletes_none, &audit);
    assert!(
        done.err.contains(
            "16 files written for it could not be deleted from s3://sagemaker-many-hosts/.strongroom/bulk/audit-"
        ),
        "{done:?}"
    );
}

#[test]
fn of_a_prefix_of_versions_and_of_whole_tokens_they_tell_the_same_too() {
    let place = mixed();
    let versioned = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let call = place.s3().put_bucket_versioning().bucket(BUCKET);
    place.wait(call.versioning_configuration(versioned).send()).unwrap();
    for key in ["open/fernet", "open/empty", "open/more"] {
        put(&place, key, TABLE, &[]);
        put(&place, key, NOISE, &[]);
    }
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key("open/more").send())
        .unwrap();
    for arguments in [
        vec![uri("open/"), "--versions".to_owned()],
        vec![uri("data/"), "--deep".to_owned()],
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let name = arguments[1].trim_start_matches('-');
        let one = reports(&place, &arguments, &format!("{name}-one"));
        let id = listed(&place, &arguments);
        all_work(&place, &id);
        let resumed = [&arguments[..], &["--on", "processing", "--resume", &id]].concat();
        equal(&one, &reports(&place, &resumed, &format!("{name}-many")));
    }
}

#[test]
fn a_host_that_is_killed_at_any_moment_loses_its_shard_and_whoever_goes_on_does_only_what_is_missing() {
    let place = mixed();
    let all = uri("");
    let one = reports(&place, &[&all], "one");
    let id = listed(&place, &[&all]);
    let shards = names(&place, &id, "shards");
    let moment = fastrand::usize(1..16);
    let (at, moments) = mpsc::channel();
    let looked = Arc::new(AtomicUsize::new(0));
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        // The plan is the first that is read.
        if seen.name() == "GetObject" && looked.fetch_add(1, Ordering::SeqCst) >= moment {
            let _ = at.send(());
            return Trouble::StallUnanswered;
        }
        Trouble::None
    });
    let mut killed = work(&place, &id, &host(&place, &id, 1, &shards), proxy.url());
    moments.recv().unwrap();
    killed.kill().unwrap();
    let (done, _) = ended(killed);
    assert_eq!(done.status, -9, "at {moment}: {done:?}");
    for number in 2..=HOSTS {
        let (done, _) = ended(work(&place, &id, &host(&place, &id, number, &shards), place.endpoint()));
        assert_eq!(done.status, 0, "{done:?}");
    }
    let done = names(&place, &id, "results");
    assert!((12..16).contains(&done.len()), "at {moment}: {done:?}");
    let early = place.run(&["audit", &all, "--on", "processing", "--resume", &id, "--wait"]);
    early.failed(1, &[&format!("{} of its 16 shards have no result", 16 - done.len())]);

    // Whoever goes on has all shards before it, and does those without a result.
    let left: u64 = shards
        .iter()
        .filter(|shard| !done.contains(shard))
        .map(|shard| body(&place, &format!(".strongroom/bulk/{id}/shards/{shard}")))
        .map(|shard| String::from_utf8(shard).unwrap().lines().count() as u64)
        .sum();
    let again = all_work(&place, &id);
    let objects: u64 = again.iter().map(|line| line["objects"].as_u64().unwrap()).sum();
    assert_eq!(objects, left, "at {moment}");
    equal(
        &one,
        &reports(&place, &[&all, "--on", "processing", "--resume", &id], "many"),
    );
}

#[test]
fn a_host_that_is_told_to_stop_keeps_what_it_has_and_says_so() {
    let place = mixed();
    let id = listed(&place, &[&uri("")]);
    let shards = names(&place, &id, "shards");
    let looked = AtomicUsize::new(0);
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
        if seen.name() == "GetObject" && looked.fetch_add(1, Ordering::SeqCst) >= 8 {
            return Trouble::StallUnanswered;
        }
        Trouble::None
    });
    let root = host(&place, &id, 1, &shards);
    let mut child = work(&place, &id, &root, proxy.url());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begun: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(begun["shards"], 4, "{begun}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{rest:?}");
    let message = std::fs::read_to_string(root.join("output/message")).unwrap();
    assert_eq!(message, "algo-1: stopped by signal 15; what has a result is kept");
}

#[test]
fn a_result_that_tells_of_other_objects_is_refused_by_name() {
    let place = mixed();
    let all = uri("");
    let id = listed(&place, &[&all]);
    all_work(&place, &id);
    let key = format!(".strongroom/bulk/{id}/results/0003.jsonl");
    let text = String::from_utf8(body(&place, &key)).unwrap();
    let (heading, rows) = text.split_once('\n').unwrap();
    let swapped: BTreeMap<usize, &str> = rows
        .lines()
        .enumerate()
        .map(|(at, row)| (usize::MAX - at, row))
        .collect();
    let swapped: Vec<&str> = swapped.into_values().collect();
    let (keys, rest) = (swapped.last().unwrap(), &swapped[..swapped.len() - 1]);
    put(
        &place,
        &key,
        format!("{heading}\n{keys}\n{}\n", rest.join("\n")).as_bytes(),
        &[],
    );
    let done = place.run(&["audit", &all, "--on", "processing", "--resume", &id]);
    done.failed(
        1,
        &[
            &key,
            "it tells of other objects than its shard",
            "only what is missing is done again",
        ],
    );
}

#[test]
fn a_list_from_an_inventory_is_the_list_of_s3() {
    let place = mixed();
    let prefix = uri("data/");
    let one = reports(&place, &[&prefix], "one");
    let mut rows: Vec<String> = place
        .objects(BUCKET)
        .iter()
        .map(|key| {
            format!(
                "\"{BUCKET}\",\"{}\",\"1\"\n",
                key.replace('%', "%25")
                    .replace('+', "%2B")
                    .replace('"', "%22")
                    .replace('\n', "%0A")
            )
        })
        .collect();
    rows.reverse();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(rows.concat().as_bytes()).unwrap();
    place.bucket("inventories");
    place.put("inventories", "list/data/1.csv.gz", &packed.finish().unwrap());
    let manifest = json!({
        "sourceBucket": BUCKET, "destinationBucket": "arn:aws:s3:::inventories", "version": "2016-11-30",
        "fileFormat": "CSV", "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "list/data/1.csv.gz", "size": 1, "MD5checksum": ""}],
    });
    place.put("inventories", "list/manifest.json", manifest.to_string().as_bytes());
    let inventory = "s3://inventories/list/manifest.json";
    let id = listed(&place, &[&prefix, "--inventory", inventory]);
    all_work(&place, &id);
    equal(
        &one,
        &reports(&place, &[&prefix, "--on", "processing", "--resume", &id], "many"),
    );

    let other = place.run(&[
        "audit",
        "s3://inventories/",
        "--on",
        "processing",
        "--image",
        "i",
        "--role",
        "arn:aws:iam::111122223333:role/nobody",
        "--inventory",
        inventory,
    ]);
    other.failed(1, &["it is of the bucket sagemaker-many-hosts"]);
}
