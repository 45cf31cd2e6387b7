//! An endpoint between the program and the sandbox that watches requests and spoils answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// It is not passed on; the answer is a success whose body is an error.
    ErrorInside200,
    /// It is passed on, and the connection breaks before the answer.
    LostAnswer,
}

/// A request, as far as troubles depend on it.
pub(crate) struct Seen<'a> {
    /// Method and path.
    pub(crate) line: &'a str,
    /// How many uploads were to be completed until now, this request among them.
    pub(crate) completions: usize,
}

#[derive(Default)]
struct Counts {
    parts: usize,
    completions: usize,
    ranges: Vec<u64>,
}

/// Lives as long as the test's process; every connection has a thread.
pub(crate) struct Proxy {
    url: String,
    counts: Arc<Mutex<Counts>>,
}

impl Proxy {
    pub(crate) fn start(upstream: &str, trouble: impl Fn(&Seen<'_>) -> Trouble + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counts: Arc<Mutex<Counts>> = Arc::default();
        let (shared, trouble) = (Arc::clone(&counts), Arc::new(trouble));
        let upstream = upstream.trim_start_matches("http://").to_owned();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, counts, trouble) = (upstream.clone(), Arc::clone(&shared), Arc::clone(&trouble));
                thread::spawn(move || serve(client, &upstream, &counts, &*trouble));
            }
        });
        Self { url, counts }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many parts were sent.
    pub(crate) fn parts(&self) -> usize {
        self.counts.lock().unwrap().parts
    }

    /// Where the ranges began that were asked for.
    pub(crate) fn first_ranges(&self) -> Vec<u64> {
        self.counts.lock().unwrap().ranges.clone()
    }
}

fn serve(
    client: TcpStream,
    upstream: &str,
    counts: &Mutex<Counts>,
    trouble: &dyn Fn(&Seen<'_>) -> Trouble,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    loop {
        let mut head = Vec::new();
        let (mut line, mut length) = (String::new(), 0);
        loop {
            let mut field = String::new();
            if reader.read_line(&mut field)? == 0 {
                return Ok(());
            }
            if field == "\r\n" {
                break;
            }
            let lower = field.to_ascii_lowercase();
            if line.is_empty() {
                line.clone_from(&field);
            }
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if let Some(value) = lower.strip_prefix("range: bytes=") {
                let start = value.split('-').next().unwrap().parse().unwrap();
                counts.lock().unwrap().ranges.push(start);
            }
            if lower.starts_with("expect:") {
                client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            } else if !lower.starts_with("connection:") {
                head.extend_from_slice(field.as_bytes());
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let completions = {
            let mut counts = counts.lock().unwrap();
            counts.parts += usize::from(line.starts_with("PUT") && line.contains("partNumber="));
            counts.completions += usize::from(line.starts_with("POST") && line.contains("uploadId="));
            counts.completions
        };
        let seen = Seen {
            line: &line,
            completions,
        };
        let trouble = trouble(&seen);
        if trouble == Trouble::ErrorInside200 {
            let error = "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>try again</Message></Error>";
            let length = error.len();
            write!(
                client,
                "HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{error}"
            )?;
            continue;
        }
        let mut server = TcpStream::connect(upstream)?;
        server.set_nodelay(true)?;
        head.extend_from_slice(b"connection: close\r\n\r\n");
        server.write_all(&head)?;
        server.write_all(&body)?;
        if trouble == Trouble::LostAnswer {
            server.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        // The answer says that the connection closes, and so it does.
        io::copy(&mut server, &mut client)?;
        return Ok(());
    }
}
