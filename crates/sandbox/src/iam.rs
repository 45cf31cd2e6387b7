//! Users, roles, their policies and their credentials; the IAM query API (2010-05-08) in `calls` and `policies`.

use super::policy::{self, Decision, Document, Own, Question};
use super::shelf::Shelf;
use super::world::random_id;
use crate::prelude::*;

mod boundary;
mod calls;
mod context;
mod credentials;
mod form;
mod limits;
mod managed;
mod policies;
mod simulate;
mod tags;
mod versions;

pub(crate) use calls::call;
use credentials::Credential;
pub(crate) use credentials::{Opening, SessionCredentials, StoredCredential};
pub(crate) use form::{Form, escape};
pub(crate) use policies::document;
use versions::Versions;

/// The user that a world begins with.
const OWNER: &str = "strongroom";
/// The longest session of a role, in seconds, where the role does not say.
pub(crate) const SESSION: i64 = 3600;

/// Everything IAM and STS know of one account.
pub(crate) struct Iam {
    account: String,
    clock: Clock,
    users: Shelf<Entity>,
    roles: Shelf<Entity>,
    /// By access key id; sessions leave a day after they have expired.
    credentials: Shelf<Credential>,
    /// Customer managed policies by ARN.
    policies: Shelf<Policy>,
}

/// What an [`Entity`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntityKind {
    User,
    Role,
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
    /// The ARN of the policy that limits the others.
    pub(crate) boundary: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A customer managed policy.
#[derive(Clone, Serialize, Deserialize)]
struct Policy {
    id: String,
    path: String,
    created: Timestamp,
    description: String,
    versions: Versions,
    tags: BTreeMap<String, String>,
}

