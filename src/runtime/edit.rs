//! A text in the person's own editor: `$VISUAL`, `$EDITOR`, else `vi`, on a private file that is gone afterwards.

use std::fs;
use std::io::Write;
use std::process::Command;

use crate::domain::Fault;

/// Edits a text under a file name that ends in `name`; the text as it was saved.
pub(super) fn run(text: &str, name: &str) -> Result<String, Fault> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let fault = |cause: String| {
        let remedy = "set VISUAL or EDITOR to an editor that waits; nothing was changed";
        Fault::io("edit with", editor.as_str(), cause, remedy)
    };
    let mut file = tempfile::Builder::new()
        .prefix("strongroom-")
        .suffix(name)
        .tempfile()
        .map_err(|error| fault(error.to_string()))?;
    file.write_all(text.as_bytes())
        .map_err(|error| fault(error.to_string()))?;
    // An editor with arguments (`code --wait`) is a command of the shell's, as for every program that honours EDITOR.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status()
        .map_err(|error| fault(error.to_string()))?;
    if !status.success() {
        let saved = fs::read_to_string(file.path()).is_ok_and(|saved| saved != text);
        let kept = saved.then(|| file.keep().ok()).flatten();
        let kept = kept.map(|(_, path)| format!("; what it saved is in {}", path.display()));
        return Err(fault(format!("it ended with {status}{}", kept.unwrap_or_default())));
    }
    // Editors replace files: the name counts, not the file that was opened.
    fs::read_to_string(file.path()).map_err(|error| fault(error.to_string()))
}
