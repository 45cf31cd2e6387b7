//! The command line that does what a [`Request`] does: of the AWS CLI, or strongroom's own where AWS has no such act.

use std::collections::BTreeMap;

use super::spec::WORKFLOW;
use super::{
    GrantConstraint, GrantRequest, GrantSpec, KeyRequest, Message, MessageRequest, ObjectRequest, ProofRequest, Request,
};

mod line;
mod training;

use line::{aws, path_text, push, push_all, push_context, quoted, strongroom, with_prefix, with_session};
use training::{jobs, roles};

/// Where the command is to work: what the session was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`.
    pub endpoint: Option<String>,
    /// The account, where it is known.
    pub account: Option<String>,
}

/// The equivalent commands, one or several; `None` where there is none (a plan, a log of our own).
pub fn aws_commands(request: &Request, session: &Session) -> Option<Vec<String>> {
    let lines = match request {
        Request::Object(ObjectRequest::Encrypt { .. })
        | Request::Object(ObjectRequest::Decrypt { .. })
        | Request::Object(ObjectRequest::Verify { .. }) => vec![envelope(request)?],
        Request::Proof(ProofRequest::Access { key_arn, role_arn, .. }) => {
            vec![strongroom(["prove", "--key", key_arn, "--role", role_arn])]
        }
        Request::Proof(ProofRequest::Story {
            key_arn,
            role_arn,
            context,
            ..
        }) => {
            let mut line = strongroom(["prove", "--key", key_arn, "--role", role_arn]);
            for (name, value) in context {
                push(&mut line, ["--context", &format!("{name}={value}")]);
            }
            vec![line + " --story"]
        }
        _ => keys(request)
            .or_else(|| grants(request))
            .or_else(|| messages(request))
            .or_else(|| buckets(request, session.region.as_deref()))
            .or_else(|| roles(request, session.account.as_deref()))
            .or_else(|| jobs(request))?,
    };
    Some(lines.into_iter().map(|line| with_session(line, session)).collect())
}

/// These words as a command line of this session.
pub fn command_line(words: &[String], session: &Session) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    with_session(words.join(" "), session)
}

fn envelope(request: &Request) -> Option<String> {
    Some(match request {
        Request::Object(ObjectRequest::Encrypt {
            paths,
            bucket,
            prefix,
            key,
            context,
            overwrite,
        }) => {
            let mut line = "strongroom encrypt".to_owned();
            for path in paths {
                push(&mut line, [path_text(path).as_str()]);
            }
            push(&mut line, [format!("s3://{bucket}/{prefix}").as_str(), "--key", key]);
            for (name, value) in context {
                push(&mut line, ["--context", &format!("{name}={value}")]);
            }
            if *overwrite {
                line.push_str(" --overwrite");
            }
            line
        }
        Request::Object(ObjectRequest::Decrypt {
            bucket,
            object,
            to,
            overwrite,
            accept_name,
            accept_unbound,
        }) => {
            let source = format!("s3://{bucket}/{object}");
            let mut line = strongroom(["decrypt", &source, "-o", &path_text(to)]);
            for (given, option) in [
                (accept_name, " --accept-name"),
                (accept_unbound, " --accept-unbound"),
                (overwrite, " --overwrite"),
            ] {
                if *given {
                    line.push_str(option);
                }
            }
            line
        }
        Request::Object(ObjectRequest::Verify {
            bucket,
            objects,
            accept_unbound,
        }) => {
            let mut line = "strongroom verify".to_owned();
            for object in objects {
                push(&mut line, [format!("s3://{bucket}/{object}").as_str()]);
            }
            if *accept_unbound {
                line.push_str(" --accept-unbound");
            }
            line
        }
        _ => return None,
    })
}