impl Iam {
    /// The account; a new one has one user.
    pub(crate) fn open(account: &str, clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let table = |name: &str| format!("{account}/{name}");
        let mut iam = Self {
            account: account.to_owned(),
            clock: clock.clone(),
            users: Shelf::open(&table("users"), disk)?,
            roles: Shelf::open(&table("roles"), disk)?,
            credentials: Shelf::open(&table("credentials"), disk)?,
            policies: Shelf::open(&table("policies"), disk)?,
        };
        if iam.users.is_empty() {
            let mut owner = iam.entity("user", "AIDA", "/", OWNER);
            owner.attached = vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()];
            iam.users.insert(OWNER.to_owned(), owner);
            iam.add_access_key(OWNER);
        }
        Ok(iam)
    }

    /// What the caller's own policies say.
    pub(crate) fn own(&self, caller: &Caller, question: &Question) -> Own {
        let entity = match &caller.principal {
            Principal::Service(_) => return Own::of(Decision::Allowed),
            Principal::User(name) => self.users.get(name),
            Principal::Session { role, .. } => self.roles.get(role),
        };
        let Some(entity) = entity else {
            return Own::of(Decision::Silent);
        };
        let attached = entity.attached.iter().filter_map(|arn| self.document(arn));
        let boundary = entity.boundary.as_deref();
        let limits = caller.opening.as_deref().and_then(|opening| opening.limits.as_deref());
        Own {
            identity: together(attached.chain(entity.inline.values()), question),
            boundary: boundary.map(|arn| together(self.document(arn), question)),
            session: limits.map(|limits| together(limits, question)),
        }
    }

    /// The document of a managed policy.
    fn document(&self, arn: &str) -> Option<&Document> {
        let own = self.policies.get(arn).and_then(|policy| policy.versions.document());
        own.or_else(|| managed::find(arn).map(|managed| &managed.document))
    }

    /// A role by its ARN.
    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<(&String, &Entity)> {
        let name = arn.rsplit('/').next()?;
        self.roles.get_key_value(name).filter(|(_, role)| role.arn == arn)
    }

    /// Whether a principal of this ARN exists: what a key policy and a grant may name.
    pub(crate) fn knows(&self, arn: &str) -> bool {
        if let Some(session) = arn.strip_prefix(&format!("arn:aws:sts::{}:assumed-role/", self.account)) {
            let (role, session) = session.split_once('/').unwrap_or_default();
            return !session.is_empty() && self.roles.contains_key(role);
        }
        let name = arn.rsplit('/').next().unwrap_or_default();
        let mut named = self.users.get(name).into_iter().chain(self.roles.get(name));
        named.any(|entity| entity.arn == arn)
    }

    /// Whether a trust policy may name this: everybody, an account, one who is here, or one of another account.
    fn may_be_named(&self, name: &str) -> bool {
        let is_account = |id: &str| id.len() == 12 && id.bytes().all(|digit| digit.is_ascii_digit());
        let is_id = || self.all().any(|entity| entity.id == name);
        if name == "*" || is_account(name) {
            return true;
        }
        match name.split(':').collect::<Vec<_>>()[..] {
            ["arn", "aws", "iam", "", account, "root"] => is_account(account),
            ["arn", "aws", "iam" | "sts", "", account, _] if account != self.account => is_account(account),
            ["arn", ..] => self.knows(name),
            _ => is_id(),
        }
    }

    /// Makes a role.
    pub(crate) fn create_role(
        &mut self,
        name: &str,
        path: &str,
        trust: Document,
        description: &str,
    ) -> Result<Entity, ApiError> {
        if self.roles.keys().any(|other| limits::is_same(other, name)) {
            return Err(exists(&format!("Role with name {name} already exists.")));
        }
        let mut role = self.entity("role", "AROA", path, name);
        role.trust = Some(trust);
        description.clone_into(&mut role.description);
        self.roles.insert(name.to_owned(), role.clone());
        Ok(role)
    }

    /// Attaches a managed policy to a user or a role.
    pub(crate) fn attach(&mut self, kind: EntityKind, name: &str, arn: &str) -> Result<(), ApiError> {
        self.attachable(arn)?;
        self.change(kind, name, |entity| {
            limits::attached(entity, kind, arn)?;
            if !entity.attached.iter().any(|attached| attached == arn) {
                entity.attached.push(arn.to_owned());
            }
            Ok(())
        })?
    }

    /// A policy that can be attached, or limit a session.
    pub(crate) fn attachable(&self, arn: &str) -> Result<&Document, ApiError> {
        if arn.split(':').count() < 6 {
            return Err(ApiError::new("ValidationError", "Invalid ARN:  Could not be parsed!"));
        }
        self.document(arn)
            .ok_or_else(|| missing(&format!("Policy {arn} does not exist or is not attachable.")))
    }

    /// A new user or role.
    fn entity(&self, kind: &str, prefix: &str, path: &str, name: &str) -> Entity {
        Entity {
            id: random_id(prefix, 21),
            arn: format!("arn:aws:iam::{}:{kind}{path}{name}", self.account),
            path: path.to_owned(),
            created: self.clock.now(),
            description: String::new(),
            trust: None,
            longest: SESSION,
            attached: Vec::new(),
            inline: BTreeMap::new(),
            boundary: None,
            tags: BTreeMap::new(),
        }
    }

    /// Users and roles.
    fn all(&self) -> impl Iterator<Item = &Entity> {
        self.users.values().chain(self.roles.values())
    }

    fn entities(&self, kind: EntityKind) -> &Shelf<Entity> {
        match kind {
            EntityKind::User => &self.users,
            EntityKind::Role => &self.roles,
        }
    }

    fn entities_mut(&mut self, kind: EntityKind) -> &mut Shelf<Entity> {
        match kind {
            EntityKind::User => &mut self.users,
            EntityKind::Role => &mut self.roles,
        }
    }

    fn find(&self, kind: EntityKind, name: &str) -> Result<&Entity, ApiError> {
        let entity = self.entities(kind).get(name);
        entity.ok_or_else(|| kind.missing(name))
    }

    fn change<T>(
        &mut self,
        kind: EntityKind,
        name: &str,
        change: impl FnOnce(&mut Entity) -> T,
    ) -> Result<T, ApiError> {
        let changed = self.entities_mut(kind).change(name, change);
        changed.ok_or_else(|| kind.missing(name))
    }
}

impl EntityKind {
    /// Of which kind an operation on one of them is.
    fn of_operation(operation: &str) -> Self {
        if operation.contains("Role") {
            Self::Role
        } else {
            Self::User
        }
    }

    /// The name that a call gives.
    fn named(self, form: &Form) -> Result<&str, ApiError> {
        form.required(&format!("{self:?}Name"))
    }

    /// As messages name it.
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }

    fn missing(self, name: &str) -> ApiError {
        missing(&format!("The {} with name {name} cannot be found.", self.word()))
    }
}

/// What several policies of one kind say.
fn together<'a>(documents: impl IntoIterator<Item = &'a Document>, question: &Question) -> Decision {
    documents.into_iter().fold(Decision::Silent, |so_far, document| {
        so_far.and(policy::identity(document, question))
    })
}

/// What is said of an operation that is not served, or that AWS has not either.
fn unknown(operation: &str) -> ApiError {
    let told = format!("Could not find operation {operation} for version 2010-05-08");
    ApiError::new("InvalidAction", told)
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

#[cfg(test)]
mod tests;
