//! Answers that are none.

use std::fmt::Write as _;

pub(super) const LOGIN: &str = "<!DOCTYPE html>\n<html><body>Please log in to our network.</body></html>\n";

/// An answer with nothing but what HTTP itself needs in its head.
pub(super) fn bared(answer: &[u8]) -> Vec<u8> {
    const NEEDED: [&str; 3] = ["content-length:", "transfer-encoding:", "connection:"];
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let (status, fields) = head.split_once("\r\n").unwrap();
    let needed = fields.lines().filter(|field| {
        let field = field.to_ascii_lowercase();
        NEEDED.iter().any(|name| field.starts_with(name))
    });
    let mut bare = format!("{status}\r\n");
    needed.for_each(|field| write!(bare, "{field}\r\n").unwrap());
    [bare.as_bytes(), b"\r\n", &answer[end..]].concat()
}

pub(super) fn page(status: &str, header: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: text/html\r\n");
    format!("{head}{header}content-length: {length}\r\n\r\n{body}").into_bytes()
}

pub(super) fn refusal(status: &str, code: &str, is_json: bool) -> Vec<u8> {
    let body = if is_json {
        format!(r#"{{"__type":"{code}","message":"not now"}}"#)
    } else {
        format!("<Error><Code>{code}</Code><Message>not now</Message></Error>")
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}
