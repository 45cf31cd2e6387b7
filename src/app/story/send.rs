//! A filled form -> requests, at once or after one more question.

use std::collections::BTreeMap;

use super::{RENAMED, STRIPPED};
use crate::app::Effect;
use crate::app::asking;
use crate::app::continuation::Continuation;
use crate::app::form::{Form, Purpose};
use crate::app::more::{self, More, listed, pairs};
use crate::app::overlay::Overlay;
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::text;
use crate::domain::{
    AccountRequest, Ask, GrantConstraint, GrantRequest, GrantSpec, JobRequest, JobSpec, KeyRequest, KeySpec,
    ObjectRequest, ProofRequest, Request,
};

/// Sends a filled form; or says why it cannot be sent yet. The form stays until what it asked for has come out well.
pub(in crate::app) fn send(state: &mut State, form: Form, effects: &mut Vec<Effect>) -> Result<(), (Form, String)> {
    if let Purpose::More(More::AllowRole, target) = &form.purpose {
        let (target, role) = (target.clone(), form.value("Role"));
        if role.is_empty() {
            return Err((form, "Role is missing".to_owned()));
        }
        more::allow_role(state, &target, role, form, effects);
        return Ok(());
    }
    let requests = match requests(state, &form) {
        Ok(requests) => requests,
        Err(problem) => return Err((form, problem)),
    };
    let boxed = Box::new(form.clone());
    let continuation = match (&form.purpose, requests.as_slice()) {
        (Purpose::Prefix(bucket), _) => {
            state.place = Some((bucket.clone(), prefix(&form)));
            state.objects.reset();
            return Ok(());
        }
        (Purpose::Key, [Request::Key(KeyRequest::DraftPolicy { .. })]) => match key_spec(&form) {
            Ok(spec) => Continuation::NewKey(Box::new(spec), boxed),
            Err(problem) => return Err((form, problem)),
        },
        (Purpose::Job(..), [Request::Job(JobRequest::Start(_))]) => {
            state.focus = Pane::Jobs;
            Continuation::Form(boxed)
        }
        (_, [request]) => {
            if let Some(question) = asking::question(state, request.clone(), Ask::Never, "") {
                state.overlays.push(Overlay::Form(form));
                state.overlays.push(Overlay::Confirm(question));
                return Ok(());
            }
            Continuation::Form(boxed)
        }
        _ => Continuation::Form(boxed),
    };
    let mut continuation = Some(continuation);
    for request in requests {
        let continuation = continuation.take().unwrap_or(Continuation::Nothing);
        state.begin(request, continuation, effects);
    }
    Ok(())
}

/// What a filled form asks for; or why it cannot be asked yet.
pub(in crate::app) fn requests(state: &State, form: &Form) -> Result<Vec<Request>, String> {
    let required = |label: &str| match form.value(label) {
        value if value.is_empty() => Err(format!("{label} is missing")),
        value => Ok(value),
    };
    Ok(vec![match &form.purpose {
        Purpose::Key => new_key(state, form)?,
        Purpose::Grant(key_arn) => new_grant(key_arn, form)?,
        Purpose::More(more, target) => more::request(*more, target, form)?,
        Purpose::Proof(key_arn) => Request::Proof(ProofRequest::Access {
            key_arn: key_arn.clone(),
            role_arn: required("Role")?,
            trust: false,
        }),
        Purpose::Bucket => Request::Object(ObjectRequest::CreateBucket {
            bucket: required("Name")?,
        }),
        Purpose::Prefix(_) => return Ok(Vec::new()),
        Purpose::Job(bucket, object) => {
            let spec = Box::new(JobSpec {
                role_arn: required("Role")?,
                name: required("Name")?,
                image: required("Image")?,
                instance_type: required("Instance")?,
                instance_count: number(form, "Count")?,
                volume_gb: number(form, "Volume GB")?,
                max_runtime: number(form, "Longest run")?,
                output: required("Output")?,
                bucket: bucket.clone(),
                object: object.clone(),
                hyperparameters: BTreeMap::new(),
                moved_from: Some(form.value("Moved from")).filter(|from| !from.is_empty()),
            });
            if form.checked("Instead").is_empty() {
                Request::Job(JobRequest::Start(spec))
            } else {
                Request::Job(JobRequest::Preflight(spec))
            }
        }
        Purpose::SaveAudit => Request::Account(AccountRequest::SaveAudit {
            to: state.dir.join(required("To")?),
        }),
        Purpose::SaveLog(job) => Request::Job(JobRequest::SaveLog {
            job: job.clone(),
            to: state.dir.join(required("To")?),
        }),
        Purpose::Decrypt(bucket, objects) => return decryptions(state, form, bucket, objects),
        Purpose::Deletion(key_arn) => {
            let days = number(form, "Days")?;
            if !(7..=30).contains(&days) {
                return Err("Days must be 7 to 30".to_owned());
            }
            Request::Key(KeyRequest::ScheduleDeletion {
                key_arn: key_arn.clone(),
                days,
            })
        }
    }])
}

