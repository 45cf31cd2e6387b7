//! Forms: fields to fill in, with the cursor in one of them. What reads them is made with them, by their action.

mod reading;

use std::fmt;
use std::sync::Arc;

use tui_input::Input;

pub use reading::PolicyChange;
use reading::Reader;
pub(super) use reading::joined;
pub(super) use reading::{ChecksKey, Filled, RoleKey, Sent, TextKey};

use super::fuzzy::Fuzzy;
use super::line::{edit, paste};
use super::{KeyCode, KeyPress};
use crate::domain::RoleSummary;
use crate::domain::policy::role_label;

/// Fields to fill in.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is for and about: the same again is filled in as it was, if it came to nothing.
    pub(super) purpose: String,
    /// Its heading.
    pub title: String,
    /// What to know while filling it in.
    pub note: String,
    /// The fields, top to bottom.
    pub fields: Vec<Field>,
    /// The field with the cursor.
    pub focus: usize,
    /// Why it could not be sent.
    pub problem: Option<String>,
    /// Whether it is sent once the roles are listed.
    pub is_waiting: bool,
    reader: Reader,
}

/// A form that nothing reads yet.
#[derive(Debug)]
pub(super) struct Blank {
    purpose: String,
    title: String,
    note: String,
    fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub label: &'static str,
    /// What it holds.
    pub value: Value,
    /// What to know about it.
    pub hint: &'static str,
    /// Whether it holds a name that was only put forward: what is typed or pasted replaces it.
    pub is_offered: bool,
}

/// What a field holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// A line of text.
    Text(Input),
    /// One of several, narrowed by typing; what is typed counts itself if it is an ARN.
    Pick(Pick),
    /// Some of several.
    Checks {
        /// Each with whether it is chosen.
        items: Vec<(&'static str, bool)>,
        /// The item with the cursor.
        cursor: usize,
    },
}

/// One of several.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    /// What was typed.
    pub input: Input,
    /// The options: value, words, and what to know.
    pub options: Vec<Choice>,
    /// The row of the cursor among the options that match.
    pub cursor: usize,
    /// Whether none need be chosen: the first option is none then.
    pub optional: bool,
    /// What was heard of the options.
    pub heard: Heard,
}

/// Why a form is not sent before the roles are listed.
pub(super) const LISTED_STILL: &str =
    "The roles are still being listed: it is sent once they are. Another key stops that.";

/// What was heard of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Heard {
    /// Nothing yet.
    #[default]
    Nothing,
    /// What there is.
    Rows,
    /// That it could not be listed.
    Refusal,
}

/// An option of a [`Pick`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What it stands for.
    pub value: String,
    /// What it is called.
    pub label: String,
    /// What to know about it; may be empty.
    pub note: String,
}

impl Pick {
    /// Whether nothing is typed and nothing is listed yet.
    fn is_awaited(&self) -> bool {
        self.heard == Heard::Nothing && self.options.is_empty() && self.input.value().trim().is_empty()
    }

    /// The options that match what was typed.
    pub fn matching(&self) -> Vec<&Choice> {
        let typed = self.input.value().trim();
        if typed.is_empty() {
            return self.options.iter().collect();
        }
        // An ARN is pasted whole, and no letters are looked for in it.
        if typed.starts_with("arn:") {
            return self
                .options
                .iter()
                .filter(|choice| choice.value.contains(typed))
                .collect();
        }
        Fuzzy::new(typed).best(self.options.iter(), |choice| choice.label.clone())
    }

    /// What is chosen.
    pub fn value(&self) -> Option<String> {
        let typed = self.input.value().trim();
        if typed.starts_with("arn:") {
            return Some(typed.to_owned());
        }
        self.matching().get(self.cursor).map(|choice| choice.value.clone())
    }

    /// Chooses a role, listed or not.
    fn prefer(&mut self, value: &str) {
        if !value.is_empty() {
            self.keep(value);
        }
    }

    /// Puts the cursor on an option; one that is not listed is one all the same.
    fn keep(&mut self, value: &str) {
        if !self.options.iter().any(|choice| choice.value == value) {
            self.options.push(Choice {
                value: value.to_owned(),
                label: role_label(value).to_owned(),
                note: "not listed".to_owned(),
            });
        }
        let position = self.matching().iter().position(|choice| choice.value == value);
        self.cursor = position.unwrap_or(0);
    }

