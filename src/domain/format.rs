//! What an object is, as far as its beginning and its size tell: never whether it is intact. Pure, and the same for S3
//! objects, local files, archive members and what a container is given.

use std::ops::RangeInclusive;

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine as _};

use super::worded::worded;

/// How much of a body is looked at to tell what it is.
pub const FIRST_BYTES: usize = 512;

worded! {
    /// What an object is, or says it is; whether it is intact only reading it to its end tells.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ObjectFormat: "The word that the command line's `--json` uses." {
        /// A token with strongroom's metadata.
        Strongroom = "strongroom",
        /// A Fernet token without them (the boto3 way).
        Fernet = "fernet",
        /// An encrypted data key: the raw bytes of C.
        KeyObject = "key-object",
        /// A model archive (`model.tar.gz`), whose members may be tokens.
        Archive = "archive",
        /// The S3 encryption client's envelope.
        S3EncryptionClient = "s3-encryption-client",
        /// The AWS Encryption SDK's message format.
        AwsEncryptionSdk = "aws-encryption-sdk",
        /// Encrypted by S3 with a KMS key.
        SseKms = "sse-kms",
        /// Encrypted by S3 with its own key only: plain to whoever may read it.
        SseS3 = "sse-s3",
        /// Not encrypted.
        Plain = "plain",
    }
}

impl ObjectFormat {
    /// Whether it says it is a token, which strongroom opens.
    pub fn is_token(self) -> bool {
        match self {
            Self::Strongroom | Self::Fernet => true,
            Self::KeyObject
            | Self::Archive
            | Self::S3EncryptionClient
            | Self::AwsEncryptionSdk
            | Self::SseKms
            | Self::SseS3
            | Self::Plain => false,
        }
    }

    /// Whether the body is stored as it is: whoever may read the object reads it.
    pub fn is_open(self) -> bool {
        match self {
            Self::SseKms | Self::SseS3 | Self::Plain => true,
            Self::Strongroom
            | Self::Fernet
            | Self::KeyObject
            | Self::Archive
            | Self::S3EncryptionClient
            | Self::AwsEncryptionSdk => false,
        }
    }

    /// What it is, in words that go on after `it is`.
    pub fn described(self) -> &'static str {
        match self {
            Self::Strongroom => "a Fernet token with strongroom's metadata",
            Self::Fernet => "a Fernet token",
            Self::KeyObject => "an encrypted data key, not a token",
            Self::Archive => "an archive, not a token",
            Self::S3EncryptionClient => "encrypted by the Amazon S3 Encryption Client, not a token",
            Self::AwsEncryptionSdk => "a message of the AWS Encryption SDK, not a token",
            Self::SseKms => "not encrypted by a client: S3 encrypts it at rest with a KMS key",
            Self::SseS3 => "not encrypted by a client: S3 encrypts it at rest with its own key",
            Self::Plain => "not encrypted",
        }
    }

    /// What to do with it instead of opening it as a token.
    pub fn opened_by(self) -> &'static str {
        match self {
            Self::Strongroom | Self::Fernet => "decrypt opens it",
            Self::KeyObject => "open the token that it belongs to",
            Self::Archive => "give it a name in .tar.gz, and its members are opened",
            Self::S3EncryptionClient => "an Amazon S3 Encryption Client opens it, with the key that wraps its data key",
            Self::AwsEncryptionSdk => "the AWS Encryption SDK or its command line, aws-encryption-cli, opens it",
            Self::SseKms => "whoever may read it and use that KMS key gets it as it is, with any S3 client (aws s3 cp)",
            Self::SseS3 => "whoever may read it gets it as it is, with any S3 client (aws s3 cp)",
            Self::Plain => "it can be read as it is",
        }
    }
}

