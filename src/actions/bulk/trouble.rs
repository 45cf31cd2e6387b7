//! What keeps an object from being read, and what of it is its own trouble.

use std::sync::Arc;

use crate::domain::audit::{AuditKey, AuditRow, Flaw, Kind, Unchecked, Unread};
use crate::domain::{Fault, FaultKind};

/// Whether a key that cannot be used is this object's trouble: of what S3 keeps with it as much as of what a client encrypted.
pub(super) fn unusable(row: &AuditRow, key: &Arc<AuditKey>) -> Option<Flaw> {
    key.unusable()
        .filter(|_| matters(row))
        .map(|state| Flaw::KeyUnusable(state.to_owned()))
}

/// That nobody told whether its KMS key can be used, where that matters.
pub(super) fn unasked(row: &AuditRow, key: &Arc<AuditKey>) -> Option<Unchecked> {
    let why = key.state.as_ref().err().filter(|_| matters(row));
    why.map(|why| Unchecked::KeyState(why.clone()))
}

fn matters(row: &AuditRow) -> bool {
    row.kind.is_by_a_client() || row.kind.is_open()
}

/// Whether everything else would fail as this did: nobody is there to ask, or nobody asks any more.
pub(super) fn ends_all(fault: &Fault) -> bool {
    matches!(
        fault.kind,
        FaultKind::Unreachable | FaultKind::Expired | FaultKind::NoCredentials | FaultKind::ReadOnly
    )
}

pub(super) fn unread(row: &mut AuditRow, fault: &Fault) {
    let is_customers =
        fault.code.as_deref() == Some("InvalidRequest") && fault.cause.contains("Server Side Encryption");
    row.kind = if is_customers { Kind::SseC } else { Kind::Unread };
    unread_end(row, fault);
    if let (true, Some(unread)) = (is_customers, row.unread.as_mut()) {
        "SSE-C".clone_into(&mut unread.cause);
    }
}

pub(super) fn unread_end(row: &mut AuditRow, fault: &Fault) {
    row.unread = Some(Box::new(Unread {
        cause: fault.code.clone().unwrap_or_else(|| words(fault.kind).to_owned()),
        why: match fault.remedy.as_str() {
            "" => fault.cause.clone(),
            remedy => format!("{}; {remedy}", fault.cause),
        },
    }));
}

/// What AWS has no name for.
fn words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::NotFound => "no data key was found",
        FaultKind::Stripped => "the metadata may have been taken away",
        FaultKind::Denied => "denied",
        FaultKind::Integrity => "the data key is another's",
        FaultKind::Throttled | FaultKind::Service | FaultKind::Timeout | FaultKind::Foreign => "no answer of S3's",
        _ => "other causes",
    }
}
