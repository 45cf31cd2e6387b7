use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::domain::FaultKind;
use crate::envelope::manifest::{BUNDLE_NAME, Bundle, Manifest, ManifestChannel, WrappedDataKey};
use crate::envelope::{DataKey, EnvelopeError, seal, verify};
use crate::training::checkpoints::{Checkpoints, Writing};
use crate::training::job::Resources;
use crate::training::outputs;
use crate::training::workspace::Workspace;

struct Scene {
    root: tempfile::TempDir,
    job: Job,
    keys: Keys,
}

fn key(byte: u8) -> OpenKey {
    let plaintext = vec![byte; 32].into();
    OpenKey {
        key: DataKey::from_plaintext(&plaintext).unwrap(),
        wrapped: WrappedDataKey {
            data_key: STANDARD.encode([byte; 8]),
            kms_key_id: "arn:aws:kms:us-east-1:111122223333:key/k".to_owned(),
            context: BTreeMap::new(),
        },
    }
}

fn token(key: &OpenKey, plaintext: &[u8]) -> (Vec<u8>, [u8; 25]) {
    let mut token = Vec::new();
    let sealed = seal(&key.key, 1_700_000_000, &mut &*plaintext, &mut token).unwrap();
    (token, sealed.header)
}

/// A token that was put under `data/`, where the channel is.
fn bound(key: &OpenKey, plaintext: &[u8], name: &str) -> (Vec<u8>, ManifestFile) {
    put(key, plaintext, Some("data/"), name)
}

fn put(key: &OpenKey, plaintext: &[u8], prefix: Option<&str>, name: &str) -> (Vec<u8>, ManifestFile) {
    let (token, header) = token(key, plaintext);
    let length = plaintext.len() as u64;
    let subject = Subject {
        prefix,
        name,
        header: &header,
        length,
    };
    let file = ManifestFile {
        data_key: 0,
        header: STANDARD.encode(header),
        length: Some(length),
        version: if prefix.is_some() { 2 } else { 1 },
        name: Some(name.to_owned()),
        prefix: prefix.map(str::to_owned),
        mac: Some(STANDARD.encode(binding::bind(&key.key, subject))),
    };
    (token, file)
}

fn scene(files: &[(&str, &[u8])], listed: Option<&[(&str, ManifestFile)]>, hyperparameters: &str) -> Scene {
    let root = tempfile::tempdir().unwrap();
    let train = root.path().join("input/data/train");
    fs::create_dir_all(&train).unwrap();
    fs::create_dir_all(root.path().join("input/config")).unwrap();
    fs::write(root.path().join("input/config/hyperparameters.json"), hyperparameters).unwrap();
    for (name, bytes) in files {
        fs::create_dir_all(train.join(name).parent().unwrap()).unwrap();
        fs::write(train.join(name), bytes).unwrap();
    }
    let manifest = listed.map(|listed| Manifest {
        version: 2,
        data_keys: vec![key(7).wrapped],
        channels: BTreeMap::from([(
            "train".to_owned(),
            ManifestChannel {
                prefix: Some("data/".to_owned()),
                moved_from: None,
                is_plain: false,
                files: listed
                    .iter()
                    .map(|(name, file)| ((*name).to_owned(), file.clone()))
                    .collect(),
            },
        )]),
        parts: Vec::new(),
    });
    let job = Job::read(root.path()).unwrap();
    Scene {
        root,
        job,
        keys: Keys {
            opening: vec![key(7)],
            manifest,
            fresh: None,
        },
    }
}

const VOLUME: &str = r#"{"strongroom_plaintext": "volume"}"#;

impl Scene {
    fn opened(&self) -> Result<(Workspace, PathBuf), Fault> {
        let inputs = plan(&self.job, &self.keys)?;
        let workspace = Workspace::create(&self.job, size(&inputs))?;
        self.decrypt(&inputs, &workspace, &CancellationToken::new())?;
        let train = workspace.channel("train");
        Ok((workspace, train))
    }

    fn decrypt(&self, inputs: &[Input], workspace: &Workspace, cancel: &CancellationToken) -> Result<(), Fault> {
        let delivered = |channel: &str| self.job.channel_dir(channel);
        let private = |channel: &str| workspace.channel(channel);
        decrypt(inputs, &self.keys, &delivered, &private, cancel)
    }

