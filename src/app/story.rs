//! The rest of the main job by keystrokes: grant a role the use of the key, train on an object as a role, follow a job's
//! log, decrypt an object beside the local files.

use std::collections::BTreeMap;

use super::state::{Confirm, Pane, State, Then};
use super::{Effect, KeyCode};
use crate::domain::{JobSpec, JobStatus, LogLine, ObjectRow, Request, RoleSummary, TrainingJob};

/// How many lines of a log are kept: the newest.
const LOG_LINES: usize = 5000;

/// A role is being chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What the role is for.
    pub purpose: Purpose,
    /// The row under the cursor.
    pub selected: usize,
}

/// What a role is chosen for.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// To use this key (ARN).
    Grant(String),
    /// To train on this object: bucket and key.
    Train(String, String),
}

/// The log of a job, open on screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The job's name.
    pub job: String,
    /// Its newest lines.
    pub lines: Vec<LogLine>,
}

impl Log {
    /// Appends what was written since.
    pub(super) fn append(&mut self, lines: Vec<LogLine>) {
        self.lines.extend(lines);
        let excess = self.lines.len().saturating_sub(LOG_LINES);
        self.lines.drain(..excess);
    }
}

/// Roles in the order of the question: those that SageMaker may assume first.
pub fn roles_by_use(roles: &[RoleSummary]) -> Vec<&RoleSummary> {
    let mut sorted: Vec<&RoleSummary> = roles.iter().collect();
    sorted.sort_by_key(|role| (!role.trusts_sagemaker, role.name.clone()));
    sorted
}

/// Opens the question for a role.
pub(super) fn choose(state: &mut State) {
    let purpose = match (state.focus, &state.place, state.objects.current()) {
        (Pane::Objects, Some((bucket, _)), Some(ObjectRow::Object { key, .. })) => {
            Purpose::Train(bucket.clone(), key.clone())
        }
        (Pane::Keys | Pane::Grants, ..) => match state.keys.current() {
            Some(key) => Purpose::Grant(key.arn.clone()),
            None => return,
        },
        _ => {
            state.say("To grant, go to keys (1) or grants (2); to train, choose an encrypted object (3).".to_owned());
            return;
        }
    };
    state.choice = Some(Choice { purpose, selected: 0 });
}

/// A key pressed while a role is being chosen.
pub(super) fn chosen(state: &mut State, choice: Choice, key: KeyCode, effects: &mut Vec<Effect>) {
    let last = state.roles.len().saturating_sub(1);
    let selected = match key {
        KeyCode::Esc | KeyCode::Char('q') => return,
        KeyCode::Down | KeyCode::Char('j') => (choice.selected + 1).min(last),
        KeyCode::Up | KeyCode::Char('k') => choice.selected.saturating_sub(1),
        KeyCode::Enter => {
            let role = roles_by_use(&state.roles)
                .get(choice.selected)
                .map(|role| role.arn.clone());
            if let Some(role) = role {
                go(state, choice.purpose, role, effects);
            }
            return;
        }
        _ => choice.selected,
    };
    state.choice = Some(Choice { selected, ..choice });
}

fn go(state: &mut State, purpose: Purpose, role: String, effects: &mut Vec<Effect>) {
    match purpose {
        Purpose::Grant(key_arn) => {
            let title = format!("grant {}", last_part(&role));
            let operations = vec!["Decrypt".to_owned(), "Encrypt".to_owned()];
            state.start(
                Request::CreateGrant {
                    key_arn,
                    grantee: role,
                    operations,
                    name: None,
                },
                title,
                effects,
            );
        }
        Purpose::Train(bucket, object) => {
            let account = state
                .identity
                .as_ref()
                .map(|who| who.account.clone())
                .unwrap_or_default();
            let region = state.settings.region.clone().unwrap_or_default();
            let name = format!("train-{}", state.now.strftime("%Y%m%d-%H%M%S"));
            let title = format!("start {name}");
            let spec = JobSpec {
                name,
                role_arn: role,
                image: format!("{account}.dkr.ecr.{region}.amazonaws.com/example-image:latest"),
                instance_type: "ml.m5.large".to_owned(),
                instance_count: 1,
                volume_gb: 10,
                max_runtime: 3600,
                output: format!("s3://{bucket}/output"),
                bucket,
                object,
                hyperparameters: BTreeMap::new(),
            };
            state.start(Request::StartJob(Box::new(spec)), title, effects);
            state.focus = Pane::Jobs;
        }
    }
}

/// Puts the cursor on a job that was started just now, before the next list has it.
pub(super) fn show_job(state: &mut State, name: &str) {
    state.jobs.merge(TrainingJob {
        name: name.to_owned(),
        arn: String::new(),
        status: JobStatus::InProgress,
        secondary: None,
        created: Some(state.now),
        modified: None,
        ended: None,
        detail: None,
    });
    state.jobs.selected = state.jobs.rows.iter().position(|job| job.name == name).unwrap_or(0);
}

/// Opens the log of the selected job.
pub(super) fn open_log(state: &mut State) {
    match state.jobs.current() {
        Some(job) if state.focus == Pane::Jobs => {
            let job = job.name.clone();
            state.log = Some(Log { job, lines: Vec::new() });
        }
        _ => state.say("To read a log, choose a job (4).".to_owned()),
    }
}

/// Asks to decrypt the selected object into the folder of the files pane; an archive gets a folder of its own.
pub(super) fn decrypt(state: &mut State) {
    let (Some((bucket, _)), Some(ObjectRow::Object { key, .. }), Pane::Objects) =
        (&state.place, state.objects.current(), state.focus)
    else {
        state.say("To decrypt, choose an object (3).".to_owned());
        return;
    };
    let base = last_part(key);
    let name = base.strip_suffix(".tar.gz").unwrap_or(base);
    let to = state.dir.join(name);
    let request = Request::Decrypt {
        bucket: bucket.clone(),
        object: key.clone(),
        to: to.clone(),
        overwrite: false,
        accept_name: false,
    };
    state.confirm = Some(Confirm {
        question: format!("Decrypt s3://{bucket}/{key} to {}?", to.display()),
        then: Then::Start(Box::new(request), None),
    });
}

fn last_part(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}
