//! Why something was refused: who called what on what, which link of the chain failed, and the smallest thing that mends it.
//!
//! Pure, from AWS's own words: a [`Fault`], or a line of a job's log or failure reason.

use self::guardrail::Guardrail;
use self::resource::{policy_of, wanted_by_deny};
use super::policy::{PrincipalKind, principal_kind, role_name};
use super::worded::worded;
use super::{Arn, Fault, FaultKind, GrantRequest, GrantSpec, KeyRequest, Request, RoleRequest};

mod guardrail;
mod resource;

pub use self::resource::{is_locked, remedy_of_denied};

/// Operations of KMS that a grant can allow.
pub const GRANTABLE: [&str; 11] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "DescribeKey",
    "CreateGrant",
    "RetireGrant",
];

/// Operations of keys of other kinds that a grant can allow too.
const GRANTABLE_OF_OTHERS: [&str; 6] = [
    "Sign",
    "Verify",
    "GetPublicKey",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
];

/// Whether a grant may be proposed for it: whoever may not create one is not helped by another that lets create some.
fn may_be_granted(operation: &str) -> bool {
    operation != "CreateGrant"
        && GRANTABLE
            .iter()
            .chain(&GRANTABLE_OF_OTHERS)
            .any(|known| *known == operation)
}

/// A refusal, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// ARN of whoever called, if AWS said.
    pub who: Option<String>,
    /// `kms:Decrypt`, if AWS said.
    pub call: Option<String>,
    /// What it was called on.
    pub on: String,
    /// The link that failed.
    pub link: Link,
    /// What that means, in a sentence or two.
    pub words: String,
    /// What to do, in words.
    pub remedy: String,
    /// What does it, if strongroom can. To be confirmed like any other change.
    pub repair: Option<Request>,
}

worded! {
    /// A link of the chain from a caller to a key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Link: "What a person reads." {
        /// No policy of the caller allows it, and no grant does.
        IdentityPolicy = "identity policy",
        /// Neither the key's policy nor a grant allows it.
        KeyPolicy = "key policy",
        /// The policy of what was asked for, which is no key, does not allow it.
        ResourcePolicy = "resource policy",
        /// A policy denies it.
        ExplicitDeny = "explicit deny",
        /// What bounds the caller leaves it out: a service control policy, a boundary, a session's or an endpoint's
        /// policy.
        Bounds = "bounds",
        /// A grant, or its token, is not what it should be.
        Grant = "grant",
        /// The key is switched off or given up.
        KeyState = "key state",
        /// It lives in another region.
        Region = "region",
        /// The encryption context, or the ciphertext itself.
        Context = "encryption context",
        /// The caller's credentials.
        Credentials = "credentials",
        /// The role's trust policy.
        Trust = "trust policy",
        /// The caller may not hand the role to SageMaker.
        PassRole = "iam:PassRole",
        /// This program's own read-only mode.
        ReadOnly = "read-only mode",
        /// S3 keeps it locked.
        Lock = "object lock",
        /// AWS did not say.
        Unknown = "permission",
    }
}

/// Explains a refusal; `None` for faults that are none.
pub fn explain(fault: &Fault) -> Option<Explanation> {
    match fault.kind {
        FaultKind::Denied
        | FaultKind::KeyState
        | FaultKind::WrongRegion
        | FaultKind::Expired
        | FaultKind::NoCredentials
        | FaultKind::ReadOnly => Some(of(fault.kind, &fault.object, &fault.cause, &fault.remedy)),
        FaultKind::Integrity if fault.code.is_some() => {
            Some(of(fault.kind, &fault.object, &fault.cause, &fault.remedy))
        }
        FaultKind::NotFound if fault.object.contains(":kms:") || fault.cause.contains("Invalid arn") => {
            Some(of(FaultKind::WrongRegion, &fault.object, &fault.cause, &fault.remedy))
        }
        FaultKind::Invalid if fault.cause.contains("assume") => {
            Some(of(FaultKind::Denied, &fault.object, &fault.cause, &fault.remedy))
        }
        _ => None,
    }
}

