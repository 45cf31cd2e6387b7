//! An endpoint between the program and the sandbox that watches requests and spoils answers.
//!
//! A signature covers the host, and the sandbox answers to its own name only: every request is signed again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rustix::event::{PollFd, PollFlags, poll};
use sha2::{Digest, Sha256};
use strongroom_sandbox::Sandbox;

use self::operations::{is_part, is_query, operation};
use self::pages::{LOGIN, bared, page, refusal};

#[path = "proxy/operations.rs"]
mod operations;
#[path = "proxy/pages.rs"]
mod pages;

pub(crate) use self::operations::{is_beginning, is_completion, named};

/// Longer than any answer may take.
pub(crate) const SLOWLY: Duration = Duration::from_secs(38);
const SLICES: u32 = 64;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// It is not passed on; the answer is a success whose body is an error.
    ErrorInside200,
    /// It is passed on, and the connection breaks before the answer.
    LostAnswer,
    /// The connection breaks in the middle of it.
    Reset,
    /// It is passed on without this condition, as to a server that does not know it.
    Unconditional(&'static str),
    /// It is not passed on; the answer is a success that says this.
    Says(&'static str),
    /// It is not passed on: 503.
    Unavailable,
    /// It is not passed on: 400, as KMS throttles.
    Throttled,
    /// It is not passed on: 403.
    Denied,
    /// It is not passed on: 400, as of a session that has ended.
    Ended,
    /// It is read slowly, over [`SLOWLY`].
    Slow,
    /// Its head is read, and then nothing any more.
    StallUnread,
    /// It is read and never answered.
    StallUnanswered,
    /// It is passed on, and the answer stops in the middle.
    StallMidway,
    /// The answer is a success, and none.
    Spoilt(Spoil),
}

/// What stands in the place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// The request is not passed on; nothing is.
    Empty,
    /// It is not passed on; the page of a network that wants a login.
    Page,
    /// It is not passed on; a page as a web server has it, with an ETag.
    Site,
    /// It is not passed on; a success with an ETag and nothing else, as of any server that stores files.
    Stored,
    /// It is not passed on; a page that refuses with this status.
    Refused(u16),
    /// The answer, without any header of AWS's.
    Bare,
    /// So much of the answer's body, by whoever thinks that it is whole.
    Cut(usize),
}

/// A request, as far as troubles depend on it.
pub(crate) struct Seen<'a> {
    /// Method and path.
    pub(crate) line: &'a str,
    /// As [`Proxy::operations`] has it.
    pub(crate) operation: &'a str,
    /// How many uploads were to be completed until now, this request among them.
    pub(crate) completions: usize,
    /// What it was signed with.
    pub(crate) access_key: &'a str,
}

impl Seen<'_> {
    /// What AWS calls it.
    pub(crate) fn name(&self) -> &str {
        named(self.operation)
    }
}

#[derive(Default)]
struct Counts {
    is_calm: bool,
    serving: usize,
    parts: usize,
    landed: usize,
    completions: usize,
    longest: usize,
    ranges: Vec<u64>,
    operations: Vec<String>,
    passed: Vec<Passed>,
}

/// What a request of S3 moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    /// As [`Proxy::operations`] has it.
    pub(crate) operation: String,
    /// The range that it asks for.
    pub(crate) range: Option<String>,
    /// Bytes of its own body.
    pub(crate) sent: usize,
}

/// Lives as long as the test's process; every connection has a thread.
pub(crate) struct Proxy {
    url: String,
    counts: Arc<Mutex<Counts>>,
}

