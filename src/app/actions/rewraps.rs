//! Putting the data keys of tokens under another KMS key: asked for, looked at as a plan, agreed to.

use super::{asks, only_if};
use crate::app::command::Command;
use crate::app::form::{Blank, Filled, Form, TextKey};
use crate::app::format::{Line, Tone};
use crate::app::pane::Pane;
use crate::app::rests_on::rests_on;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::app::state::overlay::{Next, Overlay, Report};
use crate::app::state::target::Target;
use crate::domain::explain::is_of_aws;
use crate::domain::rewrap::{RewrapReport, RewrapSpec};
use crate::domain::{Door, KeyManager, KmsKey, ObjectRequest, ObjectRow, Request};

/// Refused ones that are named on screen.
const NAMED: usize = 200;
const PLANNED: &str = "What a re-wrap would do";

pub(in crate::app) const REWRAP: Action = Action {
    label: "re-wrap",
    help: "Put the data keys of a bucket, prefix or marked objects under another KMS key; a plan first",
    changes: true,
    offered: |state, target| only_if(place(state, target).is_some(), ""),
    begin: |state, target| {
        let spec = place(state, target)?;
        Some(Begin::Fill(form(state, spec)))
    },
};

/// The bucket under the cursor; where one is open the marked rows, else the row under the cursor, else the place shown.
pub(super) fn place(state: &State, target: &Target) -> Option<RewrapSpec> {
    if target.pane != Pane::Objects {
        return None;
    }
    let (bucket, mut prefixes, mut objects) = match &target.place {
        None => (target.bucket(state)?.clone(), vec![String::new()], Vec::new()),
        Some((bucket, _)) => (bucket.clone(), Vec::new(), Vec::new()),
    };
    if let Some((_, shown)) = &target.place {
        for row in state.objects.chosen() {
            match row {
                ObjectRow::Prefix { prefix } => prefixes.push(prefix.clone()),
                ObjectRow::Object { key, .. } => objects.push(key.clone()),
            }
        }
        if prefixes.is_empty() && objects.is_empty() {
            prefixes.push(shown.clone());
        }
    }
    Some(RewrapSpec {
        bucket,
        prefixes,
        objects,
        to: String::new(),
        context: None,
        delete_old: false,
    })
}

/// Asks for the key.
fn form(state: &State, spec: RewrapSpec) -> Form {
    let note =
        "KMS wraps each data key anew; the tokens stay where they are. First it is looked at what that would do.";
    let title = format!("Re-wrap {}", spec.place());
    let mut form = Blank::about((&spec.bucket, &spec.prefixes, &spec.objects), title, note);
    let fields = NewKey::ask(&mut form, state);
    let then = form.checks("Old key objects", [("delete if unused", false)]);
    form.reading(move |filled| {
        let [delete_old] = filled.checked(then);
        asks(ObjectRequest::PlanRewrap(Box::new(RewrapSpec {
            delete_old,
            ..fields.read(filled, spec.clone())?
        })))
    })
}

/// What data keys are to be under, as a form asks for it.
#[derive(Clone, Copy)]
pub(super) struct NewKey {
    to: TextKey,
    context: TextKey,
}

impl NewKey {
    pub(super) fn ask(form: &mut Blank, state: &State) -> Self {
        let is_usable = |key: &&KmsKey| {
            let detail = key.detail.as_ref();
            detail.is_none_or(|detail| detail.manager != KeyManager::Aws)
                && !key.aliases.iter().any(|name| is_of_aws(name))
        };
        let key = state.key().filter(is_usable).map(|key| match key.aliases.first() {
            Some(_) => format!("alias/{}", key.name()),
            None => key.arn.clone(),
        });
        Self {
            to: form.text("To the key", key.unwrap_or_default(), "id, ARN or alias/NAME"),
            context: form.text("New context", "", "K=V, K=V; empty: as it is"),
        }
    }

    pub(super) fn read(self, filled: &Filled<'_>, spec: RewrapSpec) -> Result<RewrapSpec, String> {
        let context = filled.pairs(self.context)?;
        let to = filled.required(self.to)?;
        if is_of_aws(&to) {
            return Err(format!("{to} is an AWS managed key: choose a customer managed key"));
        }
        Ok(RewrapSpec {
            to,
            context: (!context.is_empty()).then_some(context),
            ..spec
        })
    }
}

/// What it came to, to be read; of a plan Enter goes on to the question whether it is done.
pub(in crate::app) fn rewrapped(state: &mut State, request: &Request, report: &RewrapReport) -> Next {
    if !report.is_plan {
        // The plan has become what was done.
        state
            .overlays
            .retain(|overlay| !matches!(overlay, Overlay::Report(report) if report.title == PLANNED));
    }
    let then = match request {
        Request::Object(ObjectRequest::PlanRewrap(spec)) if report.is_plan && report.done.objects > 0 => {
            Some(Request::Object(ObjectRequest::Rewrap(spec.clone())))
        }
        _ => None,
    };
    let mut lines: Vec<Line> = report
        .lines(Door::Dashboard)
        .into_iter()
        .map(|line| Line::new(Tone::Plain, line))
        .collect();
    lines.extend(rests_on(report.rests_on.as_ref()));
    if !report.troubles.is_empty() {
        lines.push(Line::blank());
    }
    for row in report.troubles.iter().take(NAMED) {
        let why = row.why.as_deref().unwrap_or_default();
        let said = format!("s3://{}/{}: {}: {why}", report.bucket, row.key, row.state.as_str());
        lines.push(Line::new(Tone::Warn, said));
    }
    let more = (report.refused + report.failed).saturating_sub(NAMED as u64);
    if more > 0 {
        lines.push(Line::new(
            Tone::Warn,
            format!("and {more} more: `strongroom rewrap --json` names them all"),
        ));
    }
    if then.is_some() {
        let enter = state.settings.keymap.key(Command::Enter);
        lines.extend([
            Line::blank(),
            Line::new(Tone::Accent, format!("{enter} re-wraps them, after a question.")),
        ]);
    }
    let title = if report.is_plan { PLANNED } else { "Re-wrapped" };
    Next::show(Overlay::Report(Report::new(title, lines, then)))
}
