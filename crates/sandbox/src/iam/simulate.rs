//! SimulatePrincipalPolicy: what the policies of a user or role say about actions, without acting.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::credentials::caller_of;
use super::form::{Form, escape};
use super::{Iam, missing};
use crate::api::ApiError;
use crate::identity::Caller;
use crate::policy::{Decision, Question};

pub(super) fn principal(iam: &Iam, form: &Form) -> Result<String, ApiError> {
    let arn = form.required("PolicySourceArn")?;
    let caller = asked_about(iam, arn)?;
    let actions = form.list("ActionNames");
    if actions.is_empty() {
        return Err(ApiError::new(
            "ValidationError",
            "1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member must not be null",
        ));
    }
    let resources = match form.list("ResourceArns") {
        none if none.is_empty() => vec!["*"],
        resources => resources,
    };
    let entries = form.structures("ContextEntries");
    let mut members = String::new();
    for action in &actions {
        for resource in &resources {
            let mut question = Question::new(&caller, action, resource, &BTreeMap::new());
            for entry in &entries {
                let values = entry.list("ContextKeyValues").into_iter().map(str::to_owned).collect();
                question = question.with(entry.required("ContextKeyName")?, values);
            }
            let decision = match iam.own(&caller, &question).identity {
                Decision::Allowed => "allowed",
                Decision::Denied => "explicitDeny",
                Decision::Silent => "implicitDeny",
            };
            let _ = write!(
                members,
                "<member><EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName><EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues/></member>",
                escape(action),
                escape(resource)
            );
        }
    }
    Ok(format!(
        "<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>"
    ))
}

/// The user, or a session of the role, that the ARN names.
fn asked_about(iam: &Iam, arn: &str) -> Result<Caller, ApiError> {
    if let Some((name, _)) = iam.role_by_arn(arn) {
        return iam
            .session(name, "simulated")
            .ok_or_else(|| missing(&format!("{arn} does not exist.")));
    }
    let found = iam.users.iter().find(|(_, user)| user.arn == arn);
    let (name, user) = found.ok_or_else(|| missing(&format!("{arn} does not exist.")))?;
    Ok(caller_of(name, user))
}
