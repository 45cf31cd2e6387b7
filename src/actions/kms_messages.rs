//! Small messages and data keys, by KMS itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

use super::bucket_refusal;
use super::encrypted_data_key;
use super::faults::{io_fault, new_file_fault};
use super::principals::{SESSION, role_arn};
use super::proof::settled;
use crate::aws::{Aws, kms, s3};
use crate::domain::format::data_key_of_text;
use crate::domain::{Door, Fault, FaultKind, Location, Message, ObjectUri, Outcome, Plaintext, ProofStep};
use crate::publish;

/// KMS takes no longer message.
const LONGEST_MESSAGE: usize = 4096;
/// A ciphertext of the longest message with everything around it, in base64.
const LONGEST_CIPHERTEXT: u64 = 16 << 10;

/// Encrypts 1 to 4096 bytes; the ciphertext goes to a new file too if one is named.
pub async fn encrypt_message(
    aws: &Aws,
    key: &str,
    message: &Message,
    context: &BTreeMap<String, String>,
    to: Option<&Path>,
) -> Result<Outcome, Fault> {
    let plaintext = match message {
        Message::Text(text) => text.clone(),
        Message::File(path) => Plaintext::new(read(path, LONGEST_MESSAGE as u64)?),
    };
    check_length(plaintext.len())?;
    let (ciphertext, key_arn) = kms::encrypt(aws, key, plaintext.dangerously_show(), context).await?;
    if let Some(path) = to {
        write_new(path, &ciphertext)?;
    }
    Ok(Outcome::MessageEncrypted {
        ciphertext: BASE64_STANDARD.encode(ciphertext),
        key_arn,
        path: to.map(Path::to_owned),
    })
}

/// Decrypts what [`encrypt_message`], or anybody by KMS, encrypted: raw bytes in a file, or base64.
pub async fn decrypt_message(
    aws: &Aws,
    message: &Message,
    key: Option<&str>,
    context: &BTreeMap<String, String>,
    to: Option<&Path>,
) -> Result<Outcome, Fault> {
    let ciphertext = match message {
        Message::Text(text) => from_base64(text.dangerously_show()).ok_or_else(not_base64)?,
        Message::File(path) => {
            let bytes = read(path, LONGEST_CIPHERTEXT)?;
            from_base64(&bytes).unwrap_or_else(|| bytes.to_vec())
        }
    };
    let (plaintext, key_arn) = kms::decrypt(aws, &ciphertext, key, context).await?;
    if let Some(path) = to {
        write_new(path, &plaintext)?;
    }
    Ok(Outcome::MessageDecrypted {
        plaintext: to.is_none().then(|| Plaintext::new(plaintext)),
        key_arn,
        path: to.map(Path::to_owned),
    })
}

/// Generates a data key, checks it, keeps C where it is told to and forgets D.
pub async fn new_data_key(
    aws: &Aws,
    key: &str,
    context: &BTreeMap<String, String>,
    to: &str,
) -> Result<Outcome, Fault> {
    let place = Location::parse(to)?;
    let made = kms::generate_data_key(aws, key, context).await?;
    if made.plaintext.len() != 32 {
        let cause = format!("KMS gave {} bytes instead of 32", made.plaintext.len());
        let act = "generate a data key under";
        return Err(Fault::integrity(act, key, cause, ""));
    }
    keep(aws, &place, made.ciphertext, made.key_arn).await
}

/// Wraps C under another KMS key; D stays inside KMS.
pub async fn re_encrypt_data_key(
    aws: &Aws,
    at: &str,
    context: &BTreeMap<String, String>,
    key: &str,
    to: &str,
) -> Result<Outcome, Fault> {
    let place = Location::parse(to)?;
    let ciphertext = encrypted_data_key::at(aws, &Location::parse(at)?).await?;
    let how = kms::Rewrap {
        from: None,
        from_context: context,
        to: key,
        to_context: context,
    };
    let made = kms::even_with_line_end(&ciphertext, |ciphertext| kms::re_encrypt(aws, ciphertext, how));
    let (ciphertext, key_arn) = made.await?;
    keep(aws, &place, ciphertext, key_arn).await
}

/// Asks of C: which KMS key wraps it, does it unwrap for us, does it for a role? D is wiped unseen.
pub async fn open_data_key(
    aws: &Aws,
    at: &str,
    context: &BTreeMap<String, String>,
    role: Option<&str>,
) -> Result<Outcome, Fault> {
    let ciphertext = encrypted_data_key::at(aws, &Location::parse(at)?).await?;
    let unwrapped = kms::decrypt_data_key(aws, &ciphertext, None, context, &[]).await;
    let key_arn = unwrapped.as_ref().ok().map(|unwrapped| unwrapped.key_arn.clone());
    let checked = unwrapped.and_then(|unwrapped| match unwrapped.plaintext.len() {
        32 => Ok(None),
        other => {
            let cause = format!("it is not a data key of ours: {other} bytes instead of 32");
            Err(Fault::integrity("open the data key", at, cause, ""))
        }
    });
    let mine = told("Decrypt", checked)?;
    let role = match role {
        None => None,
        Some(role) => {
            let arn = role_arn(aws, role).await?;
            let session = aws.assume_role(&arn, SESSION).await?;
            let tokens = aws.tokens().of(key_arn.as_deref().unwrap_or_default(), &arn);
            let unwrapped = kms::decrypt_data_key(&session, &ciphertext, key_arn.as_deref(), context, &tokens).await;
            Some(told("Decrypt", unwrapped.map(|_| None))?)
        }
    };
    Ok(Outcome::DataKeyOpened {
        at: at.to_owned(),
        mine,
        key_arn,
        role,
    })
}

