//! Users, roles, their policies and their credentials; the IAM query API (2010-05-08) in `calls` and `policies`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::ApiError;
use super::clock::Clock;
use super::disk::{Disk, DiskError};
use super::identity::{ACCOUNT, Caller, Principal};
use super::policy::{self, Decision, Document, Question};
use super::shelf::Shelf;
use super::world::{random, random_id};

mod calls;
mod form;
mod managed;
mod policies;
mod simulate;

pub(crate) use calls::call;
pub(crate) use form::{Form, escape};

/// The user that a world begins with.
const OWNER: &str = "strongroom";
/// The longest session of a role, in seconds, where the role does not say.
pub(crate) const SESSION: i64 = 3600;

/// Everything IAM and STS know.
pub(crate) struct Iam {
    clock: Clock,
    users: Shelf<Entity>,
    roles: Shelf<Entity>,
    /// By access key id; sessions leave a day after they have expired.
    credentials: Shelf<Credential>,
    /// Customer managed policies by ARN.
    policies: Shelf<Policy>,
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
    pub(crate) trust: Option<Document>,
    /// Seconds that a session of the role may last.
    pub(crate) longest: i64,
    /// ARNs.
    pub(crate) attached: Vec<String>,
    pub(crate) inline: BTreeMap<String, Document>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A customer managed policy; one version is enough for a world.
#[derive(Clone, Serialize, Deserialize)]
struct Policy {
    id: String,
    path: String,
    created: Timestamp,
    document: Document,
}

#[derive(Clone, Serialize, Deserialize)]
struct Credential {
    secret: String,
    created: Timestamp,
    is_active: bool,
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
    /// The account; a new one has one user.
    pub(crate) fn open(clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let mut iam = Self {
            clock: clock.clone(),
            users: Shelf::open("users", disk)?,
            roles: Shelf::open("roles", disk)?,
            credentials: Shelf::open("credentials", disk)?,
            policies: Shelf::open("policies", disk)?,
        };
        if iam.users.is_empty() {
            let mut owner = Entity::new("user", "AIDA", "/", OWNER, clock.now());
            owner
                .attached
                .push("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
            iam.users.insert(OWNER.to_owned(), owner);
            iam.add_access_key(OWNER);
        }
        Ok(iam)
    }

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

    /// What the principal's own policies say.
    pub(crate) fn decide(&self, principal: &Principal, question: &Question) -> Decision {
        let entity = match principal {
            Principal::Service(_) => return Decision::Allowed,
            Principal::User(name) => self.users.get(name),
            Principal::Session { role, .. } => self.roles.get(role),
        };
        entity.map_or(Decision::Silent, |entity| self.decide_for(entity, question))
    }

    fn decide_for(&self, entity: &Entity, question: &Question) -> Decision {
        let attached = entity.attached.iter().filter_map(|arn| self.document(arn));
        attached
            .chain(entity.inline.values())
            .fold(Decision::Silent, |so_far, document| {
                so_far.and(policy::identity(document, question))
            })
    }

    /// The document of a managed policy.
    fn document(&self, arn: &str) -> Option<&Document> {
        self.policies
            .get(arn)
            .map(|policy| &policy.document)
            .or_else(|| managed::find(arn).map(|managed| &managed.document))
    }

    /// A role by its ARN.
    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<(&String, &Entity)> {
        let name = arn.rsplit('/').next()?;
        self.roles.get_key_value(name).filter(|(_, role)| role.arn == arn)
    }

    /// Whether a principal of this ARN exists: what a key policy and a grant may name.
    pub(crate) fn knows(&self, arn: &str) -> bool {
        if let Some(session) = arn.strip_prefix(&format!("arn:aws:sts::{ACCOUNT}:assumed-role/")) {
            return session
                .split_once('/')
                .is_some_and(|(role, session)| !session.is_empty() && self.roles.contains_key(role));
        }
        let name = arn.rsplit('/').next().unwrap_or_default();
        [self.users.get(name), self.roles.get(name)]
            .into_iter()
            .flatten()
            .any(|entity| entity.arn == arn)
    }

    /// Makes a role.
    pub(crate) fn create_role(
        &mut self,
        name: &str,
        path: &str,
        trust: Document,
        description: &str,
    ) -> Result<Entity, ApiError> {
        if self.roles.contains_key(name) {
            return Err(exists(&format!("Role with name {name} already exists.")));
        }
        let mut role = Entity::new("role", "AROA", path, name, self.clock.now());
        role.trust = Some(trust);
        description.clone_into(&mut role.description);
        self.roles.insert(name.to_owned(), role.clone());
        Ok(role)
    }

    /// Attaches a managed policy to a role.
    pub(crate) fn attach_role_policy(&mut self, name: &str, arn: &str) -> Result<(), ApiError> {
        self.attachable(arn)?;
        self.change_role(name, |role| role.attach(arn))
    }

    fn attachable(&self, arn: &str) -> Result<(), ApiError> {
        match self.document(arn) {
            Some(_) => Ok(()),
            None => Err(missing(&format!("Policy {arn} does not exist or is not attachable."))),
        }
    }

    fn role(&self, name: &str) -> Result<&Entity, ApiError> {
        self.roles.get(name).ok_or_else(|| no_role(name))
    }

    fn user(&self, name: &str) -> Result<&Entity, ApiError> {
        self.users.get(name).ok_or_else(|| no_user(name))
    }

    fn change_role<T>(&mut self, name: &str, change: impl FnOnce(&mut Entity) -> T) -> Result<T, ApiError> {
        self.roles.change(name, change).ok_or_else(|| no_role(name))
    }

    fn change_user<T>(&mut self, name: &str, change: impl FnOnce(&mut Entity) -> T) -> Result<T, ApiError> {
        self.users.change(name, change).ok_or_else(|| no_user(name))
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

    fn add_access_key(&mut self, user: &str) -> (String, String) {
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

impl Entity {
    fn new(kind: &str, prefix: &str, path: &str, name: &str, created: Timestamp) -> Self {
        Self {
            id: random_id(prefix, 21),
            arn: format!("arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"),
            path: path.to_owned(),
            created,
            description: String::new(),
            trust: None,
            longest: SESSION,
            attached: Vec::new(),
            inline: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    fn attach(&mut self, arn: &str) {
        if !self.attached.iter().any(|attached| attached == arn) {
            self.attached.push(arn.to_owned());
        }
    }
}

impl Credential {
    fn belongs_to(&self, user: &str) -> bool {
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

fn exists(message: &str) -> ApiError {
    ApiError::new("EntityAlreadyExists", message).status(409)
}

fn conflict(message: &str) -> ApiError {
    ApiError::new("DeleteConflict", message).status(409)
}

fn missing(message: &str) -> ApiError {
    ApiError::new("NoSuchEntity", message).status(404)
}

fn no_role(name: &str) -> ApiError {
    missing(&format!("The role with name {name} cannot be found."))
}

fn no_user(name: &str) -> ApiError {
    missing(&format!("The user with name {name} cannot be found."))
}

#[cfg(test)]
mod tests;
