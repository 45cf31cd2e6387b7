//! The nouns, plain data: no tokio, AWS, file system, network or clock.
//!
//! Everything here is `Debug + Clone + PartialEq`; what an AWS answer may leave out is an `Option`.

pub mod arn;
pub mod audit;
pub mod bond;
pub mod bring;
pub mod bucket;
pub mod bulk;
pub mod bulk_folder;
pub mod capability;
pub mod change;
pub mod context;
pub mod explain;
pub mod fault;
mod flags;
pub mod format;
pub mod grant;
pub mod identity;
pub mod instance;
pub mod job;
pub mod key;
pub mod links;
pub mod location;
pub mod metrics;
pub mod named;
pub mod object;
pub mod operation;
pub mod outcome;
pub mod own_area;
pub mod policy;
pub mod preview;
pub mod proof;
pub mod python;
pub mod question;
pub mod reading;
pub mod request;
pub mod rests_on;
pub mod rewrap;
pub mod seal;
pub mod secret;
pub mod sheet;
pub mod spec;
pub mod survey;
pub mod upload_rule;
pub mod versions;
pub mod who;
mod worded;
pub mod words;

pub use arn::Arn;
pub use bond::Bond;
pub use bring::Brought;
pub use bulk::{BulkAct, BulkFolder, BulkJob, BulkOrder, BulkPlan, Engine};
pub use capability::{Capability, Permission};
pub use change::{AliasChange, KeyChange, RoleChange};
pub use context::{AwsContext, Colour};
pub use fault::{Door, Fault, FaultKind, WayOut};
pub use format::ObjectFormat;
pub use grant::{Grant, GrantConstraint};
pub use identity::{Identity, RoleSummary};
pub use instance::Instance;
pub use job::progress::{HostProgress, JobProgress};
pub use job::{Channel, Job, JobDetail, JobKind, JobStatus, LogLine, Transition};
pub use key::{KeyDetail, KeyManager, KeyState, KmsKey};
pub use location::{Location, ObjectUri};
pub use named::Named;
pub use object::{BucketRow, FileRow, KeptVersion, KeptVersions, ObjectInfo, ObjectRow, Refuted};
pub use operation::{InterruptedUpload, Progress};
pub use outcome::{Outcome, Verdict};
pub use preview::{Origin, Preview, View};
pub use proof::{CyclePhase, GrantCycle, ObjectProof, ObjectProofStep, Proof, ProofMethod, ProofStep};
pub use question::{Answer, DeviceCode, LoginWay, Question, Wanted};
pub use reading::{Contested, Reading, Verified};
pub use request::{
    AccountRequest, Ask, BulkRequest, CommandLine, Facts, GrantRequest, ImageRequest, JobRequest, KeyRequest,
    MessageRequest, Names, ObjectRequest, OnCancel, ProofRequest, Request, RoleRequest, SealRequest, Session, Touch,
    resume_command,
};
pub use rests_on::RestsOn;
pub use secret::Plaintext;
pub use spec::{
    DataChannel, GrantSpec, ImageSpec, JobPlan, JobSettings, JobSpec, KeySpec, Message, Original, PlaintextPlace,
    RoleSettings, RoleSpec,
};
pub use survey::{AuditEntry, AuditOutcome, BucketCount, CleanUpItem, Dependents, Finding, RolePolicies, Weight};
pub use upload_rule::{UploadRule, UploadSettings, check_tags};
