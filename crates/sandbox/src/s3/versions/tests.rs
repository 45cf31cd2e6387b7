use std::io::Write;

use super::page::Page;
use super::*;
use crate::s3::object::About;
use crate::s3::store::{Condition, Store};

const KEYS: [&str; 7] = ["a", "a\0", "a\0b", "a/b", "a/c", "b", "\u{10ffff}"];

fn store(folder: &std::path::Path, disk: &Disk) -> Store {
    Store::open(&folder.join("objects"), &Clock::default(), disk).unwrap()
}

fn object(store: &Store, text: &str) -> Object {
    let mut intake = store.intake().unwrap();
    intake.write_all(text.as_bytes()).unwrap();
    Object::new(intake.finish().unwrap(), About::default())
}

fn set(store: &Store, versioning: Versioning) {
    store
        .change_settings("bucket", |settings| settings.versioning = versioning)
        .unwrap();
}

fn versions(store: &Store, query: &Query) -> Page {
    store.with("bucket", |bucket| bucket.versions(query)).unwrap()
}

fn all(limit: usize) -> Query {
    Query {
        prefix: String::new(),
        delimiter: None,
        after: After::Nothing,
        limit,
    }
}

/// Key, id, whether it is an object, whether it is the newest.
type Row = (String, String, bool, bool);

fn row((key, version, is_latest): &(String, Version, bool)) -> Row {
    let is_object = matches!(version, Version::Object(_));
    (key.clone(), version.id().to_owned(), is_object, *is_latest)
}

/// What a bucket should hold, told in the plainest way: of each key all versions, the newest first.
#[derive(Default)]
struct Model(BTreeMap<String, Vec<(String, bool)>>);

impl Model {
    fn add(&mut self, key: &str, id: &str, is_object: bool) {
        let versions = self.0.entry(key.to_owned()).or_default();
        versions.retain(|(old, _)| old != id);
        versions.insert(0, (id.to_owned(), is_object));
    }

    fn rows(&self) -> Vec<Row> {
        let of_key = |(key, versions): (&String, &Vec<(String, bool)>)| {
            let rows = versions.iter().enumerate();
            rows.map(|(at, (id, is_object))| (key.clone(), id.clone(), *is_object, at == 0))
                .collect::<Vec<Row>>()
        };
        self.0.iter().flat_map(of_key).collect()
    }

    fn check(&self, store: &Store) {
        let rows = self.rows();
        let page = versions(store, &all(10_000));
        assert_eq!(page.contents.iter().map(row).collect::<Vec<_>>(), rows);
        for key in KEYS {
            let newest = self.0.get(key).and_then(|versions| versions.first());
            let current = store.find("bucket", key).unwrap();
            let is_object = newest.is_some_and(|(_, is_object)| *is_object);
            assert_eq!(current.is_some(), is_object, "{key:?}");
        }
        for (key, id, _, _) in &rows {
            assert_eq!(store.look("bucket", key, Some(id)).unwrap().unwrap().id(), id);
        }
    }
}

#[tokio::test]
async fn whatever_is_done_the_bucket_holds_what_a_list_of_versions_would_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::whole(folder.path());
    let mut place = store(folder.path(), &disk);
    place.create_bucket("bucket", &Place::new("1", "us-east-1")).unwrap();
    set(&place, Versioning::Enabled);
    let mut model = Model::default();
    let mut random = fastrand::Rng::with_seed(7);
    for step in 0..600 {
        let key = *random.choice(&KEYS).unwrap();
        match random.u32(..20) {
            0 => {
                let versioning = *random.choice(&[Versioning::Enabled, Versioning::Suspended]).unwrap();
                set(&place, versioning);
            }
            1 if step % 5 == 0 => {
                disk.close();
                drop((place, std::mem::take(&mut disk)));
                disk = Disk::whole(folder.path());
                place = store(folder.path(), &disk);
            }
            2..=9 => {
                let object = object(&place, &step.to_string());
                let id = place.put("bucket", key, object, &Condition::Any).unwrap();
                model.add(key, id.as_deref().unwrap_or(NULL), true);
            }
            10..=13 => {
                let deleted = place.delete("bucket", key, &Condition::Any).unwrap();
                model.add(key, &deleted.version.unwrap(), false);
            }
            _ => {
                let rows = model.rows();
                let Some((key, id, ..)) = random.choice(&rows) else {
                    continue;
                };
                assert!(
                    place
                        .delete_version("bucket", key, id, &Condition::Any, false)
                        .unwrap()
                        .is_some()
                );
                model.0.get_mut(key).unwrap().retain(|(old, _)| old != id);
            }
        }
        model.check(&place);
    }
    for (key, id, ..) in model.rows() {
        assert_eq!(place.delete_bucket("bucket").unwrap_err().code, "BucketNotEmpty");
        place
            .delete_version("bucket", &key, &id, &Condition::Any, false)
            .unwrap();
    }
    place.delete_bucket("bucket").unwrap();
    drop(place);
    disk.close();
    assert_eq!(std::fs::read_dir(folder.path().join("objects")).unwrap().count(), 0);
}

