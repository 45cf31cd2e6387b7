use zeroize::Zeroizing;

use super::*;
use crate::domain::FaultKind;
use crate::envelope::DataKey;
use crate::envelope::manifest::{Bundle, WrappedDataKey};

fn key() -> OpenKey {
    OpenKey {
        key: DataKey::from_plaintext(&Zeroizing::new(vec![7; 32])).unwrap(),
        wrapped: WrappedDataKey {
            data_key: "wrapped".to_owned(),
            kms_key_id: "arn:key".to_owned(),
            context: BTreeMap::new(),
        },
    }
}

/// Two empty folders, watched.
fn folders() -> (tempfile::TempDir, PathBuf, PathBuf, Checkpoints) {
    let root = tempfile::tempdir().unwrap();
    let (private, public) = (root.path().join("private"), root.path().join("public"));
    fs::create_dir(&private).unwrap();
    fs::create_dir(&public).unwrap();
    let checkpoints = Checkpoints::restore(&key(), None, &private, &public, &CancellationToken::new()).unwrap();
    (root, private, public, checkpoints)
}

#[test]
fn what_stands_still_is_encrypted_and_what_is_removed_goes_from_both() {
    let (_root, private, public, mut checkpoints) = folders();
    fs::write(private.join("one"), "plaintext").unwrap();
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    assert!(!public.join("one").exists(), "it may be half written");
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    assert!(opens(&key(), &public.join("one")));
    fs::remove_file(private.join("one")).unwrap();
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    assert!(!public.join("one").exists());
    checkpoints.keep(&key(), Writing::Finished).unwrap();
}

#[test]
fn what_is_put_in_place_whole_is_encrypted_however_often_it_is_replaced() {
    let (_root, private, public, mut checkpoints) = folders();
    for round in 0..3 {
        let (temporary, whole) = (private.join("part"), private.join("whole"));
        fs::write(&temporary, format!("round {round}")).unwrap();
        // A clock of the file system that ticks every few milliseconds.
        while !was_put_in_place(&whole) {
            fs::rename(&temporary, &whole)
                .or_else(|_| fs::rename(&whole, &temporary))
                .unwrap();
        }
        checkpoints.keep(&key(), Writing::GoesOn).unwrap();
        assert!(opens(&key(), &public.join("whole")), "round {round}");
        assert!(!public.join("part").exists());
    }
}

#[test]
fn a_checkpoint_whose_name_is_not_utf_8_is_kept_with_escapes() {
    use std::os::unix::ffi::OsStrExt;

    let (_root, private, public, mut checkpoints) = folders();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(private.join(name), "plaintext").unwrap();
    fs::write(public.join(name), "plaintext").unwrap();
    checkpoints.keep(&key(), Writing::Finished).unwrap_err();
    assert!(opens(&key(), &public.join("caf%E9")));
    assert!(!public.join(name).exists());
}

#[test]
fn what_the_command_wrote_into_the_public_folder_itself_is_encrypted_and_told() {
    let (root, private, public, mut checkpoints) = folders();
    fs::write(private.join("known"), "plaintext").unwrap();
    checkpoints.keep(&key(), Writing::Finished).unwrap();
    fs::write(public.join("careless"), "plaintext").unwrap();
    fs::write(public.join("known"), "plaintext over a token").unwrap();
    fs::write(root.path().join("secret"), "plaintext").unwrap();
    std::os::unix::fs::symlink("../secret", public.join("link")).unwrap();
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    for name in ["careless", "known"] {
        assert!(opens(&key(), &public.join(name)), "{name}");
    }
    assert!(!public.join("link").is_symlink());
    let fault = checkpoints.keep(&key(), Writing::Finished).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Integrity);
    assert!(fault.object.contains("link"), "{fault}");
}

