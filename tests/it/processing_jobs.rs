//! Processing jobs in the dashboard, beside training jobs: how they stand, how far their hosts are, their logs, their end.

use aws_sdk_sagemaker::types::{
    AppSpecification, ProcessingClusterConfig, ProcessingInstanceType, ProcessingResources,
};
use strongroom::app::{Page, Topic};
use strongroom::domain::{BulkAct, HostProgress, Job, JobKind, JobProgress, JobStatus};

use crate::desk::{Desk, job as training, log_line};
use crate::place::Place;
use crate::pty::ENTER;
use crate::walk::BUCKET;

const WIDE: (u16, u16) = (120, 36);

/// A host tells its progress as `strongroom bulk-worker` does, and waits; that of `algo-2` has failures. Told to end, it ends.
const HOST: &str = r#"
host=$(grep -o '"current_host":"[^"]*' $STRONGROOM_ML_ROOT/config/resourceconfig.json | cut -d'"' -f4)
trap 'echo "$host was told to end"; exit 0' TERM
failed=0; [ $host = algo-1 ] || failed=7
printf '{"strongroom":"bulk","act":"audit","host":"%s","shards":6,"shards_done":2,"objects":2000,"failed":%s,"bytes":4096000,"seconds":10}\n' $host $failed
sleep 1000 & wait
"#;

fn world() -> Place {
    let place = Place::with(|options| options.images = vec![("bulk".to_owned(), HOST.to_owned())]);
    place.bucket(BUCKET);
    place.role("worker", BUCKET);
    place
}

/// Starts a job of so many hosts that carry out an audit.
fn begin(place: &Place, name: &str, hosts: i32) {
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let cluster = ProcessingClusterConfig::builder()
        .instance_count(hosts)
        .instance_type(ProcessingInstanceType::MlM5Large)
        .volume_size_in_gb(1);
    let application = AppSpecification::builder()
        .image_uri("bulk")
        .container_arguments("bulk-worker");
    let call = sagemaker
        .create_processing_job()
        .processing_job_name(name)
        .role_arn("arn:aws:iam::111122223333:role/worker")
        .app_specification(application.build())
        .processing_resources(ProcessingResources::builder().cluster_config(cluster.build()).build());
    place
        .wait(async { call.send().await.map_err(|error| format!("{error:?}")) })
        .unwrap();
}

#[test]
fn a_processing_job_is_watched_in_the_jobs_pane_read_and_stopped_by_keys() {
    let place = world();
    begin(&place, "audit-1", 2);
    let mut session = place.dashboard((150, 40));
    session.keys("4").wait("processing").wait("4/12 ✗7");
    session.select("audit-1").keys(ENTER).wait("algo-2").wait("400 and");
    session
        .wait("2 of 6 shards, 7 failed")
        .keys(crate::pty::ESC)
        .gone("Longest run");
    session
        .keys("l")
        .wait("Log of audit-1")
        .wait("algo-1 {\"strongroom\"")
        .wait("algo-2 {");
    session.keys(crate::pty::ESC).gone("Log of audit-1");
    session
        .keys("x")
        .wait("Stop the processing job audit-1")
        .keys("y")
        .wait("Told the job audit-1 to stop");
    session.wait("Stopped").keys("l").wait("algo-2 was told to end");
}

#[test]
fn watch_follows_a_processing_job_of_several_hosts_to_its_end() {
    let place = Place::with(|options| {
        let command = "[ $(grep -c algo-2 config/resourceconfig.json) = 1 ]; echo said; exit 3";
        options.images = vec![("bulk".to_owned(), command.to_owned())];
    });
    place.bucket(BUCKET);
    place.role("worker", BUCKET);
    begin(&place, "job", 1);
    let done = place.run(&["watch", "processing-job/job"]);
    assert_eq!(done.status, 1, "{done:?}");
    assert!(
        done.out.contains("  said") && done.out.contains("job: Failed"),
        "{done:?}"
    );
    assert!(done.err.contains("exit code 3"), "{done:?}");
}

fn processing(name: &str, status: JobStatus) -> Job {
    Job {
        kind: JobKind::Processing,
        secondary: None,
        ..training(name, status, "", -100)
    }
}

fn progress() -> JobProgress {
    let host = HostProgress {
        objects: 4000,
        bytes: 1 << 20,
        seconds: 10.0,
        ..HostProgress::new(BulkAct::Audit, "algo-1".to_owned(), (4, 10))
    };
    JobProgress {
        hosts: [("algo-1".to_owned(), host)].into(),
    }
}

#[test]
fn jobs_of_two_kinds_that_share_a_name_are_two_rows_with_logs_of_their_own() {
    let mut desk = Desk::filled(WIDE);
    let running = Job {
        progress: Some(progress()),
        ..processing("same", JobStatus::InProgress)
    };
    let rows = vec![training("same", JobStatus::Completed, "Completed", -100), running];
    desk.answer(Topic::Jobs, Page::Jobs(rows));
    desk.keys("4");
    let screen = desk.screen();
    assert!(
        screen.contains("Jobs 2") && !screen.contains("Training jobs"),
        "{screen}"
    );
    for words in ["training", "processing", "InProgress 4/10"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    let ids: Vec<String> = desk.state.jobs.rows().iter().map(|job| job.id().into_owned()).collect();
    assert_eq!(ids, ["same", "processing-job/same"]);
    desk.keys("/processing<enter>l");
    let asked = desk.watched(|topic| match topic {
        Topic::Log(job) => Some(job.clone()),
        _ => None,
    });
    assert_eq!(asked.as_deref(), Some("processing-job/same"));
    desk.answer(Topic::Log("same".to_owned()), Page::Log(vec![log_line("of the other")]));
    assert!(!desk.screen().contains("of the other"));
}

#[test]
fn progress_stays_while_only_the_list_is_heard_of() {
    let mut desk = Desk::filled(WIDE);
    let running = Job {
        progress: Some(progress()),
        ..processing("job", JobStatus::InProgress)
    };
    desk.answer(Topic::Jobs, Page::Jobs(vec![running]));
    desk.answer(
        Topic::Jobs,
        Page::JobsChanged(vec![processing("job", JobStatus::InProgress)]),
    );
    desk.keys("4");
    assert!(desk.screen().contains("InProgress 4/10"), "{}", desk.screen());
}
