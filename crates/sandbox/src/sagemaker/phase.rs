//! A job's secondary statuses: each has its status in lists, and its sentence. Their names
//! are SageMaker's.

use serde::{Deserialize, Serialize};

/// A status as lists show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Status {
    Completed,
    Failed,
    InProgress,
    Stopped,
    Stopping,
}

impl Status {
    pub(super) fn is_over(self) -> bool {
        !matches!(self, Self::InProgress | Self::Stopping)
    }
}

/// A secondary status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    Starting,
    Downloading,
    Training,
    Uploading,
    Stopping,
    Completed,
    Failed,
    Stopped,
    MaxRuntimeExceeded,
    Interrupted,
    MaxWaitTimeExceeded,
}

impl Phase {
    pub(super) fn status(self) -> Status {
        match self {
            Self::Starting | Self::Downloading | Self::Training | Self::Uploading | Self::Interrupted => {
                Status::InProgress
            }
            Self::Stopping => Status::Stopping,
            Self::Completed => Status::Completed,
            Self::Failed => Status::Failed,
            Self::Stopped | Self::MaxRuntimeExceeded | Self::MaxWaitTimeExceeded => Status::Stopped,
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Starting => "Preparing the instances for training",
            Self::Downloading => "Downloading input data",
            Self::Training => "Training image download completed. Training in progress.",
            Self::Uploading => "Uploading generated training model",
            Self::Stopping => "Stopping the training job",
            Self::Completed => "Training job completed",
            Self::Failed => "Training job failed",
            Self::Stopped => "Training job stopped",
            Self::MaxRuntimeExceeded => "Training job runtime exceeded MaxRuntimeInSeconds provided",
            Self::Interrupted => "Training job interrupted: its managed spot instances were taken back",
            Self::MaxWaitTimeExceeded => "Training job exceeded MaxWaitTimeInSeconds provided",
        }
    }
}
