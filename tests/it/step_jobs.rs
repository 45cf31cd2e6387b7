//! The walk's steps with training jobs, by keystrokes: looked ahead of, cloned, stopped, measured, and failed in every
//! phase.

use std::time::Duration;

use strongroom::actions;
use strongroom::domain::JobSpec;

use crate::desk::{Desk, job as listed};
use crate::place::{Place, never};
use crate::pty::{CLEAR, ENTER, ESC, Session};

const WIDE: (u16, u16) = (120, 36);
const BUCKET: &str = "sagemaker-jobs";
const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";

/// A world with a key, a bucket, a role with a grant, and `data/x.csv` encrypted; the key's and the role's ARN.
fn ready() -> (Place, String, String) {
    let program = env!("CARGO_BIN_EXE_strongroom");
    let image = |name: &str, command: &str| (name.to_owned(), command.replace("STRONGROOM", program));
    let place = Place::with(|options| {
        options.stop_grace = Duration::from_secs(2);
        options.images = vec![
            image("sleeps", "sleep 1000"),
            image("exits-3", "STRONGROOM train -- sh -c 'echo dying now; exit 3'"),
            image(
                "measures",
                "for i in 1 2 3 4 5 6; do echo \"epoch=$i loss=0.$((9 - i)) accuracy=0.$((3 + i))\"; done",
            ),
        ];
    });
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    place.write("x.csv", TABLE);
    let to = format!("s3://{BUCKET}/data/");
    place.run(&["encrypt", "x.csv", &to, "--key", "alias/training"]).ok();
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    (place, key_arn, role_arn)
}

fn spec(name: &str, role_arn: &str, image: &str) -> JobSpec {
    JobSpec {
        image: image.to_owned(),
        max_runtime: 600,
        bucket: BUCKET.to_owned(),
        output: format!("s3://{BUCKET}/output"),
        ..crate::walk::job(name, role_arn, "data/x.csv")
    }
}

fn start(place: &Place, spec: &JobSpec) {
    place.wait(actions::start_job(&place.aws, spec, &never())).unwrap();
}

fn dashboard(place: &Place) -> Session {
    let mut session = place.dashboard(WIDE);
    session.wait("Enabled").keys("4");
    session
}

#[test]
fn the_look_ahead_names_what_would_fail_and_repairs_it_and_a_job_is_cloned() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session.wait("training-data").wait("Disabled").select("training-data");
    session.keys("5").select("housing.csv").encrypt().keys(ESC).keys("3");
    session
        .select("housing.csv")
        .keys("t")
        .wait("Train on")
        .wait("▸ example-role");
    session.keys("\x1b[Z").keys(" ").keys(ENTER).wait("Before the job");
    session
        .choose("fails the role may decrypt")
        .keys(ENTER)
        .wait("Grant the role")
        .keys("y")
        .gone("fails ")
        .wait("stands in the way of the job")
        .keys(ESC)
        .gone("Before the job");
    session
        .keys("t")
        .wait("Train on")
        .wait("▸ example-role")
        .keys(ENTER)
        .wait("has ended: Completed");
    session.keys(ESC).keys("4").select("train-");
    session
        .action("clone job")
        .wait("Train on s3://")
        .wait("housing.csv")
        .wait("▸ example-role")
        .keys(ESC);
}

#[test]
fn a_model_is_opened_from_its_job_member_by_member_and_saved() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(&["--sandbox"], home.path(), WIDE);
    session
        .wait("training-data")
        .wait("Completed")
        .keys("4")
        .select("example-job");
    session
        .keys("P")
        .wait("Files of the archive")
        .choose("model.bin")
        .keys(ENTER);
    session
        .wait("linear-regression")
        .keys(ESC)
        .keys(ESC)
        .gone("Files of the archive");
    let to = home.path().join("model").display().to_string();
    session
        .keys("d")
        .wait("Decrypt s3://")
        .keys(CLEAR)
        .keys(&to)
        .keys(ENTER)
        .wait("Decrypted");
    let model = std::fs::read_to_string(home.path().join("model/model.bin")).unwrap();
    assert!(model.contains("linear-regression"), "{model}");
}

