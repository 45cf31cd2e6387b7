//! What a session is asked to be opened with: its name, its policies, its tags and whose it is.

use super::validation;
use crate::api::bad_length;
use crate::iam::{Entity, Form, Opening, document};
use crate::policy::{Kind, Question};
use crate::prelude::*;

/// Characters that the policies of a session may have together.
const LONGEST: usize = 2048;

#[derive(Default)]
pub(super) struct Asked {
    pub(super) opening: Opening,
    external: Option<String>,
    /// Of this request, without those that are inherited.
    tags: BTreeMap<String, String>,
}

/// Reads the request; also the element that tells how much of the room for policies and tags is used.
pub(super) fn read(world: &World, caller: &Caller, form: &Form) -> Result<(Asked, String), ApiError> {
    let (limits, length) = limits(world, form)?;
    let tags = tags(form)?;
    let inherited = caller.opening.as_deref();
    let mut opening = Opening {
        name: form.required("RoleSessionName")?.to_owned(),
        limits,
        tags: tags.clone(),
        transitive: form.list("TransitiveTagKeys").into_iter().map(str::to_owned).collect(),
        source: form.text("SourceIdentity").map(str::to_owned),
    };
    if !opening.transitive.iter().all(|key| tags.contains_key(key)) {
        let told = "The specified transitive tag key must be included in the requested tags.";
        return Err(invalid(told));
    }
    for key in inherited.map_or(&[][..], |inherited| &inherited.transitive) {
        if tags.keys().any(|tag| tag.eq_ignore_ascii_case(key)) {
            return Err(invalid(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
            ));
        }
        let value = inherited.and_then(|inherited| inherited.tags.get(key)).cloned();
        opening.tags.insert(key.clone(), value.unwrap_or_default());
        opening.transitive.push(key.clone());
    }
    if let Some(source) = inherited.and_then(|inherited| inherited.source.clone()) {
        if opening.source.as_ref().is_some_and(|other| *other != source) {
            return Err(validation("The source identity of a session cannot be changed."));
        }
        opening.source = Some(source);
    }
    let length = length + tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let size = match length {
        0 => String::new(),
        length => format!(
            "<PackedPolicySize>{}</PackedPolicySize>",
            (length * 100).div_ceil(LONGEST)
        ),
    };
    let source = opening.source.as_deref();
    let source = source.map_or_else(String::new, |source| {
        format!("<SourceIdentity>{source}</SourceIdentity>")
    });
    let external = form.text("ExternalId").map(str::to_owned);
    Ok((
        Asked {
            opening,
            external,
            tags,
        },
        size + &source,
    ))
}

/// The policies that are to limit the session, and how long they are together.
fn limits(world: &World, form: &Form) -> Result<(Option<Vec<crate::policy::Document>>, usize), ApiError> {
    let mut limits = Vec::new();
    let mut length = 0;
    if let Some(text) = form.text("Policy") {
        at_most(LONGEST, text.chars().count(), "policy")?;
        length = text.len();
        limits.push(document(text, Kind::Inline)?);
    }
    let arns = form.structures("PolicyArns");
    at_most(10, arns.len(), "policyArns")?;
    for arn in &arns {
        let arn = arn.required("arn")?;
        length += arn.len();
        // Of the role's account; where that is not there, the role is not either.
        if let Some(iam) = world.iam_of(form.required("RoleArn")?) {
            limits.push(iam.attachable(arn)?.clone());
        }
    }
    Ok(((!limits.is_empty()).then_some(limits), length))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

/// Refuses a member of more items or characters than `most`.
fn at_most(most: usize, length: usize, member: &str) -> Result<(), ApiError> {
    bad_length(length, member, 0..=most).map_err(validation)
}

fn tags(form: &Form) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in form.structures("Tags") {
        let (key, value) = (tag.required("Key")?, tag.text("Value").unwrap_or_default());
        if key.len() > 128 || value.len() > 256 || key.to_lowercase().starts_with("aws:") {
            return Err(validation(format!("The tag '{key}' is not valid.")));
        }
        if tags.keys().any(|other: &String| other.eq_ignore_ascii_case(key)) {
            let told = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(invalid(told));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    at_most(50, tags.len(), "tags")?;
    Ok(tags)
}

impl Asked {
    pub(super) fn named(name: &str) -> Self {
        Self {
            opening: Opening::named(name),
            ..Self::default()
        }
    }

    /// What must be allowed.
    pub(super) fn actions(&self) -> impl Iterator<Item = &'static str> + use<> {
        let tagged = (!self.opening.tags.is_empty()).then_some("sts:TagSession");
        let sourced = self.opening.source.is_some().then_some("sts:SetSourceIdentity");
        ["sts:AssumeRole"].into_iter().chain(tagged).chain(sourced)
    }

    /// What the policies may ask for, of one value each.
    pub(super) fn context(&self, mut facts: BTreeMap<String, String>, role: &Entity) -> BTreeMap<String, String> {
        let mut say = |name: String, value: &str| facts.insert(name, value.to_owned());
        say("sts:RoleSessionName".to_owned(), &self.opening.name);
        if let Some(external) = &self.external {
            say("sts:ExternalId".to_owned(), external);
        }
        if let Some(source) = &self.opening.source {
            say("sts:SourceIdentity".to_owned(), source);
        }
        for (key, value) in &self.tags {
            say(format!("aws:RequestTag/{key}"), value);
        }
        for (key, value) in &role.tags {
            say(format!("aws:ResourceTag/{key}"), value);
            say(format!("iam:ResourceTag/{key}"), value);
        }
        facts
    }

    pub(super) fn question<'a>(
        &self,
        caller: &'a Caller,
        action: &'a str,
        role: &'a str,
        context: &'a BTreeMap<String, String>,
    ) -> Question<'a> {
        Question::new(caller, action, role, context)
            .with("aws:TagKeys", self.tags.keys().cloned().collect())
            .with("sts:TransitiveTagKeys", self.opening.transitive.clone())
    }
}
