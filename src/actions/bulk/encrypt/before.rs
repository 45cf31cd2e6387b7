//! Where tokens go, and what another run has done there already, or meanwhile: of the same act of many hosts it is told as if this one
//! had, else as a later run would tell it.

use super::{ACT, Encrypting, Judged, Standing};
use crate::actions::bulk::part::Origin;
use crate::aws::{s3, transfer};
use crate::domain::bulk::Listed;
use crate::domain::seal::{Before, Fate, Passed};
use crate::domain::{Fault, FaultKind, ObjectUri};
use crate::envelope::Metadata;

/// S3 takes no longer key.
const LONGEST_KEY: usize = 1024;

impl Encrypting<'_> {
    /// What would become of a plain object, without doing it: why it would be left, if it would be.
    ///
    /// # Errors
    /// What it would fail by, as far as that is known.
    pub(in crate::actions::bulk) async fn ahead(&self, listed: &Listed) -> Result<Option<Passed>, Fault> {
        let (at, name) = self.placed(&listed.key)?;
        let original = s3::original(self.aws, self.bucket, &listed.key, &self.keeps, false).await?;
        Ok(match self.standing(&at, name, &original).await? {
            Standing::There if !self.delete_plain => Some(Passed::There),
            Standing::There | Standing::Free(_) => None,
        })
    }

    /// Where its token goes, and its name there.
    pub(super) fn placed<'k>(&self, key: &'k str) -> Result<(ObjectUri, &'k str), Fault> {
        let at = self.place(key);
        if at.key.len() > LONGEST_KEY {
            let (cause, remedy) = ("its key would be longer than 1024 bytes", "choose a shorter prefix");
            return Err(Fault::new(FaultKind::Invalid, ACT, at.to_string(), cause, remedy));
        }
        Ok((at, key.strip_prefix(self.prefix).unwrap_or(key)))
    }

    /// Where its token goes.
    pub(super) fn place(&self, key: &str) -> ObjectUri {
        let name = key.strip_prefix(self.prefix).unwrap_or(key);
        ObjectUri::new(self.to.bucket.as_str(), format!("{}{name}", self.to.key))
    }

    /// Whether what a token says of itself names a data key of the act.
    pub(super) fn is_of_act(&self, metadata: Option<&Metadata>) -> bool {
        let object = metadata.and_then(|metadata| metadata.data_key_object.as_ref());
        self.part.zip(object).is_some_and(|(part, object)| part.is_its(object))
    }

    /// What is said of one that is left as it is.
    pub(super) async fn passed(&self, listed: &Listed, why: Passed) -> Result<Fate, Fault> {
        let done = match why {
            Passed::There => self.done_before(listed, false).await?,
            _ => None,
        };
        Ok(done.unwrap_or(Fate::PassedOver(why)))
    }

    /// What became of one that could not be sealed, if that is because somebody else was there first: it is gone, or a token is in its
    /// place by now.
    pub(super) async fn meanwhile(&self, listed: &Listed, fault: Fault) -> Result<Option<Fate>, Fault> {
        if !matches!(fault.kind, FaultKind::NotFound | FaultKind::Conflict) {
            return Err(fault);
        }
        let head = match transfer::find(self.aws, self.bucket, &listed.key).await {
            Ok(Some(head)) => head,
            Ok(None) => return self.done_before(listed, true).await,
            Err(_) => return Err(fault),
        };
        if !self.in_place {
            return Err(fault);
        }
        let now = Listed::object(listed.key.clone(), head.length);
        match self.judge(&now).await {
            Ok(Judged::Pass(why @ Passed::There)) => self.passed(listed, why).await.map(Some),
            Ok(Judged::Pass(why @ Passed::Encrypted(kind))) if kind.is_token() => Ok(Some(Fate::PassedOver(why))),
            _ => Err(fault),
        }
    }

    /// Whether a plain object that could not be deleted is not there any more.
    pub(super) async fn is_gone(&self, listed: &Listed, fault: &Fault) -> bool {
        matches!(fault.kind, FaultKind::NotFound | FaultKind::Conflict)
            && matches!(transfer::find(self.aws, self.bucket, &listed.key).await, Ok(None))
    }

    /// What became of it by another run of the act, if it has its token; `is_gone` where the plain object is not there any more.
    pub(super) async fn done_before(&self, listed: &Listed, is_gone: bool) -> Result<Option<Fate>, Fault> {
        let Some(part) = self.part else {
            return Ok(None);
        };
        let origin = match (self.in_place, is_gone) {
            (true, _) => Origin::Replaced,
            (false, true) => Origin::Deleted,
            (false, false) => Origin::Stays,
        };
        let at = self.place(&listed.key);
        let made = part.made(self.aws, self.bucket, listed, at, origin).await?;
        Ok(made.map(|mut sealed| {
            if let (true, Before::Version(id)) = (self.delete_plain, &sealed.before) {
                let cause =
                    format!("the host that sealed it ended before the plain object went (it is left as version {id})");
                let this = s3::words_of_version(self.bucket, &listed.key, id);
                let remedy = format!("verify the token, then: aws s3api delete-object {this}");
                let object = s3::uri(self.bucket, &listed.key);
                let fault = Fault::new(FaultKind::Other, "delete", object, cause, remedy);
                sealed.before = Before::Undeleted(Box::new(fault));
            }
            Fate::Sealed(Box::new(sealed))
        }))
    }
}