#[test]
fn a_running_job_is_stopped_after_a_question_and_its_end_is_told() {
    let (place, _, role_arn) = ready();
    start(&place, &spec("naps", &role_arn, "sleeps"));
    let mut session = dashboard(&place);
    session
        .wait("InProgress Training")
        .select("naps")
        .keys("l")
        .wait("Log of naps")
        .keys(ESC);
    session.keys("x").wait("Stop the job naps?").keys("y");
    session
        .wait("naps has ended: Stopped")
        .keys(ESC)
        .wait("Training job stopped");
    let told = String::from_utf8_lossy(&session.raw()).into_owned();
    assert!(
        told.contains("\x07\x1b]9;naps has ended: Stopped"),
        "a bell and a notice"
    );
}

#[test]
fn what_a_job_prints_is_saved_and_what_it_measures_is_drawn_as_curves() {
    let (place, _, role_arn) = ready();
    start(&place, &spec("measured", &role_arn, "measures"));
    let mut session = dashboard(&place);
    session
        .wait("Completed")
        .select("measured")
        .keys("l")
        .wait("epoch=6")
        .keys("D")
        .wait("Save the log of measured");
    session.keys(ENTER).wait("(6 lines)").keys(ESC).gone("Log of");
    let saved = std::fs::read_to_string(place.path("measured.log")).unwrap();
    assert!(
        saved.starts_with("epoch=1 loss=0.8") && saved.lines().count() == 6,
        "{saved}"
    );
    session.keys(ENTER).wait("Overview").keys("\t");
    session
        .wait("accuracy 0.9 at epoch 6")
        .wait("loss 0.3 at epoch 6")
        .wait_until("a curve", |screen| {
            screen.chars().filter(|c| ('\u{2801}'..='\u{28ff}').contains(c)).count() > 20
        });
    session.keys("\t").wait("manifests/measured.json");
}

