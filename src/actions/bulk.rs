//! Acts on everything under a prefix, page by page: objects in flight follow what the endpoint bears.

mod audit;
mod data_keys;
mod each;
mod held;
mod kms_keys;
mod pace;
mod report;
mod rewrap;
mod spread;
mod table;
mod trouble;

pub use audit::{AuditRequest, audit};
pub use report::{audit_report, save_audit_report};
pub use rewrap::{RewrapMode, TellRewrapped, rewrap, rewrap_report};
pub use table::AuditTable;
