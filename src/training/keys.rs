//! Which data keys a job has, unwrapped with the execution role's credentials.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};

use super::job::{Job, invalid};
use super::say;
use crate::actions::data_key_of_object;
use crate::aws::{Aws, kms, s3};
use crate::domain::{Fault, ObjectUri};
use crate::envelope::binding::digest;
use crate::envelope::manifest::{Manifest, WrappedDataKey};
use crate::envelope::{DataKey, EnvelopeError};

/// Calls that are made side by side.
const AT_ONCE: usize = 16;
/// A manifest larger than this is none; nor is a part of one.
const LONGEST_MANIFEST: u64 = 64 << 20;

/// A data key beside what others need to unwrap it.
#[derive(Debug)]
pub(crate) struct OpenKey {
    /// D.
    pub(crate) key: DataKey,
    /// C, with the ARN of the KMS key and the context.
    pub(crate) wrapped: WrappedDataKey,
}

/// The data keys of a job, and what they may open.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Never empty. With a manifest, in its order.
    pub(crate) opening: Vec<OpenKey>,
    /// What may be opened; without it, the boto3 way: one key for all.
    pub(crate) manifest: Option<Manifest>,
    /// The key that checkpoints and output are written under: `None` for the first of [`Keys::opening`].
    pub(crate) fresh: Option<OpenKey>,
}

impl Keys {
    /// Reads manifest or key object and unwraps.
    pub(crate) async fn obtain(job: &Job, aws: &Aws) -> Result<Self, Fault> {
        let (manifest, wrapped) = match job.hyperparameter("strongroom_manifest") {
            Some(uri) => {
                let manifest = manifest(&uri, &job.required("strongroom_manifest_sha256")?, aws).await?;
                let wrapped = manifest.data_keys.clone();
                (Some(manifest), wrapped)
            }
            None => (None, vec![key_object(job, aws).await?]),
        };
        let token = job.hyperparameter("strongroom_grant_token");
        // Files of many uploads have as many data keys.
        let unwrapping = wrapped.into_iter().map(|one| unwrap(one, token.as_deref(), aws));
        let opening: Vec<_> = stream::iter(unwrapping).buffered(AT_ONCE).try_collect().await?;
        let fresh = match job.hyperparameter("strongroom_model_key").as_deref() {
            None | Some("same") => None,
            Some("new") => match opening.first() {
                Some(first) => Some(generate(&first.wrapped, aws).await?),
                None => None,
            },
            Some(other) => {
                let (name, cause) = ("strongroom_model_key", format!("`{other}` is neither same nor new"));
                return Err(invalid("read hyperparameter", name, cause, "leave it out for same"));
            }
        };
        if opening.is_empty() {
            let remedy = "start the job again with strongroom";
            return Err(invalid("read manifest", "", "it names no data key", remedy));
        }
        Ok(Self {
            opening,
            manifest,
            fresh,
        })
    }

    /// The key of everything the job reads back itself.
    pub(crate) fn first(&self) -> &OpenKey {
        self.opening.first().expect("`obtain` refuses a job without data key")
    }

    /// The key that model and output are written under.
    pub(crate) fn writing(&self) -> &OpenKey {
        self.fresh.as_ref().unwrap_or_else(|| self.first())
    }
}

async fn manifest(uri: &str, expected: &str, aws: &Aws) -> Result<Manifest, Fault> {
    let ObjectUri { bucket, key } = s3_uri(uri)?;
    let bytes = s3::read_small(aws, &bucket, &key, LONGEST_MANIFEST).await?;
    let mut manifest = parse_manifest(uri, &bytes, expected)?;
    let named = std::mem::take(&mut manifest.parts);
    if named.is_empty() {
        return Ok(manifest);
    }
    let parts = named.iter().map(|part| async {
        let bytes = s3::read_small(aws, &bucket, &part.key, LONGEST_MANIFEST).await?;
        parse_manifest(&s3::uri(&bucket, &part.key), &bytes, &part.sha256)
    });
    let mut parts = stream::iter(parts).buffered(AT_ONCE);
    while let Some(part) = parts.try_next().await? {
        manifest.join(part).map_err(|error| {
            let remedy = "start the job again";
            invalid("read manifest", uri, error.to_string(), remedy)
        })?;
    }
    manifest.gather_keys();
    Ok(manifest)
}

fn parse_manifest(uri: &str, bytes: &[u8], expected: &str) -> Result<Manifest, Fault> {
    let actual = digest(bytes);
    if !actual.eq_ignore_ascii_case(expected) {
        let cause = format!("its SHA-256 is {actual}, not {expected}");
        let remedy = "somebody changed it since the job was made: start the job again";
        return Err(Fault::integrity("read manifest", uri, cause, remedy));
    }
    Manifest::read(bytes).map_err(|error| {
        let remedy = "use the image of the same release";
        invalid("read manifest", uri, error.to_string(), remedy)
    })
}

