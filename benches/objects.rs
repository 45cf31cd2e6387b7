//! A job on very many small objects, where every answer of AWS takes its time: the look before it, its start with a manifest
//! of all of them, and the job itself, which reads that manifest.
//!
//! ```text
//! cargo bench --bench objects [-- [--files N] [--latency MS]]
//! cargo test --bench objects [-- ...]                           # the debug build
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "a figure that cannot be had is none")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use strongroom::actions;
use strongroom::domain::{JobPlan, JobSettings, JobSpec, Outcome, Weight};

use self::place::{Place, never};

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/place.rs"]
mod place;
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/pty.rs"]
mod pty;

const BUCKET: &str = "sagemaker-objects";

fn main() {
    let (mut files, mut latency) = (10_000, 30);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--files" => files = arguments.next().unwrap().parse().unwrap(),
            "--latency" => latency = arguments.next().unwrap().parse().unwrap(),
            // Cargo's own.
            _ => {}
        }
    }
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!("{files} objects, {latency} ms of latency, {build} build");
    let world = tempfile::tempdir().unwrap();
    let role_arn = prepared(world.path(), files);
    let place = Place::with(|options| {
        options.dir = Some(world.path().to_owned());
        options.faults = vec![format!("*:latency={latency}ms").parse().unwrap()];
        options.stop_grace = Duration::from_secs(2);
    });
    let spec = spec(role_arn);
    let looked = told("the look before the job", || {
        place.wait(actions::preflight(&place.aws, &spec)).unwrap()
    });
    let Outcome::Preflighted { findings, .. } = looked else {
        panic!("{looked:?}");
    };
    for finding in findings.iter().filter(|finding| finding.weight == Weight::Blocks) {
        println!("  stands in the way: {}: {}", finding.what, finding.detail);
    }
    told("manifest and start of the job", || {
        place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap()
    });
    let job = told("the job to its end", || {
        let cancel = never();
        let watched = actions::watch_job(&place.aws, &spec.name, &cancel, |_| Ok(()));
        place.wait(watched).unwrap()
    });
    println!("  it ended as {}: {:?}", job.status.as_str(), job.cause());
    let listed = place
        .s3()
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(".strongroom/manifests/");
    let listed = place.wait(listed.send()).unwrap();
    for document in listed.contents() {
        let (key, size) = (document.key().unwrap(), document.size().unwrap());
        println!("  {key}: {size} bytes");
    }
}

/// Says how long it took.
fn told<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = step();
    println!("{what}: {:.1} s", began.elapsed().as_secs_f64());
    done
}

/// A world without latency that holds so many tokens, and a role with a grant; the role's ARN.
fn prepared(world: &std::path::Path, files: usize) -> String {
    let mut place = Place::with(|options| options.dir = Some(world.to_owned()));
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    let folder = place.path("parts");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..files {
        let text = format!("x,y\n{number},1\n{number},2\n");
        std::fs::write(folder.join(format!("part-{number:05}.csv")), text).unwrap();
    }
    let to = format!("s3://{BUCKET}/data/");
    told("encrypting, without latency", || {
        place
            .run(&["encrypt", folder.to_str().unwrap(), &to, "--key", &key_arn])
            .ok()
    });
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    let sandbox = place.sandbox.take().unwrap();
    place.wait(sandbox.stop());
    role_arn
}

fn spec(role_arn: String) -> JobSpec {
    JobSpec {
        name: "job-1".to_owned(),
        role_arn,
        image: "image".to_owned(),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 3600,
        bucket: BUCKET.to_owned(),
        object: "data/".to_owned(),
        output: format!("s3://{BUCKET}/output"),
        hyperparameters: BTreeMap::new(),
        moved_from: None,
        settings: JobSettings::default(),
        plan: JobPlan::default(),
        original: None,
    }
}
