//! Acts on everything under a prefix, page by page: objects in flight follow what the endpoint bears.

mod audit;
mod data_keys;
mod each;
mod encrypt;
mod fate;
mod flow;
mod held;
mod judge;
mod kms_keys;
mod look;
mod older;
mod part;
pub mod processing;
mod report;
mod rewrap;
mod rotate;
mod rows;
mod seal;
mod sealing;
mod spread;
mod table;
mod trouble;
mod walk;
mod whole;

pub use audit::audit;
pub(super) use fate::is_own_area;
pub use report::{audit_report, collected_report, collected_rewrap_report, collected_seal_report, save_audit_report};
pub(super) use rewrap::target as rewrap_target;
pub use rewrap::{RewrapMode, TellRewrapped, rewrap, rewrap_report};
pub use sealing::{plan_seal, seal, seal_report};
pub use table::AuditTable;
