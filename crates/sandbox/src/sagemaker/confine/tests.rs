use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use serde_json::json;

use super::super::kind::Kind;
use super::super::tests::{body, completed, model, processes, up, world};
use super::super::{SERVICE, create_unasked};
use super::*;
use crate::identity::Caller;
use crate::world::random_hex;

/// A job that looks for what it must not see, and writes down what it found.
const THIEF: &str = r#"
if [ "$TRAINING_JOB_NAME" = victim ]; then
    echo plaintext > "$STRONGROOM_MEMORY_ROOT/plaintext"; touch up; exec sleep 1000
fi
exec 2>/dev/null
found() { echo "$1" >> model/found; }
cat input/data/train/x && found own-data
cd "$PWD" && ls ../*/up && found victims-folder-beside
ls "$WORLD"/jobs/*/up && found victims-folder
ls "$WORLD"/objects && found world
cat /dev/shm/strongroom-sandbox-job-*/plaintext && found victims-memory
touch "$STRONGROOM_MEMORY_ROOT/mine" && found own-memory
kill -0 "$SANDBOX" && found sandbox-can-be-killed
for process in /proc/[0-9]*; do
    tr '\0' '\n' < $process/environ | grep -q TRAINING_JOB_NAME=victim && found victims-credentials
    ls $process/root/"$WORLD"/objects && found world-by-process
    ls $process/cwd/up && found victims-folder-by-process
done
touch "$WORLD"/mine && found place-in-the-world
[ -S "$SOCKET" ] && found socket-of-the-machine
for setting in /proc/sys/vm/overcommit_memory /sys/kernel/mm/transparent_hugepage/enabled; do
    [ -w "$setting" ] && found setting-of-the-machine
done
getent hosts localhost > /dev/null || found no-names
# As root it would take the machine's own folders off.
if [ "$(readlink /proc/self/ns/user)" = "$OUTSIDE" ]; then found the-machines-own-namespaces; exit 0; fi
for folder in "$WORLD" /dev/shm /proc "$PWD"; do umount "$folder"; umount -l "$folder"; done
ls "$WORLD"/objects && found world-after-umount
unshare --user --map-root-user --mount sh -c 'umount -l "$WORLD"; ls "$WORLD"/objects' && found world-in-namespaces-of-its-own
nsenter --target 1 --mount ls "$WORLD"/objects && found world-in-the-first-namespace
true
"#;

/// A socket as the machine's services have theirs, where this user may make one.
struct Listening(PathBuf, Option<UnixListener>);

