//! Files and folders that appear whole or not at all, and what never gives way to them.
use std::fs;
use std::os::unix::fs::symlink;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::*;

#[test]
fn a_file_appears_only_when_published() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.csv");
    let mut file = Unpublished::create(&path).unwrap();
    file.write_all(b"secret").unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    file.publish(false).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"secret");
}

#[test]
fn an_unpublished_file_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = Unpublished::create(&folder.path().join("plain.csv")).unwrap();
    file.write_all(b"secret").unwrap();
    drop(file);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// As where a file system has no unnamed files.
fn named(destination: &Path) -> Unpublished {
    let (folder, name) = Folder::of(destination).unwrap();
    let half = new_half();
    let file = locked(folder.new_file(&half).unwrap());
    Unpublished {
        folder,
        name,
        file,
        half: Some(half),
    }
}

#[test]
fn with_a_temporary_name_it_is_private_and_locked_and_goes_with_its_maker_or_is_published() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.csv");
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut file = named(&path);
    file.write_all(b"secret").unwrap();
    let [there] = &names()[..] else {
        unreachable!("it is the only file")
    };
    assert!(there.file_name().unwrap().to_str().unwrap().starts_with(HALF_MADE));
    assert_eq!(fs::metadata(there).unwrap().permissions().mode() & 0o777, 0o600);
    let other = File::open(there).unwrap();
    assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
    drop(file);
    assert!(names().is_empty());

    for content in ["one", "two"] {
        let mut file = named(&path);
        file.write_all(content.as_bytes()).unwrap();
        file.publish(content == "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(
        named(&path).publish(false).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(names(), [path]);
}

#[test]
fn an_existing_file_is_replaced_only_when_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.csv");
    fs::write(&path, "old").unwrap();
    let mut file = Unpublished::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    assert_eq!(file.publish(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let mut file = Unpublished::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    file.publish(true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_symbolic_link_is_never_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("link");
    symlink("/etc/passwd", &path).unwrap();
    assert!(Unpublished::create(&path).is_err());
}

#[test]
fn only_regular_files_are_ever_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    symlink("plain", path("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    rustix::fs::mkfifoat(CWD, path("fifo"), 0o600.into()).unwrap();
    for name in ["folder", "link", "socket", "fifo"] {
        let before = fs::symlink_metadata(path(name)).unwrap().file_type();
        assert!(Unpublished::create(&path(name)).is_err(), "{name}");
        // One that takes its place while the file is made.
        fs::rename(path(name), path("kept")).unwrap();
        let file = Unpublished::create(&path(name)).unwrap();
        fs::rename(path("kept"), path(name)).unwrap();
        assert!(file.publish(true).is_err(), "{name}");
        assert_eq!(fs::symlink_metadata(path(name)).unwrap().file_type(), before, "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn a_data_key_is_never_replaced_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let c = [&[1, 2, 3, 0, 0x78][..], &[0xfb; 179]].concat();
    let text = BASE64_URL_SAFE_NO_PAD.encode(&c);
    let json = format!("{{\"CiphertextBlob\": \"{text}\", \"KeyId\": \"k\"}}\n");
    let line = [c.as_slice(), b"\n"].concat();
    let kept: [(&str, &[u8]); 5] = [
        ("any", &c),
        ("line", &line),
        ("text", text.as_bytes()),
        ("json", json.as_bytes()),
        ("own.datakey", b"text"),
    ];
    for (name, bytes) in kept {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = Unpublished::create(&path).unwrap().publish(true).unwrap_err();
        assert!(error.get_ref().unwrap().is::<IsDataKey>(), "{name}: {error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
}

#[test]
fn of_several_files_none_gives_way_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.csv");
    fs::write(&path, "old").unwrap();
    let made = |content: &[u8]| {
        let mut file = Unpublished::create(&path).unwrap();
        file.write_all(content).unwrap();
        file
    };
    let published = Published::default();
    assert_eq!(
        made(b"no").publish_among(&published, false).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    made(b"one").publish_among(&published, true).unwrap();
    let error = made(b"two").publish_among(&published, true).unwrap_err();
    assert!(error.get_ref().unwrap().is::<IsOurs>(), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"one");
    made(b"three").publish_among(&Published::default(), true).unwrap();
}

#[test]
fn nothing_lands_through_a_link_that_takes_the_folders_place() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for begun in [Unpublished::create, |path: &Path| Ok(named(path))] {
        for name in ["out", "elsewhere"] {
            fs::create_dir(path(name)).unwrap();
        }
        let mut file = begun(&path("out/plain.csv")).unwrap();
        file.write_all(b"secret").unwrap();
        fs::rename(path("out"), path("moved")).unwrap();
        symlink(path("elsewhere"), path("out")).unwrap();
        let error = file.publish(true).unwrap_err();
        assert!(error.get_ref().unwrap().is::<Replaced>(), "{error}");
        for name in ["moved", "elsewhere"] {
            assert_eq!(fs::read_dir(path(name)).unwrap().count(), 0, "{name}");
            fs::remove_dir(path(name)).unwrap();
        }
        fs::remove_file(path("out")).unwrap();
    }
}

#[test]
fn below_a_folder_no_link_is_followed() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("elsewhere")).unwrap();
    fs::create_dir(path("out")).unwrap();
    symlink(path("elsewhere"), path("out/link")).unwrap();
    fs::write(path("out/file"), "x").unwrap();
    let folder = Folder::open(&path("out")).unwrap();
    for bad in ["link", "link/sub", "a/../../b", "/etc", "file/sub"] {
        assert!(folder.below(Path::new(bad)).is_err(), "{bad}");
    }
    let sub = folder.below(Path::new("a/b")).unwrap();
    assert!(sub.check_in_place().is_ok() && folder.below(Path::new("a/b")).is_ok());
    fs::rename(path("out/a"), path("out/c")).unwrap();
    symlink(path("elsewhere"), path("out/a")).unwrap();
    assert!(sub.check_in_place().is_err());
    assert!(fs::read_dir(path("elsewhere")).unwrap().next().is_none());
    assert!(!folder.folds_case().unwrap());
    folder.remove_all(OsStr::new("c")).unwrap();
    let mut names = folder.names().unwrap();
    names.sort();
    assert_eq!(names, ["a", "file", "link"]);
}
