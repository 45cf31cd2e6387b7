//! The versions of customer managed policies: up to five, one of them the one that is in force.

use super::calls::{encoded, list};
use super::form::Form;
use super::limits;
use super::policies::{document, no_policy};
use super::{Iam, Policy, conflict, managed, missing};
use crate::api::{broken, refuse_if};
use crate::policy::{Document, Kind};
use crate::prelude::*;

/// Versions of a policy.
const MOST: usize = 5;

#[derive(Clone, Serialize, Deserialize)]
struct Version {
    created: Timestamp,
    document: Document,
}

/// A policy's documents by their numbers; one that is deleted gives its number to no other.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Versions {
    all: BTreeMap<u32, Version>,
    default: u32,
    last: u32,
    /// When the default became another one.
    pub(super) updated: Timestamp,
}

impl Versions {
    pub(super) fn first(document: Document, created: Timestamp) -> Self {
        Self {
            all: BTreeMap::from([(1, Version { created, document })]),
            default: 1,
            last: 1,
            updated: created,
        }
    }

    /// The document in force.
    pub(super) fn document(&self) -> Option<&Document> {
        self.all.get(&self.default).map(|version| &version.document)
    }

    /// `v1`, say.
    pub(super) fn default(&self) -> String {
        format!("v{}", self.default)
    }

    pub(super) fn is_one(&self) -> bool {
        self.all.len() == 1
    }

    fn row(&self, number: u32, version: &Version) -> String {
        let (id, created) = (format!("v{number}"), version.created.to_string());
        row(&id, number == self.default, &created)
    }
}

/// Performs an operation on versions; nothing for one of another kind.
pub(super) fn perform(iam: &mut Iam, operation: &str, form: &Form) -> Option<Result<String, ApiError>> {
    Some(match operation {
        "CreatePolicyVersion" => create(iam, form),
        "GetPolicyVersion" => get(iam, form),
        "ListPolicyVersions" => versions(iam, form),
        "SetDefaultPolicyVersion" => set_default(iam, form),
        "DeletePolicyVersion" => delete(iam, form),
        _ => return None,
    })
}

fn create(iam: &mut Iam, form: &Form) -> Result<String, ApiError> {
    let arn = form.required("PolicyArn")?;
    let text = form.required("PolicyDocument")?;
    limits::managed(text)?;
    let document = document(text, Kind::Managed)?;
    let created = iam.clock.now();
    change(iam, arn, |policy| {
        let versions = &mut policy.versions;
        if versions.all.len() >= MOST {
            return Err(limits::exceeded(format!(
                "A managed policy can have up to {MOST} versions. Before you create a new version, you must delete an existing version."
            )));
        }
        versions.last += 1;
        if form.text("SetAsDefault") == Some("true") {
            (versions.default, versions.updated) = (versions.last, created);
        }
        let version = Version { created, document };
        let row = versions.row(versions.last, &version);
        versions.all.insert(versions.last, version);
        Ok(format!("<PolicyVersion>{row}</PolicyVersion>"))
    })
}

fn get(iam: &Iam, form: &Form) -> Result<String, ApiError> {
    let (arn, id) = (form.required("PolicyArn")?, form.required("VersionId")?);
    let number = number(id)?;
    let (document, row) = if let Some(policy) = iam.policies.get(arn) {
        let version = policy.versions.all.get(&number).ok_or_else(|| no_version(arn, id))?;
        (&version.document, policy.versions.row(number, version))
    } else {
        let of_aws = managed::find(arn).ok_or_else(|| no_policy(arn))?;
        refuse_if(id != of_aws.version, || no_version(arn, id))?;
        (&of_aws.document, row(id, true, of_aws.updated))
    };
    let document = encoded(document);
    Ok(format!(
        "<PolicyVersion><Document>{document}</Document>{row}</PolicyVersion>"
    ))
}

fn versions(iam: &Iam, form: &Form) -> Result<String, ApiError> {
    let arn = form.required("PolicyArn")?;
    let rows: Vec<(String, String)> = if let Some(policy) = iam.policies.get(arn) {
        // The newest first; pages go on behind a name.
        let place = |number: u32| format!("{:010}", u32::MAX - number);
        let rows = policy.versions.all.iter().rev();
        rows.map(|(number, version)| (place(*number), policy.versions.row(*number, version)))
            .collect()
    } else {
        let of_aws = managed::find(arn).ok_or_else(|| no_policy(arn))?;
        vec![(of_aws.version.to_owned(), row(of_aws.version, true, of_aws.updated))]
    };
    Ok(list(form, "Versions", rows.into_iter(), |row| row))
}

fn set_default(iam: &mut Iam, form: &Form) -> Result<String, ApiError> {
    let (arn, id) = (form.required("PolicyArn")?, form.required("VersionId")?);
    let (number, now) = (number(id)?, iam.clock.now());
    change(iam, arn, |policy| {
        refuse_if(!policy.versions.all.contains_key(&number), || no_version(arn, id))?;
        (policy.versions.default, policy.versions.updated) = (number, now);
        Ok(String::new())
    })
}

fn delete(iam: &mut Iam, form: &Form) -> Result<String, ApiError> {
    let (arn, id) = (form.required("PolicyArn")?, form.required("VersionId")?);
    let number = number(id)?;
    change(iam, arn, |policy| {
        if policy.versions.default == number {
            return Err(conflict("Cannot delete the default version of a policy."));
        }
        let gone = policy.versions.all.remove(&number);
        gone.map(|_| String::new()).ok_or_else(|| no_version(arn, id))
    })
}

fn change(
    iam: &mut Iam,
    arn: &str,
    change: impl FnOnce(&mut Policy) -> Result<String, ApiError>,
) -> Result<String, ApiError> {
    iam.policies.change(arn, change).ok_or_else(|| no_policy(arn))?
}

/// The number of a version by its id.
fn number(id: &str) -> Result<u32, ApiError> {
    let digits = id.strip_prefix('v').filter(|digits| !digits.starts_with(['0', '+']));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        let rule = "satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?";
        ApiError::new("ValidationError", broken(Some(id), "versionId", rule))
    })
}

fn row(id: &str, is_default: bool, created: &str) -> String {
    format!(
        "<VersionId>{id}</VersionId><IsDefaultVersion>{is_default}</IsDefaultVersion><CreateDate>{created}</CreateDate>"
    )
}

fn no_version(arn: &str, id: &str) -> ApiError {
    let told = format!("Policy {arn} version {id} does not exist or is not attachable.");
    missing(&told)
}
