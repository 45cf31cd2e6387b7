//! SSE-C: the key that encrypts an object comes with every request that reads or writes its bytes, and is kept nowhere. What
//! is kept is a salted MAC of it, by which it is known again.

use std::fmt;

use aes_gcm::Aes256Gcm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{SSECustomerAlgorithm, SSECustomerKeyMD5};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::object::About;
use crate::api::{ApiError, refuse_if};
use crate::sigv4::header;
use crate::world::random;

/// What all three headers begin with.
const HEADERS: &str = "x-amz-server-side-encryption-customer-";
/// The same of a copy's source.
const OF_SOURCE: &str = "x-amz-copy-source-server-side-encryption-customer-";
const ALGORITHM: &str = "AES256";

/// A customer's key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CustomerKey([u8; 32]);

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey")
    }
}

/// By what a key is known again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Seal {
    salt: [u8; 16],
    mac: [u8; 32],
}

impl CustomerKey {
    /// The key for the object that a request is about.
    pub(crate) fn given(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        Self::parse(headers, HEADERS)
    }

    /// The key of a copy's source.
    pub(crate) fn of_source(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        Self::parse(headers, OF_SOURCE)
    }

    fn parse(headers: &HeaderMap, of: &str) -> Result<Option<Self>, ApiError> {
        let said = |name: &str| header(headers, &format!("{of}{name}"));
        let (algorithm, key, md5) = (said("algorithm"), said("key"), said("key-md5"));
        if algorithm.is_none() && key.is_none() && md5.is_none() {
            return Ok(None);
        }
        if of == HEADERS && headers.contains_key("x-amz-server-side-encryption") {
            return Err(invalid(
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            ));
        }
        let lacks = |what: &str| {
            invalid(&format!(
                "Requests specifying Server Side Encryption with Customer provided keys must provide {what}."
            ))
        };
        let algorithm = algorithm.ok_or_else(|| lacks("a valid encryption algorithm"))?;
        if algorithm != ALGORITHM {
            let message = "The Encryption request you specified is not valid. Supported value: AES256.";
            return Err(ApiError::new("InvalidEncryptionAlgorithmError", message));
        }
        let key = key.ok_or_else(|| lacks("an appropriate secret key"))?;
        let md5 = md5.ok_or_else(|| lacks("the client calculated MD5 of the secret key"))?;
        let wrong = || invalid("The secret key was invalid for the specified algorithm.");
        let key = STANDARD.decode(key).map_err(|_| wrong())?;
        let message = "The calculated MD5 hash of the key did not match the hash that was provided.";
        refuse_if(md5 != digest(&key), || invalid(message))?;
        key.try_into().map(|key| Some(Self(key))).map_err(|_| wrong())
    }

    /// What is kept of it.
    pub(crate) fn seal(&self) -> Seal {
        let salt = random();
        Seal {
            salt,
            mac: self.derived(*b"seal", &salt),
        }
    }

    /// What encrypts the file of this name, and no other one.
    pub(super) fn cipher(&self, file: &str) -> Aes256Gcm {
        Aes256Gcm::new(&self.derived(*b"file", file.as_bytes()).into())
    }

    fn derived(&self, purpose: [u8; 4], of: &[u8]) -> [u8; 32] {
        self.mac(purpose, of).finalize().into_bytes().into()
    }

    fn mac(&self, purpose: [u8; 4], of: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(&purpose);
        mac.update(of);
        mac
    }
}

impl Seal {
    fn is_of(&self, key: &CustomerKey) -> bool {
        key.mac(*b"seal", &self.salt).verify_slice(&self.mac).is_ok()
    }
}

/// Whether a request comes with the key of the object that it reads, and with none for one that has none.
pub(super) fn check(about: &About, key: Option<&CustomerKey>) -> Result<(), ApiError> {
    match (&about.seal, key) {
        (None, None) => Ok(()),
        (Some(seal), Some(key)) if seal.is_of(key) => Ok(()),
        (Some(_), Some(_)) => Err(ApiError::new(
            "AccessDenied",
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
        )
        .status(403)),
        (Some(_), None) => Err(refused(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
             retrieve the object.",
        )),
        (None, Some(_)) => Err(refused("The encryption parameters are not applicable to this object.")),
    }
}

/// The same of a part and the upload that it is of.
pub(super) fn check_part(upload: &About, key: Option<&CustomerKey>) -> Result<(), ApiError> {
    match (&upload.seal, key) {
        (None, None) => Ok(()),
        (Some(seal), Some(key)) if seal.is_of(key) => Ok(()),
        (Some(_), Some(_)) => Err(refused(
            "The provided encryption parameters did not match the ones used originally.",
        )),
        (Some(_), None) => Err(refused(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate \
             encryption parameters.",
        )),
        (None, Some(_)) => Err(refused(
            "The multipart upload initiate requested no encryption with a key that the customer provides. Subsequent part \
             requests must include no encryption parameters.",
        )),
    }
}

/// The same of a request for the whole upload: the key need be there only where there are checksums that the client named.
pub(super) fn check_upload(upload: &About, is_named: bool, key: Option<&CustomerKey>) -> Result<(), ApiError> {
    if is_named || key.is_some() {
        return check_part(upload, key);
    }
    Ok(())
}

