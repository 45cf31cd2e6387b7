use std::sync::atomic::{AtomicBool, Ordering};

use super::whole::Whole;
use super::*;

/// What a table holds.
type Found = Vec<(String, Vec<u8>)>;

fn rows(disk: &Disk, table: &str) -> Result<Found, DiskError> {
    disk.rows(table, |row| Ok(row.to_vec()))
}

/// A new world that is written to.
fn created(folder: &Path) -> Disk {
    let disk = Disk::create(folder).unwrap();
    disk.begin(|_| Ok(()));
    disk.bear().unwrap();
    disk
}

/// Makes a table of another type: rows cannot be put into it.
fn spoil(disk: &Disk) {
    let database = lock(&disk.writer.as_ref().unwrap().database).clone().unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(TableDefinition::<u64, u64>::new("full"))
        .unwrap();
    transaction.commit().unwrap();
}

#[tokio::test]
async fn what_has_settled_is_there_again_and_a_table_that_was_dropped_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, dropped) = (Arc::from("kept"), Arc::from("dropped"));
    let disk = created(folder.path());
    disk.put(&kept, "a", vec![1]);
    disk.put(&kept, "b", vec![2]);
    disk.put(&dropped, "a", vec![3]);
    disk.settled(disk.epoch()).await.unwrap();
    disk.remove(&kept, "a");
    disk.drop_table(&dropped);
    disk.close();
    disk.put(&kept, "late", vec![4]);
    drop(disk);
    let disk = Disk::look(folder.path()).unwrap();
    assert!(matches!(Disk::look(folder.path()), Err(DiskError::Busy)));
    disk.open().unwrap();
    assert!(matches!(Disk::look(folder.path()), Err(DiskError::Busy)));
    assert_eq!(rows(&disk, "kept").unwrap(), [("b".to_owned(), vec![2])]);
    assert!(rows(&disk, "dropped").unwrap().is_empty());
    disk.close();
}

#[test]
fn an_act_comes_when_everything_before_it_is_committed_and_not_when_the_world_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let disk = created(folder.path());
    let (done, late) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mark = |flag: &Arc<AtomicBool>| {
        let flag = Arc::clone(flag);
        move || flag.store(true, Ordering::SeqCst)
    };
    disk.then(mark(&done));
    disk.close();
    disk.then(mark(&late));
    assert!(done.load(Ordering::SeqCst) && !late.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_cannot_be_committed_is_taken_back_and_what_an_old_handle_says_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    spoil(&disk);
    let (sender, fresh) = std::sync::mpsc::channel();
    disk.begin(move |disk| {
        sender.send(disk.clone()).unwrap();
        Ok(())
    });
    let table = Arc::from("t");
    disk.put(&table, "before", vec![1]);
    disk.settled(disk.epoch()).await.unwrap();
    let epoch = disk.epoch();
    let put = |table: &str, key: &str| Write::Put {
        table: Arc::from(table),
        key: key.to_owned(),
        row: vec![2],
    };
    let both = [put("t", "beside"), put("full", "a")].map(|write| (0, write));
    disk.writer.as_ref().unwrap().take(both);
    let failure = disk.settled(epoch).await.unwrap_err();
    assert!(failure.contains(&*folder.path().to_string_lossy()), "{failure}");
    let again = fresh.recv().unwrap();
    disk.put(&table, "deaf", vec![3]);
    again.put(&table, "after", vec![4]);
    again.settled(again.epoch()).await.unwrap();
    let names: Vec<String> = rows(&again, "t").unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["after", "before"]);
    disk.close();
}

#[tokio::test]
async fn while_a_disk_cannot_be_read_again_nothing_is_answered_and_then_work_goes_on_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    spoil(&disk);
    let (sender, fresh) = std::sync::mpsc::channel();
    let left = std::sync::atomic::AtomicUsize::new(2);
    disk.begin(move |disk| {
        if left.load(Ordering::SeqCst) > 0 {
            left.fetch_sub(1, Ordering::SeqCst);
            return Err(DiskError::Damaged("for a while".to_owned()));
        }
        sender.send(disk.clone()).unwrap();
        Ok(())
    });
    disk.put(&Arc::from("full"), "a", vec![1]);
    disk.settled(disk.epoch()).await.unwrap_err();
    let epoch = disk.epoch();
    disk.settled(epoch).await.unwrap_err();
    let again = fresh.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    while again.settled(again.epoch()).await.is_err() {
        tokio::task::yield_now().await;
    }
    // Who began before that may have seen what is gone.
    again.settled(epoch).await.unwrap_err();
    again.put(&Arc::from("t"), "a", vec![1]);
    again.settled(again.epoch()).await.unwrap();
    disk.close();
}

