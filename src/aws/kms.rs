//! KMS: keys, aliases, policies, grants, and the few cryptographic calls an envelope needs.
//!
//! Plaintext data keys leave in a type that is wiped on drop. The SDK's own buffers are freed at once, and wiped by the
//! program's allocator then.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_kms::operation::generate_data_key::builders::GenerateDataKeyFluentBuilder;
use aws_sdk_kms::operation::list_aliases::ListAliasesOutput;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{
    AliasListEntry, DataKeySpec, DryRunModifierType, GrantConstraints, GrantListEntry, KeyManagerType, KeyMetadata,
    KeySpec, KeyUsageType, OriginType,
};
use futures::TryStreamExt;
use zeroize::{Zeroize, Zeroizing};

use super::fault::{Expected, Heard};
use super::{Aws, List, Paged, timestamp};
use crate::domain::format::without_line_end;
use crate::domain::{Arn, Fault, FaultKind, Grant, GrantConstraint, KeyDetail, KeyManager, KeyState, KmsKey};

mod ask;
mod manage;
mod message;
mod standing;
mod unshared;

pub(crate) use ask::Ask;
pub(crate) use manage::*;
pub(crate) use message::{Rewrap, decrypt, encrypt, re_encrypt, would_decrypt, would_re_encrypt};
pub(crate) use standing::{aliases_of, resolved, standing};
use unshared::Unshared;

const KEYS_PER_PAGE: i32 = 1000;
const ROWS_PER_PAGE: i32 = 100;

/// An alias that points to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    /// With `alias/`.
    pub(crate) name: String,
    /// The bare key id.
    pub(crate) key_id: String,
}

/// A fresh data key, both ways.
pub(crate) struct GeneratedDataKey {
    /// D.
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
    /// C.
    pub(crate) ciphertext: Vec<u8>,
    /// The KMS key that wrapped it.
    pub(crate) key_arn: String,
}

/// A data key that KMS unwrapped.
pub(crate) struct UnwrappedDataKey {
    /// D.
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
    /// The KMS key that unwrapped it.
    pub(crate) key_arn: String,
}

pub(crate) fn list_keys(aws: &Aws) -> List<'_, KmsKey> {
    let call = move |marker| aws.kms().list_keys().limit(KEYS_PER_PAGE).set_marker(marker).send();
    List::of("list", "KMS keys", call, |answer| {
        let rows = answer.keys().iter().map(|entry| {
            Some(KmsKey {
                id: entry.key_id()?.to_owned(),
                arn: entry.key_arn()?.to_owned(),
                aliases: Vec::new(),
                detail: None,
            })
        });
        Paged::new(rows.collect(), answer.next_marker().filter(|_| answer.truncated()))
    })
}

pub(crate) fn list_aliases(aws: &Aws) -> List<'_, Alias> {
    let call = move |marker| aws.kms().list_aliases().limit(ROWS_PER_PAGE).set_marker(marker).send();
    List::of("list", "aliases", call, aliases)
}

/// Some of AWS's own point to no key yet.
fn aliases(answer: &ListAliasesOutput) -> Result<Paged<Alias>, &'static str> {
    let rows = answer.aliases().iter().filter_map(alias).collect();
    Paged::new(Some(rows), answer.next_marker().filter(|_| answer.truncated()))
}

/// `DescribeKey` by id, ARN or alias, with the rotation status where it can be had.
pub(crate) async fn describe_key(aws: &Aws, key: &str) -> Result<KmsKey, Fault> {
    let act = "describe";
    let call = aws.kms_of(key).describe_key().key_id(key).send();
    // An ARN serves both questions: at a distance one round trip is half of two.
    let (answer, told) = if key.contains(":key/") {
        let (answer, told) = futures::join!(call, rotation(aws, key));
        (answer, Some(told))
    } else {
        (call.await, None)
    };
    let answer = answer.heard(act, key)?;
    let metadata = answer.key_metadata.expected(act, key, "key metadata")?;
    let arn = metadata.arn.clone().expected(act, key, "key ARN")?;
    let mut detail = detail(&metadata);
    detail.rotation = match told {
        Some(told) => told,
        None => rotation(aws, &arn).await,
    };
    Ok(KmsKey {
        id: metadata.key_id,
        arn,
        aliases: Vec::new(),
        detail: Some(detail),
    })
}

