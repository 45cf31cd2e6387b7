//! Acts on everything under a prefix, page by page: objects in flight follow what the endpoint bears.

mod audit;
mod data_keys;
mod held;
mod kms_keys;
mod pace;
mod report;
mod spread;
mod table;
mod trouble;

pub use audit::{AuditRequest, audit};
pub use report::{audit_report, save_audit_report};
pub use table::AuditTable;