#[tokio::test]
async fn what_belongs_together_is_handed_on_at_once_in_the_order_of_writing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = created(folder.path());
    let table = Arc::from("t");
    disk.put(&table, "alias", vec![1]);
    disk.settled(disk.epoch()).await.unwrap();
    {
        let _whole = Whole::new(&disk);
        disk.remove(&table, "alias");
        {
            let _within = Whole::new(&disk);
            disk.put(&table, "within", vec![2]);
        }
        disk.settled(disk.epoch()).await.unwrap();
        assert_eq!(rows(&disk, "t").unwrap(), [("alias".to_owned(), vec![1])]);
        disk.put(&table, "alias", vec![3]);
    }
    disk.settled(disk.epoch()).await.unwrap();
    let found = rows(&disk, "t").unwrap();
    assert_eq!(found, [("alias".to_owned(), vec![3]), ("within".to_owned(), vec![2])]);
    disk.close();
}

#[test]
fn a_world_that_was_never_told_of_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::create(folder.path()).unwrap();
    disk.put(&Arc::from("t"), "a", vec![1]);
    drop(disk);
    assert!(!folder.path().join(FILE).exists());
    let disk = Disk::create(folder.path()).unwrap();
    assert!(rows(&disk, "t").unwrap().is_empty());
}

/// Files of a world as a clean end and as a kill leaves them, and what is in them.
fn worlds() -> (Vec<Vec<u8>>, Found) {
    let folder = tempfile::tempdir().unwrap();
    let disk = created(folder.path());
    let file = folder.path().join(FILE);
    let table: Arc<str> = Arc::from("t");
    let written: Found = (0..300).map(|n| (format!("{n:04}"), vec![n as u8; 3 * n])).collect();
    let settle = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(disk.settled(disk.epoch())).unwrap();
    };
    for (number, (key, row)) in written.iter().enumerate() {
        disk.put(&table, key, row.clone());
        if number % 100 == 99 {
            settle();
        }
    }
    let killed = fs::read(&file).unwrap();
    disk.close();
    (vec![killed, fs::read(&file).unwrap()], written)
}

/// Looks at a file; that nothing of it has changed is checked.
fn look_at(bytes: &[u8]) -> Result<Found, DiskError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    fs::write(&file, bytes).unwrap();
    let found = guarded(|| rows(&Disk::look(folder.path())?, "t"));
    assert!(fs::read(&file).unwrap() == bytes, "the file was touched");
    found
}

#[test]
fn a_file_is_looked_at_without_touching_it_whether_it_was_closed_or_not() {
    let (files, written) = worlds();
    for file in files {
        assert_eq!(look_at(&file).unwrap(), written);
    }
}

#[test]
fn a_damaged_file_is_refused_or_whole_after_all_and_never_touched() {
    let (files, written) = worlds();
    let rounds = if std::env::var_os("STRONGROOM_LONG").is_some() {
        5000
    } else {
        150
    };
    let mut dice = fastrand::Rng::with_seed(13);
    let mut refused = 0;
    for file in &files {
        for round in 0..rounds {
            let mut bytes = file.clone();
            match round % 3 {
                0 => {
                    for _ in 0..dice.usize(1..4) {
                        let at = dice.usize(..bytes.len());
                        bytes[at] ^= 1 << dice.u8(..8);
                    }
                }
                // The header, where everything hangs.
                1 => bytes[dice.usize(..320)] = dice.u8(..),
                _ => bytes.truncate(dice.usize(..bytes.len())),
            }
            match look_at(&bytes) {
                // Killed within a commit, it may be the world before that.
                Ok(found) => assert!(found == written || written.starts_with(&found), "{} rows", found.len()),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > rounds / 2, "{refused} of {} refused", 2 * rounds);
    for nothing in [
        &b""[..],
        b"a",
        &[0; 4096],
        b"no world at all, but a text that somebody wrote",
    ] {
        assert!(look_at(nothing).is_err());
    }
}

#[test]
fn a_world_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let disk = created(folder.path());
    disk.put(&Arc::from("meta"), "format", b"1".to_vec());
    disk.close();
    drop(disk);
    assert!(matches!(Disk::look(folder.path()), Err(DiskError::Format)));
}
