//! A service of our own on loopback: what it is asked, and what it answers, is the test's.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request, as far as these services look at it.
pub(crate) struct Asked {
    pub(crate) path: String,
    /// The headers, a line each.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// A member of a form.
    pub(crate) fn member(&self, name: &str) -> Option<String> {
        let pairs = self.body.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.into_iter().find(|(known, _)| *known == name)?.1;
        let value = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
        Some(value.into_owned())
    }
}

/// Lives as long as the test's process; every connection has a thread. Its URL.
pub(crate) fn serve(answer: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || converse(connection, &*answer));
        }
    });
    url
}

fn converse(mut connection: TcpStream, answer: &dyn Fn(&Asked) -> (u16, String)) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    while let Some(asked) = read(&mut reader) {
        let (status, body) = answer(&asked);
        let kind = if body.starts_with('<') {
            "text/xml"
        } else {
            "application/json"
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\nx-amzn-requestid: 1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if connection.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split_whitespace().nth(1)?.to_owned();
    let (mut length, mut head) = (0, String::new());
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            None if line.trim().is_empty() => break,
            _ => {}
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        path,
        head,
        body: String::from_utf8(body).ok()?,
    })
}

/// A proxy that lets nobody through: its address, and what it was asked for.
pub(crate) fn refusing_proxy() -> (String, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut line = String::new();
            BufReader::new(client).read_line(&mut line).unwrap_or_default();
            let words = line.split(' ').take(2).collect::<Vec<_>>().join(" ");
            heard.lock().unwrap().insert(words);
        }
    });
    (url, asked)
}
