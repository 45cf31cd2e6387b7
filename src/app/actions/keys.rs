//! Actions on KMS keys, their policies and their names.

use super::{asks, fill, only_if, start};
use crate::app::command::Keyed;
use crate::app::details;
use crate::app::form::{Blank, Form, PolicyChange, Sent};
use crate::app::pane::Pane;
use crate::app::policy_review;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin, Offer};
use crate::app::state::continuation::Continuation;
use crate::app::state::overlay::{Next, Overlay, Subject};
use crate::app::state::review::{Edit, PolicyOf};
use crate::app::state::target::Target;
use crate::app::who_asked;
use crate::domain::{Dependents, KeyRequest, KeySpec, KeyState, KmsKey, Request, policy};

/// How far dependents of a key are looked for.
const BUCKETS: usize = 20;
const OBJECTS: usize = 5000;

pub(in crate::app) const RESTORE: Action = Action {
    label: Keyed::Restore.name(),
    help: Keyed::Restore.help(),
    changes: true,
    offered: |state, target| {
        let elsewhere = match state.key() {
            Some(key) if key.detail.is_none() => "What state the key is in is being asked; try again when it is there.",
            _ => "Only a disabled key, or one that is pending deletion, can be restored (1).",
        };
        only_if(target.pane == Pane::Keys && restoration(state).is_some(), elsewhere)
    },
    // A key that the person did not put the cursor on is asked about.
    begin: |state, _| {
        let begin = if state.keys.is_chosen() {
            Begin::Start
        } else {
            Begin::Ask
        };
        restoration(state).map(begin)
    },
};

pub(super) const POLICY: Action = Action {
    label: "key policy",
    help: "The policy of the key, to be looked at",
    changes: false,
    offered: on_key,
    begin: |_, _| {
        Some(Begin::Do(|state, _| {
            if let Some(arn) = state.keys.current().map(|key| key.arn.clone()) {
                details::open_page(state, Subject::Key(arn), "Policy");
            }
        }))
    },
};

pub(super) const EDIT_POLICY: Action = Action {
    label: "edit policy",
    help: "The key policy in your editor; checked, shown as a diff, then put",
    changes: true,
    offered: on_key,
    begin: |_, target| changed(target, PolicyChange::ByHand),
};

pub(super) const PUT_POLICY_BACK: Action = Action {
    label: "put policy back",
    help: "The policy as it was before it was replaced from here",
    changes: true,
    offered: |state, target| {
        let of = target.listed_key(state).filter(|_| target.pane == Pane::Keys);
        only_if(of.is_some_and(|of| state.previous_policies.contains_key(&of.arn)), "")
    },
    begin: |state, target| {
        let earlier = state.previous_policies.get(target.key.as_ref()?)?;
        changed(target, PolicyChange::Back(earlier.clone()))
    },
};

pub(super) const ALLOW_ROLE: Action = Action {
    label: "allow role",
    help: "Name a role in the key policy instead of granting: shown as a diff, then put",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let key_arn = target.key.clone()?;
        let note = "By the key policy, for Decrypt and Encrypt. Unlike a grant it has no end of its own.";
        let mut form = Blank::new(format!("Let a role use {}", target.key_name(state)), note);
        let role = form.roles("Role", &state.roles);
        fill(form, move |filled| {
            let read = KeyRequest::ReadPolicy {
                key_arn: key_arn.clone(),
            };
            Ok(Sent::Change(
                Request::Key(read),
                PolicyChange::Allow(filled.role(role)?),
            ))
        })
    },
};

pub(super) const ADD_ALIAS: Action = Action {
    label: "add alias",
    help: "One more name for the key",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let form = Blank::new(format!("One more alias for {}", target.key_name(state)), "");
        aliased(target, form, "without alias/", |alias, key_arn| KeyRequest::AddAlias {
            alias,
            key_arn,
        })
    },
};

pub(super) const MOVE_ALIAS: Action = Action {
    label: "move alias",
    help: "Let an existing alias point to this key",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let title = format!("Let an alias point to {}", target.key_name(state));
        let form = Blank::new(title, "Whoever uses the alias uses this key from then on.");
        let hint = "an existing one, without alias/";
        aliased(target, form, hint, |alias, key_arn| KeyRequest::MoveAlias {
            alias,
            key_arn,
        })
    },
};

pub(super) const DELETE_ALIAS: Action = Action {
    label: "delete alias",
    help: "Take a name away; the key stays",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let aliases = target
            .listed_key(state)
            .map(|key| key.aliases.as_slice())
            .unwrap_or_default();
        let first = aliases
            .first()
            .map(|alias| alias.trim_start_matches("alias/"))
            .unwrap_or_default();
        let title = format!("Delete an alias of {}", target.key_name(state));
        let note = "The key stays; whoever uses the alias finds nothing.";
        let mut form = Blank::new(title, note);
        let alias = form.name("Alias", first, "without alias/");
        fill(form, move |filled| {
            let alias = filled.required(alias)?;
            asks(KeyRequest::DeleteAlias { alias })
        })
    },
};

