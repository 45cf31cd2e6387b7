//! Encrypt what is in S3 already: plain objects, each into a token at the destination, or in its own place.
//!
//! What is encrypted by whichever client is left, and so is what would be of no use as a token: encrypted data keys, bundles, what
//! strongroom keeps for itself. A plain object goes only if that is asked for, after its token was read back from where it is and
//! held against it; the version that was read goes then, and no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fate::{Judged, before, called_data_key, is_own_area, row_of};
use super::part::Part;
use super::seal::{Digest, Digested, From, NewKeys, Sealer, To, check_length, others_of};
use super::spread::spread;
use super::whole;
use crate::actions::OpenOptions;
use crate::actions::download::{Arriving, Watched};
use crate::actions::encrypt::replaced::replaceable;
use crate::actions::encrypted_data_key::would_open;
use crate::actions::unlock::{Among, Claim, Keyring, is_bundle, unlock_object};
use crate::aws::again::again;
use crate::aws::transfer::{Head, Replaces};
use crate::aws::{Aws, s3, transfer};
use crate::domain::audit::{Flaw, Kind, Told};
use crate::domain::bulk::Listed;
use crate::domain::format::{has_plaintext_beside, is_data_key_in_hex, is_text};
use crate::domain::own_area::is_called_data_key;
use crate::domain::seal::{Before, Fate, Passed, SealRow, Sealed, Unconfirmed};
use crate::domain::{Bond, Fault, FaultKind, ObjectUri, WayOut};
use crate::envelope::manifest::bundle_host;

mod before;

pub(super) const ACT: &str = "encrypt";

/// What is encrypted, and to where.
pub(super) struct Encrypting<'a> {
    pub(super) aws: &'a Aws,
    pub(super) bucket: &'a str,
    /// Names are what follows it.
    pub(super) prefix: &'a str,
    pub(super) to: &'a ObjectUri,
    pub(super) key: &'a str,
    pub(super) context: &'a BTreeMap<String, String>,
    pub(super) overwrite: bool,
    pub(super) delete_plain: bool,
    pub(super) in_place: bool,
    pub(super) keeps: s3::Keeps,
    pub(super) keyring: Keyring,
    pub(super) open: OpenOptions,
    /// The act of many hosts that it is a part of.
    pub(super) part: Option<Part<'a>>,
}

/// A plain object to be encrypted.
pub(super) struct Plain {
    pub(super) kind: Kind,
    etag: Option<String>,
}

