//! The condition keys of SageMaker's requests: what policies may ask of a job and of tags.
//!
//! A key that the request leaves out is absent. *Choice*: `NetworkIsolation` and `InterContainerTrafficEncryption` are never
//! absent, for a job without them has neither, and a Deny on `false` means that job too. KMS keys are told as they were
//! named.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::api::ApiError;
use super::super::identity::Caller;
use super::super::policy::Question;
use super::super::world::World;
use super::kind::Kind;

/// Condition keys with their values.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<(String, Vec<String>)>);

impl Facts {
    /// What a request that creates a job says of itself.
    pub(super) fn of_job(kind: Kind, body: &Value) -> Self {
        match kind {
            Kind::Training => Self::of_training(body),
            Kind::Processing => Self::of_processing(body),
        }
    }

    fn of_training(body: &Value) -> Self {
        let (resources, network) = (&body["ResourceConfig"], &body["VpcConfig"]);
        let groups = resources["InstanceGroups"].as_array().into_iter().flatten();
        let types = groups
            .chain([resources])
            .flat_map(|group| texts(&group["InstanceType"]))
            .collect();
        let truth = |member: &str| vec![(body[member] == true).to_string()];
        let rows = [
            ("InstanceTypes", types),
            ("VpcSubnets", texts(&network["Subnets"])),
            ("VpcSecurityGroupIds", texts(&network["SecurityGroupIds"])),
            ("VolumeKmsKey", texts(&resources["VolumeKmsKeyId"])),
            ("OutputKmsKey", texts(&body["OutputDataConfig"]["KmsKeyId"])),
            ("NetworkIsolation", truth("EnableNetworkIsolation")),
            (
                "InterContainerTrafficEncryption",
                truth("EnableInterContainerTrafficEncryption"),
            ),
            (
                "MaxRuntimeInSeconds",
                texts(&body["StoppingCondition"]["MaxRuntimeInSeconds"]),
            ),
            ("KeepAlivePeriod", texts(&resources["KeepAlivePeriodInSeconds"])),
            (
                "EnableRemoteDebug",
                texts(&body["RemoteDebugConfig"]["EnableRemoteDebug"]),
            ),
        ];
        Self::named(rows)
    }

    fn of_processing(body: &Value) -> Self {
        let resources = &body["ProcessingResources"]["ClusterConfig"];
        let network = &body["NetworkConfig"];
        let truth = |member: &str| vec![(network[member] == true).to_string()];
        let rows = [
            ("InstanceTypes", texts(&resources["InstanceType"])),
            ("VpcSubnets", texts(&network["VpcConfig"]["Subnets"])),
            ("VpcSecurityGroupIds", texts(&network["VpcConfig"]["SecurityGroupIds"])),
            ("VolumeKmsKey", texts(&resources["VolumeKmsKeyId"])),
            ("OutputKmsKey", texts(&body["ProcessingOutputConfig"]["KmsKeyId"])),
            ("NetworkIsolation", truth("EnableNetworkIsolation")),
            (
                "InterContainerTrafficEncryption",
                truth("EnableInterContainerTrafficEncryption"),
            ),
            (
                "MaxRuntimeInSeconds",
                texts(&body["StoppingCondition"]["MaxRuntimeInSeconds"]),
            ),
        ];
        Self::named(rows)
    }

    fn named<const N: usize>(rows: [(&str, Vec<String>); N]) -> Self {
        let named = rows
            .into_iter()
            .map(|(name, values)| (format!("sagemaker:{name}"), values));
        Self(named.collect())
    }

    /// What creation says when it asks for the permission to tag.
    pub(super) fn of_tagging(operation: &str) -> Self {
        Self(vec![("sagemaker:TaggingAction".to_owned(), vec![operation.to_owned()])])
    }

    /// Tags that the request brings.
    pub(super) fn and_tags(mut self, tags: &BTreeMap<String, String>) -> Self {
        self.0.extend(
            tags.iter()
                .map(|(key, value)| (format!("aws:RequestTag/{key}"), vec![value.clone()])),
        );
        self.and_tag_keys(tags.keys().cloned().collect())
    }

    /// Keys of tags that the request names.
    pub(super) fn and_tag_keys(mut self, keys: Vec<String>) -> Self {
        self.0.push(("aws:TagKeys".to_owned(), keys));
        self
    }

    /// Tags that what is asked about has already.
    pub(super) fn on(mut self, tags: &BTreeMap<String, String>) -> Self {
        for (key, value) in tags {
            for prefix in ["aws:ResourceTag", "sagemaker:ResourceTag"] {
                self.0.push((format!("{prefix}/{key}"), vec![value.clone()]));
            }
        }
        self
    }

    /// Whether the caller's policies allow an act on which these are the facts.
    pub(super) fn permit(
        self,
        world: &World,
        caller: &Caller,
        operation: &str,
        resource: &str,
    ) -> Result<(), ApiError> {
        let action = format!("sagemaker:{operation}");
        let facts = world.facts();
        let question = Question::new(caller, &action, resource, &facts);
        let question = self
            .0
            .into_iter()
            .fold(question, |question, (name, values)| question.with(&name, values));
        world.permit_by_identity(&question)
    }
}

/// A value or several; an empty text is none.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        value => one(value).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
