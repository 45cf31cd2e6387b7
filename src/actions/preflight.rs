//! What would fail before a job is paid for: looked at one by one, each finding with what mends it.
//!
//! Nothing here changes anything. What cannot be looked at is said, and blocks nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures::join;

use super::jobs::{Material, Program, check, image_command, is_job_name, output_bucket, replaced, with_file};
use crate::aws::{Aws, s3, sagemaker};
use crate::domain::own_area;
use crate::domain::policy;
use crate::domain::{Fault, FaultKind, Finding, GrantSpec, JobSpec, ObjectUri, Outcome, bucket};

mod processing;
mod room;
mod runner;
mod volume;

pub use processing::preflight_bulk;
use runner::{Runner, blocks, may, of_fault, reads_program, unknown, well};

const SAGEMAKER: &str = "sagemaker.amazonaws.com";

/// Looks at everything that `start_job` and the job after it need, the worst first.
pub async fn preflight(aws: &Aws, spec: &JobSpec) -> Result<Outcome, Fault> {
    let spec = &*with_file(spec)?;
    let look = Look { aws, spec };
    let runner = look.runner();
    let program = Program::read(spec).await;
    let brings = program.as_ref().ok().and_then(Option::as_ref);
    let (name, output, role, pass, regions, encryption, image, material) = join!(
        look.name(),
        output_bucket(aws, spec),
        look.role(brings),
        runner.pass_role(),
        look.regions(),
        runner.default_encryption(&spec.bucket, &spec.name),
        runner.image(),
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
        let (policies, mut findings) = self.runner().role().await;
        let Some(policies) = policies else { return findings };
        let partition = policy::partition(&self.spec.role_arn);
        for channel in self.spec.channels() {
            let bucket = bucket::arn(partition, &channel.bucket);
            let data = bucket::object_arn(partition, &channel.bucket, &channel.object);
            findings.push(may(&policies, "the role reads the data", "s3:GetObject", &data));
            findings.push(may(&policies, "the role lists the bucket", "s3:ListBucket", &bucket));
        }
        if let Some(program) = brings {
            findings.push(reads_program(self.aws, &policies, program, &self.spec.bucket));
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

    fn runner(&self) -> Runner<'_> {
        Runner {
            aws: self.aws,
            role_arn: &self.spec.role_arn,
            image: &self.spec.image,
        }
    }

    async fn regions(&self) -> Vec<Finding> {
        let buckets: BTreeSet<String> = self.spec.channels().into_iter().map(|channel| channel.bucket).collect();
        let mut findings = Vec::new();
        for bucket in buckets {
            findings.push(self.runner().region(&bucket).await);
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
        let model_key = self.spec.hyperparameters.get(JobSpec::MODEL_KEY_PARAMETER);
        let makes_new = is_first && model_key.is_some_and(|word| word == "new");
        let needed = ["Decrypt", "GenerateDataKey"];
        let needed = if makes_new { &needed[..] } else { &needed[..1] };
        let grant = |key_arn: &str, role_arn: &str| {
            let mut spec = GrantSpec::for_job(key_arn, role_arn, &self.spec.name);
            if makes_new {
                spec.operations.push("GenerateDataKey".to_owned());
                spec.name = Some(format!("strongroom-{}-new-key", self.spec.name));
            }
            spec
        };
        self.runner().may_use(what, (key, context), needed, grant).await
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

impl Material {
    /// Key objects and documents of ours that one of the job's channels would deliver too.
    fn neighbours(&self, spec: &JobSpec, program: Option<String>) -> Vec<String> {
        let own = [
            self.key_object().map(str::to_owned),
            Some(own_area::manifest(&spec.name)),
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
