//! Request -> action.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::words::words;
use crate::actions::decrypt::{DecryptReport, DecryptRequest, Output, decrypt};
use crate::actions::encrypt::{Destination, EncryptReport, EncryptRequest, encrypt};
use crate::actions::verify::{VerifyRequest, verify};
use crate::actions::{self, Aws, OpenOptions, Place, ProgressSink, resume};
use crate::domain::{
    AccountRequest, Fault, FaultKind, GrantRequest, ImageRequest, JobRequest, KeyRequest, MessageRequest,
    ObjectRequest, Outcome, ProofRequest, Request, RoleRequest, Verified,
};

/// The action of the same name.
pub(super) async fn perform(
    aws: &Aws,
    request: &Request,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request.clone() {
        Request::Object(ObjectRequest::Encrypt {
            paths,
            bucket,
            prefix,
            key,
            context,
            overwrite,
        }) => {
            let request = EncryptRequest {
                paths,
                destination: Destination::Place(Place::S3 { bucket, key: prefix }),
                key,
                context,
                data_key_name: None,
                data_key_out: None,
                overwrite,
                resume: true,
            };
            encrypted(encrypt(aws, request, progress, cancel).await?)
        }
        Request::Object(ObjectRequest::ResumeUpload { id, .. }) => {
            encrypted(resume::finish(aws, &id, progress, cancel).await?)
        }
        Request::Object(ObjectRequest::AbandonUpload { id, what, destination }) => {
            resume::abandon(aws, &id).await?;
            Ok(Outcome::UploadAbandoned { what, destination })
        }
        Request::Object(ObjectRequest::Decrypt {
            bucket,
            object,
            to,
            overwrite,
            accept_name,
            accept_unbound,
        }) => {
            let source = Place::S3 { bucket, key: object };
            let shown = source.to_string();
            let request = DecryptRequest {
                source,
                output: Output::Path(to.clone()),
                open: OpenOptions {
                    accept_name,
                    accept_unbound,
                    ..OpenOptions::default()
                },
                overwrite,
            };
            decrypted(decrypt(aws, request, progress, cancel).await?, shown, to)
        }
        Request::Object(ObjectRequest::Verify {
            bucket,
            objects,
            accept_unbound,
        }) => {
            let place = |key| Place::S3 {
                bucket: bucket.clone(),
                key,
            };
            let request = VerifyRequest {
                sources: objects.into_iter().map(place).collect(),
                open: OpenOptions {
                    accept_unbound,
                    ..OpenOptions::default()
                },
            };
            let mut verdicts = Vec::new();
            verify(aws, request, progress, cancel, |verdict| verdicts.push(verdict)).await?;
            Ok(Outcome::Verified { verdicts })
        }
        Request::Object(ObjectRequest::Delete { bucket, objects }) => {
            actions::delete_objects(aws, &bucket, &objects, progress, cancel).await
        }
        Request::Object(ObjectRequest::CreateBucket { bucket }) => actions::create_bucket(aws, &bucket).await,
        Request::Grant(GrantRequest::Revoke {
            key_arn,
            grant_id,
            grantee,
        }) => actions::revoke_grant(aws, &key_arn, &grant_id, &grantee).await,
        Request::Proof(ProofRequest::Access {
            key_arn,
            role_arn,
            trust,
        }) => {
            let none = BTreeMap::new();
            let proof = if trust {
                actions::prove_trusted(aws, &key_arn, &role_arn, &none, progress, cancel).await?
            } else {
                actions::prove(aws, &key_arn, &role_arn, &none).await?
            };
            Ok(Outcome::Proved {
                key_arn: proof.key_arn,
                role_arn: proof.role_arn,
                method: proof.method,
                steps: proof.operations,
            })
        }
        Request::Key(KeyRequest::Enable { key_arn }) => actions::enable_key(aws, &key_arn).await,
        Request::Key(KeyRequest::Disable { key_arn }) => actions::disable_key(aws, &key_arn).await,
        Request::Key(KeyRequest::ScheduleDeletion { key_arn, days }) => {
            actions::schedule_key_deletion(aws, &key_arn, days).await
        }
        Request::Key(KeyRequest::CancelDeletion { key_arn }) => actions::cancel_key_deletion(aws, &key_arn).await,
        Request::Job(JobRequest::Start(spec)) => actions::start_job(aws, &spec, cancel).await,
        Request::Job(JobRequest::SaveLog { job, to }) => actions::save_log(aws, &job, &to).await,
        Request::Job(JobRequest::Stop { name }) => actions::stop_job(aws, &name).await,
        request => match key(aws, &request, cancel).await {
            Some(outcome) => outcome,
            None => walk(aws, request, progress, cancel).await,
        },
    }
}

