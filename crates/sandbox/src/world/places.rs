//! The accounts and regions of a world, and what lives in each.

use crate::disk::{Locked, lock};
use crate::iam::{Iam, StoredCredential};
use crate::policy::is_account;
use crate::prelude::*;
use crate::shelf::Shelf;
use crate::{Options, SandboxError, ecr, logs, sagemaker};

/// What lives in one account and one region.
pub(crate) struct Services {
    pub(crate) logs: logs::Logs,
    pub(crate) ecr: ecr::Ecr,
    pub(crate) sagemaker: sagemaker::SageMaker,
}

impl World {
    /// Users, roles and sessions of an account of the world.
    pub(crate) fn iam(&self, account: &str) -> Locked<'_, Iam> {
        self.account(account).expect("callers are of the world's accounts")
    }

    /// The same of the account in an ARN, if it is one of the world's.
    pub(crate) fn iam_of(&self, arn: &str) -> Option<Locked<'_, Iam>> {
        self.account(account_of(arn))
    }

    fn account(&self, account: &str) -> Option<Locked<'_, Iam>> {
        let (_, iam) = self.accounts.iter().find(|(id, _)| id == account)?;
        let iam = lock(iam);
        Some(Locked::new(iam, &self.disk))
    }

    /// Account ids, the first one first.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().map(|(id, _)| id.as_str())
    }

    pub(crate) fn has_region(&self, region: &str) -> bool {
        self.regions.iter().any(|known| known == region)
    }

    /// Whether there is an account, user, role or session of this name: what a key policy and a grant may name.
    pub(crate) fn knows(&self, principal: &str) -> bool {
        self.accounts().any(|account| is_account(principal, account))
            || self.iam_of(principal).is_some_and(|iam| iam.knows(principal))
    }

    /// Whose access key this is, calling a region.
    pub(crate) fn credential(&self, access_key_id: &str, region: &str) -> Option<StoredCredential> {
        self.accounts()
            .find_map(|account| self.iam(account).credential(access_key_id, region))
    }

    /// Whose access key this is, if the session token is its own and has not expired.
    pub(crate) fn caller(&self, access_key_id: &str, token: Option<&str>, region: &str) -> Result<Caller, ApiError> {
        let account = self
            .accounts()
            .find(|account| self.iam(account).has_access_key(access_key_id));
        let account = account.unwrap_or(&self.home.account);
        self.iam(account).caller(access_key_id, token, region)
    }

    /// Whether the world has this place.
    pub(crate) fn has(&self, place: &Place) -> bool {
        self.services.contains_key(place)
    }

    /// What lives in a place of the world.
    pub(crate) fn at(&self, place: &Place) -> &Services {
        &self.services[place]
    }
}

/// Refuses accounts and regions that are none.
pub(super) fn checked(options: &Options) -> Result<(), SandboxError> {
    let is_account = |id: &String| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    let is_region = |name: &String| {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let (words, number) = name.rsplit_once('-').unwrap_or_default();
        words.contains('-') && words.split('-').all(is_word) && number.parse::<u8>().is_ok()
    };
    let wrong = |name: &String, why| Err(SandboxError::Place(name.clone(), why));
    if let Some(id) = options.accounts.iter().find(|id| !is_account(id)) {
        return wrong(id, "no account: one has twelve digits");
    }
    match options.regions.iter().find(|name| !is_region(name)) {
        Some(name) => wrong(name, "no region, such as eu-west-1"),
        None => Ok(()),
    }
}

/// The accounts or regions of a world: those that are asked for, then those that it had, by their age.
pub(super) fn named(table: &str, asked: &[String], usual: &str, disk: &Disk) -> Result<Vec<String>, DiskError> {
    let mut shelf: Shelf<u32> = Shelf::open(table, disk)?;
    let mut kept: Vec<(u32, String)> = shelf.iter().map(|(name, age)| (*age, name.clone())).collect();
    kept.sort();
    let mut names: Vec<String> = Vec::new();
    for name in asked.iter().cloned().chain(kept.into_iter().map(|(_, name)| name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.push(usual.to_owned());
    }
    for name in &names {
        if !shelf.contains_key(name) {
            let age = u32::try_from(shelf.len()).unwrap_or(u32::MAX);
            shelf.insert(name.clone(), age);
        }
    }
    Ok(names)
}
