//! The further actions, with the words that people see.

/// One of the further actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each has a label and a sentence in `ACTIONS`")]
pub enum More {
    EditPolicy,
    PutPolicyBack,
    AllowRole,
    AddAlias,
    MoveAlias,
    DeleteAlias,
    Tags,
    Describe,
    RotationOn,
    RotationOff,
    Dependents,
    EncryptMessage,
    DecryptMessage,
    NewDataKey,
    OpenDataKey,
    ReEncrypt,
    Story,
    GrantsEverywhere,
    RetireGrant,
    Preview,
    ListArchive,
    ProveObject,
    EmptyBucket,
    DeleteBucket,
    CloneJob,
    NewRole,
    RolePolicies,
    DetachPolicy,
    TrustService,
    TrustCaller,
    DistrustCaller,
    DeleteRole,
    NewRepository,
    BuildImage,
    TryImage,
    Interrupted,
    CleanUp,
    Audit,
}

/// An action with the words that people see.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// The action.
    pub more: More,
    /// What it is called.
    pub label: &'static str,
    /// What it does.
    pub help: &'static str,
}

const fn action(more: More, label: &'static str, help: &'static str) -> Action {
    Action { more, label, help }
}

/// Every action, in the order of the menu.
pub(super) const ACTIONS: &[Action] = &[
    action(
        More::Preview,
        "preview",
        "Decrypt the beginning in memory and show it; wiped when closed",
    ),
    action(More::ListArchive, "members", "List the files inside the archive"),
    action(
        More::ProveObject,
        "prove object",
        "The bytes as stored, that they are unusable without the key, who opens them",
    ),
    action(
        More::EditPolicy,
        "edit policy",
        "The key policy in your editor; checked, shown as a diff, then put",
    ),
    action(
        More::PutPolicyBack,
        "put policy back",
        "The policy as it was before it was replaced from here",
    ),
    action(
        More::AllowRole,
        "allow role",
        "Name a role in the key policy instead of granting: shown as a diff, then put",
    ),
    action(More::AddAlias, "add alias", "One more name for the key"),
    action(More::MoveAlias, "move alias", "Let an existing alias point to this key"),
    action(More::DeleteAlias, "delete alias", "Take a name away; the key stays"),
    action(More::Tags, "tags", "Set and remove tags"),
    action(More::Describe, "description", "Change the description"),
    action(
        More::RotationOn,
        "rotation on",
        "New key material every year; old ciphertexts still open",
    ),
    action(More::RotationOff, "rotation off", "Keep the key material"),
    action(
        More::Dependents,
        "dependents",
        "What depends on the key: objects, grants, aliases, jobs",
    ),
    action(
        More::EncryptMessage,
        "encrypt message",
        "Encrypt up to 4096 bytes by KMS itself",
    ),
    action(
        More::DecryptMessage,
        "decrypt message",
        "Decrypt what KMS itself encrypted",
    ),
    action(
        More::NewDataKey,
        "new data key",
        "Generate one, keep C where you say, forget D",
    ),
    action(
        More::OpenDataKey,
        "open data key",
        "Which key wraps a C; does it unwrap for me, for a role",
    ),
    action(
        More::ReEncrypt,
        "re-wrap data key",
        "Wrap a C under this key; D never leaves KMS",
    ),
    action(
        More::Story,
        "proof story",
        "Denied, granted, allowed, revoked, denied: proved, and left as it was",
    ),
    action(
        More::RetireGrant,
        "retire grant",
        "Give the grant up as its grantee or retiring principal",
    ),
    action(
        More::GrantsEverywhere,
        "all grants",
        "The grants of every key that may be listed",
    ),
    action(
        More::EmptyBucket,
        "empty bucket",
        "Delete everything in it; counted first, typed to agree",
    ),
    action(
        More::DeleteBucket,
        "delete bucket",
        "Delete everything in it, then the bucket",
    ),
    action(More::CloneJob, "clone job", "A new job made as this one was"),
    action(
        More::NewRole,
        "new role",
        "An execution role with the least policy for this bucket",
    ),
    action(
        More::RolePolicies,
        "role policies",
        "Who may assume a role and what it may do",
    ),
    action(More::DetachPolicy, "detach policy", "Take a policy off a role"),
    action(More::TrustService, "trust SageMaker", "Let SageMaker assume a role"),
    action(
        More::TrustCaller,
        "trust me",
        "Let yourself assume a role: you then read what it can read",
    ),
    action(More::DistrustCaller, "distrust me", "Take that back"),
    action(
        More::DeleteRole,
        "delete role",
        "Take every policy off a role, then delete it",
    ),
    action(
        More::NewRepository,
        "new repository",
        "An ECR repository for training images",
    ),
    action(
        More::BuildImage,
        "build image",
        "Build a training image from the folder shown, and push it",
    ),
    action(
        More::TryImage,
        "try image",
        "Run an image here over a made-up /opt/ml, before anyone pays",
    ),
    action(
        More::Interrupted,
        "interrupted",
        "Uploads that were interrupted on this machine: finish or abort them",
    ),
    action(
        More::CleanUp,
        "clean up",
        "Everything the walk made, each line with what takes it down",
    ),
    action(More::Audit, "audit log", "Every change this program asked AWS for"),
];

/// The words of an action.
pub fn action_of(more: More) -> &'static Action {
    ACTIONS
        .iter()
        .find(|action| action.more == more)
        .expect("`ACTIONS` holds every action: a test opens the menu of each")
}