impl Listening {
    fn new() -> Self {
        let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from("/run"), PathBuf::from);
        let place = folder.join(format!("strongroom-test-{}.sock", random_hex::<8>()));
        let listener = UnixListener::bind(&place).ok();
        Self(place, listener)
    }

    fn is_there() -> bool {
        Self::new().1.is_some()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.1.is_some() {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// What the thief found, sorted.
async fn found(confinement: Option<Confinement>, is_isolated: bool) -> Vec<String> {
    let world = world(THIEF);
    if let Some(forced) = confinement {
        world.confinement.set(forced).unwrap();
    }
    assert!(world.root.join("objects").exists());
    create_unasked(&world, &body("victim")).unwrap();
    let victim = up(&world).await;
    let mut thief = body("thief");
    thief["EnableNetworkIsolation"] = json!(is_isolated);
    let outside = std::fs::read_link("/proc/self/ns/user").unwrap();
    let sandbox = std::process::id().to_string();
    let socket = Listening::new();
    thief["Environment"] = json!({ "WORLD": world.root, "SANDBOX": sandbox, "OUTSIDE": outside, "SOCKET": socket.0 });
    completed(&world, &thief).await;
    assert!(processes(&victim) > 0);
    let mut found: Vec<String> = model(&world, "thief").lines().map(str::to_owned).collect();
    found.sort();
    found.dedup();
    world.end_jobs().await;
    assert_eq!(processes(&victim), 0);
    found
}

#[tokio::test]
async fn a_job_finds_neither_the_world_nor_another_jobs_data() {
    for is_isolated in [false, true] {
        assert_eq!(found(None, is_isolated).await, ["own-data", "own-memory"]);
    }
}

#[tokio::test]
async fn where_nothing_is_confined_the_same_job_finds_them() {
    let found = found(Some(Confinement::Nothing), false).await;
    let is_there = |what: &str| found.iter().any(|found| found == what);
    assert_eq!(is_there("socket-of-the-machine"), Listening::is_there());
    if rustix::process::geteuid().is_root() {
        assert!(is_there("setting-of-the-machine"), "{found:?}");
    }
    let all = "victims-folder victims-folder-beside victims-memory victims-credentials victims-folder-by-process world \
        world-by-process sandbox-can-be-killed the-machines-own-namespaces";
    for what in all.split(' ') {
        assert!(is_there(what), "{what}: {found:?}");
    }
}

#[tokio::test]
async fn variables_of_the_request_reach_the_job_and_not_what_confines_it() {
    let world = world(
        "printf '%s|' \"$LD_PRELOAD\" \"$TEXT\" \"$HOME\" \"$STRONGROOM_JOB_NAMES\" > model/said; env | grep -c STRONGROOM_JOB_ >> model/said; true",
    );
    let mut body = body("job");
    let text = "two\nlines, 'quotes' \"and\" $(more) \\";
    body["Environment"] = json!({ "LD_PRELOAD": "/nonexistent.so", "TEXT": text, "HOME": "/elsewhere" });
    completed(&world, &body).await;
    let said = model(&world, "job");
    let start = format!("/nonexistent.so|{text}|{}", world.root.display());
    assert!(said.starts_with(&start), "{said}");
    assert!(said.ends_with("||0\n"), "{said}");
    // The loader complains of each program that it starts with this: the shell, env and grep.
    let service = Caller::service(SERVICE, &world.home);
    let request = json!({ "logGroupName": Kind::Training.log_group() });
    let logged = crate::logs::call(&world, &service, "FilterLogEvents", &request).unwrap();
    let lines = logged["events"].as_array().unwrap().len();
    assert!(lines <= 3, "{logged}");
}

#[tokio::test]
async fn what_a_job_leaves_behind_ends_with_it() {
    let world = world("setsid sleep 1000 & sleep 0.05; touch up model/x");
    completed(&world, &body("job")).await;
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let environ = std::fs::read(process.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environ).contains(&format!("STRONGROOM_ML_ROOT={}", world.root.display()))
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn the_jobs_folder_is_at_opt_ml_and_the_rest_of_opt_is_as_it_was() {
    let world = world(
        "cp /opt/ml/input/data/train/x /opt/ml/model/x; ls -A /opt > model/x; ls -A /opt/ml/input >> model/x; \
         echo \"$1\" >> model/x",
    );
    completed(&world, &body("job")).await;
    let mut here: Vec<String> = std::fs::read_dir("/opt")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    here.push("ml".to_owned());
    here.sort();
    here.dedup();
    here.extend(["config", "data", "train"].map(str::to_owned));
    assert_eq!(model(&world, "job").lines().collect::<Vec<_>>(), here);
}

#[tokio::test]
async fn an_entry_point_of_the_request_runs_in_place_of_the_images_own() {
    let world = world("exit 3");
    let mut body = body("job");
    body["AlgorithmSpecification"]["ContainerEntrypoint"] = json!(["/bin/sh", "-c"]);
    body["AlgorithmSpecification"]["ContainerArguments"] = json!(["echo \"$0 $1\" > /opt/ml/model/said", "a", "b c"]);
    completed(&world, &body).await;
    assert_eq!(model(&world, "job"), "a b c\n");
}

#[tokio::test]
async fn an_empty_word_of_a_command_is_a_word_and_a_line_break_in_one_is_refused() {
    let world = world("printf '<%s>' \"$@\" > model/said");
    let mut body = body("job");
    body["AlgorithmSpecification"]["ContainerArguments"] = json!(["a", "", "c"]);
    completed(&world, &body).await;
    assert_eq!(model(&world, "job"), "<a><><c>");
    body["TrainingJobName"] = json!("lines");
    body["AlgorithmSpecification"]["ContainerArguments"] = json!(["a\nb"]);
    let refused = super::super::request::Training::parse(&body).unwrap_err();
    let is_told = refused.message.contains("regular expression pattern: .*");
    assert!(is_told, "{}", refused.message);
}

#[tokio::test]
async fn an_isolated_job_has_a_loopback_that_is_not_the_machines() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = world(&format!(
        "grep -o 127.0.0.1 /proc/net/fib_trie | head -n 1 > model/said; \
         bash -c '(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached >> model/said'; true"
    ));
    let mut body = body("job");
    body["EnableNetworkIsolation"] = json!(true);
    completed(&world, &body).await;
    assert_eq!(model(&world, "job"), "127.0.0.1\n");
}
