//! Lists of jobs, with SageMaker's habit of applying `StatusEquals` to a page rather than to the list.
//! *Choice*: AWS says that of training jobs only; processing jobs are listed alike.

use std::cmp::Ordering;
use std::ops::Bound;

use super::super::api::{insert_some, out_of_bounds, place_of, token_of};
use super::job::{Book, Job, Jobs};
use super::kind::Kind;
use super::phase::Status;
use super::{invalid, seconds};
use crate::prelude::*;

impl Book {
    pub(super) fn list(&self, body: &Value) -> Result<Value, ApiError> {
        let limit = body["MaxResults"].as_i64().unwrap_or(10);
        out_of_bounds(limit, "maxResults", 1..=100).map_err(invalid)?;
        let (order, descending) = (Order::parse(body)?, descending(body)?);
        let token = body["NextToken"].as_str().map(Place::parse).transpose()?;
        let jobs = self.lock();
        let mut left = order
            .walk(&jobs, token.as_ref(), descending, body)
            .filter(|job| wanted(job, body));
        let page: Vec<&Job> = left.by_ref().take(limit as usize).collect();
        let more = left.next().is_some();
        drop(left);
        let status = body["StatusEquals"].as_str();
        let summaries: Vec<Value> = page
            .iter()
            .filter(|job| status.is_none_or(|status| json!(job.status()) == status))
            .map(|job| summary(self.kind, &self.place, job))
            .collect();
        let mut answer = json!({ self.kind.member("JobSummaries"): summaries });
        let last = page.last().filter(|_| more);
        insert_some(&mut answer, "NextToken", last.map(|last| Place::of(last).token()));
        Ok(answer)
    }
}

/// What a list is sorted by, and then by name.
#[derive(Debug, Clone, Copy)]
enum Order {
    Name,
    Created,
    Status,
}

impl Order {
    fn parse(body: &Value) -> Result<Self, ApiError> {
        match body["SortBy"].as_str() {
            None | Some("CreationTime") => Ok(Self::Created),
            Some("Name") => Ok(Self::Name),
            Some("Status") => Ok(Self::Status),
            Some(_) => Err(unknown("sortBy", "Name, CreationTime, Status")),
        }
    }

    /// The jobs in this order, from behind a place. Only what may be wanted is looked at.
    fn walk<'a>(
        self,
        jobs: &'a Jobs,
        from: Option<&Place>,
        descending: bool,
        body: &'a Value,
    ) -> Box<dyn Iterator<Item = &'a Job> + 'a> {
        if let Some(after) = body["LastModifiedTimeAfter"].as_f64() {
            return self.walk_recent(jobs, from, descending, after);
        }
        let part = body["NameContains"].as_str().unwrap_or_default();
        let find = move |name: &'a Arc<str>| jobs.rows.get(&**name).map(|job| &**job);
        let is_named = move |name: &&Arc<str>| part.is_empty() || name.contains(part);
        match self {
            Self::Name => {
                let range = behind(from.map(|place| place.name.clone()), descending);
                directed(jobs.rows.range(range).map(|(_, job)| &**job), descending)
            }
            Self::Created => {
                let range = behind(from.map(|place| (place.created, Arc::from(&*place.name))), descending);
                let names = jobs.by_created.range(range).map(|(_, name)| name);
                directed(names.filter(is_named).filter_map(find), descending)
            }
            Self::Status => {
                let range = behind(from.map(|place| (place.status, Arc::from(&*place.name))), descending);
                let names = jobs.by_status.range(range).map(|(_, name)| name);
                directed(names.filter(is_named).filter_map(find), descending)
            }
        }
    }

    /// The same for what has changed since: usually few, whoever polls by delta.
    fn walk_recent<'a>(
        self,
        jobs: &'a Jobs,
        from: Option<&Place>,
        descending: bool,
        after: f64,
    ) -> Box<dyn Iterator<Item = &'a Job> + 'a> {
        let since = Timestamp::from_millisecond((after * 1000.0) as i64).unwrap_or(Timestamp::MIN);
        let recent = jobs.by_modified.range((since, Arc::from(""))..);
        let mut found: Vec<&Job> = recent
            .filter_map(|(_, name)| jobs.rows.get(&**name))
            .map(|job| &**job)
            .collect();
        found.sort_by(|one, other| self.compare(&Place::of(one), &Place::of(other)));
        if let Some(from) = from {
            let wanted = if descending { Ordering::Less } else { Ordering::Greater };
            found.retain(|job| self.compare(&Place::of(job), from) == wanted);
        }
        directed(found.into_iter(), descending)
    }

    fn compare(self, one: &Place, other: &Place) -> Ordering {
        let first = match self {
            Self::Name => Ordering::Equal,
            Self::Created => one.created.cmp(&other.created),
            Self::Status => one.status.cmp(&other.status),
        };
        first.then_with(|| one.name.cmp(&other.name))
    }
}