    /// The roles of the account, those that SageMaker may assume first. What is chosen stays chosen, whoever comes or goes.
    pub(super) fn offer_roles(&mut self, roles: &[RoleSummary]) {
        let mut sorted: Vec<&RoleSummary> = roles.iter().collect();
        sorted.sort_by_key(|role| (!role.trusts_sagemaker, role.name.clone()));
        let is_typed = self.input.value().trim().starts_with("arn:");
        let chosen = self.value().filter(|_| !is_typed);
        let choice = |role: &RoleSummary| Choice {
            value: role.arn.clone(),
            label: role_label(&role.arn).to_owned(),
            note: if role.trusts_sagemaker {
                String::new()
            } else {
                "SageMaker may not assume it".to_owned()
            },
        };
        let none = Choice {
            value: String::new(),
            label: "none".to_owned(),
            note: String::new(),
        };
        let none = Some(none).filter(|_| self.optional);
        self.options = none.into_iter().chain(sorted.into_iter().map(choice)).collect();
        match chosen {
            Some(chosen) => self.keep(&chosen),
            None => self.cursor = 0,
        }
    }
}

/// What a key did to a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Stay,
    Send,
    Close,
}

impl Blank {
    /// One whose title says what it is about.
    pub(super) fn new(title: impl Into<String>, note: impl Into<String>) -> Self {
        Self::about("", title, note)
    }

