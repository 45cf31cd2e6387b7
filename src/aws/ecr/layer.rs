//! What an image is made of, as far as ECR tells: its manifest, and blobs behind URLs that need no signature.

use aws_sdk_ecr::types::ImageIdentifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::error::metadata::ErrorMetadata;

use crate::aws::again::again;
use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, fault, patience};
use crate::domain::Fault;

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    Tag(String),
    Digest(String),
}

/// A repository: of the caller's own account, unless it says another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repository<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) name: &'a str,
}

/// An image's manifest, or its list of them, as it was pushed.
pub(crate) async fn manifest(aws: &Aws, of: Repository<'_>, which: &Which) -> Result<String, Fault> {
    let (act, object) = ("read the manifest of", shown(of, which));
    let id = match which {
        Which::Tag(tag) => ImageIdentifier::builder().image_tag(tag),
        Which::Digest(digest) => ImageIdentifier::builder().image_digest(digest),
    };
    let call = aws.ecr().batch_get_image().repository_name(of.name);
    let call = call.set_registry_id(of.account.map(str::to_owned));
    let answer = call.image_ids(id.build()).send().await.heard(act, &object)?;
    if let Some(failure) = answer.failures().first() {
        let cause = failure.failure_reason().unwrap_or("ECR does not give it");
        let remedy = "check the image's name, or push it";
        let kind = crate::domain::FaultKind::NotFound;
        return Err(Fault::new(kind, act, object, cause, remedy));
    }
    let manifest = answer.images().first().and_then(|image| image.image_manifest());
    manifest.map(str::to_owned).expected(act, &object, "manifest")
}

/// One of its blobs, by its digest, which whoever reads it must check.
pub(crate) async fn blob(aws: &Aws, of: Repository<'_>, digest: &str) -> Result<Vec<u8>, Fault> {
    let (act, object) = ("read", shown(of, &Which::Digest(digest.to_owned())));
    let call = aws.ecr().get_download_url_for_layer().repository_name(of.name);
    let call = call.set_registry_id(of.account.map(str::to_owned));
    let answer = call.layer_digest(digest).send().await.heard(act, &object)?;
    let url = answer.download_url().expected(act, &object, "URL")?;
    again(|| get(aws, act, &object, url)).await
}

/// The body behind a URL that is its own permission: it is told to nobody.
async fn get(aws: &Aws, act: &str, object: &str, url: &str) -> Result<Vec<u8>, Fault> {
    let split = url
        .find("://")
        .and_then(|at| Some(at + 3 + url.get(at + 3..)?.find('/')?));
    let (host, path) = split
        .map(|at| url.split_at(at))
        .ok_or_else(|| fault::not_an_answer(act, object, "it is no URL"))?;
    let config = &aws.inner.config;
    let client = config.http_client().expected(act, object, "HTTP client")?;
    let path = path.to_owned();
    let operation = Operation::builder()
        .service_name("ecr")
        .operation_name("GetBlob")
        .behavior_version(BehaviorVersion::latest())
        .http_client(client)
        .endpoint_url(host)
        .no_auth()
        .no_retry()
        .timeout_config(patience::of_calls())
        .serializer(move |()| {
            let mut request = HttpRequest::empty();
            request.set_uri(path.as_str())?;
            Ok(request)
        })
        .deserializer(body);
    let operation = match (config.sleep_impl(), config.time_source()) {
        (Some(sleep), Some(time)) => operation.sleep_impl(sleep).time_source(time),
        _ => operation,
    };
    let sent = async { operation.build().invoke(()).await.heard(act, object) };
    patience::within(act, object, sent).await
}

fn body(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
    match response.body().bytes() {
        Some(bytes) if response.status().is_success() => Ok(bytes.to_vec()),
        _ => {
            let status = response.status().as_u16();
            let told = ErrorMetadata::builder().code(format!("Http{status}"));
            let told = told.message(format!("the registry's storage answered with status {status}"));
            Err(OrchestratorError::operation(told.build()))
        }
    }
}

fn shown(of: Repository<'_>, which: &Which) -> String {
    match which {
        Which::Tag(tag) => format!("{}:{tag}", of.name),
        Which::Digest(digest) => format!("{}@{digest}", of.name),
    }
}