    fn refused(&self) -> Fault {
        let fault = self.opened().map(|_| ()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Integrity, "{fault}");
        fault
    }

    fn refused_as(&self, cause: &str) {
        let fault = self.refused();
        assert!(fault.cause.contains(cause), "{fault}");
    }
}

#[test]
fn listed_files_are_opened_into_the_private_folder() {
    let (body, file) = bound(&key(7), b"a,b\n1,2\n", "deep/housing.csv");
    let (other, own) = put(&key(7), b"a,b\n", Some("data/own/"), "x.csv");
    let scene = scene(
        &[("deep/housing.csv", &body), ("own/x.csv", &other)],
        Some(&[("deep/housing.csv", file), ("own/x.csv", own)]),
        VOLUME,
    );
    let (_workspace, train) = scene.opened().unwrap();
    assert_eq!(fs::read(train.join("deep/housing.csv")).unwrap(), b"a,b\n1,2\n");
    assert_eq!(fs::read(train.join("own/x.csv")).unwrap(), b"a,b\n");
}

impl Scene {
    /// The same, its channel's data moved or its manifest of version 1.
    fn with(mut self, change: impl FnOnce(&mut ManifestChannel)) -> Self {
        let manifest = self.keys.manifest.as_mut().unwrap();
        change(manifest.channels.get_mut("train").unwrap());
        self
    }
}

#[test]
fn listed_files_that_changed_places_inside_a_channel_are_refused_though_the_manifest_lists_them_so() {
    let (one, first) = bound(&key(7), b"one", "x.csv");
    let (two, second) = bound(&key(7), b"two", "sub/x.csv");
    let swapped = || {
        let files: [(&str, &[u8]); 2] = [("x.csv", &two), ("sub/x.csv", &one)];
        scene(
            &files,
            Some(&[("x.csv", second.clone()), ("sub/x.csv", first.clone())]),
            VOLUME,
        )
    };
    swapped().refused_as("moved or swapped");
    // Nor does a move explain it, nor a manifest that knows no places.
    swapped()
        .with(|channel| channel.moved_from = Some("data/".to_owned()))
        .refused();
    let copied = scene(&[("sub/y.csv", &one)], Some(&[("sub/y.csv", first.clone())]), VOLUME);
    copied.with(|channel| channel.prefix = None).refused();
}

#[test]
fn data_that_was_moved_as_declared_is_opened_and_other_data_is_not() {
    let (body, file) = put(&key(7), b"secret", Some("old/"), "sub/x.csv");
    let moved = |from: Option<&str>| {
        let there = scene(&[("sub/x.csv", &body)], Some(&[("sub/x.csv", file.clone())]), VOLUME);
        there.with(|channel| channel.moved_from = from.map(str::to_owned))
    };
    moved(Some("old/")).opened().unwrap();
    for wrong in [None, Some("older/"), Some(""), Some("old/sub/")] {
        moved(wrong).refused();
    }
}

#[test]
fn manifests_of_version_1_are_held_against_the_paths_as_far_as_they_say() {
    let (body, file) = put(&key(7), b"secret", None, "deep/x.csv");
    for (path, is_there) in [
        ("deep/x.csv", true),
        ("x.csv", true),
        ("more/deep/x.csv", true),
        ("deep/y.csv", false),
        ("other/x.csv", false),
        ("deepx.csv", false),
    ] {
        let scene = scene(&[(path, &body)], Some(&[(path, file.clone())]), VOLUME);
        let opened = scene.with(|channel| channel.prefix = None).opened();
        assert_eq!(opened.is_ok(), is_there, "{path}");
    }
}

#[test]
fn with_a_manifest_nothing_unlisted_plain_unbound_or_missing_is_accepted() {
    let (body, file) = bound(&key(7), b"secret", "a");
    let unlisted = scene(&[("a", &body), ("b", &body)], Some(&[("a", file.clone())]), VOLUME);
    assert_eq!(unlisted.refused().object, "train/b");
    let plain = scene(&[("a", b"plain")], Some(&[("a", file.clone())]), VOLUME);
    plain.refused_as("not encrypted");
    let loose = ManifestFile {
        mac: None,
        ..file.clone()
    };
    scene(&[("a", &body)], Some(&[("a", loose)]), VOLUME).refused_as("bind");
    let missing = scene(&[("a", &body)], Some(&[("a", file.clone()), ("b", file)]), VOLUME);
    assert_eq!(missing.refused().object, "train/b");
}

