//! ListTrainingJobs, with SageMaker's habit of applying `StatusEquals` to a page rather than to the list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::api::ApiError;
use super::{Job, SageMaker, arn, invalid, seconds};

impl SageMaker {
    pub(super) fn list(&self, body: &Value) -> Result<Value, ApiError> {
        let limit = match &body["MaxResults"] {
            Value::Null => 10,
            value => value
                .as_u64()
                .filter(|limit| (1..=100).contains(limit))
                .ok_or_else(|| {
                    invalid(format!(
                        "1 validation error detected: Value '{value}' at 'maxResults' failed to satisfy constraint: \
                         Member must have value between 1 and 100"
                    ))
                })? as usize,
        };
        let sort = Sort::parse(body)?;
        let token = body["NextToken"].as_str().map(parse_token).transpose()?;
        let jobs = self.lock();
        let mut rows: Vec<(Place, &Job)> = jobs
            .values()
            .filter(|job| wanted(job, body))
            .map(|job| (sort.place(job), job))
            .collect();
        rows.sort_by(|left, right| left.0.cmp(&right.0));
        if sort.descending {
            rows.reverse();
        }
        let mut left = rows.into_iter().filter(|(place, _)| {
            token
                .as_ref()
                .is_none_or(|token| if sort.descending { place < token } else { place > token })
        });
        let page: Vec<(Place, &Job)> = left.by_ref().take(limit).collect();
        let more = left.next().is_some();
        let status = body["StatusEquals"].as_str();
        let summaries: Vec<Value> = page
            .iter()
            .filter(|(_, job)| status.is_none_or(|status| job.status.name() == status))
            .map(|(_, job)| summary(job))
            .collect();
        let mut answer = json!({ "TrainingJobSummaries": summaries });
        if let Some((place, _)) = page.last().filter(|_| more) {
            answer["NextToken"] = json!(token_of(place));
        }
        Ok(answer)
    }
}

/// The order of a list: what is sorted by, then the name.
type Place = (String, String);

#[derive(Debug)]
struct Sort {
    by: By,
    descending: bool,
}

#[derive(Debug, Clone, Copy)]
enum By {
    Name,
    Created,
    Status,
}

impl Sort {
    fn parse(body: &Value) -> Result<Self, ApiError> {
        let refused = |member: &str, set: &str| {
            Err(invalid(format!(
                "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must satisfy \
                 enum value set: [{set}]"
            )))
        };
        let by = match body["SortBy"].as_str() {
            None | Some("CreationTime") => By::Created,
            Some("Name") => By::Name,
            Some("Status") => By::Status,
            Some(_) => return refused("sortBy", "Name, CreationTime, Status"),
        };
        let descending = match body["SortOrder"].as_str() {
            None | Some("Ascending") => false,
            Some("Descending") => true,
            Some(_) => return refused("sortOrder", "Ascending, Descending"),
        };
        Ok(Self { by, descending })
    }

    fn place(&self, job: &Job) -> Place {
        let key = match self.by {
            By::Name => String::new(),
            By::Created => format!("{:020}", job.created.as_microsecond()),
            By::Status => job.status.name().to_owned(),
        };
        (key, job.training.name.clone())
    }
}

fn wanted(job: &Job, body: &Value) -> bool {
    let after = |member: &str, time| body[member].as_f64().is_none_or(|bound| time > bound);
    let before = |member: &str, time| body[member].as_f64().is_none_or(|bound| time < bound);
    let (created, modified) = (seconds(job.created), seconds(job.modified));
    body["NameContains"]
        .as_str()
        .is_none_or(|part| job.training.name.contains(part))
        && after("CreationTimeAfter", created)
        && before("CreationTimeBefore", created)
        && after("LastModifiedTimeAfter", modified)
        && before("LastModifiedTimeBefore", modified)
}

fn summary(job: &Job) -> Value {
    let name = &job.training.name;
    let mut row = json!({
        "TrainingJobName": name,
        "TrainingJobArn": arn(name),
        "CreationTime": seconds(job.created),
        "LastModifiedTime": seconds(job.modified),
        "TrainingJobStatus": job.status.name(),
        "SecondaryStatus": job.secondary(),
    });
    if let Some(ended) = job.ended {
        row["TrainingEndTime"] = json!(seconds(ended));
    }
    row
}

fn token_of((key, name): &Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{key} {name}"))
}

fn parse_token(token: &str) -> Result<Place, ApiError> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            text.split_once(' ')
                .map(|(key, name)| (key.to_owned(), name.to_owned()))
        })
        .ok_or_else(|| invalid("Invalid pagination token"))
}
