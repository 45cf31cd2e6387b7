//! Encrypt, Decrypt and data keys: AES-256-GCM under the key's material, the encryption context as associated data.
//!
//! A ciphertext is `1 | key id, 16 bytes | material version, 2 bytes | nonce, 12 bytes | ciphertext and tag`, so Decrypt finds
//! its key without being told. Clients must treat it as opaque.

use std::collections::BTreeMap;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key as CipherKey, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::authorize::{authorize, dry_run, usable};
use super::keys::Key;
use super::{Act, Kms, Request};
use crate::sandbox::api::ApiError;
use crate::sandbox::identity::Caller;
use crate::sandbox::world::{World, random};

type Context = BTreeMap<String, String>;

const HEAD: usize = 1 + 16 + 2;
const NONCE: usize = 12;
const FORMAT: u8 = 1;

pub(super) fn encrypt(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let context = request.map("EncryptionContext");
    let key = kms.find(request.required("KeyId")?)?;
    let plaintext = request.bytes("Plaintext", 4096)?;
    authorize(
        world,
        key,
        caller,
        &Act::grantable("kms:Encrypt", request, context.clone()),
    )?;
    usable(key)?;
    dry_run(request)?;
    Ok(
        json!({ "CiphertextBlob": STANDARD.encode(wrap(key, &plaintext, &context)), "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
    )
}

pub(super) fn decrypt(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let context = request.map("EncryptionContext");
    let ignores = request
        .list("DryRunModifiers")
        .iter()
        .any(|modifier| modifier == "IGNORE_CIPHERTEXT");
    if ignores && request.truth("DryRun") {
        let key = kms.find(request.required("KeyId")?)?;
        authorize(
            world,
            key,
            caller,
            &Act::grantable("kms:Decrypt", request, context.clone()),
        )?;
        usable(key)?;
        dry_run(request)?;
    }
    let blob = request.bytes("CiphertextBlob", 6144)?;
    let key = source(kms, &blob, request.text("KeyId"))?;
    authorize(
        world,
        key,
        caller,
        &Act::grantable("kms:Decrypt", request, context.clone()),
    )?;
    usable(key)?;
    let plaintext = unwrap(key, &blob, &context)?;
    dry_run(request)?;
    Ok(json!({ "Plaintext": STANDARD.encode(plaintext), "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
}

pub(super) fn re_encrypt(world: &World, kms: &Kms, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    let (old, new) = (
        request.map("SourceEncryptionContext"),
        request.map("DestinationEncryptionContext"),
    );
    let blob = request.bytes("CiphertextBlob", 6144)?;
    let from = source(kms, &blob, request.text("SourceKeyId"))?;
    let to = kms.find(request.required("DestinationKeyId")?)?;
    authorize(
        world,
        from,
        caller,
        &Act::grantable("kms:ReEncryptFrom", request, old.clone()),
    )?;
    authorize(
        world,
        to,
        caller,
        &Act::grantable("kms:ReEncryptTo", request, new.clone()),
    )?;
    usable(from)?;
    usable(to)?;
    let plaintext = unwrap(from, &blob, &old)?;
    dry_run(request)?;
    Ok(json!({
        "CiphertextBlob": STANDARD.encode(wrap(to, &plaintext, &new)), "SourceKeyId": from.arn, "KeyId": to.arn,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT"
    }))
}

pub(super) fn generate_data_key(
    world: &World,
    kms: &Kms,
    caller: &Caller,
    request: &Request,
    operation: &str,
) -> Result<Value, ApiError> {
    let context = request.map("EncryptionContext");
    let key = kms.find(request.required("KeyId")?)?;
    let len = match (request.text("KeySpec"), request.number("NumberOfBytes")) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (None, Some(len @ 1..=1024)) => len as usize,
        _ => {
            return Err(ApiError::new(
                "ValidationException",
                "Please specify either number of bytes or key spec.",
            ));
        }
    };
    let action = format!("kms:{operation}");
    authorize(world, key, caller, &Act::grantable(&action, request, context.clone()))?;
    usable(key)?;
    dry_run(request)?;
    let plaintext = bytes(len);
    let answer = json!({ "CiphertextBlob": STANDARD.encode(wrap(key, &plaintext, &context)), "KeyId": key.arn });
    Ok(match operation {
        "GenerateDataKey" => super::with(answer, json!({ "Plaintext": STANDARD.encode(plaintext) })),
        _ => answer,
    })
}

pub(super) fn generate_random(world: &World, caller: &Caller, request: &Request) -> Result<Value, ApiError> {
    world.authorize(caller, "kms:GenerateRandom", "*", &BTreeMap::new())?;
    match request.number("NumberOfBytes") {
        Some(len @ 1..=1024) => Ok(json!({ "Plaintext": STANDARD.encode(bytes(len as usize)) })),
        _ => Err(ApiError::new(
            "ValidationException",
            "1 validation error detected: Value at 'numberOfBytes' failed to satisfy constraint: Member must have value between 1 and 1024",
        )),
    }
}

impl Kms {
    /// A data key of 32 bytes without asking anybody: plaintext and ciphertext.
    pub(crate) fn data_key(&self, id: &str) -> Result<(Vec<u8>, Vec<u8>), ApiError> {
        let key = self.find(id)?;
        let plaintext = bytes(32);
        let blob = wrap(key, &plaintext, &Context::new());
        Ok((plaintext, blob))
    }
}

/// The key that a ciphertext names; checked against the one the caller named.
fn source<'a>(kms: &'a Kms, blob: &[u8], named: Option<&str>) -> Result<&'a Key, ApiError> {
    let key = blob
        .get(1..17)
        .filter(|_| blob[0] == FORMAT)
        .and_then(|id| uuid::Uuid::from_slice(id).ok())
        .and_then(|id| kms.keys.get(&id.to_string()));
    match (key, named.map(|id| kms.find(id)).transpose()?) {
        (Some(key), Some(named)) if key.id != named.id => Err(ApiError::new(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )),
        (Some(key), _) => Ok(key),
        (None, _) => Err(invalid()),
    }
}

fn wrap(key: &Key, plaintext: &[u8], context: &Context) -> Vec<u8> {
    let (version, material) = key
        .material
        .iter()
        .enumerate()
        .next_back()
        .expect("a key has material from its creation on");
    let mut blob = vec![FORMAT];
    blob.extend_from_slice(uuid::Uuid::parse_str(&key.id).unwrap_or_default().as_bytes());
    blob.extend_from_slice(&(version as u16).to_be_bytes());
    let associated = associated(&blob, context);
    let nonce = random::<NONCE>();
    let sealed = cipher(material)
        .encrypt(
            &Nonce::from(nonce),
            Payload {
                msg: plaintext,
                aad: &associated,
            },
        )
        .expect("AES-GCM takes a few kilobytes");
    blob.extend_from_slice(&nonce);
    blob.extend_from_slice(&sealed);
    blob
}

fn unwrap(key: &Key, blob: &[u8], context: &Context) -> Result<Vec<u8>, ApiError> {
    let (head, rest) = blob.split_at_checked(HEAD).ok_or_else(invalid)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(invalid)?;
    let version = usize::from(u16::from_be_bytes([head[17], head[18]]));
    let material = key.material.get(version).ok_or_else(invalid)?;
    cipher(material)
        .decrypt(
            &Nonce::from(*nonce),
            Payload {
                msg: sealed,
                aad: &associated(head, context),
            },
        )
        .map_err(|_| invalid())
}

fn cipher(material: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&CipherKey::<Aes256Gcm>::from(*material))
}

/// The head of the blob and the context, in one spelling however it was ordered.
fn associated(head: &[u8], context: &Context) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for text in context.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

fn invalid() -> ApiError {
    ApiError::new("InvalidCiphertextException", "")
}