/// A wrong context or a foreign ciphertext is an answer here, like a refusal.
fn told(operation: &str, result: Result<Option<String>, Fault>) -> Result<ProofStep, Fault> {
    match result {
        Err(fault) if fault.kind == FaultKind::Integrity => Ok(ProofStep {
            operation: operation.to_owned(),
            allowed: false,
            reason: Some(format!("{}; {}", fault.cause, fault.remedy_at(Door::Dashboard))),
            request_id: fault.request_id,
        }),
        other => settled(operation, other),
    }
}

async fn keep(aws: &Aws, place: &Location, ciphertext: Vec<u8>, key_arn: String) -> Result<Outcome, Fault> {
    let text = BASE64_STANDARD.encode(&ciphertext);
    match place {
        Location::S3(ObjectUri { bucket, key }) if place.is_prefix() => {
            let cause = "it names a folder, not an object";
            let uri = s3::uri(bucket, key);
            let remedy = "add a name";
            return Err(Fault::usage("keep a data key at", uri, cause, remedy));
        }
        Location::S3(ObjectUri { bucket, key }) => {
            if let Err(fault) = s3::write_key_object(aws, bucket, key, ciphertext, &key_arn).await {
                return Err(bucket_refusal::of_write(aws, fault, false).await);
            }
        }
        Location::Local(path) => write_new(path, &ciphertext)?,
    }
    Ok(Outcome::DataKeyKept {
        at: place.to_string(),
        ciphertext: text,
        key_arn,
    })
}

fn check_length(len: usize) -> Result<(), Fault> {
    if (1..=LONGEST_MESSAGE).contains(&len) {
        return Ok(());
    }
    let cause = match len {
        0 => "it is empty".to_owned(),
        len => format!("{len} bytes are more than {LONGEST_MESSAGE}"),
    };
    let remedy = "KMS itself takes 1 to 4096 bytes; for more, encrypt a file under a data key";
    Err(Fault::invalid("encrypt", "the message", cause, remedy))
}

/// A whole file of at most `limit` bytes, never copied as it grows.
fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let io = |error: std::io::Error| io_fault("read", path.display(), &error);
    let file = fs::File::open(path).map_err(io)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit as usize + 1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        let cause = format!("it is longer than {limit} bytes");
        let remedy = "KMS itself takes small messages only; encrypt a file under a data key";
        let object = path.display().to_string();
        return Err(Fault::invalid("read", object, cause, remedy));
    }
    Ok(bytes)
}

/// A private file that must not exist yet.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    publish::write_new(path, bytes).map_err(|error| new_file_fault(path.display(), &error))
}

/// A ciphertext in whatever spelling a data key may have; of one that begins otherwise than KMS's own its base64.
fn from_base64(bytes: &[u8]) -> Option<Vec<u8>> {
    let tight = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    data_key_of_text(bytes).or_else(|| BASE64_STANDARD.decode(tight.collect::<Vec<u8>>()).ok())
}

fn not_base64() -> Fault {
    let remedy = "paste the ciphertext as base64, or name a file";
    Fault::invalid("decrypt", "the message", "it is not base64", remedy)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use strongroom_sandbox::{Options, Sandbox};

    use super::*;
    use crate::config::{Connection, SandboxEndpoint};

    #[tokio::test(flavor = "multi_thread")]
    async fn an_encrypted_data_key_with_the_end_of_a_line_behind_it_is_wrapped_anew_without_it() {
        let options = Options {
            empty: false,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let connection = Connection {
            sandbox: Some(SandboxEndpoint {
                url: sandbox.endpoint_url().to_owned(),
                region: sandbox.region().to_owned(),
                access_key_id: sandbox.access_key_id().to_owned(),
                secret_access_key: sandbox.secret_access_key().to_owned(),
            }),
            ..Connection::default()
        };
        let aws = Aws::connect(&connection).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let [made, line, anew] = ["made", "line", "anew"].map(|name| dir.path().join(name).display().to_string());
        let none = BTreeMap::new();
        new_data_key(&aws, "alias/training-data", &none, &made).await.unwrap();
        fs::write(&line, [fs::read(&made).unwrap().as_slice(), b"\n"].concat()).unwrap();
        let wrapped = re_encrypt_data_key(&aws, &line, &none, "alias/model-artifacts", &anew).await;
        wrapped.unwrap();
        let opened = open_data_key(&aws, &anew, &none, None).await.unwrap();
        assert!(
            matches!(&opened, Outcome::DataKeyOpened { mine, .. } if mine.allowed),
            "{opened:?}"
        );
        sandbox.stop().await;
    }

    #[test]
    fn a_message_has_1_to_4096_bytes() {
        for (len, fits) in [(0, false), (1, true), (4096, true), (4097, false)] {
            assert_eq!(check_length(len).is_ok(), fits, "{len}");
        }
        let fault = check_length(5000).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid);
        assert!(fault.remedy.contains("data key"), "{fault}");
    }

    #[test]
    fn what_is_written_is_private_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        write_new(&path, b"first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(write_new(&path, b"second").unwrap_err().kind, FaultKind::Conflict);
        assert_eq!(read(&path, 5).unwrap().as_slice(), b"first");
        assert_eq!(read(&path, 4).unwrap_err().kind, FaultKind::Invalid);
    }

    #[test]
    fn base64_may_be_wrapped_in_lines() {
        assert_eq!(from_base64(b"aGVs\nbG8=\n").unwrap(), b"hello");
        assert_eq!(from_base64(b"{}"), None);
    }
}