/// What is done to a key and its names.
async fn key(aws: &Aws, request: &Request, cancel: &CancellationToken) -> Option<Result<Outcome, Fault>> {
    Some(match request {
        Request::Key(KeyRequest::New(spec)) => actions::new_key(aws, spec, cancel).await,
        Request::Key(KeyRequest::DraftPolicy { administrators, users }) => {
            actions::draft_key_policy(aws, administrators, users).await
        }
        Request::Key(KeyRequest::ReadPolicy { key_arn }) => actions::read_key_policy(aws, key_arn).await,
        Request::Key(KeyRequest::PutPolicy {
            key_arn,
            policy,
            accept_lockout,
        }) => actions::put_key_policy(aws, key_arn, policy, *accept_lockout).await,
        Request::Key(KeyRequest::AddAlias { alias, key_arn }) => actions::add_alias(aws, alias, key_arn).await,
        Request::Key(KeyRequest::MoveAlias { alias, key_arn }) => actions::move_alias(aws, alias, key_arn).await,
        Request::Key(KeyRequest::DeleteAlias { alias }) => actions::delete_alias(aws, alias).await,
        Request::Key(KeyRequest::Tag { key_arn, set, remove }) => actions::tag_key(aws, key_arn, set, remove).await,
        Request::Key(KeyRequest::Tags { key_arn }) => actions::key_tags(aws, key_arn).await,
        Request::Key(KeyRequest::SetRotation { key_arn, on }) => actions::set_rotation(aws, key_arn, *on).await,
        Request::Key(KeyRequest::Describe { key_arn, description }) => {
            actions::set_description(aws, key_arn, description).await
        }
        _ => return None,
    })
}