/// What these first bytes of a body begin, if they tell: a token, or a message of the AWS Encryption SDK.
pub fn of_body(first: &[u8]) -> Option<ObjectFormat> {
    match first {
        _ if begins_token(first) => Some(ObjectFormat::Fernet),
        // Version, type, suite without key commitment.
        [0x01, 0x80, 0x00..=0x03, 0x14 | 0x46 | 0x78, ..]
        // Version, suite with key commitment.
        | [0x02, 0x04 | 0x05, 0x78, ..] => Some(ObjectFormat::AwsEncryptionSdk),
        _ => None,
    }
}

/// Characters that hold a token's version, time and IV.
const HEADER: usize = 36;
/// The first byte of every token.
const VERSION: u8 = 0x80;

/// Whether these first bytes of a body begin a token, in either alphabet of base64: with the version and a time of the next
/// two thousand years, or with any other time if a whole header stands there in one word. White space is skipped, as when
/// it is opened.
pub fn begins_token(first: &[u8]) -> bool {
    let first = first.get(..FIRST_BYTES).unwrap_or(first);
    let space = first.iter().take_while(|byte| is_space(**byte)).count();
    let text = &first[space..];
    let mut letters = text.iter().filter(|byte| !is_space(**byte));
    if b"gAAAAA".iter().all(|expected| letters.next() == Some(expected)) {
        return true;
    }
    let Some(header) = text.first_chunk::<HEADER>() else {
        return false;
    };
    let standard = header.map(in_standard_alphabet);
    BASE64_STANDARD
        .decode(standard)
        .is_ok_and(|bytes| bytes.first() == Some(&VERSION))
}

/// What the reader of tokens skips.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Whether these bytes begin a text: ciphertext of so many bytes never does.
pub fn is_text(first: &[u8]) -> bool {
    let is_cut = |error: std::str::Utf8Error| error.error_len().is_none();
    !first.contains(&0) && std::str::from_utf8(first).map_or_else(is_cut, |_| true)
}

/// Bytes of an encrypted data key: KMS makes none of less, and none of more.
pub const DATA_KEY_BYTES: RangeInclusive<u64> = 64..=LONGEST_DATA_KEY;
const LONGEST_DATA_KEY: u64 = 6144;

/// Bytes of the longest text that spells one: as text it is longer, and in lines and between names longer still.
pub const LONGEST_DATA_KEY_TEXT: u64 = 2 * LONGEST_DATA_KEY;

/// What the files of encrypted data keys are called.
pub const DATA_KEY_SUFFIX: &str = ".datakey";

/// What the AWS CLI calls what KMS answers of an encrypted data key. JSON with anything else in it is data.
const MEMBERS: [&str; 11] = [
    "CiphertextBlob",
    "CiphertextForRecipient",
    "DestinationEncryptionAlgorithm",
    "DestinationKeyMaterialId",
    "EncryptionAlgorithm",
    "KeyId",
    "KeyMaterialId",
    "Plaintext",
    "SourceEncryptionAlgorithm",
    "SourceKeyId",
    "SourceKeyMaterialId",
];

/// Whether a body of so many bytes, which begins so, is an encrypted data key: the one rule for all who pass one over. Only KMS
/// tells whether what begins as one opens. Of JSON all that is given is looked at.
pub fn is_data_key(first: &[u8], size: u64) -> bool {
    let first = match first.get(..FIRST_BYTES) {
        Some(beginning) if !is_json(first) => beginning,
        Some(_) | None => first,
    };
    let least = *DATA_KEY_BYTES.start();
    if !is_text(first) {
        return DATA_KEY_BYTES.contains(&size) && begins_ciphertext(first);
    }
    let is_base64 = (least..=LONGEST_DATA_KEY_TEXT).contains(&size) && begins_base64(first);
    is_base64 || (2 * least..=LONGEST_DATA_KEY_TEXT).contains(&size) && begins_hex(first)
}

