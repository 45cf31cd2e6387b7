use std::io::Read;

use super::super::body::Arrived;
use super::super::checksum::{Algorithm, Kind, hasher};
use super::super::customer::CustomerKey;
use super::super::customer::tests::key;
use super::super::list::After;
use super::super::lock::Protection;
use super::super::multipart::{Claim, Completion, Part, Upload, fresh_id};
use super::*;

struct Place {
    store: Store,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Clock::default(), &Disk::default()).unwrap();
        store
            .create_bucket("bucket", &crate::identity::Place::new("1", "us-east-1"))
            .unwrap();
        Self { store, folder }
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }

    /// The one of a single body.
    fn file(&self) -> std::path::PathBuf {
        let mut files = std::fs::read_dir(self.folder.path()).unwrap();
        files.next().unwrap().unwrap().path()
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        self.store.put_bytes("bucket", key, bytes, About::default()).unwrap();
    }

    fn get(&self, key: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let object = self.store.object("bucket", key).unwrap();
        object.body.reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn begin(&self, key: &str) -> String {
        let id = fresh_id(self.store.home.now());
        let upload = Upload {
            key: key.to_owned(),
            id: id.clone(),
            begun: self.store.home.now(),
            about: About::default(),
            tags: BTreeMap::new(),
            protection: Protection::default(),
            algorithm: Algorithm::Crc64Nvme,
            kind: Kind::FullObject,
            named: false,
            overtaken: false,
        };
        self.store.begin("bucket", upload).unwrap();
        id
    }

    fn part(&self, key: &str, id: &str, number: i32, bytes: &[u8]) -> Claim {
        let mut intake = self.store.intake().unwrap();
        intake.write_all(bytes).unwrap();
        let part = Part::new(number, intake.finish().unwrap());
        let etag = part.etag();
        self.store.add_part("bucket", key, id, part).unwrap();
        Claim {
            number,
            etag,
            ..Claim::default()
        }
    }
}

fn completion(claims: &[Claim]) -> Completion {
    Completion {
        claims: claims.to_vec(),
        ..Completion::default()
    }
}

#[test]
fn what_was_put_is_read_back_with_its_md5_as_etag() {
    let place = Place::new();
    place.put("a", b"hello");
    place.put("a/b", b"");
    assert_eq!(place.get("a"), b"hello");
    assert_eq!(place.get("a/b"), b"");
    let hello = place.store.object("bucket", "a").unwrap();
    assert_eq!(hello.etag, "5d41402abc4b2a76b9719d911017c592");
    let empty = place.store.object("bucket", "a/b").unwrap();
    assert_eq!(empty.etag, "d41d8cd98f00b204e9800998ecf8427e");
}

#[test]
fn a_key_never_becomes_a_path() {
    let place = Place::new();
    place.put("../../escape", b"x");
    place.put("/etc/passwd", b"y");
    assert_eq!(place.files(), 2);
    assert_eq!(place.get("../../escape"), b"x");
}

#[test]
fn an_overwritten_object_is_still_read_to_its_end_and_then_gone() {
    let place = Place::new();
    place.put("a", b"old");
    let old = place.store.object("bucket", "a").unwrap();
    let mut reader = old.body.reader();
    drop(old);
    place.put("a", b"new");
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"old");
    drop(reader);
    assert_eq!(place.files(), 1);
    place.store.delete("bucket", "a", &Condition::Any).unwrap();
    assert_eq!(place.files(), 0);
}

#[test]
fn a_name_that_is_taken_is_not_overwritten_on_condition() {
    let place = Place::new();
    place.put("a", b"first");
    let mut intake = place.store.intake().unwrap();
    intake.write_all(b"second").unwrap();
    let object = Object::new(intake.finish().unwrap(), About::default());
    let error = place.store.put("bucket", "a", object, &Condition::Absent).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("PreconditionFailed", 412));
    assert_eq!(place.get("a"), b"first");
    assert_eq!(place.files(), 1);
}

#[test]
fn a_bucket_that_holds_something_is_not_deleted() {
    let place = Place::new();
    place.put("a", b"x");
    assert_eq!(place.store.delete_bucket("bucket").unwrap_err().code, "BucketNotEmpty");
    place.store.delete("bucket", "a", &Condition::Any).unwrap();
    place.store.delete_bucket("bucket").unwrap();
    assert_eq!(place.store.check_bucket("bucket").unwrap_err().code, "NoSuchBucket");
}

#[test]
fn parts_become_one_object_without_being_copied() {
    let place = Place::new();
    let id = place.begin("big");
    let large = vec![7; 5 * 1024 * 1024];
    let claims = [place.part("big", &id, 1, &large), place.part("big", &id, 4, b"end")];
    let object = place
        .store
        .complete("bucket", "big", &id, &completion(&claims))
        .unwrap();
    assert_eq!(object.body.length(), large.len() as u64 + 3);
    assert!(object.etag.ends_with("-2"));
    assert_eq!(place.files(), 2);
    let whole = place.get("big");
    assert_eq!(&whole[large.len()..], b"end");
    let mut middle = Vec::new();
    let slice = object.body.slice(large.len() as u64 - 1, large.len() as u64 + 2);
    slice.reader().read_to_end(&mut middle).unwrap();
    assert_eq!(middle, b"\x07en");
}

