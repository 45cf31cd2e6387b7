//! One data key: wrapped anew by KMS, unwrapped once and held against a MAC before anything names it, then kept.

use std::collections::BTreeSet;

use super::journal::{self, Written};
use super::scan::Wrapped;
use super::spool::{Object, Spooled};
use super::{ACT, Group, Run};
use crate::actions::encrypt::put_data_key;
use crate::actions::encrypted_data_key::DATA_KEYS;
use crate::actions::faults::fault_of;
use crate::actions::unlock::metadata_of;
use crate::aws::again::again;
use crate::aws::{kms, s3, transfer};
use crate::domain::{Fault, FaultKind};
use crate::envelope::{DataKey, HEADER_TEXT, binding, header_of};

/// Objects whose MACs are tried: the first may be one that somebody damaged.
const TRIED: usize = 5;
/// Objects that are looked at for one that still says this of its data key.
const LOOKED_AT: usize = 50;

/// A data key as it is wrapped now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anew {
    /// C.
    pub(super) ciphertext: Vec<u8>,
    /// Its key object.
    pub(super) key_object: String,
}

/// A data key as it was wrapped, and as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions::bulk) struct Mapped {
    pub(super) wrapped: Wrapped,
    /// The key objects that its tokens named.
    pub(super) key_objects: BTreeSet<String>,
    pub(super) anew: Anew,
}

impl Mapped {
    /// The key objects that it leaves behind, with the digest of what is in them.
    pub(super) fn old_key_objects(&self) -> impl Iterator<Item = (String, String)> {
        let digest = journal::digest(&self.wrapped);
        self.key_objects.iter().map(move |key| (key.clone(), digest.clone()))
    }
}

