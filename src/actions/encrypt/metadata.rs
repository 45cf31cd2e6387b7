//! What a token's object will say of itself, and whether S3 takes so much.

use uuid::Uuid;

use super::EncryptRequest;
use super::plan::Source;
use crate::actions::faults::usage;
use crate::aws::Aws;
use crate::domain::Fault;
use crate::envelope::{EnvelopeError, Metadata};

/// Refuses a token whose metadata S3 would not take, as far as that is known before there is a data key.
pub(super) fn check_metadata(
    aws: &Aws,
    request: &EncryptRequest,
    data_key_object: &str,
    sources: &[Source],
) -> Result<(), Fault> {
    let of = |source: &Source| Metadata {
        // An alias becomes the ARN of its key; no ARN is shorter than this one.
        kms_key_id: if request.key.contains(":key/") {
            request.key.clone()
        } else {
            format!("arn:aws:kms:{}:111122223333:key/{}", aws.region(), Uuid::nil())
        },
        data_key: None,
        data_key_object: Some(data_key_object.to_owned()),
        context: request.context.clone(),
        name: source.name.clone(),
        prefix: Some(source.prefix.clone()),
        length: 0,
        mac: [0; 32],
    };
    for source in sources {
        of(source).to_map().map_err(|error| too_much(source, &error))?;
    }
    Ok(())
}

pub(super) fn too_much(source: &Source, error: &EnvelopeError) -> Fault {
    let remedy = "choose a shorter name or prefix, or a smaller encryption context";
    usage("upload", source.path.display(), &error.to_string(), remedy)
}
