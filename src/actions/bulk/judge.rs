//! What rotating or encrypting would do with an object, without doing it.

use std::collections::BTreeSet;

use super::encrypt::Encrypting;
use super::fate::Judged;
use super::rotate::Rotating;
use crate::actions::OpenOptions;
use crate::actions::unlock::Keyring;
use crate::aws::{Aws, s3};
use crate::domain::Fault;
use crate::domain::bulk::Listed;
use crate::domain::seal::{SealAct, SealSpec};

/// Who says it.
pub(super) enum Judge<'a> {
    Rotate(Rotating<'a>),
    Encrypt(Encrypting<'a>),
}

impl<'a> Judge<'a> {
    pub(super) fn new(aws: &'a Aws, spec: &'a SealSpec, keeps: s3::Keeps) -> Self {
        let (bucket, prefix) = (spec.bucket.as_str(), spec.prefix.as_str());
        match &spec.act {
            SealAct::Rotate { key, context, .. } => Self::Rotate(Rotating {
                aws,
                bucket,
                key: key.as_deref(),
                context: context.as_ref(),
                keeps,
                keyring: Keyring::default(),
                open: OpenOptions::default(),
                known: BTreeSet::new(),
                part: None,
            }),
            SealAct::Encrypt { to, key, context, .. } => Self::Encrypt(Encrypting {
                aws,
                bucket,
                prefix,
                to,
                key,
                context,
                overwrite: false,
                delete_plain: false,
                in_place: spec.is_in_place(),
                keeps,
                keyring: Keyring::default(),
                open: OpenOptions::default(),
                part: None,
            }),
        }
    }

    /// What is to be done with it.
    pub(super) async fn of(&self, listed: &Listed) -> Result<Judged<()>, Fault> {
        Ok(match self {
            Self::Rotate(rotating) => rotating.judge(listed, false).await?.map(drop),
            Self::Encrypt(encrypting) => encrypting.judge(listed).await?.map(drop),
        })
    }
}
