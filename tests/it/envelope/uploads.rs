//! Uploads that are killed, cancelled and resumed.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use super::*;
use crate::proxy::{Proxy, Spoil, Trouble, is_completion};

/// `STRONGROOM_KILLS=100` for the long mode; a first, undisturbed upload says how long one takes.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_killed_at_any_moment_is_finished_by_the_same_command_and_leaves_nothing_open() {
    const PARTS: usize = 6;
    let kills = repetitions("STRONGROOM_KILLS", 3);
    let world = World::troubled(&["s3:latency=20ms"]).await;
    let plaintext = noise(PARTS * 6 * MIB - 1000);
    let source = world.write("data.bin", &plaintext);
    let undisturbed = Proxy::start(&world.sandbox, |_| Trouble::None);
    let begun = Instant::now();
    let first = world.encrypting(&source, "s3://training-bucket/first/");
    good(&world.command_at(undisturbed.url(), &first).output().await.unwrap());
    let whole = begun.elapsed().as_millis() as u64;

    let (mut killed, mut sent_before, mut sent_again) = (0, 0, 0);
    let (mut arrived, mut reused) = (0, 0);
    // Killed before their id was noted, they are left to the bucket's lifecycle.
    let mut unheard = BTreeSet::new();
    for round in 0..kills {
        let proxy = Proxy::start(&world.sandbox, |_| Trouble::None);
        let prefix = format!("s3://{BUCKET}/round-{round}/");
        let arguments = world.encrypting(&source, &prefix);
        let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(random(whole))).await;
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
        proxy.until_idle().await;
        let (before, landed) = (proxy.parts(), proxy.landed());
        let journals: Vec<String> = world
            .journals()
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        let known = journals.iter().map(|journal| count_parts(journal)).sum::<usize>();
        let is_unheard = |id: &String| !journals.iter().any(|journal| journal.contains(id.as_str()));
        unheard.extend(world.begun().await.into_iter().filter(is_unheard));
        let again = world.command_at(proxy.url(), &arguments).output().await.unwrap();
        let object = format!("round-{round}/data.bin");
        let sent = proxy.parts() - before;
        if again.status.success() {
            if good(&again)[0]["resumed"] == true {
                arrived += landed;
                reused += PARTS - sent.min(PARTS);
            }
        } else {
            // It was there already when the process was killed.
            assert!(refusal(&again).contains("exists already"), "{}", refusal(&again));
        }
        sent_before += known;
        sent_again += sent.saturating_sub(PARTS - known);
        let back = world.path("back");
        good(&world.decrypt(&object, &back).await);
        assert!(
            fs::read(&back).unwrap() == plaintext,
            "round {round}: this is a security issue"
        );
        fs::remove_file(back).unwrap();
        assert_eq!(world.open_uploads().await, 0, "round {round}");
        assert_eq!(world.begun().await, unheard, "round {round}");
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
    let key_objects = key_objects(&world.keys().await) as u64;
    println!("{killed} of {kills} were killed; {sent_before} parts were kept, {sent_again} sent twice");
    println!("{arrived} parts had arrived at the kill, {reused} were not sent again; {key_objects} key objects");
    assert_eq!(key_objects, kills + 1);
    assert_eq!(sent_again, 0);
    assert!(reused >= arrived, "every part is used again: {reused} of {arrived}");
}

/// An endpoint where this happens whenever parts are to become an object.
fn completing_with(world: &World, trouble: Trouble) -> Proxy {
    Proxy::start(&world.sandbox, move |seen| {
        if is_completion(seen.line) {
            trouble
        } else {
            Trouble::None
        }
    })
}

