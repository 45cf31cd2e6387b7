//! The condition keys of SageMaker's requests: what policies may ask of a job and of tags.
//!
//! A key that the request leaves out is absent. *Choice*: `NetworkIsolation` and `InterContainerTrafficEncryption` are never
//! absent, for a job without them has neither, and a Deny on `false` means that job too. KMS keys are told as they were
//! named.

use super::super::policy::Question;
use super::kind::Kind;
use crate::prelude::*;

/// Condition keys with their values.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<(String, Vec<String>)>);

impl Facts {
    /// What a request that creates a job says of itself.
    pub(super) fn of_job(kind: Kind, body: &Value) -> Self {
        let network = &body["NetworkConfig"];
        let (resources, vpc, truths, output) = match kind {
            Kind::Training => (
                &body["ResourceConfig"],
                &body["VpcConfig"],
                body,
                &body["OutputDataConfig"],
            ),
            Kind::Processing => (
                &body["ProcessingResources"]["ClusterConfig"],
                &network["VpcConfig"],
                network,
                &body["ProcessingOutputConfig"],
            ),
        };
        let groups = resources["InstanceGroups"].as_array().into_iter().flatten();
        let types = groups.chain([resources]);
        let truth = |member: &str| vec![(truths[member] == true).to_string()];
        let longest = texts(&body["StoppingCondition"]["MaxRuntimeInSeconds"]);
        let between = truth("EnableInterContainerTrafficEncryption");
        let debug = texts(&body["RemoteDebugConfig"]["EnableRemoteDebug"]);
        let rows = [
            (
                "InstanceTypes",
                types.flat_map(|group| texts(&group["InstanceType"])).collect(),
            ),
            ("VpcSubnets", texts(&vpc["Subnets"])),
            ("VpcSecurityGroupIds", texts(&vpc["SecurityGroupIds"])),
            ("VolumeKmsKey", texts(&resources["VolumeKmsKeyId"])),
            ("OutputKmsKey", texts(&output["KmsKeyId"])),
            ("NetworkIsolation", truth("EnableNetworkIsolation")),
            ("InterContainerTrafficEncryption", between),
            ("MaxRuntimeInSeconds", longest),
            ("KeepAlivePeriod", texts(&resources["KeepAlivePeriodInSeconds"])),
            ("EnableRemoteDebug", debug),
        ];
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
