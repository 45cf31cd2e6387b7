//! Spot instances that are taken back.

use super::*;

/// Trains by a file a run, from what the run before left; the third run is the last.
const RESUMING: &str = "run=$(ls checkpoints | wc -l); \
    [ $run -lt 2 ] || { ls checkpoints > model/runs; exit 0; }; \
    trap \"echo run > checkpoints/$run; exit 0\" TERM; touch up; sleep 1000 & wait";

fn troubled(command: &str, faults: &[&str]) -> Arc<World> {
    world_of(Options {
        images: vec![(IMAGE.to_owned(), command.to_owned())],
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..Options::default()
    })
}

fn spot(name: &str, wait: u64) -> Value {
    let mut body = body(name);
    body["EnableManagedSpotTraining"] = json!(true);
    body["StoppingCondition"]["MaxRuntimeInSeconds"] = json!(wait.min(120));
    body["StoppingCondition"]["MaxWaitTimeInSeconds"] = json!(wait);
    body["CheckpointConfig"] = json!({ "S3Uri": "s3://sagemaker-b/kept" });
    body
}

fn phases(job: &Value) -> Vec<&str> {
    let transitions = job["SecondaryStatusTransitions"].as_array().unwrap();
    transitions.iter().map(|row| row["Status"].as_str().unwrap()).collect()
}

/// Takes back the instances of the job that trains now, and not those of its next run.
fn take_back(world: &World) {
    let strikes_once = |seed: &u64| {
        let mut dice = fastrand::Rng::with_seed(*seed);
        dice.f64() < 0.5 && dice.f64() >= 0.5
    };
    let seed = (0..10_000).find(strikes_once).unwrap();
    let faults = json!({ "faults": ["sagemaker:interrupt@0.5"], "seed": seed });
    let service = Caller::service(SERVICE, &world.home);
    crate::trouble::control(world, &service, &faults).unwrap();
}

#[tokio::test]
async fn an_interrupted_spot_job_starts_again_from_its_checkpoints() {
    let world = troubled(RESUMING, &[]);
    create_unasked(&world, &spot("job", 600)).unwrap();
    for run in 0..2 {
        let trains = |job: &Value| phases(job).into_iter().filter(|phase| *phase == "Training").count();
        until(|| trains(&jobs(&world).describe("job").unwrap()) > run).await;
        up(&world).await;
        take_back(&world);
    }
    let job = finished(&world, "job").await;
    let cycle = ["Starting", "Downloading", "Training"];
    let mut expected = [cycle.as_slice(), &["Interrupted"]].concat().repeat(2);
    expected.extend(cycle);
    expected.extend(["Uploading", "Completed"]);
    assert_eq!(phases(&job), expected);
    assert_eq!(model(&world, "job"), "0\n1\n");
}

#[tokio::test]
async fn a_job_on_demand_is_never_interrupted() {
    let world = troubled("sleep 0.2; touch model/whole", &["sagemaker:interrupt"]);
    let job = completed(&world, &body("job")).await;
    assert!(!phases(&job).contains(&"Interrupted"));
}

#[tokio::test]
async fn a_spot_job_waits_for_instances_no_longer_than_it_may() {
    let world = troubled("exec sleep 1000", &["sagemaker:interrupt"]);
    // Long enough for a first run on a busy machine.
    let job = ended(&world, &spot("job", 4)).await;
    assert_eq!(job["TrainingJobStatus"], "Stopped");
    assert_eq!(job["SecondaryStatus"], "MaxWaitTimeExceeded");
    assert!(phases(&job).contains(&"Interrupted"));
}

#[tokio::test]
async fn a_spot_job_that_is_interrupted_can_be_stopped() {
    let world = troubled("exec sleep 1000", &["sagemaker:interrupt"]);
    create_unasked(&world, &spot("job", 600)).unwrap();
    until(|| jobs(&world).describe("job").unwrap()["SecondaryStatus"] == "Interrupted").await;
    jobs(&world).stop("job").unwrap();
    assert_eq!(finished(&world, "job").await["SecondaryStatus"], "Stopped");
}
