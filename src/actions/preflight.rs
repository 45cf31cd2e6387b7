//! What would fail before a training job is paid for: looked at one by one, each finding with what mends it.
//!
//! Nothing here changes anything. What cannot be looked at is said, and blocks nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::join;

use super::jobs::{
    Material, Program, check, image_command, is_job_name, manifest_key, output_bucket, replaced, with_file,
};
use super::proof::prove;
use super::roles;
use crate::aws::iam::Simulated;
use crate::aws::{Aws, ecr, iam, kms, s3, sagemaker, sts};
use crate::domain::policy::{self, Decision, PrincipalKind, Question, principal_kind, role_name};
use crate::domain::{
    Arn, Door, Fault, FaultKind, Finding, GrantRequest, GrantSpec, JobSpec, KeyRequest, KeyState, ObjectUri, Outcome,
    ProofMethod, Request, RolePolicies, RoleRequest, Weight, bucket,
};

mod room;
mod volume;

const SAGEMAKER: &str = "sagemaker.amazonaws.com";

/// Looks at everything that `start_job` and the job after it need, the worst first.
pub async fn preflight(aws: &Aws, spec: &JobSpec) -> Result<Outcome, Fault> {
    let spec = &*with_file(spec)?;
    let look = Look { aws, spec };
    let program = Program::read(spec).await;
    let brings = program.as_ref().ok().and_then(Option::as_ref);
    let (name, output, role, pass, regions, encryption, image, material) = join!(
        look.name(),
        output_bucket(aws, spec),
        look.role(brings),
        look.pass_role(),
        look.regions(),
        look.default_encryption(),
        look.image(),
        Material::of(aws, spec)
    );
    let mut findings = vec![name, pass];
    let wrong = check(spec).err().filter(|_| is_job_name(&spec.name));
    findings.extend(wrong.map(|fault| of_fault("the job is one that SageMaker takes", fault)));
    findings.extend(
        output
            .err()
            .map(|fault| of_fault("the output's bucket is there", fault)),
    );
    if brings.is_some() && spec.plan.command.is_empty() && spec.original.is_none() {
        let what = "what the image runs is known";
        findings.push(match Box::pin(image_command(aws, spec)).await {
            Ok(command) => well(what, command.join(" ")),
            Err(fault) => of_fault(what, fault),
        });
    }
    let what = "strongroom can be brought to the image";
    findings.extend(match &program {
        Ok(program) => program.as_ref().map(|program| well(what, program.describe())),
        Err(fault) => Some(of_fault(what, fault.clone())),
    });
    findings.extend(regions);
    findings.push(encryption);
    findings.extend(image);
    findings.extend(role);
    match material {
        Ok(material) => {
            findings.push(well("the data says it is encrypted", material.describe()));
            let given = replaced(spec, &material).err();
            findings.extend(given.map(|fault| of_fault("the training gets every hyperparameter", fault)));
            findings.push(look.key(&material).await);
            findings.push(look.outside(&material, brings));
            findings.extend(room::look(spec, material.loads()));
            findings.extend(volume::look(aws, spec, &material).await);
        }
        Err(fault) => findings.push(of_fault("the data says it is encrypted", fault)),
    }
    findings.sort_by_key(|finding| finding.weight);
    Ok(Outcome::Preflighted {
        job: spec.name.clone(),
        findings,
    })
}

struct Look<'a> {
    aws: &'a Aws,
    spec: &'a JobSpec,
}

