//! Requests about training images, and the repositories they are in.

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts};
use super::names::Names;
use crate::domain::ImageSpec;

/// A request that is about training images or their repositories.
#[derive(Debug, Clone, PartialEq)]
pub enum ImageRequest {
    /// Create a repository for training images.
    NewRepository {
        /// Its name.
        repository: String,
    },
    /// Delete a repository with every image in it.
    DeleteRepository {
        /// Its name.
        repository: String,
    },
    /// Build a training image and push it.
    Build(Box<ImageSpec>),
    /// Run a training image on this machine over a made-up `/opt/ml`.
    Try {
        /// The local image.
        image: String,
    },
}

impl ImageRequest {
    pub(super) fn facts(&self, _names: &Names<'_>) -> Facts {
        match self {
            Self::NewRepository { repository } => Facts::change(
                "create repository",
                repository,
                format!("create the repository {repository}"),
            ),
            Self::DeleteRepository { repository } => {
                let title = format!("delete the repository {repository} with every image in it");
                Facts::change("delete repository", repository, title)
                    .consequence("Jobs that name one of them fail.")
                    .asking(Ask::Type(repository.clone()))
            }
            Self::Build(spec) => {
                let (image, folder) = (format!("{}:{}", spec.repository, spec.tag), spec.folder.display());
                let push = if spec.push { " and push it" } else { "" };
                let title = format!("build {image} from {folder}{push}");
                Facts::change("build image", image, title)
                    .finishing("The tool is stopped. An image that was built already stays on this machine.")
            }
            Self::Try { image } => {
                Facts::reading("try image", image, format!("run {image} here over a made-up /opt/ml"))
                    .finishing("The container is stopped and its folder removed.")
            }
        }
    }

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        let of_repository = |call: &str, name: &String| CommandLine::aws(call).with("--repository-name", name);
        match self {
            Self::NewRepository { repository } => vec![of_repository("ecr create-repository", repository)],
            Self::DeleteRepository { repository } => {
                vec![of_repository("ecr delete-repository", repository).words(["--force"])]
            }
            Self::Build(_) | Self::Try { .. } => Vec::new(),
        }
    }
}