/// Until so many parts are noted as sent.
pub(super) async fn until_parts(world: &World, count: usize) {
    let noted = || {
        world
            .journals()
            .iter()
            .map(|journal| count_parts(&fs::read_to_string(journal).unwrap()))
            .sum::<usize>()
    };
    while noted() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn count_parts(journal: &str) -> usize {
    journal.lines().filter(|line| line.starts_with("{\"part\"")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_since_the_interruption_is_encrypted_anew_under_a_new_data_key() {
    let world = World::start().await;
    let proxy = completing_with(&world, Trouble::StallUnanswered);
    let source = world.write("data.bin", &noise(20 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    until_parts(&world, 2).await;
    child.kill().await.unwrap();
    let old = world.keys().await;
    assert_eq!((old.len(), world.open_uploads().await), (1, 1));

    let changed = noise(16 * MIB);
    world.write("data.bin", &changed);
    proxy.calm_down();
    let said = good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert_eq!(said[0]["resumed"], false);
    assert_eq!(world.open_uploads().await, 0);
    assert!(!world.keys().await.contains(&old[0]));
    good(&world.decrypt("data.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_resume_and_cancelling_abort_what_was_begun() {
    let world = World::start().await;
    // However slow the machine: no upload is through before the signal.
    let proxy = completing_with(&world, Trouble::StallUnanswered);
    let source = world.write("data.bin", &noise(20 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let interrupted = async |signal| {
        let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
        until_parts(&world, 2).await;
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        child.wait().await.unwrap().code()
    };
    assert_eq!(interrupted(rustix::process::Signal::TERM).await, Some(130));
    // On a machine that is too slow for it, the journal is there for whoever comes next.
    if world.journals().is_empty() {
        world.assert_nothing_left().await;
    }

    // A terminal that goes away leaves what can be resumed.
    assert_eq!(interrupted(rustix::process::Signal::HUP).await, None);
    assert_eq!((world.open_uploads().await, world.journals().len()), (1, 1));
    let old = world.keys().await;
    let again = [arguments.as_slice(), &["--no-resume"]].concat();
    proxy.calm_down();
    let said = good(&world.command_at(proxy.url(), &again).output().await.unwrap());
    assert_eq!(said[0]["resumed"], false);
    assert_eq!(world.open_uploads().await, 0);
    assert!(world.journals().is_empty());
    assert!(!world.keys().await.contains(&old[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_nobody_lets_abort_ends_at_the_signal_and_keeps_its_journal() {
    let world = World::start().await;
    let proxy = Proxy::start(&world.sandbox, |seen| {
        if is_completion(seen.line) || seen.line.starts_with("DELETE") {
            Trouble::StallUnanswered
        } else {
            Trouble::None
        }
    });
    let plaintext = noise(20 * MIB);
    let source = world.write("data.bin", &plaintext);
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    until_parts(&world, 2).await;
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.lines().count() == 1 && said.contains("the same command"), "{said}");
    assert_eq!((world.open_uploads().await, world.journals().len()), (1, 1));

    proxy.calm_down();
    let said = good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert_eq!(said[0]["resumed"], true);
    good(&world.decrypt("data.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == plaintext);
}

/// An endpoint where a page that wants a login comes in place of the second part's answer.
fn behind_a_login(world: &World) -> Proxy {
    Proxy::start(&world.sandbox, |seen| {
        if seen.line.contains("partNumber=2&") {
            Trouble::Spoilt(Spoil::Page)
        } else {
            Trouble::None
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_a_login_page_answers_keeps_its_journal_and_is_finished_later() {
    let world = World::start().await;
    let source = world.write("data.bin", &noise(20 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let proxy = behind_a_login(&world);
    let said = refusal(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert!(said.contains("this was not S3's answer: it is a web page"), "{said}");
    assert!(said.contains("the same command goes on"), "{said}");
    assert_eq!(world.journals().len(), 1);
    proxy.calm_down();
    let said = good(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert_eq!(said[0]["resumed"], true);
    assert!(world.journals().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upload_stays_for_whoever_may_use_its_key_and_resumes_only_with_what_it_was_begun_with() {
    let world = World::start().await;
    let source = world.write("data.bin", &noise(20 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let proxy = behind_a_login(&world);
    refusal(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    // Perhaps without a part: what had left the program when it ended may never arrive.
    let begun = world.begun().await;
    assert_eq!(begun.len(), 1);
    proxy.calm_down();
    let (id, secret) = (world.sandbox.access_key_id(), world.sandbox.secret_access_key());
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
        .region(aws_sdk_iam::config::Region::new("us-east-1"))
        .endpoint_url(world.sandbox.endpoint_url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new(id, secret, None, None, "test"))
        .build();
    let iam = aws_sdk_iam::Client::from_conf(config);
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}}"#;
    let put = iam.put_user_policy().user_name("strongroom").policy_name("no-decrypt");
    put.policy_document(deny).send().await.unwrap();
    let said = refusal(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert!(said.contains("kms:Decrypt"), "{said}");
    assert_eq!((world.begun().await, world.journals().len()), (begun.clone(), 1));

    let lift = iam
        .delete_user_policy()
        .user_name("strongroom")
        .policy_name("no-decrypt");
    lift.send().await.unwrap();
    let tagged = [arguments.as_slice(), &["--tag", "team=research"]].concat();
    let said = good(&world.command_at(proxy.url(), &tagged).output().await.unwrap());
    assert_eq!(said[0]["resumed"], false, "it is another upload");
    assert_eq!((world.begun().await, world.journals().len()), (begun, 1));
}

fn key_objects(keys: &[String]) -> usize {
    keys.iter().filter(|key| key.starts_with(".strongroom/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_became_whole_in_the_moment_of_a_kill_keeps_its_key_object() {
    let world = World::start().await;
    // The upload is completed, and the program never hears of it.
    let proxy = completing_with(&world, Trouble::StallMidway);
    let plaintext = noise(8 * MIB);
    let source = world.write("data.bin", &plaintext);
    let arguments = world.encrypting(&source, "s3://training-bucket/");
    let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    while !world.keys().await.contains(&"data.bin".to_owned()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    let keys = world.keys().await;

    let again = [arguments.as_slice(), &["--no-resume"]].concat();
    proxy.calm_down();
    let said = refusal(&world.command_at(proxy.url(), &again).output().await.unwrap());
    assert!(said.contains("it exists already"), "{said}");
    assert_eq!(world.keys().await, keys);
    assert!(world.journals().is_empty());
    good(&world.decrypt("data.bin", &world.path("back")).await);
    assert!(fs::read(world.path("back")).unwrap() == plaintext);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_look_at_objects_uploads_all_the_same_and_no_key_object_is_lost() {
    let world = World::start().await;
    let is_look = |line: &str| (line.starts_with("HEAD") || line.starts_with("GET")) && line.contains("data.bin");
    let blind = |lost: usize| {
        Proxy::start(&world.sandbox, move |seen| match seen {
            seen if is_look(seen.line) && !seen.line.contains("uploadId") => Trouble::Denied,
            seen if is_completion(seen.line) && seen.completions <= lost => Trouble::LostAnswer,
            _ => Trouble::None,
        })
    };
    let source = world.write("data.bin", &noise(8 * MIB));
    let arguments = world.encrypting(&source, "s3://training-bucket/one/");
    let blinded = blind(0);
    good(&world.command_at(blinded.url(), &arguments).output().await.unwrap());
    assert_eq!(key_objects(&world.keys().await), 1);

    // Asked once more, S3 answers as if it had never said it.
    let arguments = world.encrypting(&source, "s3://training-bucket/two/");
    let blinded = blind(1);
    good(&world.command_at(blinded.url(), &arguments).output().await.unwrap());
    assert_eq!((world.open_uploads().await, world.journals().len()), (0, 0));

    // Completed, never answered, and nobody can see it: it is told as a failure, and what it needs stays.
    let arguments = world.encrypting(&source, "s3://training-bucket/three/");
    let blinded = blind(usize::MAX);
    let output = world.command_at(blinded.url(), &arguments).output().await.unwrap();
    let keys = world.keys().await;
    assert!(keys.contains(&"three/data.bin".to_owned()));
    assert_eq!(key_objects(&keys), 3);
    assert_eq!((world.open_uploads().await, world.journals().len()), (0, 1));
    refusal(&output);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_token_keeps_its_key_object_when_its_source_changed_meanwhile() {
    let world = World::start().await;
    let proxy = completing_with(&world, Trouble::StallUnanswered);
    let small = world.write("set/a.txt", b"the first");
    let large = world.write("set/b.bin", &noise(20 * MIB));
    let folder = world.path("set");
    let arguments = world.encrypting(&folder, "s3://training-bucket/");
    let mut child = world.command_at(proxy.url(), &arguments).spawn().unwrap();
    until_parts(&world, 3).await;
    while !world.keys().await.contains(&"a.txt".to_owned()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    fs::write(small, "the second").unwrap();
    fs::remove_file(large).unwrap();

    let keys = world.keys().await;
    proxy.calm_down();
    let said = refusal(&world.command_at(proxy.url(), &arguments).output().await.unwrap());
    assert!(said.contains("it exists already"), "{said}");
    assert_eq!(world.keys().await, keys);
    assert_eq!((world.open_uploads().await, world.journals().len()), (0, 0));
    good(&world.decrypt("a.txt", &world.path("back")).await);
    assert_eq!(fs::read(world.path("back")).unwrap(), b"the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_object_of_others_is_never_discarded_with_an_upload_that_never_got_it() {
    let world = World::start().await;
    let one = world.write("one.txt", b"the first");
    let two = world.write("two.txt", b"the other");
    let named = ["--data-key-name", "keys/ours"];
    let first = [&world.encrypting(&one, "s3://training-bucket/")[..], &named].concat();
    good(&world.run(&first).await);

    // Killed before it hears that the name is taken.
    let proxy = Proxy::start(&world.sandbox, |seen| {
        if seen.line.starts_with("PUT") && seen.line.contains("keys/ours") {
            Trouble::StallUnanswered
        } else {
            Trouble::None
        }
    });
    let second = [&world.encrypting(&two, "s3://training-bucket/")[..], &named].concat();
    let mut child = world.command_at(proxy.url(), &second).spawn().unwrap();
    let is_begun = |journal: &std::path::PathBuf| fs::read_to_string(journal).unwrap().ends_with('\n');
    while !world.journals().iter().any(is_begun) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    proxy.calm_down();
    let again = world.command_at(proxy.url(), &second).output().await.unwrap();
    assert!(refusal(&again).contains("key objects are never overwritten"));
    assert_eq!(world.keys().await, ["keys/ours", "one.txt"]);
    assert!(world.journals().is_empty());
}

/// What an earlier release began records no prefix: it is finished as it was begun, with metadata of version 1.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_an_earlier_release_began_is_finished_with_metadata_of_its_version() {
    let world = World::start().await;
    let silent = Proxy::start(&world.sandbox, |seen| match seen.line {
        line if line.contains("partNumber=") || line.starts_with("PUT /training-bucket/old/small") => {
            Trouble::StallUnanswered
        }
        _ => Trouble::None,
    });
    for (name, plaintext) in [("small", noise(1000)), ("large", noise(8 * MIB))] {
        let source = world.write(name, &plaintext);
        let arguments = world.encrypting(&source, "s3://training-bucket/old/");
        let mut child = world.command_at(silent.url(), &arguments).spawn().unwrap();
        let begun = |text: &str| text.contains("\"begun\"") && (name == "small" || text.contains("\"upload\""));
        let text = loop {
            let texts = world
                .journals()
                .into_iter()
                .map(|path| fs::read_to_string(path).unwrap());
            if let Some(text) = texts.into_iter().find(|text| begun(text)) {
                break text;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        child.kill().await.unwrap();
        let old = text.replace(silent.url(), world.sandbox.endpoint_url());
        let old = old.replace(",\"is_placed\":true", "");
        assert!(!old.contains("is_placed") && old != text, "{text}");
        // It is as if it had been killed a moment earlier.
        let lines: Vec<&str> = old.lines().filter(|line| !line.starts_with("{\"upload\"")).collect();
        fs::write(world.journals().remove(0), lines.join("\n") + "\n").unwrap();

        let done = good(&world.encrypt(&source, "s3://training-bucket/old/").await);
        assert_eq!(done[0]["resumed"], true);
        let key = format!("old/{name}");
        let head = world.s3.head_object().bucket(BUCKET).key(&key).send().await.unwrap();
        let metadata = head.metadata.unwrap();
        assert_eq!(metadata["strongroom-version"], "1");
        assert!(!metadata.contains_key("strongroom-prefix"), "{metadata:?}");
        let back = world.path(&format!("back-{name}"));
        good(&world.decrypt(&key, &back).await);
        assert!(fs::read(back).unwrap() == plaintext, "{name}");
        assert!(world.journals().is_empty());
    }
}
