//! The wire: which service a request is for, who sent it, and the answer in that service's protocol.
//!
//! Loopback only; a request that a web page could have made (foreign Host, any Origin) is refused.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::api::ApiError;
use super::identity::Caller;
use super::sigv4::{self, Authorization, Refusal};
use super::world::World;
use super::{ecr, iam, kms, logs, s3, sts};

/// The largest request of a service other than S3, in bytes.
const LARGEST: usize = 4 << 20;

type Body = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Serves until the world ends.
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener) {
    let s3 = s3::service(&world);
    loop {
        let accepted = tokio::select! {
            () = world.shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(Arc::clone(&world), s3.clone(), stream));
            }
            // Out of file descriptors, most likely: let some close.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

async fn connection(world: Arc<World>, s3: s3s::service::S3Service, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let shutdown = world.shutdown.clone();
    let service = service_fn(move |request| {
        let (world, s3) = (Arc::clone(&world), s3.clone());
        async move { Ok::<_, Infallible>(answer(&world, &s3, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        _ = served.as_mut() => {}
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), served).await;
        }
    }
}

async fn answer(world: &Arc<World>, s3: &s3s::service::S3Service, request: Request<Incoming>) -> Response<Body> {
    let id = uuid::Uuid::new_v4().to_string();
    let mut response = if is_foreign(world, &request) {
        plain(
            StatusCode::FORBIDDEN,
            "text/plain",
            "this sandbox answers only programs on this machine",
        )
    } else {
        route(world, s3, request, &id).await
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().entry("x-amzn-requestid").or_insert(value);
    }
    response
}

/// Whether a web page, or a name that was made to point here, may be behind the request.
fn is_foreign(world: &World, request: &Request<Incoming>) -> bool {
    let port = world.url.rsplit(':').next().unwrap_or_default();
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let host = sigv4::header(request.headers(), "host");
    request.headers().contains_key("origin") || !host.is_some_and(|host| ours.contains(&host))
}

async fn route(
    world: &Arc<World>,
    s3: &s3s::service::S3Service,
    request: Request<Incoming>,
    id: &str,
) -> Response<Body> {
    let target = sigv4::header(request.headers(), "x-amz-target");
    let service = Authorization::parse(request.headers()).map(|authorization| authorization.service);
    match (target, service.as_deref()) {
        (Some(target), _) => json_service(world, request, &target).await,
        (None, Some(service @ ("iam" | "sts"))) => query_service(world, request, service == "iam", id).await,
        _ => match s3.call(request.map(s3s::Body::from)).await {
            Ok(response) => response.map(|body| body.map_err(Into::into).boxed()),
            Err(error) => {
                tracing::error!(?error, "S3 failed");
                plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "S3 failed")
            }
        },
    }
}

async fn json_service(world: &Arc<World>, request: Request<Incoming>, target: &str) -> Response<Body> {
    let result = async {
        let (caller, body) = signed(world, request).await.map_err(|refusal| match refusal {
            Err(error) => error,
            Ok(refusal) => json_refusal(refusal),
        })?;
        let body: Value = match body.as_ref() {
            b"" => json!({}),
            bytes => serde_json::from_slice(bytes)
                .map_err(|error| ApiError::new("SerializationException", error.to_string()))?,
        };
        let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
        let answer = match prefix {
            "TrentService" => kms::call(world, &caller, operation, &body),
            "Logs_20140328" => logs::call(world, &caller, operation, &body),
            "AmazonEC2ContainerRegistry_V20150921" => ecr::call(world, &caller, operation, &body),
            _ => Err(unknown(target)),
        }?;
        Ok::<_, ApiError>(answer)
    }
    .await;
    match result {
        Ok(answer) => plain(StatusCode::OK, "application/x-amz-json-1.1", answer.to_string()),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
            let body = json!({ "__type": error.code, "message": error.message });
            plain(status, "application/x-amz-json-1.1", body.to_string())
        }
    }
}

async fn query_service(world: &Arc<World>, request: Request<Incoming>, is_iam: bool, id: &str) -> Response<Body> {
    let namespace = if is_iam {
        "https://iam.amazonaws.com/doc/2010-05-08/"
    } else {
        "https://sts.amazonaws.com/doc/2011-06-15/"
    };
    let result = async {
        let (caller, body) = signed(world, request).await.map_err(|refusal| match refusal {
            Err(error) => error,
            Ok(refusal) => query_refusal(refusal),
        })?;
        let form = iam::Form::parse(&body);
        let operation = form.text("Action").unwrap_or_default().to_owned();
        let result = if is_iam {
            iam::call(world, &caller, &operation, &form)
        } else {
            sts::call(world, &caller, &operation, &form)
        }?;
        Ok::<_, ApiError>((operation, result))
    }
    .await;
    match result {
        Ok((op, result)) => {
            let result = if result.is_empty() {
                result
            } else {
                format!("<{op}Result>{result}</{op}Result>")
            };
            plain(
                StatusCode::OK,
                "text/xml",
                format!(
                    "<{op}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{op}Response>"
                ),
            )
        }
        Err(error) => {
            let (code, message) = (iam::escape(&error.code), iam::escape(&error.message));
            plain(
                StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST),
                "text/xml",
                format!(
                    "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
                ),
            )
        }
    }
}

/// The caller and the body; the error is a refused signature, or a request that is no request.
async fn signed(world: &World, request: Request<Incoming>) -> Result<(Caller, Bytes), Result<Refusal, ApiError>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST)
        .collect()
        .await
        .map_err(|_| {
            Err(ApiError::new(
                "RequestEntityTooLarge",
                format!("The request is larger than {LARGEST} bytes"),
            )
            .status(413))
        })?
        .to_bytes();
    let caller = sigv4::caller(world, &parts, &body).map_err(Ok)?;
    Ok((caller, body))
}

fn json_refusal(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => ApiError::new("MissingAuthenticationTokenException", "Missing Authentication Token"),
        Refusal::UnknownKey => ApiError::new(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        Refusal::WrongSignature => ApiError::new("InvalidSignatureException", SIGNATURE),
        Refusal::Expired => ApiError::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        Refusal::Skewed => ApiError::new(
            "InvalidSignatureException",
            "Signature expired: the request's time is too far from now",
        ),
    }
}

fn query_refusal(refusal: Refusal) -> ApiError {
    let error = match refusal {
        Refusal::Missing => ApiError::new("MissingAuthenticationToken", "Request is missing Authentication Token"),
        Refusal::UnknownKey => ApiError::new(
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        Refusal::WrongSignature | Refusal::Skewed => ApiError::new("SignatureDoesNotMatch", SIGNATURE),
        Refusal::Expired => ApiError::new("ExpiredToken", "The security token included in the request is expired"),
    };
    error.status(403)
}

const SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

fn unknown(target: &str) -> ApiError {
    ApiError::new(
        "UnknownOperationException",
        format!("the sandbox does not know {target}"),
    )
}

fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static(content_type));
    response
}
