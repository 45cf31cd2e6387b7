//! Access keys: a user's, and those of a role's sessions.

use jiff::SignedDuration;
use serde::{Deserializer, Serializer};

use super::{Entity, Iam, OWNER};
use crate::policy::Document;
use crate::prelude::*;
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
        token: String,
        expires: Timestamp,
        #[serde(with = "shared")]
        opening: Arc<Opening>,
    },
}

/// What a session of a role is opened with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) name: String,
    /// Policies that limit it; None is not the same as none of them.
    pub(crate) limits: Option<Vec<Document>>,
    pub(crate) tags: BTreeMap<String, String>,
    /// Keys of the tags that sessions opened with this one have too.
    pub(crate) transitive: Vec<String>,
    pub(crate) source: Option<String>,
}

/// A row of its own on disk, shared by the session's callers in memory.
mod shared {
    use super::{Arc, Deserialize, Deserializer, Opening, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(opening: &Arc<Opening>, serializer: S) -> Result<S::Ok, S::Error> {
        Opening::serialize(opening, serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Opening>, D::Error> {
        Opening::deserialize(deserializer).map(Arc::new)
    }
}

impl Opening {
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
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
    /// Whether this is an access key of the account.
    pub(crate) fn has_access_key(&self, id: &str) -> bool {
        self.credentials.contains_key(id)
    }

    /// Access key id and secret of the first user.
    pub(crate) fn own_access_key(&self) -> (String, String) {
        self.credentials
            .iter()
            .find(|(_, credential)| credential.is_active && credential.belongs_to(OWNER))
            .map(|(id, credential)| (id.clone(), credential.secret.clone()))
            .unwrap_or_default()
    }

    /// Whose access key this is, calling a region.
    pub(crate) fn credential(&self, access_key_id: &str, region: &str) -> Option<StoredCredential> {
        let credential = self.credentials.get(access_key_id).filter(|key| key.is_active)?;
        let secret = credential.secret.clone();
        match &credential.owner {
            Owner::User(name) => Some(StoredCredential {
                secret,
                session_token: None,
                expires: None,
                caller: caller_of(name, self.users.get(name)?, &Place::new(&self.account, region)),
            }),
            Owner::Session {
                role,
                token,
                expires,
                opening,
            } => Some(StoredCredential {
                secret,
                session_token: Some(token.clone()),
                expires: Some(*expires),
                caller: self.opened(role, opening, credential.created, region)?,
            }),
        }
    }

    /// Whose access key this is, if the session token is its own and has not expired.
    pub(crate) fn caller(&self, access_key_id: &str, token: Option<&str>, region: &str) -> Result<Caller, ApiError> {
        let credential = self.credential(access_key_id, region);
        let credential = credential
            .filter(|credential| credential.session_token.as_deref() == token)
            .ok_or_else(|| {
                let told = "The security token included in the request is invalid.";
                ApiError::new("InvalidClientTokenId", told)
            })?;
        if credential.expires.is_some_and(|expires| expires <= self.clock.now()) {
            let told = "The security token included in the request is expired";
            return Err(ApiError::new("ExpiredToken", told));
        }
        Ok(credential.caller)
    }

    /// A session of a role as a caller.
    pub(crate) fn session(&self, role: &str, name: &str, region: &str) -> Option<Caller> {
        self.opened(role, &Arc::new(Opening::named(name)), self.clock.now(), region)
    }

    fn opened(&self, role: &str, opening: &Arc<Opening>, at: Timestamp, region: &str) -> Option<Caller> {
        let entity = self.roles.get(role)?;
        let name = &opening.name;
        let tags = principal_tags(&entity.tags).chain(principal_tags(&opening.tags));
        let mut extra: BTreeMap<String, String> = tags.collect();
        extra.insert("aws:tokenissuetime".to_owned(), at.to_string());
        extra.insert("aws:multifactorauthpresent".to_owned(), "false".to_owned());
        let source = opening.source.clone();
        extra.extend(source.map(|source| ("aws:sourceidentity".to_owned(), source)));
        Some(Caller {
            principal: Principal::Session {
                role: role.to_owned(),
                session: name.clone(),
            },
            place: Place::new(&self.account, region),
            arn: format!("arn:aws:sts::{}:assumed-role/{role}/{name}", self.account),
            role_arn: Some(entity.arn.clone()),
            user_id: format!("{}:{name}", entity.id),
            extra,
            opening: Some(Arc::clone(opening)),
            signed: None,
        })
    }

    /// Opens a session of a role; whether it may be opened is the caller's question.
    pub(crate) fn open_session(&mut self, role: &str, opening: Opening, seconds: i64) -> SessionCredentials {
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
                    token: session.session_token.clone(),
                    expires,
                    opening: Arc::new(opening),
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

/// A user as a caller.
pub(super) fn caller_of(name: &str, user: &Entity, place: &Place) -> Caller {
    Caller {
        extra: principal_tags(&user.tags).collect(),
        ..Caller::new(Principal::User(name.to_owned()), place, &user.arn, &user.id)
    }
}

/// Tags as conditions name them: in lower case, so that a session's come in the place of its role's.
fn principal_tags(tags: &BTreeMap<String, String>) -> impl Iterator<Item = (String, String)> {
    tags.iter()
        .map(|(key, value)| (format!("aws:principaltag/{}", key.to_lowercase()), value.clone()))
}

impl Credential {
    /// Whether it is of a session of this role.
    pub(super) fn is_session_of(&self, name: &str) -> bool {
        matches!(&self.owner, Owner::Session { role, .. } if role == name)
    }

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
