//! Who may use a key: key policy, identity policies and grants, in KMS's order; then the key's state.

use std::collections::BTreeMap;

use super::grants::{Constraint, bad_token};
use super::key::{Key, State};
use super::request::invalid;
use super::{Ask, Kms, aliases};
use crate::api::{ApiError, bad_length, is_one_of};
use crate::identity::account_of;
use crate::policy::{Guard, NOTHING, Question};
use crate::world::denied;

/// One use of a key.
pub(super) struct Act<'a> {
    /// `kms:Decrypt`.
    pub(super) action: &'a str,
    /// Whether a grant can allow it.
    pub(super) is_grantable: bool,
    /// None where the operation takes no encryption context: a grant's constraint does not bind it.
    pub(super) context: Option<&'a BTreeMap<String, String>>,
    /// The grant that is to be made, which must not reach further than the grant that allows it.
    pub(super) child: Option<(&'a [String], Option<&'a Constraint>)>,
    /// Further condition keys.
    pub(super) conditions: BTreeMap<String, String>,
    /// Keys of the tags that are given or taken away.
    pub(super) tag_keys: Vec<String>,
}

impl<'a> Act<'a> {
    /// An administrative act: no grant allows it.
    pub(super) fn new(action: &'a str) -> Self {
        Self {
            action,
            is_grantable: false,
            context: None,
            child: None,
            conditions: BTreeMap::new(),
            tag_keys: Vec::new(),
        }
    }

    /// An act that a grant may allow.
    pub(super) fn grantable(action: &'a str) -> Self {
        Self {
            is_grantable: true,
            ..Self::new(action)
        }
    }

    /// A cryptographic act, with its encryption context.
    pub(super) fn within(action: &'a str, context: &'a BTreeMap<String, String>) -> Self {
        Self {
            context: Some(context),
            ..Self::grantable(action)
        }
    }

    /// `Decrypt`.
    fn operation(&self) -> &'a str {
        self.action.trim_start_matches("kms:")
    }

    /// With the keys of tags.
    pub(super) fn tagging<'k>(mut self, keys: impl IntoIterator<Item = &'k String>) -> Self {
        self.tag_keys = keys.into_iter().cloned().collect();
        self
    }

    /// With a further condition key.
    pub(super) fn saying(mut self, name: &str, value: impl Into<String>) -> Self {
        self.conditions.insert(name.to_owned(), value.into());
        self
    }
}

/// What KMS lets be done to a key of another account.
const ABROAD: &str = "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext \
    GetKeyRotationStatus ListGrants ReEncryptFrom ReEncryptTo RetireGrant RevokeGrant";