    /// One that is about more than its title says.
    pub(super) fn about(about: impl fmt::Debug, title: impl Into<String>, note: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            purpose: format!("{title} {about:?}"),
            title,
            note: note.into(),
            fields: Vec::new(),
        }
    }

    fn field(&mut self, label: &'static str, value: Value, hint: &'static str) -> usize {
        self.fields.push(Field {
            label,
            value,
            hint,
            is_offered: false,
        });
        self.fields.len() - 1
    }

    pub(super) fn text(&mut self, label: &'static str, value: impl Into<String>, hint: &'static str) -> TextKey {
        TextKey(self.field(label, Value::Text(Input::new(value.into())), hint))
    }

    /// With a name put forward, which typing replaces.
    pub(super) fn name(&mut self, label: &'static str, value: impl Into<String>, hint: &'static str) -> TextKey {
        let key = self.text(label, value, hint);
        self.fields[key.0].is_offered = true;
        key
    }

    pub(super) fn roles(&mut self, label: &'static str, roles: &[RoleSummary]) -> RoleKey {
        self.pick(label, Pick::default(), roles)
    }

    /// With the role that is chosen to begin with.
    pub(super) fn role_chosen(&mut self, label: &'static str, roles: &[RoleSummary], arn: &str) -> RoleKey {
        let mut pick = Pick::default();
        pick.offer_roles(roles);
        pick.prefer(arn);
        self.pick(label, pick, roles)
    }

    /// With a role's ARN put forward, which typing replaces.
    pub(super) fn role_typed(&mut self, label: &'static str, roles: &[RoleSummary], arn: &str) -> RoleKey {
        let mut pick = Pick::default();
        paste(&mut pick.input, arn);
        let key = self.pick(label, pick, roles);
        self.fields[key.0].is_offered = !arn.is_empty();
        key
    }

    /// Roles of which none need be chosen.
    pub(super) fn optional_role(&mut self, label: &'static str, roles: &[RoleSummary]) -> RoleKey {
        let pick = Pick {
            optional: true,
            ..Pick::default()
        };
        self.pick(label, pick, roles)
    }

    fn pick(&mut self, label: &'static str, mut pick: Pick, roles: &[RoleSummary]) -> RoleKey {
        pick.offer_roles(roles);
        RoleKey(self.field(label, Value::Pick(pick), "type to narrow, or a whole ARN"))
    }

    pub(super) fn checks<const N: usize>(
        &mut self,
        label: &'static str,
        items: [(&'static str, bool); N],
    ) -> ChecksKey<N> {
        let items = items.to_vec();
        ChecksKey(self.field(label, Value::Checks { items, cursor: 0 }, "Space checks"))
    }

    /// The form, and what reads it once it is filled in.
    pub(super) fn reading(self, reader: impl Fn(&Filled<'_>) -> Result<Sent, String> + Send + Sync + 'static) -> Form {
        Form {
            purpose: self.purpose,
            title: self.title,
            note: self.note,
            fields: self.fields,
            focus: 0,
            problem: None,
            is_waiting: false,
            reader: Reader(Arc::new(reader)),
        }
    }
}

impl Form {
    /// What it asks for as it is filled in; or why it cannot be sent yet.
    pub(super) fn read(&self) -> Result<Sent, String> {
        (self.reader.0)(&Filled(&self.fields))
    }

    /// The role that is chosen in it (ARN), as far as it is known.
    pub(super) fn role(&self) -> Option<String> {
        self.fields.iter().find_map(|field| match &field.value {
            Value::Pick(pick) => pick.value().filter(|arn| !arn.is_empty()),
            Value::Text(_) | Value::Checks { .. } => None,
        })
    }

    /// Roles have come while the form is open.
    pub(super) fn offer_roles(&mut self, roles: &[RoleSummary]) {
        for field in &mut self.fields {
            if let Value::Pick(pick) = &mut field.value {
                pick.offer_roles(roles);
            }
        }
    }

    /// What was heard of the roles.
    pub(super) fn heard_of_roles(&mut self, heard: Heard) {
        for field in &mut self.fields {
            if let Value::Pick(pick) = &mut field.value {
                pick.heard = heard;
            }
        }
    }

    /// It is not waiting any more; whether it was.
    pub(super) fn stop_waiting(&mut self) -> bool {
        let was_waiting = std::mem::take(&mut self.is_waiting);
        if was_waiting {
            self.problem = None;
        }
        was_waiting
    }

    /// Whether roles are asked for.
    pub(super) fn wants_roles(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.value, Value::Pick(_)))
    }

    /// Whether what is typed is text: not on what is only chosen.
    pub(super) fn is_in_text(&self) -> bool {
        let field = self.fields.get(self.focus);
        field.is_some_and(|field| matches!(field.value, Value::Text(_) | Value::Pick(_)))
    }

    pub(super) fn press(&mut self, key: KeyPress) -> Typed {
        let fields = self.fields.len().max(1);
        self.stop_waiting();
        match (key.code, key.ctrl) {
            (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => return Typed::Close,
            (KeyCode::Enter, _) => return Typed::Send,
            (KeyCode::Tab, _) => self.focus = (self.focus + 1) % fields,
            (KeyCode::BackTab, _) => self.focus = (self.focus + fields - 1) % fields,
            _ => {
                let moved = self.fields.get_mut(self.focus).map_or(0, |field| field.press(key));
                self.focus = self.focus.saturating_add_signed(moved).min(fields - 1);
                self.problem = None;
            }
        }
        Typed::Stay
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.stop_waiting();
        let Some(field) = self.fields.get_mut(self.focus) else {
            return;
        };
        field.replace();
        if let Value::Text(input) | Value::Pick(Pick { input, .. }) = &mut field.value {
            paste(input, text);
        }
    }
}

impl Field {
    /// What was only put forward goes.
    fn replace(&mut self) {
        if let Value::Text(input) | Value::Pick(Pick { input, .. }) = &mut self.value
            && std::mem::take(&mut self.is_offered)
        {
            input.reset();
        }
    }

    /// Where the focus moves to from here.
    fn press(&mut self, key: KeyPress) -> isize {
        let step = match key.code {
            KeyCode::Up => -1,
            KeyCode::Down => 1,
            _ => 0,
        };
        if step == 0 {
            let is_typed = matches!(key.code, KeyCode::Char(_) | KeyCode::Backspace | KeyCode::Delete);
            if is_typed && !key.ctrl && !key.alt {
                self.replace();
            }
            self.is_offered = false;
        }
        match &mut self.value {
            Value::Text(_) if step != 0 => return step,
            Value::Text(input) => {
                edit(input, key);
            }
            Value::Pick(pick) if step == 0 => {
                if edit(&mut pick.input, key) {
                    pick.cursor = 0;
                }
            }
            Value::Pick(Pick { cursor: 0, .. }) if step < 0 => return step,
            Value::Pick(pick) => {
                let last = pick.matching().len().saturating_sub(1);
                if step > 0 && pick.cursor >= last {
                    return step;
                }
                pick.cursor = pick.cursor.saturating_add_signed(step);
            }
            Value::Checks { items, cursor } => {
                let target = cursor.checked_add_signed(step).filter(|to| *to < items.len());
                match (key.code, target) {
                    (KeyCode::Char(' '), _) => items[*cursor].1 = !items[*cursor].1,
                    (_, Some(to)) => *cursor = to,
                    (_, None) => return step,
                }
            }
        }
        0
    }
}

#[cfg(test)]
mod tests;