/// Asymmetric keys, keys pending deletion and callers without the permission have no answer.
async fn rotation(aws: &Aws, key_arn: &str) -> Option<bool> {
    let answer = aws
        .kms_of(key_arn)
        .get_key_rotation_status()
        .key_id(key_arn)
        .send()
        .await
        .ok()?;
    Some(answer.key_rotation_enabled())
}

pub(crate) async fn key_policy(aws: &Aws, key_arn: &str) -> Result<String, Fault> {
    let act = "read the policy of";
    let call = aws
        .kms_of(key_arn)
        .get_key_policy()
        .key_id(key_arn)
        .policy_name("default");
    let answer = call.send().await.heard(act, key_arn)?;
    answer.policy.expected(act, key_arn, "policy")
}

pub(crate) fn list_grants<'a>(aws: &'a Aws, key_arn: &'a str) -> List<'a, Grant> {
    let call = move |marker| {
        let call = aws.kms_of(key_arn).list_grants().key_id(key_arn);
        call.limit(ROWS_PER_PAGE).set_marker(marker).send()
    };
    List::of("list grants of", key_arn, call, move |answer| {
        let rows = answer.grants().iter().map(|entry| grant(entry, key_arn));
        Paged::new(rows.collect(), answer.next_marker().filter(|_| answer.truncated()))
    })
}

/// The first grant of a key that is the one meant.
pub(crate) async fn find_grant(
    aws: &Aws,
    key_arn: &str,
    is_meant: impl Fn(&Grant) -> bool,
) -> Result<Option<Grant>, Fault> {
    let mut pages = list_grants(aws, key_arn).pages();
    while let Some(grants) = pages.try_next().await? {
        if let Some(grant) = grants.into_iter().find(&is_meant) {
            return Ok(Some(grant));
        }
    }
    Ok(None)
}

/// 32 fresh bytes, wrapped under `key` (id, ARN or alias).
pub(crate) async fn generate_data_key(
    aws: &Aws,
    key: &str,
    context: &BTreeMap<String, String>,
) -> Result<GeneratedDataKey, Fault> {
    let act = "generate a data key under";
    let call = data_key_call(aws, key, context).customize().interceptor(Unshared);
    let answer = call.send().await.heard(act, key)?;
    let plaintext = answer.plaintext.expected(act, key, "plaintext")?;
    Ok(GeneratedDataKey {
        plaintext: secret(plaintext),
        ciphertext: answer.ciphertext_blob.expected(act, key, "ciphertext")?.into_inner(),
        key_arn: answer.key_id.expected(act, key, "key ARN")?,
    })
}