/// A bucket whose keys have 0 to 6 versions, some of them markers.
fn mixed(folder: &std::path::Path) -> Store {
    let store = store(folder, &Disk::default());
    store.create_bucket("bucket", &Place::new("1", "us-east-1")).unwrap();
    for (number, key) in KEYS.iter().enumerate() {
        set(&store, Versioning::Enabled);
        for turn in 0..number {
            if turn % 3 == 2 {
                store.delete("bucket", key, &Condition::Any).unwrap();
            } else {
                store.put("bucket", key, object(&store, key), &Condition::Any).unwrap();
            }
        }
        set(&store, Versioning::Suspended);
        if number % 2 == 1 {
            store.put("bucket", key, object(&store, key), &Condition::Any).unwrap();
        }
    }
    store
}

#[test]
fn pages_of_any_size_join_to_the_whole_listing() {
    let folder = tempfile::tempdir().unwrap();
    let store = mixed(folder.path());
    for prefix in ["", "a", "a/", "zz"] {
        for delimiter in [None, Some("/"), Some("b"), Some("\0")] {
            let query = |after, limit| Query {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                after,
                limit,
            };
            let whole = versions(&store, &query(After::Nothing, 1000));
            assert_eq!(whole.next, None);
            for limit in 1..9 {
                let (mut contents, mut prefixes, mut after) = (Vec::new(), Vec::new(), After::Nothing);
                loop {
                    let part = versions(&store, &query(after, limit));
                    assert!(part.contents.len() + part.prefixes.len() <= limit);
                    contents.extend(part.contents.iter().map(row));
                    prefixes.extend(part.prefixes);
                    match part.next {
                        Some(next) => after = next,
                        None => break,
                    }
                }
                let expected: Vec<Row> = whole.contents.iter().map(row).collect();
                assert_eq!(contents, expected, "{prefix:?} {delimiter:?} {limit}");
                assert_eq!(prefixes, whole.prefixes, "{prefix:?} {delimiter:?} {limit}");
            }
        }
    }
}

#[test]
fn a_bucket_is_emptied_page_by_page_though_each_page_is_gone_before_the_next_is_asked_for() {
    for limit in 1..7 {
        let folder = tempfile::tempdir().unwrap();
        let store = mixed(folder.path());
        let mut after = After::Nothing;
        loop {
            let page = versions(&store, &Query { after, ..all(limit) });
            for (key, version, _) in &page.contents {
                store
                    .delete_version("bucket", key, version.id(), &Condition::Any, false)
                    .unwrap();
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        store.delete_bucket("bucket").unwrap();
    }
}

#[test]
fn a_world_that_ended_between_two_rows_of_a_change_is_as_before_it_or_after() {
    let folder = tempfile::tempdir().unwrap();
    let store = mixed(folder.path());
    let whole = || -> Vec<Row> { versions(&store, &all(1000)).contents.iter().map(row).collect() };
    let before = whole();
    store
        .with("bucket", |bucket| {
            // What was to be replaced is kept already, what replaces it is not there yet.
            let current = Arc::clone(&bucket.objects["b"]);
            let row = bucket.row("b", current.version());
            bucket.older.insert(row, Version::Object(current));
            bucket.mend();
            Ok(())
        })
        .unwrap();
    assert_eq!(whole(), before);
    store
        .with("bucket", |bucket| {
            // A deletion has taken the current object away, and has not left its marker yet.
            let current = bucket.objects.remove("b").unwrap();
            let row = bucket.row("b", current.version());
            bucket.older.insert(row, Version::Object(current));
            bucket.mend();
            Ok(())
        })
        .unwrap();
    assert_eq!(whole(), before);
}

#[test]
fn version_ids_look_like_s3s_and_made_up_ones_are_told_from_them() {
    for number in [0, 1, u64::MAX / 2, u64::MAX] {
        let id = fresh(number);
        assert_eq!(super::number(&id), Some(number));
        assert!(
            id.len() == 32 && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')),
            "{id}"
        );
        assert_ne!(id, fresh(number));
    }
    let message = |id| check_id(id).unwrap_err().message;
    let refused = message("HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD");
    assert_eq!(refused, "Invalid version id specified");
    assert_eq!(message(""), "Version id cannot be the empty string");
    assert_eq!(check_id(NULL), Ok(()));
}
