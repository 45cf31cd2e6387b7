//! What an object is, as far as its beginning and its size tell: never whether it is intact. Pure, and the same for S3
//! objects, local files, archive members and what a container is given.

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// How much of a body is looked at to tell what it is.
pub const FIRST_BYTES: usize = 512;

/// What an object is, or says it is; whether it is intact only reading it to its end tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// A token with strongroom's metadata.
    Strongroom,
    /// A Fernet token without them (the boto3 way).
    Fernet,
    /// An encrypted data key: the raw bytes of C.
    KeyObject,
    /// A model archive (`model.tar.gz`), whose members may be tokens.
    Archive,
    /// The S3 encryption client's envelope.
    S3EncryptionClient,
    /// The AWS Encryption SDK's message format.
    AwsEncryptionSdk,
    /// Encrypted by S3 with a KMS key.
    SseKms,
    /// Encrypted by S3 with its own key only: plain to whoever may read it.
    SseS3,
    /// Not encrypted.
    Plain,
}

impl ObjectFormat {
    /// The word that the command line's `--json` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strongroom => "strongroom",
            Self::Fernet => "fernet",
            Self::KeyObject => "key-object",
            Self::Archive => "archive",
            Self::S3EncryptionClient => "s3-encryption-client",
            Self::AwsEncryptionSdk => "aws-encryption-sdk",
            Self::SseKms => "sse-kms",
            Self::SseS3 => "sse-s3",
            Self::Plain => "plain",
        }
    }

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
    let standard = header.map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    });
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

/// Whether these may be the first bytes of an encrypted data key: no text, unless it is base64, in lines, of what is none.
pub fn may_be_data_key(first: &[u8]) -> bool {
    if !is_text(first) {
        return true;
    }
    let letters: Vec<u8> = first
        .iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let whole = letters.get(..letters.len() / 4 * 4).unwrap_or_default();
    BASE64_STANDARD
        .decode(whole)
        .is_ok_and(|bytes| !bytes.is_empty() && !is_text(&bytes))
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
