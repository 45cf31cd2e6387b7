//! Requests about training images, and the repositories they are in.

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
