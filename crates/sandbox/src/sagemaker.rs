//! SageMaker: training and processing jobs that really run.
//!
//! [`kind`] has what they differ in, [`request`] says what may be asked for, [`conditions`] what policies may ask of it,
//! [`job`] keeps the jobs, [`phase`] names their statuses, [`run`] takes a job through its statuses, [`channel`] brings its data as its role, [`host`] tells
//! its hosts of themselves, [`cluster`] runs them, [`process`] each one's command, [`lines`] has what they say, [`folder`]
//! and [`memory`] are their own, [`mirror`] copies what they save, [`artifact`] packs what they leave, [`below`] following
//! no link. This file answers questions about them. A host is a process on this machine, under the role's session
//! credentials: it sees what SageMaker's container would see, below a folder of its own in place of `/opt/ml`, and nothing
//! else of the world: [`confine`] with [`network`], or [`container`] where that runs its image.

use super::api::seconds;
use super::iam::SessionCredentials;
use super::members;
use super::sts;
use crate::prelude::*;

mod artifact;
mod below;
mod channel;
mod cluster;
mod conditions;
mod confine;
mod container;
mod folder;
mod host;
mod job;
mod kind;
mod lines;
mod list;
mod memory;
mod mirror;
mod network;
mod phase;
mod process;
mod request;
mod run;

use conditions::Facts;
pub(crate) use confine::{Confinement, found as confinement};
pub(crate) use job::SageMaker;
use job::{Book, Job};
use kind::Kind;
pub(crate) use memory::sweep;
use phase::{Phase, Status};
use request::Asked;

impl Book {
    fn describe(&self, name: &str) -> Result<Value, ApiError> {
        self.look(name, |job| job.describe(self.kind, &self.place))?
    }

    fn stop(&self, name: &str) -> Result<Value, ApiError> {
        let status = self.look(name, Job::status)?;
        if status != Status::InProgress {
            let noun = self.kind.noun();
            let told = format!("The request was rejected because the {noun} is in status {status:?}.");
            return Err(invalid(told));
        }
        let now = self.now();
        self.update(name, |job| {
            job.enter(Phase::Stopping, now);
            if let Some(stop) = &job.stop {
                stop.cancel();
            }
        });
        Ok(json!({}))
    }

    fn tags(&self, name: &str, operation: &str, body: &Value) -> Result<Value, ApiError> {
        let mut tags = self.look(name, |job| job.tags.clone())?;
        match operation {
            "AddTags" => tags.extend(request::tags(body)?),
            "DeleteTags" => {
                for key in body["TagKeys"].as_array().into_iter().flatten() {
                    tags.remove(key.as_str().unwrap_or_default());
                }
            }
            _ => {}
        }
        let rows: Vec<Value> = tags
            .iter()
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
        if operation != "ListTags" {
            self.update(name, |job| job.tags = tags);
        }
        Ok(match operation {
            "DeleteTags" => json!({}),
            _ => json!({ "Tags": rows }),
        })
    }
}

/// Answers one call.
pub(crate) fn call(world: &Arc<World>, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
    members::check("sagemaker", operation, body)?;
    let kind = Kind::of_operation(operation);
    let name = body[kind.member("JobName")].as_str().unwrap_or_default();
    let place = &caller.place;
    let sagemaker = &world.at(place).sagemaker;
    let book = sagemaker.of(kind);
    let allow = |facts: Facts, resource: &str| facts.permit(world, caller, operation, resource);
    let on_job = |book: &Book, name: &str| {
        let tags = book.look(name, |job| job.tags.clone());
        Facts::default().on(&tags.unwrap_or_default())
    };
    match operation {
        "CreateTrainingJob" | "CreateProcessingJob" => {
            let asked = Asked::parse(kind, body)?;
            let (tags, resource) = (request::tags(body)?, kind.arn(place, name));
            allow(Facts::of_job(kind, body).and_tags(&tags), &resource)?;
            if !tags.is_empty() {
                let tagging = Facts::of_tagging(operation).and_tags(&tags);
                tagging.permit(world, caller, "AddTags", &resource)?;
            }
            let role = &asked.containers().role;
            if account_of(role) != place.account {
                return Err(invalid("RoleArn: Cross-account pass role is not allowed."));
            }
            let context = BTreeMap::from([("iam:PassedToService".to_owned(), SERVICE.to_owned())]);
            world.authorize(caller, "iam:PassRole", role, &context)?;
            create(world, place, body, asked, tags, world.options.job_pace)
        }
        "DescribeTrainingJob" | "DescribeProcessingJob" => {
            allow(on_job(book, name), &kind.arn(place, name))?;
            book.describe(name)
        }
        "ListTrainingJobs" | "ListProcessingJobs" => {
            allow(Facts::default(), "*")?;
            book.list(body)
        }
        "StopTrainingJob" | "StopProcessingJob" => {
            allow(on_job(book, name), &kind.arn(place, name))?;
            book.stop(name)
        }
        "AddTags" | "ListTags" | "DeleteTags" => {
            let resource = body["ResourceArn"].as_str().unwrap_or("*");
            let named = Kind::of_arn(place, resource);
            let facts = named.map_or_else(Facts::default, |(kind, name)| on_job(sagemaker.of(kind), name));
            let facts = match operation {
                "AddTags" => facts.and_tags(&request::tags(body)?),
                "DeleteTags" => facts.and_tag_keys(conditions::texts(&body["TagKeys"])),
                _ => facts,
            };
            allow(facts, resource)?;
            let (kind, name) = named.ok_or_else(|| Kind::Training.not_found(resource))?;
            sagemaker.of(kind).tags(name, operation, body)
        }
        _ => Err(ApiError::unserved("sagemaker", operation)),
    }
}

