//! The nouns, plain data: no tokio, AWS, file system, network or clock.
//!
//! Everything here is `Debug + Clone + PartialEq`; what an AWS answer may leave out is an `Option`.

pub mod fault;
pub mod grant;
pub mod identity;
pub mod job;
pub mod key;
pub mod object;
pub mod operation;

pub use fault::{Fault, FaultKind};
pub use grant::{Grant, GrantConstraint};
pub use identity::{Identity, RoleSummary};
pub use job::{Channel, JobDetail, JobStatus, LogLine, TrainingJob, Transition};
pub use key::{KeyDetail, KeyManager, KeyState, KmsKey};
pub use object::{BucketRow, FileRow, ObjectFormat, ObjectInfo, ObjectRow};
pub use operation::{InterruptedUpload, JobSpec, Outcome, Progress, ProofStep, Request, Verdict};