/// Whether [`generate_data_key`] would be granted: the same call as a dry run, which makes nothing.
pub(crate) async fn may_generate_data_key(
    aws: &Aws,
    key: &str,
    context: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let call = data_key_call(aws, key, context).dry_run(true);
    let call = call.customize().interceptor(Unshared);
    match call.send().await.heard("generate a data key under", key) {
        // Who answers for KMS and knows no dry runs has made one, which nobody takes.
        Ok(_) => Ok(()),
        Err(fault) if fault.code.as_deref() == Some("DryRunOperationException") => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn data_key_call(aws: &Aws, key: &str, context: &BTreeMap<String, String>) -> GenerateDataKeyFluentBuilder {
    let call = aws.kms_of(key).generate_data_key().key_id(key);
    call.key_spec(DataKeySpec::Aes256)
        .set_encryption_context(in_context(context))
        .set_grant_tokens(aws.tokens_for(key))
}

/// Whether [`unwrap_data_key`] would be granted: the same call as a dry run. Of a C that is not at hand KMS is told to ask only for
/// the right and the key; who answers for KMS and does not know that tells nothing.
pub(crate) async fn may_unwrap_data_key(
    aws: &Aws,
    ciphertext: Option<&[u8]>,
    key: &str,
    context: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let first = may_decrypt_data_key(aws, ciphertext, key, context).await;
    match (first, replica(key, aws.region())) {
        (Err(fault), Some(replica)) if may_be_elsewhere(fault.kind) => {
            let second = may_decrypt_data_key(aws, ciphertext, &replica, context).await;
            second.map_err(|_| fault)
        }
        (first, _) => first,
    }
}

async fn may_decrypt_data_key(
    aws: &Aws,
    ciphertext: Option<&[u8]>,
    key: &str,
    context: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let ignoring = ciphertext.is_none().then(|| vec![DryRunModifierType::IgnoreCiphertext]);
    let call = aws
        .kms_of(key)
        .decrypt()
        .set_ciphertext_blob(ciphertext.map(Blob::new))
        .key_id(key)
        .set_encryption_context(in_context(context))
        .set_grant_tokens(aws.tokens_for(key))
        .dry_run(true)
        .set_dry_run_modifiers(ignoring)
        .customize()
        .interceptor(Unshared);
    match call.send().await.heard("decrypt a data key under", key) {
        Err(fault) if fault.code.as_deref() == Some("DryRunOperationException") => Ok(()),
        Err(fault) if ciphertext.is_none() && fault.kind == FaultKind::Invalid => Ok(()),
        answer => answer.map(drop),
    }
}

/// Unwraps C, also one with the end of a line behind it. With `key`, KMS refuses a C that another key wrapped.
pub(crate) async fn decrypt_data_key(
    aws: &Aws,
    ciphertext: &[u8],
    key: Option<&str>,
    context: &BTreeMap<String, String>,
    grant_tokens: &[String],
) -> Result<UnwrappedDataKey, Fault> {
    let words = ("decrypt a data key under", "the key that wrapped it");
    let ask = |ciphertext| decrypted(aws, words, ciphertext, key, context, grant_tokens);
    even_with_line_end(ciphertext, ask).await
}

/// What is answered of C; where KMS says that it opens none, of C without the end of a line behind it.
pub(crate) async fn even_with_line_end<'a, T, F: Future<Output = Result<T, Fault>>>(
    ciphertext: &'a [u8],
    ask: impl Fn(&'a [u8]) -> F,
) -> Result<T, Fault> {
    match (ask(ciphertext).await, without_line_end(ciphertext)) {
        // Every 256th ends as a line does, so it is asked for as it is first.
        (Err(fault), Some(shorter)) if fault.kind == FaultKind::Integrity => match ask(shorter).await {
            Err(other) if other.kind == FaultKind::Integrity => Err(fault),
            // Refused or not heard, it may be one all the same.
            answer => answer,
        },
        (answer, _) => answer,
    }
}

/// The same, for whom any key with the material will do: where a multi-Region key is refused or not reached in its own
/// region, its replica here is asked. Not for proofs, which are of one key.
pub(crate) async fn unwrap_data_key(
    aws: &Aws,
    ciphertext: &[u8],
    key: Option<&str>,
    context: &BTreeMap<String, String>,
    grant_tokens: &[String],
) -> Result<UnwrappedDataKey, Fault> {
    let first = decrypt_data_key(aws, ciphertext, key, context, grant_tokens).await;
    let replica = key.and_then(|key| replica(key, aws.region()));
    match (first, replica) {
        (Err(fault), Some(replica)) if may_be_elsewhere(fault.kind) => {
            let second = decrypt_data_key(aws, ciphertext, Some(&replica), context, &[]).await;
            second.map_err(|other| Fault {
                cause: format!("{}; and {replica}: {}", fault.cause, other.cause),
                ..fault
            })
        }
        (first, _) => first,
    }
}

/// The same multi-Region key in this region, if it is of another.
fn replica(key: &str, region: &str) -> Option<String> {
    let arn = Arn::parse(key).filter(|arn| arn.resource.starts_with("key/mrk-") && arn.region != region)?;
    Some(Arn { region, ..arn }.to_string())
}

fn may_be_elsewhere(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Denied | FaultKind::KeyState | FaultKind::NotFound | FaultKind::Unreachable | FaultKind::Timeout
    )
}

async fn decrypted(
    aws: &Aws,
    (act, some_key): (&str, &str),
    ciphertext: &[u8],
    key: Option<&str>,
    context: &BTreeMap<String, String>,
    grant_tokens: &[String],
) -> Result<UnwrappedDataKey, Fault> {
    let object = key.unwrap_or(some_key);
    let mut tokens = key.and_then(|key| aws.tokens_for(key)).unwrap_or_default();
    tokens.extend_from_slice(grant_tokens);
    let call = aws
        .kms_of(key.unwrap_or_default())
        .decrypt()
        .ciphertext_blob(Blob::new(ciphertext))
        .set_key_id(key.map(str::to_owned))
        .set_encryption_context(in_context(context))
        .set_grant_tokens(Some(tokens).filter(|tokens| !tokens.is_empty()))
        .customize()
        .interceptor(Unshared);
    let answer = call.send().await.heard(act, object)?;
    let plaintext = answer.plaintext.expected(act, object, "plaintext")?;
    Ok(UnwrappedDataKey {
        plaintext: secret(plaintext),
        key_arn: answer.key_id.expected(act, object, "key ARN")?,
    })
}

fn alias(entry: &AliasListEntry) -> Option<Alias> {
    Some(Alias {
        name: entry.alias_name()?.to_owned(),
        key_id: entry.target_key_id()?.to_owned(),
    })
}

fn detail(metadata: &KeyMetadata) -> KeyDetail {
    let word = |text: Option<&str>| text.unwrap_or_default().to_owned();
    KeyDetail {
        description: word(metadata.description()),
        state: metadata.key_state().map_or_else(
            || KeyState::Other(String::new()),
            |state| KeyState::parse(state.as_str()),
        ),
        manager: match metadata.key_manager() {
            Some(KeyManagerType::Aws) => KeyManager::Aws,
            _ => KeyManager::Customer,
        },
        spec: word(metadata.key_spec().map(KeySpec::as_str)),
        usage: word(metadata.key_usage().map(KeyUsageType::as_str)),
        origin: word(metadata.origin().map(OriginType::as_str)),
        created: metadata.creation_date().and_then(timestamp),
        deletion: metadata.deletion_date().and_then(timestamp),
        rotation: None,
        multi_region: metadata.multi_region().unwrap_or_default(),
    }
}

fn grant(entry: &GrantListEntry, key_arn: &str) -> Option<Grant> {
    Some(Grant {
        id: entry.grant_id()?.to_owned(),
        key_arn: entry.key_id().unwrap_or(key_arn).to_owned(),
        name: entry.name().filter(|name| !name.is_empty()).map(str::to_owned),
        grantee: entry
            .grantee_principal()
            .or(entry.grantee_service_principal())
            .unwrap_or_default()
            .to_owned(),
        retiring: entry
            .retiring_principal()
            .or(entry.retiring_service_principal())
            .map(str::to_owned),
        operations: entry
            .operations()
            .iter()
            .map(|operation| operation.as_str().to_owned())
            .collect(),
        constraint: entry.constraints().and_then(constraint),
        created: entry.creation_date().and_then(timestamp),
    })
}

fn constraint(constraints: &GrantConstraints) -> Option<GrantConstraint> {
    let sorted = |map: &HashMap<String, String>| {
        let mut pairs: Vec<_> = map.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        pairs.sort();
        pairs
    };
    let equals = constraints.encryption_context_equals().filter(|map| !map.is_empty());
    let subset = constraints.encryption_context_subset().filter(|map| !map.is_empty());
    equals
        .map(|map| GrantConstraint::ContextEquals(sorted(map)))
        .or_else(|| subset.map(|map| GrantConstraint::ContextSubset(sorted(map))))
}

fn in_context(context: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!context.is_empty()).then(|| {
        context
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    })
}