#[test]
fn a_channel_that_the_manifest_does_not_have_is_refused_and_told_how_to_be_declared() {
    let (body, file) = bound(&key(7), b"x", "x.csv");
    let mut scene = scene(&[("x.csv", &body)], Some(&[("x.csv", file)]), VOLUME);
    scene.keys.manifest.as_mut().unwrap().channels.clear();
    let fault = scene.refused();
    assert!(fault.cause.contains("does not list its channel"), "{fault}");
    assert!(
        fault.remedy.contains("train=s3://BUCKET/PREFIX/, with ,plain"),
        "{fault}"
    );
}

#[test]
fn a_listed_file_that_was_swapped_for_another_token_is_refused_and_leaves_nothing() {
    let (_, file) = bound(&key(7), b"secret", "a");
    let (other, _) = bound(&key(7), b"secret", "a");
    let scene = scene(&[("a", &other)], Some(&[("a", file)]), VOLUME);
    scene.refused();
    assert!(
        !scene
            .root
            .path()
            .read_dir()
            .unwrap()
            .any(|entry| entry.unwrap().file_name() != "input")
    );
}

#[test]
fn many_files_are_opened_at_once_and_one_that_is_wrong_fails_all_by_its_name() {
    let bodies: Vec<_> = (0_u8..40)
        .map(|number| (format!("part-{number}"), vec![number; usize::from(number) * 20_000]))
        .collect();
    let sealed: Vec<_> = bodies
        .iter()
        .map(|(name, plaintext)| (name.as_str(), bound(&key(7), plaintext, name)))
        .collect();
    let listed: Vec<_> = sealed.iter().map(|(name, (_, file))| (*name, file.clone())).collect();
    let mut files: Vec<_> = sealed
        .iter()
        .map(|(name, (token, _))| (*name, token.as_slice()))
        .collect();
    let (_workspace, train) = {
        let whole = scene(&files, Some(&listed), VOLUME);
        let opened = whole.opened().unwrap();
        for (name, plaintext) in &bodies {
            assert!(fs::read(opened.1.join(name)).unwrap() == *plaintext, "{name}");
        }
        opened
    };
    drop(train);
    let mut broken = files[20].1.to_vec();
    let last = broken.len() - 30;
    broken[last] = if broken[last] == b'A' { b'B' } else { b'A' };
    files[20].1 = &broken;
    assert_eq!(scene(&files, Some(&listed), VOLUME).refused().object, "train/part-20");
}

#[test]
fn the_boto3_way_opens_tokens_and_links_plain_files() {
    let (body, _) = token(&key(7), b"secret");
    let scene = scene(&[("a_chunk_of_secrets", &body), ("readme.txt", b"hello")], None, VOLUME);
    let (_workspace, train) = scene.opened().unwrap();
    assert_eq!(fs::read(train.join("a_chunk_of_secrets")).unwrap(), b"secret");
    assert!(fs::symlink_metadata(train.join("readme.txt")).unwrap().is_symlink());
}

#[test]
fn train_file_names_the_one_file_to_open() {
    let (body, _) = token(&key(7), b"secret");
    let chosen = r#"{"train_channel": "\"train\"", "train_file": "\"a\"", "strongroom_plaintext": "volume"}"#;
    let good = scene(&[("a", &body), ("b", b"gAAAA of another key")], None, chosen);
    let (_workspace, train) = good.opened().unwrap();
    assert_eq!(fs::read(train.join("a")).unwrap(), b"secret");
    scene(&[("b", &body)], None, chosen).refused_as("not delivered");
    scene(&[("a", b"plain")], None, chosen).refused_as("not encrypted");
}

#[test]
fn a_channel_without_tokens_is_refused_rather_than_trained_on() {
    let scene = scene(&[("a", b"plain")], None, VOLUME);
    assert_eq!(plan(&scene.job, &scene.keys).unwrap_err().kind, FaultKind::Invalid);
}

#[test]
fn a_job_that_is_told_to_stop_stops_decrypting() {
    let (body, _) = token(&key(7), b"secret");
    let scene = scene(&[("a", &body)], None, VOLUME);
    let inputs = plan(&scene.job, &scene.keys).unwrap();
    let workspace = Workspace::create(&scene.job, 0).unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(scene.decrypt(&inputs, &workspace, &cancel).is_err());
    assert!(!workspace.channel("train").join("a").exists());
}

