//! What hosts are asked to do to everything under a prefix.

use super::BulkAct;
use crate::domain::audit::AuditRequest;
use crate::domain::rewrap::RewrapSpec;
use crate::domain::seal::{SealAct, SealSpec};

/// What hosts are asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkOrder {
    /// Audit.
    Audit(AuditRequest),
    /// Rotate or encrypt.
    Seal(SealSpec),
    /// Re-wrap.
    Rewrap(RewrapSpec),
}

impl BulkOrder {
    /// What is done to each object.
    pub fn act(&self) -> BulkAct {
        match self {
            Self::Audit(_) => BulkAct::Audit,
            Self::Seal(spec) => match spec.act {
                SealAct::Rotate { .. } => BulkAct::Rotate,
                SealAct::Encrypt { .. } => BulkAct::Encrypt,
            },
            Self::Rewrap(_) => BulkAct::Rewrap,
        }
    }

    /// The bucket of what it is done to.
    pub fn bucket(&self) -> &str {
        match self {
            Self::Audit(request) => &request.bucket,
            Self::Seal(spec) => &spec.bucket,
            Self::Rewrap(spec) => &spec.bucket,
        }
    }

    /// What the keys of it begin with; empty where several places are named.
    pub fn prefix(&self) -> &str {
        match self {
            Self::Audit(request) => &request.prefix,
            Self::Seal(spec) => &spec.prefix,
            Self::Rewrap(spec) => match spec.prefixes.as_slice() {
                [only] => only,
                _ => "",
            },
        }
    }

    /// `s3://BUCKET/PREFIX`, or how many places of which bucket.
    pub fn place(&self) -> String {
        match self {
            Self::Audit(request) => request.place(),
            Self::Seal(spec) => spec.place(),
            Self::Rewrap(spec) => spec.place(),
        }
    }
}
