//! Between s3s's shapes and the store's.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3s::dto::{Checksum, CommonPrefix, ETag, ETagCondition, EncodingType, Owner, Range, StorageClass, Tag, Timestamp};
use s3s::{S3Error, S3ErrorCode, TrailingHeaders};

use super::list::After;
use super::object::Object;
use super::store::Condition;
use crate::api::{ApiError, place_of, refuse_if, token_of};

/// What an object's user metadata may weigh.
const METADATA_LIMIT: usize = 2048;
/// What S3 leaves as it is when `encoding-type=url` is asked for.
pub(crate) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

impl From<ApiError> for S3Error {
    fn from(error: ApiError) -> Self {
        let code = S3ErrorCode::from_bytes(error.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
        let mut answer = Self::with_message(code, error.message);
        if let Ok(status) = hyper::StatusCode::from_u16(error.status) {
            answer.set_status_code(status);
        }
        answer
    }
}

pub(crate) fn quoted(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

pub(crate) fn time(time: SystemTime) -> Timestamp {
    Timestamp::from(time)
}

/// An account, as listings show an owner: its canonical id.
pub(crate) fn owner(account: &str) -> Owner {
    Owner {
        display_name: None,
        id: Some(account.repeat(6)[..64].to_owned()),
    }
}

/// What a write asks of the name it writes to.
pub(crate) fn write_condition(
    matches: Option<ETagCondition>,
    none_matches: Option<ETagCondition>,
) -> Result<Condition, ApiError> {
    match (matches, none_matches) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Matches(etag.into_value())),
        _ => Err(ApiError::not_implemented(
            "A header you provided implies functionality that is not implemented",
        )),
    }
}

/// The conditions of a read, in the order of RFC 9110.
#[derive(Debug, Default)]
pub(crate) struct ReadConditions {
    pub(crate) matches: Option<ETagCondition>,
    pub(crate) none_matches: Option<ETagCondition>,
    pub(crate) modified_since: Option<Timestamp>,
    pub(crate) unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    pub(crate) fn check(&self, object: &Object) -> Result<(), ApiError> {
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == object.etag,
        };
        let newer = |than: &Timestamp| time(whole_seconds(object.modified)) > *than;
        let failed = match (&self.matches, &self.unmodified_since) {
            (Some(condition), _) => !is(condition),
            (None, Some(since)) => newer(since),
            (None, None) => false,
        };
        refuse_if(failed, precondition)?;
        let unchanged = match (&self.none_matches, &self.modified_since) {
            (Some(condition), _) => is(condition),
            (None, Some(since)) => !newer(since),
            (None, None) => false,
        };
        refuse_if(unchanged, || ApiError::new("NotModified", "Not Modified").status(304))
    }
}

/// What S3 says of a document that is none of its own.
pub(crate) const MALFORMED: &str =
    "The XML you provided was not well-formed or did not validate against our published schema";

pub(crate) fn malformed() -> ApiError {
    ApiError::new("MalformedXML", MALFORMED)
}

pub(crate) fn precondition() -> ApiError {
    let message = "At least one of the pre-conditions you specified did not hold";
    ApiError::new("PreconditionFailed", message).status(412)
}

/// HTTP's dates have no fractions.
fn whole_seconds(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

/// What of an object is asked for: bytes from, to before, and whether that is said with 206.
pub(crate) fn extent(object: &Object, range: Option<Range>, part: Option<i32>) -> Result<(u64, u64, bool), ApiError> {
    let length = object.body.length();
    let refused = || ApiError::new("InvalidRange", "The requested range is not satisfiable").status(416);
    match (range, part) {
        (None, None) => Ok((0, length, false)),
        (Some(_), Some(_)) => Err(ApiError::invalid_request(
            "Cannot specify both Range header and partNumber query parameter",
        )),
        (Some(_), None) if length == 0 => Err(refused()),
        (Some(range), None) => {
            let range = range.check(length).map_err(|_| refused())?;
            Ok((range.start, range.end, true))
        }
        (None, Some(1)) if object.parts.is_empty() => Ok((0, length, length > 0)),
        (None, Some(number)) => {
            let index = usize::try_from(number.saturating_sub(1)).map_err(|_| refused())?;
            let part = object.parts.get(index).ok_or_else(|| {
                ApiError::new("InvalidPartNumber", "The requested partnumber is not satisfiable").status(416)
            })?;
            let size = part.length;
            let start: u64 = object.parts[..index].iter().map(|part| part.length).sum();
            Ok((start, start + size, size > 0))
        }
    }
}

pub(crate) fn metadata(
    given: Option<std::collections::HashMap<String, String>>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let metadata: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
    let size: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
    let message = "Your metadata headers exceed the maximum allowed metadata size";
    refuse_if(size > METADATA_LIMIT, || ApiError::new("MetadataTooLarge", message))?;
    Ok(metadata)
}

/// Tags as the `x-amz-tagging` header carries them.
pub(crate) fn header_tags(header: Option<&str>) -> Result<BTreeMap<String, String>, ApiError> {
    let misspelt = || {
        ApiError::invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
        )
    };
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| misspelt())
    };
    let pairs = header
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    tags(pairs, &OF_OBJECTS).map_err(|error| if error.code == "InvalidTag" { misspelt() } else { error })
}