#[test]
fn jobs_that_fail_in_each_phase_say_why_in_their_pane() {
    let (place, key_arn, role_arn) = ready();
    // Without a grant.
    let ungranted = place.role("ungranted", BUCKET);
    start(&place, &spec("no-grant", &ungranted, "trainer"));
    // The key object is gone: of a job as boto3 makes it, which has nothing else.
    let mut by_hand = spec("no-key-object", &role_arn, "trainer");
    by_hand.hyperparameters = [
        ("ciphertext_s3_key", "gone"),
        ("key_bucket", BUCKET),
        ("kms_key_id", &key_arn),
        ("train_channel", "train"),
        ("train_file", "x.csv"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    create(&place, &by_hand);
    start(&place, &spec("exits", &role_arn, "exits-3"));
    let overruns = JobSpec {
        max_runtime: 1,
        ..spec("overruns", &role_arn, "sleeps")
    };
    start(&place, &overruns);
    // The token is damaged after the job was made: what it trains on is not what was written.
    start(&place, &spec("sound", &role_arn, "trainer"));
    place.run(&["watch", "sound"]).ok();
    corrupt(&place, "data/x.csv");
    start(&place, &spec("corrupted", &role_arn, "trainer"));

    let mut session = dashboard(&place);
    for (name, cause) in [
        ("no-grant", "ungranted may not call kms:Decrypt: create a grant"),
        ("no-key-object", "gone"),
        ("exits", "exit"),
        ("overruns", "exceeded MaxRuntimeInSeconds"),
        ("corrupted", "x.csv"),
    ] {
        session.select(name).wait("✗ ").wait(cause);
    }
    // The reason stands beside the last lines of the log.
    session
        .select("exits")
        .keys(ENTER)
        .wait("Failure")
        .wait("Last lines of its log")
        .wait("dying now");
}

/// A job as boto3 makes it: no manifest, nothing but what is said here.
fn create(place: &Place, spec: &JobSpec) {
    use aws_sdk_sagemaker::types as t;
    let s3 = t::S3DataSource::builder()
        .s3_data_type(t::S3DataType::S3Prefix)
        .s3_uri(format!("s3://{}/{}", spec.bucket, spec.object));
    let channel = t::Channel::builder().channel_name("train");
    let channel = channel.data_source(t::DataSource::builder().s3_data_source(s3.build()).build());
    let algorithm = t::AlgorithmSpecification::builder().training_image(&spec.image);
    let resources = t::ResourceConfig::builder()
        .instance_type(t::TrainingInstanceType::MlM5Large)
        .instance_count(1)
        .volume_size_in_gb(1);
    let call = aws_sdk_sagemaker::Client::new(&place.sdk())
        .create_training_job()
        .training_job_name(&spec.name)
        .role_arn(&spec.role_arn)
        .algorithm_specification(algorithm.training_input_mode(t::TrainingInputMode::File).build())
        .input_data_config(channel.build())
        .output_data_config(t::OutputDataConfig::builder().s3_output_path(&spec.output).build())
        .resource_config(resources.build())
        .stopping_condition(t::StoppingCondition::builder().max_runtime_in_seconds(60).build())
        .set_hyper_parameters(Some(spec.hyperparameters.clone().into_iter().collect()));
    place.wait(call.send()).unwrap();
}

/// Changes one character in the middle of a stored token.
fn corrupt(place: &Place, key: &str) {
    let s3 = place.s3();
    place.wait(async {
        let object = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        let metadata = object.metadata.clone();
        let mut token = object.body.collect().await.unwrap().to_vec();
        let middle = token.len() / 2;
        token[middle] = if token[middle] == b'A' { b'B' } else { b'A' };
        let call = s3.put_object().bucket(BUCKET).key(key).set_metadata(metadata);
        call.body(aws_sdk_s3::primitives::ByteStream::from(token))
            .send()
            .await
            .unwrap();
    });
}

#[test]
fn one_answer_is_enough_for_the_cause_to_stand_on_screen() {
    use strongroom::app::{Page, Topic};
    use strongroom::domain::JobStatus;
    for size in [WIDE, (80, 24)] {
        let mut desk = Desk::filled(size);
        desk.keys("4");
        let mut failed = listed("train-20260921-1", JobStatus::Failed, "Failed", -75);
        failed.detail.as_mut().unwrap().failure = Some("AlgorithmError: it broke, exit code: 3".to_owned());
        assert!(!desk.screen().contains("it broke"));
        desk.answer(Topic::Job("train-20260921-1".to_owned()), Page::Job(Box::new(failed)));
        assert!(
            desk.screen().contains("AlgorithmError: it broke, exit code: 3"),
            "{}",
            desk.screen()
        );
    }
}

#[test]
fn an_older_answer_that_comes_late_takes_neither_end_nor_cause_from_a_job() {
    use strongroom::app::{Page, Topic};
    use strongroom::domain::{Job, JobStatus};
    let name = "train-20260921-1";
    let row = |status: JobStatus, created| Job {
        detail: None,
        secondary: None,
        ..listed(name, status, "", created)
    };
    for whole in [false, true] {
        let page = |job| {
            if whole {
                Page::Jobs(vec![job])
            } else {
                Page::JobsChanged(vec![job])
            }
        };
        let mut desk = Desk::filled(WIDE);
        desk.keys("4");
        let mut stopped = listed(name, JobStatus::Stopped, "Stopped", -75);
        stopped.detail.as_mut().unwrap().transitions[0].message = "Training job stopped".to_owned();
        desk.answer(Topic::Job(name.to_owned()), Page::Job(Box::new(stopped)));
        let shown = desk.screen();
        assert!(shown.contains("✗ Training job stopped"), "{shown}");

        desk.answer(Topic::Jobs, page(row(JobStatus::Stopping, -75)));
        let of = |desk: &Desk| desk.state.jobs.current().unwrap().status.clone();
        assert_eq!(of(&desk), JobStatus::Stopped, "asked before its end");
        desk.answer(Topic::Jobs, page(row(JobStatus::Stopped, -75)));
        assert!(desk.screen().contains("✗ Training job stopped"), "{}", desk.screen());

        desk.answer(Topic::Jobs, page(row(JobStatus::InProgress, -5)));
        assert_eq!(of(&desk), JobStatus::InProgress, "a new job of the same name");
        assert!(!desk.screen().contains("Training job stopped"), "{}", desk.screen());
    }
}

/// The names of a job's channels.
fn channels(place: &Place, job: &str) -> Vec<String> {
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let described = place.wait(sagemaker.describe_training_job().training_job_name(job).send());
    let described = described.unwrap();
    let names = described
        .input_data_config()
        .iter()
        .filter_map(|channel| channel.channel_name());
    names.map(str::to_owned).collect()
}

#[test]
fn a_prefix_is_trained_on_with_a_command_of_ones_own() {
    let (place, ..) = ready();
    let mut session = dashboard(&place);
    session
        .keys("3")
        .wait("data/")
        .select("data/")
        .keys("t")
        .wait("Train on s3://sagemaker-jobs/data/");
    session.take("trainer").keys("\t").keys(CLEAR).keys("own").keys("\t");
    session.keys(CLEAR).keys("exits-3").keys("\t");
    session.keys("sh -c 'echo seen $(ls \"$SM_CHANNEL_TRAIN\")'").keys("\t");
    session
        .wait("train=s3://sagemaker-jobs/data/")
        .keys("\t")
        .keys("epochs=3");
    session
        .keys(ENTER)
        .wait("Started the job own")
        .wait("own has ended: Completed");
    assert!(place.run(&["watch", "own"]).ok().out.contains("seen x.csv"));
    assert_eq!(channels(&place, "own"), ["train"]);
}

#[test]
fn what_is_marked_is_trained_on_a_channel_each() {
    let (place, ..) = ready();
    place.write("held-out.csv", TABLE);
    let to = format!("s3://{BUCKET}/data/");
    place
        .run(&["encrypt", "held-out.csv", &to, "--key", "alias/training"])
        .ok();
    let mut session = dashboard(&place);
    session
        .keys("3")
        .wait("data/")
        .select("data/")
        .keys(ENTER)
        .wait("x.csv");
    session
        .select("x.csv")
        .keys(" ")
        .select("held-out.csv")
        .keys(" ")
        .keys("t");
    session
        .wait("Train on 2 channels")
        .wait("held-out=s3://")
        .take("trainer")
        .keys("\t");
    session
        .keys(CLEAR)
        .keys("both")
        .keys("\t")
        .keys(CLEAR)
        .keys("exits-3")
        .keys("\t")
        .keys("true")
        .keys(ENTER);
    session.wait("Started the job both").wait("both has ended: Completed");
    let mut names = channels(&place, "both");
    names.sort();
    assert_eq!(names, ["held-out", "x"]);

    // One made after it is told of the tokens of both.
    session
        .keys(ESC)
        .keys("4")
        .select("both")
        .gone("InProgress")
        .action("clone job")
        .wait("Train on 2 channels")
        .keys(ENTER);
    session.wait("Started the job train-").wait("has ended: Completed");
}

#[test]
fn an_image_of_ones_own_is_named_in_the_form() {
    let (place, ..) = ready();
    let mut session = dashboard(&place);
    session
        .keys("3")
        .wait("data/")
        .select("data/")
        .keys(ENTER)
        .wait("x.csv")
        .select("x.csv")
        .keys("t");
    session
        .wait("Train on")
        .take("trainer")
        .keys("\t")
        .keys(CLEAR)
        .keys("own")
        .keys("\t");
    session
        .keys(CLEAR)
        .keys("measures")
        .keys(ENTER)
        .wait("Started the job own")
        .wait("own has ended: Completed");
}
