//! ECR: the repository that a training image is pushed to, and what an image there is.

use aws_sdk_ecr::types::{ImageIdentifier, Tag};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use zeroize::Zeroizing;

pub(crate) use self::layer::{Repository, Which, blob, manifest};
use super::fault::{Expected, Heard};
use super::{Aws, List, Paged};
use crate::domain::Fault;

mod layer;

/// What a registry wants to know before it takes an image.
pub(crate) struct Login {
    /// `AWS`.
    pub(crate) user: String,
    /// Good for twelve hours.
    pub(crate) password: Zeroizing<String>,
    /// Host, as docker names it.
    pub(crate) registry: String,
}

/// Creates a repository, or finds it; its URI.
pub(crate) async fn create_repository(aws: &Aws, name: &str, tag: (&str, &str)) -> Result<String, Fault> {
    let act = "create repository";
    let tag = Tag::builder()
        .key(tag.0)
        .value(tag.1)
        .build()
        .map_err(|error| Fault::invalid(act, name, error.to_string(), ""))?;
    let call = aws.ecr().create_repository().repository_name(name).tags(tag);
    match call.send().await.heard(act, name) {
        Ok(answer) => answer
            .repository
            .and_then(|repository| repository.repository_uri)
            .expected(act, name, "URI"),
        Err(fault) if fault.code.as_deref() == Some("RepositoryAlreadyExistsException") => {
            repository_uri(aws, name).await
        }
        Err(fault) => Err(fault),
    }
}

pub(crate) async fn repository_uri(aws: &Aws, name: &str) -> Result<String, Fault> {
    let act = "look up repository";
    let call = aws.ecr().describe_repositories().repository_names(name);
    let answer = call.send().await.heard(act, name)?;
    answer
        .repositories()
        .first()
        .and_then(|repository| repository.repository_uri())
        .map(str::to_owned)
        .expected(act, name, "URI")
}

/// Every repository: name and ARN.
pub(crate) async fn repositories(aws: &Aws) -> Result<Vec<(String, String)>, Fault> {
    let call = move |token| aws.ecr().describe_repositories().set_next_token(token).send();
    let list = List::of("list", "repositories", call, |answer| {
        let rows = answer.repositories().iter().map(|repository| {
            let (name, arn) = (repository.repository_name()?, repository.repository_arn()?);
            Some((name.to_owned(), arn.to_owned()))
        });
        Paged::new(rows.collect(), answer.next_token())
    });
    list.every().await
}

/// The value of one tag of a repository.
pub(crate) async fn tag(aws: &Aws, arn: &str, name: &str) -> Result<Option<String>, Fault> {
    let call = aws.ecr().list_tags_for_resource().resource_arn(arn);
    let answer = call.send().await.heard("read the tags of", arn)?;
    let found = answer.tags().iter().find(|tag| tag.key() == name);
    Ok(found.map(|tag| tag.value().to_owned()))
}

/// Whether the registry has this image, by tag.
pub(crate) async fn has_image(aws: &Aws, repository: &str, tag: &str) -> Result<bool, Fault> {
    let call = aws
        .ecr()
        .describe_images()
        .repository_name(repository)
        .image_ids(ImageIdentifier::builder().image_tag(tag).build());
    match call
        .send()
        .await
        .heard("look for image", &format!("{repository}:{tag}"))
    {
        Ok(answer) => Ok(!answer.image_details().is_empty()),
        Err(fault)
            if matches!(
                fault.code.as_deref(),
                Some("ImageNotFoundException" | "RepositoryNotFoundException")
            ) =>
        {
            Ok(false)
        }
        Err(fault) => Err(fault),
    }
}

/// Deletes a repository and every image in it.
pub(crate) async fn delete_repository(aws: &Aws, name: &str) -> Result<(), Fault> {
    let call = aws.ecr().delete_repository().repository_name(name).force(true);
    call.send().await.heard("delete repository", name).map(drop)
}

pub(crate) async fn login(aws: &Aws) -> Result<Login, Fault> {
    let (act, object) = ("log in to", "the registry");
    let call = aws.ecr().get_authorization_token();
    let answer = call.send().await.heard(act, object)?;
    let data = answer.authorization_data().first().expected(act, object, "token")?;
    let decoded = data
        .authorization_token()
        .and_then(|token| BASE64_STANDARD.decode(token).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Zeroizing::new)
        .expected(act, object, "token")?;
    let (user, password) = decoded.split_once(':').expected(act, object, "user and password")?;
    let endpoint = data.proxy_endpoint().expected(act, object, "endpoint")?;
    let registry = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    Ok(Login {
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
        registry: registry.trim_end_matches('/').to_owned(),
    })
}