fn number(form: &Form, label: &str) -> Result<i32, String> {
    let value = form.value(label);
    value.parse().map_err(|_| format!("{label}: {value} is not a number"))
}

fn prefix(form: &Form) -> String {
    let prefix = form.value("Prefix");
    let ends_well = prefix.is_empty() || prefix.ends_with('/');
    if ends_well { prefix } else { prefix + "/" }
}

fn decryptions(state: &State, form: &Form, bucket: &str, objects: &[String]) -> Result<Vec<Request>, String> {
    let several = objects.len() > 1;
    let label = if several { "Into the folder" } else { "To" };
    let to = form.value(label);
    if to.is_empty() {
        return Err(format!("{label} is missing"));
    }
    let to = state.dir.join(to);
    let accepted = form.checked("Open it");
    let decryption = |object: &String| {
        let base = text::last_part(object);
        let to = if several {
            to.join(base.strip_suffix(".tar.gz").unwrap_or(base))
        } else {
            to.clone()
        };
        Request::Object(ObjectRequest::Decrypt {
            bucket: bucket.to_owned(),
            object: object.clone(),
            to,
            overwrite: false,
            accept_name: accepted.iter().any(|choice| choice == RENAMED),
            accept_unbound: accepted.iter().any(|choice| choice == STRIPPED),
        })
    };
    Ok(objects.iter().map(decryption).collect())
}

/// The new key, or first its policy to be looked at.
fn new_key(state: &State, form: &Form) -> Result<Request, String> {
    let spec = key_spec(form)?;
    let (administrators, users) = (listed(&form.value("Administrators")), listed(&form.value("Users")));
    let me = state.identity.as_ref().map(|who| who.arn.clone());
    let is_plain = users.is_empty() && (administrators.is_empty() || Some(administrators.join(",")) == me);
    let wants_look = form
        .checked("And")
        .iter()
        .any(|choice| choice == "show me the policy first");
    if is_plain && !wants_look {
        return Ok(Request::Key(KeyRequest::New(Box::new(spec))));
    }
    Ok(Request::Key(KeyRequest::DraftPolicy { administrators, users }))
}

fn key_spec(form: &Form) -> Result<KeySpec, String> {
    Ok(KeySpec {
        description: form.value("Description"),
        alias: form.value("Alias"),
        spec: form.value("Spec"),
        usage: form.value("Usage"),
        policy: None,
        tags: pairs(&form.value("Tags"))?,
        rotation: form.checked("And").iter().any(|choice| choice == "rotate every year"),
    })
}

fn new_grant(key_arn: &str, form: &Form) -> Result<Request, String> {
    let operations = form.checked("Operations");
    if operations.is_empty() {
        return Err("Check at least one operation".to_owned());
    }
    let grantee = form.value("Role");
    if grantee.is_empty() {
        return Err("Role is missing".to_owned());
    }
    let context: Vec<(String, String)> = pairs(&form.value("Context"))?.into_iter().collect();
    let constraint = match (context.is_empty(), form.checked("The context").is_empty()) {
        (true, _) => None,
        (false, true) => Some(GrantConstraint::ContextSubset(context)),
        (false, false) => Some(GrantConstraint::ContextEquals(context)),
    };
    Ok(Request::Grant(GrantRequest::New(Box::new(GrantSpec {
        key_arn: key_arn.to_owned(),
        grantee,
        operations,
        constraint,
        name: Some(form.value("Name")).filter(|name| !name.is_empty()),
        retiring: None,
    }))))
}
