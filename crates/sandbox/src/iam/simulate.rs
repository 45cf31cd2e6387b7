//! SimulatePrincipalPolicy and SimulateCustomPolicy: what policies say about actions, without acting.
//!
//! The facts of a simulation are those that it is given and what is known of the principal; what the policies ask for
//! besides is named as missing.

use std::borrow::Cow;
use std::fmt::Write;

use super::credentials::caller_of;
use super::form::{Form, elements, escape};
use super::{EntityKind, Iam, missing};
use crate::policy::{self, Decision, Document, Guard, Kind, Own, Question};
use crate::prelude::*;

mod position;

/// The policies of a simulation.
struct Scene<'a> {
    caller: Caller,
    identity: Vec<Source<'a>>,
    /// At most one counts, as AWS has it.
    boundary: Vec<Source<'a>>,
    resource: Option<Source<'a>>,
    /// Whose the resources are.
    owner: String,
}

/// A policy, and as what the simulator names it.
struct Source<'a> {
    id: String,
    document: Cow<'a, Document>,
}

/// What comes out for one action and one resource.
struct Outcome {
    decision: &'static str,
    matched: String,
    missing: Vec<String>,
    /// What the boundary says, if there is one.
    within: Option<bool>,
    details: String,
}

pub(super) fn principal(iam: &Iam, by: &Caller, form: &Form) -> Result<String, ApiError> {
    let caller = asked_about(iam, by, form.required("PolicySourceArn")?)?;
    let (kind, name, entity) = match &caller.principal {
        Principal::User(name) => ("user", name, iam.find(EntityKind::User, name)?),
        Principal::Session { role, .. } => ("role", role, iam.find(EntityKind::Role, role)?),
        Principal::Service(_) => return Err(missing("The principal does not exist.")),
    };
    let managed = |arn: &'_ String| {
        let id = arn.rsplit('/').next().unwrap_or(arn).to_owned();
        Some(Source::known(id, iam.document(arn)?))
    };
    let mut identity: Vec<Source> = entity.attached.iter().filter_map(managed).collect();
    for (policy, document) in &entity.inline {
        identity.push(Source::known(format!("{kind}_{name}_{policy}"), document));
    }
    identity.extend(given(form, "PolicyInputList")?);
    let mut boundary = given(form, "PermissionsBoundaryPolicyInputList")?;
    if boundary.is_empty() {
        boundary.extend(entity.boundary.as_ref().and_then(managed));
    }
    let asking = match form.text("CallerArn") {
        Some(arn) => asked_about(iam, by, arn)?,
        None => caller.clone(),
    };
    scene(asking, identity, boundary, form)?.answer(form)
}

pub(super) fn custom(iam: &Iam, by: &Caller, form: &Form) -> Result<String, ApiError> {
    let caller = match form.text("CallerArn") {
        Some(arn) => asked_about(iam, by, arn)?,
        None => {
            let account = &by.place.account;
            let root = format!("arn:aws:iam::{account}:root");
            Caller::new(Principal::User(String::new()), &by.place, &root, account)
        }
    };
    let identity = given(form, "PolicyInputList")?;
    if identity.is_empty() {
        form.required("PolicyInputList")?;
    }
    let boundary = given(form, "PermissionsBoundaryPolicyInputList")?;
    scene(caller, identity, boundary, form)?.answer(form)
}

fn scene<'a>(
    caller: Caller,
    identity: Vec<Source<'a>>,
    boundary: Vec<Source<'a>>,
    form: &Form,
) -> Result<Scene<'a>, ApiError> {
    let resource = form.text("ResourcePolicy");
    let resource = resource.map(|text| Source::read("ResourcePolicy".to_owned(), text, Kind::Resource));
    let resource = resource.transpose()?;
    let owner = form.text("ResourceOwner");
    let owner = owner.map(|arn| arn.split(':').nth(4).unwrap_or(arn));
    Ok(Scene {
        owner: owner.unwrap_or(caller.account()).to_owned(),
        caller,
        identity,
        boundary,
        resource,
    })
}