pub(super) const TAGS: Action = Action {
    label: "tags",
    help: "Set and remove tags",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let key_arn = target.key.clone()?;
        let note = "A tag that is set takes the place of one of its name; what is not named here stays as it is.";
        let mut form = Blank::new(format!("Tags of {}", target.key_name(state)), note);
        let set = form.text("Set", "", "NAME=VALUE, NAME=VALUE");
        let remove = form.text("Remove", "", "NAME, NAME");
        fill(form, move |filled| {
            asks(KeyRequest::Tag {
                key_arn: key_arn.clone(),
                set: filled.pairs(set)?,
                remove: filled.list(remove),
            })
        })
    },
};

pub(super) const DESCRIBE: Action = Action {
    label: "description",
    help: "Change the description",
    changes: true,
    offered: on_key,
    begin: |state, target| {
        let key_arn = target.key.clone()?;
        let detail = target.listed_key(state).and_then(|key| key.detail.as_ref());
        let now = detail.map(|detail| detail.description.as_str()).unwrap_or_default();
        let mut form = Blank::new(format!("Description of {}", target.key_name(state)), "");
        let description = form.text("Description", now, "");
        fill(form, move |filled| {
            let (key_arn, description) = (key_arn.clone(), filled.text(description));
            asks(KeyRequest::Describe { key_arn, description })
        })
    },
};

pub(super) const ROTATION_ON: Action = Action {
    label: "rotation on",
    help: "New key material every year; old ciphertexts still open",
    changes: true,
    offered: |state, target| can_rotate(state, target, true),
    begin: |_, target| rotated(target, true),
};

pub(super) const ROTATION_OFF: Action = Action {
    label: "rotation off",
    help: "Keep the key material",
    changes: true,
    offered: |state, target| can_rotate(state, target, false),
    begin: |_, target| rotated(target, false),
};

pub(super) const DEPENDENTS: Action = Action {
    label: "dependents",
    help: "What depends on the key: objects, grants, aliases, jobs",
    changes: false,
    offered: on_key,
    begin: |_, target| target.key.clone().map(dependents).map(Begin::Start),
};

pub(in crate::app) const WHO: Action = Action {
    label: Keyed::Who.name(),
    help: Keyed::Who.help(),
    changes: false,
    offered: |state, target| {
        let is_of_key = matches!(target.pane, Pane::Keys | Pane::Grants) && target.listed_key(state).is_some();
        only_if(is_of_key, "To see who can use a key, and who did, select one (1).")
    },
    begin: |_, _| Some(Begin::Do(|state, _| who_asked::open(state))),
};

/// Offered on a key that is still listed.
pub(super) fn on_key(state: &State, target: &Target) -> Offer {
    only_if(target.pane == Pane::Keys && target.listed_key(state).is_some(), "")
}

/// A form for an alias of the key.
fn aliased(
    target: &Target,
    mut form: Blank,
    hint: &'static str,
    request: fn(String, String) -> KeyRequest,
) -> Option<Begin> {
    let key_arn = target.key.clone()?;
    let alias = form.text("Alias", "", hint);
    fill(form, move |filled| {
        asks(request(filled.required(alias)?, key_arn.clone()))
    })
}

fn can_rotate(state: &State, target: &Target, on: bool) -> Offer {
    let detail = target.listed_key(state).and_then(|key| key.detail.as_ref());
    let can = detail.is_some_and(|detail| detail.state == KeyState::Enabled && detail.rotation != Some(on));
    only_if(target.pane == Pane::Keys && can, "")
}

fn rotated(target: &Target, on: bool) -> Option<Begin> {
    let key_arn = target.key.clone()?;
    start(KeyRequest::SetRotation { key_arn, on })
}

/// Reads the key's policy, whatever was read earlier: it is changed as it is now.
fn changed(target: &Target, change: PolicyChange) -> Option<Begin> {
    let key_arn = target.key.clone()?;
    let read = Request::Key(KeyRequest::ReadPolicy { key_arn });
    Some(Begin::Then(read, Continuation::ChangePolicy(change, None)))
}

fn dependents(key_arn: String) -> Request {
    Request::Key(KeyRequest::FindDependents {
        key_arn,
        most_buckets: BUCKETS,
        most_objects: OBJECTS,
    })
}

/// Disabling can be taken back, so it comes first; a disabled key can be given up, once it is known what depends on it.
pub(super) fn remove(state: &State) -> Option<Begin> {
    let key = state.key()?;
    let key_arn = key.arn.clone();
    match state_of(key) {
        Some(KeyState::PendingDeletion) => None,
        Some(KeyState::Enabled) | None => Some(Begin::Ask(Request::Key(KeyRequest::Disable { key_arn }))),
        Some(_) => Some(Begin::Then(dependents(key_arn), Continuation::DeleteKey)),
    }
}

