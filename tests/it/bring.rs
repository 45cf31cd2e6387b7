//! strongroom brought to images that have none: kept once, started by the image's shell, and nothing else than what was sent.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use strongroom::actions;
use strongroom::domain::{FaultKind, JobPlan, JobSettings, JobSpec, Original, Outcome, Weight, bring};

use crate::place::{Place, never};
use crate::pty::{CLEAR, ENTER, ESC, Session};
use crate::walk::{BUCKET, TABLE, job, with_data};

pub(crate) use registry::{CONFIGURATION, registry};

#[path = "bring/registry.rs"]
mod registry;
#[path = "bring/shell.rs"]
mod shell;

/// What a strongroom is known by.
pub(crate) const MARK: &[u8] = b"strongroom:this-is-the-program:b7c1f0e2a94d4d6e:0.1.0;";

/// A static program, as small as one can be, that becomes the strongroom of the tests with the words that it was given.
pub(crate) fn program() -> Vec<u8> {
    [&becoming(env!("CARGO_BIN_EXE_strongroom"))[..], MARK].concat()
}

/// A static program that becomes the one at this path.
fn becoming(path: &str) -> Vec<u8> {
    #[rustfmt::skip]
    let code = [
        0x48, 0x8d, 0x3d, 33, 0, 0, 0,      // lea rdi, [path]
        0x48, 0x8d, 0x74, 0x24, 0x08,       // lea rsi, [rsp + 8]
        0x48, 0x8b, 0x04, 0x24,             // mov rax, [rsp]
        0x48, 0x8d, 0x54, 0xc4, 0x10,       // lea rdx, [rsp + 8 * rax + 16]
        0xb8, 59, 0, 0, 0, 0x0f, 0x05,      // execve
        0xbf, 127, 0, 0, 0,                 // mov edi, 127
        0xb8, 60, 0, 0, 0, 0x0f, 0x05,      // exit
    ];
    const BASE: u64 = 0x40_0000;
    const HEADERS: u64 = 64 + 56;
    let path = [path.as_bytes(), b"\0"].concat();
    let size = HEADERS + (code.len() + path.len()) as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    let halves = |values: &[u16]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let words = |values: &[u32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    let wide = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
    // An executable for x86-64, with one program header: everything is loaded, readable and executable.
    file.extend([halves(&[2, 62]), words(&[1]), wide(&[BASE + HEADERS, 64, 0])].concat());
    file.extend([words(&[0]), halves(&[64, 56, 1, 64, 0, 0])].concat());
    file.extend([words(&[1, 5]), wide(&[0, BASE, BASE, size, size, 0x1000])].concat());
    [&file[..], &code, &path].concat()
}

fn sha256() -> String {
    hex::encode(Sha256::digest(program()))
}

fn key() -> String {
    format!(".strongroom/program/{}/strongroom", sha256())
}

/// A world whose image has a shell, and no strongroom: a command that fails stands for it.
fn ready() -> (Place, String) {
    let place = Place::with(|options| {
        options.stop_grace = Duration::from_secs(2);
        options.images = vec![("her-own".to_owned(), "exit 9".to_owned())];
    });
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    place.grant(&key_arn, &role_arn);
    place.write("static", program());
    (place, role_arn)
}

fn start<'a>(name: &'a str, script: &'a str) -> Vec<&'a str> {
    let channel = "train=s3://sagemaker-walk/data/";
    let begin = [
        "start",
        "her-own",
        "--role",
        "trainer",
        "--name",
        name,
        "--channel",
        channel,
    ];
    let end = ["--program", "static", "--wait", "--json", "--", "sh", "-c", script];
    [&begin[..], &end].concat()
}

fn described(
    place: &Place,
    job: &str,
) -> aws_sdk_sagemaker::operation::describe_training_job::DescribeTrainingJobOutput {
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let described = sagemaker.describe_training_job().training_job_name(job).send();
    place.wait(described).unwrap()
}

/// The same on an existing job's data.
fn clone(name: &str, role_arn: &str, command: &[&str]) -> JobSpec {
    JobSpec {
        image: "her-own".to_owned(),
        plan: JobPlan {
            command: command.iter().map(ToString::to_string).collect(),
            ..JobPlan::default()
        },
        original: Some(Original {
            job: "first".to_owned(),
            channel: "train".to_owned(),
        }),
        ..job(name, role_arn, "data/")
    }
}

#[test]
fn an_image_without_strongroom_trains_on_tokens_and_its_command_sees_nothing_of_what_was_brought() {
    let (place, _) = ready();
    let script = "cat \"$SM_CHANNEL_TRAIN\"/* > \"$SM_MODEL_DIR\"/all; env | grep -i ^SM_ | grep -i strongroom/strongroom; \
                  cat \"$SM_INPUT_CONFIG_DIR\"/inputdataconfig.json; echo; ls \"$SAGEMAKER_BASE_DIR\"/input/data; \
                  env | grep '^sr'; echo \"channels $SM_CHANNELS\"";
    let told = place.run(&start("first", script)).ok().json();
    let uri = format!("s3://{BUCKET}/{}", key());
    let program = json!({ "uri": uri, "sha256": sha256(), "uploaded": true });
    assert_eq!(
        told[0],
        json!({ "event": "started", "job": "first", "program": program })
    );
    let last = told.iter().rev().find(|news| news["event"] == "status").unwrap();
    assert_eq!(last["status"], "Completed", "{told:?}");
    let said: Vec<&str> = told.iter().filter_map(|news| news["text"].as_str()).collect();
    let of_command = |line: &&&str| !line.starts_with("strongroom: ");
    let of_command: Vec<_> = said.iter().filter(of_command).collect();
    assert!(
        of_command.iter().all(|line| !line.contains("strongroom")),
        "{of_command:?}"
    );
    assert!(
        said.contains(&"train") && said.contains(&"channels [\"train\"]"),
        "{said:?}"
    );

    let first = described(&place, "first");
    let channels = first
        .input_data_config()
        .iter()
        .map(|channel| channel.channel_name().unwrap());
    assert!(channels.eq(["strongroom", "train"]));
    let entrypoint = first.algorithm_specification().unwrap().container_entrypoint().to_vec();
    assert_eq!(entrypoint, bring::entrypoint(&sha256()));
    place
        .run(&[
            "decrypt",
            &format!("s3://{BUCKET}/output/first/output/model.tar.gz"),
            "-o",
            "model",
        ])
        .ok();
    assert_eq!(std::fs::read(place.path("model/all")).unwrap(), TABLE);

    let again = place.run(&start("second", "true")).ok().json();
    assert_eq!(again[0]["program"]["uploaded"], false);
    let kept = |name: &String| name.starts_with(".strongroom/program/");
    assert_eq!(
        place.objects(BUCKET).into_iter().filter(kept).collect::<Vec<_>>(),
        [key()]
    );
}

#[test]
fn a_program_that_was_put_there_by_others_is_held_against_ones_own() {
    let (place, _) = ready();
    // Without a SHA-256 of S3's.
    place.put(BUCKET, &key(), &program());
    let told = place.run(&start("first", "true")).ok().json();
    assert_eq!(told[0]["program"]["uploaded"], false);

    let mut other = program();
    *other.last_mut().unwrap() = b'x';
    for other in [other, b"short".to_vec()] {
        place.put(BUCKET, &key(), &other);
        place
            .run(&start("second", "true"))
            .failed(1, &[&key(), "what is there is another"]);
    }
    assert!(
        !place
            .objects(BUCKET)
            .contains(&".strongroom/manifests/second.json".to_owned())
    );
}

#[test]
fn a_clone_brings_what_its_original_brought_and_runs_nothing_else() {
    let (place, role_arn) = ready();
    place.run(&start("first", "echo once")).ok();
    let begin = |spec: &JobSpec| place.wait(actions::start_job(&place.aws, spec, &never())).unwrap();
    begin(&clone("same", &role_arn, &[]));
    assert!(place.run(&["watch", "same"]).ok().out.contains("once"));
    begin(&clone("other", &role_arn, &["sh", "-c", "echo twice"]));
    assert!(place.run(&["watch", "other"]).ok().out.contains("twice"));
    let brings = JobSpec {
        settings: JobSettings {
            program: Some(place.path("static")),
            ..JobSettings::default()
        },
        ..clone("brings", &role_arn, &[])
    };
    let Outcome::JobStarted { brought, .. } = begin(&brings) else {
        panic!()
    };
    assert!(!brought.unwrap().is_new);
    assert!(place.run(&["watch", "brings"]).ok().out.contains("once"));
    assert_eq!(described(&place, "brings").input_data_config().len(), 2);

    let mut other = program();
    *other.last_mut().unwrap() = b'x';
    place.put(BUCKET, &key(), &other);
    begin(&clone("tampered", &role_arn, &[]));
    let told = place
        .run(&["watch", "tampered"])
        .failed(1, &["is not the one that was sent", "it was not run"]);
    assert!(!told.out.contains("once"), "{told:?}");
}

#[test]
fn what_is_no_static_program_is_refused_before_anything_is_written() {
    let (place, _) = ready();
    let dynamic = env!("CARGO_BIN_EXE_strongroom");
    place.write("script", "#!/bin/sh\n");
    place.write("another", becoming("/bin/true"));
    let whole = program();
    place.write("cut", &whole[..whole.len() - MARK.len() - 1]);
    let channel = "train=s3://sagemaker-walk/data/";
    let reserved = "strongroom=s3://sagemaker-walk/data/";
    for (channel, program, command, words) in [
        (channel, dynamic, "true", ["not static", "assets/container/prepare"]),
        (
            channel,
            "script",
            "true",
            ["no Linux program", "assets/container/prepare"],
        ),
        (channel, "nowhere", "true", ["nowhere", "assets/container/prepare"]),
        (
            channel,
            "another",
            "true",
            ["another program than strongroom", "assets/container/prepare"],
        ),
        (channel, "cut", "true", ["cut off", "assets/container/prepare"]),
        (
            channel,
            "static",
            "",
            ["runs a command, and none is given", "behind --"],
        ),
        (reserved, "static", "true", ["`strongroom`", "our own"]),
    ] {
        let begin = [
            "start",
            "her-own",
            "--role",
            "trainer",
            "--channel",
            channel,
            "--program",
            program,
        ];
        let command = ["--", command];
        let command = if command[1].is_empty() {
            &command[..0]
        } else {
            &command[..]
        };
        place.run(&[&begin[..], command].concat()).failed(1, &words);
    }
    let of_us = |key: &String| key.starts_with(".strongroom/program/") || key.starts_with(".strongroom/manifests/");
    assert!(!place.objects(BUCKET).iter().any(of_us));
}

#[test]
fn the_configuration_names_a_program_and_upload_rules_hold_for_it() {
    let (place, _) = ready();
    let path = place.path("static");
    place.write(
        ".config/strongroom/config.toml",
        format!(
            "jobs.program = '{}'\n[uploads.'*']\ntags = {{ team = 'blue' }}\ndata-keys-below = 'keys/'\n",
            path.display()
        ),
    );
    let channel = "train=s3://sagemaker-walk/data/";
    let begin = [
        "start",
        "her-own",
        "--role",
        "trainer",
        "--name",
        "first",
        "--channel",
        channel,
    ];
    let told = place.run(&[&begin[..], &["--", "true"]].concat()).ok();
    let kept = format!("keys/{}", key());
    assert!(
        told.out
            .contains(&format!("first: strongroom uploaded to s3://{BUCKET}/{kept}")),
        "{told:?}"
    );
    let tags = place.s3().get_object_tagging().bucket(BUCKET).key(kept).send();
    assert_eq!(place.wait(tags).unwrap().tag_set()[0].value(), "blue");
}

#[test]
fn the_look_ahead_says_whether_strongroom_can_be_brought() {
    let (place, role_arn) = ready();
    let look = |program: PathBuf, command: &[&str]| {
        let mut spec = JobSpec {
            original: None,
            ..clone("first", &role_arn, command)
        };
        spec.settings.program = Some(program);
        match place.wait(actions::preflight(&place.aws, &spec)).unwrap() {
            Outcome::Preflighted { findings, .. } => findings,
            other => panic!("{other:?}"),
        }
    };
    let blocks = |findings: &[strongroom::domain::Finding]| -> Vec<String> {
        let blocking = findings.iter().filter(|finding| finding.weight == Weight::Blocks);
        blocking.map(|finding| finding.detail.clone()).collect()
    };
    let well = look(place.path("static"), &["true"]);
    assert_eq!(blocks(&well), [""; 0]);
    let of = |what: &str| well.iter().find(|finding| finding.what == what).unwrap();
    assert!(of("strongroom can be brought to the image").detail.contains(&sha256()));
    assert_eq!(of("the role reads the strongroom that is brought").weight, Weight::Well);
    let refused = look(env!("CARGO_BIN_EXE_strongroom").into(), &["true"]);
    assert!(blocks(&refused)[0].contains("not static"));
    assert!(blocks(&look(place.path("static"), &[]))[0].contains("none is given"));
}

#[test]
fn a_job_whose_image_has_no_shell_is_told_what_helps() {
    let (place, role_arn) = ready();
    place.run(&start("first", "true")).ok();
    let mut job = described(&place, "first");
    job.failure_reason = Some("AlgorithmError: , exit code: 127".to_owned());
    assert_eq!(
        bring::remedy(job.failure_reason().unwrap()).map(|words| words.contains("no /bin/sh")),
        Some(true)
    );
    // The sandbox has no image without one: a command that is not found there is the command's affair.
    let spec = clone("own", &role_arn, &["sh", "-c", "no-such-program"]);
    place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap();
    let told = place.run(&["watch", "own"]).failed(1, &["exited with status 127"]);
    assert!(!told.err.contains("/bin/sh"), "{told:?}");
}

#[test]
fn a_start_that_is_cancelled_uploads_no_program() {
    let (place, role_arn) = ready();
    let mut spec = clone("first", &role_arn, &["true"]);
    spec.original = None;
    spec.settings.program = Some(place.path("static"));
    let cancel = never();
    cancel.cancel();
    let fault = place.wait(actions::start_job(&place.aws, &spec, &cancel)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Cancelled);
    assert!(!place.objects(BUCKET).contains(&key()));
}

/// From a prefix to the model, in an image of one's own, by keys alone.
fn by_keys(size: (u16, u16)) {
    let (place, _) = ready();
    let path = place.path("static");
    place.write(
        ".config/strongroom/config.toml",
        format!("jobs.program = '{}'\n", path.display()),
    );
    let mut session: Session = place.dashboard(size);
    // It is opened by itself unless a key comes first.
    let row = format!("▸   {BUCKET}");
    session
        .wait("Enabled")
        .keys("3")
        .wait_until("the bucket or what is in it", |screen| {
            screen.contains(&row) || screen.contains("data/")
        });
    if session.text().contains(&row) {
        session.keys(ENTER);
    }
    session
        .select("data/")
        .keys("t")
        .wait("Train on s3://sagemaker-walk/data/");
    session.take("trainer").keys("\t").keys(CLEAR).keys("own").keys("\t");
    session.keys(CLEAR).keys("her-own").keys("\t");
    session
        .keys("sh -c 'cat \"$SM_CHANNEL_TRAIN\"/* > \"$SM_MODEL_DIR\"/all'")
        .keys(ENTER);
    session.wait("Started the job own").wait("own has ended: Completed");
    session
        .keys(ESC)
        .keys("4")
        .select("own")
        .wait("d decrypt model")
        .keys("d")
        .wait("Decrypt s3://");
    session.keys(CLEAR).keys("opened").keys(ENTER).wait("Decrypted");
    assert_eq!(std::fs::read(place.path("opened/all")).unwrap(), TABLE);
    session.keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn a_prefix_is_trained_on_in_an_image_of_ones_own_by_keystrokes_alone() {
    by_keys((120, 36));
}

#[test]
fn a_prefix_is_trained_on_in_an_image_of_ones_own_on_eighty_by_twenty_four() {
    by_keys((80, 24));
}
