//! What is asked for: as the title of an operation, as the question before it.

use super::{Names, alias};
use crate::app::command::Command;
use crate::app::text;
use crate::domain::{
    AccountRequest, GrantConstraint, GrantRequest, ImageRequest, JobRequest, KeyRequest, MessageRequest, ObjectRequest,
    ProofRequest, Request, RoleRequest,
};

/// What an operation does: `encrypt housing.csv to s3://…`.
pub fn title(names: &Names<'_>, request: &Request) -> String {
    act(&names.brief(), request)
}

/// The question before a request is made, and what to know before answering.
pub fn question(names: &Names<'_>, request: &Request) -> (String, String) {
    let question = format!("{}?", text::capitalized(&act(names, request)));
    (question, consequence(names, request))
}

/// What is done to which thing.
fn act(names: &Names<'_>, request: &Request) -> String {
    let grantee = Names::grantee;
    match request {
        Request::Object(ObjectRequest::Encrypt {
            paths,
            bucket,
            prefix,
            key,
            overwrite,
            ..
        }) => {
            let what = match paths.as_slice() {
                [only] if names.brief => text::last_part(&only.to_string_lossy()).to_owned(),
                [only] => only.display().to_string(),
                several => text::count(several.len(), "file"),
            };
            let replacing = if *overwrite { ", replacing what is there" } else { "" };
            let key = names.key(key);
            format!("encrypt {what} under {key} to s3://{bucket}/{prefix}{replacing}")
        }
        Request::Object(ObjectRequest::ResumeUpload { what, destination, .. }) => {
            format!("finish the upload of {what} to {destination}")
        }
        Request::Object(ObjectRequest::AbandonUpload { what, destination, .. }) => {
            format!("abort the upload of {what} to {destination}")
        }
        Request::Object(ObjectRequest::Decrypt {
            bucket,
            object,
            to,
            accept_name,
            accept_unbound,
            ..
        }) => {
            let renamed = if *accept_name { ", even if it was renamed" } else { "" };
            let stripped = even_stripped(*accept_unbound);
            format!("decrypt s3://{bucket}/{object} to {}{renamed}{stripped}", to.display())
        }
        Request::Object(ObjectRequest::Verify {
            bucket,
            objects,
            accept_unbound,
        }) => format!(
            "verify {}{}",
            names.objects(bucket, objects),
            even_stripped(*accept_unbound)
        ),
        Request::Object(ObjectRequest::Delete { bucket, objects }) => {
            format!("delete {}", names.objects(bucket, objects))
        }
        Request::Object(ObjectRequest::CreateBucket { bucket }) => format!("create the bucket {bucket}"),
        Request::Grant(GrantRequest::Revoke {
            key_arn, grantee: to, ..
        }) => format!("revoke the grant of {} on {}", grantee(to), names.key(key_arn)),
        Request::Grant(GrantRequest::Retire {
            key_arn, grantee: to, ..
        }) => format!("retire the grant of {} on {}", grantee(to), names.key(key_arn)),
        Request::Proof(ProofRequest::Access {
            key_arn,
            role_arn,
            trust: false,
        }) => format!("prove what {} may do with {}", grantee(role_arn), names.key(key_arn)),
        Request::Proof(ProofRequest::Access {
            key_arn,
            role_arn,
            trust: true,
        }) => format!(
            "let yourself assume {} to prove what it may do with {}",
            grantee(role_arn),
            names.key(key_arn)
        ),
        Request::Key(KeyRequest::Enable { key_arn }) => format!("enable {}", names.key(key_arn)),
        Request::Key(KeyRequest::Disable { key_arn }) => format!("disable {}", names.key(key_arn)),
        Request::Key(KeyRequest::ScheduleDeletion { key_arn, days }) => {
            format!("delete {} in {days} days", names.key(key_arn))
        }
        Request::Key(KeyRequest::CancelDeletion { key_arn }) => {
            format!("cancel the deletion of {}", names.key(key_arn))
        }
        Request::Job(JobRequest::Start(spec)) => {
            let moved = spec.moved_from.as_ref().map(|from| format!(", moved from {from}"));
            format!(
                "start the job {} as {} on s3://{}/{}{}",
                spec.name,
                grantee(&spec.role_arn),
                spec.bucket,
                spec.object,
                moved.unwrap_or_default()
            )
        }
        Request::Job(JobRequest::Stop { name }) => format!("stop the job {name}"),
        Request::Account(AccountRequest::SaveAudit { to }) => format!("save the audit log to {}", to.display()),
        Request::Job(JobRequest::SaveLog { job, to }) => format!("save the log of {job} to {}", to.display()),
        Request::Key(KeyRequest::New(spec)) if spec.alias.is_empty() => {
            format!("create a {} key without alias", spec.spec)
        }
        Request::Key(KeyRequest::New(spec)) => format!("create the {} key {}", spec.spec, alias(&spec.alias)),
        Request::Key(KeyRequest::DraftPolicy { .. }) => "draft the policy of the new key".to_owned(),
        Request::Key(KeyRequest::ReadPolicy { key_arn }) => format!("read the policy of {}", names.key(key_arn)),
        Request::Key(KeyRequest::PutPolicy { key_arn, .. }) => format!("replace the policy of {}", names.key(key_arn)),
        Request::Key(KeyRequest::AddAlias { alias: name, key_arn }) => {
            format!("add {} to {}", alias(name), names.key(key_arn))
        }
        Request::Key(KeyRequest::MoveAlias { alias: name, key_arn }) => {
            let from = match names.listed(&alias(name)) {
                Some(key) if !names.brief => format!(" from {}", names.key(&key.arn)),
                _ => String::new(),
            };
            format!("move {}{from} to {}", alias(name), names.key(key_arn))
        }
        Request::Key(KeyRequest::DeleteAlias { alias: name }) => match names.listed(&alias(name)) {
            Some(key) => format!("delete {} of {}", alias(name), names.key(&key.arn)),
            None => format!("delete {}", alias(name)),
        },
        Request::Key(KeyRequest::Tag { key_arn, set, remove }) => {
            let set = set.iter().map(|(name, value)| format!("{name}={value}"));
            let remove = remove.iter().map(|name| format!("no {name}"));
            let tags: Vec<String> = set.chain(remove).collect();
            format!("tag {}: {}", names.key(key_arn), tags.join(", "))
        }
        Request::Key(KeyRequest::Tags { key_arn }) => format!("read the tags of {}", names.key(key_arn)),
        Request::Key(KeyRequest::SetRotation { key_arn, on: true }) => {
            format!("switch the yearly rotation of {} on", names.key(key_arn))
        }
        Request::Key(KeyRequest::SetRotation { key_arn, on: false }) => {
            format!("switch the yearly rotation of {} off", names.key(key_arn))
        }
        Request::Key(KeyRequest::Describe { key_arn, description }) if description.is_empty() => {
            format!("remove the description of {}", names.key(key_arn))
        }
        Request::Key(KeyRequest::Describe { key_arn, description }) => {
            format!("describe {} as `{description}`", names.key(key_arn))
        }
        Request::Key(KeyRequest::FindDependents { key_arn, .. }) => {
            format!("look for what depends on {}", names.key(key_arn))
        }
        Request::Message(MessageRequest::Encrypt { key, to, .. }) => match to {
            Some(to) => format!("encrypt a message under {} to {}", names.key(key), to.display()),
            None => format!("encrypt a message under {}", names.key(key)),
        },
        Request::Message(MessageRequest::Decrypt { key, to, .. }) => {
            let under = key.as_ref().map(|key| format!(" under {}", names.key(key)));
            let to = to.as_ref().map(|to| format!(" to {}", to.display()));
            let (under, to) = (under.unwrap_or_default(), to.unwrap_or_default());
            format!("decrypt a message{under}{to}")
        }
        Request::Message(MessageRequest::NewDataKey { key, to, .. }) => {
            format!("generate a data key under {}, its ciphertext to {to}", names.key(key))
        }
        Request::Message(MessageRequest::OpenDataKey { at, role_arn, .. }) => match role_arn {
            Some(role) => format!("open the encrypted data key {at}, for yourself and {}", grantee(role)),
            None => format!("open the encrypted data key {at}"),
        },
        Request::Message(MessageRequest::ReEncryptDataKey { at, key, to, .. }) => {
            format!("wrap the encrypted data key {at} under {}, to {to}", names.key(key))
        }
        Request::Object(ObjectRequest::CountBucket { bucket }) => format!("count what is in the bucket {bucket}"),
        Request::Object(ObjectRequest::EmptyBucket {
            bucket,
            expected,
            older,
        }) => format!("empty the bucket {bucket} of its {}", holdings(*expected, *older)),
        Request::Object(ObjectRequest::DeleteBucket {
            bucket,
            expected,
            older,
        }) => format!("delete the bucket {bucket} and its {}", holdings(*expected, *older)),
        Request::Object(ObjectRequest::Preview {
            bucket,
            object,
            member,
            accept_unbound,
            ..
        }) => {
            let member = member
                .as_ref()
                .map(|member| format!("{member} in "))
                .unwrap_or_default();
            format!(
                "preview {member}s3://{bucket}/{object}{}",
                even_stripped(*accept_unbound)
            )
        }
        Request::Object(ObjectRequest::ListArchive { bucket, object }) => {
            format!("list the files in s3://{bucket}/{object}")
        }
        Request::Proof(ProofRequest::Object {
            bucket,
            object,
            role_arn,
            grant,
        }) => {
            let granting = if *grant { ", granting it the key meanwhile" } else { "" };
            format!("prove s3://{bucket}/{object} with {}{granting}", grantee(role_arn))
        }
        Request::Role(RoleRequest::New(spec)) => {
            let access = if spec.full_access { ", with full access" } else { "" };
            format!("create the role {} for the bucket {}{access}", spec.name, spec.bucket)
        }
        Request::Role(RoleRequest::Policies { role }) => format!("read the policies of the role {role}"),
        Request::Role(RoleRequest::DetachPolicy { role, policy }) => {
            format!("take the policy {policy} off the role {role}")
        }
        Request::Role(RoleRequest::Delete { role }) => format!("delete the role {role}"),
        Request::Role(RoleRequest::TrustCaller { role, on: true }) => format!("let yourself assume the role {role}"),
        Request::Role(RoleRequest::TrustCaller { role, on: false }) => {
            format!("no longer let yourself assume the role {role}")
        }
        Request::Role(RoleRequest::TrustService { role }) => format!("let SageMaker assume the role {role}"),
        Request::Grant(GrantRequest::New(spec)) => format!(
            "grant {} {} with {}",
            grantee(&spec.grantee),
            spec.operations.join(", "),
            names.key(&spec.key_arn)
        ),
        Request::Grant(GrantRequest::Await {
            key_arn, grantee: to, ..
        }) => format!(
            "wait until the grant of {} on {} is known everywhere",
            grantee(to),
            names.key(key_arn)
        ),
        Request::Grant(GrantRequest::List { key_arns }) => match key_arns.as_slice() {
            [] => "list the grants of every key".to_owned(),
            [only] => format!("list the grants of {}", names.key(only)),
            several => format!("list the grants of {}", text::count(several.len(), "key")),
        },
        Request::Proof(ProofRequest::Story { key_arn, role_arn, .. }) => format!(
            "prove that {} needs a grant for {}",
            grantee(role_arn),
            names.key(key_arn)
        ),
        Request::Job(JobRequest::Preflight(spec)) => format!("look what would make the job {} fail", spec.name),
        Request::Image(ImageRequest::NewRepository { repository }) => format!("create the repository {repository}"),
        Request::Image(ImageRequest::DeleteRepository { repository }) => {
            format!("delete the repository {repository} with every image in it")
        }
        Request::Image(ImageRequest::Build(spec)) => {
            let push = if spec.push { " and push it" } else { "" };
            let folder = spec.folder.display();
            format!("build {}:{} from {folder}{push}", spec.repository, spec.tag)
        }
        Request::Image(ImageRequest::Try { image }) => format!("run {image} here over a made-up /opt/ml"),
        Request::Account(AccountRequest::PlanCleanUp) => "look for what the walk made".to_owned(),
        Request::Account(AccountRequest::AuditLog { .. }) => "read the audit log".to_owned(),
    }
}