#[test]
fn a_token_that_the_command_made_itself_is_none_of_our_business() {
    let (_root, private, public, mut checkpoints) = folders();
    fs::write(private.join("x"), "plaintext").unwrap();
    seal_file(&key(), &private.join("x"), &public.join("own")).unwrap();
    checkpoints.keep(&key(), Writing::Finished).unwrap();
    checkpoints.keep(&key(), Writing::Finished).unwrap();
}

fn plaintext(key: &OpenKey, token: &Path) -> Vec<u8> {
    crate::envelope::decrypt(&key.key, &mut fs::File::open(token).unwrap(), Vec::new())
        .unwrap()
        .1
}

#[test]
fn what_was_cut_off_replaces_no_whole_version_and_what_was_removed_for_it_stays() {
    let (_root, private, public, mut checkpoints) = folders();
    for name in ["latest", "epoch-1"] {
        fs::write(private.join(name), "whole").unwrap();
    }
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    fs::write(private.join("latest"), "half of the nex").unwrap();
    fs::remove_file(private.join("epoch-1")).unwrap();
    fs::write(private.join("epoch-2"), "half").unwrap();
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    assert!(
        public.join("epoch-1").exists(),
        "what comes in its place is not there yet"
    );
    fs::write(private.join("latest"), "half of the next version").unwrap();
    fs::write(private.join("epoch-2"), "half of it").unwrap();
    checkpoints.keep(&key(), Writing::CutOff).unwrap();
    for (name, content) in [("latest", "whole"), ("epoch-1", "whole"), ("epoch-2", "half of it")] {
        assert_eq!(plaintext(&key(), &public.join(name)), content.as_bytes(), "{name}");
    }
}

#[test]
fn each_host_keeps_its_own_checkpoints_and_finds_those_of_others_that_it_has_not() {
    let (root, _, public, _) = folders();
    let mut named = 0;
    let mut restored = |host: Option<&str>| {
        named += 1;
        let private = root.path().join(named.to_string());
        fs::create_dir(&private).unwrap();
        let checkpoints = Checkpoints::restore(&key(), host, &private, &public, &CancellationToken::new()).unwrap();
        (private, checkpoints)
    };
    let (one, mut first) = restored(Some("algo-1"));
    let (two, mut second) = restored(Some("algo-2"));
    fs::write(one.join("epoch"), "of algo-1").unwrap();
    fs::write(one.join("common"), "of algo-1").unwrap();
    fs::write(two.join("epoch"), "of algo-2").unwrap();
    first.keep(&key(), Writing::Finished).unwrap();
    second.keep(&key(), Writing::Finished).unwrap();
    assert!(opens(&key(), &public.join("strongroom.algo-2/epoch")));
    for (host, epoch) in [
        (Some("algo-2"), "of algo-2"),
        (Some("algo-1"), "of algo-1"),
        (Some("algo-3"), "of algo-1"),
        (None, "of algo-1"),
    ] {
        let (private, mut again) = restored(host);
        assert_eq!(fs::read_to_string(private.join("epoch")).unwrap(), epoch);
        assert_eq!(fs::read_to_string(private.join("common")).unwrap(), "of algo-1");
        // Another's is not this host's to write or to remove.
        fs::remove_file(private.join("common")).unwrap();
        if host != Some("algo-1") {
            again.keep(&key(), Writing::Finished).unwrap();
        }
        assert!(public.join("strongroom.algo-1/common").exists());
    }
    assert_eq!(tree::files(&public).unwrap().len(), 5);
}

fn listed(path: &Path) -> Vec<String> {
    let bundle = Bundle::read(&fs::read(path).unwrap()).unwrap();
    assert!(bundle.live);
    bundle.files.into_iter().map(|file| file.name).collect()
}