/// How an answer names the key that it was asked with.
pub(super) fn told(key: Option<&CustomerKey>) -> (Option<SSECustomerAlgorithm>, Option<SSECustomerKeyMD5>) {
    (key.map(|_| ALGORITHM.to_owned()), key.map(|key| digest(&key.0)))
}

fn digest(key: &[u8]) -> String {
    STANDARD.encode(Md5::checksum(key))
}

fn invalid(message: &str) -> ApiError {
    ApiError::invalid_argument(message)
}

fn refused(message: &str) -> ApiError {
    ApiError::invalid_request(message)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A key that is this byte all over.
    pub(in crate::s3) fn key(byte: u8) -> CustomerKey {
        CustomerKey([byte; 32])
    }

    fn parsed(said: [Option<&str>; 3]) -> Result<Option<CustomerKey>, String> {
        let headers = ["algorithm", "key", "key-md5"].into_iter().zip(said);
        let headers = headers.filter_map(|(name, value)| {
            let name = format!("{HEADERS}{name}");
            Some((name.parse().unwrap(), value?.parse().unwrap()))
        });
        CustomerKey::given(&headers.collect()).map_err(|error| format!("{}: {}", error.code, error.message))
    }

    #[test]
    fn a_key_is_taken_with_its_algorithm_and_its_digest_or_not_at_all() {
        let text = STANDARD.encode([7; 32]);
        let md5 = digest(&[7; 32]);
        let (text, md5) = (text.as_str(), md5.as_str());
        assert_eq!(parsed([None, None, None]), Ok(None));
        assert_eq!(parsed([Some("AES256"), Some(text), Some(md5)]), Ok(Some(key(7))));
        let short = STANDARD.encode([7; 10]);
        let of_short = digest(&[7; 10]);
        for (said, why) in [
            (
                [None, Some(text), Some(md5)],
                "InvalidArgument: Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.",
            ),
            (
                [Some("AES192"), Some(text), Some(md5)],
                "InvalidEncryptionAlgorithmError: The Encryption request you specified is not valid. Supported value: AES256.",
            ),
            (
                [Some("AES256"), None, Some(md5)],
                "InvalidArgument: Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.",
            ),
            (
                [Some("AES256"), Some(text), None],
                "InvalidArgument: Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.",
            ),
            (
                [Some("AES256"), Some(text), Some("AAAAAAAAAAAAAAAAAAAAAA==")],
                "InvalidArgument: The calculated MD5 hash of the key did not match the hash that was provided.",
            ),
            (
                [Some("AES256"), Some(&short), Some(&of_short)],
                "InvalidArgument: The secret key was invalid for the specified algorithm.",
            ),
            (
                [Some("AES256"), Some("!"), Some(md5)],
                "InvalidArgument: The secret key was invalid for the specified algorithm.",
            ),
        ] {
            assert_eq!(parsed(said), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_key_is_known_again_by_a_mac_that_is_another_one_each_time() {
        let (one, again) = (key(1).seal(), key(1).seal());
        assert!(one.is_of(&key(1)) && again.is_of(&key(1)));
        assert!(!one.is_of(&key(2)));
        assert_ne!(one.mac, again.mac);
    }

    #[test]
    fn a_request_brings_the_key_that_was_brought_first_and_none_where_there_was_none() {
        let begun = |with: Option<u8>| About {
            seal: with.map(|byte| key(byte).seal()),
            ..About::default()
        };
        let said = |answer: Result<(), ApiError>| answer.err().map(|error| (error.code, error.message));
        // The key that it was written or begun with, the one that comes, and how an object and an upload answer.
        let rows = [
            (None, None, None, None),
            (Some(1), Some(1), None, None),
            (
                Some(1),
                Some(2),
                Some(("AccessDenied", "must provide the correct secret key")),
                Some(("InvalidRequest", "did not match the ones used originally")),
            ),
            (
                Some(1),
                None,
                Some((
                    "InvalidRequest",
                    "The correct parameters must be provided to retrieve the object",
                )),
                Some((
                    "InvalidRequest",
                    "requested encryption. Subsequent part requests must include the appropriate",
                )),
            ),
            (
                None,
                Some(1),
                Some((
                    "InvalidRequest",
                    "The encryption parameters are not applicable to this object",
                )),
                Some((
                    "InvalidRequest",
                    "requested no encryption with a key that the customer provides",
                )),
            ),
        ];
        for (first, then, of_object, of_upload) in rows {
            let (about, given) = (begun(first), then.map(key));
            let is_told = |answer, expected: Option<(&str, &str)>| match (said(answer), expected) {
                (None, None) => true,
                (Some((code, message)), Some((as_code, words))) => code == as_code && message.contains(words),
                _ => false,
            };
            let case = format!("{first:?} {then:?}");
            assert!(is_told(check(&about, given.as_ref()), of_object), "object: {case}");
            assert!(is_told(check_part(&about, given.as_ref()), of_upload), "part: {case}");
            let listed = check_upload(&about, true, given.as_ref());
            assert!(is_told(listed, of_upload), "upload with checksums: {case}");
            let needed = of_upload.filter(|_| then.is_some());
            let listed = check_upload(&about, false, given.as_ref());
            assert!(is_told(listed, needed), "upload without: {case}");
        }
    }
}