impl Proxy {
    pub(crate) fn start(sandbox: &Sandbox, trouble: impl Fn(&Seen<'_>) -> Trouble + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counts: Arc<Mutex<Counts>> = Arc::default();
        let passage = Arc::new(Passage {
            upstream: sandbox.endpoint_url().trim_start_matches("http://").to_owned(),
            secrets: Mutex::new(BTreeMap::from([(
                sandbox.access_key_id().to_owned(),
                sandbox.secret_access_key().to_owned(),
            )])),
            counts: Arc::clone(&counts),
            trouble: Box::new(trouble),
        });
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let passage = Arc::clone(&passage);
                passage.counts.lock().unwrap().serving += 1;
                thread::spawn(move || {
                    // A client that was killed breaks its connections off.
                    passage.serve(client).unwrap_or_default();
                    passage.counts.lock().unwrap().serving -= 1;
                });
            }
        });
        Self { url, counts }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn calm_down(&self) {
        self.counts.lock().unwrap().is_calm = true;
    }

    /// How many parts were sent.
    pub(crate) fn parts(&self) -> usize {
        self.counts.lock().unwrap().parts
    }

    /// Nothing is under way any more: of a client that was killed, all that had left it has arrived.
    pub(crate) async fn until_idle(&self) {
        // Connections are taken in their order: with this one all earlier ones are.
        let mut last = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        last.shutdown(Shutdown::Write).unwrap();
        last.read_to_end(&mut Vec::new()).unwrap();
        while self.counts.lock().unwrap().serving > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lengths and operations count anew.
    pub(crate) fn forget(&self) {
        let mut counts = self.counts.lock().unwrap();
        counts.longest = 0;
        counts.operations.clear();
    }

    /// How long the longest body was that might have been cut.
    pub(crate) fn longest(&self) -> usize {
        self.counts.lock().unwrap().longest
    }

    /// How many of them S3 has, whether the client heard of it or not.
    pub(crate) fn landed(&self) -> usize {
        self.counts.lock().unwrap().landed
    }

    /// Everything that was asked for: the operation's name, or S3's method and path; dry runs say so.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.counts.lock().unwrap().operations.clone()
    }

    /// The same, with the bytes that go through here.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.counts.lock().unwrap().passed.clone()
    }

    /// Where the ranges begin that were asked for.
    pub(crate) fn ranges(&self) -> Vec<u64> {
        self.counts.lock().unwrap().ranges.clone()
    }
}

