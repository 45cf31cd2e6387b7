use super::*;
use crate::training::tree;

struct Scene {
    root: tempfile::TempDir,
    job: Job,
    workspace: Workspace,
}

/// `/opt/ml` as SageMaker makes it, with a token in each folder.
fn scene() -> Scene {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("input/config");
    fs::create_dir_all(&config).unwrap();
    fs::write(
        config.join("hyperparameters.json"),
        r#"{"strongroom_plaintext": "volume"}"#,
    )
    .unwrap();
    for folder in ["model", "output/data", "checkpoints"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
        fs::write(root.path().join(folder).join("token"), folder).unwrap();
    }
    let job = Job::read(root.path()).unwrap();
    let workspace = Workspace::create(&job, 0).unwrap();
    Scene { root, job, workspace }
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn what_is_written_to_the_usual_folders_lands_in_the_private_ones_and_the_folders_come_back() {
    let Scene { root, job, workspace } = scene();
    let at = |name: &str| root.path().join(name);
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    for name in [
        "model/w",
        "output/data/plot",
        "output/failure",
        "output/tensors",
        "checkpoints/epoch",
    ] {
        fs::write(at(name), "plaintext").unwrap();
        assert_eq!(text(workspace.root().join(name)), "plaintext");
    }
    assert_eq!(text(covers.meanwhile(&at("checkpoints")).join("token")), "checkpoints");
    assert_eq!(covers.meanwhile(&at("elsewhere")), at("elsewhere"));
    covers.take_down().unwrap();
    for name in ["model", "output/data", "checkpoints"] {
        assert_eq!(text(at(name).join("token")), name);
        assert!(!at(name).is_symlink() && !at(name).join("epoch").exists());
    }
    assert!(!at("model/w").exists() && !at("output/failure").exists());
    assert_eq!(text(workspace.checkpoints().join("epoch")), "plaintext");
}

#[test]
fn a_channels_folder_leads_to_the_private_one_and_comes_back_and_a_fast_file_channel_stays() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("input/config");
    fs::create_dir_all(&config).unwrap();
    fs::write(
        config.join("hyperparameters.json"),
        r#"{"strongroom_plaintext": "volume"}"#,
    )
    .unwrap();
    let inputs = r#"{"train": {}, "live": {"TrainingInputMode": "FastFile"}, "none": {}}"#;
    fs::write(config.join("inputdataconfig.json"), inputs).unwrap();
    let job = Job::read(root.path()).unwrap();
    for channel in ["train", "live"] {
        fs::create_dir_all(job.channel_dir(channel)).unwrap();
        fs::write(job.channel_dir(channel).join("token"), channel).unwrap();
    }
    let workspace = Workspace::create(&job, 0).unwrap();
    fs::write(workspace.channel("train").join("token"), "plaintext").unwrap();
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    assert_eq!(text(job.channel_dir("train").join("token")), "plaintext");
    assert_eq!(text(covers.meanwhile(&job.channel_dir("train")).join("token")), "train");
    assert_eq!(text(covers.meanwhile(&job.channel_dir("live")).join("token")), "live");
    assert!(!job.channel_dir("none").exists());
    // Killed here, the next start finds its channels where they were.
    std::mem::forget(std::mem::take(&mut covers));
    drop(workspace);
    Covers::recover(root.path()).unwrap();
    assert_eq!(text(job.channel_dir("train").join("token")), "train");
    let workspace = Workspace::create(&job, 0).unwrap();
    Covers::put_up(&job, &workspace).unwrap().take_down().unwrap();
    assert_eq!(text(job.channel_dir("train").join("token")), "train");
    assert_eq!(fs::read_dir(root.path().join("input/data")).unwrap().count(), 2);
}

#[test]
fn a_folder_that_was_not_there_is_not_left_there_unless_something_was_put_into_it() {
    let Scene { root, job, workspace } = scene();
    for name in ["model", "checkpoints"] {
        fs::remove_dir_all(root.path().join(name)).unwrap();
    }
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    fs::write(root.path().join("model/w"), "plaintext").unwrap();
    fs::write(covers.meanwhile(&job.usual_checkpoints_dir()).join("token"), "token").unwrap();
    covers.take_down().unwrap();
    assert!(!root.path().join("model").exists());
    assert_eq!(text(root.path().join("checkpoints/token")), "token");
}