fn keys(request: &Request) -> Option<Vec<String>> {
    let by_key = |call: &str, key_arn: &str| vec![aws(["kms", call, "--key-id", key_arn])];
    Some(match request {
        Request::Key(KeyRequest::New(spec)) => {
            let mut line = aws(["kms", "create-key", "--description", &spec.description]);
            push(&mut line, ["--key-spec", &spec.spec, "--key-usage", &spec.usage]);
            if let Some(policy) = &spec.policy {
                push(&mut line, ["--policy", policy]);
            }
            line.push_str(" --tags");
            let own = [(WORKFLOW.0, WORKFLOW.1)];
            let tags = spec.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            for (name, value) in tags.chain(own) {
                push(&mut line, [format!("TagKey={name},TagValue={value}").as_str()]);
            }
            let mut lines = vec![line];
            if !spec.alias.is_empty() {
                let alias = with_prefix(&spec.alias);
                lines.push(aws([
                    "kms",
                    "create-alias",
                    "--alias-name",
                    &alias,
                    "--target-key-id",
                    "KEY_ID",
                ]));
            }
            if spec.rotation {
                lines.push(aws(["kms", "enable-key-rotation", "--key-id", "KEY_ID"]));
            }
            lines
        }
        Request::Key(KeyRequest::ReadPolicy { key_arn }) => vec![aws([
            "kms",
            "get-key-policy",
            "--key-id",
            key_arn,
            "--policy-name",
            "default",
            "--output",
            "text",
        ])],
        Request::Key(KeyRequest::PutPolicy { key_arn, policy, .. }) => vec![aws([
            "kms",
            "put-key-policy",
            "--key-id",
            key_arn,
            "--policy-name",
            "default",
            "--policy",
            policy,
        ])],
        Request::Key(KeyRequest::AddAlias { alias, key_arn }) => {
            vec![aws([
                "kms",
                "create-alias",
                "--alias-name",
                &with_prefix(alias),
                "--target-key-id",
                key_arn,
            ])]
        }
        Request::Key(KeyRequest::MoveAlias { alias, key_arn }) => {
            vec![aws([
                "kms",
                "update-alias",
                "--alias-name",
                &with_prefix(alias),
                "--target-key-id",
                key_arn,
            ])]
        }
        Request::Key(KeyRequest::DeleteAlias { alias }) => {
            vec![aws(["kms", "delete-alias", "--alias-name", &with_prefix(alias)])]
        }
        Request::Key(KeyRequest::Tag { key_arn, set, remove }) => {
            let mut lines = Vec::new();
            if !set.is_empty() {
                let mut line = aws(["kms", "tag-resource", "--key-id", key_arn]) + " --tags";
                for (name, value) in set {
                    push(&mut line, [format!("TagKey={name},TagValue={value}").as_str()]);
                }
                lines.push(line);
            }
            if !remove.is_empty() {
                let mut line = aws(["kms", "untag-resource", "--key-id", key_arn]) + " --tag-keys";
                push_all(&mut line, remove);
                lines.push(line);
            }
            lines
        }
        Request::Key(KeyRequest::Tags { key_arn }) => by_key("list-resource-tags", key_arn),
        Request::Key(KeyRequest::SetRotation { key_arn, on: true }) => by_key("enable-key-rotation", key_arn),
        Request::Key(KeyRequest::SetRotation { key_arn, on: false }) => by_key("disable-key-rotation", key_arn),
        Request::Key(KeyRequest::Describe { key_arn, description }) => {
            vec![aws([
                "kms",
                "update-key-description",
                "--key-id",
                key_arn,
                "--description",
                description,
            ])]
        }
        Request::Key(KeyRequest::Enable { key_arn }) => by_key("enable-key", key_arn),
        Request::Key(KeyRequest::Disable { key_arn }) => by_key("disable-key", key_arn),
        Request::Key(KeyRequest::ScheduleDeletion { key_arn, days }) => {
            let days = days.to_string();
            vec![aws([
                "kms",
                "schedule-key-deletion",
                "--key-id",
                key_arn,
                "--pending-window-in-days",
                &days,
            ])]
        }
        Request::Key(KeyRequest::CancelDeletion { key_arn }) => by_key("cancel-key-deletion", key_arn),
        _ => return None,
    })
}

fn grants(request: &Request) -> Option<Vec<String>> {
    let by_id = |call: &str, key_arn: &str, grant_id: &str| {
        vec![aws(["kms", call, "--key-id", key_arn, "--grant-id", grant_id])]
    };
    Some(match request {
        Request::Grant(GrantRequest::New(spec)) => vec![grant(spec)],
        Request::Grant(GrantRequest::Revoke { key_arn, grant_id, .. }) => by_id("revoke-grant", key_arn, grant_id),
        Request::Grant(GrantRequest::Retire { key_arn, grant_id, .. }) => by_id("retire-grant", key_arn, grant_id),
        Request::Grant(GrantRequest::List { key_arns }) => key_arns
            .iter()
            .map(|key_arn| aws(["kms", "list-grants", "--key-id", key_arn]))
            .collect(),
        _ => return None,
    })
}

