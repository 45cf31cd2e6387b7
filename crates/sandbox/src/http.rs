//! The wire: which service a request is for, who sent it, and the answer in that service's protocol.
//!
//! Loopback only; a request that a web page could have made (foreign Host, any Origin) is refused. An answer leaves only
//! when every change that it can have seen is on disk, where the world has one: whoever reads what another has just
//! written waits for the same commit.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Map;
use tokio::net::{TcpListener, TcpStream};

use super::sigv4::{self, Authorization, Refusal};
use super::trail::{self, Arrival, Call};
use super::trouble::{self, Kind};
use super::{ecr, iam, kms, logs, s3, sagemaker, sts};
use crate::prelude::*;

mod lent;
mod reply;

use reply::{Body, plain};

/// The largest request of a service other than S3, in bytes.
const LARGEST: usize = 4 << 20;
/// So much more is read and thrown away, so that the client hears why it is refused.
const PATIENCE: usize = 64 << 20;

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
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(world: Arc<World>, s3: s3s::service::S3Service, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let from = stream
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip());
    let shutdown = world.shutdown.clone();
    let service = service_fn(move |request| {
        let (world, s3) = (Arc::clone(&world), s3.clone());
        async move { answer(&world, &s3, request, from).await }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        _ = served.as_mut() => {}
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(Duration::from_secs(1), served).await;
        }
    }
}

