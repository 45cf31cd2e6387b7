//! File names as object keys and back. Keys are UTF-8; file names are bytes.
//!
//! A name that is UTF-8 is its own key. Bytes that are not become `%XX`, and so that every key leads back to one name,
//! a percent sign that could be read as one of ours becomes `%25`. Only these sequences are ever read back, so a key
//! like `a%20b` stays what it is.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The key of a file name or relative path.
pub(super) fn to_key(name: &OsStr) -> String {
    let mut key = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find('%') {
            key.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            if ours(rest.as_bytes()).is_some() {
                key.push_str("25");
            }
        }
        key.push_str(rest);
        for byte in chunk.invalid() {
            let _ = write!(key, "%{byte:02X}");
        }
    }
    key
}

/// The file name or relative path of a key.
pub(super) fn from_key(key: &str) -> OsString {
    let mut name = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match ours(after).filter(|_| first == b'%') {
            Some(byte) => {
                name.push(byte);
                rest = &after[2..];
            }
            None => {
                name.push(first);
                rest = after;
            }
        }
    }
    OsString::from_vec(name)
}

/// What two digits behind a percent sign stand for, if [`to_key`] may have put them there.
fn ours(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (byte >= 0x80 || byte == b'%').then_some(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_are_their_own_keys() {
        for name in ["a/b.csv", "100 %.txt", "a%20b", "ümlaut", "%", "%2", "50%4x"] {
            assert_eq!(to_key(OsStr::new(name)), name);
            assert_eq!(from_key(name), name);
        }
    }

    #[test]
    fn bytes_that_are_no_text_and_signs_that_look_like_them_are_written_out() {
        assert_eq!(to_key(OsStr::from_bytes(b"caf\xe9.txt")), "caf%E9.txt");
        assert_eq!(to_key(OsStr::new("caf%E9.txt")), "caf%25E9.txt");
        assert_eq!(to_key(OsStr::new("100%25")), "100%2525");
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'%'), Just(b'2'), Just(b'5'), Just(b'E')], 0..40)) {
            let name = OsStr::from_bytes(&name);
            prop_assert_eq!(from_key(&to_key(name)), name);
        }
    }
}