struct Passage {
    upstream: String,
    /// By access key id: the user's, and those of the sessions that were begun through here.
    secrets: Mutex<BTreeMap<String, String>>,
    counts: Arc<Mutex<Counts>>,
    trouble: Box<dyn Fn(&Seen<'_>) -> Trouble + Send + Sync>,
}

impl Passage {
    /// One request: the answer to it closes the connection.
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = BufReader::new(client.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = through_access_points(&line);
        let mut headers = BTreeMap::new();
        loop {
            let mut field = String::new();
            if reader.read_line(&mut field)? == 0 {
                return Ok(());
            }
            let Some((name, value)) = field.split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        if headers.remove("expect").is_some() {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        // S3's operations stand in the head, and its bodies are long: trouble may come before them.
        let is_json = headers.contains_key("x-amz-target");
        let early = if is_json || is_query(&headers) { 0 } else { length };
        let mut body = vec![0; length - early];
        reader.read_exact(&mut body)?;
        let operation = operation(&line, &headers, &body);
        let trouble = self.trouble_of(&line, &headers, &operation);
        if trouble == Trouble::StallUnread {
            return until_gone(&client);
        }
        if trouble == Trouble::Reset {
            return reader.read_exact(&mut vec![0; early / 2]);
        }
        if let Trouble::Unconditional(header) = trouble {
            headers.remove(header);
        }
        body.resize(length, 0);
        let rest = &mut body[length - early..];
        let (slices, pause) = match trouble {
            Trouble::Slow => (SLICES, SLOWLY / SLICES),
            _ => (1, Duration::ZERO),
        };
        for slice in rest.chunks_mut(early.div_ceil(slices as usize).max(1)) {
            reader.read_exact(slice)?;
            thread::sleep(pause);
        }
        self.count(&line, &headers, &operation);
        match trouble {
            Trouble::ErrorInside200 => client.write_all(&refusal("200 OK", "InternalError", is_json)),
            Trouble::Says(text) => client.write_all(&page("200 OK", "x-amz-request-id: 1\r\n", text)),
            Trouble::Unavailable => client.write_all(&refusal("503 Slow Down", "SlowDown", is_json)),
            Trouble::Throttled => client.write_all(&refusal("400 Bad Request", "ThrottlingException", is_json)),
            Trouble::Denied => client.write_all(&refusal("403 Forbidden", "AccessDenied", is_json)),
            Trouble::Ended => client.write_all(&refusal(
                "400 Bad Request",
                if is_json {
                    "ExpiredTokenException"
                } else {
                    "ExpiredToken"
                },
                is_json,
            )),
            Trouble::StallUnanswered => until_gone(&client),
            Trouble::Spoilt(Spoil::Empty) => client.write_all(&page("200 OK", "", "")),
            Trouble::Spoilt(Spoil::Page) => client.write_all(&page("200 OK", "", LOGIN)),
            Trouble::Spoilt(Spoil::Site) => client.write_all(&page("200 OK", "etag: \"5f3\"\r\n", LOGIN)),
            Trouble::Spoilt(Spoil::Stored) => client.write_all(&page("200 OK", "etag: \"5f3\"\r\n", "")),
            Trouble::Spoilt(Spoil::Refused(status)) => client.write_all(&page(&format!("{status} No"), "", LOGIN)),
            Trouble::Spoilt(Spoil::Bare) => {
                let mut answer = Vec::new();
                self.pass_on(&line, headers, &body)?.read_to_end(&mut answer)?;
                self.learn(&String::from_utf8_lossy(&answer));
                client.write_all(&bared(&answer))
            }
            // The answer to a HEAD has nothing that could be cut.
            Trouble::Spoilt(Spoil::Cut(length)) if !line.starts_with("HEAD") => {
                let mut answer = Vec::new();
                self.pass_on(&line, headers, &body)?.read_to_end(&mut answer)?;
                self.learn(&String::from_utf8_lossy(&answer));
                self.cut(&answer, length, &mut client)
            }
            Trouble::LostAnswer => self
                .pass_on(&line, headers, &body)?
                .read_to_end(&mut Vec::new())
                .map(|_| ()),
            Trouble::StallMidway => {
                let mut answer = Vec::new();
                self.pass_on(&line, headers, &body)?.read_to_end(&mut answer)?;
                client.write_all(&answer[..answer.len() / 2])?;
                until_gone(&client)
            }
            _ if operation == "AssumeRole" => {
                let mut answer = Vec::new();
                self.pass_on(&line, headers, &body)?.read_to_end(&mut answer)?;
                self.learn(&String::from_utf8_lossy(&answer));
                client.write_all(&answer)
            }
            _ if is_part(&line) => {
                let mut answer = Vec::new();
                self.pass_on(&line, headers, &body)?.read_to_end(&mut answer)?;
                self.counts.lock().unwrap().landed += usize::from(answer.starts_with(b"HTTP/1.1 200"));
                client.write_all(&answer)
            }
            _ => io::copy(&mut self.pass_on(&line, headers, &body)?, &mut client).map(|_| ()),
        }
    }

    /// Passes the beginning of an answer's body on as if it were all.
    fn cut(&self, answer: &[u8], length: usize, client: &mut TcpStream) -> io::Result<()> {
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let (head, body) = answer.split_at(end);
        let mut counts = self.counts.lock().unwrap();
        counts.longest = counts.longest.max(body.len());
        drop(counts);
        let body = &body[..length.min(body.len())];
        let head = String::from_utf8(head.to_vec()).unwrap();
        let lines = head
            .lines()
            .filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
        let head: String = lines
            .filter(|line| !line.is_empty())
            .map(|line| format!("{line}\r\n"))
            .collect();
        client.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes())?;
        client.write_all(body)
    }

    /// Keeps the secret of a session that has begun.
    fn learn(&self, answer: &str) {
        let said = |tag: &str| {
            let (_, rest) = answer.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        if let (Some(id), Some(secret)) = (said("AccessKeyId"), said("SecretAccessKey")) {
            self.secrets.lock().unwrap().insert(id, secret);
        }
    }

    fn trouble_of(&self, line: &str, headers: &BTreeMap<String, String>, operation: &str) -> Trouble {
        let mut counts = self.counts.lock().unwrap();
        counts.completions += usize::from(is_completion(line));
        let (completions, is_calm) = (counts.completions, counts.is_calm);
        drop(counts);
        if is_calm {
            return Trouble::None;
        }
        let signed = headers
            .get("authorization")
            .and_then(|text| text.split_once("Credential="));
        (self.trouble)(&Seen {
            line,
            operation,
            completions,
            access_key: signed.map_or("", |(_, rest)| rest.split('/').next().unwrap()),
        })
    }

    /// Takes note of what arrived whole.
    fn count(&self, line: &str, headers: &BTreeMap<String, String>, operation: &str) {
        let mut counts = self.counts.lock().unwrap();
        counts.operations.push(operation.to_owned());
        counts.passed.push(Passed {
            operation: operation.to_owned(),
            range: headers.get("range").cloned(),
            sent: headers
                .get("content-length")
                .map_or(0, |length| length.parse().unwrap()),
        });
        counts.parts += usize::from(is_part(line));
        let range = headers
            .get("range")
            .and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        counts
            .ranges
            .extend(range.map(|(start, _)| start.parse::<u64>().unwrap()));
    }

    fn pass_on(&self, line: &str, mut headers: BTreeMap<String, String>, body: &[u8]) -> io::Result<TcpStream> {
        headers.insert("host".to_owned(), self.upstream.clone());
        headers.insert("connection".to_owned(), "close".to_owned());
        self.sign(line, &mut headers, body)?;
        let mut head = line.to_owned();
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let mut server = TcpStream::connect(&self.upstream)?;
        server.set_nodelay(true)?;
        server.write_all(format!("{head}\r\n").as_bytes())?;
        server.write_all(body)?;
        Ok(server)
    }

    /// SigV4 over the same headers as before.
    fn sign(&self, line: &str, headers: &mut BTreeMap<String, String>, body: &[u8]) -> io::Result<()> {
        let authorization = headers["authorization"].clone();
        let (before, _) = authorization.split_once("Signature=").unwrap();
        let part = |name: &str| before.split_once(name).unwrap().1.split(',').next().unwrap();
        let (signed, (id, scope)) = (part("SignedHeaders="), part("Credential=").split_once('/').unwrap());
        // What was taken off is not signed any more.
        let names: Vec<&str> = signed.split(';').filter(|name| headers.contains_key(*name)).collect();
        let before = before.replace(signed, &names.join(";"));
        let signed = names.join(";");
        let secret = self.secrets.lock().unwrap().get(id).cloned();
        let secret = secret.ok_or_else(|| io::Error::other("a session that began elsewhere"))?;

        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let mut pairs: Vec<_> = pairs
            .map(|pair| {
                if pair.contains('=') {
                    pair.to_owned()
                } else {
                    format!("{pair}=")
                }
            })
            .collect();
        pairs.sort();
        let mut lines = format!("{method}\n{path}\n{}\n", pairs.join("&"));
        for name in signed.split(';') {
            writeln!(lines, "{name}:{}", headers[name]).unwrap();
        }
        let payload = headers
            .get("x-amz-content-sha256")
            .cloned()
            .unwrap_or_else(|| hex::encode(Sha256::digest(body)));
        write!(lines, "\n{signed}\n{payload}").unwrap();

        let key = scope
            .split('/')
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
        let text = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            headers["x-amz-date"],
            hex::encode(Sha256::digest(lines))
        );
        headers.insert(
            "authorization".to_owned(),
            format!("{before}Signature={}", hex::encode(hmac(&key, &text))),
        );
        Ok(())
    }
}

/// Who takes it for a proxy asks S3 at `s3.test`: the access point NAME of an account there is the sandbox's bucket NAME.
fn through_access_points(line: &str) -> String {
    let Some((method, rest)) = line.split_once(" http://") else {
        return line.to_owned();
    };
    let (host, path) = rest.split_once('/').unwrap();
    let (point, _) = host.split_once(".s3.test").unwrap();
    let (bucket, _) = point.rsplit_once('-').unwrap();
    format!("{method} /{bucket}/{path}")
}

/// Says nothing until the client gives up. Not a byte is read meanwhile, or it would look as if something moved.
fn until_gone(client: &TcpStream) -> io::Result<()> {
    poll(&mut [PollFd::new(client, PollFlags::RDHUP)], None)?;
    Ok(())
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
