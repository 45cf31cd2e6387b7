//! Request -> action: what is asked for, and the action of the same name. For the dashboard and the command line alike.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::actions::bulk::processing::{begin, go_on};
use crate::actions::bulk::{
    RewrapMode, audit_report, collected_report, collected_rewrap_report, collected_seal_report, plan_seal,
    rewrap_report, save_audit_report, seal_report,
};
use crate::actions::decrypt::{DecryptReport, DecryptRequest, Output, decrypt};
use crate::actions::encrypt::{Destination, EncryptReport, EncryptRequest, encrypt};
use crate::actions::verify::{VerifyRequest, verify};
use crate::actions::{self, Aws, OpenOptions, ProgressSink, resume};
use crate::domain::{
    AccountRequest, BulkAct, BulkRequest, Facts, Fault, GrantRequest, ImageRequest, JobRequest, KeyRequest, Location,
    MessageRequest, ObjectRequest, OnCancel, Outcome, ProofRequest, Request, RoleRequest, SealRequest, Verified,
};

/// Does what is asked for.
///
/// What changes anything is never dropped between two calls: it is told to stop, finishes its step or takes it back, and
/// says what was done. Only what reads is dropped ([`Facts::on_cancel`]).
pub(crate) async fn perform(
    aws: &Aws,
    request: &Request,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let facts = request.plain_facts();
    let run = Run { aws, progress, cancel };
    let action = Box::pin(run.act(request));
    match facts.on_cancel {
        OnCancel::Finish(_) => action.await,
        OnCancel::Drop => tokio::select! {
            biased;
            () = cancel.cancelled() => Err(stopped(&facts)),
            outcome = action => outcome,
        },
    }
}

/// The fault of a request that was dropped.
pub(crate) fn stopped(facts: &Facts) -> Fault {
    Fault::cancelled(facts.act, &facts.object, "cancelled", "")
}

/// What every action is given.
#[derive(Clone, Copy)]
struct Run<'a> {
    aws: &'a Aws,
    progress: &'a ProgressSink,
    cancel: &'a CancellationToken,
}

