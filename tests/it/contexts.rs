//! Three worlds, and a person who goes from one to another at any moment: nothing on screen is ever another world's, but what
//! was begun there and says so.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use strongroom::app::{Effect, Event, Overlay, Settings};
use strongroom::config::Connection;
use strongroom::domain::AwsContext;
use strongroom::runtime::workers::Workers;
use strongroom_sandbox::{Options, Sandbox};

use crate::desk::Desk;
use crate::place::connection;
use crate::world::Aws;

/// Begins the name of everything in a world, and is the name of its context.
const TAGS: [&str; 3] = ["amber", "birch", "cobalt"];
const SIZE: (u16, u16) = (140, 40);
const SWITCHES: usize = 200;
/// Nothing more is waited for after so long without an event.
const QUIET: Duration = Duration::from_millis(20);

async fn world(tag: &str) -> Sandbox {
    let faults = ["kms:latency=3ms", "s3:latency=7ms", "sts:latency=11ms"];
    let sandbox = Sandbox::start(Options {
        faults: faults.map(|fault| fault.parse().unwrap()).into(),
        ..Options::default()
    });
    let sandbox = sandbox.await.unwrap();
    let aws = Aws::new(
        sandbox.endpoint_url(),
        sandbox.access_key_id(),
        sandbox.secret_access_key(),
    );
    for number in 0..8 {
        let key = aws.kms.create_key().description(format!("{tag}-text-{number}"));
        let key = key.send().await.unwrap().key_metadata.unwrap().key_id;
        let alias = aws.kms.create_alias().alias_name(format!("alias/{tag}-key-{number}"));
        alias.target_key_id(&key).send().await.unwrap();
    }
    // Opened by itself, as a bucket of SageMaker's.
    let bucket = format!("sagemaker-{tag}");
    aws.s3.create_bucket().bucket(&bucket).send().await.unwrap();
    for number in 0..8 {
        let put = aws
            .s3
            .put_object()
            .bucket(&bucket)
            .key(format!("{tag}-object-{number}"));
        put.body(ByteStream::from_static(b"x,y\n")).send().await.unwrap();
    }
    sandbox
}

fn context(tag: &str) -> AwsContext {
    AwsContext {
        name: Some(tag.to_owned()),
        ..AwsContext::default()
    }
}

/// A dashboard with its workers, and where it is.
struct Person {
    desk: Desk,
    workers: Workers,
    worlds: Vec<Connection>,
    here: usize,
    done: usize,
    begun: usize,
}

impl Person {
    fn sit_down(worlds: Vec<Connection>, folder: PathBuf) -> Self {
        let desk = Desk::with(Settings {
            context: context(TAGS[0]),
            contexts: TAGS.map(context).into(),
            sandbox: true,
            start_dir: folder,
            has_mouse: true,
            now: Timestamp::now(),
            size: SIZE,
            ..Settings::default()
        });
        let mut person = Self {
            desk,
            workers: Workers::start(worlds[0].clone()),
            worlds,
            here: 0,
            done: 0,
            begun: 0,
        };
        person.settle();
        person
    }

    /// Does what was asked for, as the runtime does it.
    fn settle(&mut self) {
        let effects = self.desk.effects[self.done..].to_vec();
        self.done = self.desk.effects.len();
        for effect in effects {
            match &effect {
                Effect::Switch(context) => {
                    let name = context.name.as_deref();
                    self.here = TAGS.iter().position(|tag| Some(*tag) == name).unwrap();
                    self.workers.switch(self.worlds[self.here].clone());
                    continue;
                }
                Effect::Start { .. } => self.begun += 1,
                _ => {}
            }
            self.is_of_here(&format!("{effect:?}"));
            self.workers.perform(effect);
        }
        self.look();
    }

    fn keys(&mut self, typed: &str) {
        self.desk.keys(typed);
        self.settle();
    }

    /// Takes in so many events, if they come.
    async fn listen(&mut self, most: usize) {
        for _ in 0..most {
            let Ok(event) = tokio::time::timeout(QUIET, self.workers.next()).await else {
                return;
            };
            if !matches!(event, Event::Op { .. }) {
                self.is_of_here(&format!("{event:?}"));
            }
            self.desk.event(event);
            self.settle();
        }
    }

    fn is_of_here(&self, text: &str) {
        for tag in TAGS.iter().filter(|tag| **tag != TAGS[self.here]) {
            assert!(
                !text.contains(&format!("{tag}-")),
                "{tag} in {}: {text}",
                TAGS[self.here]
            );
        }
    }

    /// The header is of this world, and so is every line that does not say of which it is.
    fn look(&self) {
        let here = TAGS[self.here];
        let screen = self.desk.screen();
        let mut lines = screen.lines();
        let header = lines.next().unwrap();
        assert!(header.contains(&format!(" {here} ")), "{header}");
        for line in lines {
            for tag in TAGS.iter().filter(|tag| **tag != here) {
                let says_so = line.contains(&format!("[{tag}]")) || line.contains(&format!("In {tag}:"));
                assert!(
                    says_so || !line.contains(&format!("{tag}-")),
                    "{tag} while in {here}: {line}\n{screen}"
                );
            }
        }
    }

    /// Encrypts a file, as far as this is offered where the person is.
    fn encrypt(&mut self) {
        self.keys("1j5je");
        if matches!(self.desk.state.overlays.last(), Some(Overlay::Confirm(_))) {
            self.keys("y");
        }
        while !self.desk.state.overlays.is_empty() {
            self.keys("<esc>");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_worlds_visited_at_random_nothing_is_shown_asked_or_said_in_another() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 {
        std::fs::write(folder.path().join(format!("{number}.csv")), vec![b'x'; 200_000]).unwrap();
    }
    let sandboxes = futures::future::join_all(TAGS.map(world)).await;
    let worlds = sandboxes.iter().map(connection).collect();
    let mut person = Person::sit_down(worlds, folder.path().to_path_buf());
    let mut dice = fastrand::Rng::with_seed(15);
    let mut ended_elsewhere = 0;
    for _ in 0..SWITCHES {
        for _ in 0..dice.usize(0..4) {
            let keys = ["j", "<tab>", "r", "3<enter>", "1s", "o", "!", "<esc><esc>", "2", "4"];
            person.keys(keys[dice.usize(0..keys.len())]);
            person.listen(dice.usize(0..20)).await;
        }
        while !person.desk.state.overlays.is_empty() {
            person.keys("<esc>");
        }
        if dice.u8(0..3) == 0 {
            person.listen(60).await;
            person.encrypt();
        }
        let to = (person.here + dice.usize(1..3)) % TAGS.len();
        person.keys(&format!("C{}<enter>", TAGS[to]));
        assert_eq!(person.here, to);
        person.listen(dice.usize(0..40)).await;
        let messages = person.desk.state.messages.newest_first();
        ended_elsewhere += messages.filter(|message| message.text.starts_with("In ")).count();
    }
    person.listen(1000).await;
    assert!(person.begun > 10, "{} operations", person.begun);
    assert!(ended_elsewhere > 0, "none ended in a world that was left");
    assert_eq!(person.desk.state.operations.running().count(), 0, "all of them end");
    // At rest everything of the world is there.
    let screen = person.desk.screen();
    assert!(screen.contains(&format!("{}-key-0", TAGS[person.here])), "{screen}");
    person.workers.shutdown().await;
    for sandbox in sandboxes {
        sandbox.stop().await;
    }
}