fn opens(key: &OpenKey, path: &Path) -> Result<(), EnvelopeError> {
    verify(&key.key, &mut File::open(path).unwrap()).map(|_| ())
}

/// Of so many hosts the last.
fn hosts(number: usize) -> Resources {
    Resources {
        current_host: format!("algo-{number}"),
        hosts: (1..=number).map(|number| format!("algo-{number}")).collect(),
        document: BTreeMap::new(),
    }
}

#[test]
fn everything_left_becomes_a_token_and_the_bundle_binds_it() {
    let dir = tempfile::tempdir().unwrap();
    let (private, public) = (dir.path().join("private"), dir.path().join("model"));
    fs::create_dir_all(private.join("deep")).unwrap();
    fs::create_dir_all(&public).unwrap();
    fs::write(private.join("deep/model.bin"), "weights").unwrap();
    fs::write(public.join("careless.txt"), "plaintext").unwrap();
    let (already, _) = token(&key(7), b"the boto3 way");
    fs::write(public.join("model.token"), &already).unwrap();
    outputs::deliver(&key(7), &hosts(1), &private, &public, &|_| false).unwrap();

    for name in ["deep/model.bin", "careless.txt", "model.token"] {
        opens(&key(7), &public.join(name)).unwrap();
    }
    assert_eq!(fs::read(public.join("model.token")).unwrap(), already);
    let bundle = Bundle::read(&fs::read(public.join(BUNDLE_NAME)).unwrap()).unwrap();
    let names: Vec<_> = bundle.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["careless.txt", "deep/model.bin", "model.token"]);
    for file in &bundle.files {
        let opened = verify(&key(7).key, &mut File::open(public.join(&file.name)).unwrap()).unwrap();
        let mac = STANDARD.decode(&file.mac).unwrap();
        let subject = Subject {
            prefix: None,
            name: &file.name,
            header: &opened.header,
            length: file.length,
        };
        binding::check(&key(7).key, subject, &mac).unwrap();
        // Taken out and put as an object of that name, it is bound nowhere.
        let (prefix, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
        for (prefix, name) in [("", file.name.as_str()), (&format!("{prefix}/"), name)] {
            let prefix = Some(prefix);
            let elsewhere = Subject {
                prefix,
                name,
                ..subject
            };
            assert!(binding::check(&key(7).key, elsewhere, &mac).is_err());
        }
    }
}

#[test]
fn one_of_several_hosts_leaves_a_bundle_of_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let (private, public) = (dir.path().join("private"), dir.path().join("model"));
    fs::create_dir_all(&private).unwrap();
    fs::create_dir_all(&public).unwrap();
    fs::write(private.join("shard"), "weights").unwrap();
    outputs::deliver(&key(7), &hosts(2), &private, &public, &|_| false).unwrap();
    assert!(public.join("strongroom.algo-2.json").exists() && !public.join(BUNDLE_NAME).exists());
    // What a script calls so is kept, and stands in no other host's way.
    fs::write(private.join("strongroom.algo-1.json"), "whose is this").unwrap();
    outputs::deliver(&key(7), &hosts(2), &private, &public, &|_| false).unwrap();
    assert!(!public.join("strongroom.algo-1.json").exists());
    opens(&key(7), &public.join("strongroom.algo-1.json.of-algo-2")).unwrap();
    let bundle = Bundle::read(&fs::read(public.join("strongroom.algo-2.json")).unwrap()).unwrap();
    let names: Vec<_> = bundle.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["shard", "strongroom.algo-1.json.of-algo-2"]);
}

