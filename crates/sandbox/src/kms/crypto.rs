//! Encrypt, Decrypt and data keys: AES-256-GCM under the key's material, the encryption context as associated data.
//!
//! A ciphertext is `1 or 2 | key id, 16 bytes | material version, 2 bytes | nonce, 12 bytes | ciphertext and tag`, so Decrypt finds
//! its key without being told. Clients must treat it as opaque.

use std::ops::RangeInclusive;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key as CipherKey, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::authorize::Act;
use super::key::{self, Key};
use super::request::invalid;
use super::{Ask, Kms};
use crate::prelude::*;
use crate::world::random;

type Context = BTreeMap<String, String>;

const HEAD: usize = 1 + 16 + 2;
const NONCE: usize = 12;
/// The first byte: of a key of one region, and of one of several.
const FORMAT: u8 = 1;
const FORMAT_OF_MANY: u8 = 2;
/// Bytes of a plaintext, and of a ciphertext.
const PLAINTEXT: usize = 4096;
const CIPHERTEXT: usize = 6144;
const ALGORITHMS: &str = "SYMMETRIC_DEFAULT RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256 SM2PKE";
/// Random bytes of one answer.
const BYTES: RangeInclusive<i64> = 1..=1024;

pub(super) fn encrypt(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.algorithm("EncryptionAlgorithm")?;
    let context = ask.request.context("EncryptionContext")?;
    let plaintext = ask.request.bytes("Plaintext", PLAINTEXT)?;
    let key = ask.use_key(kms, ask.request.required("KeyId")?, "kms:Encrypt", &context)?;
    ask.dry_run()?;
    Ok(
        json!({ "CiphertextBlob": STANDARD.encode(wrap(key, &plaintext, &context)), "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
    )
}

pub(super) fn decrypt(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.algorithm("EncryptionAlgorithm")?;
    let context = ask.request.context("EncryptionContext")?;
    if ask.ignores_ciphertext() {
        ask.use_key(kms, ask.request.required("KeyId")?, "kms:Decrypt", &context)?;
        ask.dry_run()?;
    }
    let blob = ask.request.bytes("CiphertextBlob", CIPHERTEXT)?;
    let id = source(ask, kms, &blob, ask.request.text("KeyId"))?;
    let key = ask.use_key(kms, &id, "kms:Decrypt", &context)?;
    let (plaintext, version) = unwrap(key, &blob, &context)?;
    ask.dry_run()?;
    Ok(json!({
        "Plaintext": STANDARD.encode(plaintext), "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": key.material_id(version)
    }))
}

pub(super) fn re_encrypt(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    ask.algorithm("SourceEncryptionAlgorithm")?;
    ask.algorithm("DestinationEncryptionAlgorithm")?;
    let (old, new) = (
        ask.request.context("SourceEncryptionContext")?,
        ask.request.context("DestinationEncryptionContext")?,
    );
    let ignores = ask.ignores_ciphertext();
    let (blob, from) = if ignores {
        (Vec::new(), ask.request.required("SourceKeyId")?.to_owned())
    } else {
        let blob = ask.request.bytes("CiphertextBlob", CIPHERTEXT)?;
        let from = source(ask, kms, &blob, ask.request.text("SourceKeyId"))?;
        (blob, from)
    };
    let to = kms.find(&ask.caller.place, ask.request.required("DestinationKeyId")?)?;
    let from = kms.find(&ask.caller.place, &from)?;
    let same = (from.arn == to.arn).to_string();
    let act = |action, context| Act::within(action, context).saying("kms:ReEncryptOnSameKey", &same);
    ask.authorize(kms, from, &act("kms:ReEncryptFrom", &old))?;
    ask.authorize(kms, to, &act("kms:ReEncryptTo", &new))?;
    from.usable()?;
    to.usable()?;
    if ignores {
        ask.dry_run()?;
    }
    let (plaintext, version) = unwrap(from, &blob, &old)?;
    ask.dry_run()?;
    Ok(json!({
        "CiphertextBlob": STANDARD.encode(wrap(to, &plaintext, &new)), "SourceKeyId": from.arn, "KeyId": to.arn,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": from.material_id(version), "DestinationKeyMaterialId": to.newest_material_id()
    }))
}

pub(super) fn generate_data_key(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let context = ask.request.context("EncryptionContext")?;
    let len = match (
        ask.request.one_of("KeySpec", "AES_256 AES_128")?,
        ask.request.bounded("NumberOfBytes", BYTES)?,
    ) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (None, Some(len)) => len as usize,
        _ => return Err(invalid("Please specify either number of bytes or key spec.")),
    };
    let action = format!("kms:{}", ask.operation);
    let key = ask.use_key(kms, ask.request.required("KeyId")?, &action, &context)?;
    ask.dry_run()?;
    let plaintext = bytes(len);
    let answer = json!({
        "CiphertextBlob": STANDARD.encode(wrap(key, &plaintext, &context)), "KeyId": key.arn,
        "KeyMaterialId": key.newest_material_id()
    });
    Ok(match ask.operation {
        "GenerateDataKey" => super::with(answer, json!({ "Plaintext": STANDARD.encode(plaintext) })),
        _ => answer,
    })
}

pub(super) fn generate_random(ask: &Ask) -> Result<Value, ApiError> {
    ask.world
        .authorize(ask.caller, "kms:GenerateRandom", "*", &BTreeMap::new())?;
    if ask.request.text("CustomKeyStoreId").is_some() {
        let told = "the sandbox has no custom key stores";
        return Err(ApiError::new("CustomKeyStoreNotFoundException", told));
    }
    match ask.request.bounded("NumberOfBytes", BYTES)? {
        Some(len) => Ok(json!({ "Plaintext": STANDARD.encode(bytes(len as usize)) })),
        None => Err(invalid("NumberOfBytes is required.")),
    }
}

impl Ask<'_> {
    /// A key that the caller may use like this, and that can be used.
    fn use_key<'a>(&self, kms: &'a Kms, id: &str, action: &str, context: &Context) -> Result<&'a Key, ApiError> {
        let key = kms.find(&self.caller.place, id)?;
        self.authorize(kms, key, &Act::within(action, context))?;
        key.usable()?;
        Ok(key)
    }

    /// Refuses an algorithm that no key here has.
    fn algorithm(&self, member: &str) -> Result<(), ApiError> {
        match self.request.one_of(member, ALGORITHMS)? {
            None | Some("SYMMETRIC_DEFAULT") => Ok(()),
            Some(other) => {
                let told = format!("Algorithm {other} is incompatible with key spec SYMMETRIC_DEFAULT.");
                Err(ApiError::new("InvalidKeyUsageException", told))
            }
        }
    }

    /// A dry run that is about authorization only.
    fn ignores_ciphertext(&self) -> bool {
        let modifiers = self.request.list("DryRunModifiers");
        self.request.truth("DryRun") && modifiers.iter().any(|modifier| modifier == "IGNORE_CIPHERTEXT")
    }
}

