//! The look before a processing job that carries out an act on a prefix.

use std::collections::{BTreeMap, BTreeSet};

use futures::{TryStreamExt, join};

use super::runner::{Runner, blocks, may, of_fault, reads_program, unknown, well};
use super::volume;
use crate::actions::bulk::processing;
use crate::actions::bulk::{is_own_area, rewrap_target};
use crate::actions::encrypted_data_key::{DATA_KEYS, MAX_DATA_KEY};
use crate::actions::jobs::Program;
use crate::actions::unlock::metadata_of;
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::bulk::{BulkAct, BulkFolder, BulkOrder, Engine};
use crate::domain::rewrap::RewrapSpec;
use crate::domain::seal::SealAct;
use crate::domain::words::counted;
use crate::domain::{
    Fault, FaultKind, Finding, GrantSpec, Instance, ObjectRow, Outcome, RolePolicies, Weight, bucket, policy,
};
use crate::envelope::Metadata;

/// Objects of the list that are asked which KMS keys they need.
const SAMPLE: usize = 20;
/// Pages of the list in which these are looked for: what strongroom keeps is none of them, and comes first in a bucket.
const PAGES: usize = 10;
const WRAPS: &str = "data keys can be wrapped under the KMS key";
const USE: &str = "the role may use the KMS keys";

/// Looks at what listing, job and hosts need, the worst first. Nothing is changed, and what cannot be looked at is said to be unknown.
///
/// # Errors
/// None: what fails is a finding.
pub async fn preflight_bulk(aws: &Aws, order: &BulkOrder, engine: &Engine) -> Result<Outcome, Fault> {
    let runner = Runner {
        aws,
        role_arn: &engine.role_arn,
        image: &engine.image,
    };
    let look = Look {
        aws,
        order,
        engine,
        runner,
    };
    let program = Program::of(engine.program().cloned()).await;
    let (pass, (policies, role), buckets, image, listed, keys, keeps) = join!(
        runner.pass_role(),
        runner.role(),
        look.buckets(),
        runner.image(),
        look.listed(),
        look.keys(),
        look.keeps()
    );
    let mut findings = vec![pass, listed, look.quota()];
    findings.extend(role);
    findings.extend(buckets);
    findings.extend(keys);
    let wrong = processing::check(order, engine).err();
    findings.extend(wrong.map(|fault| of_fault("the job is one that hosts can do", fault)));
    if image.is_empty() {
        let cause = format!("{} is of no registry of ECR that could be asked", engine.image);
        findings.push(not_asked("the image is in the registry", cause, ""));
    }
    findings.extend(image);
    let what = "strongroom can be brought to the image";
    let brings = match program {
        Ok(program) => {
            findings.push(match &program {
                Some(program) => well(what, program.describe()),
                None => not_asked(
                    "the image has strongroom in it",
                    "nobody runs it before the job does".to_owned(),
                    "name a program to bring where it has none",
                ),
            });
            program
        }
        Err(fault) => {
            findings.push(of_fault(what, fault));
            None
        }
    };
    if let Some(policies) = &policies {
        findings.extend(look.role_may(policies));
        match keeps {
            Some(Ok(keeps)) => findings.extend(look.role_keeps(policies, &keeps)),
            Some(Err(fault)) => findings.push(unknown("the role may keep locks and ACLs", fault)),
            None => {}
        }
        findings.extend(brings.map(|program| reads_program(aws, policies, &program, order.bucket())));
    }
    findings.extend(look.volume().await);
    findings.sort_by_key(|finding| finding.weight);
    Ok(Outcome::Preflighted {
        job: format!("on {}", order.place()),
        findings,
    })
}

struct Look<'a> {
    aws: &'a Aws,
    order: &'a BulkOrder,
    engine: &'a Engine,
    runner: Runner<'a>,
}

/// KMS keys that hosts use, with the context and for what.
type Uses = BTreeMap<(String, BTreeMap<String, String>), BTreeSet<&'static str>>;

