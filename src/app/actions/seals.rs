//! Sealing what is in S3 already: rotate, and encrypt where it is. A form asks how; a look ahead tells what would be done; then it
//! is asked about.

use std::collections::BTreeMap;

use super::{asks, only_if};
use crate::app::form::{Blank, ChecksKey, Filled, Form, TextKey};
use crate::app::pane::Pane;
use crate::app::requests;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::app::state::overlay::{Next, Overlay};
use crate::app::state::target::Target;
use crate::domain::seal::{SealAct, SealPlan, SealSpec, plan_lines};
use crate::domain::{Ask, Door, ObjectRow, ObjectUri, Request, SealRequest};

const CONTEXT: &str = "NAME=VALUE, …; may be empty";
const ELSEWHERE: &str = "Select a bucket, a prefix or objects first (3).";

pub(super) const ROTATE: Action = Action {
    label: "rotate data keys",
    help: "Tokens anew, each in its place, under a new data key",
    changes: true,
    offered: |state, target| only_if(scope(state, target).is_some(), ELSEWHERE),
    begin: |state, target| scope(state, target).map(|scope| Begin::Fill(rotation(scope))),
};

pub(super) const ENCRYPT: Action = Action {
    label: "encrypt in S3",
    help: "Plain objects into tokens, in place or to another prefix",
    changes: true,
    offered: |state, target| only_if(scope(state, target).is_some(), ELSEWHERE),
    begin: |state, target| scope(state, target).map(|scope| Begin::Fill(encryption(scope, &key(state, target)))),
};

/// Bucket, prefix, and what is marked under it.
pub(super) type Scope = (String, String, Vec<String>);

/// What is marked; else what the cursor is on, or the place shown where there is nothing.
pub(super) fn scope(state: &State, target: &Target) -> Option<Scope> {
    if target.pane != Pane::Objects {
        return None;
    }
    let Some((bucket, shown)) = &target.place else {
        return target
            .bucket(state)
            .map(|bucket| (bucket.clone(), String::new(), Vec::new()));
    };
    let is_here = state.place == target.place;
    let chosen = if is_here { state.objects.chosen() } else { Vec::new() };
    Some(match (chosen.as_slice(), target.object_row(state)) {
        ([_, _, ..], _) => {
            let keys = chosen.iter().map(|row| row.key().to_owned());
            (bucket.clone(), shown.clone(), keys.collect())
        }
        ([ObjectRow::Prefix { prefix }], _) | ([], Some(ObjectRow::Prefix { prefix })) => {
            (bucket.clone(), prefix.clone(), Vec::new())
        }
        ([row], _) => (bucket.clone(), shown.clone(), vec![row.key().to_owned()]),
        ([], Some(row)) => (bucket.clone(), shown.clone(), vec![row.key().to_owned()]),
        ([], None) => (bucket.clone(), shown.clone(), Vec::new()),
    })
}

/// The selected key as KMS is asked for it: by its alias, if it has one.
pub(super) fn key(state: &State, target: &Target) -> String {
    let listed = target.listed_key(state);
    let name = listed.map(|key| key.aliases.first().unwrap_or(&key.arn));
    name.or(target.key.as_ref()).cloned().unwrap_or_default()
}

pub(super) fn spec((bucket, prefix, places): &Scope, act: SealAct) -> SealSpec {
    SealSpec {
        bucket: bucket.clone(),
        prefix: prefix.clone(),
        places: places.clone(),
        act,
    }
}

fn named((bucket, prefix, places): &Scope) -> String {
    match places.as_slice() {
        [] => format!("s3://{bucket}/{prefix}"),
        [only] => format!("s3://{bucket}/{only}"),
        several => format!("{} marked places of s3://{bucket}/{prefix}", several.len()),
    }
}

fn rotation(scope: Scope) -> Form {
    let note = "Each token of strongroom is read to its end, sealed under a new data key, and replaced only if it held. What it \
                would do is shown first.";
    let mut form = Blank::about(&scope, format!("Rotate the data keys of {}", named(&scope)), note);
    let fields = Rotation::ask(&mut form);
    form.reading(move |filled| asks(SealRequest::Plan(spec(&scope, fields.read(filled)?))))
}

/// How tokens are rotated, as a form asks for it.
#[derive(Clone, Copy)]
pub(super) struct Rotation {
    key: TextKey,
    context: TextKey,
}

impl Rotation {
    pub(super) fn ask(form: &mut Blank) -> Self {
        Self {
            key: form.text("KMS key", "", "empty: each token's own"),
            context: form.text("Context", "", "empty: each token's own"),
        }
    }

    pub(super) fn read(self, filled: &Filled<'_>) -> Result<SealAct, String> {
        let context: BTreeMap<String, String> = filled.pairs(self.context)?;
        Ok(SealAct::Rotate {
            key: filled.optional(self.key),
            context: Some(context).filter(|context| !context.is_empty()),
            resume: true,
        })
    }
}

fn encryption(scope: Scope, key: &str) -> Form {
    let note = "Plain objects become tokens: in place, or at another prefix under the same names. Tokens, and what other clients \
                encrypted, are left. What it would do is shown first.";
    let mut form = Blank::about(&scope, format!("Encrypt {}", named(&scope)), note);
    let fields = Encryption::ask(&mut form, &scope, key);
    form.reading(move |filled| asks(SealRequest::Plan(spec(&scope, fields.read(filled)?))))
}

/// How plain objects are encrypted, and to where, as a form asks for it.
#[derive(Clone, Copy)]
pub(super) struct Encryption {
    to: TextKey,
    key: TextKey,
    context: TextKey,
    how: ChecksKey<2>,
}

impl Encryption {
    pub(super) fn ask(form: &mut Blank, (bucket, prefix, _): &Scope, key: &str) -> Self {
        Self {
            to: form.text("To", format!("s3://{bucket}/{prefix}"), "the same: in place"),
            key: form.text("KMS key", key, "id, ARN or alias/NAME"),
            context: form.text("Context", "", CONTEXT),
            how: form.checks("Also", [("overwrite objects", false), ("delete plain objects", false)]),
        }
    }

    pub(super) fn read(self, filled: &Filled<'_>) -> Result<SealAct, String> {
        let place = filled.required(self.to)?;
        let to = ObjectUri::parse(&place).filter(ObjectUri::is_prefix);
        let to = to.ok_or_else(|| format!("{place} is not s3://BUCKET/PREFIX/"))?;
        let [overwrite, delete_plain] = filled.checked(self.how);
        Ok(SealAct::Encrypt {
            to,
            key: filled.required(self.key)?,
            context: filled.pairs(self.context)?,
            data_key_name: None,
            overwrite,
            delete_plain,
        })
    }
}

/// The question whether what was looked ahead at is done; nothing where there is nothing to do.
pub(in crate::app) fn seal_planned(state: &State, plan: &SealPlan) -> Option<Next> {
    if plan.all().objects == 0 {
        return None;
    }
    let request = Request::Seal(SealRequest::Run(plan.spec.clone()));
    let mut question = requests::question(state, request, Ask::Yes, "")?;
    let mut lines = plan_lines(plan, Door::Dashboard);
    lines.append(&mut question.explanation);
    question.explanation = lines;
    Some(Next::show(Overlay::Confirm(question)))
}