/// The ARN of the job that an answer is about.
pub(crate) fn arns(answer: &Value) -> Vec<String> {
    let named = ["TrainingJobArn", "ProcessingJobArn"];
    let arns = named.iter().filter_map(|member| answer[member].as_str());
    arns.map(str::to_owned).collect()
}

const SERVICE: &str = "sagemaker.amazonaws.com";

/// Makes a job and sets it going, both or neither; each waiting status lasts at least `pace`.
fn create(
    world: &Arc<World>,
    place: &Place,
    body: &Value,
    asked: Asked,
    tags: BTreeMap<String, String>,
    pace: Duration,
) -> Result<Value, ApiError> {
    let containers = Arc::clone(asked.containers());
    let (kind, name, role) = (containers.kind, &containers.name, &containers.role);
    let session = sts::assume_role_as_service(world, role, SERVICE, "SageMaker", place).map_err(|_| {
        invalid(format!(
            "Could not assume role {role}. Please ensure that the role exists and allows principal \
             'sagemaker.amazonaws.com' to assume the role."
        ))
    })?;
    look(world, place, &asked, &session)?;
    let job = Job::new(name, body, tags, world.now());
    let stop = job.stop.clone().unwrap_or_default();
    let epoch = world.disk.epoch();
    let mut jobs = world.jobs();
    let Some(tasks) = jobs.as_mut() else {
        return Err(ApiError::new("ServiceUnavailable", "the sandbox ends").status(503));
    };
    world.at(place).sagemaker.of(kind).add(job)?;
    while tasks.try_join_next().is_some() {}
    tasks.spawn(run::run(
        Arc::clone(world),
        place.clone(),
        asked,
        session,
        stop,
        pace,
        epoch,
    ));
    Ok(json!({ kind.member("JobArn"): kind.arn(place, name) }))
}

/// Whether the role finds something at each channel's place. *Choice*: nobody says that of the inputs of processing, which
/// are looked for when the job runs.
fn look(world: &World, place: &Place, asked: &Asked, session: &SessionCredentials) -> Result<(), ApiError> {
    let role = world
        .iam(&place.account)
        .caller(&session.access_key_id, Some(&session.session_token), &place.region)?;
    match asked {
        Asked::Training(training) => training
            .channels
            .iter()
            .try_for_each(|channel| channel::look(world, &role, &channel.source)),
        Asked::Processing(_) => Ok(()),
    }
}

/// Makes the seed's job, as its role, without waiting.
pub(crate) fn create_unasked(world: &Arc<World>, body: &Value) -> Result<(), ApiError> {
    let asked = Asked::parse(Kind::Training, body)?;
    create(world, &world.home, body, asked, BTreeMap::new(), Duration::ZERO)?;
    Ok(())
}

/// Adds a job that has run in some past, without running it.
pub(crate) fn add_completed(world: &World, body: &Value, at: Timestamp) -> Result<(), ApiError> {
    let asked = Asked::parse(Kind::Training, body)?;
    let mut job = Job::new(&asked.containers().name, body, BTreeMap::new(), at);
    job.started = Some(at);
    for phase in [Phase::Downloading, Phase::Training, Phase::Uploading, Phase::Completed] {
        job.enter(phase, at);
    }
    world.at(&world.home).sagemaker.of(Kind::Training).add(job)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

#[cfg(test)]
mod tests;
