//! Access keys: a user's, and those of a role's sessions.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Iam, OWNER};
use crate::api::ApiError;
use crate::identity::{ACCOUNT, Caller, Principal};
use crate::world::{random, random_id};

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Credential {
    secret: String,
    pub(super) created: Timestamp,
    pub(super) is_active: bool,
    owner: Owner,
}

#[derive(Clone, Serialize, Deserialize)]
enum Owner {
    User(String),
    Session {
        role: String,
        name: String,
        token: String,
        expires: Timestamp,
    },
}

/// An access key as the signature check needs it.
pub(crate) struct StoredCredential {
    pub(crate) secret: String,
    pub(crate) session_token: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) caller: Caller,
}

/// What AssumeRole gives.
#[derive(Clone)]
pub(crate) struct SessionCredentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) expires: Timestamp,
}

impl Iam {
    /// Access key id and secret of the first user.
    pub(crate) fn own_access_key(&self) -> (String, String) {
        self.credentials
            .iter()
            .find(|(_, credential)| credential.is_active && credential.belongs_to(OWNER))
            .map(|(id, credential)| (id.clone(), credential.secret.clone()))
            .unwrap_or_default()
    }

    /// Whose access key this is.
    pub(crate) fn credential(&self, access_key_id: &str) -> Option<StoredCredential> {
        let credential = self.credentials.get(access_key_id).filter(|key| key.is_active)?;
        let secret = credential.secret.clone();
        match &credential.owner {
            Owner::User(name) => {
                let user = self.users.get(name)?;
                let caller = Caller {
                    principal: Principal::User(name.clone()),
                    arn: user.arn.clone(),
                    role_arn: None,
                    user_id: user.id.clone(),
                    extra: BTreeMap::new(),
                };
                Some(StoredCredential {
                    secret,
                    session_token: None,
                    expires: None,
                    caller,
                })
            }
            Owner::Session {
                role,
                name,
                token,
                expires,
            } => Some(StoredCredential {
                secret,
                session_token: Some(token.clone()),
                expires: Some(*expires),
                caller: self.session(role, name)?,
            }),
        }
    }

    /// Whose access key this is, if the session token is its own and has not expired.
    pub(crate) fn caller(&self, access_key_id: &str, token: Option<&str>) -> Result<Caller, ApiError> {
        let invalid = || {
            ApiError::new(
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            )
        };
        let credential = self.credential(access_key_id).ok_or_else(invalid)?;
        if credential.session_token.as_deref() != token {
            return Err(invalid());
        }
        if credential.expires.is_some_and(|expires| expires <= self.clock.now()) {
            return Err(ApiError::new(
                "ExpiredToken",
                "The security token included in the request is expired",
            ));
        }
        Ok(credential.caller)
    }

    /// A session of a role as a caller.
    pub(crate) fn session(&self, role: &str, name: &str) -> Option<Caller> {
        let entity = self.roles.get(role)?;
        Some(Caller {
            principal: Principal::Session {
                role: role.to_owned(),
                session: name.to_owned(),
            },
            arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"),
            role_arn: Some(entity.arn.clone()),
            user_id: format!("{}:{name}", entity.id),
            extra: BTreeMap::new(),
        })
    }

    /// Opens a session of a role; whether it may be opened is the caller's question.
    pub(crate) fn open_session(&mut self, role: &str, name: &str, seconds: i64) -> SessionCredentials {
        let at = self.clock.now();
        let forgotten = at - SignedDuration::from_hours(24);
        self.credentials.retain(
            |_, credential| !matches!(&credential.owner, Owner::Session { expires, .. } if *expires < forgotten),
        );
        let expires = at
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX);
        let session = SessionCredentials {
            access_key_id: random_id("ASIA", 20),
            secret_access_key: secret(),
            session_token: format!("{}{}", secret(), secret()),
            expires,
        };
        self.credentials.insert(
            session.access_key_id.clone(),
            Credential {
                secret: session.secret_access_key.clone(),
                created: at,
                is_active: true,
                owner: Owner::Session {
                    role: role.to_owned(),
                    name: name.to_owned(),
                    token: session.session_token.clone(),
                    expires,
                },
            },
        );
        session
    }

    pub(super) fn add_access_key(&mut self, user: &str) -> (String, String) {
        let (id, secret) = (random_id("AKIA", 20), secret());
        self.credentials.insert(
            id.clone(),
            Credential {
                secret: secret.clone(),
                created: self.clock.now(),
                is_active: true,
                owner: Owner::User(user.to_owned()),
            },
        );
        (id, secret)
    }
}

impl Credential {
    pub(super) fn belongs_to(&self, user: &str) -> bool {
        matches!(&self.owner, Owner::User(name) if name == user)
    }
}

/// Forty characters, as AWS's secrets have.
fn secret() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .encode(random::<30>())
        .replace(['+', '/'], "x")
}
