//! Two builds of the `world` example against each other, pair by pair, so that what else the machine does falls on both.
//!
//! `cargo run --release -p strongroom-sandbox --example pairs -- OLD NEW [ROUNDS] [MIB]`: of each call the median time and
//! the median of the server's processor time, old and new, and the median of the ratios new/old of the pairs.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Small calls of one measurement.
const SMALL: usize = 4000;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [old, new, ..] = &arguments[..] else {
        return Err("pairs OLD NEW [ROUNDS] [MIB]".into());
    };
    let number = |at: usize, usual| arguments.get(at).map_or(Ok(usual), |text| text.parse::<usize>());
    let (rounds, mib) = (number(2, 9)?, number(3, 1024)?);
    let mut worlds = [World::start(old)?, World::start(new)?];
    type Act = fn(&mut World, usize) -> Outcome<()>;
    let acts: [(&str, Act); 4] = [
        ("GenerateDataKey", |world, _| world.generate()),
        ("PutObject of 4 KiB", |world, _| world.put_small()),
        ("PUT of a large object", |world, mib| world.put("large", mib << 20)),
        ("GET of a large object", |world, _| world.get("large")),
    ];
    println!("{rounds} rounds of {SMALL} small calls, a large object of {mib} MiB; milliseconds");
    for (name, act) in acts {
        let mut pairs = Vec::new();
        for round in 0..=rounds {
            let mut pair = [Took::default(); 2];
            for turn in 0..2 {
                let which = (round + turn) % 2;
                // A connection that has waited for the other's turn may be closed.
                worlds[which].stream = connected(&worlds[which].host)?;
                let (cpu, at) = (worlds[which].cpu()?, Instant::now());
                act(&mut worlds[which], mib)?;
                pair[which] = Took {
                    wall: at.elapsed(),
                    cpu: worlds[which].cpu()?.saturating_sub(cpu),
                };
            }
            // The first round warms up.
            if round > 0 {
                pairs.push(pair);
            }
        }
        let median = |of: &dyn Fn(&[Took; 2]) -> f64| {
            let mut all: Vec<f64> = pairs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "{name:22} wall {:8.1} {:8.1}  x{:.2}   cpu {:8.1} {:8.1}  x{:.2}",
            median(&|[old, _]| ms(old.wall)),
            median(&|[_, new]| ms(new.wall)),
            median(&|[old, new]| ms(new.wall) / ms(old.wall)),
            median(&|[old, _]| ms(old.cpu)),
            median(&|[_, new]| ms(new.cpu)),
            median(&|[old, new]| ms(new.cpu) / ms(old.cpu)),
        );
    }
    Ok(())
}

fn connected(host: &str) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[derive(Clone, Copy, Default)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// A build that serves, and a connection to it.
struct World {
    process: Child,
    host: String,
    who: Credentials,
    stream: TcpStream,
    key: String,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl World {
    fn start(program: &str) -> Outcome<Self> {
        let mut process = Command::new(program)
            .args(["sandbox", "--empty", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line)?;
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let host = text("AWS_ENDPOINT_URL").trim_start_matches("http://").to_owned();
        let stream = connected(&host)?;
        let mut world = Self {
            process,
            who: Credentials::new(
                text("AWS_ACCESS_KEY_ID"),
                text("AWS_SECRET_ACCESS_KEY"),
                None,
                None,
                "pairs",
            ),
            stream,
            host,
            key: String::new(),
        };
        let made: Value = serde_json::from_slice(&world.kms("CreateKey", &json!({}))?)?;
        made["KeyMetadata"]["KeyId"]
            .as_str()
            .ok_or("no key")?
            .clone_into(&mut world.key);
        world.call("s3", "PUT", "/pairs", &[], &[])?;
        Ok(world)
    }

    /// Of all its threads, by now.
    fn cpu(&self) -> Outcome<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    fn generate(&mut self) -> Outcome<()> {
        let body = json!({ "KeyId": self.key, "KeySpec": "AES_256" });
        (0..SMALL).try_for_each(|_| self.kms("GenerateDataKey", &body).map(drop))
    }

    fn put_small(&mut self) -> Outcome<()> {
        (0..SMALL).try_for_each(|number| self.put(&format!("small-{number}"), 4096))
    }

    fn put(&mut self, key: &str, length: usize) -> Outcome<()> {
        let body = vec![7; length];
        self.call("s3", "PUT", &format!("/pairs/{key}"), &[], &body).map(drop)
    }

    fn get(&mut self, key: &str) -> Outcome<()> {
        self.call("s3", "GET", &format!("/pairs/{key}"), &[], &[]).map(drop)
    }

    fn kms(&mut self, operation: &str, body: &Value) -> Outcome<Vec<u8>> {
        let target = format!("TrentService.{operation}");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        self.call("kms", "POST", "/", &headers, body.to_string().as_bytes())
    }

    fn call(
        &mut self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Outcome<Vec<u8>> {
        let identity = self.who.clone().into();
        let mut settings = SigningSettings::default();
        let mut signed = SignableBody::Bytes(body);
        if service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            signed = SignableBody::UnsignedPayload;
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let all = headers.iter().copied().chain([("host", self.host.as_str())]);
        let uri = format!("http://{}{path}", self.host);
        let request = SignableRequest::new(method, &uri, all.clone(), signed)?;
        let (instructions, _) = sign(request, &parameters)?.into_parts();
        let mut head = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        let headers = all.chain(instructions.headers());
        head.extend(headers.map(|(name, value)| format!("{name}: {value}\r\n")));
        head.push_str("\r\n");
        self.stream.write_all(head.as_bytes())?;
        // One that is refused early is told why.
        let _ = self.stream.write_all(body);
        self.answer()
    }

    /// The body of a good answer; a large one is only counted.
    fn answer(&mut self) -> Outcome<Vec<u8>> {
        let mut head = Vec::new();
        let mut chunk = vec![0; 1 << 20];
        let end = loop {
            let count = self.stream.read(&mut chunk)?;
            head.extend_from_slice(&chunk[..count]);
            if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if count == 0 {
                return Err("the connection ended".into());
            }
        };
        let text = String::from_utf8_lossy(&head[..end]).to_lowercase();
        if !text.starts_with("http/1.1 200") {
            return Err(String::from_utf8_lossy(&head).into_owned().into());
        }
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(Ok(0), str::parse)?;
        let mut body = head.split_off(end);
        let mut left = length - body.len();
        while left > 0 {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err("the answer ended early".into());
            }
            if length <= chunk.len() {
                body.extend_from_slice(&chunk[..count]);
            }
            left -= count;
        }
        Ok(body)
    }
}
