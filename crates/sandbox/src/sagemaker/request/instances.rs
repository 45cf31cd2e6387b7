//! The instances that a job asks for.

use serde_json::Value;

use super::super::super::api::ApiError;
use super::super::invalid;
use super::super::kind::Kind;
use super::{constraint, required};

/// The quota of a world: what it runs is a process an instance, all on this machine.
const MOST_INSTANCES: u64 = 16;
/// What SageMaker calls instances that are all of one type.
const OF_ONE_TYPE: &str = "homogeneousCluster";

/// Families of instances whose volume is their own, by EC2's documentation: no KMS key encrypts it.
const WITH_LOCAL_STORAGE: &str =
    "g4dn g5 g6 g6e g7 g7e p3dn p4d p4de p5 p5e p5en p6-b200 p6-b300 p6e-gb200 r5d trn1 trn1n trn2";

/// Instances of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Group {
    pub(in super::super) name: String,
    pub(in super::super) instance_type: String,
    pub(in super::super) count: usize,
}

/// What ResourceConfig asks for.
pub(super) fn groups(resources: &Value) -> Result<Vec<Group>, ApiError> {
    let listed = resources["InstanceGroups"]
        .as_array()
        .filter(|groups| !groups.is_empty());
    let asked = match listed {
        Some(_) if !resources["InstanceType"].is_null() || !resources["InstanceCount"].is_null() => {
            let told = "ResourceConfig: InstanceType and InstanceCount cannot be given together with InstanceGroups.";
            return Err(invalid(told));
        }
        Some(groups) => groups
            .iter()
            .map(|group| {
                let name = required(
                    group,
                    "InstanceGroupName",
                    "resourceConfig.instanceGroups.instanceGroupName",
                )?;
                asked(name, group, "resourceConfig.instanceGroups.")
            })
            .collect::<Result<Vec<_>, _>>()?,
        None => vec![asked(OF_ONE_TYPE, resources, "resourceConfig.")?],
    };
    let mut names: Vec<&str> = asked.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < asked.len() {
        return Err(invalid("ResourceConfig: the names of InstanceGroups must be unique."));
    }
    if resources["VolumeSizeInGB"].is_null() {
        return Err(constraint(
            "0",
            "resourceConfig.volumeSizeInGB",
            "Member must have value greater than or equal to 1",
        ));
    }
    let all = asked
        .iter()
        .fold(0, |all: u64, (_, _, count)| all.saturating_add(*count));
    let count = |count| usize::try_from(count).ok().filter(|_| all <= MOST_INSTANCES);
    asked
        .into_iter()
        .map(|(name, instance_type, asked)| {
            let count = count(asked).ok_or_else(|| too_many(Kind::Training, instance_type, all))?;
            refuse_volume_key(instance_type, resources)?;
            let (name, instance_type) = (name.to_owned(), instance_type.to_owned());
            Ok(Group {
                name,
                instance_type,
                count,
            })
        })
        .collect()
}

/// What the ClusterConfig of a processing job asks for.
pub(super) fn cluster(resources: &Value) -> Result<Group, ApiError> {
    let shown = "processingResources.clusterConfig.";
    let (name, instance_type, asked) = asked(OF_ONE_TYPE, resources, shown)?;
    let few = usize::try_from(asked).ok().filter(|_| asked <= MOST_INSTANCES);
    refuse_volume_key(instance_type, resources)?;
    Ok(Group {
        name: name.to_owned(),
        instance_type: instance_type.to_owned(),
        count: few.ok_or_else(|| too_many(Kind::Processing, instance_type, asked))?,
    })
}

/// A name, a type and a number of instances.
fn asked<'a>(name: &'a str, value: &'a Value, shown: &str) -> Result<(&'a str, &'a str, u64), ApiError> {
    let instance_type = required(value, "InstanceType", &format!("{shown}instanceType"))?;
    let count = value["InstanceCount"].as_u64().unwrap_or_default();
    if count == 0 {
        let member = format!("{shown}instanceCount");
        let rule = "Member must have value greater than or equal to 1";
        return Err(constraint("0", &member, rule));
    }
    Ok((name, instance_type, count))
}

/// Refuses a key for volumes that are the instances' own.
fn refuse_volume_key(instance_type: &str, resources: &Value) -> Result<(), ApiError> {
    if has_local_storage(instance_type) && !resources["VolumeKmsKeyId"].is_null() {
        return Err(invalid(format!(
            "VolumeKmsKeyId cannot be given for {instance_type}: its local storage is encrypted by its hardware."
        )));
    }
    Ok(())
}

fn too_many(kind: Kind, instance_type: &str, all: u64) -> ApiError {
    let told = format!(
        "The account-level service limit '{instance_type} for {} usage' is {MOST_INSTANCES} Instances, with current \
         utilization of 0 Instances and a request delta of {all} Instances. The sandbox runs a job as one process an \
         instance on this machine.",
        kind.noun()
    );
    ApiError::new("ResourceLimitExceeded", told)
}

fn has_local_storage(instance_type: &str) -> bool {
    let family = instance_type.trim_start_matches("ml.").split('.').next();
    family.is_some_and(|family| WITH_LOCAL_STORAGE.split(' ').any(|known| known == family))
}
