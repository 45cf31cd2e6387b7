//! The README tells the truth: its tables of keys and of policy documents are the program's own.

use strongroom::app::{COMMANDS, Keymap};
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
    let mut table = String::from("| document | what it lets a person do |\n| --- | --- |\n");
    for capability in CAPABILITIES {
        let name = capability.name;
        table.push_str(&format!(
            "| [{name}](assets/policies/{name}.json) | {} |\n",
            capability.lets
        ));
    }
    assert!(readme.contains(&table), "put this table into the README:\n{table}");
}
