//! Fake services: every answer that an act rests on is emptied, replaced, bared of its headers and cut. Nothing that comes of
//! it may be a success that is none.
//!
//! An act is run honestly first: which operations it asks for is seen there, so none can be forgotten. [`used`] knows all
//! that this program asks for at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::ByteStream;
use strongroom::actions::{self, Aws, ProgressSink};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::domain::{Fault, FaultKind, Location, Outcome};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::proxy::{Proxy, Seen, Spoil, Trouble, named};

#[path = "answers/jobs.rs"]
mod jobs;
#[path = "answers/keys.rs"]
mod keys;
#[path = "answers/objects.rs"]
mod objects;
#[path = "answers/proofs.rs"]
mod proofs;
#[path = "answers/resumed.rs"]
mod resumed;
#[path = "answers/roles.rs"]
mod roles;
#[path = "answers/used.rs"]
mod used;
#[path = "answers/views.rs"]
mod views;

/// What is said to have come of an act, and whether it is so.
type Came = (Result<(), Fault>, bool);

/// Of which of the requests the answers are spoilt.
#[derive(Clone)]
enum Which {
    By(fn(&Seen<'_>) -> bool),
    Named(String),
}

/// An endpoint whose answers to some requests are what we want.
struct Fake {
    world: World,
    proxy: Proxy,
    aws: Aws,
    connection: Connection,
    sdk: aws_config::SdkConfig,
    spoil: Arc<Mutex<Option<(Which, Spoil)>>>,
    /// Runs of everything, for names that were never used before.
    runs: usize,
    /// How many lengths an answer is cut at; every length is tried where its rule is, in `answer/tests.rs`.
    cuts: usize,
    driven: BTreeSet<String>,
    cases: usize,
    wrong: Vec<String>,
}

impl Fake {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A world that is changed before it starts.
    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let world = World::with(change).await;
        let spoil: Arc<Mutex<Option<(Which, Spoil)>>> = Arc::default();
        let now = Arc::clone(&spoil);
        let proxy = Proxy::start(&world.sandbox, move |seen| match &*now.lock().unwrap() {
            Some((Which::By(which), spoil)) if which(seen) => Trouble::Spoilt(*spoil),
            Some((Which::Named(name), spoil)) if name == seen.name() => Trouble::Spoilt(*spoil),
            _ => Trouble::None,
        });
        let connection = Connection {
            sandbox: Some(SandboxEndpoint {
                url: proxy.url().to_owned(),
                region: "us-east-1".to_owned(),
                access_key_id: world.sandbox.access_key_id().to_owned(),
                secret_access_key: world.sandbox.secret_access_key().to_owned(),
            }),
            ..Connection::default()
        };
        let aws = actions::connect(&connection).await.unwrap();
        let (id, secret) = (world.sandbox.access_key_id(), world.sandbox.secret_access_key());
        let credentials = Credentials::new(id, secret, None, None, "test");
        let sdk = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("us-east-1"))
            .endpoint_url(world.sandbox.endpoint_url())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                credentials,
            ))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            world,
            proxy,
            aws,
            connection,
            sdk,
            spoil,
            runs: 0,
            cuts: repetitions("STRONGROOM_CUTS", 4) as usize,
            driven: BTreeSet::new(),
            cases: 0,
            wrong: Vec::new(),
        }
    }

    /// The way to the world itself.
    fn direct(&self) -> Connection {
        let mut connection = self.connection.clone();
        if let Some(endpoint) = &mut connection.sandbox {
            self.world.sandbox.endpoint_url().clone_into(&mut endpoint.url);
        }
        connection
    }

    fn spoil(&self, which: fn(&Seen<'_>) -> bool, spoil: Spoil) {
        *self.spoil.lock().unwrap() = Some((Which::By(which), spoil));
    }

    fn spoil_all(&self, name: &str, spoil: Spoil) {
        *self.spoil.lock().unwrap() = Some((Which::Named(name.to_owned()), spoil));
    }

    fn honest(&self) {
        *self.spoil.lock().unwrap() = None;
    }

    /// A name that was never used before.
    fn fresh(&mut self, word: &str) -> String {
        self.runs += 1;
        format!("{word}-{}", self.runs)
    }

    /// Runs an act with every answer that it rests on spoilt in every way, those of one operation at a time.
    async fn drive(&mut self, act: &str, run: impl AsyncFn(&mut Self) -> Came) {
        self.honest();
        self.proxy.forget();
        let came = run(self).await;
        assert!(came.0.is_ok() && came.1, "{act}: {came:?}");
        let operations = self.proxy.operations();
        let names: BTreeSet<String> = operations.iter().map(|operation| named(operation).to_owned()).collect();
        for name in names {
            self.proxy.forget();
            self.spoil_all(&name, Spoil::Cut(usize::MAX));
            let came = run(self).await;
            assert!(came.0.is_ok() && came.1, "{act}, {name}: {came:?}");
            let length = self.proxy.longest();
            for spoil in spoils(length, length.div_ceil(self.cuts).max(1)) {
                self.spoil_all(&name, spoil);
                let (said, holds) = run(self).await;
                self.judge(&format!("{act}, {name}"), spoil, said, holds);
            }
            self.driven.insert(name);
        }
        self.honest();
    }

    /// Whether what is said holds; a failure says who answered, where it was somebody else.
    fn judge(&mut self, act: &str, spoil: Spoil, said: Result<(), Fault>, holds: bool) {
        self.cases += 1;
        match said {
            Ok(()) if !holds => self
                .wrong
                .push(format!("{act}, {spoil:?}: said to be done, and it is not")),
            Err(fault) if is_foreign(spoil) && fault.kind != FaultKind::Foreign => {
                self.wrong.push(format!("{act}, {spoil:?}: {:?}, {fault}", fault.kind));
            }
            Err(fault)
                if spoil == Spoil::Page && (!fault.cause.contains("this was not ") || fault.remedy.is_empty())
                    || fault.cause.contains("interceptor") =>
            {
                self.wrong.push(format!("{act}, {spoil:?}: {fault}"));
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Nothing that looked done was not, and these are the operations whose answers were spoilt.
    fn assert_held(&self, driven: &[&str]) {
        println!("{} answers that were none", self.cases);
        assert!(
            self.wrong.is_empty(),
            "{} of {}:\n{}",
            self.wrong.len(),
            self.cases,
            self.wrong.join("\n")
        );
        let known: BTreeSet<&str> = driven.iter().copied().collect();
        let driven: BTreeSet<&str> = self.driven.iter().map(String::as_str).collect();
        assert_eq!(driven, known);
    }

    async fn put(&self, bucket: &str, key: &str) {
        let put = self.world.s3.put_object().bucket(bucket).key(key);
        put.body(ByteStream::from_static(b"1")).send().await.unwrap();
    }
}

fn place(bucket_and_key: &str) -> Location {
    Location::parse(&format!("s3://{bucket_and_key}")).unwrap()
}

fn quiet() -> (ProgressSink, CancellationToken) {
    (ProgressSink::none(), CancellationToken::new())
}

/// Only somebody else answers so.
fn is_foreign(spoil: Spoil) -> bool {
    matches!(
        spoil,
        Spoil::Empty | Spoil::Page | Spoil::Site | Spoil::Stored | Spoil::Refused(_)
    )
}

/// What may come in the place of an answer of this length: everything, or cuts so far from each other.
fn spoils(length: usize, step: usize) -> Vec<Spoil> {
    let cuts = (0..length).step_by(step).map(Spoil::Cut);
    let others = [
        Spoil::Empty,
        Spoil::Page,
        Spoil::Site,
        Spoil::Stored,
        Spoil::Refused(403),
        Spoil::Refused(404),
        Spoil::Bare,
    ];
    others.into_iter().chain(cuts).collect()
}
