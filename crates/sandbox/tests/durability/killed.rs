//! A writer, a reader on another connection, and `kill -9` at a random moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use super::client::Credentials;
use super::counters::{self, ALL, Counter};
use super::process::World;
use super::rounds;

/// The largest number that an answer has told, for each counter.
type Told = Arc<Mutex<BTreeMap<Counter, u64>>>;

/// Whether that was news.
fn tell(told: &Told, counter: Counter, number: u64) -> bool {
    let mut told = told.lock().unwrap();
    let largest = told.entry(counter).or_default();
    let is_news = number > *largest;
    *largest = number.max(*largest);
    is_news
}

/// One round; what was told and is lost.
fn round() -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("world");
    let world = World::start(&dir).unwrap();
    let key = counters::prepare(&mut world.client());
    let (told, session) = (Told::default(), Arc::new(Mutex::new(None::<Credentials>)));
    let writing = {
        let (told, session, key) = (Arc::clone(&told), Arc::clone(&session), key.clone());
        let (mut client, own) = (world.client(), world.credentials.clone());
        thread::spawn(move || {
            // No list holds more than a page, and no key more than fifty aliases.
            for number in 1..49 {
                for counter in ALL {
                    let Ok(answer) = counter.write(&mut client, &key, number) else {
                        return;
                    };
                    assert!(answer.is_good(), "{counter:?}: {}", answer.text());
                    tell(&told, counter, number);
                }
                let Some(given) = counters::session(&mut client, &own) else {
                    return;
                };
                *session.lock().unwrap() = Some(given);
            }
        })
    };
    let moving = {
        let (mut client, key) = (world.client(), key.clone());
        thread::spawn(move || while Counter::Moving.write(&mut client, &key, 1).is_ok() {})
    };
    let (news, seen) = mpsc::channel();
    let reading: Vec<_> = ALL
        .into_iter()
        .map(|counter| {
            let (told, key, news, mut client) = (Arc::clone(&told), key.clone(), news.clone(), world.client());
            thread::spawn(move || {
                while let Ok(number) = counter.read(&mut client, &key) {
                    if tell(&told, counter, number) {
                        let _ = news.send(());
                    }
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(fastrand::u64(0..200)));
    // At a random moment, or when a reader has just been told something that the writer has not heard of yet.
    if fastrand::bool() {
        seen.try_iter().for_each(drop);
        let _ = seen.recv_timeout(Duration::from_millis(200));
    }
    let own = world.credentials.clone();
    world.kill();
    writing.join().unwrap();
    moving.join().unwrap();
    for reader in reading {
        reader.join().unwrap();
    }
    let world = World::start(&dir).unwrap();
    let mut lost = Vec::new();
    if (&world.credentials.key_id, &world.credentials.secret) != (&own.key_id, &own.secret) {
        lost.push("the user's access key".to_owned());
    }
    let mut client = world.client();
    for (counter, number) in told.lock().unwrap().iter() {
        let found = counter.read(&mut client, &key).unwrap();
        if found < *number {
            lost.push(format!("{counter:?}: {number} was told, {found} is there"));
        }
    }
    if let Some(session) = session.lock().unwrap().take() {
        let address = world.credentials.address.clone();
        if !counters::is_good(&Credentials { address, ..session }) {
            lost.push("a session that was given".to_owned());
        }
    }
    lost
}

#[test]
fn what_any_answer_has_told_is_there_after_a_kill_at_any_moment() {
    let rounds = rounds(25, 1000);
    let lost: Vec<Vec<String>> = (0..rounds).map(|_| round()).filter(|lost| !lost.is_empty()).collect();
    assert!(lost.is_empty(), "in {} of {rounds} rounds: {lost:#?}", lost.len());
}
