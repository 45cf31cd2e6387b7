//! The kinds of jobs that run containers: what they are called, and what their hosts find.

use super::super::api::ApiError;
use super::super::identity::Place;
use super::invalid;

/// What a job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Training,
    Processing,
}

impl Kind {
    /// The kind that an operation is about.
    pub(super) fn of_operation(operation: &str) -> Self {
        if operation.contains("ProcessingJob") {
            Self::Processing
        } else {
            Self::Training
        }
    }

    /// The kind and the name of the job in an ARN of a place.
    pub(super) fn of_arn<'a>(place: &Place, arn: &'a str) -> Option<(Self, &'a str)> {
        let named = |kind: Self| Some((kind, arn.strip_prefix(&kind.arn(place, ""))?));
        named(Self::Training).or_else(|| named(Self::Processing))
    }

    pub(super) fn arn(self, place: &Place, name: &str) -> String {
        let resource = match self {
            Self::Training => "training-job",
            Self::Processing => "processing-job",
        };
        place.arn("sagemaker", &format!("{resource}/{name}"))
    }

    /// A member that has its kind in its name: `TrainingJobName`.
    pub(super) fn member(self, rest: &str) -> String {
        format!("{}{rest}", self.word())
    }

    fn word(self) -> &'static str {
        match self {
            Self::Training => "Training",
            Self::Processing => "Processing",
        }
    }

    /// `training job`.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Training => "training job",
            Self::Processing => "processing job",
        }
    }

    pub(super) fn log_group(self) -> &'static str {
        match self {
            Self::Training => "/aws/sagemaker/TrainingJobs",
            Self::Processing => "/aws/sagemaker/ProcessingJobs",
        }
    }

    /// The table that keeps them on disk.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Training => "jobs",
            Self::Processing => "processing-jobs",
        }
    }

    /// The folders that each host has from the beginning, below `/opt/ml`.
    pub(super) fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Training => &["input/config", "input/data", "model", "output/data"],
            Self::Processing => &["config", "processing", "output"],
        }
    }

    /// What is said of a name that no job has.
    pub(super) fn not_found(self, name: &str) -> ApiError {
        match self {
            Self::Training => invalid("Requested resource not found."),
            Self::Processing => invalid(format!("Could not find requested job with name: {name}")),
        }
    }

    /// What is said of a name that another job has.
    pub(super) fn taken(self, place: &Place, name: &str) -> ApiError {
        let arn = self.arn(place, name);
        let message = match self {
            Self::Training => format!(
                "Training job names must be unique within an AWS account and region, and a training job with this name \
                 already exists ({arn})"
            ),
            Self::Processing => format!(
                "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
            ),
        };
        ApiError::new("ResourceInUse", message)
    }
}