/// The answer; an error breaks the connection.
async fn answer(
    world: &Arc<World>,
    s3: &s3s::service::S3Service,
    mut request: Request<Incoming>,
    from: IpAddr,
) -> io::Result<Response<Body>> {
    let id = request_id();
    request.extensions_mut().insert(Arrival {
        from,
        request_id: id.clone(),
    });
    let mut response = if is_foreign(world, &request) {
        plain(
            StatusCode::FORBIDDEN,
            "text/plain",
            "this sandbox answers only programs on this machine",
        )
    } else {
        let service = Service::of(&request);
        let (wait, struck) = service
            .name()
            .map_or((Duration::ZERO, None), |name| world.trouble.strike(name));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let epoch = world.disk.epoch();
        let response = match struck {
            Some(Kind::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
            Some(kind @ (Kind::Throttle | Kind::Error(_) | Kind::Expired | Kind::Skew)) => {
                // Or the connection would break behind the answer, and the next request on it with it.
                let _ = read(request.into_body()).await;
                reply::struck(&service, kind, &id)
            }
            _ => perform(world, s3, &service, request, &id).await,
        };
        let response = match world.disk.settled(epoch).await {
            Ok(()) => response,
            Err(failure) => reply::unkept(&service, failure, &id),
        };
        if struck == Some(Kind::Lost) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        response
    };
    // S3 has another name for it.
    if !response.headers().contains_key("x-amz-request-id")
        && let Ok(value) = HeaderValue::from_str(&id)
    {
        response.headers_mut().entry("x-amzn-requestid").or_insert(value);
    }
    Ok(response)
}

/// A UUID that tells requests apart; nobody is kept from guessing it.
fn request_id() -> String {
    let bytes = fastrand::u128(..).to_ne_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Whether a web page, or a name that was made to point here, may be behind the request.
fn is_foreign(world: &World, request: &Request<Incoming>) -> bool {
    let port = world.url.rsplit(':').next().unwrap_or_default();
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let headers = request.headers();
    let host = sigv4::header(headers, "host");
    headers.contains_key("origin")
        // Browsers send it, programs do not.
        || headers.contains_key("sec-fetch-site")
        || headers.get_all("host").iter().count() != 1
        || !host.is_some_and(|host| ours.contains(&host))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = sigv4::header(headers, "content-type");
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// Whom a request is for.
enum Service {
    /// By `X-Amz-Target`: the target's prefix, and the operation.
    Json(String, String),
    /// `iam` or `sts`.
    Query(&'static str),
    S3,
    Control,
    /// A layer of an image, by a URL of ECR's.
    Layer,
}

impl Service {
    fn of(request: &Request<Incoming>) -> Self {
        if request.uri().path() == trouble::PATH {
            return Self::Control;
        }
        if request.method() == Method::GET && request.uri().path().starts_with(ecr::LAYERS) {
            return Self::Layer;
        }
        if let Some(target) = sigv4::header(request.headers(), "x-amz-target") {
            let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", &target));
            return Self::Json(prefix.to_owned(), operation.to_owned());
        }
        let scope = Authorization::parse(request.headers(), request.uri().query());
        match scope
            .as_ref()
            .and_then(|scope| Some(scope.as_ref().ok()?.service.as_str()))
        {
            Some("iam") => Self::Query("iam"),
            Some("sts") => Self::Query("sts"),
            // Nobody has signed it. Of what is asked with forms STS is what may be asked by all.
            _ if request.method() == Method::POST && request.uri().path() == "/" && is_form(request.headers()) => {
                Self::Query("sts")
            }
            _ => Self::S3,
        }
    }

    /// As signatures and faults name it.
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Json(prefix, _) => match prefix.as_str() {
                "TrentService" => Some("kms"),
                "SageMaker" => Some("sagemaker"),
                "Logs_20140328" => Some("logs"),
                "AmazonEC2ContainerRegistry_V20150921" => Some("ecr"),
                // SDKs spell it in either way.
                "CloudTrail_20131101" | "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" => Some("cloudtrail"),
                _ => None,
            },
            Self::Query(name) => Some(name),
            Self::S3 => Some("s3"),
            Self::Control | Self::Layer => None,
        }
    }
}

async fn perform(
    world: &Arc<World>,
    s3: &s3s::service::S3Service,
    service: &Service,
    request: Request<Incoming>,
    id: &str,
) -> Response<Body> {
    match service {
        Service::Json(prefix, operation) => reply::json(match service.name() {
            Some(name) => json_call(world, request, name, operation).await,
            None => Err(ApiError::new(
                "UnknownOperationException",
                format!("the sandbox does not know {prefix}.{operation}"),
            )),
        }),
        Service::Query(name) => {
            let result = query_call(world, request, name).await;
            reply::query(name, result, id)
        }
        Service::Control if request.method() == Method::POST => {
            let result = signed(world, request, trouble::SERVICE).await.map_err(Refused::json);
            reply::json(result.and_then(|(caller, _, body)| trouble::control(world, &caller, &parsed(&body)?)))
        }
        Service::Control => reply::json(Err(ApiError::new("UnknownOperationException", "POST it").status(405))),
        Service::Layer => match ecr::layer(world, request.uri().path()).await {
            Ok(layer) => layer.map(|body| body.map_err(Into::into).boxed()),
            Err(status) => plain(status, "text/plain", "there is no such layer, or not any more"),
        },
        Service::S3 => {
            let asked = s3::Asked::of(&request);
            let scoped = s3::check_scope(&request);
            let (parts, body) = request.into_parts();
            let (body, lender) = lent::lend(&parts.headers, body);
            let mut response = match scoped {
                Ok(()) => s3_call(s3, s3::sent(Request::from_parts(parts, body)), &asked, id).await,
                Err(error) => reply::s3(&error, id),
            };
            if !lender.finish().await {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }
}

async fn s3_call(
    s3: &s3s::service::S3Service,
    request: Request<s3s::Body>,
    asked: &s3::Asked,
    id: &str,
) -> Response<Body> {
    let answered = match s3.call(request).await {
        Ok(response) => s3::spelled(response, asked, id)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(format!("{error:?}")),
    };
    match answered {
        Ok(response) => response.map(|body| body.map_err(Into::into).boxed()),
        Err(error) => {
            tracing::error!(error, "S3 failed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "S3 failed")
        }
    }
}

async fn json_call(
    world: &Arc<World>,
    request: Request<Incoming>,
    service: &str,
    operation: &str,
) -> Result<Value, ApiError> {
    let (caller, _, body) = signed(world, request, service).await.map_err(Refused::json)?;
    let body = parsed(&body)?;
    match service {
        "kms" => kms::call(world, &caller, operation, &body),
        "sagemaker" => {
            let answer = sagemaker::call(world, &caller, operation, &body);
            let resources = answer.as_ref().map(sagemaker::arns).unwrap_or_default();
            let refused = answer.as_ref().err();
            note(world, &caller, "sagemaker", operation, (&body, &resources), refused);
            answer
        }
        "cloudtrail" => trail::call(world, &caller, operation, &body),
        "logs" => logs::call(world, &caller, operation, &body),
        _ => ecr::call(world, &caller, operation, &body).await,
    }
}

fn parsed(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice::<Value>(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| ApiError::new("SerializationException", "the body is not a JSON object"))
}

/// An operation of IAM or STS: its name, and the inside of its result element.
async fn query_call(
    world: &Arc<World>,
    request: Request<Incoming>,
    service: &str,
) -> Result<(String, String), ApiError> {
    let (caller, query, body) = signed(world, request, service).await.map_err(Refused::query)?;
    let form = iam::Form::parse(if body.is_empty() { query.as_bytes() } else { &body });
    let operation = form.text("Action").unwrap_or_default().to_owned();
    let (service, result) = match service {
        "iam" => ("iam", iam::call(world, &caller, &operation, &form)),
        _ => ("sts", sts::call(world, &caller, &operation, &form)),
    };
    let members = form.iter().filter(|(name, _)| !matches!(*name, "Action" | "Version"));
    let members: Map<String, Value> = members.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let role = form.text("RoleArn").map(str::to_owned);
    let parameters = Value::Object(members);
    let (about, refused) = ((&parameters, role.as_slice()), result.as_ref().err());
    note(world, &caller, service, &operation, about, refused);
    Ok((operation, result?))
}

/// Keeps a call in the event history.
fn note(
    world: &World,
    caller: &Caller,
    service: &'static str,
    operation: &str,
    (parameters, resources): (&Value, &[String]),
    refused: Option<&ApiError>,
) {
    let call = Call {
        service,
        operation,
        parameters,
        resources,
        refused,
    };
    world.note(caller, &call);
}

/// Why a request is not performed at all.
enum Refused {
    Signature(Refusal),
    TooLarge,
    Cut,
}

/// The caller, the query and the body.
async fn signed(world: &World, request: Request<Incoming>, service: &str) -> Result<(Caller, String, Bytes), Refused> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let caller = sigv4::caller(world, &parts, &body, service).map_err(Refused::Signature)?;
    Ok((caller, parts.uri.query().unwrap_or_default().to_owned(), body))
}

/// A body within bounds. One that is larger is thrown away to its end, so that the refusal is heard.
async fn read(mut body: Incoming) -> Result<Bytes, Refused> {
    let mut kept = Vec::with_capacity(body.size_hint().lower().min(LARGEST as u64) as usize);
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Cut)?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= LARGEST {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
        if length > PATIENCE {
            break;
        }
    }
    if length > LARGEST {
        return Err(Refused::TooLarge);
    }
    Ok(kept.into())
}

#[cfg(test)]
mod tests;
