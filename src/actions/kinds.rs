//! What a place holds, told before it is opened: whatever is no token is named, with what opens it. And what a token proved,
//! once all of it was read.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use jiff::Timestamp;

use crate::aws::transfer::Head;
use crate::domain::format::{FIRST_BYTES, is_data_key, of_body, token_len};
use crate::domain::{Bond, Fault, FaultKind, ObjectFormat, Refuted, Verified};
use crate::envelope::Opened;

/// What says in an object's metadata how long its plaintext is.
const LENGTH: &str = "strongroom-length";

/// The fault of an object that is no token.
pub(super) fn no_token(act: &str, object: impl fmt::Display, format: ObjectFormat) -> Fault {
    let cause = format!("it is {} ({})", format.described(), format.as_str());
    Fault::new(FaultKind::NoToken, act, object.to_string(), cause, format.opened_by())
}

/// The fault of a token that fails, with what its length tells: bytes are missing, or more of them follow.
pub(super) fn with_length(mut fault: Fault, head: &Head) -> Fault {
    let length = head.metadata.get(LENGTH).and_then(|digits| digits.parse().ok());
    let stored = head.length;
    if let (FaultKind::Integrity, Some(length)) = (fault.kind, length)
        && token_len(length) != Some(stored)
    {
        fault.cause = format!("{}; {}", fault.cause, Refuted::Size { stored, length });
    }
    fault
}

/// What a file is, without taking anything of it; nothing for a pipe, which can be read only once.
pub(super) fn of_file(file: &File) -> io::Result<Option<ObjectFormat>> {
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut first = [0; FIRST_BYTES];
    let mut count = 0;
    while count < FIRST_BYTES {
        match file.read_at(&mut first[count..], count as u64) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let size = file.metadata()?.len();
    Ok(Some(match &first[..count] {
        [0x1f, 0x8b, ..] => ObjectFormat::Archive,
        first if is_data_key(first, size) => ObjectFormat::KeyObject,
        first => of_body(first).unwrap_or(ObjectFormat::Plain),
    }))
}

/// What a token proved that was read to its end and held.
pub(super) fn verified((opened, bond): (Opened, Bond)) -> Verified {
    Verified::new(bond, opened.created, Timestamp::now())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::domain::format::begins_token;
    use crate::envelope;

    #[test]
    fn what_a_head_reckons_and_what_the_envelope_makes_are_of_one_length() {
        for length in (0..1000).chain([1 << 20, (1 << 40) + 7]) {
            assert_eq!(token_len(length), Some(envelope::token_len(length)), "{length}");
        }
        assert_eq!(token_len(u64::MAX), None);
    }

    #[test]
    fn what_begins_a_token_has_a_header_and_the_reverse() {
        let header = "gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for text in [
            header.to_owned(),
            format!(" \n{header}"),
            header.replace("gA", "gP"),
            header.replace("gA", "hA"),
        ] {
            let is_token = begins_token(text.as_bytes());
            assert_eq!(is_token, envelope::header_of(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn a_local_file_is_told_by_its_beginning_and_is_left_where_it_was() {
        let of = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            of_file(&file).unwrap()
        };
        assert_eq!(of(b"\n gAAAAABl"), Some(ObjectFormat::Fernet));
        assert_eq!(of(b"\x02\x05\x78\x00"), Some(ObjectFormat::AwsEncryptionSdk));
        assert_eq!(of(b"\x1f\x8b\x08"), Some(ObjectFormat::Archive));
        let wrapped = [&b"\x01\x02\x03\x00\x78"[..], &[0xb7; 179]].concat();
        assert_eq!(of(&wrapped), Some(ObjectFormat::KeyObject));
        assert_eq!(of(b""), Some(ObjectFormat::Plain));
        assert_eq!(of_file(&File::open("/dev/null").unwrap()).unwrap(), None);
    }
}
