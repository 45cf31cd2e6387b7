//! A client of a few lines: one connection, requests signed with Signature Version 4.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Whose requests, and to where.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) address: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// The headers of a customer's own key.
const CUSTOMER: [Header; 3] = [
    ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
    (
        "x-amz-server-side-encryption-customer-key",
        "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
    ),
    (
        "x-amz-server-side-encryption-customer-key-md5",
        "mT2HRsMGJ5IX5C+0rreZ8Q==",
    ),
];

type Header<'a> = (&'a str, &'a str);

/// One connection.
pub(crate) struct Client {
    credentials: Credentials,
    stream: Option<BufReader<TcpStream>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The text of the first element of a name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    }
}

impl Client {
    pub(crate) fn new(credentials: Credentials) -> Self {
        let stream = None;
        Self { credentials, stream }
    }

    /// An operation of a JSON service.
    pub(crate) fn json(&mut self, service: &str, operation: &str, body: &Value) -> io::Result<Answer> {
        let target = match service {
            "kms" => "TrentService",
            "sagemaker" => "SageMaker",
            "logs" => "Logs_20140328",
            "ecr" => "AmazonEC2ContainerRegistry_V20150921",
            other => unreachable!("{other} speaks no JSON"),
        };
        let target = format!("{target}.{operation}");
        let body = body.to_string();
        self.send("POST", "/", service, &[("x-amz-target", &target)], body.as_bytes())
    }

    /// An operation of IAM or STS. Values must need no escape.
    pub(crate) fn query(&mut self, service: &str, operation: &str, parameters: &[(&str, &str)]) -> io::Result<Answer> {
        let version = if service == "iam" { "2010-05-08" } else { "2011-06-15" };
        let mut body = format!("Action={operation}&Version={version}");
        for (name, value) in parameters {
            let _ = write!(body, "&{name}={value}");
        }
        self.send("POST", "/", service, &[], body.as_bytes())
    }

    /// The sandbox's own switch.
    pub(crate) fn control(&mut self, body: &Value) -> io::Result<Answer> {
        let body = body.to_string();
        self.send("POST", "/_strongroom/control", "strongroom", &[], body.as_bytes())
    }

    /// A request to S3. The path must need no escape.
    pub(crate) fn s3(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.send(method, path, "s3", &[], body)
    }

    /// The same with a customer's own key.
    pub(crate) fn s3_with_key(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.send(method, path, "s3", &CUSTOMER, body)
    }

    fn send(&mut self, method: &str, path: &str, service: &str, more: &[Header], body: &[u8]) -> io::Result<Answer> {
        let request = self.signed(method, path, service, more, body);
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.credentials.address)?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.get_mut().write_all(&request)?;
        let (answer, stays) = read(&mut stream, method == "HEAD")?;
        if stays {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// Head and body in one write. Further headers are in their order, behind those that every request has.
    fn signed(&self, method: &str, path: &str, service: &str, more: &[Header], body: &[u8]) -> Vec<u8> {
        let credentials = &self.credentials;
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let date = &stamp[..8];
        let digest = hex::encode(Sha256::digest(body));
        let mut headers = vec![
            ("host", credentials.address.as_str()),
            ("x-amz-content-sha256", &digest),
            ("x-amz-date", &stamp),
        ];
        let token = credentials.token.as_deref();
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        headers.extend_from_slice(more);
        let lines = headers.iter().fold(String::new(), |mut lines, (name, value)| {
            let _ = writeln!(lines, "{name}:{value}");
            lines
        });
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let (path_only, query) = path.split_once('?').unwrap_or((path, ""));
        let canonical = format!("{method}\n{path_only}\n{query}\n{lines}\n{names}\n{digest}");
        let scope = format!("{date}/us-east-1/{service}/aws4_request");
        let hashed = hex::encode(Sha256::digest(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}");
        let mut key = format!("AWS4{}", credentials.secret).into_bytes();
        for part in [date, "us-east-1", service, "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        let signature = hex::encode(mac(&key, to_sign.as_bytes()));
        let mut request = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let id = &credentials.key_id;
        let _ = write!(
            request,
            "authorization: AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}\r\n\r\n"
        );
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        request
    }
}

/// An answer, and whether the connection stays.
fn read(stream: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<(Answer, bool)> {
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(ended)?;
    let (mut length, mut is_chunked, mut stays) = (0, false, true);
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(ended());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().map_err(io::Error::other)?,
            ("transfer-encoding", _) => is_chunked = true,
            ("connection", "close") => stays = false,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if is_head || status == 204 {
        return Ok((Answer { status, body }, stays));
    }
    while is_chunked {
        line.clear();
        stream.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim_end(), 16).map_err(io::Error::other)?;
        stream.by_ref().take(length).read_to_end(&mut body)?;
        line.clear();
        stream.read_line(&mut line)?;
        is_chunked = length > 0;
    }
    stream.by_ref().take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Err(ended());
    }
    Ok((Answer { status, body }, stays))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}
