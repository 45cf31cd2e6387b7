//! The form of each action that needs something filled in.

use super::{More, Target, action_of};
use crate::app::form::{Form, Purpose};
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::text;

/// The form of an action, filled in as far as is known.
pub(super) fn form(state: &State, more: More, target: Target) -> Form {
    let key = target.listed_key(state);
    let name = key.map(|key| key.name().to_owned()).unwrap_or_default();
    let object = target.place_of_object(state);
    let (pane, place, dir) = (target.pane, target.place.clone(), target.dir.clone());
    let form = |title: String, note: &str| Form::new(Purpose::More(more, Box::new(target)), title, note);
    match more {
        More::AllowRole => form(
            format!("Let a role use {name}"),
            "By the key policy, for Decrypt and Encrypt. Unlike a grant it has no end of its own.",
        )
        .roles("Role", &state.roles),
        More::AddAlias => form(format!("One more alias for {name}"), "").text("Alias", "", "without alias/"),
        More::MoveAlias => form(
            format!("Let an alias point to {name}"),
            "Whoever uses the alias uses this key from then on.",
        )
        .text("Alias", "", "an existing one, without alias/"),
        More::DeleteAlias => {
            let first = key.and_then(|key| key.aliases.first().cloned()).unwrap_or_default();
            form(
                format!("Delete an alias of {name}"),
                "The key stays; whoever uses the alias finds nothing.",
            )
            .text("Alias", first.trim_start_matches("alias/"), "without alias/")
        }
        More::Tags => form(format!("Tags of {name}"), "")
            .text("Set", "", "NAME=VALUE, NAME=VALUE")
            .text("Remove", "", "NAME, NAME"),
        More::Describe => {
            let detail = key.and_then(|key| key.detail.as_ref());
            let now = detail.map(|detail| detail.description.clone()).unwrap_or_default();
            form(format!("Description of {name}"), "").text("Description", now, "")
        }
        More::EncryptMessage => form(
            format!("Encrypt a message under {name}"),
            "1 to 4096 bytes, by KMS itself.",
        )
        .text("Message", "", "or a file:")
        .text("File", "", "")
        .text("Context", "", "K=V, K=V; needed again to decrypt")
        .text("Write to", "", "a new file; empty shows it here"),
        More::DecryptMessage => form(
            "Decrypt a message".to_owned(),
            "What KMS itself encrypted; wiped when closed.",
        )
        .text("Ciphertext", "", "base64, or a file:")
        .text("File", "", "")
        .text("Context", "", "K=V, K=V")
        .text("Write to", "", "a new file; empty shows it here"),
        More::NewDataKey => {
            let to = place.map(|(bucket, prefix)| format!("s3://{bucket}/{prefix}data-key"));
            form(
                format!("New data key under {name}"),
                "D is forgotten at once; C is kept where you say.",
            )
            .text("Keep C at", to.unwrap_or_default(), "s3://BUCKET/KEY or a path")
            .text("Context", "", "K=V, K=V")
        }
        More::OpenDataKey => {
            let at = if pane == Pane::Objects {
                format!("s3://{}/{}", object.0, object.1)
            } else {
                String::new()
            };
            form(
                "Open an encrypted data key".to_owned(),
                "Which KMS key wraps it; does it unwrap for you, for a role.",
            )
            .text("C is at", at, "s3://BUCKET/KEY or a path")
            .text("Context", "", "K=V, K=V")
            .optional_role("Role", &state.roles)
        }
        More::ReEncrypt => form(
            format!("Wrap a data key under {name}"),
            "KMS does it: D never leaves KMS.",
        )
        .text("C is at", "", "s3://BUCKET/KEY or a path")
        .text("Keep C at", "", "a new place")
        .text("Context", "", "K=V, K=V"),
        More::Story => form(
            format!("Prove the story of {name}"),
            "Expect denied, grant, expect allowed, revoke, expect denied; everything is left as it was.",
        )
        .roles("Role", &state.roles),
        More::ProveObject => form(
            format!("Prove {}", text::last_part(&object.1)),
            "With the grant checked, the role is granted the key for the last step and the grant revoked afterwards.",
        )
        .roles("Role", &state.roles)
        .checks("Steps", &[("grant for the last step", true)]),
        More::NewRole => {
            let (bucket, prefix) = place.unwrap_or_default();
            form(
                "New execution role".to_owned(),
                "Trusted by SageMaker in this account only. The least policy: this bucket's data, key objects and output, the \
                 image, the logs. No kms: that is the grant's work.",
            )
            .text("Name", "example-role", "")
            .text("Bucket", bucket, "")
            .text("Data", prefix, "a prefix or an object")
            .text("Output", "output/", "a prefix")
            .text("Image", "", "empty: any of this account")
            .checks("Policy", &[("AmazonSageMakerFullAccess instead", false)])
        }
        More::RolePolicies | More::TrustService | More::TrustCaller | More::DistrustCaller | More::DeleteRole => {
            let note = match more {
                More::TrustCaller => "Whoever may assume the role can read the training data. Take it back afterwards.",
                More::DeleteRole => "Its policies are taken off first. Grants to it stay on their keys, useless.",
                _ => "",
            };
            form(format!("Role: {}", label(more)), note).roles("Role", &state.roles)
        }
        More::DetachPolicy => form("Take a policy off a role".to_owned(), "")
            .roles("Role", &state.roles)
            .text("Policy", "", "ARN of an attached one, name of an inline one"),
        More::NewRepository => form("New ECR repository".to_owned(), "").text("Name", "example-image", ""),
        More::BuildImage => {
            let folder = dir.to_string_lossy().into_owned();
            form(
                "Build a training image".to_owned(),
                "With docker or podman, from a folder that holds a Dockerfile.",
            )
            .text("Folder", folder, "")
            .text("Repository", "example-image", "")
            .text("Tag", "latest", "")
            .checks("Then", &[("push it to ECR", true)])
        }
        More::TryImage => form("Try a training image here".to_owned(), "").text("Image", "example-image:latest", ""),
        _ => form(label(more).to_owned(), ""),
    }
}

fn label(more: More) -> &'static str {
    action_of(more).label
}
