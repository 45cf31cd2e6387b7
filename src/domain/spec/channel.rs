//! The data of a job.

use crate::domain::ObjectUri;

/// Objects that a job finds in a folder of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannel {
    /// Its name.
    pub name: String,
    /// The bucket.
    pub bucket: String,
    /// An object's key, or a prefix.
    pub object: String,
    /// Whether each host gets a part of the objects.
    pub is_sharded: bool,
    /// Whether they are meant to be plain, as code and settings are: else each must be a token.
    pub is_plain: bool,
    /// The prefix that the data was moved from, if a person declares that it was moved.
    pub moved_from: Option<String>,
}

impl DataChannel {
    /// From its name and its place: `s3://BUCKET/PREFIX/` or an object, with `,sharded` or `,replicated` and `,plain` behind it.
    pub fn read(name: &str, place: &str) -> Option<Self> {
        let (mut uri, mut is_sharded, mut is_plain) = (place, None, false);
        while let Some((before, word)) = uri.rsplit_once(',') {
            match word {
                "sharded" | "replicated" if is_sharded.is_none() => is_sharded = Some(word == "sharded"),
                "plain" if !is_plain => is_plain = true,
                // Said twice, or in capitals, it would be taken for a part of the key.
                _ if BEHIND.iter().any(|known| known.eq_ignore_ascii_case(word)) => return None,
                _ => break,
            }
            uri = before;
        }
        let ObjectUri { bucket, key } = ObjectUri::parse(uri)?;
        Some(Self {
            name: name.to_owned(),
            bucket,
            object: key,
            is_sharded: is_sharded == Some(true),
            is_plain,
            moved_from: None,
        })
    }

    /// Several, as [`DataChannel::list`] writes them; what cannot be read.
    pub fn read_list(text: &str) -> Result<Vec<Self>, String> {
        let mut entries: Vec<String> = Vec::new();
        for part in text.split(", ") {
            match entries.last_mut() {
                // A key may hold what stands between two channels.
                Some(last) if !part.contains("=s3://") => last.push_str(&[", ", part].concat()),
                Some(_) | None => entries.push(part.to_owned()),
            }
        }
        let read = |entry: &String| {
            let channel = entry
                .trim()
                .split_once('=')
                .and_then(|(name, place)| Self::read(name, place));
            channel.ok_or_else(|| format!("{} is not NAME=s3://BUCKET/PREFIX/", entry.trim()))
        };
        entries.iter().map(read).collect()
    }

    /// `NAME=PLACE, NAME=PLACE,sharded`.
    pub fn list(channels: &[Self]) -> String {
        let entry = |channel: &Self| {
            let sharded = if channel.is_sharded { ",sharded" } else { "" };
            let plain = if channel.is_plain { ",plain" } else { "" };
            format!("{}={}{sharded}{plain}", channel.name, channel.uri())
        };
        channels.iter().map(entry).collect::<Vec<_>>().join(", ")
    }

    /// For objects or prefixes of a bucket: one is `train`, several have the names of what they hold.
    pub fn of(bucket: &str, objects: &[String]) -> Vec<Self> {
        let mut channels: Vec<Self> = Vec::new();
        for object in objects {
            let name = if objects.len() == 1 {
                "train".to_owned()
            } else {
                let known: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
                free_name(object, &known)
            };
            channels.push(Self {
                name,
                bucket: bucket.to_owned(),
                object: object.clone(),
                is_sharded: false,
                is_plain: false,
                moved_from: None,
            });
        }
        channels
    }

    /// Where its data is.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.object)
    }

    /// SageMaker's word for who gets which of its objects.
    pub fn distribution(&self) -> &'static str {
        if self.is_sharded {
            "ShardedByS3Key"
        } else {
            "FullyReplicated"
        }
    }
}

/// What may stand behind a channel's place.
const BEHIND: [&str; 3] = ["sharded", "replicated", "plain"];

/// The last part of an object's key as the name of a channel that no other has.
fn free_name(object: &str, known: &[&str]) -> String {
    let last = object.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split('.').find(|part| !part.is_empty()).unwrap_or("data");
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = stem.chars().take(60).map(letter).collect();
    let numbered = (2..).map(|number: u32| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| !known.contains(&name.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_for_every_host_unless_it_says_sharded() {
        for (place, object, is_sharded) in [
            ("s3://b/data/", "data/", false),
            ("s3://b/data/,replicated", "data/", false),
            ("s3://b/data/,sharded", "data/", true),
            ("s3://b/a,b.csv", "a,b.csv", false),
            ("s3://b/a,b.csv,sharded", "a,b.csv", true),
            ("s3://b/code/,plain", "code/", false),
            ("s3://b/code/,plain,sharded", "code/", true),
            ("s3://b/code/,sharded,plain", "code/", true),
        ] {
            let read = DataChannel::read("train", place).unwrap();
            assert_eq!((read.object.as_str(), read.is_sharded), (object, is_sharded), "{place}");
            assert_eq!(read.is_plain, place.contains("plain"), "{place}");
        }
        for wrong in ["s3://b/x,sharded,replicated", "s3://b/x,plain,plain", "s3://b/x,Plain"] {
            assert_eq!(DataChannel::read("train", wrong), None, "{wrong}");
        }
        assert_eq!(DataChannel::read("train", "data/"), None);
    }

    #[test]
    fn a_list_of_channels_is_read_as_it_is_written() {
        for text in [
            "train=s3://b/data/",
            "train=s3://b/data/,sharded,plain, code=s3://b/code/,plain",
            "train=s3://b/data/,sharded, test=s3://c/x, y.csv, last=s3://b/a=b/,sharded",
        ] {
            assert_eq!(DataChannel::list(&DataChannel::read_list(text).unwrap()), text);
        }
        let wrong = DataChannel::read_list("train=s3://b/data/, test=data").unwrap();
        assert_eq!(wrong[0].object, "data/, test=data", "no other channel begins there");
        assert!(
            DataChannel::read_list("data/")
                .unwrap_err()
                .contains("data/ is not NAME=")
        );
        assert!(DataChannel::read_list("").is_err());
    }

    #[test]
    fn one_place_is_the_channel_train_and_several_have_their_own_names() {
        let names = |objects: &[&str]| -> Vec<String> {
            let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
            let channels = DataChannel::of("b", &objects);
            channels.into_iter().map(|channel| channel.name).collect()
        };
        assert_eq!(names(&["data/2026/"]), ["train"]);
        assert_eq!(names(&["data/train/", "data/held out/"]), ["train", "held-out"]);
        assert_eq!(names(&["a/x.csv", "b/x.csv.gz", ".hidden"]), ["x", "x-2", "hidden"]);
    }
}