impl Kms {
    /// A data key of 32 bytes without asking anybody: plaintext and ciphertext.
    pub(crate) fn data_key(&self, arn: &str) -> Result<(Vec<u8>, Vec<u8>), ApiError> {
        let key = self.key(arn)?;
        let plaintext = bytes(32);
        let blob = wrap(key, &plaintext, &Context::new());
        Ok((plaintext, blob))
    }
}

/// The ARN of the key to open a ciphertext with: the one that it names, which must be the one that the caller names.
fn source(ask: &Ask, kms: &Kms, blob: &[u8], named: Option<&str>) -> Result<String, ApiError> {
    let found = blob
        .get(1..17)
        .filter(|_| blob.len() >= HEAD + NONCE)
        .and_then(|id| uuid::Uuid::from_slice(id).ok())
        .and_then(|id| match blob[0] {
            FORMAT => Some(id.to_string()),
            FORMAT_OF_MANY => Some(format!("mrk-{}", id.simple())),
            _ => None,
        });
    let Some(id) = found else {
        if let Some(named) = named {
            kms.find(&ask.caller.place, named)?;
        }
        return Err(unreadable());
    };
    match named {
        Some(named) => {
            let named = kms.find(&ask.caller.place, named)?;
            if named.id() == id {
                return Ok(named.arn.clone());
            }
            let told = "The key ID in the request does not identify a CMK that can perform this operation.";
            Err(ApiError::new("IncorrectKeyException", told))
        }
        None => {
            let region = ask.caller.place.region.as_str();
            let arn = |account| key::arn(&Place::new(account, region), &id);
            ask.world.accounts().map(arn).find(|arn| kms.keys.contains_key(arn)).ok_or_else(|| ApiError::new(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.",
            ))
        }
    }
}

fn wrap(key: &Key, plaintext: &[u8], context: &Context) -> Vec<u8> {
    let newest = key.material.iter().enumerate().next_back();
    let (version, material) = newest.expect("a key has material from its creation on");
    let (format, id) = match key.id().strip_prefix("mrk-") {
        Some(id) => (FORMAT_OF_MANY, id),
        None => (FORMAT, key.id()),
    };
    let mut blob = vec![format];
    blob.extend_from_slice(uuid::Uuid::parse_str(id).unwrap_or_default().as_bytes());
    blob.extend_from_slice(&(version as u16).to_be_bytes());
    let associated = associated(&blob, context);
    let nonce = random::<NONCE>();
    let (msg, aad) = (plaintext, associated.as_slice());
    let sealed = cipher(&material.bytes).encrypt(&Nonce::from(nonce), Payload { msg, aad });
    let sealed = sealed.expect("AES-GCM takes a few kilobytes");
    blob.extend_from_slice(&nonce);
    blob.extend_from_slice(&sealed);
    blob
}

/// The plaintext, and the version of the key's material that opened it.
fn unwrap(key: &Key, blob: &[u8], context: &Context) -> Result<(Vec<u8>, usize), ApiError> {
    let (head, rest) = blob.split_at_checked(HEAD).ok_or_else(unreadable)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(unreadable)?;
    let version = usize::from(u16::from_be_bytes([head[17], head[18]]));
    let material = key.material.get(version).ok_or_else(unreadable)?;
    let associated = associated(head, context);
    let (msg, aad) = (sealed, associated.as_slice());
    let plaintext = cipher(&material.bytes).decrypt(&Nonce::from(*nonce), Payload { msg, aad });
    Ok((plaintext.map_err(|_| unreadable())?, version))
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

fn unreadable() -> ApiError {
    ApiError::new("InvalidCiphertextException", "")
}
