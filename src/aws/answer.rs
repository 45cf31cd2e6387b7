//! Whether an answer is one. The SDK takes every 200 for a success, whatever is in it: a listing that is cut off in the
//! middle is a shorter list to it, and a login page in answer to a PUT an object that is stored.
//!
//! So every answer is held against the [`table`](table::rule) of what AWS always sends, before anybody sees what the SDK
//! read from it. What is not in the table is not asked at all. Bodies that stream are their readers' to judge.
//!
//! An interceptor, so that no call can forget it.

use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::http::Headers;

use self::shape::Shape;
use self::table::{Body, Must, Rule, rule};
use super::bounded::TOO_LONG;
use super::hooks::intercepts;

mod shape;
mod table;

/// Which of them it is depends on the service.
const REQUEST_IDS: [&str; 2] = ["x-amz-request-id", "x-amzn-requestid"];

/// Looks at every answer.
#[derive(Debug)]
pub(super) struct Witness;

/// An answer that is not one; [`super::fault`] finds it in the error's sources.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAnAnswer {
    service: String,
    why: Why,
}

/// What is wrong with it.
#[derive(Debug, PartialEq, Eq)]
enum Why {
    /// Something else answered.
    Foreign(String),
    /// S3 began to answer before it knew that it would fail.
    Failed,
}

/// An operation without a rule.
#[derive(Debug)]
struct Unknown(String);

intercepts! {
    Witness:

    fn read_before_serialization(self, _context: &BeforeSerializationInterceptorContextRef<'_>, config) {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        match rule(operation) {
            Some(_) => Ok(()),
            None => Err(Box::new(Unknown(operation.to_owned()))),
        }
    }

    // Not earlier: the body is read for the deserializer only.
    fn read_after_deserialization(self, context: &AfterDeserializationInterceptorContextRef<'_>, config) {
        let response = context.response();
        let Some(metadata) = config.load::<Metadata>() else {
            return Ok(());
        };
        let Some(rule) = rule(metadata.name()).filter(|_| response.status().is_success()) else {
            return Ok(());
        };
        // Nothing of it was kept.
        let is_too_long = |error| format!("{error:?}").contains(TOO_LONG);
        if context.output_or_error().err().is_some_and(is_too_long) {
            return Ok(());
        }
        let body = response.body().bytes().unwrap_or_default();
        let looked = match is_error(body) {
            // Where S3 is known to do so the SDK has read it.
            true if context.output_or_error().is_err() => Ok(()),
            true => Err(Why::Failed),
            false => look(rule, metadata.name(), response.headers(), body).map_err(Why::Foreign),
        };
        looked.map_err(|why| -> BoxError {
            let service = metadata.service().to_owned();
            // Boxed once: twice, and nobody finds it in there.
            Box::new(NotAnAnswer { service, why })
        })
    }
}

impl NotAnAnswer {
    /// Whether AWS failed, and may not the next time.
    pub(super) fn passes(&self) -> bool {
        self.why == Why::Failed
    }
}

/// Holds an answer against its rule; says what is wrong with it. Of a body that streams there is nothing.
fn look(rule: &Rule, operation: &str, headers: &Headers, body: &[u8]) -> Result<(), String> {
    if is_page(body) && rule.body != Body::Bytes {
        return Err("it is a web page".to_owned());
    }
    let has = |name: &str| headers.get(name).is_some_and(|value| !value.is_empty());
    if let Some(missing) = rule.headers.iter().find(|name| !has(name)) {
        return Err(format!("it has no header {missing}"));
    }
    let shape = match rule.body {
        Body::Nothing if !matches!(body.trim_ascii(), b"" | b"{}" | b"null") => {
            return Err("it says something where nothing is said".to_owned());
        }
        // Any web server has an ETag.
        Body::Bytes | Body::Nothing if !is_identified(headers) => {
            return Err("it has no request id".to_owned());
        }
        Body::Bytes | Body::Nothing => return Ok(()),
        Body::Xml(_) | Body::Json | Body::Query if body.trim_ascii().is_empty() => {
            return Err("it is empty".to_owned());
        }
        Body::Xml(root) => rooted(body, root)?,
        Body::Json => shape::of_json(body)?,
        Body::Query => {
            let whole = rooted(body, &format!("{operation}Response"))?;
            if whole.at("ResponseMetadata.RequestId").iter().flatten().next().is_none() {
                return Err("it has no request id".to_owned());
            }
            if rule.must.is_empty() {
                return Ok(());
            }
            let result = format!("{operation}Result");
            match whole.at(&result).first() {
                Some(Some(result)) => (*result).clone(),
                _ => return Err(format!("it has no {result}")),
            }
        }
    };
    rule.must.iter().try_for_each(|must| must.hold(&shape))
}

/// Whether it has a request id, as everything has that AWS says.
pub(super) fn is_identified(headers: &Headers) -> bool {
    let has = |name: &&str| headers.get(name).is_some_and(|value| !value.is_empty());
    REQUEST_IDS.iter().any(has)
}

fn rooted(body: &[u8], root: &str) -> Result<Shape, String> {
    let (name, shape) = shape::of_xml(body)?;
    if name == root {
        return Ok(shape);
    }
    // It is shown: no longer than a name is.
    let name: String = name.chars().take(40).collect();
    Err(format!("it is a {name} and no {root}"))
}

impl Must {
    fn hold(&self, shape: &Shape) -> Result<(), String> {
        let lacks = |path: &str| Err(format!("it has no {path}"));
        match self {
            Self::Have(path) if shape.at(path).iter().any(|found| found.is_none_or(Shape::is_empty)) => lacks(path),
            Self::Hold(path) if shape.at(path).iter().any(Option::is_none) => lacks(path),
            Self::Flag(path) | Self::Follow(path, _)
                if !shape.at(path).iter().all(|found| matches!(found, Some(Shape::Flag(_)))) =>
            {
                lacks(path)
            }
            Self::Follow(flag, next)
                if shape.at(flag) == [Some(&Shape::Flag(true))]
                    && shape.at(next).iter().any(|found| found.is_none_or(Shape::is_empty)) =>
            {
                Err(format!("it is only the beginning and has no {next}"))
            }
            Self::Count(said, names) => match shape.at(said).first() {
                Some(Some(Shape::Number(said))) => {
                    let has: u64 = names.iter().map(|name| shape.count(name)).sum();
                    let says = format!("it says that it holds {said} and holds {has}");
                    if has == *said { Ok(()) } else { Err(says) }
                }
                Some(None) => Ok(()),
                None | Some(Some(_)) => lacks(said),
            },
            Self::Have(_) | Self::Hold(_) | Self::Flag(_) | Self::Follow(..) => Ok(()),
        }
    }
}

/// Whether it is what S3 answers to a request that failed.
fn is_error(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<") && shape::of_xml(body).is_ok_and(|(name, _)| name == "Error")
}

/// What a proxy, a hotel's network or a web server says instead.
pub(super) fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    ["<!doctype html", "<html"].iter().any(|mark| {
        start
            .get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark.as_bytes()))
    })
}

impl fmt::Display for NotAnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Foreign(why) => write!(f, "this was not {}'s answer: {why}", self.service),
            Why::Failed => write!(f, "{} said that it was done, and then that it failed", self.service),
        }
    }
}

impl std::error::Error for NotAnAnswer {}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is known of the answer to {}, so it is not asked", self.0)
    }
}

impl std::error::Error for Unknown {}

#[cfg(test)]
mod tests;
