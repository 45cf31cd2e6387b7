//! Filled forms -> requests.

use std::collections::BTreeMap;

use super::{More, Target};
use crate::app::form::Form;
use crate::app::text;
use crate::domain::{
    ImageRequest, KeyRequest, Message, MessageRequest, Plaintext, ProofRequest, Request, RoleRequest, RoleSpec,
};

/// What a filled form of an action asks for; or why it cannot be asked yet. All of it is about what the form was opened on,
/// and paths begin in the folder that was shown then.
pub(in crate::app) fn request(more: More, target: &Target, form: &Form) -> Result<Request, String> {
    let required = |label: &str| match form.value(label) {
        value if value.is_empty() => Err(format!("{label} is missing")),
        value => Ok(value),
    };
    let optional = |label: &str| Some(form.value(label)).filter(|value| !value.is_empty());
    let key = || target.key.clone().ok_or_else(|| "No key is selected (1)".to_owned());
    let context = || pairs(&form.value("Context"));
    let message = |label: &str| match (optional(label), optional("File")) {
        (Some(text), None) => Ok(Message::Text(Plaintext::from(text))),
        (None, Some(path)) => Ok(Message::File(target.dir.join(path))),
        (None, None) => Err(format!("{label} or File is missing")),
        (Some(_), Some(_)) => Err(format!("Either {label} or File")),
    };
    let to_file = || optional("Write to").map(|path| target.dir.join(path));
    let role = || required("Role").map(|arn| text::last_part(&arn).to_owned());
    Ok(match more {
        More::AddAlias => Request::Key(KeyRequest::AddAlias {
            alias: required("Alias")?,
            key_arn: key()?,
        }),
        More::MoveAlias => Request::Key(KeyRequest::MoveAlias {
            alias: required("Alias")?,
            key_arn: key()?,
        }),
        More::DeleteAlias => Request::Key(KeyRequest::DeleteAlias {
            alias: required("Alias")?,
        }),
        More::Tags => Request::Key(KeyRequest::Tag {
            key_arn: key()?,
            set: pairs(&form.value("Set"))?,
            remove: listed(&form.value("Remove")),
        }),
        More::Describe => Request::Key(KeyRequest::Describe {
            key_arn: key()?,
            description: form.value("Description"),
        }),
        More::EncryptMessage => Request::Message(MessageRequest::Encrypt {
            key: key()?,
            message: message("Message")?,
            context: context()?,
            to: to_file(),
        }),
        More::DecryptMessage => Request::Message(MessageRequest::Decrypt {
            message: message("Ciphertext")?,
            key: Some(key()?),
            context: context()?,
            to: to_file(),
        }),
        More::NewDataKey => Request::Message(MessageRequest::NewDataKey {
            key: key()?,
            context: context()?,
            to: place(target, required("Keep C at")?),
        }),
        More::OpenDataKey => Request::Message(MessageRequest::OpenDataKey {
            at: place(target, required("C is at")?),
            context: context()?,
            role_arn: optional("Role"),
        }),
        More::ReEncrypt => Request::Message(MessageRequest::ReEncryptDataKey {
            at: place(target, required("C is at")?),
            context: context()?,
            key: key()?,
            to: place(target, required("Keep C at")?),
        }),
        More::Story => Request::Proof(ProofRequest::Story {
            key_arn: key()?,
            role_arn: required("Role")?,
            context: BTreeMap::new(),
            operations: Vec::new(),
        }),
        More::ProveObject => {
            let (bucket, object) = target.named_object()?;
            Request::Proof(ProofRequest::Object {
                bucket,
                object,
                role_arn: required("Role")?,
                grant: !form.checked("Steps").is_empty(),
            })
        }
        More::NewRole => Request::Role(RoleRequest::New(Box::new(RoleSpec {
            name: required("Name")?,
            bucket: required("Bucket")?,
            data: form.value("Data"),
            output: form.value("Output"),
            image: optional("Image"),
            full_access: !form.checked("Policy").is_empty(),
        }))),
        More::RolePolicies => Request::Role(RoleRequest::Policies { role: role()? }),
        More::DetachPolicy => Request::Role(RoleRequest::DetachPolicy {
            role: role()?,
            policy: required("Policy")?,
        }),
        More::TrustService => Request::Role(RoleRequest::TrustService { role: role()? }),
        More::TrustCaller => Request::Role(RoleRequest::TrustCaller {
            role: role()?,
            on: true,
        }),
        More::DistrustCaller => Request::Role(RoleRequest::TrustCaller {
            role: role()?,
            on: false,
        }),
        More::DeleteRole => Request::Role(RoleRequest::Delete { role: role()? }),
        More::NewRepository => Request::Image(ImageRequest::NewRepository {
            repository: required("Name")?,
        }),
        More::BuildImage => Request::Image(ImageRequest::Build(Box::new(super::image_spec(form)))),
        More::TryImage => Request::Image(ImageRequest::Try {
            image: required("Image")?,
        }),
        other => return Err(format!("{other:?} has no form")),
    })
}

/// `K=V, K=V`.
pub(in crate::app) fn pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |item: String| match item.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("{item} is not NAME=VALUE")),
    };
    listed(text).into_iter().map(pair).collect()
}

/// `A, B`.
pub(in crate::app) fn listed(text: &str) -> Vec<String> {
    let items = text.split(',').map(|item| item.trim().to_owned());
    items.filter(|item| !item.is_empty()).collect()
}

/// An S3 URI as it is; a path from the folder shown.
fn place(target: &Target, at: String) -> String {
    if at.starts_with("s3://") {
        return at;
    }
    target.dir.join(at).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_with_or_without_spaces_and_nothing_else() {
        let read = |text: &str| pairs(text).map(|pairs| format!("{pairs:?}"));
        assert_eq!(read("a=1, b = x=y ,"), Ok(r#"{"a": "1", "b": "x=y"}"#.to_owned()));
        assert_eq!(read(""), Ok("{}".to_owned()));
        assert_eq!(read("a"), Err("a is not NAME=VALUE".to_owned()));
        assert!(read("=1").is_err());
    }
}
