//! The Fernet specification's own vectors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use jiff::Timestamp;
use serde_json::Value;
use std::io::Cursor;
use zeroize::Zeroizing;

use crate::{DataKey, Encryptor, EnvelopeError, decrypt};

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn key_of(case: &Value) -> DataKey {
    let secret = URL_SAFE.decode(case["secret"].as_str().unwrap()).unwrap();
    DataKey::from_plaintext(&Zeroizing::new(secret)).unwrap()
}

fn opened(case: &Value) -> Result<Vec<u8>, EnvelopeError> {
    let token = case["token"].as_str().unwrap();
    decrypt(&key_of(case), &mut Cursor::new(token), Vec::new()).map(|(_, plaintext)| plaintext)
}

#[test]
fn every_token_of_the_specification_is_made_to_the_letter() {
    for case in cases(include_str!("../../tests/vectors/fernet-generate.json")) {
        let now: Timestamp = case["now"].as_str().unwrap().parse().unwrap();
        let iv: Vec<u8> = serde_json::from_value(case["iv"].clone()).unwrap();
        let seconds = now.as_second().unsigned_abs();
        let mut encryptor = Encryptor::resumed(&key_of(&case), seconds, iv.try_into().unwrap());
        let mut token = Vec::new();
        encryptor.update(case["src"].as_str().unwrap().as_bytes(), &mut token);
        encryptor.finish(&mut token);
        assert_eq!(String::from_utf8(token).unwrap(), case["token"].as_str().unwrap());
    }
}

#[test]
fn every_valid_token_of_the_specification_opens() {
    for case in cases(include_str!("../../tests/vectors/fernet-verify.json")) {
        assert_eq!(opened(&case).unwrap(), case["src"].as_str().unwrap().as_bytes());
    }
}

/// Two cases are only of the wrong age. Files do not expire: those open here.
#[test]
fn every_invalid_token_of_the_specification_is_refused_unless_only_its_age_is_wrong() {
    let aged = ["far-future TS (unacceptable clock skew)", "expired TTL"];
    for case in cases(include_str!("../../tests/vectors/fernet-invalid.json")) {
        let description = case["desc"].as_str().unwrap();
        assert_eq!(opened(&case).is_ok(), aged.contains(&description), "{description}");
    }
}