fn behind<T>(place: Option<T>, descending: bool) -> (Bound<T>, Bound<T>) {
    match (place, descending) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(place), false) => (Bound::Excluded(place), Bound::Unbounded),
        (Some(place), true) => (Bound::Unbounded, Bound::Excluded(place)),
    }
}

fn directed<'a>(
    jobs: impl DoubleEndedIterator<Item = &'a Job> + 'a,
    descending: bool,
) -> Box<dyn Iterator<Item = &'a Job> + 'a> {
    if descending {
        Box::new(jobs.rev())
    } else {
        Box::new(jobs)
    }
}

fn descending(body: &Value) -> Result<bool, ApiError> {
    match body["SortOrder"].as_str() {
        None | Some("Ascending") => Ok(false),
        Some("Descending") => Ok(true),
        Some(_) => Err(unknown("sortOrder", "Ascending, Descending")),
    }
}

fn unknown(member: &str, set: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must satisfy enum value \
         set: [{set}]"
    ))
}

/// Where a page ended, in every order.
struct Place {
    created: Timestamp,
    status: Status,
    name: String,
}

impl Place {
    fn of(job: &Job) -> Self {
        Self {
            created: job.created,
            status: job.status(),
            name: job.name.clone(),
        }
    }

    fn token(&self) -> String {
        let Self { created, status, name } = self;
        token_of(format!("{} {status:?} {name}", created.as_millisecond()))
    }

    fn parse(token: &str) -> Result<Self, ApiError> {
        let place = || {
            let text = place_of(token)?;
            let mut words = text.splitn(3, ' ');
            Some(Self {
                created: Timestamp::from_millisecond(words.next()?.parse().ok()?).ok()?,
                status: serde_json::from_value(words.next()?.into()).ok()?,
                name: words.next()?.to_owned(),
            })
        };
        place().ok_or_else(|| invalid("Invalid pagination token"))
    }
}

fn wanted(job: &Job, body: &Value) -> bool {
    let after = |member: &str, time| body[member].as_f64().is_none_or(|bound| time > bound);
    let before = |member: &str, time| body[member].as_f64().is_none_or(|bound| time < bound);
    let (created, modified) = (seconds(job.created), seconds(job.modified));
    body["NameContains"].as_str().is_none_or(|part| job.name.contains(part))
        && after("CreationTimeAfter", created)
        && before("CreationTimeBefore", created)
        && after("LastModifiedTimeAfter", modified)
        && before("LastModifiedTimeBefore", modified)
}

fn summary(kind: Kind, place: &crate::identity::Place, job: &Job) -> Value {
    let name = &job.name;
    let mut row = json!({
        kind.member("JobName"): name,
        kind.member("JobArn"): kind.arn(place, name),
        "CreationTime": seconds(job.created),
        "LastModifiedTime": seconds(job.modified),
        kind.member("JobStatus"): job.status(),
    });
    insert_some(&mut row, &kind.member("EndTime"), job.ended.map(seconds));
    match kind {
        Kind::Training => row["SecondaryStatus"] = json!(job.phase()),
        Kind::Processing => {
            insert_some(&mut row, "FailureReason", job.failure.as_ref());
            insert_some(&mut row, "ExitMessage", job.left.as_ref());
        }
    }
    row
}