impl Ask<'_> {
    /// Whether the caller may do this with the key.
    ///
    /// 1. An explicit Deny in an identity policy or the key policy wins.
    /// 2. A key-policy Allow that names the principal suffices.
    /// 3. A key-policy Allow for the account needs an identity policy's Allow too, and so does any for another account's.
    /// 4. A grant: grantee, operation, constraints, and visible already or its token supplied.
    pub(super) fn authorize(&self, kms: &Kms, key: &Key, act: &Act) -> Result<(), ApiError> {
        let arn = &key.arn;
        let mut keys = self.keys.borrow_mut();
        if !keys.contains(arn) {
            keys.push(arn.clone());
        }
        drop(keys);
        let tokens = self.request.value("GrantTokens").as_array().map_or(0, Vec::len);
        bad_length(tokens, "grantTokens", 0..=10).map_err(invalid)?;
        let facts = || self.facts(kms, key, act);
        let question = Question::new(self.caller, act.action, arn, &NOTHING).knowing(&facts);
        let account = account_of(arn);
        let own = self.world.iam(&self.caller.place.account).own(self.caller, &question);
        if account != self.caller.place.account && !is_one_of(act.operation(), ABROAD) {
            let why = format!("because no resource-based policy allows the {} action", act.action);
            return Err(denied(self.caller, act.action, arn, &why));
        }
        let guard = Guard::new(Some(&key.policy), account, true);
        let Err(refusal) = guard.lets(&question, own) else {
            return Ok(());
        };
        // A grant to a role is limited as a key policy's Allow for the role is.
        if !refusal.is_explicit && own.limits().is_ok() && self.is_granted(kms, key, act)? {
            return Ok(());
        }
        Err(denied(self.caller, act.action, arn, &refusal.why(act.action)))
    }

    /// What conditions may ask of an act.
    fn facts(&self, kms: &Kms, key: &Key, act: &Act) -> BTreeMap<String, Vec<String>> {
        let mut facts = self.world.facts();
        facts.extend(act.conditions.clone());
        let kind = key.kind();
        let fixed = [
            ("kms:KeySpec", "SYMMETRIC_DEFAULT"),
            ("kms:KeyUsage", "ENCRYPT_DECRYPT"),
            ("kms:KeyOrigin", "AWS_KMS"),
            ("kms:MultiRegion", if kind.is_some() { "true" } else { "false" }),
        ];
        let fixed = fixed
            .into_iter()
            .chain(kind.map(|kind| ("kms:MultiRegionKeyType", kind)));
        facts.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, value) in &key.tags {
            facts.insert(format!("aws:ResourceTag/{name}"), value.clone());
        }
        let mut names = Vec::new();
        if let Some(context) = act.context {
            facts.insert("kms:EncryptionAlgorithm".to_owned(), "SYMMETRIC_DEFAULT".to_owned());
            for (name, value) in context {
                facts.insert(format!("kms:EncryptionContext:{name}"), value.clone());
                names.push(name.clone());
            }
        }
        if let Some(id) = self.request.text("KeyId").filter(|id| id.contains("alias/")) {
            let alias = id.rsplit_once(':').map_or(id, |(_, name)| name);
            facts.insert("kms:RequestAlias".to_owned(), alias.to_owned());
        }
        let aliases = kms.aliases.of(&key.arn).map(|alias| aliases::name_of(alias).to_owned());
        let operations = act.child.map_or(&[][..], |(operations, _)| operations);
        let one = facts.into_iter().map(|(name, value)| (name, vec![value]));
        let several = [
            ("kms:EncryptionContextKeys", names),
            ("aws:TagKeys", act.tag_keys.clone()),
            ("kms:ResourceAliases", aliases.collect()),
            ("kms:GrantOperations", operations.to_vec()),
        ];
        one.chain(several.map(|(name, values)| (name.to_owned(), values)))
            .collect()
    }

    fn is_granted(&self, kms: &Kms, key: &Key, act: &Act) -> Result<bool, ApiError> {
        if !act.is_grantable {
            return Ok(false);
        }
        let operation = act.operation();
        let tokens = self.request.list("GrantTokens");
        if !tokens.iter().all(|token| kms.grants.knows_token(&key.arn, token)) {
            return Err(bad_token());
        }
        let now = self.world.now();
        let names = self.caller.names();
        Ok(names.iter().any(|name| {
            kms.grants.to(&key.arn, name).any(|grant| {
                grant.operations.iter().any(|allowed| allowed == operation)
                    && match (&grant.constraint, act.context) {
                        (Some(constraint), Some(context)) => constraint.holds(context),
                        _ => true,
                    }
                    && act
                        .child
                        .is_none_or(|(operations, constraint)| grant.covers(operations, constraint))
                    && (grant.visible <= now || grant.tokens.iter().any(|token| tokens.contains(token)))
            })
        }))
    }

    /// The ARN of a key that an administrative call names, once the caller may do it.
    pub(super) fn administered(&self, kms: &Kms) -> Result<String, ApiError> {
        let key = kms.find_strictly(&self.caller.place, self.request.required("KeyId")?)?;
        let action = format!("kms:{}", self.operation);
        let mut act = Act::new(&action).tagging(&self.request.list("TagKeys"));
        if let Some(days) = self.request.number("RotationPeriodInDays") {
            act = act.saying("kms:RotationPeriodInDays", days.to_string());
        }
        self.authorize(kms, key, &act)?;
        Ok(key.arn.clone())
    }

    /// What a call with DryRun answers when it would have gone well.
    pub(super) fn dry_run(&self) -> Result<(), ApiError> {
        if self.request.truth("DryRun") {
            let told = "The request would have succeeded, but the DryRun option is set.";
            return Err(ApiError::new("DryRunOperationException", told));
        }
        Ok(())
    }
}

impl Key {
    /// Refuses what needs a usable key.
    pub(super) fn usable(&self) -> Result<(), ApiError> {
        match self.state {
            State::Disabled => Err(ApiError::new("DisabledException", format!("{} is disabled.", self.arn))),
            _ => self.not_pending(),
        }
    }

    /// Refuses what may not be done to a key that waits for its deletion.
    pub(super) fn not_pending(&self) -> Result<(), ApiError> {
        match self.state {
            State::Enabled | State::Disabled => Ok(()),
            State::PendingDeletion | State::PendingReplicaDeletion => {
                let told = format!("{} is pending deletion.", self.arn);
                Err(ApiError::new("KMSInvalidStateException", told))
            }
        }
    }
}
