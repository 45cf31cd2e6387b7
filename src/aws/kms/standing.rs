//! Whether a key can be used, and what it is called: by one call each.

use aws_sdk_kms::types::KeyMetadata;

use super::{aliases, detail};
use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, List};
use crate::domain::{Fault, KeyDetail, KeyState};

const DESCRIBE: &str = "describe";

/// The state of a key, and its ARN.
pub(crate) async fn standing(aws: &Aws, key: &str) -> Result<(KeyState, String), Fault> {
    let (arn, metadata) = described(aws, key).await?;
    let state = metadata.key_state.expected(DESCRIBE, key, "key state")?;
    Ok((KeyState::parse(state.as_str()), arn))
}

/// The ARN of a key by id, ARN or alias, and what it is; its rotation is not asked for.
pub(crate) async fn resolved(aws: &Aws, key: &str) -> Result<(String, KeyDetail), Fault> {
    let (arn, metadata) = described(aws, key).await?;
    Ok((arn, detail(&metadata)))
}

async fn described(aws: &Aws, key: &str) -> Result<(String, KeyMetadata), Fault> {
    let answer = aws.kms_of(key).describe_key().key_id(key).send().await;
    let metadata = answer
        .heard(DESCRIBE, key)?
        .key_metadata
        .expected(DESCRIBE, key, "key metadata")?;
    let arn = metadata.arn.clone().expected(DESCRIBE, key, "key ARN")?;
    Ok((arn, metadata))
}

/// The aliases of one key, sorted.
pub(crate) async fn aliases_of(aws: &Aws, key_arn: &str) -> Result<Vec<String>, Fault> {
    let call = move |marker| {
        let call = aws.kms_of(key_arn).list_aliases().key_id(key_arn);
        call.set_marker(marker).send()
    };
    let list = List::of("list the aliases of", key_arn, call, aliases);
    let mut names: Vec<String> = list.every().await?.into_iter().map(|alias| alias.name).collect();
    names.sort();
    Ok(names)
}
