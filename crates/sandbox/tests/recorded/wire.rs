//! A call as it travels: JSON, or a form and XML, signed by the Rust SDK's own signer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::xml;

/// Status, and the answer or the error.
pub(crate) struct Told {
    pub(crate) answer: Value,
    /// Status, code and message.
    pub(crate) error: Option<Value>,
}

/// Asks one operation.
pub(crate) async fn ask(endpoint: &str, who: &Credentials, service: &str, operation: &str, members: &Value) -> Told {
    let (headers, body) = match service {
        "iam" | "sts" => {
            let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
            let mut form = vec![
                ("Action".to_owned(), operation.to_owned()),
                ("Version".to_owned(), version.to_owned()),
            ];
            flatten("", members, &mut form);
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let pairs: Vec<String> = form
                .iter()
                .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
                .collect();
            let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
            (vec![kind], pairs.join("&"))
        }
        _ => {
            let prefix = match service {
                "kms" => "TrentService",
                "logs" => "Logs_20140328",
                "sagemaker" => "SageMaker",
                other => panic!("how does {other} travel?"),
            };
            let target = ("x-amz-target", format!("{prefix}.{operation}"));
            let kind = ("content-type", "application/x-amz-json-1.1".to_owned());
            (vec![kind, target], members.to_string())
        }
    };
    let (status, body) = send(endpoint, who, service, headers, body).await;
    match service {
        "iam" | "sts" => of_xml(status, &body),
        _ => of_json(status, &body),
    }
}

fn flatten(name: &str, value: &Value, form: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (inner, value) in members {
                let dot = if name.is_empty() { "" } else { "." };
                flatten(&format!("{name}{dot}{inner}"), value, form);
            }
        }
        Value::Array(all) => {
            for (n, value) in all.iter().enumerate() {
                flatten(&format!("{name}.member.{}", n + 1), value, form);
            }
        }
        Value::String(text) => form.push((name.to_owned(), text.clone())),
        other => form.push((name.to_owned(), other.to_string())),
    }
}

async fn send(
    endpoint: &str,
    who: &Credentials,
    service: &str,
    headers: Vec<(&str, String)>,
    body: String,
) -> (u16, String) {
    let identity = who.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let host = endpoint.trim_start_matches("http://").to_owned();
    let url = format!("{endpoint}/");
    let mut signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    signed.push(("host", &host));
    let signable =
        SignableRequest::new("POST", &url, signed.into_iter(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _) = sign(signable, &params.into()).unwrap().into_parts();
    let mut request = Request::builder().method("POST").uri("/").header("host", &host);
    for (name, value) in &headers {
        request = request.header(*name, value);
    }
    let mut request = request.body(Full::new(Bytes::from(body.clone()))).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn of_json(status: u16, body: &str) -> Told {
    let answer: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({}));
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let error = (status >= 300).then(|| json!([status.to_string(), text("__type"), text("message")]));
    Told { answer, error }
}

fn of_xml(status: u16, body: &str) -> Told {
    let root = xml::read(body);
    let Some(error) = root.get("Error") else {
        let result = root
            .as_object()
            .and_then(|root| root.iter().find(|(name, _)| name.ends_with("Result")));
        let answer = result.map_or_else(|| Map::new().into(), |(_, result)| result.clone());
        return Told { answer, error: None };
    };
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let told = json!([status.to_string(), text("Code"), text("Message")]);
    Told {
        answer: error.clone(),
        error: Some(told),
    }
}