/// What tags are on: how many there may be, and what S3 says of more, and of AWS's own.
pub(crate) struct Tagged {
    most: usize,
    too_many: &'static str,
    reserved: &'static str,
}

pub(crate) const OF_OBJECTS: Tagged = Tagged {
    most: 10,
    too_many: "Object tags cannot be greater than 10",
    reserved: "Your TagKey cannot be prefixed with aws:",
};

pub(crate) const OF_BUCKETS: Tagged = Tagged {
    most: 50,
    too_many: "Bucket tag count cannot be greater than 50",
    reserved: "System tags cannot be added/updated by requester",
};

pub(crate) const OF_NEW_BUCKETS: Tagged = Tagged {
    reserved: "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. Remove \"aws:\" \
               from your tag keys and try again.",
    ..OF_BUCKETS
};

/// Tags as a document carries them.
pub(crate) fn document_tags(given: Vec<Tag>, tagged: &Tagged) -> Result<BTreeMap<String, String>, ApiError> {
    let pairs = given
        .into_iter()
        .map(|tag| tag.key.zip(tag.value).ok_or_else(malformed));
    tags(pairs.collect::<Result<_, _>>()?, tagged)
}

/// Letters, digits, spaces and a few signs.
fn is_of_tags(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c))
}

fn tags(pairs: Vec<(String, String)>, tagged: &Tagged) -> Result<BTreeMap<String, String>, ApiError> {
    let invalid = |message: &str| Err(ApiError::new("InvalidTag", message));
    if pairs.len() > tagged.most {
        return Err(ApiError::new("BadRequest", tagged.too_many));
    }
    let mut tags = BTreeMap::new();
    for (key, value) in pairs {
        if key.starts_with("aws:") {
            return invalid(tagged.reserved);
        }
        if key.is_empty() || key.chars().count() > 128 || !is_of_tags(&key) {
            return invalid("The TagKey you have provided is invalid");
        }
        if value.chars().count() > 256 || !is_of_tags(&value) {
            return invalid("The TagValue you have provided is invalid");
        }
        if tags.insert(key, value).is_some() {
            return invalid("Cannot provide multiple Tags with the same key");
        }
    }
    Ok(tags)
}

/// Compares `Content-MD5` with what arrived.
pub(crate) fn check_md5(given: Option<&str>, computed: &[u8]) -> Result<(), ApiError> {
    let Some(given) = given else { return Ok(()) };
    match STANDARD.decode(given) {
        Ok(expected) if expected == computed => Ok(()),
        Ok(expected) if expected.len() == computed.len() => Err(ApiError::new(
            "BadDigest",
            "The Content-MD5 you specified did not match what we received.",
        )),
        _ => Err(ApiError::new(
            "InvalidDigest",
            "The Content-MD5 you specified was invalid.",
        )),
    }
}

/// A trailing header, once the body is through.
pub(crate) fn trailer(trailers: Option<&TrailingHeaders>, name: &str) -> Option<String> {
    trailers?.read(|headers| Some(headers.get(name)?.to_str().ok()?.to_owned()))?
}

/// The checksum fields that every input shape repeats.
macro_rules! given_checksum {
    ($input:expr) => {
        s3s::dto::Checksum {
            checksum_crc32: $input.checksum_crc32.clone(),
            checksum_crc32c: $input.checksum_crc32c.clone(),
            checksum_crc64nvme: $input.checksum_crc64nvme.clone(),
            checksum_sha1: $input.checksum_sha1.clone(),
            checksum_sha256: $input.checksum_sha256.clone(),
            checksum_type: None,
        }
    };
}
pub(crate) use given_checksum;

/// The checksum fields that every output shape repeats, and what else is in it.
macro_rules! summed {
    ($output:ident, $checksum:ident, { $($more:tt)* }) => {
        $output {
            checksum_crc32: $checksum.checksum_crc32,
            checksum_crc32c: $checksum.checksum_crc32c,
            checksum_crc64nvme: $checksum.checksum_crc64nvme,
            checksum_sha1: $checksum.checksum_sha1,
            checksum_sha256: $checksum.checksum_sha256,
            $($more)*
        }
    };
}
pub(crate) use summed;

