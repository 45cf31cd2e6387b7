//! Tokens of grants made in this session. A grant takes minutes to be known everywhere; a call that carries its token
//! may use it at once.
//!
//! AWS calls grant tokens nonsecret; they still go nowhere but into KMS calls and, for a job that starts meanwhile, its
//! hyperparameters.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::policy::{PrincipalKind, principal_kind, role_name};

/// By then every endpoint knows the grant.
const KNOWN_EVERYWHERE: Duration = Duration::from_secs(600);
/// KMS takes no more a call.
const MOST: usize = 10;

/// The tokens that are still needed.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug)]
struct Kept {
    key_arn: String,
    grant_id: String,
    grantee: String,
    token: String,
    since: Instant,
}

impl Tokens {
    pub(crate) fn keep(&self, key_arn: &str, grant_id: &str, grantee: &str, token: String) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.since.elapsed() < KNOWN_EVERYWHERE);
        kept.push(Kept {
            key_arn: key_arn.to_owned(),
            grant_id: grant_id.to_owned(),
            grantee: grantee.to_owned(),
            token,
            since: Instant::now(),
        });
    }

    pub(crate) fn forget(&self, grant_id: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.grant_id != grant_id);
    }

    /// What `principal` (a user, a role, or a session of it) may need to use `key` (ARN or id), the newest first.
    pub(crate) fn of(&self, key: &str, principal: &str) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |one: &&Kept| {
            let is_key = one.key_arn == key || one.key_arn.rsplit('/').next() == Some(key);
            is_key && is_same(&one.grantee, principal) && one.since.elapsed() < KNOWN_EVERYWHERE
        };
        let tokens = kept.iter().rev().filter(fits).take(MOST);
        tokens.map(|one| one.token.clone()).collect()
    }
}

/// Whether a grantee is the caller, who may be a session of it.
fn is_same(grantee: &str, principal: &str) -> bool {
    grantee == principal
        || match (principal_kind(grantee), principal_kind(principal)) {
            (PrincipalKind::Role, PrincipalKind::SessionOf(role)) => role_name(grantee) == role,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";
    const ROLE: &str = "arn:aws:iam::111122223333:role/team/trainer";

    #[test]
    fn a_token_serves_its_grantee_and_its_key_until_the_grant_is_gone() {
        let tokens = Tokens::default();
        tokens.keep(KEY, "g", ROLE, "t".to_owned());
        let session = "arn:aws:sts::111122223333:assumed-role/trainer/x";
        assert_eq!(tokens.of(KEY, ROLE), ["t"]);
        assert_eq!(tokens.of("1", session), ["t"]);
        assert!(tokens.of(KEY, "arn:aws:iam::111122223333:user/trainer").is_empty());
        assert!(tokens.of("arn:aws:kms:us-east-1:111122223333:key/2", ROLE).is_empty());
        tokens.forget("g");
        assert!(tokens.of(KEY, ROLE).is_empty());
    }

    #[test]
    fn no_call_carries_more_tokens_than_kms_takes() {
        let tokens = Tokens::default();
        for index in 0..20 {
            tokens.keep(KEY, &index.to_string(), ROLE, index.to_string());
        }
        let of = tokens.of(KEY, ROLE);
        assert_eq!((of.len(), of[0].as_str()), (10, "19"));
    }
}