impl Run<'_> {
    async fn act(self, request: &Request) -> Result<Outcome, Fault> {
        let Self { aws, progress, cancel } = self;
        match request {
            Request::Object(request) => self.of_object(request).await,
            Request::Seal(request) => match request {
                SealRequest::Plan(spec) => {
                    let plan = plan_seal(aws, spec, progress, cancel).await?;
                    Ok(Outcome::SealPlanned(Box::new(plan)))
                }
                SealRequest::Run(spec) => seal_report(aws, spec, progress, cancel).await,
            },
            Request::Bulk(request) => self.of_hosts(request).await,
            Request::Key(request) => self.of_key(request).await,
            Request::Proof(request) => self.of_proof(request).await,
            Request::Message(request) => match request {
                MessageRequest::Encrypt {
                    key,
                    message,
                    context,
                    to,
                } => actions::encrypt_message(aws, key, message, context, to.as_deref()).await,
                MessageRequest::Decrypt {
                    message,
                    key,
                    context,
                    to,
                } => actions::decrypt_message(aws, message, key.as_deref(), context, to.as_deref()).await,
                MessageRequest::NewDataKey { key, context, to } => actions::new_data_key(aws, key, context, to).await,
                MessageRequest::OpenDataKey { at, context, role_arn } => {
                    actions::open_data_key(aws, at, context, role_arn.as_deref()).await
                }
                MessageRequest::ReEncryptDataKey { at, context, key, to } => {
                    actions::re_encrypt_data_key(aws, at, context, key, to).await
                }
            },
            Request::Grant(request) => match request {
                GrantRequest::New(spec) => actions::grant(aws, spec).await,
                GrantRequest::Revoke {
                    key_arn,
                    grant_id,
                    grantee,
                } => actions::revoke_grant(aws, key_arn, grant_id, grantee).await,
                GrantRequest::Retire {
                    key_arn,
                    grant_id,
                    grantee,
                } => actions::retire_grant(aws, key_arn, grant_id, grantee).await,
                GrantRequest::Await {
                    key_arn,
                    grant_id,
                    grantee,
                } => actions::await_grant(aws, key_arn, grant_id, grantee, progress).await,
                GrantRequest::List => actions::grants_of(aws, &[], progress).await,
            },
            Request::Role(request) => match request {
                RoleRequest::New(spec) => actions::new_role(aws, spec, cancel).await,
                RoleRequest::Policies { role } => actions::role_policies(aws, role).await,
                RoleRequest::DetachPolicy { role, policy } => actions::detach_role_policy(aws, role, policy).await,
                RoleRequest::Delete { role } => actions::delete_role(aws, role, cancel).await,
                RoleRequest::TrustCaller { role, on } => actions::trust_caller(aws, role, *on).await,
                RoleRequest::TrustService { role } => actions::trust_service(aws, role).await,
            },
            Request::Job(request) => match request {
                JobRequest::Start(spec) => actions::start_job(aws, spec, cancel).await,
                JobRequest::Stop { name } => actions::stop_job(aws, name).await,
                JobRequest::SaveLog { job, to } => actions::save_log(aws, job, to).await,
                JobRequest::Preflight(spec) => actions::preflight(aws, spec).await,
            },
            Request::Image(request) => match request {
                ImageRequest::NewRepository { repository } => actions::new_repository(aws, repository).await,
                ImageRequest::DeleteRepository { repository } => actions::delete_repository(aws, repository).await,
                ImageRequest::Build(spec) => actions::build_image(aws, spec, progress, cancel).await,
                ImageRequest::Try { image } => actions::try_image(image, progress, cancel).await,
            },
            Request::Account(request) => match request {
                AccountRequest::PlanCleanUp => actions::plan_clean_up(aws, progress).await,
                AccountRequest::SaveAudit { to } => actions::save_audit(aws, to),
                AccountRequest::SaveSheet { sheet, to } => actions::save_sheet(sheet, to),
                AccountRequest::AuditLog { most } => actions::audit_log(aws, *most),
            },
        }
    }

    async fn of_hosts(self, request: &BulkRequest) -> Result<Outcome, Fault> {
        let Self { aws, progress, cancel } = self;
        match request {
            BulkRequest::Begin { order, engine } => {
                let begun = Box::pin(begin(aws, order, engine, None, progress, cancel)).await?;
                Ok(begun.into())
            }
            BulkRequest::Preflight { order, engine } => Box::pin(actions::preflight_bulk(aws, order, engine)).await,
            BulkRequest::GoOn { folder, engine } => Ok(go_on(aws, folder, engine, cancel).await?.into()),
            BulkRequest::Collect { act, folder } => match act {
                BulkAct::Audit => collected_report(aws, folder, progress, cancel).await,
                BulkAct::Rotate | BulkAct::Encrypt => collected_seal_report(aws, folder, progress, cancel).await,
                BulkAct::Rewrap => Box::pin(collected_rewrap_report(aws, folder, progress, cancel)).await,
            },
        }
    }

    async fn of_key(self, request: &KeyRequest) -> Result<Outcome, Fault> {
        let Self { aws, progress, cancel } = self;
        match request {
            KeyRequest::SaveWho { report, .. } => actions::save_who(aws, report),
            KeyRequest::New(spec) => actions::new_key(aws, spec, cancel).await,
            KeyRequest::DraftPolicy { administrators, users } => {
                actions::draft_key_policy(aws, administrators, users).await
            }
            KeyRequest::ReadPolicy { key_arn } => actions::read_key_policy(aws, key_arn).await,
            KeyRequest::PutPolicy {
                key_arn,
                policy,
                accept_lockout,
            } => actions::put_key_policy(aws, key_arn, policy, *accept_lockout).await,
            KeyRequest::AddAlias { alias, key_arn } => actions::add_alias(aws, alias, key_arn).await,
            KeyRequest::MoveAlias { alias, key_arn } => actions::move_alias(aws, alias, key_arn).await,
            KeyRequest::DeleteAlias { alias } => actions::delete_alias(aws, alias).await,
            KeyRequest::Tag { key_arn, set, remove } => actions::tag_key(aws, key_arn, set, remove).await,
            KeyRequest::SetRotation { key_arn, on } => actions::set_rotation(aws, key_arn, *on).await,
            KeyRequest::Describe { key_arn, description } => actions::set_description(aws, key_arn, description).await,
            KeyRequest::Enable { key_arn } => actions::enable_key(aws, key_arn).await,
            KeyRequest::Disable { key_arn } => actions::disable_key(aws, key_arn).await,
            KeyRequest::ScheduleDeletion { key_arn, days } => actions::schedule_key_deletion(aws, key_arn, *days).await,
            KeyRequest::CancelDeletion { key_arn } => actions::cancel_key_deletion(aws, key_arn).await,
            KeyRequest::FindDependents {
                key_arn,
                most_buckets,
                most_objects,
            } => {
                let found = actions::dependents(aws, key_arn, *most_buckets, *most_objects, progress).await?;
                Ok(Outcome::Dependents(Box::new(found)))
            }
        }
    }

    async fn of_proof(self, request: &ProofRequest) -> Result<Outcome, Fault> {
        let Self { aws, progress, cancel } = self;
        match request {
            ProofRequest::Access {
                key,
                role,
                context,
                trust,
            } => {
                let proof = if *trust {
                    actions::prove_trusted(aws, key, role, context, progress, cancel).await?
                } else {
                    actions::prove(aws, key, role, context).await?
                };
                Ok(Outcome::Proved {
                    key_arn: proof.key_arn,
                    role_arn: proof.role_arn,
                    method: proof.method,
                    steps: proof.operations,
                })
            }
            ProofRequest::GrantCycle { key, role, context } => {
                let story = actions::prove_grant_cycle(aws, key, role, context, &[], progress, cancel).await?;
                Ok(Outcome::GrantCycle(Box::new(story)))
            }
            ProofRequest::Object {
                bucket,
                object,
                role,
                grant,
            } => {
                let proof = actions::prove_object(aws, bucket, object, role, *grant, progress, cancel).await?;
                Ok(Outcome::ObjectProved(Box::new(proof)))
            }
        }
    }

    async fn of_object(self, request: &ObjectRequest) -> Result<Outcome, Fault> {
        let Self { aws, progress, cancel } = self;
        match request {
            ObjectRequest::Encrypt {
                paths,
                bucket,
                prefix,
                key,
                context,
                overwrite,
            } => {
                let request = EncryptRequest {
                    paths: paths.clone(),
                    destination: Destination::Location(Location::s3(bucket, prefix)),
                    key: key.clone(),
                    context: context.clone(),
                    data_key_name: None,
                    data_key_out: None,
                    overwrite: *overwrite,
                    resume: true,
                };
                encrypted(encrypt(aws, request, progress, cancel).await?)
            }
            ObjectRequest::ResumeUpload { id, .. } => encrypted(resume::finish(aws, id, progress, cancel).await?),
            ObjectRequest::AbandonUpload { id, what, destination } => {
                resume::abandon(aws, id).await?;
                Ok(Outcome::UploadAbandoned {
                    what: what.clone(),
                    destination: destination.clone(),
                })
            }
            ObjectRequest::Decrypt {
                bucket,
                object,
                to,
                overwrite,
                accept_name,
                accept_unbound,
            } => {
                let source = Location::s3(bucket, object);
                let shown = source.to_string();
                let request = DecryptRequest {
                    source,
                    output: Output::Path(to.clone()),
                    open: OpenOptions {
                        accept_name: *accept_name,
                        accept_unbound: *accept_unbound,
                        ..OpenOptions::default()
                    },
                    overwrite: *overwrite,
                };
                decrypted(decrypt(aws, request, progress, cancel).await?, shown, to)
            }
            ObjectRequest::Verify {
                bucket,
                objects,
                accept_unbound,
            } => {
                let request = VerifyRequest {
                    sources: objects.iter().map(|key| Location::s3(bucket, key)).collect(),
                    open: OpenOptions {
                        accept_unbound: *accept_unbound,
                        ..OpenOptions::default()
                    },
                };
                let mut verdicts = Vec::new();
                verify(aws, request, progress, cancel, |verdict| verdicts.push(verdict)).await?;
                Ok(Outcome::Verified { verdicts })
            }
            ObjectRequest::Audit(request) => audit_report(aws, request, progress, cancel).await,
            ObjectRequest::PlanRewrap(spec) => rewrap_report(aws, spec, RewrapMode::PLAN, progress, cancel).await,
            ObjectRequest::Rewrap(spec) => rewrap_report(aws, spec, RewrapMode::ALL, progress, cancel).await,
            ObjectRequest::SaveAudit { report, to } => save_audit_report(report, to),
            ObjectRequest::Delete { bucket, objects } => {
                actions::delete_objects(aws, bucket, objects, progress, cancel).await
            }
            ObjectRequest::CreateBucket { bucket } => actions::create_bucket(aws, bucket).await,
            ObjectRequest::CountBucket { bucket } => actions::count_bucket(aws, bucket, progress).await,
            ObjectRequest::EmptyBucket {
                bucket,
                expected,
                older,
            } => actions::empty_bucket(aws, bucket, expected + older, false, progress, cancel).await,
            ObjectRequest::DeleteBucket {
                bucket,
                expected,
                older,
            } => actions::empty_bucket(aws, bucket, expected + older, true, progress, cancel).await,
            ObjectRequest::Preview {
                bucket,
                object,
                member,
                most,
                accept_unbound,
            } => {
                let (member, how) = (member.as_deref(), (*most, *accept_unbound));
                let preview = actions::preview(aws, bucket, object, member, how, progress, cancel).await?;
                Ok(Outcome::Previewed(Box::new(preview)))
            }
            ObjectRequest::ListVersions { bucket, object } => {
                actions::list_versions(aws, bucket, object, progress).await
            }
            ObjectRequest::OfVersion { version, request } => {
                let (bucket, object) = one_object(request)?;
                let aws = &aws.at_version(bucket, object, version);
                Box::pin(Run { aws, ..self }.of_object(request)).await
            }
            ObjectRequest::CompareVersions {
                bucket,
                object,
                versions,
                decrypted,
            } => actions::compare_versions(aws, (bucket, object), versions, *decrypted, progress, cancel).await,
            ObjectRequest::Presign { bucket, object } => actions::presign(aws, bucket, object).await,
            ObjectRequest::ListArchive { bucket, object } => {
                actions::list_archive(aws, bucket, object, progress, cancel).await
            }
        }
    }
}

/// Bucket and key of the one object that is read.
fn one_object(request: &ObjectRequest) -> Result<(&str, &str), Fault> {
    match request {
        ObjectRequest::Preview { bucket, object, .. } | ObjectRequest::Decrypt { bucket, object, .. } => {
            Ok((bucket, object))
        }
        ObjectRequest::Verify { bucket, objects, .. } if objects.len() == 1 => Ok((bucket, &objects[0])),
        _ => {
            let cause = "a version is previewed, verified or decrypted, one at a time";
            Err(Fault::usage("read", "a version", cause, ""))
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

fn decrypted(report: DecryptReport, source: String, to: &Path) -> Result<Outcome, Fault> {
    whole(&report.failed, report.files.len())?;
    let only = match report.files.as_slice() {
        [file] => file.path.clone(),
        _ => None,
    };
    Ok(Outcome::Decrypted {
        source,
        path: only.unwrap_or_else(|| to.to_path_buf()),
        bytes: report.files.iter().map(|file| file.bytes).sum(),
        verified: Verified::of_all(report.files.iter().map(|file| file.verified.clone())),
        etag: report.files.first().and_then(|file| file.etag.clone()),
        contested: report.files.into_iter().filter_map(|file| file.contested).collect(),
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