/// The boto3 way: C in an object of its own.
async fn key_object(job: &Job, aws: &Aws) -> Result<WrappedDataKey, Fault> {
    let bucket = job.required("key_bucket")?;
    let key = job.required("ciphertext_s3_key")?;
    let named = job
        .hyperparameter("kms_key_id")
        .or_else(|| job.hyperparameter("master_key_id"));
    let kms_key_id = match named {
        Some(id) => id,
        None => job.required("kms_key_id")?,
    };
    let context: BTreeMap<String, String> = match job.hyperparameters.get("encryption_context") {
        Some(text) => context(text)?,
        None => BTreeMap::new(),
    };
    let bytes = data_key_of_object(aws, &bucket, &key).await?;
    Ok(WrappedDataKey {
        data_key: STANDARD.encode(bytes),
        kms_key_id,
        context,
    })
}

/// A JSON object of strings, itself possibly JSON-quoted.
fn context(text: &str) -> Result<BTreeMap<String, String>, Fault> {
    let plain = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
    if plain.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(&plain).map_err(|error| {
        let remedy = "give a JSON object of strings";
        invalid("read hyperparameter", "encryption_context", error.to_string(), remedy)
    })
}

/// With the token of a grant that may not be known everywhere yet. One that is no longer valid is left out: another grant
/// or a policy may allow the role by now.
pub(super) async fn unwrap(wrapped: WrappedDataKey, token: Option<&str>, aws: &Aws) -> Result<OpenKey, Fault> {
    let bytes = STANDARD
        .decode(&wrapped.data_key)
        .map_err(|error| invalid("read manifest", "data_key", error.to_string(), ""))?;
    let (key, context) = (Some(wrapped.kms_key_id.as_str()), &wrapped.context);
    let tokens: Vec<String> = token.map(str::to_owned).into_iter().collect();
    let opened = match kms::unwrap_data_key(aws, &bytes, key, context, &tokens).await {
        Err(fault) if fault.code.as_deref() == Some("InvalidGrantTokenException") => {
            kms::unwrap_data_key(aws, &bytes, key, context, &[]).await?
        }
        other => other?,
    };
    let arn = opened.key_arn;
    let key = DataKey::from_plaintext(&opened.plaintext).map_err(|error| broken("unwrap data key of", &arn, &error))?;
    say(&format!("unwrapped data key of {arn}"));
    Ok(OpenKey {
        key,
        wrapped: WrappedDataKey {
            kms_key_id: arn,
            ..wrapped
        },
    })
}

/// A new data key under the KMS key and context of `like`.
async fn generate(like: &WrappedDataKey, aws: &Aws) -> Result<OpenKey, Fault> {
    let made = kms::generate_data_key(aws, &like.kms_key_id, &like.context).await?;
    let arn = made.key_arn;
    let key = DataKey::from_plaintext(&made.plaintext).map_err(|error| broken("generate data key of", &arn, &error))?;
    say(&format!("generated a new data key of {arn} for the model"));
    let wrapped = WrappedDataKey {
        data_key: STANDARD.encode(made.ciphertext),
        kms_key_id: arn,
        context: like.context.clone(),
    };
    Ok(OpenKey { key, wrapped })
}

/// What a token, its key or its document being wrong means to a person.
pub(crate) fn broken(act: &str, object: &str, error: &EnvelopeError) -> Fault {
    match error {
        EnvelopeError::Read(cause) | EnvelopeError::Write(cause) => {
            let path = std::path::Path::new(object);
            super::job::io(act, path, cause)
        }
        other => {
            let remedy = "check that the job's data key is the one this was encrypted under";
            Fault::integrity(act, object, other.to_string(), remedy)
        }
    }
}

fn s3_uri(uri: &str) -> Result<ObjectUri, Fault> {
    ObjectUri::parse_object(uri).ok_or_else(|| {
        let cause = format!("`{uri}` is not s3://BUCKET/KEY");
        invalid("read hyperparameter", "strongroom_manifest", cause, "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FaultKind;

    const EMPTY: &[u8] = br#"{"version": 1, "data_keys": [], "channels": {}}"#;

    #[test]
    fn a_manifest_with_another_digest_is_refused() {
        assert!(parse_manifest("s3://b/m", EMPTY, &digest(EMPTY)).is_ok());
        let fault = parse_manifest("s3://b/m", EMPTY, &digest(b"another")).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Integrity);
    }

    #[test]
    fn a_manifest_of_a_later_version_is_refused() {
        let later = br#"{"version": 3, "data_keys": [], "channels": {}}"#;
        assert_eq!(
            parse_manifest("s3://b/m", later, &digest(later)).unwrap_err().kind,
            FaultKind::Invalid
        );
    }

    #[test]
    fn the_encryption_context_is_json_with_or_without_quotes() {
        let expected = BTreeMap::from([("team".to_owned(), "blue".to_owned())]);
        assert_eq!(context(r#"{"team":"blue"}"#).unwrap(), expected);
        assert_eq!(context(r#""{\"team\":\"blue\"}""#).unwrap(), expected);
        assert_eq!(context("blue").unwrap_err().kind, FaultKind::Invalid);
    }

    #[test]
    fn only_whole_s3_uris_name_a_manifest() {
        assert_eq!(s3_uri("s3://b/a/m.json").unwrap(), ObjectUri::new("b", "a/m.json"));
        for wrong in ["b/m", "s3://b", "s3:///m", "s3://b/", "https://b/m"] {
            assert!(s3_uri(wrong).is_err(), "{wrong}");
        }
    }
}