/// Whether a file or an object of this name and this content, no longer than [`LONGEST_DATA_KEY_TEXT`], is kept as an encrypted data
/// key: losing one loses every token under it, so nothing takes its place. What only looks like one is kept too, which costs another
/// name; and so is whatever is called so and is no token.
pub fn is_kept_data_key(name: &[u8], bytes: &[u8]) -> bool {
    let is_called_so = name.ends_with(DATA_KEY_SUFFIX.as_bytes()) && !bytes.is_empty() && !begins_token(bytes);
    is_called_so || is_data_key(bytes, bytes.len() as u64) || is_data_key_in_hex(bytes)
}

/// An encrypted data key in raw bytes without the end of a line behind it, if there is one: an editor or `echo` has put it there, or
/// it is the ciphertext's own, which only KMS tells.
pub fn without_line_end(bytes: &[u8]) -> Option<&[u8]> {
    let shorter = bytes.strip_suffix(b"\n")?;
    let shorter = shorter.strip_suffix(b"\r").unwrap_or(shorter);
    (!is_text(bytes) && is_data_key(shorter, shorter.len() as u64)).then_some(shorter)
}

/// Whether this text is an encrypted data key in hexadecimal, which is none of the spellings that are read.
pub fn is_data_key_in_hex(text: &[u8]) -> bool {
    data_key_of_hex(text).is_some()
}

/// The encrypted data key that all of this text spells in hexadecimal: for KMS to be asked what it is, and for nothing else.
pub fn data_key_of_hex(text: &[u8]) -> Option<Vec<u8>> {
    let (bytes, is_whole) = of_hex(text)?;
    (is_whole && !is_text(&bytes) && is_data_key(&bytes, bytes.len() as u64)).then_some(bytes)
}

/// The bytes that a text spells in hexadecimal, and whether no digit is left over; nothing if it spells none.
fn of_hex(text: &[u8]) -> Option<(Vec<u8>, bool)> {
    let digits = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits = digits.map(|byte| char::from(*byte).to_digit(16));
    let digits = digits.collect::<Option<Vec<u32>>>()?;
    let (pairs, left) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| ((high << 4) | low) as u8);
    Some((bytes.collect(), left.is_empty()))
}

/// Whether these may be the first bytes of an encrypted data key: of what KMS makes, or of its base64 in either alphabet, in
/// lines, in quotes, or as the AWS CLI's JSON has it, or of its hexadecimal.
pub fn may_be_data_key(first: &[u8]) -> bool {
    if is_text(first) {
        begins_base64(first) || begins_hex(first)
    } else {
        begins_ciphertext(first)
    }
}

fn begins_hex(first: &[u8]) -> bool {
    of_hex(first).is_some_and(|(bytes, _)| !is_text(&bytes) && begins_ciphertext(&bytes))
}

fn begins_base64(first: &[u8]) -> bool {
    let letters = spelled(first).iter().filter(|byte| !byte.is_ascii_whitespace());
    let letters: Vec<u8> = letters.copied().map(in_standard_alphabet).collect();
    let end = letters.iter().position(|byte| *byte == b'=').unwrap_or(letters.len());
    let (letters, padding) = letters.split_at(end);
    let whole = letters.get(..letters.len() / 4 * 4).unwrap_or_default();
    padding.iter().all(|byte| *byte == b'=')
        && BASE64_STANDARD
            .decode(whole)
            .is_ok_and(|bytes| !is_text(&bytes) && begins_ciphertext(&bytes))
}

/// An encrypted data key, of all of whichever spelling [`may_be_data_key`] knows but hexadecimal; nothing if these are other bytes.
pub fn data_key_of_text(text: &[u8]) -> Option<Vec<u8>> {
    if !is_text(text) || !begins_base64(text) {
        return None;
    }
    let letters = spelled(text)
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=');
    let letters: Vec<u8> = letters.copied().map(in_standard_alphabet).collect();
    BASE64_STANDARD_NO_PAD.decode(letters).ok()
}

/// Whether what the AWS CLI wrote has the data key in plaintext beside the encrypted one.
pub fn has_plaintext_beside(first: &[u8]) -> bool {
    let mut members = members(first).into_iter().flatten();
    members.any(|(name, value)| name == b"Plaintext" && !value.is_empty())
}

