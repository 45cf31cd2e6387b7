//! The README tells the truth: its tables of keys and of policy documents are the program's own.

use strongroom::app::{COMMANDS, Keymap};
use strongroom::domain::Capability;
use strongroom::domain::capability::CAPABILITIES;

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

#[test]
fn the_readmes_table_of_policy_documents_is_the_programs() {
    let readme = include_str!("../../README.md");
    let row = |one: &Capability| format!("| [{0}](assets/policies/{0}.json) | {1} |\n", one.name, one.lets);
    let rows: String = CAPABILITIES.iter().map(row).collect();
    let table = format!("| document | what it lets a person do |\n| --- | --- |\n{rows}");
    assert!(readme.contains(&table), "put this table into the README:\n{table}");
}