/// Explains a line that quotes AWS: a job's failure reason, a line of its log. `None` if it quotes no refusal.
pub fn explain_text(text: &str) -> Option<Explanation> {
    let kind = if refusal(text).is_some() || text.contains("AccessDenied") {
        FaultKind::Denied
    } else if text.contains("is disabled.") || text.contains("is pending deletion.") {
        FaultKind::KeyState
    } else if text.contains("InvalidCiphertextException") || text.contains("IncorrectKeyException") {
        FaultKind::Integrity
    } else if text.contains("ExpiredToken") {
        FaultKind::Expired
    } else {
        return None;
    };
    let object = arn_in(text).unwrap_or_default();
    Some(of(kind, &object, text, ""))
}

impl Explanation {
    /// With the link that failed, and what that means.
    fn at(self, link: Link, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { link, words, ..self }
    }

    /// With what to do.
    fn remedy(self, remedy: impl Into<String>) -> Self {
        let remedy = remedy.into();
        Self { remedy, ..self }
    }

    /// With what does it.
    fn repair(self, repair: Option<impl Into<Request>>) -> Self {
        let repair = repair.map(Into::into);
        Self { repair, ..self }
    }
}

fn of(kind: FaultKind, object: &str, cause: &str, remedy: &str) -> Explanation {
    let said = refusal(cause);
    let on = said
        .as_ref()
        .map_or_else(|| object.to_owned(), |said| said.on.to_owned());
    let base = Explanation {
        who: said.as_ref().map(|said| said.who.to_owned()),
        call: said.as_ref().map(|said| said.call.to_owned()),
        on,
        link: Link::Unknown,
        words: cause.to_owned(),
        remedy: remedy.to_owned(),
        repair: None,
    };
    if let (FaultKind::Denied | FaultKind::Invalid, Some(said)) = (kind, &said)
        && let Some(guardrail) = Guardrail::in_words(cause)
    {
        return guardrail.explained(base, said.call, cause);
    }
    if is_locked(cause) {
        return base
            .at(
                Link::Lock,
                "S3 keeps this version locked: permissions and grants do not matter.",
            )
            .remedy(remedy);
    }
    match (kind, said) {
        (FaultKind::KeyState, _) => key_state(base, cause),
        (FaultKind::WrongRegion, _) => region(base, cause),
        (FaultKind::Integrity, _) => context(base, cause),
        (FaultKind::Expired, _) if is_skew(cause) => base.at(
            Link::Credentials,
            "The clocks of this machine and of AWS differ too much: nothing was decided about the act itself.",
        ),
        (FaultKind::Expired | FaultKind::NoCredentials, _) => base.at(
            Link::Credentials,
            "AWS does not take these credentials: nothing was decided about the act itself.",
        ),
        (FaultKind::ReadOnly, _) => base.at(Link::ReadOnly, "This session may only read; AWS was not asked."),
        (_, Some(said)) if said.call == "sts:AssumeRole" => trust(base, said.on),
        (_, Some(said)) if said.call == "iam:PassRole" => base
            .at(
                Link::PassRole,
                format!("{} may not hand {} to SageMaker.", said.who, said.on),
            )
            .remedy("allow iam:PassRole on this role for sagemaker.amazonaws.com in the caller's policy"),
        (_, Some(said)) => permission(base, &said, cause, object),
        (_, None) if cause.contains("assume") => {
            let role_arn = arn_in(cause).filter(|arn| arn.contains(":role/"));
            base.at(Link::Trust, "SageMaker may not assume the role.")
                .remedy("let the role's trust policy name sagemaker.amazonaws.com")
                .repair(role_arn.map(|arn| RoleRequest::TrustService {
                    role: role_name(&arn).to_owned(),
                }))
        }
        (_, None) if cause.contains("InvalidGrantToken") => base
            .at(Link::Grant, "The grant token is not (or no longer) valid.")
            .remedy("leave the token out, or create the grant again"),
        (_, None) => base,
    }
}

