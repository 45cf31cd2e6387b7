//! Which objects are of which data key: in an unnamed file, for a bucket has more of them than memory should hold. Every record
//! tells where the next one of its data key is, so that those of one are read in the order of the list without the others.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use futures::stream;

use crate::actions::blocking::blocking;
use crate::actions::download::scratch;
use crate::actions::faults::io_fault;
use crate::actions::flight::Pages;
use crate::domain::Fault;

/// Bytes that are written at once.
const BUFFER: usize = 64 << 10;
/// Objects that are read at once.
const PAGE: usize = 1000;
/// Where the next one is, bytes of the object, bytes of its key.
const HEAD: usize = 8 + 8 + 4;
/// No key is longer.
const LONGEST_KEY: usize = 1024;
/// There is no next one.
const LAST: u64 = u64::MAX;

/// An object of a data key: its key, and bytes stored.
pub(super) type Object = (Box<str>, u64);

/// Objects on their way into the file.
pub(super) struct Spool {
    file: File,
    /// Bytes in the file; what follows them is in the buffer.
    written: u64,
    buffer: Vec<u8>,
}

/// The objects of one data key, as far as they are noted.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    first: u64,
    last: u64,
}

/// Every object, once all are noted.
#[derive(Clone)]
pub(super) struct Spooled(Arc<File>);

impl Spool {
    pub(super) fn new() -> Result<Self, Fault> {
        let file = scratch()?.unnamed().map_err(|error| fault("make", &error))?;
        Ok(Self {
            file,
            written: 0,
            buffer: Vec::new(),
        })
    }

    /// Notes one more of a data key: its first if there is no chain.
    pub(super) fn push(&mut self, chain: Option<Chain>, (key, size): (&str, u64)) -> Result<Chain, Fault> {
        self.add(chain, key, size).map_err(|error| fault("write", &error))
    }

    fn add(&mut self, chain: Option<Chain>, key: &str, size: u64) -> io::Result<Chain> {
        let at = self.written + self.buffer.len() as u64;
        let length = u32::try_from(key.len()).map_err(io::Error::other)?;
        self.buffer.extend(LAST.to_le_bytes());
        self.buffer.extend(size.to_le_bytes());
        self.buffer.extend(length.to_le_bytes());
        self.buffer.extend(key.as_bytes());
        if let Some(chain) = chain {
            let next = at.to_le_bytes();
            match chain.last.checked_sub(self.written) {
                Some(inside) => {
                    let inside = usize::try_from(inside).map_err(io::Error::other)?;
                    if let Some(place) = self.buffer.get_mut(inside..inside + next.len()) {
                        place.copy_from_slice(&next);
                    }
                }
                None => self.file.write_all_at(&next, chain.last)?,
            }
        }
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(Chain {
            first: chain.map_or(at, |chain| chain.first),
            last: at,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn finish(mut self) -> Result<Spooled, Fault> {
        self.flush().map_err(|error| fault("write", &error))?;
        Ok(Spooled(Arc::new(self.file)))
    }
}

impl Spooled {
    /// The objects of a data key, in the order of the list, page by page.
    pub(super) fn pages<'a>(&self, chain: Chain) -> Pages<'a, Object> {
        let start = (self.clone(), chain.first);
        Box::pin(stream::try_unfold(start, |(spool, at)| async move {
            if at == LAST {
                return Ok(None);
            }
            let (page, next) = spool.page(at, PAGE).await?;
            Ok(Some((page, (spool, next))))
        }))
    }

    /// The first so many of them.
    pub(super) async fn first(&self, chain: Chain, most: usize) -> Result<Vec<Object>, Fault> {
        Ok(self.page(chain.first, most).await?.0)
    }

    /// So many from there, and where the next one is.
    async fn page(&self, at: u64, most: usize) -> Result<(Vec<Object>, u64), Fault> {
        let file = Arc::clone(&self.0);
        blocking(move || read(&file, at, most).map_err(|error| fault("read", &error))).await
    }
}

fn read(file: &File, mut at: u64, most: usize) -> io::Result<(Vec<Object>, u64)> {
    let mut objects = Vec::new();
    let mut record = [0; HEAD + LONGEST_KEY];
    while at != LAST && objects.len() < most {
        let read = file.read_at(&mut record, at)?;
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (head, rest) = record[..read].split_first_chunk::<HEAD>().ok_or_else(broken)?;
        let number = |from: usize| {
            let bytes = head.get(from..from + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u64::from_le_bytes).ok_or_else(broken)
        };
        let (next, size) = (number(0)?, number(8)?);
        let length = head.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes));
        let length = length
            .and_then(|length| usize::try_from(length).ok())
            .ok_or_else(broken)?;
        let key = rest.get(..length).ok_or_else(broken)?;
        let key = std::str::from_utf8(key).map_err(io::Error::other)?;
        objects.push((key.into(), size));
        at = next;
    }
    Ok((objects, at))
}

fn fault(act: &str, error: &io::Error) -> Fault {
    io_fault(
        act,
        "the list of what is to be re-wrapped, in the folder for temporary files",
        error,
    )
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn each_data_keys_objects_are_read_in_the_order_of_the_list_however_many_there_are() {
        let mut spool = Spool::new().unwrap();
        let mut chains = [None; 3];
        let long = "k".repeat(1000);
        // More than a buffer and more than a page.
        for number in 0..9000_usize {
            let chain = &mut chains[number % 3];
            let key = format!("{number}{}", if number.is_multiple_of(100) { &long } else { "" });
            *chain = Some(spool.push(*chain, (&key, number as u64)).unwrap());
        }
        let spooled = spool.finish().unwrap();
        for (nth, chain) in chains.into_iter().enumerate() {
            let pages: Vec<Vec<Object>> = spooled.pages(chain.unwrap()).try_collect().await.unwrap();
            assert_eq!(pages.len(), 3);
            let sizes: Vec<u64> = pages.concat().into_iter().map(|(_, size)| size).collect();
            let expected: Vec<u64> = (0..3000).map(|at| (at * 3 + nth) as u64).collect();
            assert_eq!(sizes, expected);
            assert!(
                pages
                    .concat()
                    .iter()
                    .all(|(key, size)| key.trim_end_matches('k') == size.to_string())
            );
            let first = spooled.first(chain.unwrap(), 5).await.unwrap();
            assert_eq!(first, pages.concat()[..5]);
        }
    }
}