#[test]
fn a_file_that_is_called_as_the_bundle_is_keeps_its_name_and_the_bundle_takes_another() {
    let dir = tempfile::tempdir().unwrap();
    let (private, public) = (dir.path().join("private"), dir.path().join("model"));
    for folder in [&private, &public] {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(BUNDLE_NAME), "the script's own").unwrap();
    }
    fs::write(private.join("model.bin"), "weights").unwrap();
    // Once more, as where an interrupted job goes on in the same folder.
    for _ in 0..2 {
        outputs::deliver(&key(7), &hosts(1), &private, &public, &|_| false).unwrap();
        opens(&key(7), &public.join(BUNDLE_NAME)).unwrap();
        let bundle = Bundle::read(&fs::read(public.join("strongroom.bundle.2.json")).unwrap()).unwrap();
        let names: Vec<_> = bundle.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["model.bin", BUNDLE_NAME]);
    }
    // Without new files what is there stays listed.
    fs::remove_file(public.join(BUNDLE_NAME)).unwrap();
    outputs::deliver(&key(7), &hosts(1), &dir.path().join("none"), &public, &|_| false).unwrap();
    let bundle = Bundle::read(&fs::read(public.join(BUNDLE_NAME)).unwrap()).unwrap();
    assert_eq!(bundle.files[0].name, "model.bin");
    assert!(!public.join("strongroom.bundle.2.json").exists());
}

#[test]
fn a_token_under_another_key_is_not_taken_for_one_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let (foreign, _) = token(&key(8), b"whose is this");
    fs::write(dir.path().join("a"), &foreign).unwrap();
    outputs::deliver(&key(7), &hosts(1), &dir.path().join("none"), dir.path(), &|_| false).unwrap();
    opens(&key(7), &dir.path().join("a")).unwrap();
}

#[test]
fn what_cannot_be_encrypted_is_deleted_and_the_job_fails() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(BUNDLE_NAME), "not ours").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("link")).unwrap();
    fs::write(dir.path().join("good"), "plain").unwrap();
    assert!(outputs::deliver(&key(7), &hosts(1), &dir.path().join("none"), dir.path(), &|_| false).is_err());
    assert!(fs::symlink_metadata(dir.path().join("link")).is_err());
    opens(&key(7), &dir.path().join("good")).unwrap();
    opens(&key(7), &dir.path().join(BUNDLE_NAME)).unwrap();
}

#[test]
fn checkpoints_survive_a_restart_and_follow_what_the_command_does() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second, public) = (
        dir.path().join("1"),
        dir.path().join("2"),
        dir.path().join("checkpoints"),
    );
    fs::create_dir_all(&first).unwrap();
    fs::create_dir_all(&second).unwrap();
    let cancel = CancellationToken::new();
    let mut checkpoints = Checkpoints::restore(&key(7), None, &first, &public, &cancel).unwrap();
    fs::write(first.join("epoch-1"), "one").unwrap();
    checkpoints.keep(&key(7), Writing::GoesOn).unwrap();
    assert!(!public.join("epoch-1").exists(), "it may still be written to");
    checkpoints.keep(&key(7), Writing::GoesOn).unwrap();
    opens(&key(7), &public.join("epoch-1")).unwrap();
    fs::remove_file(first.join("epoch-1")).unwrap();
    fs::write(first.join("epoch-2"), "two").unwrap();
    checkpoints.keep(&key(7), Writing::Finished).unwrap();
    assert!(!public.join("epoch-1").exists());

    Checkpoints::restore(&key(7), None, &second, &public, &cancel).unwrap();
    assert_eq!(fs::read(second.join("epoch-2")).unwrap(), b"two");
    fs::write(public.join("plain"), "x").unwrap();
    let third = dir.path().join("3");
    fs::create_dir_all(&third).unwrap();
    assert!(Checkpoints::restore(&key(7), None, &third, &public, &cancel).is_err());
}

#[test]
fn a_denied_unwrap_is_reported_in_kmss_own_sentence() {
    let sentence = "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k";
    let mut fault = Fault::denied("decrypt a data key under", "k", sentence, "grant it");
    fault.code = Some("AccessDeniedException".to_owned());
    let reason = outputs::reason(&fault);
    assert!(reason.starts_with("AccessDeniedException: User: arn"), "{reason}");
    assert!(reason.contains(sentence));
}

#[test]
fn a_link_to_a_folder_in_the_place_of_tokens_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for folder in ["private/deep", "model", "victim"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    fs::write(at("private/deep/kept"), "weights").unwrap();
    fs::write(at("victim/kept"), "kept").unwrap();
    std::os::unix::fs::symlink(at("victim"), at("model/deep")).unwrap();
    assert!(outputs::deliver(&key(7), &hosts(1), &at("private"), &at("model"), &|_| false).is_err());
    assert_eq!(fs::read_to_string(at("victim/kept")).unwrap(), "kept");
    opens(&key(7), &at("model/deep/kept")).unwrap();
}