/// Whether a text is an object of JSON, if it is JSON.
pub fn is_json(first: &[u8]) -> bool {
    first.trim_ascii_start().starts_with(b"{")
}

/// What of a text is base64: all of it, what stands in quotes, or what the AWS CLI gives its name.
fn spelled(text: &[u8]) -> &[u8] {
    if is_json(text) {
        return member(text, "CiphertextBlob").unwrap_or_default();
    }
    let text = text.trim_ascii_start();
    match quoted(text) {
        Some((inner, behind)) if behind.iter().all(u8::is_ascii_whitespace) => inner,
        Some(_) | None => text,
    }
}

/// One member of what the AWS CLI writes of an encrypted data key.
fn member<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let found = members(text)?.into_iter().find(|(known, _)| *known == name.as_bytes());
    found.map(|(_, value)| value)
}

/// The members of the object that the AWS CLI writes of an encrypted data key, as far as they stand there: of a beginning the last may
/// be cut off anywhere. Nothing if this is another object, or is none.
fn members(text: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut members = Vec::new();
    let mut rest = text.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start();
    while !rest.is_empty() {
        let (name, behind) = quoted(rest)?;
        let is_cut = behind.is_empty();
        let is_it = |known: &[u8]| known == name || is_cut && known.starts_with(name);
        if !MEMBERS.iter().any(|known| is_it(known.as_bytes())) {
            return None;
        }
        let behind = behind.trim_ascii_start();
        if behind.is_empty() {
            break;
        }
        let behind = behind.strip_prefix(b":")?.trim_ascii_start();
        if behind.is_empty() {
            break;
        }
        let (value, behind) = quoted(behind)?;
        members.push((name, value));
        rest = match behind.trim_ascii_start() {
            [b',', more @ ..] => more.trim_ascii_start(),
            [b'}', end @ ..] if end.iter().all(u8::is_ascii_whitespace) => break,
            [] => break,
            [..] => return None,
        };
    }
    Some(members)
}

/// What stands in the quotes that a text begins with, and what is behind them; all of it where no others close them.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let end = inner.iter().position(|byte| *byte == b'"').unwrap_or(inner.len());
    let (inner, behind) = inner.split_at(end);
    Some((inner, behind.get(1..).unwrap_or_default()))
}

