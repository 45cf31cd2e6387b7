//! The header of a message of the AWS Encryption SDK, read field by field: two bytes alone would be a guess.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Suites of version 1, which do not commit to a key.
const VERSION_1: [u16; 9] = [0x0014, 0x0046, 0x0078, 0x0114, 0x0146, 0x0178, 0x0214, 0x0346, 0x0378];
/// Suites of version 2, which do.
const VERSION_2: [u16; 2] = [0x0478, 0x0578];
/// A message of customer authenticated data.
const TYPE: u8 = 0x80;
const MESSAGE_ID_1: usize = 16;
const MESSAGE_ID_2: usize = 32;
/// What names a KMS key ring.
const KMS: &[u8] = b"aws-kms";
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a message says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// ARN of the first KMS key that wraps its data key, if one is seen.
    pub(super) kms_key: Option<String>,
}

/// Reads the header that these first bytes begin, raw or in base64; `None` if they begin none. The header may go on after them,
/// but must have shown its first wrapped data key's provider by then.
pub(super) fn header(first: &[u8]) -> Option<Header> {
    raw(first).or_else(|| {
        let text: Vec<u8> = first
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .take_while(|byte| *byte != b'=')
            .collect();
        // `AYAB…` and `AgR4…` or `AgV4…`: worth decoding only then.
        if !(text.starts_with(b"AY") || text.starts_with(b"Ag")) {
            return None;
        }
        let whole = &text[..text.len() / 4 * 4];
        raw(&LENIENT.decode(whole).ok()?)
    })
}

fn raw(bytes: &[u8]) -> Option<Header> {
    let mut rest = Reader(bytes);
    match rest.byte()? {
        1 => {
            let is_known = rest.byte()? == TYPE && VERSION_1.contains(&rest.number()?);
            is_known.then_some(())?;
            rest.take(MESSAGE_ID_1)?;
        }
        2 => {
            VERSION_2.contains(&rest.number()?).then_some(())?;
            rest.take(MESSAGE_ID_2)?;
        }
        _ => return None,
    }
    let context = usize::from(rest.number()?);
    context_holds(rest.take_or_end(context), context).then_some(())?;
    if rest.0.is_empty() {
        // So long a context hides the rest: what was seen of it is well formed.
        return (context > bytes.len() / 2).then_some(Header { kms_key: None });
    }
    let wrapped = rest.number()?;
    (wrapped > 0).then_some(())?;
    let mut kms_key = None;
    for nth in 0..wrapped {
        match wrapped_key(&mut rest) {
            Some(Wrapped::ByKms(key)) => kms_key = kms_key.or(Some(key)),
            Some(Wrapped::Otherwise) => {}
            // The first must be there; the rest may be cut off.
            None if nth == 0 => return None,
            None => break,
        }
    }
    Some(Header { kms_key })
}

/// By whom a data key was wrapped.
enum Wrapped {
    /// The ARN of the KMS key.
    ByKms(String),
    Otherwise,
}

/// A provider, what it says, and what it wrapped.
fn wrapped_key(rest: &mut Reader<'_>) -> Option<Wrapped> {
    let length = usize::from(rest.number()?);
    let provider = rest.take(length)?;
    let is_text = !provider.is_empty() && std::str::from_utf8(provider).is_ok();
    is_text.then_some(())?;
    let length = usize::from(rest.number()?);
    let info = rest.take(length)?;
    let by = if provider == KMS {
        Wrapped::ByKms(String::from_utf8_lossy(info).into_owned())
    } else {
        Wrapped::Otherwise
    };
    let length = usize::from(rest.number()?);
    (length > 0).then_some(())?;
    rest.take_or_end(length);
    Some(by)
}

/// Whether what is seen of a context of so many bytes is made of pairs of texts.
fn context_holds(seen: &[u8], length: usize) -> bool {
    if length == 0 {
        return true;
    }
    let is_cut = seen.len() < length;
    let mut rest = Reader(seen);
    let Some(pairs) = rest.number() else { return is_cut };
    for _ in 0..u32::from(pairs) * 2 {
        let Some(length) = rest.number().map(usize::from) else {
            return is_cut;
        };
        let text = rest.take_or_end(length);
        let is_text = |error: std::str::Utf8Error| text.len() < length && error.error_len().is_none();
        if !std::str::from_utf8(text).map_or_else(is_text, |_| text.len() == length || is_cut) {
            return false;
        }
    }
    pairs > 0 && rest.0.is_empty()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn take_or_end(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).and_then(|bytes| bytes.first().copied())
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]))
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/1234";

    fn field(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).unwrap_or_default();
        [&length.to_be_bytes()[..], bytes].concat()
    }

    fn message(version: u8, suite: u16, context: &[u8], provider: &[u8]) -> Vec<u8> {
        let mut bytes = vec![version];
        if version == 1 {
            bytes.push(TYPE);
        }
        bytes.extend(suite.to_be_bytes());
        bytes.extend(vec![7; if version == 1 { MESSAGE_ID_1 } else { MESSAGE_ID_2 }]);
        bytes.extend(field(context));
        bytes.extend(1_u16.to_be_bytes());
        bytes.extend(field(provider));
        bytes.extend(field(ARN.as_bytes()));
        bytes.extend(field(&[9; 184]));
        bytes.extend([2, 0, 0, 0, 0, 12, 0, 0, 16, 0]);
        bytes
    }

    fn context() -> Vec<u8> {
        [
            &1_u16.to_be_bytes()[..],
            &field(b"purpose"),
            &field("pr\u{fc}fung".as_bytes()),
        ]
        .concat()
    }

    #[test]
    fn messages_of_both_versions_tell_their_kms_key_raw_and_in_base64() {
        for (version, suite) in [(1, 0x0014), (1, 0x0378), (2, 0x0478), (2, 0x0578)] {
            for context in [Vec::new(), context()] {
                let bytes = message(version, suite, &context, KMS);
                let told = Some(Header {
                    kms_key: Some(ARN.to_owned()),
                });
                assert_eq!(header(&bytes), told, "{version} {suite:x}");
                assert_eq!(header(BASE64_STANDARD.encode(&bytes).as_bytes()), told);
                assert_eq!(
                    header(&bytes[..160.min(bytes.len())]),
                    told,
                    "cut off behind its provider"
                );
            }
        }
        let own = message(2, 0x0578, b"", b"my ring");
        assert_eq!(header(&own), Some(Header { kms_key: None }));
    }

    #[test]
    fn what_only_begins_like_one_is_none() {
        let suites = [(1, 0x0478), (2, 0x0014), (1, 0x0015), (3, 0x0578)];
        for (version, suite) in suites {
            assert_eq!(header(&message(version, suite, b"", KMS)), None, "{version} {suite:x}");
        }
        let short: [&[u8]; 5] = [b"", b"\x01\x80", b"\x02\x05\x78\x00", b"\x01\x80\x03\x78", b"AgV4"];
        for bytes in short {
            assert_eq!(header(bytes), None, "{bytes:?}");
        }
        // A random file whose first bytes happen to be those of a suite.
        let mut random = vec![0x02, 0x05, 0x78];
        random.extend((0_u16..509).map(|n| (n.wrapping_mul(167) >> 3).to_le_bytes()[0] | 1));
        assert_eq!(header(&random), None);
        assert_eq!(
            header(&message(1, 0x0078, b"\x00\x01\x00\x02\xff\xff", KMS)),
            None,
            "no text"
        );
    }
}
