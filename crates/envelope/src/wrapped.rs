//! What an encrypted data key looks like, for those who must not lose one.
//!
//! Losing C loses every token under it, so nothing of ours ever replaces one. C is opaque, but its outside is not: KMS's
//! `CiphertextBlob`s begin with `01 01` or `01 02`, then `02` or `03`, then `00 78`; the sandbox's of a data key have 79 bytes and
//! begin with `01` and a random UUID. Both count as they are and as base64, up to the longest that KMS makes. So does any
//! short file named `*.datakey` that is no token. What only looks like one is refused too, which costs another name.

use std::ffi::OsStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// KMS makes no longer ciphertext.
const LONGEST: u64 = 6144;
/// With its base64 wrapped in lines of 64, or spread worse.
pub const LONGEST_TEXT: u64 = 2 * LONGEST;
/// How every token begins.
const TOKEN: &[u8] = b"gAAAAA";
/// What the files of data keys are called.
pub const SUFFIX: &str = ".datakey";

/// Whether these bytes are an encrypted data key, or its base64.
pub fn is_wrapped(bytes: &[u8]) -> bool {
    let decoded = || {
        let tight: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        STANDARD.decode(tight).unwrap_or_default()
    };
    looks_wrapped(bytes) || (bytes.len() as u64 <= LONGEST_TEXT && looks_wrapped(&decoded()))
}

/// Whether a file of this name and content, which is no longer than [`LONGEST_TEXT`], is kept as an encrypted data key.
pub fn is_kept(name: &OsStr, bytes: &[u8]) -> bool {
    let is_named_so = name.as_encoded_bytes().ends_with(SUFFIX.as_bytes());
    is_wrapped(bytes) || (is_named_so && !bytes.is_empty() && !bytes.starts_with(TOKEN))
}

fn looks_wrapped(bytes: &[u8]) -> bool {
    if bytes.len() as u64 > LONGEST {
        return false;
    }
    match bytes {
        [0x01, 0x01 | 0x02, 0x02 | 0x03, 0x00, 0x78, ..] => true,
        // 1, key id, version of the material, nonce, and 32 bytes with their tag.
        [0x01, id @ ..] if bytes.len() == 79 => id[6] >> 4 == 4 && id[8] >> 6 == 0b10,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kms_ciphertexts_are_known_as_they_are_and_as_text() {
        for begins in [[1, 2, 3, 0, 0x78], [1, 1, 2, 0, 0x78], [1, 2, 2, 0, 0x78]] {
            let mut blob = begins.to_vec();
            blob.resize(184, 7);
            assert!(is_wrapped(&blob));
            let mut text = STANDARD.encode(&blob);
            assert!(is_wrapped(text.as_bytes()));
            text.insert(64, '\n');
            text.push('\n');
            assert!(is_wrapped(text.as_bytes()));
            blob.resize(LONGEST as usize + 1, 7);
            assert!(!is_wrapped(&blob));
        }
    }

    #[test]
    fn other_files_are_not() {
        for other in [
            &b""[..],
            b"x,y\n1,2\n",
            b"gAAAAABl",
            b"\x01\x80\x03\x78",
            &[1; 79],
            &[0; 79],
            b"\x1f\x8b\x08",
        ] {
            assert!(!is_wrapped(other), "{other:?}");
        }
        let name = OsStr::new("tok.datakey");
        assert!(is_kept(name, b"anything"));
        assert!(!is_kept(name, b"") && !is_kept(name, b"gAAAAABl"));
        assert!(!is_kept(OsStr::new("datakey"), b"anything"));
    }
}
