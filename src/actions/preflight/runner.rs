//! What every job needs, whatever it does: looked at for training and processing jobs alike.

use std::collections::BTreeMap;

use super::SAGEMAKER;
use crate::actions::jobs::Program;
use crate::actions::proof::prove;
use crate::actions::roles;
use crate::aws::iam::Simulated;
use crate::aws::{Aws, ecr, iam, kms, s3, sts};
use crate::domain::policy::{self, Decision, PrincipalKind, Question, principal_kind, role_name};
use crate::domain::{
    Arn, Door, Fault, FaultKind, Finding, GrantRequest, GrantSpec, KeyRequest, KeyState, ProofMethod, Request,
    RolePolicies, RoleRequest, Weight, bucket,
};

/// Who runs a job, and what.
#[derive(Clone, Copy)]
pub(super) struct Runner<'a> {
    pub(super) aws: &'a Aws,
    pub(super) role_arn: &'a str,
    pub(super) image: &'a str,
}

impl Runner<'_> {
    /// Whether SageMaker gets the role, and what the role may do, if that can be read.
    pub(super) async fn role(&self) -> (Option<RolePolicies>, Vec<Finding>) {
        let trust = "SageMaker may assume the role";
        let role = role_name(self.role_arn);
        let policies = match roles::policies(self.aws, role).await {
            Ok(policies) => policies,
            Err(fault) if fault.kind == FaultKind::NotFound => {
                let remedy = "choose an existing role, or create one";
                let finding = blocks(trust, format!("there is no role {role}"), remedy, None);
                return (None, vec![finding]);
            }
            Err(fault) => return (None, vec![unknown(trust, fault)]),
        };
        let trusted = if policies.trust.contains(&format!("\"{SAGEMAKER}\"")) {
            well(trust, role.to_owned())
        } else {
            let remedy = "let its trust policy name sagemaker.amazonaws.com";
            let repair = Request::Role(RoleRequest::TrustService { role: role.to_owned() });
            blocks(trust, format!("{role} does not trust SageMaker"), remedy, Some(repair))
        };
        (Some(policies), vec![trusted])
    }

    pub(super) async fn pass_role(&self) -> Finding {
        let what = "you may hand the role to SageMaker";
        let simulated = async {
            let identity = sts::caller_identity(self.aws).await?;
            let principal = match principal_kind(&identity.arn) {
                PrincipalKind::SessionOf(role) => iam::get_role(self.aws, role).await?.arn,
                _ => identity.arn,
            };
            let service = [("iam:PassedToService", SAGEMAKER)];
            iam::simulate(self.aws, &principal, "iam:PassRole", self.role_arn, &service).await
        };
        match simulated.await {
            Ok(Simulated::Allowed) => well(what, "iam:PassRole is allowed".to_owned()),
            Ok(Simulated::Denied) => blocks(
                what,
                "a policy denies you iam:PassRole on it".to_owned(),
                "whoever keeps that policy must change it: no Allow helps",
                None,
            ),
            Ok(Simulated::NotAllowed) => blocks(
                what,
                "your policies do not allow iam:PassRole on it".to_owned(),
                "ask for iam:PassRole on this role for sagemaker.amazonaws.com",
                None,
            ),
            Err(fault) => unknown(what, fault),
        }
    }

    pub(super) async fn region(&self, bucket: &str) -> Finding {
        let what = "the bucket is in this region";
        match s3::bucket_region(self.aws, bucket).await {
            Ok(region) if region == self.aws.region() => well(what, region),
            Ok(region) => blocks(
                what,
                format!("{bucket} is in {region}, the job would run in {}", self.aws.region()),
                "run strongroom with --region and the bucket's region",
                None,
            ),
            Err(fault) if fault.kind == FaultKind::NotFound => of_fault(what, fault),
            Err(fault) => unknown(what, fault),
        }
    }

    pub(super) async fn default_encryption(&self, bucket: &str, job: &str) -> Finding {
        let what = "the bucket's own encryption needs no further key";
        match s3::default_key(self.aws, bucket).await {
            Ok(None) => well(what, "S3 encrypts with its own key".to_owned()),
            Ok(Some(key)) => Finding {
                weight: Weight::Warns,
                what: what.to_owned(),
                detail: format!("S3 encrypts every object of {bucket} under {key} as well"),
                remedy: "the role needs kms:Decrypt and kms:GenerateDataKey on that key too".to_owned(),
                repair: key.starts_with("arn:").then(|| {
                    Request::Grant(GrantRequest::New(Box::new(GrantSpec {
                        key_arn: key.clone(),
                        grantee: self.role_arn.to_owned(),
                        operations: vec!["Decrypt".to_owned(), "GenerateDataKey".to_owned()],
                        constraint: None,
                        name: Some(format!("strongroom-{job}-bucket")),
                        retiring: None,
                    })))
                }),
            },
            Err(fault) => unknown(what, fault),
        }
    }

    pub(super) async fn image(&self) -> Vec<Finding> {
        let Some((_, region, repository)) = policy::ecr_image(self.image) else {
            // Not an image of ECR: whoever runs the job knows it, or it fails with its own words.
            return Vec::new();
        };
        let place = "the image is in this region";
        let there = "the image is in the registry";
        let mut findings = vec![if region == self.aws.region() {
            well(place, region.to_owned())
        } else {
            let detail = format!("it is in {region}, the job would run in {}", self.aws.region());
            blocks(place, detail, "push it to a repository of this region", None)
        }];
        let tag = self.image.rsplit('/').next().and_then(|name| name.split_once(':'));
        let tag = tag.map_or("latest", |(_, tag)| tag);
        if region == self.aws.region() && !self.image.contains('@') {
            findings.push(match ecr::has_image(self.aws, repository, tag).await {
                Ok(true) => well(there, format!("{repository}:{tag}")),
                Ok(false) if self.aws.is_embedded() => {
                    let detail = format!("{repository} has no image {tag}: the sandbox runs its own trainer instead");
                    well(there, detail)
                }
                Ok(false) => blocks(
                    there,
                    format!("{repository} has no image {tag}"),
                    "build and push it",
                    None,
                ),
                Err(fault) => unknown(there, fault),
            });
        }
        findings
    }

    /// Whether the role may have KMS do all of this with the key; else what lets it.
    pub(super) async fn may_use(
        &self,
        what: &str,
        (key, context): (&str, &BTreeMap<String, String>),
        needed: &[&str],
        grant: impl FnOnce(&str, &str) -> GrantSpec,
    ) -> Finding {
        let proof = match prove(self.aws, key, self.role_arn, context).await {
            Ok(proof) => proof,
            Err(fault) => return unknown(what, fault),
        };
        let steps = needed
            .iter()
            .map(|needed| proof.operations.iter().find(|step| step.operation == *needed));
        let Some(steps) = steps.collect::<Option<Vec<_>>>() else {
            let detail = format!("KMS did not say whether {} may", proof.role_arn);
            return Finding {
                weight: Weight::Unknown,
                ..well(what, detail)
            };
        };
        let how = match proof.method {
            ProofMethod::Assumed => "asked as the role",
            ProofMethod::Reasoned => "reasoned from policies and grants",
        };
        let Some(refused) = steps.into_iter().find(|step| !step.allowed) else {
            return well(what, format!("{how}: allowed on {}", proof.key_arn));
        };
        let reason = refused.reason.clone().unwrap_or_default();
        // KMS speaks of the key's state only to whoever may use it: it is looked at here, and mended first.
        let state = kms::describe_key(self.aws, &proof.key_arn).await.ok();
        let state = state.and_then(|key| key.detail).map(|detail| detail.state);
        let (remedy, repair) = if state == Some(KeyState::Disabled) {
            let key_arn = proof.key_arn.clone();
            ("enable the key", Request::Key(KeyRequest::Enable { key_arn }))
        } else if state == Some(KeyState::PendingDeletion) {
            let key_arn = proof.key_arn.clone();
            (
                "cancel the key's deletion",
                Request::Key(KeyRequest::CancelDeletion { key_arn }),
            )
        } else {
            (
                "grant the role the use of the key",
                Request::Grant(GrantRequest::New(Box::new(grant(&proof.key_arn, &proof.role_arn)))),
            )
        };
        blocks(what, format!("{how}: {reason}"), remedy, Some(repair))
    }
}