impl Look<'_> {
    fn name(&self) -> &'static str {
        self.order.act().as_str()
    }

    /// Where it is written to, beside where it is read.
    fn target(&self) -> Option<(&str, &str)> {
        match self.order {
            BulkOrder::Audit(_) => None,
            BulkOrder::Seal(spec) => match &spec.act {
                SealAct::Rotate { .. } => Some((&spec.bucket, &spec.prefix)),
                SealAct::Encrypt { to, .. } => Some((&to.bucket, &to.key)),
            },
            BulkOrder::Rewrap(_) => Some((self.order.bucket(), self.order.prefix())),
        }
    }

    async fn buckets(&self) -> Vec<Finding> {
        let target = self.target().map(|(bucket, _)| bucket);
        let buckets: BTreeSet<&str> = [self.order.bucket()].into_iter().chain(target).collect();
        let mut findings = Vec::new();
        for bucket in buckets {
            let (region, encryption) = join!(
                self.runner.region(bucket),
                self.runner.default_encryption(bucket, self.name())
            );
            for mut finding in [region, encryption] {
                finding.detail = format!("{bucket}: {}", finding.detail);
                findings.push(finding);
            }
        }
        findings
    }

    /// Whether there is anything to do.
    async fn listed(&self) -> Finding {
        let (what, place) = ("you may list what is there", self.order.place());
        match self.first().await {
            Ok(rows) if rows.is_empty() => blocks(
                what,
                format!("there is nothing under {place}"),
                "check the prefix",
                None,
            ),
            Ok(rows) => well(what, format!("{} at least", counted(rows.len(), "object"))),
            Err(fault) => of_fault(what, fault),
        }
    }

    /// The first page of what is there.
    async fn first(&self) -> Result<Vec<(String, u64)>, Fault> {
        let (bucket, prefix) = (self.order.bucket(), self.order.prefix());
        let page = again(|| s3::list_under(self.aws, bucket, prefix).first()).await?;
        let objects = page.rows.into_iter().filter_map(|row| match row {
            ObjectRow::Object { key, size, .. } => Some((key, size)),
            ObjectRow::Prefix { .. } => None,
        });
        Ok(objects.collect())
    }

    /// What AWS tells of quotas only by refusing the job.
    fn quota(&self) -> Finding {
        let Engine {
            instances,
            instance_type,
            ..
        } = self.engine;
        not_asked(
            "the account's quota allows the instances",
            format!("SageMaker tells whether {instances} × {instance_type} may run only when the job is created"),
            &format!("look for `{instance_type} for processing job usage` in Service Quotas"),
        )
    }

    /// What the role's policies allow it to read and write.
    fn role_may(&self, policies: &RolePolicies) -> Vec<Finding> {
        let (from, partition) = (self.order.bucket(), policy::partition(&policies.role_arn));
        let folder = processing::folder(self.aws, from, "ID");
        let object = |bucket: &str, key: &str| bucket::object_arn(partition, bucket, key);
        let own = |of: fn(&BulkFolder) -> String| object(from, &format!("{}0001.jsonl", of(&folder)));
        let data = object(from, self.order.prefix());
        let mut wanted = vec![
            (
                "the role lists the bucket",
                "s3:ListBucket",
                bucket::arn(partition, from),
            ),
            ("the role reads its shards", "s3:GetObject", own(BulkFolder::shards)),
            ("the role writes results", "s3:PutObject", own(BulkFolder::results)),
            ("the role reads the objects", "s3:GetObject", data.clone()),
        ];
        if matches!(self.order, BulkOrder::Audit(request) if request.versions) {
            wanted.push(("the role reads older versions", "s3:GetObjectVersion", data.clone()));
        }
        if let Some((to, prefix)) = self.target() {
            let tokens = object(to, prefix);
            let lock = "s3:GetBucketObjectLockConfiguration";
            wanted.extend([
                (
                    "the role asks whether objects may be locked",
                    lock,
                    bucket::arn(partition, from),
                ),
                ("the role reads tags", "s3:GetObjectTagging", data.clone()),
                ("the role writes objects", "s3:PutObject", tokens.clone()),
                ("the role writes tags", "s3:PutObjectTagging", tokens),
            ]);
            if matches!(self.order, BulkOrder::Seal(_)) {
                let below = self.aws.upload_settings(to).data_keys_below.unwrap_or_default();
                let key_object = object(to, &format!("{below}{DATA_KEYS}{}", self.name()));
                wanted.push(("the role writes key objects", "s3:PutObject", key_object));
            }
        }
        if matches!(self.order, BulkOrder::Seal(spec) if matches!(spec.act, SealAct::Encrypt { delete_plain: true, .. }))
        {
            wanted.push(("the role deletes what was plain", "s3:DeleteObject", data));
        }
        let document = match self.order.act() {
            BulkAct::Audit => "bulk-worker",
            BulkAct::Rotate => "bulk-worker-rotate",
            BulkAct::Encrypt => "bulk-worker-encrypt",
            BulkAct::Rewrap => "bulk-worker-rewrap",
        };
        let find = |(what, action, resource): (&str, &str, String)| {
            let mut finding = may(policies, what, action, &resource);
            if finding.weight == Weight::Blocks {
                finding.remedy = format!(
                    "{}; assets/policies/roles/{document}.json has all of it",
                    finding.remedy
                );
            }
            finding
        };
        wanted.into_iter().map(find).collect()
    }

    /// What the bucket keeps of objects that are written anew in it; nothing where none is.
    async fn keeps(&self) -> Option<Result<s3::Keeps, Fault>> {
        self.target()?;
        Some(s3::keeps(self.aws, self.order.bucket()).await)
    }

    /// What the role's policies allow it to keep of locks and ACLs, where the bucket has them. What it cannot write fails only the
    /// objects that have it.
    fn role_keeps(&self, policies: &RolePolicies, keeps: &s3::Keeps) -> Vec<Finding> {
        let (from, partition) = (self.order.bucket(), policy::partition(&policies.role_arn));
        let data = bucket::object_arn(partition, from, self.order.prefix());
        let tokens = self
            .target()
            .map(|(to, prefix)| bucket::object_arn(partition, to, prefix));
        let tokens = tokens.unwrap_or_else(|| data.clone());
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        if keeps.may_lock() {
            reads.push(("the role reads retentions", "s3:GetObjectRetention", data.clone()));
            reads.push(("the role reads legal holds", "s3:GetObjectLegalHold", data.clone()));
            writes.push(("the role writes retentions", "s3:PutObjectRetention"));
            writes.push(("the role writes legal holds", "s3:PutObjectLegalHold"));
        }
        if keeps.may_have_acls() {
            let bucket = bucket::arn(partition, from);
            reads.push(("the role reads the bucket's ACL", "s3:GetBucketAcl", bucket));
            reads.push(("the role reads ACLs", "s3:GetObjectAcl", data));
            writes.push(("the role writes ACLs", "s3:PutObjectAcl"));
        }
        let reads = reads
            .into_iter()
            .map(|(what, action, resource)| may(policies, what, action, &resource));
        let writes = writes.into_iter().map(|(what, action)| {
            let mut finding = may(policies, what, action, &tokens);
            if finding.weight == Weight::Blocks {
                finding.weight = Weight::Warns;
                finding.detail = format!("{}: objects that have one would fail", finding.detail);
            }
            finding
        });
        reads.chain(writes).collect()
    }

    /// Whether the role may have KMS open and make what this opens and makes.
    async fn keys(&self) -> Vec<Finding> {
        let mut uses = Uses::new();
        let mut sampled = None;
        match self.order {
            BulkOrder::Audit(request) if !request.deep => return Vec::new(),
            BulkOrder::Audit(_) => sampled = Some(&["Decrypt"][..]),
            BulkOrder::Seal(spec) => match &spec.act {
                SealAct::Rotate { key: None, .. } => sampled = Some(&["Decrypt", "GenerateDataKey"][..]),
                SealAct::Rotate {
                    key: Some(key),
                    context,
                    ..
                } => {
                    sampled = Some(&["Decrypt"][..]);
                    let context = context.clone().unwrap_or_default();
                    uses.insert((key.clone(), context), BTreeSet::from(["Decrypt", "GenerateDataKey"]));
                }
                SealAct::Encrypt { key, context, .. } => {
                    let both = BTreeSet::from(["Decrypt", "GenerateDataKey"]);
                    uses.insert((key.clone(), context.clone()), both);
                }
            },
            BulkOrder::Rewrap(spec) => {
                return vec![match rewrap_target(self.aws, &spec.to).await {
                    Ok(arn) => self.wraps(spec, &arn).await,
                    Err(fault) if fault.kind == FaultKind::Denied || fault.is_unheard() => unknown(WRAPS, fault),
                    Err(fault) => of_fault(WRAPS, fault),
                }];
            }
        }
        let mut findings = Vec::new();
        if let Some(needed) = sampled {
            match self.sample().await {
                Ok((sample, looked)) if sample.is_empty() => {
                    let cause = format!("none of the first {} names one", counted(looked, "object"));
                    findings.push(not_asked(USE, cause, ""));
                }
                Ok((sample, _)) => {
                    for Metadata {
                        kms_key_id, context, ..
                    } in sample
                    {
                        uses.entry((kms_key_id, context)).or_default().extend(needed);
                    }
                }
                Err(fault) => findings.push(unknown(USE, fault)),
            }
        }
        for ((key, context), needed) in &uses {
            findings.push(self.may_use(key, context, needed, sampled.is_some()).await);
        }
        // As of a training job, the worst of them.
        findings.sort_by_key(|finding| finding.weight);
        findings.truncate(1);
        findings
    }

    /// Whether KMS would wrap the data keys of the first objects anew for whoever begins it, as KMS itself says.
    async fn wraps(&self, spec: &RewrapSpec, target: &str) -> Finding {
        let (sample, looked) = match self.sample().await {
            Ok(sampled) => sampled,
            Err(fault) => return unknown(WRAPS, fault),
        };
        let first = format!("of the first {}", counted(looked, "object"));
        // One data key of each KMS key and context says what KMS says of all of them.
        let mut asked = BTreeSet::new();
        let (mut are_there, mut unasked) = (0_usize, None);
        for metadata in sample {
            if metadata.kms_key_id == target {
                are_there += 1;
                continue;
            }
            if !asked.insert((metadata.kms_key_id.clone(), metadata.context.clone())) {
                continue;
            }
            match self.would_wrap(spec, target, &metadata).await {
                Ok(()) => {}
                Err(fault) if fault.kind == FaultKind::NotFound || fault.is_unheard() => unasked = Some(fault),
                Err(fault) => return of_fault(WRAPS, fault),
            }
        }
        match unasked {
            Some(fault) => unknown(WRAPS, fault),
            None if asked.is_empty() && are_there > 0 => {
                let cause = format!("{first} all that name a data key name one under {target} already");
                not_asked(WRAPS, cause, "")
            }
            None if asked.is_empty() => not_asked(WRAPS, format!("{first} none names a data key"), ""),
            None => well(
                WRAPS,
                format!("{target}; KMS says so of the data keys {first}; hosts ask KMS nothing"),
            ),
        }
    }

    async fn would_wrap(&self, spec: &RewrapSpec, target: &str, metadata: &Metadata) -> Result<(), Fault> {
        let bucket = self.order.bucket();
        let ciphertext = match (&metadata.data_key, &metadata.data_key_object) {
            (Some(own), _) => own.clone(),
            // As the hosts read it: in no other spelling.
            (None, Some(name)) => again(|| s3::read_small(self.aws, bucket, name, MAX_DATA_KEY)).await?,
            (None, None) => {
                let (act, cause) = ("read a data key of", "its token names none");
                return Err(Fault::not_found(act, self.order.place(), cause, ""));
            }
        };
        let how = kms::Rewrap {
            from: Some(&metadata.kms_key_id),
            from_context: &metadata.context,
            to: target,
            to_context: spec.context.as_ref().unwrap_or(&metadata.context),
        };
        again(|| kms::would_re_encrypt(self.aws, &ciphertext, how)).await
    }

    async fn may_use(
        &self,
        key: &str,
        context: &BTreeMap<String, String>,
        needed: &BTreeSet<&'static str>,
        is_sampled: bool,
    ) -> Finding {
        let needed: Vec<&str> = needed.iter().copied().collect();
        let grant = |key_arn: &str, role_arn: &str| GrantSpec {
            operations: needed.iter().map(|needed| (*needed).to_owned()).collect(),
            ..GrantSpec::for_job(key_arn, role_arn, self.name())
        };
        let mut finding = self.runner.may_use(USE, (key, context), &needed, grant).await;
        if is_sampled {
            finding.detail = format!("{}; of the keys that the first objects name", finding.detail);
        }
        finding
    }

    /// What the first objects that may be tokens say of themselves, and how many objects were looked at.
    async fn sample(&self) -> Result<(Vec<Metadata>, usize), Fault> {
        let (bucket, prefix) = (self.order.bucket(), self.order.prefix());
        let mut pages = s3::list_under(self.aws, bucket, prefix).pages();
        let mut some = Vec::new();
        for _ in 0..PAGES {
            let Some(page) = pages.try_next().await? else { break };
            some.extend(page.into_iter().filter_map(|row| match row {
                ObjectRow::Object { key, size, .. } if size > 0 && is_own_area(&key).is_none() => Some(key),
                ObjectRow::Object { .. } | ObjectRow::Prefix { .. } => None,
            }));
            if some.len() >= SAMPLE {
                break;
            }
        }
        some.truncate(SAMPLE);
        let heads = some
            .into_iter()
            .map(|key| async move { transfer::find(self.aws, bucket, &key).await });
        let heads = futures::future::join_all(heads).await;
        let looked = heads.len();
        let mut sample = Vec::new();
        for head in heads {
            let Some(head) = head? else { continue };
            sample.extend(metadata_of(&head.metadata).ok().flatten());
        }
        Ok((sample, looked))
    }

    /// Whether SageMaker may have the volumes encrypted with the key that is named for them.
    async fn volume(&self) -> Option<Finding> {
        let key = self.engine.settings.volume_key.as_deref()?;
        let is_local = Instance::has_local_storage(&self.engine.instance_type) == Some(true);
        if is_local {
            return None;
        }
        Some(volume::by(self.runner, self.name(), "the volumes are encrypted", key).await)
    }
}

/// What there was nobody to ask about.
fn not_asked(what: &str, cause: String, remedy: &str) -> Finding {
    Finding {
        weight: Weight::Unknown,
        remedy: remedy.to_owned(),
        ..well(what, format!("could not be looked at: {cause}"))
    }
}
