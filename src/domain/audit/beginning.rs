//! The beginning of a `model.tar.gz`: what its first members are. Enough to tell tokens from anything else; whether all of its
//! members are tokens only reading it to its end tells.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::domain::format::begins_token;

/// Of the archive's beginning no more is unpacked.
const UNPACKED: u64 = 256 << 10;
const BLOCK: usize = 512;
/// The bundle that lists what strongroom encrypted, of one host or of several.
const BUNDLE: &str = "strongroom.";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The first file is a token, or strongroom's bundle with a token behind it or nothing seen behind it.
    Tokens,
    /// The first file is neither.
    Other(String),
    /// No file's bytes are seen.
    Nothing,
}

/// What the beginning of a `tar.gz` holds, though it is cut off anywhere.
pub(super) fn beginning(first: &[u8]) -> Beginning {
    let mut plain = Vec::new();
    let mut unpacked = MultiGzDecoder::new(first).take(UNPACKED);
    // It ends in an error: there is more. What was unpacked by then is what counts.
    let _ = unpacked.read_to_end(&mut plain);
    let mut rest = plain.as_slice();
    let mut found = Beginning::Nothing;
    while let Some((header, behind)) = rest.split_at_checked(BLOCK) {
        let Some(member) = Member::read(header) else {
            return found;
        };
        let seen = behind.get(..member.size.min(behind.len())).unwrap_or_default();
        if member.is_file {
            let base = member.name.rsplit('/').next().unwrap_or_default();
            if base.starts_with(BUNDLE) && base.ends_with(".json") {
                found = Beginning::Tokens;
            } else if begins_token(seen) {
                return Beginning::Tokens;
            } else if member.size > 0 && seen.len() >= member.size.min(BLOCK) {
                return Beginning::Other(member.name);
            }
        }
        let padded = member.size.div_ceil(BLOCK).saturating_mul(BLOCK);
        rest = behind.get(padded..).unwrap_or_default();
    }
    found
}

struct Member {
    name: String,
    size: usize,
    is_file: bool,
}

impl Member {
    /// `None` if it is no header of the format.
    fn read(header: &[u8]) -> Option<Self> {
        let header = tar::Header::from_byte_slice(header);
        let path = header.path_bytes();
        let sum = header.cksum().ok()?;
        let signs = header.as_bytes().iter().enumerate();
        let reckoned: u32 = signs
            .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
            .sum();
        (sum == reckoned && !path.is_empty()).then(|| Self {
            name: String::from_utf8_lossy(&path).trim_start_matches("./").to_owned(),
            size: header
                .size()
                .ok()
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(0),
            is_file: header.entry_type().is_file(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut folder = tar::Header::new_gnu();
        folder.set_entry_type(tar::EntryType::Directory);
        folder.set_size(0);
        tar.append_data(&mut folder, "./", std::io::empty()).unwrap();
        for (name, bytes) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&tar.into_inner().unwrap()).unwrap();
        gzip.finish().unwrap()
    }

    fn token(length: usize) -> Vec<u8> {
        let signs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let noise = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            signs[usize::from(state.to_be_bytes()[3] % 64)]
        });
        b"gAAAAABl".iter().copied().chain(noise).collect()
    }

    #[test]
    fn tokens_are_found_in_an_archive_that_is_cut_off_anywhere_behind_its_first_header() {
        let whole = archive(&[("model.joblib", &token(200_000))]);
        for cut in [512, 4096, 16 << 10, whole.len() - 1, whole.len()] {
            assert_eq!(beginning(&whole[..cut]), Beginning::Tokens, "{cut}");
        }
        let bundle = archive(&[("strongroom.json", b"{}"), ("model.joblib", &token(9))]);
        assert_eq!(beginning(&bundle), Beginning::Tokens);
        let of_a_host = archive(&[("strongroom.algo-1.json", b"{}"), ("a", &token(9))]);
        assert_eq!(beginning(&of_a_host), Beginning::Tokens);
    }

    #[test]
    fn a_plain_member_is_named_and_what_tells_nothing_is_not_guessed() {
        let plain = archive(&[("code/train.py", b"print(1)"), ("model", &token(9))]);
        assert_eq!(beginning(&plain), Beginning::Other("code/train.py".to_owned()));
        let behind = archive(&[("strongroom.json", b"{}"), ("model", b"plain")]);
        assert_eq!(beginning(&behind), Beginning::Other("model".to_owned()));
        for nothing in [&b"\x1f\x8b\x08"[..], b"", &archive(&[])] {
            assert_eq!(beginning(nothing), Beginning::Nothing);
        }
    }
}