/// The policies that a list of the request holds.
fn given<'a>(form: &Form, list: &str) -> Result<Vec<Source<'a>>, ApiError> {
    let texts = form.list(list).into_iter().enumerate();
    texts
        .map(|(index, text)| Source::read(format!("{list}.{}", index + 1), text, Kind::Inline))
        .collect()
}

impl<'a> Source<'a> {
    fn known(id: String, document: &'a Document) -> Self {
        let document = Cow::Borrowed(document);
        Self { id, document }
    }

    fn read(id: String, text: &str, kind: Kind) -> Result<Self, ApiError> {
        let document = Document::checked(text, kind)
            .map_err(|wrong| ApiError::new("InvalidInput", format!("{id} is not valid: {wrong}")))?;
        let document = Cow::Owned(document);
        Ok(Self { id, document })
    }

    /// The elements of the statements of one effect that speak of what is asked.
    fn matched(&self, kind: &str, statements: &[usize]) -> String {
        statements.iter().fold(String::new(), |mut xml, index| {
            let _ = write!(
                xml,
                "<member><SourcePolicyId>{}</SourcePolicyId><SourcePolicyType>{kind}</SourcePolicyType>{}</member>",
                escape(&self.id),
                position::shown(self.document.text(), *index)
            );
            xml
        })
    }
}

