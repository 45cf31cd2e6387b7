//! Forms: fields to fill in, with the cursor in one of them. What a filled form asks for is `story`'s.

use tui_input::{Input, InputRequest};

use super::more::{More, Target};
use super::{KeyCode, KeyPress, text};
use crate::domain::RoleSummary;

/// Fields to fill in.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is for.
    pub purpose: Purpose,
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
}

/// What a form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A new KMS key.
    Key,
    /// A new grant on this key (ARN).
    Grant(String),
    /// An access proof of this key (ARN).
    Proof(String),
    /// A new bucket.
    Bucket,
    /// Going to a prefix of this bucket, existing or to be.
    Prefix(String),
    /// A new training job on this object: bucket and key.
    Job(String, String),
    /// Decrypting these objects of a bucket.
    Decrypt(String, Vec<String>),
    /// Saving the log of this job.
    SaveLog(String),
    /// Saving the audit log.
    SaveAudit,
    /// How many days until the key (ARN) is deleted.
    Deletion(String),
    /// One of the further actions, and what it is done to.
    More(More, Box<Target>),
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
    /// The options that match what was typed.
    pub fn matching(&self) -> Vec<&Choice> {
        let typed = self.input.value().to_lowercase();
        let matches = |choice: &&Choice| {
            choice.label.to_lowercase().contains(&typed) || choice.value.to_lowercase().contains(&typed)
        };
        self.options.iter().filter(matches).collect()
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
                label: text::last_part(value).to_owned(),
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
            label: role.name.clone(),
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

impl Form {
    pub(super) fn new(purpose: Purpose, title: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            purpose,
            title: title.into(),
            note: note.into(),
            fields: Vec::new(),
            focus: 0,
            problem: None,
        }
    }

    pub(super) fn text(mut self, label: &'static str, value: impl Into<String>, hint: &'static str) -> Self {
        let value = Value::Text(Input::new(value.into()));
        self.fields.push(Field { label, value, hint });
        self
    }

    pub(super) fn roles(mut self, label: &'static str, roles: &[RoleSummary]) -> Self {
        let mut pick = Pick::default();
        pick.offer_roles(roles);
        let hint = "type to narrow, or a whole ARN";
        let value = Value::Pick(pick);
        self.fields.push(Field { label, value, hint });
        self
    }

    /// The role that is chosen to begin with.
    pub(super) fn choosing(mut self, arn: &str) -> Self {
        if let Some(Field {
            value: Value::Pick(pick),
            ..
        }) = self.fields.last_mut()
        {
            pick.prefer(arn);
        }
        self
    }

    /// Roles of which none need be chosen.
    pub(super) fn optional_role(self, label: &'static str, roles: &[RoleSummary]) -> Self {
        let mut form = self.roles(label, roles);
        if let Some(Field {
            value: Value::Pick(pick),
            ..
        }) = form.fields.last_mut()
        {
            pick.optional = true;
            pick.offer_roles(roles);
        }
        form
    }

    pub(super) fn checks(mut self, label: &'static str, items: &[(&'static str, bool)]) -> Self {
        let items = items.to_vec();
        let value = Value::Checks { items, cursor: 0 };
        let hint = "Space checks";
        self.fields.push(Field { label, value, hint });
        self
    }

    /// The trimmed text of a field, the value of a pick.
    pub(super) fn value(&self, label: &str) -> String {
        let field = self.fields.iter().find(|field| field.label == label);
        match field.map(|field| &field.value) {
            Some(Value::Text(input)) => input.value().trim().to_owned(),
            Some(Value::Pick(pick)) => pick.value().unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// What is checked in a field.
    pub(super) fn checked(&self, label: &str) -> Vec<String> {
        let field = self.fields.iter().find(|field| field.label == label);
        match field.map(|field| &field.value) {
            Some(Value::Checks { items, .. }) => {
                let checked = items.iter().filter(|(_, is_checked)| *is_checked);
                checked.map(|(name, _)| (*name).to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Roles have come while the form is open.
    pub(super) fn offer_roles(&mut self, roles: &[RoleSummary]) {
        for field in &mut self.fields {
            if let Value::Pick(pick) = &mut field.value {
                pick.offer_roles(roles);
            }
        }
    }

    /// Whether roles are asked for.
    pub(super) fn wants_roles(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.value, Value::Pick(_)))
    }

    pub(super) fn press(&mut self, key: KeyPress) -> Typed {
        let fields = self.fields.len().max(1);
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
        let value = self.fields.get_mut(self.focus).map(|field| &mut field.value);
        if let Some(Value::Text(input) | Value::Pick(Pick { input, .. })) = value {
            paste(input, text);
        }
    }
}

impl Field {
    /// Where the focus moves to from here.
    fn press(&mut self, key: KeyPress) -> isize {
        let step = match key.code {
            KeyCode::Up => -1,
            KeyCode::Down => 1,
            _ => 0,
        };
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

/// Edits a line of text as shells do; true if its text changed.
pub(super) fn edit(input: &mut Input, key: KeyPress) -> bool {
    let request = match (key.code, key.ctrl, key.alt) {
        (KeyCode::Char(character), false, false) => InputRequest::InsertChar(character),
        (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, false) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, ..) | (KeyCode::Char('d'), true, _) => InputRequest::DeleteNextChar,
        (KeyCode::Char('w'), true, _) | (KeyCode::Backspace, ..) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true, _) => InputRequest::DeleteLine,
        (KeyCode::Char('k'), true, _) => InputRequest::DeleteTillEnd,
        (KeyCode::Left, true, _) | (KeyCode::Char('b'), _, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, true, _) | (KeyCode::Char('f'), _, true) => InputRequest::GoToNextWord,
        (KeyCode::Left, ..) | (KeyCode::Char('b'), true, _) => InputRequest::GoToPrevChar,
        (KeyCode::Right, ..) | (KeyCode::Char('f'), true, _) => InputRequest::GoToNextChar,
        (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => InputRequest::GoToStart,
        (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => InputRequest::GoToEnd,
        _ => return false,
    };
    input.handle(request).is_some_and(|change| change.value)
}

/// Pastes a text into a line: what is not printable is left out.
pub(super) fn paste(input: &mut Input, text: &str) {
    for character in text.chars().filter(|character| !character.is_control()) {
        input.handle(InputRequest::InsertChar(character));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, trusts_sagemaker: bool) -> RoleSummary {
        RoleSummary {
            name: name.to_owned(),
            arn: format!("arn:aws:iam::111122223333:role/{name}"),
            trusts_sagemaker,
        }
    }

    fn press(form: &mut Form, codes: &[KeyCode]) {
        for code in codes {
            form.press(KeyPress {
                code: *code,
                ctrl: false,
                alt: false,
                shift: false,
            });
        }
    }

    #[test]
    fn roles_that_come_late_keep_what_was_chosen() {
        let mut form = Form::new(Purpose::Grant("k".to_owned()), "", "").roles("Role", &[role("b", true)]);
        form.offer_roles(&[role("c", true), role("a", false), role("b", true)]);
        assert_eq!(form.value("Role"), role("b", true).arn);
        press(&mut form, &[KeyCode::Char('a'), KeyCode::Char('/')]);
        assert_eq!(form.value("Role"), "");
    }

    #[test]
    fn a_whole_arn_may_be_typed_where_roles_cannot_be_listed() {
        let mut form = Form::new(Purpose::Grant("k".to_owned()), "", "").roles("Role", &[]);
        form.paste("arn:aws:iam::111122223333:role/x\r\n");
        assert_eq!(form.value("Role"), "arn:aws:iam::111122223333:role/x");
    }

    #[test]
    fn arrows_go_through_options_and_on_to_the_next_field() {
        let mut form = Form::new(Purpose::Bucket, "", "")
            .text("Name", "", "")
            .checks("Operations", &[("Decrypt", true), ("Encrypt", false)]);
        press(
            &mut form,
            &[KeyCode::Char('q'), KeyCode::Down, KeyCode::Down, KeyCode::Char(' ')],
        );
        assert_eq!(form.checked("Operations"), ["Decrypt", "Encrypt"]);
        assert_eq!(form.value("Name"), "q");
        press(&mut form, &[KeyCode::Up, KeyCode::Up]);
        assert_eq!(form.focus, 0);
    }
}