#[test]
fn a_bundle_beside_the_checkpoints_follows_them_also_over_a_restart() {
    let (root, private, public, mut checkpoints) = folders();
    let bundle = public.join("strongroom.json");
    for name in ["one", "two"] {
        fs::write(private.join(name), name).unwrap();
    }
    checkpoints.keep(&key(), Writing::Finished).unwrap();
    assert_eq!(listed(&bundle), ["one", "two"]);
    let again = root.path().join("again");
    fs::create_dir(&again).unwrap();
    let mut checkpoints = Checkpoints::restore(&key(), None, &again, &public, &CancellationToken::new()).unwrap();
    assert!(!again.join("strongroom.json").exists());
    fs::remove_file(again.join("one")).unwrap();
    // Under the bundle's name, and a host's.
    fs::write(again.join("strongroom.json"), "the script's own").unwrap();
    checkpoints.keep(&key(), Writing::Finished).unwrap();
    assert!(opens(&key(), &bundle));
    assert_eq!(
        listed(&public.join("strongroom.bundle.2.json")),
        ["strongroom.json", "two"]
    );

    let last = root.path().join("last");
    fs::create_dir(&last).unwrap();
    let mut checkpoints = Checkpoints::restore(&key(), None, &last, &public, &CancellationToken::new()).unwrap();
    assert_eq!(fs::read(last.join("strongroom.json")).unwrap(), b"the script's own");
    checkpoints.keep(&key(), Writing::Finished).unwrap();
}

#[test]
fn what_was_taken_out_of_the_public_folder_becomes_a_token_once_it_is_whole_and_is_told() {
    let (root, private, public, mut checkpoints) = folders();
    let hold = |name: &str, path: &Path| {
        let (name, file) = (name.to_owned(), fs::File::open(path).unwrap());
        fs::remove_file(path).unwrap();
        checkpoints
            .taken()
            .lock()
            .push(super::super::watch::Held { name, file, seen: None });
    };
    let (plain, own) = (root.path().join("plain"), root.path().join("own"));
    fs::write(&plain, "plaintext").unwrap();
    fs::write(private.join("x"), "its own").unwrap();
    seal_file(&key(), &private.join("x"), &own).unwrap();
    hold("deep/plain", &plain);
    hold("own", &own);
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    assert!(!public.join("deep/plain").exists(), "it may be half written");
    checkpoints.keep(&key(), Writing::GoesOn).unwrap();
    assert_eq!(plaintext(&key(), &public.join("deep/plain")), b"plaintext");
    assert_eq!(plaintext(&key(), &public.join("own")), b"its own");
    let fault = checkpoints.keep(&key(), Writing::Finished).unwrap_err();
    assert!(fault.object.ends_with("deep/plain"), "{fault}");
    // At the end what is called as ours are for a while is none of ours.
    fs::write(public.join(".strongroom-half"), "plaintext").unwrap();
    checkpoints.keep(&key(), Writing::Finished).unwrap_err();
    assert!(opens(&key(), &public.join(".strongroom-half")));
}

#[test]
fn a_link_in_the_place_of_the_public_folder_or_in_it_is_not_followed_and_the_tokens_are_there_again() {
    for name in ["", "deep"] {
        let (root, private, public, mut checkpoints) = folders();
        let victim = root.path().join("victim");
        for folder in [&victim, &private.join("deep")] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(victim.join("kept"), "kept").unwrap();
        fs::write(private.join("deep/kept"), "plaintext").unwrap();
        for _ in 0..2 {
            checkpoints.keep(&key(), Writing::GoesOn).unwrap();
        }
        let planted = if name.is_empty() {
            public.clone()
        } else {
            public.join(name)
        };
        fs::remove_dir_all(&planted).unwrap();
        std::os::unix::fs::symlink(&victim, &planted).unwrap();
        fs::write(private.join("deep/new"), "plaintext").unwrap();
        let fault = checkpoints.keep(&key(), Writing::Finished).unwrap_err();
        assert!(
            fault.object.ends_with(planted.file_name().unwrap().to_str().unwrap()),
            "{fault}"
        );
        assert_eq!(fs::read_to_string(victim.join("kept")).unwrap(), "kept");
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 1);
        assert!(opens(&key(), &public.join("deep/new")));
        assert!(!name.is_empty() || opens(&key(), &public.join("deep/kept")));
    }
}
