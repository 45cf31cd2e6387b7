//! How fast `strongroom train` decrypts a channel of many files before a script starts, beside as many processes as there are
//! cores, each on a core of its own with its part of the same files.
//!
//! ```text
//! cargo bench --bench channels [-- [--files N] [--bytes N] [--rounds N] [--cores LIST] [--volume] [--dir DIR]]
//! cargo test --bench channels [-- --files 40 --bytes 20000000]                          # the debug build: only that it runs
//! ```
//!
//! 400 files with 2 GiB of plaintext in all, one round, cores 0 and 1, if nothing else is said. All runs are whole processes: start, data
//! key, decryption, the script (`true`), clean-up. Tokens are read from DIR (the folder for temporary files), which is warm by then, and
//! plaintext goes to memory, or with `--volume` below DIR. Wants `taskset`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a figure that cannot be had is none")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use strongroom_envelope::{DataKey, seal};

use self::place::Place;

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/place.rs"]
mod place;
#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/pty.rs"]
mod pty;

const BUCKET: &str = "sagemaker-channels";

struct Asked {
    files: usize,
    bytes: u64,
    rounds: usize,
    cores: Vec<String>,
    on_volume: bool,
    dir: PathBuf,
}

impl Asked {
    fn read() -> Self {
        let mut asked = Self {
            files: 400,
            bytes: 2 << 30,
            rounds: 1,
            cores: vec!["0".to_owned(), "1".to_owned()],
            on_volume: false,
            dir: std::env::temp_dir(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--files" => asked.files = arguments.next().unwrap().parse().unwrap(),
                "--bytes" => asked.bytes = arguments.next().unwrap().parse().unwrap(),
                "--rounds" => asked.rounds = arguments.next().unwrap().parse().unwrap(),
                "--cores" => asked.cores = arguments.next().unwrap().split(',').map(str::to_owned).collect(),
                "--volume" => asked.on_volume = true,
                "--dir" => asked.dir = arguments.next().unwrap().into(),
                // Cargo's own.
                _ => {}
            }
        }
        asked
    }
}

fn main() {
    let asked = Asked::read();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (files, bytes) = (asked.files, asked.bytes);
    println!(
        "{files} files, {bytes} bytes, cores {}, {build} build",
        asked.cores.join(" and ")
    );
    let place = Place::new();
    let (key, hyperparameters) = data_key(&place, asked.on_volume);
    let folder = tempfile::tempdir_in(&asked.dir).unwrap();
    let parts = tokens(&key, &asked, folder.path());
    let whole = root(folder.path(), "all", &hyperparameters, &parts.concat());
    let shares: Vec<PathBuf> = (parts.iter().enumerate())
        .map(|(number, part)| root(folder.path(), &format!("part-{number}"), &hyperparameters, part))
        .collect();
    let all_cores = asked.cores.join(",");
    for round in 1..=asked.rounds {
        let alone = seconds(&place, &[(&all_cores, &whole)]);
        let beside: Vec<(&str, &Path)> = asked
            .cores
            .iter()
            .map(String::as_str)
            .zip(shares.iter().map(PathBuf::as_path))
            .collect();
        let several = seconds(&place, &beside);
        println!(
            "round {round}: one process {alone:.2} s ({:.0} MB/s), {} processes {several:.2} s ({:.0} MB/s), ratio {:.2}",
            bytes as f64 / alone / 1e6,
            beside.len(),
            bytes as f64 / several / 1e6,
            several / alone
        );
    }
}

/// A data key whose C is in a bucket, and what a job is told of it.
fn data_key(place: &Place, on_volume: bool) -> (DataKey, serde_json::Value) {
    let kms_key = place.key("training");
    place.bucket(BUCKET);
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let spec = aws_sdk_kms::types::DataKeySpec::Aes256;
    let made = place
        .wait(kms.generate_data_key().key_id(&kms_key).key_spec(spec).send())
        .unwrap();
    place.put(BUCKET, "data-key", made.ciphertext_blob().unwrap().as_ref());
    let key = DataKey::from_plaintext(&made.plaintext().unwrap().as_ref().to_vec().into()).unwrap();
    let hyperparameters = json!({
        "key_bucket": BUCKET,
        "ciphertext_s3_key": "data-key",
        "kms_key_id": kms_key,
        "strongroom_plaintext": if on_volume { "volume" } else { "memory" },
    });
    (key, hyperparameters)
}

/// The tokens, each core's part.
fn tokens(key: &DataKey, asked: &Asked, folder: &Path) -> Vec<Vec<PathBuf>> {
    let size = usize::try_from(asked.bytes).unwrap() / asked.files;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let tokens = folder.join("tokens");
    fs::create_dir(&tokens).unwrap();
    let plaintext: Vec<u8> = (0..size).map(|_| fastrand::u8(..)).collect();
    let mut parts = vec![Vec::new(); asked.cores.len()];
    for number in 0..asked.files {
        let path = tokens.join(format!("{number:05}"));
        let mut file = fs::File::create(&path).unwrap();
        seal(key, now, &mut plaintext.as_slice(), &mut file).unwrap();
        parts[number % asked.cores.len()].push(path);
    }
    parts
}

/// What SageMaker mounts, with these files in its channel.
fn root(folder: &Path, name: &str, hyperparameters: &serde_json::Value, files: &[PathBuf]) -> PathBuf {
    let root = folder.join(name);
    for below in ["input/config", "input/data/train", "model", "output"] {
        fs::create_dir_all(root.join(below)).unwrap();
    }
    fs::write(
        root.join("input/config/hyperparameters.json"),
        hyperparameters.to_string(),
    )
    .unwrap();
    for file in files {
        fs::hard_link(file, root.join("input/data/train").join(file.file_name().unwrap())).unwrap();
    }
    root
}

/// Runs one process for each, all at once, until the last has ended.
fn seconds(place: &Place, runs: &[(&str, &Path)]) -> f64 {
    let begun = Instant::now();
    let mut processes: Vec<Child> = runs.iter().map(|(cores, root)| start(place, cores, root)).collect();
    for process in &mut processes {
        let status = process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
    begun.elapsed().as_secs_f64()
}

fn start(place: &Place, cores: &str, root: &Path) -> Child {
    let mut command = Command::new("taskset");
    command.args(["-c", cores, env!("CARGO_BIN_EXE_strongroom"), "train", "--", "true"]);
    command.envs(place.environment.iter().map(|(name, value)| (name, value)));
    command.env("STRONGROOM_ML_ROOT", root);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}
