//! What several hosts have left in one archive: each lists its own tokens in a bundle, under a data key that may be its own.
//!
//! Where they left files of one name SageMaker keeps one. Whose it is its MAC tells: it is of one host's token alone.

use std::collections::BTreeSet;

use crate::actions::unlock::{Keyring, OpenOptions, Unlocked, check_listed, unlock_archive};
use crate::aws::Aws;
use crate::domain::{Contested, Fault, Location};
use crate::envelope::HEADER_LEN;
use crate::envelope::manifest::Bundle;

/// A bundle, and who wrote it.
pub(in crate::actions) struct HostBundle {
    pub(super) name: String,
    /// The only host's has none.
    pub(super) host: Option<String>,
    pub(super) bundle: Bundle,
}

/// What opens an archive: its bundles with a data key each, or one data key.
pub(in crate::actions) enum Opening {
    Listed(Vec<(HostBundle, Unlocked)>),
    Unlisted(Unlocked),
}

/// What opens one member.
pub(super) struct Chosen<'a> {
    pub(super) unlocked: &'a Unlocked,
    pub(super) bundle: Option<&'a Bundle>,
    pub(super) contested: Option<Contested>,
}

impl Opening {
    /// Unwraps the data keys, each once.
    pub(in crate::actions) async fn unlock(
        aws: &Aws,
        source: &Location,
        bundles: Vec<HostBundle>,
        options: &OpenOptions,
    ) -> Result<Self, Fault> {
        let keyring = Keyring::default();
        if bundles.is_empty() {
            let unlocked = unlock_archive(aws, source, None, options, &keyring).await?;
            return Ok(Self::Unlisted(unlocked));
        }
        let mut listed = Vec::new();
        for one in bundles {
            let unlocked = unlock_archive(aws, source, Some(&one.bundle), options, &keyring).await?;
            listed.push((one, unlocked));
        }
        Ok(Self::Listed(listed))
    }

    /// The KMS keys that wrapped the data keys, if they are one.
    pub(in crate::actions) fn kms_key_arn(&self) -> Option<&str> {
        let arns: BTreeSet<&str> = match self {
            Self::Listed(listed) => listed.iter().map(|(_, unlocked)| &*unlocked.kms_key_arn).collect(),
            Self::Unlisted(unlocked) => [&*unlocked.kms_key_arn].into(),
        };
        arns.first().copied().filter(|_| arns.len() == 1)
    }

    pub(super) fn bundles(&self) -> impl Iterator<Item = &HostBundle> {
        let listed = match self {
            Self::Listed(listed) => &listed[..],
            Self::Unlisted(_) => &[],
        };
        listed.iter().map(|(bundle, _)| bundle)
    }

    /// What opens the member of this name that begins so. One that nobody lists opens with none.
    pub(super) fn chosen(&self, name: &str, header: Option<[u8; HEADER_LEN]>) -> Chosen<'_> {
        let listed = match self {
            Self::Listed(listed) => &listed[..],
            Self::Unlisted(unlocked) => {
                return Chosen {
                    unlocked,
                    bundle: None,
                    contested: None,
                };
            }
        };
        let listing: Vec<_> = listed
            .iter()
            .filter(|(one, _)| one.bundle.find(name).is_some())
            .collect();
        let is_its = |(one, unlocked): &&&(HostBundle, Unlocked)| {
            let of_list = one.bundle.find(name).zip(header);
            of_list.is_some_and(|(file, header)| check_listed(unlocked, file, &header).is_ok())
        };
        let own = listing.iter().find(is_its).copied();
        let others = listing
            .iter()
            .filter(|one| own.is_none_or(|own| !std::ptr::eq(own, **one)));
        let contested = own.map(|(own, _)| Contested {
            name: name.to_owned(),
            kept: own.shown(),
            lost: others.map(|(one, _)| one.shown()).collect(),
        });
        let (one, unlocked) = own.or_else(|| listing.first().copied()).unwrap_or(&listed[0]);
        Chosen {
            unlocked,
            bundle: Some(&one.bundle),
            contested: contested.filter(|contested| !contested.lost.is_empty()),
        }
    }
}

impl HostBundle {
    fn shown(&self) -> String {
        self.host.clone().unwrap_or_else(|| "a job of one host".to_owned())
    }
}
