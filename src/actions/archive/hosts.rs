//! What several hosts have left in one archive: each lists its own tokens in a bundle, under a data key that may be its own.
//!
//! Where they left files of one name SageMaker keeps one. Whose it is its MAC tells: it is of one host's token alone.

use std::collections::BTreeSet;

use crate::actions::unlock::{Keyring, OpenOptions, Unlocked, check_listed, not_listed, unlock_archive};
use crate::aws::Aws;
use crate::domain::{Contested, Fault, Location};
use crate::envelope::HEADER_LEN;
use crate::envelope::manifest::{Bundle, BundleFile};

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
    /// What is said of it in the bundle that lists it.
    pub(super) listed: Option<&'a BundleFile>,
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

    /// What opens the member of this name that begins so.
    ///
    /// # Errors
    /// When there are bundles, and none lists it, or all that do list another token.
    pub(super) fn chosen(
        &self,
        source: &Location,
        name: &str,
        header: Option<[u8; HEADER_LEN]>,
    ) -> Result<Chosen<'_>, Fault> {
        let listed = match self {
            Self::Listed(listed) => &listed[..],
            Self::Unlisted(unlocked) => {
                return Ok(Chosen {
                    unlocked,
                    listed: None,
                    contested: None,
                });
            }
        };
        let listing: Vec<_> = listed
            .iter()
            .filter_map(|(one, unlocked)| Some((one, one.bundle.find(name)?, unlocked)))
            .collect();
        let is_its = |file: &BundleFile, unlocked: &Unlocked| {
            header.is_some_and(|header| check_listed(&unlocked.key, file, &header).is_ok())
        };
        let own = listing.iter().position(|(_, file, unlocked)| is_its(file, unlocked));
        let object = || format!("{source}: {name}");
        let Some(own) = own else {
            let names: Vec<_> = listing.iter().map(|(one, _, _)| one.name.as_str()).collect();
            return Err(if names.is_empty() {
                unlisted(object(), listed.iter().map(|(one, _)| one.name.as_str()))
            } else {
                not_listed("open", object(), &names.join(", "))
            });
        };
        let (one, file, unlocked) = listing[own];
        let others = listing.iter().enumerate().filter(|(index, _)| *index != own);
        let contested = Contested {
            name: name.to_owned(),
            kept: one.shown(),
            lost: others.map(|(_, (one, _, _))| one.shown()).collect(),
        };
        Ok(Chosen {
            unlocked,
            listed: Some(file),
            contested: Some(contested).filter(|contested| !contested.lost.is_empty()),
        })
    }
}

/// The fault of a member of an archive with these bundles.
fn unlisted<'a>(object: String, bundles: impl Iterator<Item = &'a str>) -> Fault {
    let bundles = bundles.collect::<Vec<_>>().join(", ");
    let cause =
        format!("no bundle lists it ({bundles}): the bundle of the host that left it is missing, or it was put there");
    let remedy = "get the archive again from where it was made";
    Fault::integrity("open", object, cause, remedy)
}

impl HostBundle {
    fn shown(&self) -> String {
        self.host.clone().unwrap_or_else(|| "a job of one host".to_owned())
    }
}