fn in_standard_alphabet(byte: u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// Whether these bytes begin a `CiphertextBlob`. AWS calls it opaque, but its outside is not: two numbers of its own, and in older
/// ones two fields. The sandbox's has a random UUID there, and emulators write the id of the key in letters. Behind that no
/// text follows.
fn begins_ciphertext(first: &[u8]) -> bool {
    const ID: usize = 36;
    let is_random =
        |id: &[u8; 16]| id[6] >> 4 == 4 && id[8] >> 6 == 0b10 && !id.windows(3).any(|three| three == [0, 0, 0]);
    let is_id = |id: &[u8]| {
        let id = id.strip_prefix(b"mrk-").unwrap_or(id);
        id.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
    };
    let behind = match first {
        [0x01, 0x01 | 0x02, 0x01..=0x04, 0x00, 0x78, behind @ ..] => Some(behind),
        [0x01 | 0x02, id @ ..] if id.first_chunk::<16>().is_some_and(is_random) => id.get(16..),
        [0x0a, 0x20, rest @ ..] if rest.get(32) == Some(&0x12) => rest.get(33..),
        _ => {
            let split = first.split_at_checked(ID).filter(|(id, _)| is_id(id));
            split.map(|(_, behind)| behind)
        }
    };
    of_body(first).is_none() && behind.is_some_and(|behind| behind.is_empty() || !is_text(behind))
}

/// Characters of the token of a plaintext of so many bytes, as every writer of the specification makes it; nothing if
/// there is no such token.
pub fn token_len(plaintext: u64) -> Option<u64> {
    const BLOCK: u64 = 16;
    const HEADER_AND_MAC: u64 = 25 + 32;
    let ciphertext = (plaintext / BLOCK).checked_add(1)?.checked_mul(BLOCK)?;
    ciphertext.checked_add(HEADER_AND_MAC)?.div_ceil(3).checked_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token's beginning of this time, under the standard alphabet where `standard`.
    fn header(seconds: u64) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(seconds.to_be_bytes());
        bytes.extend([0xfb; 41]);
        base64::prelude::BASE64_URL_SAFE.encode(bytes)
    }

    #[test]
    fn a_token_is_known_by_its_beginning_whatever_time_it_bears_and_whatever_space_stands_before_it() {
        for seconds in [0, 1_758_456_800, u64::from(u32::MAX) << 6, 1 << 40, u64::MAX] {
            let header = header(seconds);
            for token in [
                header.clone(),
                format!("\n  \t\r\u{b}\u{c}\n{header}"),
                header.replace('-', "+").replace('_', "/"),
            ] {
                assert_eq!(of_body(token.as_bytes()), Some(ObjectFormat::Fernet), "{token:?}");
            }
        }
        let wrapped: String = header(1_758_456_800).chars().flat_map(|c| [c, '\n']).collect();
        assert!(begins_token(wrapped.as_bytes()));
    }

    #[test]
    fn what_is_no_token_is_not_taken_for_one() {
        let text = [
            "",
            "gAAA",
            "gAAAA, and then words that go on for longer than any header of a token does",
            "gPXE boots over the network with no disk at all in the machine that is started",
            "id,name,age\n1,2,3\n4,5,6\n7,8,9\n1,2,3,4\n1,2,3,4\n1,2,3,4",
            "Zm9yIGEgdGV4dCBpbiBiYXNlNjQgdGhhdCBpcyBubyB0b2tlbiBhdCBhbGw=",
        ];
        for text in text {
            assert!(!begins_token(text.as_bytes()), "{text}");
        }
        assert!(!begins_token(&[b' '; FIRST_BYTES * 2]));
    }

    /// Of the outside of those that KMS makes.
    fn wrapped() -> Vec<u8> {
        [&[0x01, 0x02, 0x03, 0x00, 0x78][..], &[0xb7; 179]].concat()
    }

    /// The same as it is spelled in texts.
    fn spellings(wrapped: &[u8]) -> Vec<String> {
        let text = BASE64_STANDARD.encode(wrapped);
        let mut lines = text.clone();
        lines.insert(64, '\n');
        let safe = text.replace('+', "-").replace('/', "_");
        vec![
            format!("{text}\n"),
            format!("\"{text}\"\n"),
            format!("{{\n    \"CiphertextBlob\": \"{text}\",\n    \"KeyId\": \"arn:aws:kms:…\"\n}}\n"),
            format!("{{\"KeyId\":\"k\",\"CiphertextBlob\":\"{text}\"}}"),
            safe.trim_end_matches('=').to_owned(),
            safe,
            lines,
            text,
        ]
    }

    #[test]
    fn an_encrypted_data_key_is_known_by_its_beginning_and_other_binaries_are_not() {
        let uuid = *b"\x9c\x1d\x02\x77\x31\x5a\x4e\x10\xa1\x33\x00\x12\x9f\x8e\x7d\x6c";
        let sandboxes = [&[0x01][..], &uuid, &[0xb7; 62]].concat();
        let older = [&[0x0a, 0x20][..], &[7; 32], &[0x12, 0xa6, 0x01]].concat();
        let emulators = [&b"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"[..], &[0xfe; 60]].concat();
        let many = [&b"mrk-0a1b2c3d4e5f60718293a4b5c6d7e8f9"[..], &[0xfe; 60]].concat();
        let line = [wrapped(), b"\n".to_vec()].concat();
        for known in [&sandboxes, &older, &emulators, &many, &wrapped(), &line] {
            assert!(may_be_data_key(known), "{known:?}");
            assert_eq!(data_key_of_text(known), None, "it is as it is");
        }
        let text = [&wrapped()[..5], &b"id,name\n1,Ada\n".repeat(12)].concat();
        let numbers: Vec<u8> = (1..40_u32).flat_map(u32::to_le_bytes).collect();
        let message = [&b"\x02\x05\x78\x9c\x1d\x02\x77\x4a\x10\xa1"[..], &[0xb7; 90]].concat();
        for other in [
            &b""[..],
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
            b"\x1f\x8b\x08\0\0\0\0\0",
            b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c",
            b"\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0",
            b"\x02\x05\x78\0\0\0\0",
            b"id,name\n1,Ada\n",
            &[0x0a, 0x20, 0xff],
            &[0xff; 184],
            &text,
            BASE64_STANDARD.encode(&text).as_bytes(),
            &numbers,
            &message,
        ] {
            assert!(!may_be_data_key(other), "{other:?}");
        }
    }

    #[test]
    fn an_encrypted_data_key_is_known_in_every_spelling_and_read_from_it() {
        let wrapped = wrapped();
        for text in spellings(&wrapped) {
            let first = &text.as_bytes()[..text.len().min(FIRST_BYTES)];
            assert!(is_data_key(first, text.len() as u64), "{text}");
            assert!(may_be_data_key(&first[..100]), "cut off: {text}");
            assert_eq!(data_key_of_text(text.as_bytes()).as_ref(), Some(&wrapped), "{text}");
        }
        let text = BASE64_STANDARD.encode(&wrapped);
        for other in [
            format!("\"{text}\",Ada\n"),
            format!("{text},Ada\n"),
            format!("{{\"Plaintext\": \"{text}\"}}"),
            "{\"CiphertextBlob\": 1}".to_owned(),
        ] {
            assert!(!may_be_data_key(other.as_bytes()), "{other}");
            assert_eq!(data_key_of_text(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn json_with_a_member_that_is_none_of_the_aws_clis_is_data() {
        let text = BASE64_STANDARD.encode(wrapped());
        let object = |more: &str| format!("{{\"CiphertextBlob\": \"{text}\"{more}}}");
        let plaintext = object(r#", "Plaintext": "AAAA", "KeyId": "k""#);
        let wrapped_anew = object(r#", "SourceKeyId": "k", "KeyId": "l", "SourceEncryptionAlgorithm": "S""#);
        for (own, has_plaintext) in [
            (object(""), false),
            (object(r#", "Plaintext": """#), false),
            (object(r#", "Plaintext": "", "Plaintext": "AAAA""#), true),
            (plaintext, true),
            (wrapped_anew, false),
        ] {
            assert!(is_data_key(own.as_bytes(), own.len() as u64), "{own}");
            assert_eq!(data_key_of_text(own.as_bytes()), Some(wrapped()), "{own}");
            assert_eq!(has_plaintext_beside(own.as_bytes()), has_plaintext, "{own}");
        }
        for data in [
            object(r#", "customer": "Ada""#),
            object(r#", "KeyId": ["Ada"]"#),
            object(r#", "KeyId": "a\"b""#),
            object(r#"}, {"KeyId": "k""#),
            object(", \"Ada, and no end"),
            format!("{{\"ciphertextblob\": \"{text}\"}}"),
        ] {
            assert!(!is_data_key(data.as_bytes(), data.len() as u64), "{data}");
            assert_eq!(data_key_of_text(data.as_bytes()), None, "{data}");
        }
        // What is behind the first bytes tells whoever has it.
        let late = object(&format!(
            ", \"KeyId\": \"{}\", \"customer\": \"Ada\"",
            "k".repeat(FIRST_BYTES)
        ));
        let (late, size) = (late.as_bytes(), late.len() as u64);
        assert!(is_data_key(&late[..FIRST_BYTES], size) && !is_data_key(late, size));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_end_of_a_line_behind_an_encrypted_data_key_is_told_apart_from_it() {
        let wrapped = wrapped();
        for end in ["\n", "\r\n"] {
            let line = [wrapped.as_slice(), end.as_bytes()].concat();
            assert_eq!(without_line_end(&line), Some(wrapped.as_slice()), "{end:?}");
        }
        let text = format!("{}\n", BASE64_STANDARD.encode(&wrapped));
        for other in [wrapped.as_slice(), text.as_bytes(), b"\n", b"\xff\xff\n"] {
            assert_eq!(without_line_end(other), None, "{other:?}");
        }
    }

    #[test]
    fn hexadecimal_of_an_encrypted_data_key_is_known_and_named_and_not_read() {
        let text = hex(&wrapped());
        let lines = format!("{}\n{}\n", &text[..60], &text[60..]);
        for text in [text.as_str(), &text.to_uppercase(), &lines] {
            assert_eq!(data_key_of_hex(text.as_bytes()), Some(wrapped()), "{text}");
            assert_eq!(data_key_of_text(text.as_bytes()), None, "{text}");
            assert!(is_data_key(text.as_bytes(), text.len() as u64), "{text}");
            assert!(may_be_data_key(&text.as_bytes()[..101]), "cut off: {text}");
        }
        let other = hex("id,name\n1,Ada\n".repeat(12).as_bytes());
        for other in [&text[1..], &text[2..], &text[..60], &other, "", "id,name\n"] {
            assert!(!is_data_key_in_hex(other.as_bytes()), "{other}");
            assert!(!is_data_key(other.as_bytes(), other.len() as u64), "{other}");
        }
    }

    #[test]
    fn an_encrypted_data_key_is_kept_in_every_spelling_and_whatever_is_called_one_unless_it_is_a_token() {
        let (raw, token) = (wrapped(), header(1_758_456_800));
        let token = token.as_str();
        let line = [raw.as_slice(), b"\n"].concat();
        let texts = spellings(&raw).into_iter().chain([hex(&raw)]).map(String::into_bytes);
        for kept in texts.chain([line, raw]) {
            assert!(is_kept_data_key(b"any", &kept), "{kept:?}");
        }
        for (name, bytes, is_kept) in [
            ("own.datakey", "anything", true),
            ("own.datakey", "", false),
            ("own.datakey", token, false),
            ("datakey", "anything", false),
            ("any", "x,y\n1,2\n", false),
            ("any", token, false),
        ] {
            let told = is_kept_data_key(name.as_bytes(), bytes.as_bytes());
            assert_eq!(told, is_kept, "{name}: {bytes}");
        }
    }

    #[test]
    fn an_encrypted_data_key_is_as_long_as_kms_makes_one_and_its_text_up_to_twice_that() {
        let (least, most) = (*DATA_KEY_BYTES.start(), *DATA_KEY_BYTES.end());
        let (wrapped, text) = (wrapped(), BASE64_STANDARD.encode(wrapped()));
        let (raw, text) = (wrapped.as_slice(), text.as_bytes());
        for (first, size, is_one) in [
            (raw, least, true),
            (raw, least - 1, false),
            (raw, most, true),
            (raw, most + 1, false),
            (text, 2 * most, true),
            (text, 2 * most + 1, false),
        ] {
            assert_eq!(is_data_key(first, size), is_one, "{size}");
        }
    }

    #[test]
    fn both_versions_of_an_encryption_sdk_message_are_known_by_their_suite() {
        for known in [
            [0x01, 0x80, 0x00, 0x14],
            [0x01, 0x80, 0x03, 0x78],
            [0x02, 0x04, 0x78, 0],
            [0x02, 0x05, 0x78, 9],
        ] {
            assert_eq!(of_body(&known), Some(ObjectFormat::AwsEncryptionSdk), "{known:?}");
        }
        for other in [
            [0x01, 0x80, 0x10, 0x14],
            [0x01, 0x02, 0x03, 0x78],
            [0x02, 0x05, 0x77, 0],
        ] {
            assert_eq!(of_body(&other), None, "{other:?}");
        }
    }
}