impl Run<'_> {
    /// Wraps the data key of these objects under the KMS key, and keeps it in a key object beside the old one.
    pub(super) async fn wrap_anew(&self, group: &Group, spooled: &Spooled) -> Result<Anew, Fault> {
        let first = spooled.first(group.objects, LOOKED_AT).await?;
        let of = (group, first.as_slice());
        let entry = self.journal.entry(&group.wrapped);
        let (ciphertext, is_known) = match self.journal.read(self.aws, self.bucket(), &entry).await? {
            Some(ciphertext) => (ciphertext, true),
            None => (self.re_encrypt(group).await?, false),
        };
        let proved = self.prove(of, &ciphertext).await;
        if let (Err(fault), true) = (&proved, is_known)
            && matches!(fault.kind, FaultKind::Integrity | FaultKind::Invalid)
        {
            let remedy = format!("delete {} and run the same again", s3::uri(self.bucket(), &entry.key));
            return Err(Fault {
                remedy,
                ..fault.clone()
            });
        }
        proved?;
        let ciphertext = if is_known {
            ciphertext
        } else {
            let written = self
                .journal
                .write(self.aws, self.bucket(), &entry, group, ciphertext, &self.target);
            match written.await? {
                Written::Ours(ciphertext) => ciphertext,
                // Another run was before us: what it kept is what objects name, once it has been proved too.
                Written::Theirs(ciphertext) => {
                    self.prove(of, &ciphertext).await?;
                    ciphertext
                }
            }
        };
        let key_object = self.key_object(group, &ciphertext);
        let more = [(s3::REWRAPPED_MARK, "1".to_owned())];
        put_data_key(self.aws, self.bucket(), &key_object, (&ciphertext, &self.target), &more).await?;
        s3::try_copies(self.aws, self.bucket(), &key_object).await?;
        Ok(Anew { ciphertext, key_object })
    }

    async fn re_encrypt(&self, group: &Group) -> Result<Vec<u8>, Fault> {
        let wrapped = &group.wrapped;
        let how = kms::Rewrap {
            from: Some(&wrapped.kms_key_id),
            from_context: &wrapped.context,
            to: &self.target,
            to_context: self.context(&wrapped.context),
        };
        let (ciphertext, arn) = again(|| kms::re_encrypt(self.aws, &wrapped.ciphertext, how)).await?;
        if arn == self.target {
            return Ok(ciphertext);
        }
        let cause = format!("KMS wrapped it under {arn}");
        Err(Fault::new(
            FaultKind::Other,
            "wrap a data key anew under",
            &self.target,
            cause,
            "name the key by its ARN",
        ))
    }

    /// Unwraps it as anybody will, and holds it against the MAC of one of its objects.
    async fn prove(&self, (group, objects): (&Group, &[Object]), ciphertext: &[u8]) -> Result<(), Fault> {
        let context = self.context(&group.wrapped.context);
        let unwrapped = again(|| kms::decrypt_data_key(self.aws, ciphertext, Some(&self.target), context, &[])).await?;
        let data_key = DataKey::from_plaintext(&unwrapped.plaintext)
            .map_err(|error| fault_of("unwrap a data key under", &unwrapped.key_arn, &error))?;
        let mut refused = Vec::new();
        for (key, _) in objects {
            match self.holds(&data_key, group, key).await {
                Ok(()) => return Ok(()),
                Err(fault) if fault.is_unheard() => return Err(fault),
                // It is another by now, and tells nothing of this data key.
                Err(fault) if matches!(fault.kind, FaultKind::Conflict | FaultKind::NotFound) => {}
                Err(fault) => refused.push(fault),
            }
            if refused.len() == TRIED {
                break;
            }
        }
        let place = self.spec.place();
        let Some(why) = refused.first() else {
            return Err(changed(&place));
        };
        let cause = format!(
            "under the data key as it would be wrapped no MAC of its objects holds ({why}); nothing was changed"
        );
        Err(Fault::new(
            FaultKind::Integrity,
            ACT,
            place,
            cause,
            "verify the objects: they may not open now either",
        ))
    }

    /// # Errors
    /// A conflict if the object says another data key by now.
    async fn holds(&self, data_key: &DataKey, group: &Group, key: &str) -> Result<(), Fault> {
        let (bucket, uri) = (self.bucket(), s3::uri(self.bucket(), key));
        let head = transfer::head(self.aws, bucket, key).await?;
        let wrong = |error| fault_of(ACT, &uri, &error);
        let no_token = |cause: &str| Fault::new(FaultKind::Integrity, ACT, &uri, cause, "");
        let metadata = metadata_of(&head.metadata).map_err(wrong)?;
        let metadata = metadata.ok_or_else(|| changed(&uri))?;
        if !group.wrapped.is_named_by(&metadata, &group.key_objects) {
            return Err(changed(&uri));
        }
        let end = head.length.min(HEADER_TEXT as u64);
        let text = transfer::range(self.aws, bucket, key, head.etag.as_deref(), 0, end)
            .await?
            .concat();
        let header = header_of(&text).ok_or_else(|| no_token("it begins no token"))?;
        metadata.check(data_key, &header).map_err(wrong)
    }

    /// Beside the old one, under a name that the same again finds.
    fn key_object(&self, group: &Group, ciphertext: &[u8]) -> String {
        let mut id = binding::digest(ciphertext);
        id.truncate(32);
        let below = self
            .aws
            .upload_settings(self.bucket())
            .data_keys_below
            .unwrap_or_default();
        match group.key_objects.first() {
            None => format!("{below}{DATA_KEYS}{id}"),
            Some(old) => match old.rfind(DATA_KEYS) {
                Some(at) => format!("{}{id}", &old[..at + DATA_KEYS.len()]),
                None => format!("{old}-{id}"),
            },
        }
    }
}

/// Somebody else has stored something else in its place.
pub(super) fn no_token(object: &str) -> Fault {
    let cause =
        "it is no token any more since it was looked at: something else was stored in its place, and is left as it is";
    let remedy = "look at it, and encrypt it if it is to be a token";
    Fault::new(FaultKind::Conflict, ACT, object, cause, remedy)
}

/// Somebody else gives objects another data key at the same time.
pub(super) fn changed(object: &str) -> Fault {
    let cause = "it was given another data key since it was looked at, by a rotation or another re-wrap, and is left as that made it";
    let remedy = "run the same again once that has ended: it is looked at anew";
    Fault::new(FaultKind::Conflict, ACT, object, cause, remedy)
}
