//! Log groups, streams and events as rows of the world's disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Event, Group, Stream};
use crate::disk::{Disk, DiskError, lock};
use crate::identity::Place;
use crate::shelf::encoded;

/// Groups and streams on disk by their names, events by stream and number.
pub(super) struct Rows {
    /// Of the reading that the groups in memory are of.
    disk: Mutex<Disk>,
    groups: Arc<str>,
    streams: Arc<str>,
    events: Arc<str>,
}

impl Rows {
    pub(super) fn new(place: &Place, disk: &Disk) -> Self {
        Self {
            disk: Mutex::new(disk.clone()),
            groups: place.table("log-groups").into(),
            streams: place.table("log-streams").into(),
            events: place.table("log-events").into(),
        }
    }

    pub(super) fn put_group(&self, name: &str, group: &Group) {
        self.disk().put(&self.groups, name, encoded(&group.created));
    }

    pub(super) fn put_stream(&self, group: &str, name: &str, stream: &Stream) {
        let row = encoded(&(&stream.id, stream.created));
        self.disk().put(&self.streams, &format!("{group}\0{name}"), row);
    }

    pub(super) fn put_event(&self, stream: &Stream, event: &Event) {
        self.disk()
            .put(&self.events, &stream.row(stream.events.len()), encoded(event));
    }

    pub(super) fn remove(&self, name: &str, group: &Group) {
        self.disk().remove(&self.groups, name);
        for (stream_name, stream) in &group.streams {
            self.remove_stream(name, stream_name, stream);
        }
    }

    pub(super) fn remove_stream(&self, group: &str, name: &str, stream: &Stream) {
        let disk = self.disk();
        disk.remove(&self.streams, &format!("{group}\0{name}"));
        for number in 0..stream.events.len() {
            disk.remove(&self.events, &stream.row(number));
        }
    }

    /// What another reading of the disk has, to be written there from now on.
    pub(super) fn renew(&self, disk: &Disk) {
        *self.disk() = disk.clone();
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }

    pub(super) fn load(&self, disk: &Disk) -> Result<BTreeMap<String, Group>, DiskError> {
        let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        for (row, event) in disk.rows(&self.events, |row| postcard::from_bytes(row))? {
            let id = row.split_once('/').map_or(row.as_str(), |(id, _)| id);
            events.entry(id.to_owned()).or_default().push(event);
        }
        let mut groups = BTreeMap::new();
        for (name, created) in disk.rows(&self.groups, |row| postcard::from_bytes(row))? {
            let streams = BTreeMap::new();
            groups.insert(name, Group { created, streams });
        }
        for (row, (id, created)) in disk.rows(&self.streams, |row| postcard::from_bytes::<(String, i64)>(row))? {
            let mut stream = Stream {
                created,
                ..Stream::default()
            };
            for event in events.remove(&id).unwrap_or_default() {
                stream.add(event);
            }
            stream.id = id;
            if let Some((group, name)) = row.split_once('\0')
                && let Some(group) = groups.get_mut(group)
            {
                group.streams.insert(name.to_owned(), stream);
            }
        }
        Ok(groups)
    }
}