impl Encrypting<'_> {
    /// What is to be done with it.
    pub(super) async fn judge(&self, listed: &Listed) -> Result<Judged<Plain>, Fault> {
        if let Some(own) = is_own_area(&listed.key) {
            return self.own(listed, own).await;
        }
        if listed.size == 0 && listed.key.ends_with('/') {
            return Ok(Judged::Pass(Passed::Folder));
        }
        if listed.size == 0 && self.in_place {
            return Ok(Judged::Pass(Passed::Empty));
        }
        let name = listed.key.rsplit('/').next().unwrap_or_default();
        if bundle_host(name).is_some() && is_bundle(self.aws, self.bucket, &listed.key, &self.keyring).await {
            return Ok(Judged::Pass(Passed::Bundle));
        }
        let (told, glance) = match self.glance(listed).await {
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Judged::Gone),
            glance => glance?,
        };
        if told.kind == Kind::KeyObject {
            return self.data_key(listed, &glance).await;
        }
        let (etag, first) = (glance.etag, glance.first);
        let object = glance.info.data_key_uri.as_deref().filter(|_| self.in_place);
        if self.part.zip(object).is_some_and(|(part, object)| part.is_its(object)) {
            return Ok(Judged::Pass(Passed::There));
        }
        let kind = told.kind;
        let is_plain = kind.is_open() || matches!(kind, Kind::Archive | Kind::Empty);
        if !is_plain {
            return Ok(Judged::Pass(Passed::Encrypted(kind)));
        }
        // Of what is no text nobody knows whether a token needs it.
        if told.flaws.contains(&Flaw::NoDataKey) && !is_text(&first) {
            return Err(called_data_key(ACT, self.bucket, &listed.key));
        }
        if told.may_be_instructed && s3::has_instructions(self.aws, self.bucket, &listed.key).await? {
            return Ok(Judged::Pass(Passed::Encrypted(Kind::S3EncryptionClient(2))));
        }
        check_length(ACT, &s3::uri(self.bucket, &listed.key), listed.size)?;
        Ok(Judged::Take(Plain { kind, etag }))
    }

    /// What lies where strongroom keeps its own is passed over if it is that, and else named: it would stay plain.
    async fn own(&self, listed: &Listed, own: Passed) -> Result<Judged<Plain>, Fault> {
        if listed.size == 0 {
            return Ok(Judged::Pass(own));
        }
        let (told, glance) = match self.glance(listed).await {
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Judged::Gone),
            glance => glance?,
        };
        if told.kind == Kind::KeyObject {
            return self.data_key(listed, &glance).await;
        }
        if !told.kind.is_open() && told.kind != Kind::Archive {
            return Ok(Judged::Pass(own));
        }
        let object = s3::uri(self.bucket, &listed.key);
        let cause = "it lies where strongroom keeps its own, and is nothing of that";
        let remedy = "move it elsewhere and encrypt it there; here it stays as it is";
        Err(Fault::new(FaultKind::Other, ACT, object, cause, remedy))
    }

    /// What begins as an encrypted data key is left. Where nothing calls it one it is named, unless KMS says that it opens it.
    /// So is one with the data key itself beside it, whatever calls it one.
    async fn data_key(&self, listed: &Listed, glance: &s3::Glance) -> Result<Judged<Plain>, Fault> {
        let at = s3::At {
            bucket: self.bucket,
            key: &listed.key,
            version: None,
            size: listed.size,
        };
        let body = match whole::body(self.aws, at, glance).await {
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(Judged::Gone),
            body => body?,
        };
        if has_plaintext_beside(&body) {
            return Ok(Judged::Pass(Passed::PlaintextDataKey));
        }
        let why = if is_data_key_in_hex(&body) {
            Passed::DataKeyInHex
        } else {
            Passed::DataKey
        };
        if is_called_data_key(&listed.key, &glance.info.metadata) {
            return Ok(Judged::Pass(why));
        }
        let asked = would_open(self.aws, &body, self.context).await;
        let unconfirmed = asked.err().map(|fault| Unconfirmed::of(&fault));
        Ok(Judged::Pass(unconfirmed.map_or(why, Passed::UncalledDataKey)))
    }

    async fn glance(&self, listed: &Listed) -> Result<(Told, s3::Glance), Fault> {
        let aws = self.aws.clone();
        let (bucket, key, size) = (self.bucket.to_owned(), listed.key.clone(), listed.size);
        spread(async move {
            let at = s3::At {
                bucket: &bucket,
                key: &key,
                version: None,
                size,
            };
            let glance = again(|| s3::glance(&aws, at)).await?;
            let glance = whole::settled(&aws, at, glance).await?;
            let told = glance.told(&key);
            Ok((told, glance))
        })
        .await
    }

    /// Does it; `None` if it is gone by now, or was not begun before all was stopped.
    ///
    /// # Errors
    /// When no other can be done either.
    pub(super) async fn one(
        &self,
        sealer: &Sealer<'_>,
        keys: &NewKeys,
        listed: Listed,
    ) -> Result<Option<SealRow>, Fault> {
        let Some(_room) = sealer.room(listed.size).await else {
            return Ok(None);
        };
        let fate = match self.judge(&listed).await {
            Ok(Judged::Gone) => self.done_before(&listed, true).await,
            Ok(Judged::Pass(why)) => self.passed(&listed, why).await.map(Some),
            Ok(Judged::Take(plain)) => match Box::pin(self.encrypt(sealer, keys, &listed, plain)).await {
                Ok(fate) => Ok(Some(fate)),
                Err(fault) => self.meanwhile(&listed, fault).await,
            },
            Err(fault) => Err(fault),
        };
        // Every other wants the same key.
        row_of(listed, fate, keys.has_failed())
    }

    async fn encrypt(&self, sealer: &Sealer<'_>, keys: &NewKeys, listed: &Listed, plain: Plain) -> Result<Fate, Fault> {
        let (at, name) = self.placed(&listed.key)?;
        let original = s3::original(self.aws, self.bucket, &listed.key, &self.keeps, true).await?;
        if plain.etag.is_some_and(|etag| etag != original.etag) {
            return Err(changed(&s3::uri(self.bucket, &listed.key)));
        }
        let replaces = match self.standing(&at, name, &original).await? {
            Standing::Free(replaces) => replaces.unwrap_or_else(|| Replaces::This(original.etag.clone())),
            Standing::There => return self.there(sealer, listed, &original, at).await,
        };
        let under = keys.of(self.aws, self.key, self.context).await?;
        let is_same = self.to.bucket == self.bucket;
        let like = original.carried.clone().wanted(self.aws, &self.to.bucket, is_same);
        let head = Head::of(&original);
        let to = To {
            bucket: &at.bucket,
            key: &at.key,
            name,
            prefix: Some(&self.to.key),
            length: original.length,
            replaces,
            like: &like,
            others: others_of(&original.metadata),
            under: &under,
        };
        let from = From {
            bucket: self.bucket,
            key: &listed.key,
            head: &head,
            unlocked: None,
        };
        let made = sealer.seal(from, &to).await;
        let made = match made {
            Ok(made) => made,
            // Somebody else has put one there meanwhile: it may be a token of this object.
            Err(fault) if fault.kind == FaultKind::Conflict && to.replaces == Replaces::Nothing => {
                return match self.standing(&at, name, &original).await? {
                    Standing::There => self.there(sealer, listed, &original, at).await,
                    Standing::Free(_) => Err(fault),
                };
            }
            Err(fault) => {
                if fault.is_unheard() || fault.kind == FaultKind::Cancelled {
                    under.may_be_made();
                }
                return Err(fault);
            }
        };
        let version = original.version.as_deref();
        let left = match (self.in_place, self.delete_plain) {
            (true, false) => before(version, made.version.as_deref()),
            (false, false) => Before::Stays,
            // Replaced, it is gone already.
            (true, true) if before(version, made.version.as_deref()) == Before::Gone => Before::Gone,
            (is_in_place, true) => {
                let etag = made.etag.as_deref();
                let read_back = self.read_back(sealer, &at, etag, made.digest).await;
                let new = if is_in_place {
                    Place::Replaced(made.version.as_deref())
                } else {
                    Place::Kept
                };
                self.deleted(listed, &original, read_back.err(), new).await
            }
        };
        Ok(Fate::Sealed(Box::new(Sealed {
            at,
            kms_key_arn: under.kms_key_arn.clone(),
            data_key_uri: s3::uri(&self.to.bucket, &under.object),
            bytes: original.length,
            token_bytes: made.token_bytes,
            etag: made.etag,
            resumed: false,
            before: left,
        })))
    }

    /// What is at the destination.
    async fn standing(&self, at: &ObjectUri, name: &str, original: &s3::Original) -> Result<Standing, Fault> {
        if self.in_place {
            return Ok(Standing::Free(None));
        }
        let Some(head) = transfer::find(self.aws, &at.bucket, &at.key).await? else {
            return Ok(Standing::Free(Some(Replaces::Nothing)));
        };
        let claim = Claim::read(&at.bucket, &at.key, &head.metadata);
        if self.overwrite && !self.is_of_act(claim.as_ref().ok().and_then(Claim::metadata)) {
            return replaceable(self.aws, &at.bucket, &at.key)
                .await
                .map(|replaces| Standing::Free(Some(replaces)));
        }
        let claim = claim?;
        let is_its = claim.metadata().is_some_and(|metadata| {
            metadata.name == name
                && metadata.prefix.as_deref() == Some(&self.to.key)
                && metadata.length == original.length
        });
        let is_older = original
            .modified
            .zip(head.modified)
            .is_some_and(|(plain, token)| plain > token);
        if is_its && !is_older {
            return Ok(Standing::There);
        }
        let cause = if is_its {
            "it exists already, and is older than the object, which was stored again since"
        } else {
            "it exists already, and is no token of this object"
        };
        Err(Fault::new(FaultKind::Conflict, "write", at.to_string(), cause, "").by(WayOut::ReplaceObject))
    }

    /// A token of its name and length is at the destination.
    async fn there(
        &self,
        sealer: &Sealer<'_>,
        listed: &Listed,
        original: &s3::Original,
        at: ObjectUri,
    ) -> Result<Fate, Fault> {
        if self.delete_plain {
            self.go_on(sealer, listed, original, at).await
        } else {
            self.passed(listed, Passed::There).await
        }
    }

    /// An earlier run made the token, and the plain object is still there: both are read and held against each other.
    async fn go_on(
        &self,
        sealer: &Sealer<'_>,
        listed: &Listed,
        original: &s3::Original,
        at: ObjectUri,
    ) -> Result<Fate, Fault> {
        let head = Head::of(original);
        let plain = sealer.download(self.bucket, &listed.key, &head);
        let plain = plain.fold(Digested::new(), |digested, piece| {
            digested.take(piece);
            Ok(())
        });
        let digest = plain.await?.end();
        let token = transfer::head(self.aws, &at.bucket, &at.key).await?;
        let claim = Claim::read(&at.bucket, &at.key, &token.metadata)?;
        let object = claim.metadata().and_then(|metadata| metadata.data_key_object.clone());
        let kms_key_arn = claim
            .metadata()
            .map(|metadata| metadata.kms_key_id.clone())
            .unwrap_or_default();
        let etag = token.unquoted_etag();
        let is_of_act = self.is_of_act(claim.metadata());
        // What is there is another object's, or does not open: nothing is deleted for it.
        let read_back = self.read_back(sealer, &at, etag.as_deref(), digest).await;
        read_back.map_err(|fault| not_its_token(fault, &at))?;
        let before = self.deleted(listed, original, None, Place::Kept).await;
        Ok(Fate::Sealed(Box::new(Sealed {
            kms_key_arn,
            data_key_uri: object.map(|key| s3::uri(&at.bucket, &key)).unwrap_or_default(),
            at,
            bytes: original.length,
            token_bytes: token.length,
            etag,
            resumed: !is_of_act,
            before,
        })))
    }

    /// Reads the token from where it is, with the data key that its metadata leads to, and holds it against its plaintext.
    async fn read_back(
        &self,
        sealer: &Sealer<'_>,
        at: &ObjectUri,
        etag: Option<&str>,
        plaintext: Digest,
    ) -> Result<(), Fault> {
        let uri = at.to_string();
        let head = transfer::head(self.aws, &at.bucket, &at.key).await?;
        if head.unquoted_etag().as_deref() != etag {
            return Err(changed(&uri));
        }
        let claim = Claim::read(&at.bucket, &at.key, &head.metadata)?;
        let bond = claim.bond(&self.open, Among::Nothing)?;
        if bond != Bond::Bound {
            return Err(changed(&uri));
        }
        let unlocked = Arc::new(unlock_object(self.aws, claim, bond, &self.open, &self.keyring).await?);
        let object = uri.clone();
        let read = move |token: &mut Watched<Arriving>| {
            let (_, _, digested) = unlocked.decrypt(token, Digested::new(), ("verify", &object))?;
            Ok(digested.end())
        };
        let download = sealer.download(&at.bucket, &at.key, &head);
        if download.through(read).await? == plaintext {
            return Ok(());
        }
        let (cause, remedy) = (
            "the token there opens to something else than the object",
            "look at both",
        );
        Err(Fault::new(FaultKind::Integrity, "verify", uri, cause, remedy))
    }

    /// Deletes the plain object, and the version that was read; `refused` is why its token does not stand for it.
    async fn deleted(
        &self,
        listed: &Listed,
        original: &s3::Original,
        refused: Option<Fault>,
        place: Place<'_>,
    ) -> Before {
        let undeleted = |fault: Fault| Before::Undeleted(Box::new(fault));
        if let Some(fault) = refused {
            return undeleted(fault);
        }
        let old = original.version.as_deref();
        let new = match place {
            Place::Replaced(new) => new.map(str::to_owned),
            Place::Kept => match s3::delete_this(self.aws, self.bucket, &listed.key, &original.etag).await {
                Ok(marker) => marker,
                Err(fault) if self.is_gone(listed, &fault).await => None,
                Err(fault) => return undeleted(fault),
            },
        };
        // With the first version that a bucket keeps, what was there before has become one too.
        let left = match before(old, new.as_deref()) {
            Before::Version(id) => id,
            before => return before,
        };
        match s3::delete_version(self.aws, self.bucket, &listed.key, &left).await {
            Ok(()) => Before::Gone,
            Err(mut fault) => {
                fault.cause = format!("{} (the plain object is left as version {left})", fault.cause);
                undeleted(fault)
            }
        }
    }
}

/// What is where a plain object was.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The plain object still.
    Kept,
    /// Its token, as this version.
    Replaced(Option<&'a str>),
}

/// What stands where a token is to go.
enum Standing {
    /// It may be put, in place of this; of the plain object itself if nothing is said.
    Free(Option<Replaces>),
    /// A token of its name and length.
    There,
}

/// It is told beside the name of the plain object, which nothing is wrong with.
fn not_its_token(fault: Fault, at: &ObjectUri) -> Fault {
    if fault.kind != FaultKind::Integrity {
        return fault;
    }
    let cause = format!("the token at {at} does not stand for it: {}", fault.cause);
    let remedy = "the plain object stays; look at that token, or have it made anew by --overwrite";
    Fault::new(fault.kind, "verify", at.to_string(), cause, remedy)
}

fn changed(uri: &str) -> Fault {
    let (cause, remedy) = (
        "it is another object since it was looked at",
        "try again when nobody writes to it",
    );
    Fault::new(FaultKind::Conflict, ACT, uri, cause, remedy)
}