/// What comes of it that a person must know before agreeing; nothing of what changes nothing.
fn consequence(names: &Names<'_>, request: &Request) -> String {
    let grantee = Names::grantee;
    match request {
        Request::Object(ObjectRequest::Encrypt { overwrite: true, .. }) => {
            "The objects there are replaced; the key object of the old ones stays.".to_owned()
        }
        Request::Object(ObjectRequest::AbandonUpload { .. }) => {
            "Its parts are deleted from S3. Files that were complete stay there, the local files too.".to_owned()
        }
        Request::Object(ObjectRequest::Delete { objects, .. }) => {
            let what = if objects.iter().any(|object| names.is_data_key(object)) {
                "Among them is an encrypted data key: tokens under it whose metadata does not carry it can never be \
                 opened again. "
            } else {
                ""
            };
            format!("{what}Nothing deleted comes back, unless the bucket keeps versions.")
        }
        Request::Grant(GrantRequest::Revoke { grantee: to, .. }) => format!(
            "Then {} is denied, unless a policy or another grant allows it. It takes some minutes to reach everywhere; \
             a job that has unwrapped its data key keeps it.",
            grantee(to)
        ),
        Request::Grant(GrantRequest::Retire { grantee: to, .. }) => format!(
            "Only its grantee, its retiring principal or the account may. Then {} is denied, unless a policy or \
             another grant allows it.",
            grantee(to)
        ),
        Request::Proof(ProofRequest::Access { trust: true, .. }) => {
            "Whoever may assume it can read the training data. That is taken back as soon as the proof is done."
                .to_owned()
        }
        Request::Key(KeyRequest::Enable { .. }) => {
            "Whatever is under it opens again, for whoever may use it.".to_owned()
        }
        Request::Key(KeyRequest::Disable { .. }) => format!(
            "Nothing under it opens until it is enabled again ({}).",
            names.press(Command::Restore)
        ),
        Request::Key(KeyRequest::ScheduleDeletion { .. }) => format!(
            "Until then nothing under it opens, and {} takes it back. After that nothing under it ever opens again.",
            names.press(Command::Restore)
        ),
        Request::Key(KeyRequest::CancelDeletion { .. }) => format!(
            "It is left Disabled: {} once more enables it.",
            names.press(Command::Restore)
        ),
        Request::Job(JobRequest::Start(spec)) => format!(
            "{} × {} for at most {}, with {}; AWS bills for it. What it writes goes to {}.",
            spec.instance_count,
            spec.instance_type,
            text::span(spec.max_runtime.into()),
            spec.image,
            spec.output
        ),
        Request::Job(JobRequest::Stop { .. }) => {
            "It is told to end and has two minutes; what it wrote until then is kept.".to_owned()
        }
        Request::Key(KeyRequest::PutPolicy { .. }) => {
            "Who may use it and who administers it changes at once. `put policy back` undoes it.".to_owned()
        }
        Request::Key(KeyRequest::MoveAlias { .. }) => {
            "Whoever uses the alias uses this key from then on; what was encrypted before still \
                                      opens under the old one."
                .to_owned()
        }
        Request::Key(KeyRequest::DeleteAlias { .. }) => {
            "Whoever uses the alias finds nothing then; the key stays.".to_owned()
        }
        Request::Key(KeyRequest::SetRotation { on: true, .. }) => {
            "AWS makes new material every year; what the old encrypted still opens.".to_owned()
        }
        Request::Key(KeyRequest::SetRotation { on: false, .. }) => "The key keeps the material that it has.".to_owned(),
        Request::Object(ObjectRequest::EmptyBucket { .. }) => {
            "They are gone for good, data keys with them; the bucket stays.".to_owned()
        }
        Request::Object(ObjectRequest::DeleteBucket { .. }) => {
            "All of it is gone for good, data keys with it.".to_owned()
        }
        Request::Proof(ProofRequest::Object { grant: true, .. }) => {
            "The grant is revoked when the proof is done.".to_owned()
        }
        Request::Role(RoleRequest::New(spec)) => {
            if spec.full_access {
                "SageMaker of this account may assume it. It has AmazonSageMakerFullAccess.".to_owned()
            } else {
                "SageMaker of this account may assume it. It has the least policy, and no key.".to_owned()
            }
        }
        Request::Role(RoleRequest::DetachPolicy { .. }) => {
            "Jobs that run as it lose what the policy allowed.".to_owned()
        }
        Request::Role(RoleRequest::Delete { .. }) => {
            "Its policies go first. Jobs that run as it lose their access; grants to it stay on their keys, useless."
                .to_owned()
        }
        Request::Role(RoleRequest::TrustCaller { on: true, .. }) => {
            "Whoever may assume it can read the training data. `distrust me` takes it back.".to_owned()
        }
        Request::Role(RoleRequest::TrustCaller { on: false, .. }) => {
            "What others put into its trust policy stays.".to_owned()
        }
        Request::Role(RoleRequest::TrustService { .. }) => "Jobs of this account can then run as it.".to_owned(),
        Request::Grant(GrantRequest::New(spec)) => {
            let when = match &spec.constraint {
                None => String::new(),
                Some(GrantConstraint::ContextEquals(pairs)) => format!(" whose context is exactly {}", listed(pairs)),
                Some(GrantConstraint::ContextSubset(pairs)) => format!(" whose context holds {}", listed(pairs)),
            };
            format!(
                "Until it is revoked: whoever is {} can do that with everything under the key{when}.",
                grantee(&spec.grantee)
            )
        }
        Request::Proof(ProofRequest::Story { .. }) => {
            "Expect denied, grant, expect allowed, revoke, expect denied: everything is left as it was.".to_owned()
        }
        Request::Image(ImageRequest::DeleteRepository { .. }) => "Jobs that name one of them fail.".to_owned(),
        Request::Object(ObjectRequest::Encrypt { overwrite: false, .. })
        | Request::Object(ObjectRequest::ResumeUpload { .. })
        | Request::Object(ObjectRequest::Decrypt { .. })
        | Request::Object(ObjectRequest::Verify { .. })
        | Request::Object(ObjectRequest::CreateBucket { .. })
        | Request::Proof(ProofRequest::Access { trust: false, .. })
        | Request::Job(JobRequest::SaveLog { .. })
        | Request::Account(AccountRequest::SaveAudit { .. })
        | Request::Key(KeyRequest::New(_))
        | Request::Key(KeyRequest::DraftPolicy { .. })
        | Request::Key(KeyRequest::ReadPolicy { .. })
        | Request::Key(KeyRequest::AddAlias { .. })
        | Request::Key(KeyRequest::Tag { .. })
        | Request::Key(KeyRequest::Tags { .. })
        | Request::Key(KeyRequest::Describe { .. })
        | Request::Key(KeyRequest::FindDependents { .. })
        | Request::Message(MessageRequest::Encrypt { .. })
        | Request::Message(MessageRequest::Decrypt { .. })
        | Request::Message(MessageRequest::NewDataKey { .. })
        | Request::Message(MessageRequest::OpenDataKey { .. })
        | Request::Message(MessageRequest::ReEncryptDataKey { .. })
        | Request::Object(ObjectRequest::CountBucket { .. })
        | Request::Object(ObjectRequest::Preview { .. })
        | Request::Object(ObjectRequest::ListArchive { .. })
        | Request::Proof(ProofRequest::Object { grant: false, .. })
        | Request::Role(RoleRequest::Policies { .. })
        | Request::Grant(GrantRequest::Await { .. })
        | Request::Grant(GrantRequest::List { .. })
        | Request::Job(JobRequest::Preflight(_))
        | Request::Image(ImageRequest::NewRepository { .. })
        | Request::Image(ImageRequest::Build(_))
        | Request::Image(ImageRequest::Try { .. })
        | Request::Account(AccountRequest::PlanCleanUp)
        | Request::Account(AccountRequest::AuditLog { .. }) => String::new(),
    }
}

fn listed(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(", ")
}

/// What is added where a token may be opened that may have lost its metadata.
fn even_stripped(accept_unbound: bool) -> &'static str {
    if accept_unbound { ", even without metadata" } else { "" }
}

/// Objects, and what older versions and delete markers are beside them.
pub(crate) fn holdings(objects: u64, older: u64) -> String {
    let objects = text::count(objects as usize, "object");
    match older {
        0 => objects,
        1 => format!("{objects} and an older version or delete marker"),
        older => format!("{objects} and {older} older versions and delete markers"),
    }
}