#[test]
fn a_completion_that_does_not_match_the_parts_is_refused_and_can_be_tried_again() {
    let place = Place::new();
    let id = place.begin("big");
    let one = place.part("big", &id, 1, b"small");
    let two = place.part("big", &id, 2, b"rest");
    let complete = |claims: &[Claim]| {
        place
            .store
            .complete("bucket", "big", &id, &completion(claims))
            .map_err(|error| error.code)
    };
    assert_eq!(complete(&[two.clone(), one.clone()]).unwrap_err(), "InvalidPartOrder");
    assert_eq!(complete(&[one.clone(), two.clone()]).unwrap_err(), "EntityTooSmall");
    let wrong = Claim {
        etag: two.etag.clone(),
        ..one.clone()
    };
    assert_eq!(complete(&[wrong]).unwrap_err(), "InvalidPart");
    assert_eq!(complete(&[]).unwrap_err(), "MalformedXML");
    let done = complete(std::slice::from_ref(&two)).unwrap();
    assert_eq!(place.get("big"), b"rest");
    assert_eq!(place.files(), 1);
    // Whoever did not hear of it asks again, and hears of the same object.
    assert!(Arc::ptr_eq(&complete(&[two]).unwrap(), &done));
    assert_eq!(complete(&[one]).unwrap_err(), "NoSuchUpload");
}

#[test]
fn an_aborted_upload_leaves_no_parts_behind() {
    let place = Place::new();
    let id = place.begin("big");
    place.part("big", &id, 1, b"one");
    place.part("big", &id, 1, b"one again");
    assert_eq!(place.files(), 1);
    place.store.abort("bucket", "big", &id).unwrap();
    assert_eq!(place.files(), 0);
    let again = place.store.abort("bucket", "big", &id).unwrap_err();
    assert_eq!(again.code, "NoSuchUpload");
}

#[test]
fn a_listing_shows_what_is_there_and_uploads_in_progress_are_not() {
    let place = Place::new();
    place.put("data/x", b"x");
    place.begin("data/y");
    let query = Query {
        prefix: "data".to_owned(),
        delimiter: None,
        after: After::Nothing,
        limit: 10,
    };
    let page = place.store.list("bucket", &query).unwrap();
    assert_eq!(page.contents.len(), 1);
}

#[test]
fn bucket_names_follow_s3() {
    for good in ["abc", "sagemaker-us-east-1-111122223333", "a.b-c"] {
        assert!(valid_bucket_name(good), "{good}");
    }
    let bad = "ab Abc -abc abc- a..b 192.168.0.1 a_b xn--abc sthree-abc abc-s3alias abc--ol-s3 abc.mrap abc--x-s3";
    for bad in bad.split(' ') {
        assert!(!valid_bucket_name(bad), "{bad}");
    }
}

#[test]
fn what_no_row_names_is_put_aside_if_it_is_whole_until_the_world_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::whole(folder.path());
    let store = || Store::open(&folder.path().join("objects"), &Clock::default(), &disk).unwrap();
    let killed = store();
    let mut begun = killed.intake().unwrap();
    begun.write_all(b"half").unwrap();
    let mut done = killed.intake().unwrap();
    done.write_all(b"whole").unwrap();
    // A kill lets go of nothing.
    std::mem::forget((begun, done.finish().unwrap()));
    let listed = |name: &str| {
        let files = std::fs::read_dir(folder.path().join(name)).into_iter().flatten();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed("objects").len(), 2);
    store().home.sweep().unwrap();
    let whole = vec![b"whole".to_vec()];
    assert_eq!((listed("objects"), listed("unnamed")), (vec![], whole));
    store().home.sweep().unwrap();
    assert_eq!(listed("unnamed").len(), 0);
    disk.close();
}

