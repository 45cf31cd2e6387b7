//! Names from outside, which must stay inside a folder.

use std::path::{Path, PathBuf};

use super::sweep::is_ours;
use crate::domain::Fault;

/// `folder` + a relative name from outside, which must stay inside.
pub(super) fn inside(folder: &Path, name: &str) -> Result<PathBuf, Fault> {
    let relative = Path::new(name);
    let leaves = name.starts_with('/') || name.split('/').any(|part| part == "..");
    // `Path` would pass over empty parts and single dots, and two names could become one file.
    let is_file_name = !name.contains('\0') && name.split('/').all(|part| !["", "."].contains(&part));
    if name.split('/').any(is_ours) {
        let cause = "files of such names are swept away as what an earlier strongroom left half made";
        let remedy = "download it alone, to another name";
        return Err(Fault::invalid("write", name, cause, remedy));
    }
    let (cause, remedy) = match (leaves, is_file_name) {
        (false, true) => return Ok(folder.join(relative)),
        (true, _) => (
            "the name leaves the destination folder",
            "do not open it: whoever made it meant another folder",
        ),
        (false, false) => (
            "no file can have this name: a part of it is empty, is `.`, or holds a zero byte",
            "decrypt it by itself, to a name of your choice",
        ),
    };
    Err(Fault::integrity("write", name, cause, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_never_leave_the_folder() {
        for bad in [
            "",
            "..",
            "a/../../b",
            "/etc/passwd",
            "../x",
            "a//b",
            "a/./b",
            "./a",
            "a/",
            "a\0b",
        ] {
            assert!(inside(Path::new("out"), bad).is_err(), "{bad}");
        }
        assert_eq!(inside(Path::new("out"), "a/b").unwrap(), Path::new("out/a/b"));
    }

    #[test]
    fn only_a_name_that_leaves_the_folder_is_accused_of_it() {
        let cause = |name: &str| inside(Path::new("out"), name).unwrap_err().cause;
        for leaving in ["..", "a/../../b", "/etc/passwd", "../x"] {
            assert!(cause(leaving).contains("leaves"), "{leaving}");
        }
        for odd in ["", "a//b", "./dot", "a/", "a\0b"] {
            assert!(!cause(odd).contains("leaves"), "{odd}");
        }
    }
}