/// What to do about a Deny.
fn of_keeper(which: &str) -> String {
    format!("{which} denies it: no Allow and no grant helps, whoever keeps that policy must change it")
}

/// Of a key that AWS manages.
const OF_AWS: &str =
    "this is an AWS managed key: its policy is AWS's and it takes no grants of yours; use a customer managed key";

/// Whether this names an AWS managed key, by its alias.
pub fn is_of_aws(key: &str) -> bool {
    key.starts_with("alias/aws/") || key.contains(":alias/aws/")
}

fn denied_by(which: &str, call: &str) -> String {
    format!("A Deny in {which} fits {call}. It wins over every Allow and every grant.")
}

/// The name that S3 has for it, the words that the others have.
fn is_skew(cause: &str) -> bool {
    ["RequestTimeTooSkewed", "Signature expired", "Signature not yet current"]
        .iter()
        .any(|words| cause.contains(words))
}

fn permission(base: Explanation, said: &Refusal<'_>, cause: &str, object: &str) -> Explanation {
    let operation = said
        .call
        .strip_prefix("kms:")
        .filter(|operation| may_be_granted(operation));
    if cause.contains("explicit deny") {
        let which = if cause.contains("resource-based policy") {
            policy_of(said.call)
        } else {
            "a policy of the caller"
        };
        return base
            .at(Link::ExplicitDeny, denied_by(which, said.call))
            .remedy(wanted_by_deny(said.call).unwrap_or_else(|| of_keeper(which)));
    }
    if said.call.starts_with("kms:") && (is_of_aws(said.on) || is_of_aws(object)) {
        let words = format!("Nothing allows {} to call {}.", said.who, said.call);
        return base.at(Link::KeyPolicy, words).remedy(OF_AWS);
    }
    let is_resources = cause.contains("no resource-based policy");
    let link = if is_resources && said.call.starts_with("kms:") {
        Link::KeyPolicy
    } else if is_resources {
        Link::ResourcePolicy
    } else if cause.contains("no identity-based policy") {
        Link::IdentityPolicy
    } else {
        Link::Unknown
    };
    let Some(operation) = operation else {
        return base
            .at(link, format!("Nothing allows {} to call {}.", said.who, said.call))
            .remedy(match link {
                Link::ResourcePolicy | Link::KeyPolicy => {
                    format!(
                        "have {} allowed in {}: ask whoever owns it",
                        said.call,
                        policy_of(said.call)
                    )
                }
                _ => format!("allow {} on {} in a policy of the caller", said.call, said.on),
            });
    };
    let words = match link {
        Link::KeyPolicy => format!(
            "The key's policy neither names {} nor leaves it to the account, and no grant allows {}.",
            said.who, said.call
        ),
        _ => format!(
            "The key's policy leaves it to the account, no policy of {} allows {}, and no grant does.",
            said.who, said.call
        ),
    };
    let mut operations = GrantSpec::TRAINING.map(str::to_owned).to_vec();
    if !operations.iter().any(|known| known == operation) {
        operations = vec![operation.to_owned()];
    }
    let is_principal = matches!(
        principal_kind(said.who),
        PrincipalKind::SessionOf(_) | PrincipalKind::Role | PrincipalKind::User
    );
    let repair = (is_principal && said.on.contains(":key/")).then(|| {
        GrantRequest::New(Box::new(GrantSpec {
            key_arn: said.on.to_owned(),
            grantee: said.who.to_owned(),
            operations,
            constraint: None,
            name: None,
            retiring: None,
        }))
    });
    base.at(link, words)
        .remedy(format!("create a grant for {} on the key", name_of(said.who)))
        .repair(repair)
}