impl Look<'_> {
    async fn name(&self) -> Finding {
        let what = "the job's name is free";
        let name = &self.spec.name;
        if !is_job_name(name) {
            let remedy = "use up to 63 letters, digits and inner hyphens";
            return blocks(what, format!("`{name}` is not a name for a job"), remedy, None);
        }
        match sagemaker::describe_training_job(self.aws, name).await {
            Ok(_) => blocks(
                what,
                format!("there is a job {name} already"),
                "choose another name",
                None,
            ),
            Err(fault) if fault.kind == FaultKind::NotFound => well(what, name.clone()),
            Err(fault) => unknown(what, fault),
        }
    }

    /// Does SageMaker get the role, and does the role get the data?
    async fn role(&self, brings: Option<&Program>) -> Vec<Finding> {
        let trust = "SageMaker may assume the role";
        let role = role_name(&self.spec.role_arn);
        let policies = match roles::policies(self.aws, role).await {
            Ok(policies) => policies,
            Err(fault) if fault.kind == FaultKind::NotFound => {
                let remedy = "choose an existing role, or create one";
                return vec![blocks(trust, format!("there is no role {role}"), remedy, None)];
            }
            Err(fault) => return vec![unknown(trust, fault)],
        };
        let trusted = if policies.trust.contains(&format!("\"{SAGEMAKER}\"")) {
            well(trust, role.to_owned())
        } else {
            let remedy = "let its trust policy name sagemaker.amazonaws.com";
            let repair = Request::Role(RoleRequest::TrustService { role: role.to_owned() });
            blocks(trust, format!("{role} does not trust SageMaker"), remedy, Some(repair))
        };
        let partition = policy::partition(&self.spec.role_arn);
        let mut findings = vec![trusted];
        for channel in self.spec.channels() {
            let bucket = bucket::arn(partition, &channel.bucket);
            let data = bucket::object_arn(partition, &channel.bucket, &channel.object);
            findings.push(may(&policies, "the role reads the data", "s3:GetObject", &data));
            findings.push(may(&policies, "the role lists the bucket", "s3:ListBucket", &bucket));
        }
        if let Some(program) = brings {
            let key = program.key(self.aws, &self.spec.bucket);
            let object = bucket::object_arn(partition, &self.spec.bucket, &key);
            let what = "the role reads the strongroom that is brought";
            findings.push(may(&policies, what, "s3:GetObject", &object));
        }
        if let Some(ObjectUri { bucket, key }) = ObjectUri::parse(&self.spec.output) {
            let folder = match key.trim_end_matches('/') {
                "" => String::new(),
                folder => format!("{folder}/"),
            };
            let model = format!("{folder}{}/output/model.tar.gz", self.spec.name);
            let output = bucket::object_arn(partition, &bucket, &model);
            findings.push(may(&policies, "the role writes the model", "s3:PutObject", &output));
        }
        if let Some(ObjectUri { bucket, key }) = ObjectUri::parse(&self.spec.checkpoints_uri()) {
            let checkpoint = bucket::object_arn(partition, &bucket, &format!("{key}/last"));
            findings.push(may(
                &policies,
                "the role reads checkpoints again",
                "s3:GetObject",
                &checkpoint,
            ));
        }
        findings
    }

    async fn pass_role(&self) -> Finding {
        let what = "you may hand the role to SageMaker";
        let simulated = async {
            let identity = sts::caller_identity(self.aws).await?;
            let principal = match principal_kind(&identity.arn) {
                PrincipalKind::SessionOf(role) => iam::get_role(self.aws, role).await?.arn,
                _ => identity.arn,
            };
            let service = [("iam:PassedToService", SAGEMAKER)];
            iam::simulate(self.aws, &principal, "iam:PassRole", &self.spec.role_arn, &service).await
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

    async fn regions(&self) -> Vec<Finding> {
        let buckets: BTreeSet<String> = self.spec.channels().into_iter().map(|channel| channel.bucket).collect();
        let mut findings = Vec::new();
        for bucket in buckets {
            findings.push(self.region(&bucket).await);
        }
        findings
    }

    async fn region(&self, bucket: &str) -> Finding {
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

    async fn default_encryption(&self) -> Finding {
        let what = "the bucket's own encryption needs no further key";
        match s3::default_key(self.aws, &self.spec.bucket).await {
            Ok(None) => well(what, "S3 encrypts with its own key".to_owned()),
            Ok(Some(key)) => Finding {
                weight: Weight::Warns,
                what: what.to_owned(),
                detail: format!("S3 encrypts every object of {} under {key} as well", self.spec.bucket),
                remedy: "the role needs kms:Decrypt and kms:GenerateDataKey on that key too".to_owned(),
                repair: key.starts_with("arn:").then(|| {
                    Request::Grant(GrantRequest::New(Box::new(GrantSpec {
                        key_arn: key.clone(),
                        grantee: self.spec.role_arn.clone(),
                        operations: vec!["Decrypt".to_owned(), "GenerateDataKey".to_owned()],
                        constraint: None,
                        name: Some(format!("strongroom-{}-bucket", self.spec.name)),
                        retiring: None,
                    })))
                }),
            },
            Err(fault) => unknown(what, fault),
        }
    }

    async fn image(&self) -> Vec<Finding> {
        let Some((_, region, repository)) = policy::ecr_image(&self.spec.image) else {
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
        let tag = self.spec.image.rsplit('/').next().and_then(|name| name.split_once(':'));
        let tag = tag.map_or("latest", |(_, tag)| tag);
        if region == self.aws.region() && !self.spec.image.contains('@') {
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

    /// The point of it all: will the container be able to unwrap C?
    async fn key(&self, material: &Material) -> Finding {
        let what = "the role may decrypt the data key";
        let mut findings = Vec::new();
        // Of many data keys most are under one KMS key, with one context.
        let keys: BTreeSet<_> = material
            .keys()
            .iter()
            .map(|key| (&key.kms_key_id, &key.context))
            .collect();
        for (kms_key_id, context) in keys {
            // A new data key is made under the KMS key of the first one.
            let is_first = material
                .keys()
                .first()
                .is_some_and(|first| first.kms_key_id == *kms_key_id);
            findings.push(self.one_key(what, kms_key_id, context, is_first).await);
        }
        findings
            .into_iter()
            .min_by_key(|finding| finding.weight)
            .unwrap_or_else(|| {
                let detail = "no data key is known".to_owned();
                blocks(what, detail, "verify the object", None)
            })
    }

    async fn one_key(&self, what: &str, key: &str, context: &BTreeMap<String, String>, is_first: bool) -> Finding {
        let proof = match prove(self.aws, key, &self.spec.role_arn, context).await {
            Ok(proof) => proof,
            Err(fault) => return unknown(what, fault),
        };
        let model_key = self.spec.hyperparameters.get(JobSpec::MODEL_KEY_PARAMETER);
        let makes_new = is_first && model_key.is_some_and(|word| word == "new");
        let needed = ["Decrypt"].into_iter().chain(makes_new.then_some("GenerateDataKey"));
        let steps = needed.map(|needed| proof.operations.iter().find(|step| step.operation == needed));
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
            let mut spec = GrantSpec::for_job(&proof.key_arn, &proof.role_arn, &self.spec.name);
            if makes_new {
                spec.operations.push("GenerateDataKey".to_owned());
                spec.name = Some(format!("strongroom-{}-new-key", self.spec.name));
            }
            (
                "grant the role the use of the key",
                Request::Grant(GrantRequest::New(Box::new(spec))),
            )
        };
        blocks(what, format!("{how}: {reason}"), remedy, Some(repair))
    }

    /// What lies inside the channel's prefix is delivered as data, and refused there.
    fn outside(&self, material: &Material, brings: Option<&Program>) -> Finding {
        let what = "data key and manifest are outside the channel";
        let program = brings.map(|program| program.key(self.aws, &self.spec.bucket));
        let inside = material.neighbours(self.spec, program);
        match inside.first() {
            None => well(what, ".strongroom/ is not delivered".to_owned()),
            Some(key) => blocks(
                what,
                format!("SageMaker would deliver {key} as data"),
                "choose a prefix that does not contain it",
                None,
            ),
        }
    }
}

/// Reasoned from the role's policies: conditions are not evaluated.
fn may(policies: &RolePolicies, what: &str, action: &str, resource: &str) -> Finding {
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

impl Material {
    /// Key objects and documents of ours that one of the job's channels would deliver too.
    fn neighbours(&self, spec: &JobSpec, program: Option<String>) -> Vec<String> {
        let own = [
            self.key_object().map(str::to_owned),
            Some(manifest_key(&spec.name)),
            program,
        ];
        let channels = spec.channels();
        let is_inside = |key: &String| {
            let mut here = channels.iter().filter(|channel| channel.bucket == spec.bucket);
            here.any(|channel| key.starts_with(&channel.object))
        };
        let inside = own.into_iter().flatten().filter(is_inside);
        inside.map(|key| s3::uri(&spec.bucket, &key)).collect()
    }
}

fn well(what: &str, detail: String) -> Finding {
    Finding {
        weight: Weight::Well,
        what: what.to_owned(),
        detail,
        remedy: String::new(),
        repair: None,
    }
}

fn blocks(what: &str, detail: String, remedy: &str, repair: Option<Request>) -> Finding {
    Finding {
        weight: Weight::Blocks,
        remedy: remedy.to_owned(),
        repair,
        ..well(what, detail)
    }
}

/// What may not be looked at, or has no answer now.
fn unknown(what: &str, fault: Fault) -> Finding {
    Finding {
        weight: Weight::Unknown,
        remedy: fault.remedy_at(Door::Dashboard),
        ..well(what, format!("could not be looked at: {}", fault.cause))
    }
}

fn of_fault(what: &str, fault: Fault) -> Finding {
    let remedy = fault.remedy_at(Door::Dashboard);
    blocks(what, fault.cause, &remedy, None)
}
