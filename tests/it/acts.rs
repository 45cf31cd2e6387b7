//! The twenty most usual acts and what they cost in keystrokes: typed into the real program, in the order of a working day.
//! The README's table is this one.

use crate::pty::{ENTER, ESC, Session};

const WIDE: (u16, u16) = (120, 36);

/// One act, begun with the cursor on what it is about.
struct Act {
    says: &'static str,
    /// Where the person is before: keys that go to the pane, and the row that is selected there. Not counted.
    at: (&'static str, &'static str),
    /// Each key with what the screen shows once it has done its work.
    keys: &'static [(Key, &'static str)],
    /// What it may cost at most: what it cost when this was first counted.
    at_most: usize,
    /// Whether a page or a filter is open then, which Esc leaves.
    opens: bool,
}

/// A keystroke; or words that the person thinks of, which count as one.
#[derive(Clone, Copy)]
enum Key {
    Press(&'static str),
    Enter,
    Words(&'static str),
}

use Key::{Enter, Press, Words};

/// Panes by their keys.
const KEYS: &str = "1";
const GRANTS: &str = "2";
const OBJECTS: &str = "3";
const JOBS: &str = "4";
const FILES: &str = "5";

/// What no longer lies beside its token when that is decrypted: no file is replaced.
const DECRYPTED: &str = "notes.txt";

const ACTS: &[Act] = &[
    Act {
        says: "details of the key",
        at: (KEYS, "training-data"),
        keys: &[(Enter, "Rotation")],
        at_most: 1,
        opens: true,
    },
    Act {
        says: "copy the key's ARN",
        at: (KEYS, "training-data"),
        keys: &[(Press("y"), "Copied")],
        at_most: 1,
        opens: false,
    },
    Act {
        says: "encrypt the file and upload it (the first time under a key asks)",
        at: (FILES, "housing.csv"),
        keys: &[
            (Press("e"), "Encrypt and upload"),
            (Press("y"), "Encrypted and uploaded"),
        ],
        at_most: 2,
        opens: false,
    },
    Act {
        says: "encrypt and upload another",
        at: (FILES, "notes.txt"),
        keys: &[(Press("e"), "notes.txt (173 B)")],
        at_most: 1,
        opens: false,
    },
    Act {
        says: "the aws commands for it",
        at: (FILES, "housing.csv"),
        keys: &[(Press("Y"), "Copied")],
        at_most: 1,
        opens: false,
    },
    Act {
        says: "verify the object",
        at: (OBJECTS, "housing.csv"),
        keys: &[(Press("v"), "intact")],
        at_most: 1,
        opens: false,
    },
    Act {
        says: "first lines of the object, decrypted",
        at: (OBJECTS, "housing.csv"),
        keys: &[(Press("P"), "distance")],
        at_most: 1,
        opens: true,
    },
    Act {
        says: "decrypt the object into a file",
        at: (OBJECTS, DECRYPTED),
        keys: &[(Press("d"), "Enter send"), (Enter, "Decrypted")],
        at_most: 2,
        opens: false,
    },
    Act {
        says: "is this bucket encrypted? an audit",
        at: (OBJECTS, "housing.csv"),
        keys: &[(Press("V"), "Audit s3://"), (Enter, "Audit of s3://")],
        at_most: 2,
        opens: true,
    },
    Act {
        says: "prove whether a role may use the key",
        at: (KEYS, "training-data"),
        keys: &[(Press("p"), "▸ example-role"), (Enter, "Access proof")],
        at_most: 2,
        opens: true,
    },
    Act {
        says: "grant the key's use to a role",
        at: (GRANTS, ""),
        keys: &[(Press("n"), "▸ example-role"), (Enter, "The grant works")],
        at_most: 2,
        opens: false,
    },
    Act {
        says: "train on the object",
        at: (OBJECTS, "housing.csv"),
        keys: &[(Press("t"), "▸ example-role"), (Enter, "Started the job train-")],
        at_most: 2,
        opens: false,
    },
    Act {
        says: "log of the job",
        at: (JOBS, "train-"),
        keys: &[(Press("l"), "Log of train-")],
        at_most: 1,
        opens: true,
    },
    Act {
        says: "revoke the grant",
        at: (GRANTS, "example-role"),
        keys: &[(Press("x"), "Revoke the grant"), (Press("y"), "Revoked the grant")],
        at_most: 2,
        opens: false,
    },
    Act {
        says: "delete the object",
        at: (OBJECTS, DECRYPTED),
        keys: &[(Press("x"), "Delete"), (Press("y"), "Deleted")],
        at_most: 2,
        opens: false,
    },
    Act {
        says: "filter a list",
        at: (KEYS, "training-data"),
        keys: &[
            (Press("/"), "type to filter"),
            (Words("model"), "model-artifacts"),
            (Enter, "model-artifacts"),
        ],
        at_most: 3,
        opens: true,
    },
    Act {
        says: "sort by a column, here STATE",
        at: (KEYS, ""),
        keys: &[(Press("s"), "NAME"), (Press("s"), "STATE↑")],
        // Every column by its letter; it was one for each column that is further on.
        at_most: 2,
        opens: false,
    },
    Act {
        says: "operations that run and have run",
        at: (KEYS, ""),
        keys: &[(Press("o"), "Operations")],
        at_most: 1,
        opens: true,
    },
    Act {
        says: "another account, profile or Region",
        at: (KEYS, ""),
        keys: &[(Press("C"), ": context")],
        at_most: 1,
        opens: true,
    },
    Act {
        says: "any act by its name",
        at: (KEYS, ""),
        keys: &[(Press(":"), ""), (Words("policy"), "policy")],
        at_most: 2,
        opens: true,
    },
];

impl Act {
    fn typed(&self) -> String {
        let key = |(key, _): &(Key, &str)| match key {
            Press(key) => format!("`{key}`"),
            Enter => "`enter`".to_owned(),
            Words(_) => "words".to_owned(),
        };
        self.keys.iter().map(key).collect::<Vec<_>>().join(" ")
    }

    /// Does it, and leaves what it has opened.
    fn is_done(&self, session: &mut Session) {
        let (pane, row) = self.at;
        session.keys(pane);
        if !row.is_empty() {
            session.select(row);
        }
        for (key, shows) in self.keys {
            match key {
                Press(key) | Words(key) => session.keys(key),
                Enter => session.keys(ENTER),
            }
            .wait(shows);
        }
        if self.opens {
            session.keys(ESC);
        }
    }
}

#[test]
fn the_twenty_most_usual_acts_cost_no_more_keystrokes_than_they_did() {
    assert_eq!(ACTS.len(), 20);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("world");
    let arguments = ["--sandbox", "--sandbox-dir", folder.to_str().unwrap()];
    let mut session = Session::start(&arguments, home.path(), WIDE);
    session.wait("SANDBOX").wait("Disabled").wait("PendingDeletion");
    for act in ACTS {
        assert!(act.keys.len() <= act.at_most, "{} costs more than it did", act.says);
        act.is_done(&mut session);
    }
    session.keys("q");
    assert_eq!(session.exit(), 0);
}

#[test]
fn the_readmes_table_of_acts_is_the_one_that_is_typed_here() {
    let readme = include_str!("../../README.md");
    let row = |act: &Act| format!("| {} | {} |\n", act.says, act.typed());
    let rows: String = ACTS.iter().map(row).collect();
    let table = format!("| act, with the cursor on it | keystrokes |\n| --- | --- |\n{rows}");
    assert!(readme.contains(&table), "put this table into the README:\n{table}");
}