impl Scene<'_> {
    fn answer(&self, form: &Form) -> Result<String, ApiError> {
        let actions = form.list("ActionNames");
        if actions.is_empty() {
            form.required("ActionNames")?;
        }
        let resources = form.list("ResourceArns");
        let mut facts = BTreeMap::new();
        for entry in form.structures("ContextEntries") {
            let values = entry.list("ContextKeyValues").into_iter().map(str::to_owned).collect();
            facts.insert(entry.required("ContextKeyName")?.to_owned(), values);
        }
        let about = |action| self.about(action, &resources, &facts);
        let members: Vec<String> = actions.into_iter().map(about).collect();
        let start: usize = form.text("Marker").and_then(|marker| marker.parse().ok()).unwrap_or(0);
        let end = start.saturating_add(form.number("MaxItems").map_or(100, |limit| limit as usize));
        let page = members.iter().skip(start).take(end - start);
        let page: String = page.map(String::as_str).collect();
        let more = if end < members.len() {
            format!("<IsTruncated>true</IsTruncated><Marker>{end}</Marker>")
        } else {
            "<IsTruncated>false</IsTruncated>".to_owned()
        };
        Ok(format!("<EvaluationResults>{page}</EvaluationResults>{more}"))
    }

    /// One action: of several resources the strictest decision, and each for itself below it.
    fn about(&self, action: &str, resources: &[&str], facts: &BTreeMap<String, Vec<String>>) -> String {
        let asked = if resources.is_empty() { &["*"] } else { resources };
        let decide = |resource: &&str| self.decide(action, resource, facts);
        let outcomes: Vec<Outcome> = asked.iter().map(decide).collect();
        let strictest = ["explicitDeny", "implicitDeny"]
            .into_iter()
            .find(|decision| outcomes.iter().any(|outcome| outcome.decision == *decision))
            .unwrap_or("allowed");
        let name = match asked {
            [one] => *one,
            _ if action.to_lowercase().starts_with("s3:") => "arn:aws:s3:::${BucketName}/${KeyName}",
            _ => "*",
        };
        let (matched, missing, details) = match &outcomes[..] {
            [one] => (one.matched.as_str(), one.missing.as_slice(), one.details.as_str()),
            _ => ("", &[][..], ""),
        };
        let mut xml = format!(
            "<member><EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName><EvalDecision>{strictest}</EvalDecision><MatchedStatements>{matched}</MatchedStatements>{}{}",
            escape(action),
            escape(name),
            missing_values(missing),
            self.within(outcomes.iter().all(|outcome| outcome.within != Some(false))),
        );
        if !resources.is_empty() {
            let _ = write!(
                xml,
                "<EvalDecisionDetails>{details}</EvalDecisionDetails><ResourceSpecificResults>"
            );
            for (resource, outcome) in asked.iter().zip(&outcomes) {
                let _ = write!(
                    xml,
                    "<member><EvalResourceName>{}</EvalResourceName><EvalResourceDecision>{}</EvalResourceDecision><MatchedStatements>{}</MatchedStatements>{}{}</member>",
                    escape(resource),
                    outcome.decision,
                    outcome.matched,
                    missing_values(&outcome.missing),
                    self.within(outcome.within.unwrap_or(true)),
                );
            }
            xml.push_str("</ResourceSpecificResults>");
        }
        xml + "</member>"
    }

    fn within(&self, within: bool) -> String {
        if self.boundary.is_empty() {
            return String::new();
        }
        format!(
            "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>{within}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>"
        )
    }

    fn decide(&self, action: &str, resource: &str, facts: &BTreeMap<String, Vec<String>>) -> Outcome {
        let question = Question::simulated(&self.caller, action, resource, facts);
        let together = |sources: &[Source]| {
            sources.iter().fold(Decision::Silent, |so_far, source| {
                so_far.and(policy::identity(&source.document, &question))
            })
        };
        let own = Own {
            identity: together(&self.identity),
            boundary: (!self.boundary.is_empty()).then(|| together(&self.boundary)),
            session: None,
        };
        let policy = self.resource.as_ref().map(|source| source.document.as_ref());
        let guard = Guard::new(policy, &self.owner, false);
        let decision = match guard.lets(&question, own) {
            Ok(()) => "allowed",
            Err(refusal) if refusal.is_explicit => "explicitDeny",
            Err(_) => "implicitDeny",
        };
        let mut matched = String::new();
        let mut missing = Vec::new();
        for (kind, sources) in [
            ("IAM Policy", &self.identity[..]),
            ("Permissions Boundary Policy", &self.boundary),
            ("Resource Policy", self.resource.as_slice()),
        ] {
            for source in sources {
                let of_resource = kind == "Resource Policy";
                let wanted = match decision {
                    "explicitDeny" => Some(Decision::Denied),
                    // A boundary allows nothing by itself.
                    "allowed" if !kind.starts_with("Permissions") => Some(Decision::Allowed),
                    _ => None,
                };
                let found =
                    policy::statements_that(&source.document, &question, wanted, of_resource, own.boundary.is_some());
                matched += &source.matched(kind, &found);
                missing.extend(policy::missing_keys(&source.document, &question));
            }
        }
        missing.sort();
        missing.dedup();
        let mut details = String::new();
        if self.owner != self.caller.account() {
            let word = |said| match said {
                Decision::Allowed => "allowed",
                Decision::Denied => "explicitDeny",
                Decision::Silent => "implicitDeny",
            };
            let resource = guard.says(&question, own.boundary.is_some());
            for (kind, said) in [("IAM Policy", own.identity), ("Resource Policy", resource)] {
                let _ = write!(details, "<entry><key>{kind}</key><value>{}</value></entry>", word(said));
            }
        }
        Outcome {
            decision,
            matched,
            missing,
            within: own.boundary.map(|said| said == Decision::Allowed),
            details,
        }
    }
}

fn missing_values(keys: &[String]) -> String {
    let member = |key: &String| elements(&[("member", key)]);
    let members: String = keys.iter().map(member).collect();
    format!("<MissingContextValues>{members}</MissingContextValues>")
}

/// The user, or a session of the role, that the ARN names.
fn asked_about(iam: &Iam, by: &Caller, arn: &str) -> Result<Caller, ApiError> {
    let role = iam.role_by_arn(arn);
    let session = role.and_then(|(name, _)| iam.session(name, "simulated", &by.place.region));
    let user = || iam.users.iter().find(|(_, user)| user.arn == arn);
    let found = session.or_else(|| user().map(|(name, user)| caller_of(name, user, &by.place)));
    found.ok_or_else(|| missing(&format!("{arn} does not exist.")))
}
