//! Who may import whom: the rules of `src/lib.rs`, read off the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use circles::paths;

#[path = "layering/circles.rs"]
mod circles;
#[path = "layering/reach.rs"]
mod reach;

/// For every module at the top: the modules it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("printable", &[]),
    ("domain", &[]),
    ("envelope", &[]),
    ("publish", &["domain"]),
    ("sandbox", &[]),
    ("cli", &[]),
    ("term", &[]),
    ("app", &["domain"]),
    ("ui", &["app", "domain"]),
    ("aws", &["domain", "config"]),
    ("console", &["domain"]),
    (
        "actions",
        &["aws", "envelope", "publish", "domain", "config", "console"],
    ),
    (
        "training",
        &["actions", "aws", "envelope", "publish", "domain", "config", "console"],
    ),
    ("perform", &["actions", "aws", "domain"]),
    ("worker", &["app", "perform", "actions", "aws", "domain"]),
    ("config", &["cli", "app", "ui", "domain"]),
    (
        "runtime",
        &["app", "ui", "worker", "term", "config", "console", "actions", "domain"],
    ),
    (
        "commands",
        &[
            "cli", "config", "console", "perform", "actions", "aws", "envelope", "domain", "training",
        ],
    ),
    (
        "program",
        &[
            "cli", "config", "console", "actions", "commands", "domain", "runtime", "term", "training",
        ],
    ),
];

/// What everybody may name.
const EVERYBODYS: &str = "printable";

/// Crates that only some modules may name.
const CRATES: &[(&str, &[&str])] = &[
    ("aws_sdk_", &["aws"]),
    ("aws_config", &["aws"]),
    ("aws_smithy_", &["aws"]),
    ("aws_credential_types", &["aws"]),
    ("aws_types", &["aws"]),
    ("aes", &["envelope", "sandbox"]),
    ("aes_gcm", &["envelope", "sandbox"]),
    ("cbc", &["envelope", "sandbox"]),
    ("fernet", &["envelope", "sandbox"]),
    ("hkdf", &["envelope", "sandbox"]),
    ("hmac", &["envelope", "sandbox"]),
    // Names the file of a login.
    ("sha1", &["aws"]),
    ("sha2", &["envelope", "sandbox"]),
    ("s3s", &["sandbox"]),
    ("strongroom_envelope", &[]),
    ("strongroom_sandbox", &["commands", "program"]),
    ("hyper", &["sandbox"]),
    ("crossterm", &["term", "runtime"]),
    ("ratatui", &["ui", "term", "runtime"]),
];

/// What writes where people read; only these modules may, the rest goes through them.
const SINKS: &[&str] = &[
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
    "io::stdout",
    "io::stderr",
    "stdio::",
    "/dev/tty",
];
/// `stream` opens the outputs that a person named, for data.
const SINK_OWNERS: &[&str] = &["console.rs", "term.rs", "term/input.rs", "actions/stream.rs"];

/// What the pure modules must not know.
const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

#[test]
fn modules_import_only_what_they_may() {
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!(
                "{}: the module `{module}` has no rule in this test",
                path.display()
            ));
            continue;
        };
        let named = paths(&code);
        for (other, _) in ALLOWED {
            let is_open = *other == module || *other == EVERYBODYS || allowed.contains(other);
            let is_named = |path: &String| {
                let mut parts = path.split([':', ' ']).filter(|part| !part.is_empty());
                parts.next() == Some("crate") && parts.next() == Some(other)
            };
            if !is_open && named.iter().any(is_named) {
                wrong.push(format!("{}: `{module}` names `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_foreign_crate_is_named_only_behind_its_door() {
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        for (foreign, doors) in CRATES {
            let named = if foreign.ends_with('_') {
                code.contains(foreign)
            } else {
                names(&code, &format!("{foreign}::"))
            };
            if named && !doors.contains(&module.as_str()) {
                wrong.push(format!("{}: names `{foreign}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_its_drawing_and_the_envelope_know_no_world() {
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        if ["domain", "app", "ui", "envelope"].contains(&module.as_str()) {
            for word in IMPURE {
                // The envelope is a pipeline of threads.
                if code.contains(word) && !(module == "envelope" && *word == "std::thread") {
                    wrong.push(format!("{}: names `{word}`", path.display()));
                }
            }
        }
        if module == "ui" && code.contains("&mut State") {
            wrong.push(format!("{}: drawing takes `&mut State`", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A fault by itself speaks of options of the command line.
#[test]
fn the_dashboard_words_every_fault_as_its_own_door_does() {
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        if ["app", "ui"].contains(&module.as_str()) {
            for word in ["fault.to_string()", "{fault}", "fault.remedy"] {
                if code.replace("fault.remedy_at", "").contains(word) {
                    wrong.push(format!("{}: says `{word}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whatever_people_read_is_written_in_two_places_only() {
    let mut wrong = Vec::new();
    let main = root().join("main.rs");
    let main = (
        "main".to_owned(),
        main.clone(),
        code(&fs::read_to_string(main).unwrap()),
    );
    for (_, path, code) in sources().into_iter().chain([main]) {
        let is_test = path.iter().any(|part| part == "tests");
        let is_owner = is_test || SINK_OWNERS.iter().any(|owner| path.ends_with(owner));
        for sink in SINKS {
            if code.contains(sink) && !is_owner {
                wrong.push(format!("{}: names `{sink}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_module_file_is_called_mod_rs() {
    let found: Vec<_> = files(&root())
        .into_iter()
        .chain(files(&crates()))
        .filter(|path| path.ends_with("mod.rs"))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")
}

/// Module, path and code (without comments and unit tests) of every file of the library, and of the crates beside it, which
/// count as a module each.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = root();
    let mut found = BTreeMap::new();
    for path in files(&crates()) {
        let relative = path.strip_prefix(crates()).unwrap().to_path_buf();
        let module = relative.iter().next().unwrap().to_string_lossy().into_owned();
        let is_source = relative.iter().nth(1).is_some_and(|part| part == "src");
        let is_test = relative.iter().any(|part| part == "tests" || part == "tests.rs");
        if is_source && !is_test {
            found.insert(relative, (module, code(&fs::read_to_string(&path).unwrap())));
        }
    }
    for path in files(&root) {
        let relative = path.strip_prefix(&root).unwrap().to_path_buf();
        let module = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        let is_test = relative.file_stem().is_some_and(|stem| stem == "tests");
        if !["main", "lib"].contains(&module.as_str()) && !is_test {
            found.insert(relative, (module, code(&fs::read_to_string(&path).unwrap())));
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
        .into_iter()
        .map(|(path, (module, code))| (module, path, code))
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether `word` stands in `code` with nothing before or after it that would make it another name.
fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(|c| part(c) || c == ':') && (word.ends_with(':') || !after.is_some_and(part))
    })
}
