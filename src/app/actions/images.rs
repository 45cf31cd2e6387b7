//! Actions on training images and their repositories.

use super::{asks, fill, in_panes};
use crate::app::form::Blank;
use crate::app::pane::Pane;
use crate::app::state::action::Action;
use crate::domain::{ImageRequest, ImageSpec};

pub(super) const NEW_REPOSITORY: Action = Action {
    label: "new repository",
    help: "An ECR repository for training images",
    changes: true,
    offered: |_, target| in_panes(target, &[Pane::Jobs]),
    begin: |_, _| {
        let mut form = Blank::new("New ECR repository", "");
        let name = form.name("Name", "example-image", "");
        fill(form, move |filled| {
            let repository = filled.required(name)?;
            asks(ImageRequest::NewRepository { repository })
        })
    },
};

pub(in crate::app) const BUILD: Action = Action {
    label: "build image",
    help: "Build a training image from the folder shown, and push it",
    changes: true,
    offered: |_, target| in_panes(target, &[Pane::Jobs, Pane::Files]),
    begin: |_, target| {
        let note = "With docker or podman, from a folder that holds a Dockerfile.";
        let mut form = Blank::new("Build a training image", note);
        let folder = form.text("Folder", target.dir.to_string_lossy(), "");
        let repository = form.name("Repository", "example-image", "");
        let tag = form.name("Tag", "latest", "");
        let push = form.checks("Then", [("push it to ECR", true)]);
        fill(form, move |filled| {
            let [push] = filled.checked(push);
            asks(ImageRequest::Build(Box::new(ImageSpec {
                folder: filled.text(folder).into(),
                repository: filled.text(repository),
                tag: filled.text(tag),
                push,
            })))
        })
    },
};

pub(super) const TRY: Action = Action {
    label: "try image",
    help: "Run an image here over a made-up /opt/ml, before anyone pays",
    changes: false,
    offered: |_, target| in_panes(target, &[Pane::Jobs]),
    begin: |_, _| {
        let mut form = Blank::new("Try a training image here", "");
        let image = form.name("Image", "example-image:latest", "");
        fill(form, move |filled| {
            let image = filled.required(image)?;
            asks(ImageRequest::Try { image })
        })
    },
};