fn trust(base: Explanation, role_arn: &str) -> Explanation {
    let role = role_name(role_arn).to_owned();
    let words =
        format!("Either {role} does not trust the caller, or no policy of the caller allows sts:AssumeRole on it.");
    base.at(Link::Trust, words)
        .remedy("let the role trust you for the proof; whoever may assume it can read the training data")
        .repair(Some(RoleRequest::TrustCaller { role, on: true }))
}

fn key_state(base: Explanation, cause: &str) -> Explanation {
    let key_arn = arn_in(cause).or_else(|| arn_in(&base.on));
    let is_pending = cause.contains("pending deletion");
    let (words, remedy) = if is_pending {
        (
            "The key is going to be deleted and cannot be used until that is taken back.",
            "cancel the deletion, then enable the key",
        )
    } else if cause.contains("is disabled") {
        (
            "The key is switched off: nothing under it opens until it is on again.",
            "enable the key",
        )
    } else {
        ("The key's state does not allow this.", "look at the key's state")
    };
    let repair = key_arn.map(|key_arn| {
        if is_pending {
            KeyRequest::CancelDeletion { key_arn }
        } else {
            KeyRequest::Enable { key_arn }
        }
    });
    base.at(Link::KeyState, words).remedy(remedy).repair(repair)
}

fn region(base: Explanation, cause: &str) -> Explanation {
    if cause.contains("scoped to a valid region") {
        let words = "The endpoint takes no signature for this session's region.";
        return base.at(Link::Region, words);
    }
    let region = arn_in(cause)
        .or_else(|| arn_in(&base.on))
        .and_then(|arn| Some(Arn::parse(&arn)?.region.to_owned()))
        .filter(|region| !region.is_empty());
    let (words, remedy) = match region {
        Some(region) => (
            format!("It was not found where this session looks; its ARN says {region}."),
            format!("run strongroom with --region {region}, or check the name"),
        ),
        None => (
            "It lives in another region than this session.".to_owned(),
            "run strongroom with --region and the region it lives in".to_owned(),
        ),
    };
    base.at(Link::Region, words).remedy(remedy)
}

fn context(base: Explanation, cause: &str) -> Explanation {
    let (words, remedy) = if cause.contains("IncorrectKey") {
        (
            "Another KMS key wrapped this data key.",
            "use the key that wrapped it, or leave the key out",
        )
    } else {
        (
            "KMS could not authenticate the ciphertext: it was encrypted with another encryption context, or it is not whole.",
            "give the encryption context that it was encrypted with",
        )
    };
    base.at(Link::Context, words).remedy(remedy)
}

/// AWS's sentence, taken apart.
struct Refusal<'a> {
    who: &'a str,
    call: &'a str,
    on: &'a str,
}

/// `User: WHO is not authorized to perform: CALL on resource: WHAT because …`.
fn refusal(text: &str) -> Option<Refusal<'_>> {
    let (before, after) = text.split_once(" is not authorized to perform: ")?;
    let who = before.rsplit("User: ").next()?.split_whitespace().last()?;
    let call = after.split_whitespace().next()?.trim_end_matches([',', '.']);
    let on = after
        .split_once("on resource: ")
        .and_then(|(_, rest)| match rest.strip_prefix('"') {
            // S3 quotes it.
            Some(quoted) => quoted.split('"').next(),
            None => rest.split_whitespace().next(),
        })
        .unwrap_or_default()
        .trim_end_matches([',', '.']);
    Some(Refusal { who, call, on })
}

/// The first ARN in a text.
fn arn_in(text: &str) -> Option<String> {
    let at = text.find("arn:")?;
    let ends = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | ',' | ')' | ';');
    let arn = text[at..].split(ends).next()?.trim_end_matches(['.', ':']);
    (arn.matches(':').count() >= 5).then(|| arn.to_owned())
}

fn name_of(principal: &str) -> String {
    match principal_kind(principal) {
        PrincipalKind::SessionOf(role) => format!("the role {role}"),
        PrincipalKind::Role => format!("the role {}", role_name(principal)),
        _ => principal.to_owned(),
    }
}

#[cfg(test)]
mod tests;