/// The headers that three input shapes share.
macro_rules! about {
    ($input:expr) => {
        $crate::s3::About {
            content_type: Some(
                $input
                    .content_type
                    .clone()
                    .unwrap_or_else(|| "binary/octet-stream".to_owned()),
            ),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input
                .content_encoding
                .as_deref()
                .and_then($crate::s3::convert::without_chunked),
            content_language: $input.content_language.clone(),
            expires: $input.expires.clone(),
            storage_class: $crate::s3::convert::storage_class($input.storage_class.as_ref())?,
            website_redirect: $input.website_redirect_location.clone(),
            metadata: $crate::s3::convert::metadata($input.metadata.clone())?,
            encryption: $input
                .server_side_encryption
                .as_ref()
                .map(|sse| sse.as_str().to_owned()),
            encryption_key: $input.ssekms_key_id.clone(),
            encryption_context: $input.ssekms_encryption_context.clone(),
            bucket_key: $input.bucket_key_enabled,
            wrapped: None,
            seal: None,
        }
    };
}
pub(crate) use about;

/// A storage class of general purpose buckets; none for the standard one.
pub(crate) fn storage_class(class: Option<&StorageClass>) -> Result<Option<String>, ApiError> {
    match class.map(StorageClass::as_str) {
        None | Some(StorageClass::STANDARD) => Ok(None),
        Some(
            class @ (StorageClass::DEEP_ARCHIVE
            | StorageClass::GLACIER
            | StorageClass::GLACIER_IR
            | StorageClass::INTELLIGENT_TIERING
            | StorageClass::ONEZONE_IA
            | StorageClass::REDUCED_REDUNDANCY
            | StorageClass::STANDARD_IA),
        ) => Ok(Some(class.to_owned())),
        Some(_) => Err(ApiError::new(
            "InvalidStorageClass",
            "The storage class you specified is not valid",
        )),
    }
}

/// `aws-chunked` is how the body travelled, not what it is; the rest stays as it was sent.
pub(crate) fn without_chunked(encoding: &str) -> Option<String> {
    let kept: Vec<&str> = encoding
        .split(',')
        .filter(|one| !one.trim().eq_ignore_ascii_case("aws-chunked"))
        .collect();
    Some(kept.join(",").trim().to_owned()).filter(|kept| !kept.is_empty())
}

/// The checksum values to answer with, or none.
pub(crate) fn shown(checksum: &Checksum, show: bool) -> Checksum {
    if show { checksum.clone() } else { Checksum::default() }
}

/// Names in a listing, percent-encoded when the client asks for it.
pub(crate) struct Names {
    encode: bool,
}

impl Names {
    pub(crate) fn new(encoding: Option<&EncodingType>) -> Result<Self, ApiError> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { encode: false }),
            Some(EncodingType::URL) => Ok(Self { encode: true }),
            Some(_) => Err(ApiError::invalid_argument(
                "Invalid Encoding Method specified in Request",
            )),
        }
    }

    pub(crate) fn show(&self, name: &str) -> String {
        if self.encode {
            utf8_percent_encode(name, PLAIN).to_string()
        } else {
            name.to_owned()
        }
    }

    pub(crate) fn maybe(&self, name: Option<&str>) -> Option<String> {
        name.map(|name| self.show(name))
    }

    pub(crate) fn prefixes(&self, prefixes: &[String]) -> Option<Vec<CommonPrefix>> {
        (!prefixes.is_empty()).then(|| {
            prefixes
                .iter()
                .map(|prefix| CommonPrefix {
                    prefix: Some(self.show(prefix)),
                })
                .collect()
        })
    }
}

/// A page's size as asked for, at most 1000.
pub(crate) fn limit(asked: Option<i32>) -> Result<i32, ApiError> {
    match asked {
        None => Ok(1000),
        Some(asked) if asked < 0 => Err(ApiError::invalid_argument(
            "Argument maxKeys must be an integer between 0 and 2147483647",
        )),
        Some(asked) => Ok(asked.min(1000)),
    }
}

/// A continuation token: opaque to the client.
pub(crate) fn token(after: &After) -> Option<String> {
    let text = match after {
        After::Nothing => return None,
        After::Key(key) => format!("k{key}"),
        After::Prefix(prefix) => format!("p{prefix}"),
    };
    Some(token_of(text))
}

/// Reads a token back.
pub(crate) fn parse_token(token: &str) -> Result<After, ApiError> {
    let refused = || ApiError::invalid_argument("The continuation token provided is incorrect");
    let text = place_of(token).ok_or_else(refused)?;
    match text.strip_prefix('k') {
        Some(key) => Ok(After::Key(key.to_owned())),
        None => text
            .strip_prefix('p')
            .map(|prefix| After::Prefix(prefix.to_owned()))
            .ok_or_else(refused),
    }
}
