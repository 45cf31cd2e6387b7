//! The proof on one object: what is stored is a token; another data key does not open it; the role may not unwrap its data
//! key without the grant; with it, the role opens it.

use std::sync::Mutex;

use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{grant_name, not_assumed};
use crate::actions::ProgressSink;
use crate::actions::download::{ALONE, Download};
use crate::actions::encrypted_data_key::EncryptedDataKey;
use crate::actions::faults::fault_of;
use crate::actions::grants::lent;
use crate::actions::kinds::no_token;
use crate::actions::principals::{SESSION, role_arn};
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::format::begins_token;
use crate::domain::{Fault, FaultKind, GrantSpec, ObjectProof, ObjectProofStep};
use crate::envelope::{DataKey, TokenReader};

const ACT: &str = "prove";
/// How many of the stored bytes are shown.
const SHOWN: usize = 64;

/// Tries an object as `role`. With `grant` a role that is denied is granted Decrypt for the last step; the grant is
/// revoked afterwards, whatever happens.
pub async fn prove_object(
    aws: &Aws,
    bucket: &str,
    object: &str,
    role: &str,
    grant: bool,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<ObjectProof, Fault> {
    let source = s3::uri(bucket, object);
    let info = s3::object_info(aws, bucket, object).await?;
    if !info.format.is_token() {
        return Err(no_token(ACT, source, info.format));
    }
    let role_arn = role_arn(aws, role).await?;
    let session = aws.assume_role(&role_arn, SESSION).await.map_err(not_assumed)?;
    let head = transfer::head(aws, bucket, object).await?;
    let first = s3::first_bytes(aws, bucket, object).await?;
    let is_token = begins_token(&first);
    let wrapped = EncryptedDataKey::of(aws, bucket, object, &info).await?;
    let mut proof = ObjectProof {
        source: source.clone(),
        stored: String::from_utf8_lossy(first.get(..SHOWN).unwrap_or(&first)).into_owned(),
        stored_bytes: head.length,
        steps: Vec::new(),
        holds: false,
        notes: Vec::new(),
    };
    proof.steps.push(ObjectProofStep {
        what: "read the bytes as they are stored".to_owned(),
        outcome: if is_token {
            "they begin a Fernet token"
        } else {
            "they begin no token"
        }
        .to_owned(),
        held: is_token,
        reason: None,
        request_id: None,
    });

    let without = kms::decrypt_data_key(
        &session,
        &wrapped.ciphertext,
        wrapped.kms_key_arn.as_deref(),
        &wrapped.context,
        &[],
    );
    let (own, temporary) = match without.await {
        Ok(unwrapped) => {
            proof
                .notes
                .push("the role may unwrap the data key already; revoking a new grant would not deny".to_owned());
            proof.steps.push(step(
                "unwrap its data key as the role, no new grant made",
                "allowed",
                true,
                None,
            ));
            (Some(unwrapped), None)
        }
        Err(fault) if fault.kind == FaultKind::Denied => {
            proof.steps.push(step(
                "unwrap its data key as the role, without a grant",
                "refused",
                true,
                Some(&fault),
            ));
            let made = if grant {
                Some(temporary_grant(aws, &wrapped, &role_arn).await?)
            } else {
                None
            };
            (None, made)
        }
        Err(fault) => return Err(fault),
    };
    let stream = Download {
        aws,
        bucket,
        key: object,
        head: &head,
        beginning: &Mutex::default(),
        progress,
        cancel,
        phase: "reading",
        in_flight: ALONE,
    };
    let opened = with_role(
        &stream,
        &session,
        &wrapped,
        &role_arn,
        own,
        temporary.as_ref(),
        &mut proof,
    )
    .await;
    if let Some((key_arn, grant_id)) = &temporary {
        let request_id = kms::revoke_grant(aws, key_arn, grant_id).await.map_err(|fault| Fault {
            remedy: format!("revoke grant {grant_id} yourself: it was made for this proof"),
            ..fault
        })?;
        let mut revoked = step("revoke the grant again", "revoked", true, None);
        revoked.request_id = request_id;
        proof.steps.push(revoked);
    }
    opened?;
    proof.holds = proof.steps.iter().all(|step| step.held);
    Ok(proof)
}

/// Key ARN and grant id.
async fn temporary_grant(aws: &Aws, wrapped: &EncryptedDataKey, role_arn: &str) -> Result<(String, String), Fault> {
    let key_arn = match &wrapped.kms_key_arn {
        Some(arn) => arn.clone(),
        // Only KMS knows which key wrapped it.
        None => {
            kms::decrypt_data_key(aws, &wrapped.ciphertext, None, &wrapped.context, &[])
                .await?
                .key_arn
        }
    };
    let spec = GrantSpec {
        key_arn: key_arn.clone(),
        grantee: role_arn.to_owned(),
        operations: vec!["Decrypt".to_owned()],
        constraint: None,
        name: Some(grant_name()),
        retiring: None,
    };
    Ok((key_arn, lent(aws, &spec).await?.id))
}

/// Reads the token once, with a data key made up on the spot and, if the role has it by now, with the right one.
async fn with_role(
    stream: &Download<'_>,
    session: &Aws,
    wrapped: &EncryptedDataKey,
    role_arn: &str,
    own: Option<kms::UnwrappedDataKey>,
    temporary: Option<&(String, String)>,
    proof: &mut ObjectProof,
) -> Result<(), Fault> {
    let unwrapped = match (own, temporary) {
        (Some(unwrapped), _) => Some(unwrapped),
        (None, Some((key_arn, _))) => {
            let tokens = stream.aws.tokens().of(key_arn, role_arn);
            let answer = kms::decrypt_data_key(session, &wrapped.ciphertext, Some(key_arn), &wrapped.context, &tokens);
            match answer.await {
                Ok(unwrapped) => {
                    proof.steps.push(step(
                        "unwrap its data key as the role, with a grant",
                        "allowed",
                        true,
                        None,
                    ));
                    Some(unwrapped)
                }
                Err(fault) if fault.kind == FaultKind::Denied => {
                    let what = "unwrap its data key as the role, with a grant";
                    proof.steps.push(step(what, "refused", false, Some(&fault)));
                    None
                }
                Err(fault) => return Err(fault),
            }
        }
        (None, None) => None,
    };
    let wrong = TokenReader::verifying(&made_up(&proof.source)?);
    let right = unwrapped
        .map(|unwrapped| DataKey::from_plaintext(&unwrapped.plaintext))
        .transpose()
        .map_err(|error| fault_of("unwrap the data key of", &proof.source, &error))?
        .map(|key| TokenReader::verifying(&key));
    let (wrong, right) = stream
        .fold((wrong, right), |(wrong, right), piece| {
            // The made-up key is not asked to like what it reads.
            let _ = wrong.push(piece, &mut Vec::new());
            right
                .as_mut()
                .map_or(Ok(()), |right| right.push(piece, &mut Vec::new()))
        })
        .await?;
    proof.steps.push(match wrong.finish(&mut Vec::new()) {
        Err(error) => ObjectProofStep {
            reason: Some(error.to_string()),
            ..step("open it with another data key", "refused", true, None)
        },
        Ok(_) => step("open it with another data key", "opened", false, None),
    });
    if let Some(right) = right {
        proof.steps.push(match right.finish(&mut Vec::new()) {
            Ok(opened) => {
                let made = opened
                    .created
                    .map(|created| format!(", made {created}"))
                    .unwrap_or_default();
                let outcome = format!("opened: {} bytes{made}", opened.plaintext_bytes);
                step("open it as the role", &outcome, true, None)
            }
            Err(error) => ObjectProofStep {
                reason: Some(error.to_string()),
                ..step("open it as the role", "refused", false, None)
            },
        });
    }
    Ok(())
}

fn made_up(source: &str) -> Result<DataKey, Fault> {
    let mut bytes = Zeroizing::new(vec![0; 32]);
    let random = getrandom::fill(&mut bytes).map_err(|error| error.to_string());
    random
        .and_then(|()| DataKey::from_plaintext(&bytes).map_err(|error| error.to_string()))
        .map_err(|cause| Fault::other(ACT, source, cause, ""))
}

fn step(what: &str, outcome: &str, held: bool, refused: Option<&Fault>) -> ObjectProofStep {
    ObjectProofStep {
        what: what.to_owned(),
        outcome: outcome.to_owned(),
        held,
        reason: refused.map(|fault| fault.cause.clone()),
        request_id: refused.and_then(|fault| fault.request_id.clone()),
    }
}