#[test]
fn what_command_puts_in_the_place_of_a_link_is_taken_into_the_private_folder() {
    let Scene { root, job, workspace } = scene();
    let place = job.usual_checkpoints_dir();
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    fs::remove_file(&place).unwrap();
    fs::create_dir_all(place.join("deep")).unwrap();
    fs::write(place.join("deep/epoch"), "plaintext").unwrap();
    covers.take_down().unwrap();
    assert_eq!(text(workspace.checkpoints().join("deep/epoch")), "plaintext");
    assert_eq!(text(place.join("token")), "checkpoints");
    assert_eq!(tree::files(&place).unwrap().len(), 1);
    covers.remove_taken().unwrap();
    assert!(fs::read_dir(root.path()).unwrap().flatten().all(|entry| {
        let name = entry.file_name().into_string().unwrap();
        !name.starts_with(ASIDE) && !name.starts_with(TAKEN)
    }));
}

#[test]
fn after_a_killed_run_the_folders_are_put_back_and_links_of_others_stay() {
    let Scene { root, job, workspace } = scene();
    let covers = Covers::put_up(&job, &workspace).unwrap();
    fs::write(root.path().join("model/w"), "plaintext").unwrap();
    fs::create_dir(root.path().join(".strongroom-taken-output")).unwrap();
    std::mem::forget(covers);
    drop(workspace);
    Covers::recover(root.path()).unwrap();
    for name in ["model", "output/data", "checkpoints"] {
        let place = root.path().join(name);
        assert!(text(place.join("token")) == name && !place.is_symlink());
    }
    assert!(!root.path().join("model/w").exists() && !root.path().join(".strongroom-taken-output").exists());
    fs::remove_dir_all(job.model_dir()).unwrap();
    symlink("elsewhere", job.model_dir()).unwrap();
    Covers::recover(root.path()).unwrap();
    assert_eq!(fs::read_link(job.model_dir()).unwrap(), Path::new("elsewhere"));
}

#[test]
fn without_a_link_for_checkpoints_there_is_no_training_and_for_the_model_there_is() {
    let Scene { root, job, workspace } = scene();
    // A folder of that name that is not empty keeps the place from being moved there.
    let in_the_way = |name: &str| {
        let aside = beside(&root.path().join(name), ASIDE);
        fs::create_dir_all(&aside).unwrap();
        fs::write(aside.join("x"), "").unwrap();
    };
    in_the_way("model");
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    assert_eq!(covers.meanwhile(&job.model_dir()), job.model_dir());
    covers.take_down().unwrap();
    in_the_way("checkpoints");
    let fault = Covers::put_up(&job, &workspace).unwrap_err();
    assert_eq!(fault.object, job.usual_checkpoints_dir().display().to_string());
    assert!(fault.remedy.contains(crate::domain::JobSpec::CHECKPOINTS_DIR));
    assert_eq!(text(root.path().join("output/data/token")), "output/data");
}

#[cfg(target_os = "linux")]
#[test]
fn where_command_made_a_folder_the_link_is_put_back_and_leads_to_its_files_also_to_those_that_are_still_written() {
    let Scene { root, job, workspace } = scene();
    let model = root.path().join("model");
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    let cover = covers.of_outputs().into_iter().find(|cover| cover.is_of(&model));
    let cover = cover.unwrap();
    assert!(!cover.again().unwrap());
    fs::write(model.join("kept"), "from before").unwrap();
    fs::write(model.join("first"), "older").unwrap();
    for round in ["one", "two"] {
        // Moved, not removed: what is in it stays.
        fs::rename(&model, root.path().join(round)).unwrap();
        fs::create_dir_all(model.join("deep")).unwrap();
        let mut open = fs::File::create(model.join("deep/open")).unwrap();
        fs::write(model.join("first"), round).unwrap();
        assert!(cover.again().unwrap());
        assert!(model.is_symlink() && text(model.join("first")) == round && text(model.join("kept")) == "from before");
        std::io::Write::write_all(&mut open, round.as_bytes()).unwrap();
        assert_eq!(text(model.join("deep/open")), round);
    }
    // As scripts save: to another name first.
    fs::write(model.join("new"), "newest").unwrap();
    fs::rename(model.join("new"), model.join("first")).unwrap();
    covers.take_down().unwrap();
    let delivered: Vec<_> = tree::files(&workspace.model()).unwrap();
    let delivered = delivered.iter().map(|file| (file.name.as_str(), text(&file.path)));
    let delivered: Vec<_> = delivered.filter(|(name, _)| *name != "token").collect();
    let expected = [("deep/open", "two"), ("first", "newest"), ("kept", "from before")];
    assert_eq!(delivered, expected.map(|(name, text)| (name, text.to_owned())));
    assert_eq!(text(model.join("token")), "model");
    covers.remove_taken().unwrap();
    assert!(!root.path().join(".strongroom-taken-model").exists());
}