fn grant(spec: &GrantSpec) -> String {
    let mut line = aws([
        "kms",
        "create-grant",
        "--key-id",
        &spec.key_arn,
        "--grantee-principal",
        &spec.grantee,
    ]);
    line.push_str(" --operations");
    push_all(&mut line, &spec.operations);
    if let Some(constraint) = &spec.constraint {
        let (kind, pairs) = match constraint {
            GrantConstraint::ContextEquals(pairs) => ("EncryptionContextEquals", pairs),
            GrantConstraint::ContextSubset(pairs) => ("EncryptionContextSubset", pairs),
        };
        let pairs: BTreeMap<_, _> = pairs.iter().cloned().collect();
        push(
            &mut line,
            ["--constraints", &serde_json::json!({ kind: pairs }).to_string()],
        );
    }
    if let Some(name) = &spec.name {
        push(&mut line, ["--name", name]);
    }
    if let Some(retiring) = &spec.retiring {
        push(&mut line, ["--retiring-principal", retiring]);
    }
    line
}

/// What a person typed is never put on a command line: it would stay in the shell's history.
fn messages(request: &Request) -> Option<Vec<String>> {
    let file = |message: &Message| match message {
        Message::File(path) => format!("fileb://{}", path_text(path)),
        Message::Text(_) => "fileb://MESSAGE".to_owned(),
    };
    Some(match request {
        Request::Message(MessageRequest::Encrypt {
            key, message, context, ..
        }) => {
            let mut line = aws(["kms", "encrypt", "--key-id", key, "--plaintext", &file(message)]);
            push_context(&mut line, "--encryption-context", context);
            vec![line + " --query CiphertextBlob --output text"]
        }
        Request::Message(MessageRequest::Decrypt {
            message, key, context, ..
        }) => {
            let mut line = aws(["kms", "decrypt", "--ciphertext-blob", &file(message)]);
            if let Some(key) = key {
                push(&mut line, ["--key-id", key]);
            }
            push_context(&mut line, "--encryption-context", context);
            vec![line + " --query Plaintext --output text"]
        }
        Request::Message(MessageRequest::NewDataKey { key, context, .. }) => {
            let mut line = aws([
                "kms",
                "generate-data-key-without-plaintext",
                "--key-id",
                key,
                "--key-spec",
                "AES_256",
            ]);
            push_context(&mut line, "--encryption-context", context);
            vec![line + " --query CiphertextBlob --output text"]
        }
        Request::Message(MessageRequest::ReEncryptDataKey { context, key, .. }) => {
            let mut line = aws([
                "kms",
                "re-encrypt",
                "--ciphertext-blob",
                "fileb://DATA_KEY",
                "--destination-key-id",
                key,
            ]);
            push_context(&mut line, "--source-encryption-context", context);
            push_context(&mut line, "--destination-encryption-context", context);
            vec![line + " --query CiphertextBlob --output text"]
        }
        _ => return None,
    })
}

fn buckets(request: &Request, region: Option<&str>) -> Option<Vec<String>> {
    Some(match request {
        Request::Object(ObjectRequest::CreateBucket { bucket }) => vec![
            create(bucket, region),
            aws([
                "s3api",
                "put-bucket-tagging",
                "--bucket",
                bucket,
                "--tagging",
                &format!("TagSet=[{{Key={},Value={}}}]", WORKFLOW.0, WORKFLOW.1),
            ]),
            aws([
                "s3api",
                "put-public-access-block",
                "--bucket",
                bucket,
                "--public-access-block-configuration",
                "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
            ]),
        ],
        Request::Object(ObjectRequest::Delete { bucket, objects }) => objects
            .iter()
            .map(|object| aws(["s3api", "delete-object", "--bucket", bucket, "--key", object]))
            .collect(),
        Request::Object(ObjectRequest::CountBucket { bucket }) => {
            vec![aws([
                "s3",
                "ls",
                &format!("s3://{bucket}"),
                "--recursive",
                "--summarize",
            ])]
        }
        // Neither removes versions.
        Request::Object(ObjectRequest::EmptyBucket { older: 1.., .. })
        | Request::Object(ObjectRequest::DeleteBucket { older: 1.., .. }) => return None,
        Request::Object(ObjectRequest::EmptyBucket { bucket, .. }) => {
            vec![aws(["s3", "rm", &format!("s3://{bucket}"), "--recursive"])]
        }
        Request::Object(ObjectRequest::DeleteBucket { bucket, .. }) => {
            vec![aws(["s3", "rb", &format!("s3://{bucket}"), "--force"])]
        }
        _ => return None,
    })
}

/// The oldest region takes no location, every other one must be named.
fn create(bucket: &str, region: Option<&str>) -> String {
    let mut line = aws(["s3api", "create-bucket", "--bucket", bucket]);
    if let Some(region) = region.filter(|region| *region != "us-east-1") {
        let location = format!("LocationConstraint={region}");
        push(&mut line, ["--create-bucket-configuration", &location]);
    }
    line
}

#[cfg(test)]
mod tests;
