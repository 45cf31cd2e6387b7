//! An endpoint that takes requests and never answers: whoever has waited enough says so with a signal, and the program ends.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::pty::Session;

/// By then a call would be given up by itself.
const A_CALLS_PATIENCE: Duration = Duration::from_secs(30);

/// Tells of every connection that somebody asks something on.
fn silent() -> (String, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, asked) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let heard = heard.clone();
            std::thread::spawn(move || {
                let is_asked = stream.read(&mut [0]).is_ok_and(|count| count > 0);
                is_asked.then(|| heard.send(stream))
            });
        }
    });
    (url, asked)
}

fn variables(url: &str) -> [(&str, &str); 5] {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
}

fn spawn(home: &Path, url: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.args(arguments).current_dir(home).env_clear();
    command.env("HOME", home).envs(variables(url));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// How it ended, after how long, and what it said.
fn ended(mut child: Child, signal: Signal) -> (ExitStatus, Duration, String) {
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    let begun = Instant::now();
    kill_process(pid, signal).unwrap();
    let status = child.wait().unwrap();
    let time = begun.elapsed();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, time, said)
}

#[test]
fn every_command_ends_with_the_first_signal_though_nothing_was_answered() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("x.csv"), "x").unwrap();
    let commands: [&[&str]; 9] = [
        &["encrypt", "x.csv", "s3://bucket/data/", "--key", "alias/training"],
        &["decrypt", "s3://bucket/data/x.csv", "-o", "y.csv"],
        &["decrypt", "s3://bucket/data/", "-o", "back"],
        &["decrypt", "s3://bucket/data/x.csv", "-o", "-"],
        &["verify", "s3://bucket/data/x.csv", "s3://bucket/data/"],
        &["prove", "--key", "alias/training", "--role", "trainer"],
        &["watch", "job"],
        &[
            "start",
            "image",
            "--role",
            "arn:aws:iam::111122223333:role/trainer",
            "--channel",
            "train=s3://bucket/data/",
        ],
        &["doctor"],
    ];
    for arguments in commands {
        for signal in [Signal::INT, Signal::TERM] {
            let (url, asked) = silent();
            let child = spawn(home.path(), &url, arguments);
            let _asking = asked.recv_timeout(A_CALLS_PATIENCE * 4).expect("it asks for something");
            let (status, time, said) = ended(child, signal);
            println!("{arguments:?} ended {time:?} after the signal: {said}");
            assert_eq!(status.code(), Some(130), "{arguments:?}: {said}");
            assert!(time < A_CALLS_PATIENCE, "{arguments:?} took {time:?}");
            assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        }
    }
    let left = std::fs::read_dir(home.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "x.csv" || name == ".local"), "{left:?}");
}

#[test]
fn a_dashboard_that_waits_for_an_answer_quits_all_the_same() {
    let (url, asked) = silent();
    let home = tempfile::tempdir().unwrap();
    let start = || Session::start_with(&[], home.path(), (80, 24), &variables(&url));
    for signal in [Signal::TERM, Signal::INT] {
        let mut session = start();
        let _asking = asked.recv().unwrap();
        session.signal(signal);
        session.exit();
    }
    let mut session = start();
    let _asking = asked.recv().unwrap();
    session.keys("q");
    session.exit();
}
