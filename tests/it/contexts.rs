//! Three worlds, and a person who goes from one to another at any moment: nothing on screen is ever another world's, but what
//! was begun there and says so.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use strongroom::app::{Effect, Event, Overlay, Settings, Topic};
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
/// Who only listens by the way goes on after so long without an event.
const QUIET: Duration = Duration::from_millis(20);
/// How long may pass until what must come has come. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

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
    /// What was answered here.
    answered: HashSet<Topic>,
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
            answered: HashSet::new(),
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
                    self.answered.clear();
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
            self.hear(event);
        }
    }

    /// Takes in what happens until this is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                let event = self.workers.next().await;
                self.hear(event);
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "never {what}:\n{}", self.desk.screen());
    }

    fn hear(&mut self, event: Event) {
        if !matches!(event, Event::Op { .. }) {
            self.is_of_here(&format!("{event:?}"));
        }
        if let Event::Answer { topic, last: true, .. } | Event::Failed { topic, .. } = &event {
            self.answered.insert(topic.clone());
        }
        self.desk.event(event);
        self.settle();
    }

    /// Whether all is known that an encryption rests on.
    fn knows_its_way(&self) -> bool {
        let needed = |topic: &&Topic| {
            matches!(
                topic,
                Topic::Keys | Topic::Key(_) | Topic::Buckets | Topic::Objects { .. } | Topic::Files(_)
            )
        };
        let mut needed = self.desk.topics().iter().filter(needed);
        needed.all(|topic| self.answered.contains(topic))
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

    /// How many messages that are kept are of other worlds.
    fn told_of_elsewhere(&self) -> usize {
        let messages = self.desk.state.messages.newest_first();
        messages.filter(|message| message.text.starts_with("In ")).count()
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
            person.until("known what there is", Person::knows_its_way).await;
            person.encrypt();
        }
        let to = (person.here + dice.usize(1..3)) % TAGS.len();
        person.keys(&format!("C{}<enter>", TAGS[to]));
        assert_eq!(person.here, to);
        person.listen(dice.usize(0..40)).await;
        ended_elsewhere += person.told_of_elsewhere();
    }
    assert!(person.begun > 10, "{} operations", person.begun);
    let is_over = |person: &Person| person.desk.state.operations.running().count() == 0;
    person.until("the end of every operation", is_over).await;
    ended_elsewhere += person.told_of_elsewhere();
    assert!(ended_elsewhere > 0, "none ended in a world that was left");
    let own = format!("{}-key-0", TAGS[person.here]);
    let is_there = |person: &Person| person.desk.screen().contains(&own);
    person.until("at rest with all of the world", is_there).await;
    person.workers.shutdown().await;
    for sandbox in sandboxes {
        sandbox.stop().await;
    }
}