/// Until the file system's clock has ticked.
fn tick(folder: &Path) {
    use std::os::unix::fs::MetadataExt;

    let changed = |name: &str| {
        fs::write(folder.join(name), "").unwrap();
        let metadata = fs::metadata(folder.join(name)).unwrap();
        fs::remove_file(folder.join(name)).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let first = changed("first");
    while changed("next") <= first {}
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_in_a_folder_that_command_removed_goes_and_what_came_since_stays() {
    let is_watched = [true, false];
    for is_watched in is_watched {
        let Scene { root, job, workspace } = scene();
        let model = root.path().join("model");
        let mut covers = Covers::put_up(&job, &workspace).unwrap();
        let cover = covers.of_outputs().into_iter().find(|cover| cover.is_of(&model));
        let cover = cover.unwrap();
        fs::create_dir_all(root.path().join("outside")).unwrap();
        fs::write(root.path().join("outside/kept"), "kept").unwrap();
        for round in ["one", "two"] {
            fs::create_dir_all(model.join("deep")).unwrap();
            fs::write(model.join("deep/old"), round).unwrap();
            symlink(root.path().join("outside"), model.join("linked")).unwrap();
            tick(root.path());
            fs::remove_file(&model).unwrap();
            tick(root.path());
            // By its variable.
            fs::write(workspace.model().join("direct"), round).unwrap();
            fs::create_dir_all(model.join("new")).unwrap();
            fs::write(model.join("new").join(round), round).unwrap();
            if is_watched {
                assert!(cover.again().unwrap() && model.is_symlink());
                assert!(!model.join("deep").exists(), "it can be made again");
            } else {
                break;
            }
        }
        covers.take_down().unwrap();
        let delivered: Vec<_> = tree::files(&workspace.model()).unwrap();
        let names: Vec<_> = delivered.iter().map(|file| &*file.name).collect();
        let last = if is_watched { "new/two" } else { "new/one" };
        assert_eq!(names, ["direct", last]);
        assert_eq!(text(root.path().join("outside/kept")), "kept");
        assert_eq!(text(model.join("token")), "model");
    }
}

#[test]
fn a_link_of_commands_own_is_followed_to_its_folder_and_the_folder_stays_as_it_is() {
    let Scene { root, job, workspace } = scene();
    let own = root.path().join("run1");
    fs::create_dir_all(own.join("deep")).unwrap();
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    fs::write(root.path().join("model/kept"), "from before").unwrap();
    for name in ["model", "output", "checkpoints"] {
        fs::remove_file(root.path().join(name)).unwrap();
        symlink(&own, root.path().join(name)).unwrap();
    }
    fs::write(root.path().join("model/deep/weights"), "plaintext").unwrap();
    for cover in covers.of_outputs() {
        cover.follow();
    }
    assert_eq!(text(workspace.checkpoints().join("deep/weights")), "plaintext");
    fs::write(own.join("late"), "later").unwrap();
    covers.take_down().unwrap();
    for private in [workspace.model(), workspace.output(), workspace.checkpoints()] {
        assert_eq!(text(private.join("deep/weights")), "plaintext");
        assert_eq!(text(private.join("late")), "later");
    }
    assert_eq!(text(own.join("late")), "later");
    assert!(own.join("late").symlink_metadata().unwrap().is_file());
    for name in ["model", "output/data", "checkpoints"] {
        assert_eq!(text(root.path().join(name).join("token")), name);
    }
}

#[test]
fn links_of_commands_own_lead_on_to_what_is_in_the_place_of_other_links() {
    let Scene { root, job, workspace } = scene();
    let at = |name: &str| root.path().join(name);
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    for name in ["model", "output", "checkpoints"] {
        fs::remove_file(at(name)).unwrap();
    }
    fs::create_dir_all(at("output/run")).unwrap();
    fs::write(at("output/run/weights"), "plaintext").unwrap();
    symlink("output/run", at("checkpoints")).unwrap();
    symlink("checkpoints", at("model")).unwrap();
    covers.take_down().unwrap();
    assert_eq!(text(workspace.checkpoints().join("weights")), "plaintext");
    assert_eq!(text(workspace.model().join("weights")), "plaintext");
}

#[test]
fn what_cannot_be_taken_over_fails_the_job_and_the_folder_comes_back() {
    type Put = fn(&Path, &Path);
    let puts: [(&str, Put); 5] = [
        ("a file", |place, _| fs::write(place, "weights").unwrap()),
        ("leads nowhere", |place, root| {
            symlink(root.join("none"), place).unwrap();
        }),
        ("to a file", |place, root| {
            symlink(root.join("input/config/hyperparameters.json"), place).unwrap();
        }),
        ("that it is in itself", |place, root| symlink(root, place).unwrap()),
        ("is strongroom's", |place, root| {
            symlink(root.join(".strongroom-aside-output"), place).unwrap();
        }),
    ];
    for (said, put) in puts {
        for name in ["model", "output", "checkpoints"] {
            let Scene { root, job, workspace } = scene();
            let mut covers = Covers::put_up(&job, &workspace).unwrap();
            if name == "output" && said.contains("strongroom") {
                continue;
            }
            let place = root.path().join(name);
            fs::remove_file(&place).unwrap();
            put(&place, root.path());
            let fault = covers.take_down().unwrap_err();
            assert!(fault.cause.contains(said) && fault.object.ends_with(name), "{fault}");
            let token = if name == "output" { "data/token" } else { "token" };
            assert!(!text(place.join(token)).is_empty() && !place.is_symlink());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_in_the_place_of_a_link_gives_way_to_it_and_fails_the_job() {
    let Scene { root, job, workspace } = scene();
    let model = root.path().join("model");
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    fs::remove_file(&model).unwrap();
    fs::write(&model, "weights").unwrap();
    let cover = covers
        .of_outputs()
        .into_iter()
        .find(|cover| cover.is_of(&model))
        .unwrap();
    assert!(cover.again().unwrap() && model.is_symlink());
    fs::write(model.join("w"), "plaintext").unwrap();
    let fault = covers.take_down().unwrap_err();
    assert!(fault.cause.contains("a file"), "{fault}");
    assert_eq!(text(workspace.model().join("w")), "plaintext");
    covers.remove_taken().unwrap();
    assert!(fs::symlink_metadata(root.path().join(".strongroom-taken-model")).is_err());
}

#[test]
fn only_the_folder_that_was_put_aside_comes_back_and_whatever_has_its_name_is_left_alone() {
    let Scene { root, job, workspace } = scene();
    let at = |name: &str| root.path().join(name);
    fs::create_dir(at("victim")).unwrap();
    fs::write(at("victim/kept"), "kept").unwrap();
    let mut covers = Covers::put_up(&job, &workspace).unwrap();
    fs::write(at("model/w"), "plaintext").unwrap();
    let aside = at(".strongroom-aside-model");
    fs::remove_dir_all(&aside).unwrap();
    symlink(at("victim"), &aside).unwrap();
    let other = at(".strongroom-aside-output");
    fs::remove_dir_all(&other).unwrap();
    fs::create_dir(&other).unwrap();
    let fault = covers.take_down().unwrap_err();
    assert!(fault.object.ends_with(".strongroom-aside-model"), "{fault}");
    assert!(is_folder(&at("model")) && is_folder(&at("output")) && aside.is_symlink() && is_folder(&other));
    assert_eq!(fs::read_dir(at("model")).unwrap().count(), 0);
    assert_eq!(text(at("victim/kept")), "kept");
    // Nor does a later run take it for the folder.
    assert!(Covers::recover(root.path()).is_err());
}

#[test]
fn what_a_killed_run_left_in_the_place_of_a_link_goes_and_the_folder_comes_back() {
    let Scene { root, job, workspace } = scene();
    let model = root.path().join("model");
    std::mem::forget(Covers::put_up(&job, &workspace).unwrap());
    fs::remove_file(&model).unwrap();
    fs::create_dir(&model).unwrap();
    fs::write(model.join("weights"), "plaintext").unwrap();
    Covers::recover(root.path()).unwrap();
    assert_eq!(text(model.join("token")), "model");
    assert!(!model.join("weights").exists());
}
