//! Letting a principal use a key, and taking that back.
//!
//! Grants spread slowly: whoever carries the token may use a new one at once, everybody else within some minutes.

use crate::aws::{Aws, kms};
use crate::domain::{Fault, FaultKind, Outcome};

/// Lets `grantee` call `operations` with a key.
pub async fn create_grant(
    aws: &Aws,
    key_arn: &str,
    grantee: &str,
    operations: &[String],
    name: Option<&str>,
) -> Result<Outcome, Fault> {
    if operations.is_empty() {
        let cause = "no operation is named";
        return Err(Fault::new(
            FaultKind::Invalid,
            "create a grant on",
            key_arn,
            cause,
            "choose at least Decrypt",
        ));
    }
    let grant = kms::create_grant(aws, key_arn, grantee, operations, name).await?;
    Ok(Outcome::Granted { grant_id: grant.id })
}

/// Takes a grant back; what was decrypted under it stays decrypted.
pub async fn revoke_grant(aws: &Aws, key_arn: &str, grant_id: &str) -> Result<Outcome, Fault> {
    kms::revoke_grant(aws, key_arn, grant_id).await?;
    Ok(Outcome::Revoked {
        grant_id: grant_id.to_owned(),
    })
}
