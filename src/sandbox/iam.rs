//! Users, roles, their policies and their credentials; the IAM query API (2010-05-08) in `calls`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::ApiError;
use super::identity::{ACCOUNT, Caller, Principal};
use super::policy::{self, Decision, Question};
use super::world::{now, random, random_id};

mod calls;
mod form;
mod managed;

pub(crate) use calls::call;
pub(crate) use form::{Form, escape};

/// The user that a world begins with.
const OWNER: &str = "strongroom";

/// Everything IAM and STS know.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Iam {
    users: BTreeMap<String, Entity>,
    roles: BTreeMap<String, Entity>,
    /// By access key id; sessions leave when they have expired.
    credentials: BTreeMap<String, Credential>,
    /// Customer managed policies by ARN.
    policies: BTreeMap<String, Value>,
}

/// A user or a role.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) path: String,
    pub(crate) created: Timestamp,
    pub(crate) description: String,
    /// Only roles have one.
    pub(crate) trust: Option<Value>,
    /// ARNs.
    pub(crate) attached: Vec<String>,
    pub(crate) inline: BTreeMap<String, Value>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Credential {
    secret: String,
    created: Timestamp,
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
    /// A new account with its one user.
    pub(crate) fn new(at: Timestamp) -> Self {
        let mut iam = Self {
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            credentials: BTreeMap::new(),
            policies: BTreeMap::new(),
        };
        let mut owner = Entity::new("user", "AIDA", "/", OWNER, at);
        owner
            .attached
            .push("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
        iam.users.insert(OWNER.to_owned(), owner);
        iam.add_access_key(OWNER, at);
        iam
    }

    /// Access key id and secret of the first user.
    pub(crate) fn own_access_key(&self) -> (String, String) {
        self.credentials
            .iter()
            .find(|(_, credential)| matches!(&credential.owner, Owner::User(name) if name == OWNER))
            .map(|(id, credential)| (id.clone(), credential.secret.clone()))
            .unwrap_or_default()
    }

    /// Whose access key this is.
    pub(crate) fn credential(&self, access_key_id: &str) -> Option<StoredCredential> {
        let credential = self.credentials.get(access_key_id)?;
        let secret = credential.secret.clone();
        match &credential.owner {
            Owner::User(name) => {
                let user = self.users.get(name)?;
                let caller = Caller {
                    principal: Principal::User(name.clone()),
                    arn: user.arn.clone(),
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

    /// The secret of an access key.
    pub(crate) fn secret(&self, access_key_id: &str) -> Option<String> {
        self.credential(access_key_id).map(|credential| credential.secret)
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
        if credential.expires.is_some_and(|expires| expires <= now()) {
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
            user_id: format!("{}:{name}", entity.id),
            extra: BTreeMap::from([("role-arn".to_owned(), entity.arn.clone())]),
        })
    }

    /// What the principal's own policies say.
    pub(crate) fn decide(&self, principal: &Principal, question: &Question) -> Decision {
        let entity = match principal {
            Principal::Service(_) => return Decision::Allowed,
            Principal::User(name) => self.users.get(name),
            Principal::Session { role, .. } => self.roles.get(role),
        };
        let Some(entity) = entity else { return Decision::Silent };
        let attached = entity.attached.iter().filter_map(|arn| self.document(arn));
        let inline = entity.inline.values().cloned();
        attached.chain(inline).fold(Decision::Silent, |so_far, document| {
            so_far.and(policy::identity(&document, question))
        })
    }

    /// The document of a managed policy.
    pub(crate) fn document(&self, arn: &str) -> Option<Value> {
        self.policies.get(arn).cloned().or_else(|| managed::document(arn))
    }

    /// A role by its ARN.
    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<(&String, &Entity)> {
        self.roles.iter().find(|(_, role)| role.arn == arn)
    }

    /// Whether a principal of this ARN exists: what a key policy may name.
    pub(crate) fn knows(&self, arn: &str) -> bool {
        self.users
            .values()
            .chain(self.roles.values())
            .any(|entity| entity.arn == arn)
            || self
                .roles
                .keys()
                .any(|role| arn.starts_with(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/")))
    }

    /// Makes a role.
    pub(crate) fn create_role(
        &mut self,
        name: &str,
        path: &str,
        trust: Value,
        description: &str,
    ) -> Result<Entity, ApiError> {
        if self.roles.contains_key(name) {
            return Err(exists(&format!("Role with name {name} already exists.")));
        }
        let mut role = Entity::new("role", "AROA", path, name, now());
        role.trust = Some(trust);
        description.clone_into(&mut role.description);
        self.roles.insert(name.to_owned(), role.clone());
        Ok(role)
    }

    /// Attaches a managed policy to a role.
    pub(crate) fn attach_role_policy(&mut self, name: &str, arn: &str) -> Result<(), ApiError> {
        if self.document(arn).is_none() {
            return Err(missing(&format!("Policy {arn} does not exist or is not attachable.")));
        }
        let role = self
            .roles
            .get_mut(name)
            .ok_or_else(|| missing(&format!("The role with name {name} cannot be found.")))?;
        if !role.attached.iter().any(|attached| attached == arn) {
            role.attached.push(arn.to_owned());
        }
        Ok(())
    }

    /// Opens a session of a role; whether it may be opened is the caller's question.
    pub(crate) fn open_session(&mut self, role: &str, name: &str, seconds: i64) -> SessionCredentials {
        let at = now();
        self.credentials.retain(|_, credential| !matches!(&credential.owner, Owner::Session { expires, .. } if *expires < at - SignedDuration::from_hours(24)));
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

    fn add_access_key(&mut self, user: &str, at: Timestamp) -> (String, String) {
        let (id, secret) = (random_id("AKIA", 20), secret());
        let owner = Owner::User(user.to_owned());
        self.credentials.insert(
            id.clone(),
            Credential {
                secret: secret.clone(),
                created: at,
                owner,
            },
        );
        (id, secret)
    }
}

impl Entity {
    fn new(kind: &str, prefix: &str, path: &str, name: &str, created: Timestamp) -> Self {
        Self {
            id: random_id(prefix, 21),
            arn: format!("arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"),
            path: path.to_owned(),
            created,
            description: String::new(),
            trust: None,
            attached: Vec::new(),
            inline: BTreeMap::new(),
        }
    }
}

/// Forty characters, as AWS's secrets have.
fn secret() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .encode(random::<30>())
        .replace(['+', '/'], "x")
}

fn exists(message: &str) -> ApiError {
    ApiError::new("EntityAlreadyExists", message).status(409)
}

fn missing(message: &str) -> ApiError {
    ApiError::new("NoSuchEntity", message).status(404)
}