#[test]
fn a_body_whose_file_is_gone_or_cut_is_found_out_before_it_is_read() {
    let place = Place::new();
    place.put("k", b"bytes");
    let body = place.store.object("bucket", "k").unwrap().body.clone();
    body.check().unwrap();
    let file = place.file();
    std::fs::write(&file, b"byte").unwrap();
    assert_eq!(body.check().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    body.slice(1, 4).check().unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = body.check().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

fn arrived(store: &Store, bytes: &[u8], key: Option<&CustomerKey>) -> Arrived {
    let mut intake = Intake::new(&store.home, hasher(&[Algorithm::Crc32]), key).unwrap();
    // In pieces that are no blocks.
    for piece in bytes.chunks(10_007) {
        intake.write_all(piece).unwrap();
    }
    intake.finish().unwrap()
}

fn read(body: &Body, key: Option<CustomerKey>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.clone().with_key(key).reader().read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn what_a_customers_key_encrypts_is_read_with_that_key_from_anywhere_and_never_without() {
    let place = Place::new();
    // Lengths around that of a block.
    for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let bytes: Vec<u8> = (0..length).map(|at: u32| (at % 251) as u8).collect();
        let came = arrived(&place.store, &bytes, Some(&key(1)));
        let plain = arrived(&place.store, &bytes, None);
        assert_eq!((came.md5, &came.checksum), (plain.md5, &plain.checksum), "{length}");
        assert!(came.tag != came.md5 && plain.tag == plain.md5);
        assert_eq!(came.body.length(), u64::from(length));
        came.body.clone().with_key(Some(key(1))).check().unwrap();
        assert_eq!(read(&came.body, Some(key(1))).unwrap(), bytes);
        for (start, end) in [(0, 1), (length / 2, length), (length.saturating_sub(1), length)] {
            let (start, end) = (start.min(length), end.min(length));
            let slice = came.body.slice(start.into(), end.into());
            let meant = &bytes[start as usize..end as usize];
            let read = read(&slice, Some(key(1))).unwrap();
            assert_eq!(read, meant, "{start} to {end} of {length}");
        }
        if length > 0 {
            assert!(read(&came.body, None).is_err());
            assert!(read(&came.body, Some(key(2))).is_err());
        }
    }
}

#[test]
fn the_bytes_on_disk_are_not_those_that_a_customers_key_encrypts_and_a_changed_one_is_found_out() {
    let place = Place::new();
    let came = arrived(&place.store, &vec![b'a'; 70_000], Some(&key(1)));
    let file = place.file();
    let mut stored = std::fs::read(&file).unwrap();
    assert_eq!(stored.len(), 70_000 + 2 * 16);
    assert!(!stored.windows(8).any(|window| window == [b'a'; 8]));
    stored[66_000] ^= 1;
    std::fs::write(&file, &stored).unwrap();
    let changed = read(&came.body, Some(key(1))).unwrap_err();
    assert_eq!(changed.kind(), io::ErrorKind::InvalidData);
    let before = read(&came.body.slice(0, 60_000), Some(key(1))).unwrap();
    assert_eq!(before, vec![b'a'; 60_000]);
    std::fs::write(&file, &stored[..69_000]).unwrap();
    assert_eq!(came.body.check().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_slice_of_an_encrypted_file_is_there_only_with_the_whole_of_its_blocks() {
    let place = Place::new();
    let came = arrived(&place.store, &vec![b'a'; 140_000], Some(&key(1)));
    let file = place.file();
    let stored = std::fs::read(&file).unwrap();
    let asked = |start, end, bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let slice = came.body.slice(start, end).with_key(Some(key(1)));
        slice.check().map_err(|error| error.kind())
    };
    let damaged = |at: usize| {
        let mut bytes = stored.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (start, end) in [(0, 1), (65_535, 65_537), (131_080, 131_090), (0, 140_000)] {
        assert_eq!(asked(start, end, &stored), Ok(()), "{start} to {end}");
    }
    // What is cut off or changed is behind what is asked for, in its block.
    let wrong = Err(io::ErrorKind::InvalidData);
    assert_eq!(asked(131_080, 131_090, &stored[..139_000]), wrong);
    assert_eq!(asked(131_080, 131_090, &damaged(139_000)), wrong);
    assert_eq!(asked(65_540, 65_550, &stored[..100_000]), wrong);
    // In the first block of two, in the last one, and in neither.
    assert_eq!(asked(65_530, 65_540, &damaged(7)), wrong);
    assert_eq!(asked(65_530, 65_540, &damaged(131_000)), wrong);
    assert_eq!(asked(65_530, 65_540, &damaged(139_000)), Ok(()));
}

#[test]
fn a_copy_moves_bytes_only_where_it_is_encrypted_otherwise() {
    let place = Place::new();
    let (home, bytes) = (&place.store.home, vec![b'b'; 100_000]);
    let source = arrived(&place.store, &bytes, Some(&key(1)));
    let copied = |to: Option<CustomerKey>| {
        let body = source.body.clone().with_key(Some(key(1)));
        body.copied(home, to.as_ref(), hasher(&[Algorithm::Crc32])).unwrap()
    };
    let same = copied(Some(key(1)));
    assert_eq!(same.body.stretches(), source.body.stretches());
    for to in [None, Some(key(2))] {
        let copy = copied(to.clone());
        assert_ne!(copy.body.stretches(), source.body.stretches());
        assert_eq!(read(&copy.body, to.clone()).unwrap(), bytes);
        assert_eq!(copy.checksum, source.checksum);
        assert_eq!(copy.tag == copy.md5, to.is_none());
    }
    // What is kept has no key: nobody reads it who does not bring one.
    assert!(read(&same.body, None).is_err());
}