/// The further steps of the walk.
async fn walk(
    aws: &Aws,
    request: Request,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    match request {
        Request::Key(KeyRequest::FindDependents {
            key_arn,
            most_buckets,
            most_objects,
        }) => {
            let found = actions::dependents(aws, &key_arn, most_buckets, most_objects, progress).await?;
            Ok(Outcome::Dependents(Box::new(found)))
        }
        Request::Message(MessageRequest::Encrypt {
            key,
            message,
            context,
            to,
        }) => actions::encrypt_message(aws, &key, &message, &context, to.as_deref()).await,
        Request::Message(MessageRequest::Decrypt {
            message,
            key,
            context,
            to,
        }) => actions::decrypt_message(aws, &message, key.as_deref(), &context, to.as_deref()).await,
        Request::Message(MessageRequest::NewDataKey { key, context, to }) => {
            actions::new_data_key(aws, &key, &context, &to).await
        }
        Request::Message(MessageRequest::OpenDataKey { at, context, role_arn }) => {
            actions::open_data_key(aws, &at, &context, role_arn.as_deref()).await
        }
        Request::Message(MessageRequest::ReEncryptDataKey { at, context, key, to }) => {
            actions::re_encrypt_data_key(aws, &at, &context, &key, &to).await
        }
        Request::Object(ObjectRequest::CountBucket { bucket }) => actions::count_bucket(aws, &bucket, progress).await,
        Request::Object(ObjectRequest::EmptyBucket {
            bucket,
            expected,
            older,
        }) => actions::empty_bucket(aws, &bucket, expected + older, false, progress, cancel).await,
        Request::Object(ObjectRequest::DeleteBucket {
            bucket,
            expected,
            older,
        }) => actions::empty_bucket(aws, &bucket, expected + older, true, progress, cancel).await,
        Request::Object(ObjectRequest::Preview {
            bucket,
            object,
            member,
            most,
            accept_unbound,
        }) => {
            let (member, how) = (member.as_deref(), (most, accept_unbound));
            let preview = actions::preview(aws, &bucket, &object, member, how, progress, cancel).await?;
            Ok(Outcome::Previewed(Box::new(preview)))
        }
        Request::Object(ObjectRequest::ListArchive { bucket, object }) => {
            actions::list_archive(aws, &bucket, &object, progress, cancel).await
        }
        Request::Proof(ProofRequest::Object {
            bucket,
            object,
            role_arn,
            grant,
        }) => {
            let proof = actions::prove_object(aws, &bucket, &object, &role_arn, grant, progress, cancel).await?;
            Ok(Outcome::ObjectProved(Box::new(proof)))
        }
        Request::Proof(ProofRequest::Story {
            key_arn,
            role_arn,
            context,
            operations,
        }) => {
            let story = actions::prove_story(aws, &key_arn, &role_arn, &context, &operations, progress, cancel).await?;
            Ok(Outcome::Story(Box::new(story)))
        }
        Request::Role(RoleRequest::New(spec)) => actions::new_role(aws, &spec, cancel).await,
        Request::Role(RoleRequest::Policies { role }) => actions::role_policies(aws, &role).await,
        Request::Role(RoleRequest::DetachPolicy { role, policy }) => {
            actions::detach_role_policy(aws, &role, &policy).await
        }
        Request::Role(RoleRequest::Delete { role }) => actions::delete_role(aws, &role, cancel).await,
        Request::Role(RoleRequest::TrustCaller { role, on }) => actions::trust_caller(aws, &role, on).await,
        Request::Role(RoleRequest::TrustService { role }) => actions::trust_service(aws, &role).await,
        Request::Grant(GrantRequest::New(spec)) => actions::grant(aws, &spec).await,
        Request::Grant(GrantRequest::Await {
            key_arn,
            grant_id,
            grantee,
        }) => actions::await_grant(aws, &key_arn, &grant_id, &grantee, progress).await,
        Request::Grant(GrantRequest::Retire {
            key_arn,
            grant_id,
            grantee,
        }) => actions::retire_grant(aws, &key_arn, &grant_id, &grantee).await,
        Request::Grant(GrantRequest::List { key_arns }) => actions::grants_of(aws, &key_arns, progress).await,
        Request::Job(JobRequest::Preflight(spec)) => actions::preflight(aws, &spec).await,
        Request::Image(ImageRequest::NewRepository { repository }) => actions::new_repository(aws, &repository).await,
        Request::Image(ImageRequest::DeleteRepository { repository }) => {
            actions::delete_repository(aws, &repository).await
        }
        Request::Image(ImageRequest::Build(spec)) => actions::build_image(aws, &spec, progress, cancel).await,
        Request::Image(ImageRequest::Try { image }) => actions::try_image(&image, progress, cancel).await,
        Request::Account(AccountRequest::PlanCleanUp) => actions::plan_clean_up(aws, progress).await,
        Request::Account(AccountRequest::SaveAudit { to }) => actions::save_audit(aws, &to),
        Request::Account(AccountRequest::AuditLog { most }) => actions::audit_log(aws, most),
        other => {
            let (act, object) = words(&other);
            Err(Fault::new(
                FaultKind::Other,
                act,
                object,
                "nothing performs this",
                "please report this",
            ))
        }
    }
}

fn encrypted(report: EncryptReport) -> Result<Outcome, Fault> {
    whole(&report.failed, report.files.len())?;
    let places = report.files.iter().filter_map(|file| file.place.as_ref());
    Ok(Outcome::Encrypted {
        uris: places.map(ToString::to_string).collect(),
        bytes: report.files.iter().map(|file| file.bytes).sum(),
        data_key_uri: report
            .files
            .first()
            .map(|file| file.data_key_uri.clone())
            .unwrap_or_default(),
        key_arn: report.kms_key_arn,
    })
}

fn decrypted(report: DecryptReport, source: String, to: PathBuf) -> Result<Outcome, Fault> {
    whole(&report.failed, report.files.len())?;
    let only = match report.files.as_slice() {
        [file] => file.path.clone(),
        _ => None,
    };
    Ok(Outcome::Decrypted {
        source,
        path: only.unwrap_or(to),
        bytes: report.files.iter().map(|file| file.bytes).sum(),
        verified: Verified::of_all(report.files.iter().map(|file| file.verified.clone())),
        etag: report.files.first().and_then(|file| file.etag.clone()),
    })
}

/// One that failed among many makes the operation fail, saying how many are done.
fn whole(failed: &[Fault], done: usize) -> Result<(), Fault> {
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let cause = format!("{} ({} failed, {done} done)", first.cause, failed.len());
    Err(Fault { cause, ..first.clone() })
}
