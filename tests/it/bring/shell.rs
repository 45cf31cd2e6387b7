//! What the entry point's shell does with a program that is brought.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};
use strongroom::domain::bring;

use super::{becoming, program, sha256};

/// Where a program is that needs nothing else: what manages versions puts a script of this name first that looks for a shell.
fn tool(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(name))
        .find(|path| std::fs::read(path).is_ok_and(|bytes| !bytes.starts_with(b"#!/usr/bin/env")))
}

/// The entry point over a folder in the shape of /opt/ml, where nothing is found but these programs.
fn shell(root: &Path, tools: &[&str], sha256: &str) -> Output {
    let bin = root.join("bin");
    let _ = std::fs::remove_dir_all(&bin);
    std::fs::create_dir_all(&bin).unwrap();
    for name in tools {
        let found = tool(name).unwrap_or_else(|| panic!("there is no {name}"));
        symlink(found, bin.join(name)).unwrap();
    }
    let words = bring::entrypoint(sha256);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["no-such-command", "two words"]);
    command
        .env_clear()
        .env("PATH", &bin)
        .env("STRONGROOM_ML_ROOT", root)
        .env("HOME", root);
    command.output().unwrap()
}

#[test]
fn the_program_is_checked_by_whatever_the_image_has_and_not_run_where_it_has_nothing() {
    let root = tempfile::tempdir().unwrap();
    let channel = root.path().join("input/data/strongroom");
    std::fs::create_dir_all(&channel).unwrap();
    std::fs::write(channel.join("strongroom"), program()).unwrap();
    let failure = || std::fs::read_to_string(root.path().join("output/failure")).unwrap();
    let needed = ["cp", "chmod", "mkdir", "rm"];
    for checks in [
        &["sha256sum"][..],
        &["openssl"],
        &["python3"],
        &["shasum", "perl"],
        &["sha256sum", "mktemp"],
    ] {
        if checks != ["sha256sum"] && checks.iter().any(|name| tool(name).is_none()) {
            continue;
        }
        let tools = [&needed[..], checks].concat();
        let ran = shell(root.path(), &tools, &sha256());
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(said.contains("no-such-command"), "{checks:?}: {said}");
        assert!(
            failure().contains("there is no program of that name"),
            "{checks:?}: {}",
            failure()
        );
        let refused = shell(root.path(), &tools, &"0".repeat(64));
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            failure().contains("is not the one that was sent"),
            "{checks:?}: {}",
            failure()
        );
    }
    let another = becoming("/bin/true");
    std::fs::write(channel.join("strongroom"), &another).unwrap();
    let refused = shell(
        root.path(),
        &[&needed[..], &["sha256sum"]].concat(),
        &hex::encode(Sha256::digest(&another)),
    );
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        failure().contains("its answer is not that of strongroom"),
        "{}",
        failure()
    );
    std::fs::write(channel.join("strongroom"), program()).unwrap();
    shell(root.path(), &needed, &sha256());
    assert!(failure().contains("cannot be checked"), "{}", failure());
    // Folders that took none are removed, also those outside of this root.
    shell(root.path(), &["mkdir", "rm"], &sha256());
    assert!(
        failure().contains("no folder of this image takes and runs"),
        "{}",
        failure()
    );
    std::fs::remove_file(channel.join("strongroom")).unwrap();
    shell(root.path(), &needed, &sha256());
    assert!(failure().contains("brought no program"), "{}", failure());
}

#[test]
fn only_its_owner_may_touch_the_program_where_it_runs() {
    let root = tempfile::tempdir().unwrap();
    let channel = root.path().join("input/data/strongroom");
    std::fs::create_dir_all(&channel).unwrap();
    std::fs::write(channel.join("strongroom"), program()).unwrap();
    shell(root.path(), &["cp", "chmod", "mkdir", "rm", "sha256sum"], &sha256());
    let entries = std::fs::read_dir(root.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_copy = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(".strongroom-program-")
    };
    let folders: Vec<_> = entries.filter(is_copy).collect();
    let [folder] = folders.as_slice() else {
        panic!("{folders:?}")
    };
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder), mode(&folder.join("strongroom"))), (0o700, 0o500));
}