/// Enables a disabled key; takes a scheduled deletion back.
/// What makes the selected key usable again.
pub(in crate::app) fn restoration(state: &State) -> Option<Request> {
    let key = state.key()?;
    let key_arn = key.arn.clone();
    match state_of(key)? {
        KeyState::PendingDeletion => Some(Request::Key(KeyRequest::CancelDeletion { key_arn })),
        KeyState::Disabled => Some(Request::Key(KeyRequest::Enable { key_arn })),
        KeyState::Enabled | KeyState::PendingImport | KeyState::Other(_) => None,
    }
}

fn state_of(key: &KmsKey) -> Option<&KeyState> {
    key.detail.as_ref().map(|detail| &detail.state)
}

/// How many days until a key is deleted, asked once it is known what depends on it.
pub(in crate::app) fn deletion(state: &State, found: &Dependents) -> Form {
    let key_arn = found.key_arn.clone();
    let (name, summary) = (state.key_name(&key_arn).unwrap_or(&key_arn), found.summary());
    let note = format!("After that nothing under it ever opens again. {summary}.");
    let mut form = Blank::new(format!("Schedule the deletion of {name}"), note);
    let days = form.text("Days", "30", "7 to 30");
    form.reading(move |filled| {
        let days = filled.number(days)?;
        if !(7..=30).contains(&days) {
            return Err("Days must be 7 to 30".to_owned());
        }
        let key_arn = key_arn.clone();
        asks(KeyRequest::ScheduleDeletion { key_arn, days })
    })
}

/// A new key, or first its policy to be looked at.
pub(super) fn new(state: &State) -> Form {
    let note = "With the console's default policy: the account delegates to IAM, administrators administer, users use. \
                Sessions are entered as their roles.";
    let me = state.identity.as_ref().map(|who| who.arn.clone());
    let mut form = Blank::new("New KMS key", note);
    let alias = form.text("Alias", "", "without alias/");
    let description = form.text("Description", "", "");
    let administrators = form.text(
        "Administrators",
        me.clone().unwrap_or_default(),
        "ARNs, separated by commas",
    );
    let users = form.text("Users", "", "ARNs of who may use it by policy");
    let tags = form.text("Tags", "", "NAME=VALUE, NAME=VALUE");
    let spec = form.text("Spec", "SYMMETRIC_DEFAULT", "or RSA_2048, ECC_NIST_P256, HMAC_256 …");
    let usage = form.text("Usage", "ENCRYPT_DECRYPT", "or SIGN_VERIFY, GENERATE_VERIFY_MAC …");
    let and = form.checks(
        "And",
        [("rotate every year", false), ("show me the policy first", false)],
    );
    form.reading(move |filled| {
        let [rotation, wants_look] = filled.checked(and);
        let spec = Box::new(KeySpec {
            description: filled.text(description),
            alias: filled.text(alias),
            spec: filled.text(spec),
            usage: filled.text(usage),
            policy: None,
            tags: filled.pairs(tags)?,
            rotation,
        });
        let (administrators, users) = (filled.list(administrators), filled.list(users));
        let is_plain = users.is_empty() && (administrators.is_empty() || Some(administrators.join(",")) == me);
        if is_plain && !wants_look {
            return asks(KeyRequest::New(spec));
        }
        let draft = Request::Key(KeyRequest::DraftPolicy { administrators, users });
        Ok(Sent::Draft(draft, spec))
    })
}

/// The policy that was drafted for a new key, to be looked at.
pub(in crate::app) fn policy_drafted(state: &State, continuation: &Continuation, policy: String) -> Option<Next> {
    let Continuation::NewKey(spec, _) = continuation else {
        return None;
    };
    let review = policy_review::review(state, PolicyOf::NewKey(spec.clone()), String::new(), policy);
    Some(Next::show(Overlay::Review(review)))
}

/// The policy that was read, as it is to be: in the editor, or changed already.
pub(in crate::app) fn policy_read(
    state: &mut State,
    continuation: &Continuation,
    key_arn: String,
    policy: &str,
) -> Option<Next> {
    let Continuation::ChangePolicy(change, _) = continuation else {
        return None;
    };
    let before = policy::readable(policy);
    let after = match change {
        PolicyChange::ByHand => {
            let text = state.messages.take_policy(&key_arn).unwrap_or_else(|| before.clone());
            return Some(Next::Edit(Box::new(Edit::of_key(key_arn, before, text))));
        }
        PolicyChange::Allow(role_arn) => policy::with_role(&before, role_arn),
        PolicyChange::Back(earlier) => Ok(earlier.clone()),
    };
    match after {
        Ok(after) => {
            let review = policy_review::review(state, PolicyOf::Key(key_arn), before, after);
            Some(Next::show(Overlay::Review(review)))
        }
        Err(fault) => {
            state.complain(fault);
            None
        }
    }
}
