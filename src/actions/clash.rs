//! Names from outside that stand in each other's way in one folder: two for one file, or one for a file and for a folder.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Who stands in whose way. A name may be given several times by one owner, who never is in the own way.
pub(super) fn clashes(names: &[(usize, OsString)], folds_case: bool) -> Vec<(usize, usize)> {
    let spelled = |name: &OsStr| {
        if folds_case {
            folded(name)
        } else {
            name.as_bytes().to_vec()
        }
    };
    let mut owners: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for (owner, name) in names {
        let others = owners.entry(spelled(name)).or_default();
        found.extend(
            others
                .iter()
                .filter(|other| *other != owner)
                .map(|other| (*other, *owner)),
        );
        others.push(*owner);
    }
    for (owner, name) in names {
        let name = spelled(name);
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for folder in ends.map(|(at, _)| &name[..at]) {
            let files = owners.get(folder).into_iter().flatten();
            found.extend(files.filter(|other| *other != owner).map(|other| (*other, *owner)));
        }
    }
    found
}

/// As file systems spell a name that do not tell case. They agree on no table; whoever publishes files looks once more.
fn folded(name: &OsStr) -> Vec<u8> {
    match name.to_str() {
        Some(name) => name.to_lowercase().into_bytes(),
        None => name.as_bytes().to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(names: &[&str], folds_case: bool) -> Vec<(usize, usize)> {
        let names: Vec<_> = names.iter().map(OsString::from).enumerate().collect();
        clashes(&names, folds_case)
    }

    #[test]
    fn one_file_and_a_file_that_is_a_folder_are_found() {
        assert_eq!(clash(&["a", "b", "a"], false), [(0, 2)]);
        assert_eq!(clash(&["a/b/c", "a/b", "x"], false), [(1, 0)]);
        assert_eq!(clash(&["a/b", "ab", "a.b", "a b", "a/c", "A/b"], false), []);
    }

    #[test]
    fn case_counts_where_the_file_system_says_so() {
        assert_eq!(clash(&["A", "a"], false), []);
        assert_eq!(clash(&["A", "a", "Ä/x", "ä"], true), [(0, 1), (3, 2)]);
        assert_eq!(clash(&["A/x", "a/y"], true), []);
    }

    #[test]
    fn nobody_is_in_the_own_way() {
        let names = [
            (0, OsString::from("a")),
            (0, OsString::from("a")),
            (0, OsString::from("a/b")),
        ];
        assert_eq!(clashes(&names, false), []);
    }
}
