//! What cannot go on says so in one line: a panic is a fault of ours. `train`'s are in `tests/interop/test_train.py`.

use std::process::{Command, Stdio};

/// Threads need room in memory. With too little of it one is refused, which is a panic of the runtime's.
#[test]
fn a_panic_is_one_line_and_exit_status_1() {
    let home = tempfile::tempdir().unwrap();
    let mut panics = 0;
    for megabytes in (48..400).step_by(8) {
        let limited = format!("ulimit -v {}; exec \"$0\" doctor", megabytes << 10);
        let output = Command::new("sh")
            .args(["-c", &limited, env!("CARGO_BIN_EXE_strongroom")])
            .env_clear()
            .env("HOME", home.path())
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // There may be no room to load it, or for what has no other way than to end at once.
        let is_not_loaded = said.contains("error while loading shared libraries");
        if is_not_loaded
            || said.contains("memory allocation of")
            || !said.contains("strongroom: ") && output.stdout.is_empty()
        {
            continue;
        }
        if !said.contains("a fault of strongroom itself") {
            // Everything got its thread.
            break;
        }
        panics += 1;
        assert_eq!(output.status.code(), Some(1), "{megabytes}: {said}");
        assert_eq!(said.lines().count(), 1, "{megabytes}: {said}");
        assert!(said.contains("please report it"), "{said}");
    }
    assert!(panics > 0);
}