fn secret(blob: Blob) -> Zeroizing<Vec<u8>> {
    let mut bytes = blob.into_inner();
    // Exactly sized, so that nothing grows and leaves a copy behind later.
    let kept = Zeroizing::new(bytes.as_slice().to_vec());
    bytes.zeroize();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told where KMS answers the first of what ends as a line does, and the second of it without that end.
    async fn told(as_it_is: Result<(), FaultKind>, without_end: Result<(), FaultKind>) -> Result<(), FaultKind> {
        let wrapped = [&[0x01, 0x02, 0x03, 0x00, 0x78][..], &[0xb7; 179]].concat();
        let line = [wrapped.as_slice(), b"\n"].concat();
        let ask = |asked: &[u8]| {
            let answer = if asked == line { as_it_is } else { without_end };
            std::future::ready(answer.map_err(|kind| Fault::new(kind, "decrypt", "C", "so", "")))
        };
        even_with_line_end(&line, ask).await.map_err(|fault| fault.kind)
    }

    #[tokio::test]
    async fn what_ends_as_a_line_is_called_no_data_key_only_where_kms_says_so_of_both() {
        use FaultKind::{Denied, Integrity, Throttled};
        assert_eq!(told(Ok(()), Err(Integrity)).await, Ok(()));
        assert_eq!(told(Err(Integrity), Ok(())).await, Ok(()));
        assert_eq!(told(Err(Integrity), Err(Integrity)).await, Err(Integrity));
        for unknown in [Denied, Throttled] {
            assert_eq!(told(Err(Integrity), Err(unknown)).await, Err(unknown));
            assert_eq!(told(Err(unknown), Ok(())).await, Err(unknown));
        }
    }
}
