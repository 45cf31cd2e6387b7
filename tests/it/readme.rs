//! The README tells the truth: its table of keys is the program's own.

use strongroom::app::{COMMANDS, Keymap};

#[test]
fn the_readmes_table_of_keys_is_the_programs() {
    let readme = include_str!("../../README.md");
    let keymap = Keymap::default();
    let mut table = String::from("| key | command | what it does |\n| --- | --- | --- |\n");
    for entry in COMMANDS {
        let keys: Vec<String> = keymap
            .keys(entry.command)
            .iter()
            .map(|key| format!("`{key}`"))
            .collect();
        table.push_str(&["| ", &keys.join(" "), " | ", entry.name, " | ", entry.help, " |\n"].concat());
    }
    assert!(readme.contains(&table), "put this table into the README:\n{table}");
}
