//! The policies around a caller's own.

use super::{Explanation, Link, denied_by};

/// A policy around the caller's own, which no grant and no policy of the caller's widens.
pub(super) struct Guardrail {
    /// AWS's words for it.
    name: &'static str,
    /// Whose it is, and who can change it.
    whose: &'static str,
}

const GUARDRAILS: [Guardrail; 5] = [
    Guardrail {
        name: "service control policy",
        whose: "the organization's: ask those who administer the organization",
    },
    Guardrail {
        name: "resource control policy",
        whose: "the organization's: ask those who administer the organization",
    },
    Guardrail {
        name: "permissions boundary",
        whose: "set on the caller by an administrator of the account: ask there",
    },
    Guardrail {
        name: "session policy",
        whose: "given when the session began: begin one without it, or with this action in it",
    },
    Guardrail {
        name: "VPC endpoint policy",
        whose: "the network's: ask those who own the endpoint, or take another way to AWS",
    },
];

impl Guardrail {
    pub(super) fn in_words(cause: &str) -> Option<&'static Self> {
        GUARDRAILS.iter().find(|guardrail| cause.contains(guardrail.name))
    }

    pub(super) fn remedy(&self) -> String {
        format!("the {} is {}", self.name, self.whose)
    }

    pub(super) fn explained(&self, base: Explanation, call: &str, cause: &str) -> Explanation {
        let remedy = self.remedy();
        if cause.contains("explicit deny") {
            let words = denied_by(&format!("a {}", self.name), call);
            return base.at(Link::ExplicitDeny, words).remedy(remedy);
        }
        let words = format!(
            "No {} around the caller allows {call}: what the caller's own policies and grants say does not matter.",
            self.name
        );
        base.at(Link::Bounds, words).remedy(remedy)
    }
}