/// Whether the role gets the strongroom that is brought.
pub(super) fn reads_program(aws: &Aws, policies: &RolePolicies, program: &Program, bucket: &str) -> Finding {
    let key = program.key(aws, bucket);
    let object = bucket::object_arn(policy::partition(&policies.role_arn), bucket, &key);
    let what = "the role reads the strongroom that is brought";
    may(policies, what, "s3:GetObject", &object)
}

/// Reasoned from the role's policies: conditions are not evaluated.
pub(super) fn may(policies: &RolePolicies, what: &str, action: &str, resource: &str) -> Finding {
    let question = Question {
        principal: &policies.role_arn,
        account: Arn::account_of(&policies.role_arn),
        action,
        resource,
    };
    let mut unread = Vec::new();
    let (mut allowed, mut conditional) = (None, None);
    let inline = policies.inline.iter().map(|(name, document)| (name, Some(document)));
    let attached = policies.attached.iter().map(|(arn, document)| (arn, document.as_ref()));
    for (name, document) in inline.chain(attached) {
        let Some(document) = document.and_then(|text| serde_json::from_str(text).ok()) else {
            // The one whose rule on buckets everybody runs into: their names must contain "sagemaker".
            if name.ends_with("/AmazonSageMakerFullAccess") {
                if resource.to_ascii_lowercase().contains("sagemaker") {
                    allowed.get_or_insert_with(|| name.clone());
                }
            } else {
                unread.push(role_name(name).to_owned());
            }
            continue;
        };
        let verdict = policy::of_identity(&document, &question);
        match verdict.decision {
            Decision::Denied => {
                let detail = format!("{name}, {}, denies {action} on {resource}", verdict.statement);
                return blocks(what, detail, "change that statement", None);
            }
            Decision::Allowed => drop(allowed.get_or_insert_with(|| name.clone())),
            _ => {}
        }
        conditional = conditional.or(verdict.conditional.map(|statement| format!("{name}, {statement}")));
    }
    if let Some(name) = allowed {
        let mut detail = format!("by {}", role_name(&name));
        if !unread.is_empty() {
            detail = format!("{detail}; could not be read, and may deny it: {}", unread.join(", "));
        }
        return well(what, detail);
    }
    if let Some(statement) = conditional {
        return Finding {
            weight: Weight::Unknown,
            detail: format!("{statement}, allows {action} under a condition that was not evaluated"),
            ..well(what, String::new())
        };
    }
    if !unread.is_empty() {
        return Finding {
            weight: Weight::Unknown,
            detail: format!("could not be read: {}", unread.join(", ")),
            ..well(what, String::new())
        };
    }
    let detail = format!(
        "no policy of {} allows {action} on {resource}",
        role_name(&policies.role_arn)
    );
    blocks(
        what,
        detail,
        "create a role for this bucket, or add the permission",
        None,
    )
}

pub(super) fn well(what: &str, detail: String) -> Finding {
    Finding {
        weight: Weight::Well,
        what: what.to_owned(),
        detail,
        remedy: String::new(),
        repair: None,
    }
}

pub(super) fn blocks(what: &str, detail: String, remedy: &str, repair: Option<Request>) -> Finding {
    Finding {
        weight: Weight::Blocks,
        remedy: remedy.to_owned(),
        repair,
        ..well(what, detail)
    }
}

/// What may not be looked at, or has no answer now.
pub(super) fn unknown(what: &str, fault: Fault) -> Finding {
    Finding {
        weight: Weight::Unknown,
        remedy: fault.remedy_at(Door::Dashboard),
        ..well(what, format!("could not be looked at: {}", fault.cause))
    }
}

pub(super) fn of_fault(what: &str, fault: Fault) -> Finding {
    let remedy = fault.remedy_at(Door::Dashboard);
    blocks(what, fault.cause, &remedy, None)
}
