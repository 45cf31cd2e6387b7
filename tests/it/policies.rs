//! The table of `tests/conformance/policies.txt`, row by row, with the Rust SDK. `tests/interop` does the same with boto3.

use std::collections::HashMap;

use aws_credential_types::Credentials;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use strongroom_sandbox::{Options, Sandbox};

#[path = "policies/ask.rs"]
mod ask;
#[path = "policies/scene.rs"]
mod scene;

use scene::Scene;

const TABLE: &str = include_str!("../conformance/policies.txt");
const OWNER: &str = "arn:aws:iam::111122223333:user/strongroom";

/// A caller's policies and its requests, as the table has them.
#[derive(Debug, Default)]
struct Lines {
    name: String,
    /// `user` or `session`.
    caller: String,
    tags: Vec<(String, String)>,
    opened: String,
    key_tags: String,
    managed: Vec<String>,
    /// Statements by what they are of.
    statements: HashMap<&'static str, Vec<String>>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    expected: String,
    /// `s3:GetObject`
    operation: String,
    arguments: Vec<String>,
}

fn scenes() -> Vec<Lines> {
    let mut scenes: Vec<Lines> = Vec::new();
    for line in TABLE
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let rest = rest.trim();
        if word == "scene" {
            scenes.push(Lines {
                name: rest.to_owned(),
                ..Lines::default()
            });
            continue;
        }
        let scene = scenes.last_mut().expect("a scene begins with its name");
        match word {
            "user" | "session" => {
                word.clone_into(&mut scene.caller);
                scene.tags = pairs(rest, '=');
            }
            "managed" => scene.managed.push(rest.to_owned()),
            "opened" => rest.clone_into(&mut scene.opened),
            "keytags" => rest.clone_into(&mut scene.key_tags),
            _ => match ["identity", "boundary", "limit", "key", "bucket", "trust"]
                .into_iter()
                .find(|kind| *kind == word)
            {
                Some(kind) => scene.statements.entry(kind).or_default().push(rest.to_owned()),
                None => {
                    let mut words = rest.split_whitespace().map(str::to_owned);
                    scene.rows.push(Row {
                        expected: word.to_owned(),
                        operation: words.next().unwrap(),
                        arguments: words.collect(),
                    });
                }
            },
        }
    }
    scenes
}

/// `a:b,c:d`
fn pairs(text: &str, between: char) -> Vec<(String, String)> {
    text.split(',')
        .filter_map(|pair| pair.split_once(between))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The clients of one caller.
struct Clients {
    s3: aws_sdk_s3::Client,
    kms: aws_sdk_kms::Client,
    iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    ecr: aws_sdk_ecr::Client,
    sagemaker: aws_sdk_sagemaker::Client,
}

impl Clients {
    fn new(sandbox: &Sandbox, credentials: &Credentials) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        macro_rules! config {
            ($sdk:ident) => {
                $sdk::Config::builder()
                    .behavior_version($sdk::config::BehaviorVersion::latest())
                    .region($sdk::config::Region::new("us-east-1"))
                    .endpoint_url(sandbox.endpoint_url())
                    .http_client(http.clone())
                    .credentials_provider(credentials.clone())
            };
        }
        Self {
            s3: aws_sdk_s3::Client::from_conf(config!(aws_sdk_s3).force_path_style(true).build()),
            kms: aws_sdk_kms::Client::from_conf(config!(aws_sdk_kms).build()),
            iam: aws_sdk_iam::Client::from_conf(config!(aws_sdk_iam).build()),
            sts: aws_sdk_sts::Client::from_conf(config!(aws_sdk_sts).build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(config!(aws_sdk_cloudwatchlogs).build()),
            ecr: aws_sdk_ecr::Client::from_conf(config!(aws_sdk_ecr).build()),
            sagemaker: aws_sdk_sagemaker::Client::from_conf(config!(aws_sdk_sagemaker).build()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_allow_and_refuse_as_the_table_says() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let own = Credentials::new(sandbox.access_key_id(), sandbox.secret_access_key(), None, None, "test");
    let owner = Clients::new(&sandbox, &own);
    let scenes = scenes();
    assert!(scenes.iter().map(|scene| scene.rows.len()).sum::<usize>() >= 400);
    let wrong: Vec<String> = stream::iter(scenes.iter().enumerate())
        .map(|(number, lines)| {
            let (sandbox, owner) = (&sandbox, &owner);
            async move {
                let scene = Scene::new(sandbox, owner, number, lines).await;
                let mut wrong = Vec::new();
                for row in &lines.rows {
                    let got = scene.ask(row).await;
                    if got != row.expected {
                        wrong.push(format!("{}: {row:?}: {got}", lines.name));
                    }
                }
                wrong
            }
        })
        .buffer_unordered(8)
        .flat_map(stream::iter)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A document of the newer version, unless a statement says `old`.
fn document(statements: &[Value], is_old: bool) -> String {
    let version = if is_old { "2008-10-17" } else { "2012-10-17" };
    json!({ "Version": version, "Statement": statements }).to_string()
}
