//! A row as one machine writes it for another that makes one report of many: nothing of it is lost on the way, and nothing that
//! is not one is taken for one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AtRest, AuditKey, AuditRow, Flaw, KeyState, Kind, Unchecked, Unread};
use crate::domain::bond::Standing;
use crate::domain::flags::{is_no, is_yes, yes};

/// What a look at one object told: its row, where it stands, and what it says of its neighbours in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRow {
    /// The row, but for what only all rows together tell.
    pub row: AuditRow,
    /// Where a token of strongroom stands, seen from where it was put.
    pub standing: Option<Standing>,
    /// Of an instruction file, the version of the client whose data key it holds.
    pub instructs: Option<u8>,
    /// Whether it may be ciphertext whose instruction file lies beside it.
    pub may_be_instructed: bool,
}

impl SeenRow {
    /// Of what nothing more is to be told.
    pub fn plain(row: AuditRow) -> Self {
        Self {
            row,
            standing: None,
            instructs: None,
            may_be_instructed: false,
        }
    }
}

/// The KMS keys of rows, each written once; a row names its place among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys(Vec<Arc<AuditKey>>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    id: String,
    alias: Option<String>,
    alias_unknown: Option<String>,
    state: Option<String>,
    unknown: Option<String>,
}

impl Keys {
    /// Its place; a new one goes to the end.
    pub fn place(&mut self, key: &Arc<AuditKey>) -> usize {
        let known = self.0.iter().position(|known| Arc::ptr_eq(known, key) || known == key);
        known.unwrap_or_else(|| {
            self.0.push(Arc::clone(key));
            self.0.len() - 1
        })
    }

    /// The one at a place.
    pub fn at(&self, place: usize) -> Option<&Arc<AuditKey>> {
        self.0.get(place)
    }

    /// All of them, a line of JSON.
    ///
    /// # Errors
    /// Never, for texts are always JSON.
    pub fn write(&self) -> serde_json::Result<String> {
        let lines = self.0.iter().map(|key| KeyLine {
            id: key.id.clone(),
            alias: key.alias.clone(),
            alias_unknown: key.alias_unknown.clone(),
            state: key.state.as_ref().ok().map(|state| state.as_str().to_owned()),
            unknown: key.state.as_ref().err().cloned(),
        });
        serde_json::to_string(&lines.collect::<Vec<_>>())
    }

    /// Of such a line.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(line: &str) -> serde_json::Result<Self> {
        let lines: Vec<KeyLine> = serde_json::from_str(line)?;
        let keys = lines.into_iter().map(|line| {
            Arc::new(AuditKey {
                id: line.id,
                alias: line.alias,
                alias_unknown: line.alias_unknown,
                state: match line.state {
                    Some(word) => Ok(KeyState::parse(&word)),
                    None => Err(line.unknown.unwrap_or_default()),
                },
            })
        });
        Ok(Self(keys.collect()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowLine {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Box<str>>,
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    latest: bool,
    size: u64,
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    at_rest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kms_key: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_key_object: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flaws: Vec<Flaw>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unchecked: Vec<Unchecked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intact: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stands: Option<Standing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructs: Option<u8>,
    #[serde(default, skip_serializing_if = "is_no")]
    may_be_instructed: bool,
}

/// A row as a line of JSON, its key among `keys`.
///
/// # Errors
/// Never, for texts and numbers are always JSON.
pub fn write_row(seen: &SeenRow, keys: &mut Keys) -> serde_json::Result<String> {
    let row = &seen.row;
    serde_json::to_string(&RowLine {
        key: row.key.clone(),
        version: row.version.clone(),
        latest: row.is_latest,
        size: row.size,
        kind: row.kind.as_str().to_owned(),
        at_rest: row.at_rest.as_str().to_owned(),
        kms_key: row.kms_key.as_ref().map(|key| keys.place(key)),
        data_key_object: row.data_key_object.clone(),
        flaws: row.flaws.clone(),
        unread: row
            .unread
            .as_ref()
            .map(|unread| (unread.cause.clone(), unread.why.clone())),
        unchecked: row.unchecked.clone(),
        intact: row.is_intact,
        stands: seen.standing.clone(),
        instructs: seen.instructs,
        may_be_instructed: seen.may_be_instructed,
    })
}

/// Of such a line; `None` if it is none, or names a key that is not among `keys`.
pub fn read_row(line: &str, keys: &Keys) -> Option<SeenRow> {
    let line: RowLine = serde_json::from_str(line).ok()?;
    let kms_key = match line.kms_key {
        Some(place) => Some(Arc::clone(keys.at(place)?)),
        None => None,
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == line.kind)?;
    Some(SeenRow {
        row: AuditRow {
            version: line.version,
            is_latest: line.latest,
            at_rest: at_rest(&line.at_rest)?,
            kms_key,
            data_key_object: line.data_key_object,
            flaws: line.flaws,
            unread: line.unread.map(|(cause, why)| Box::new(Unread { cause, why })),
            unchecked: line.unchecked,
            is_intact: line.intact,
            ..AuditRow::new(line.key, line.size, kind)
        },
        standing: line.stands,
        instructs: line.instructs,
        may_be_instructed: line.may_be_instructed,
    })
}

fn at_rest(word: &str) -> Option<AtRest> {
    let all = [AtRest::Unsaid, AtRest::S3, AtRest::Kms, AtRest::KmsDsse];
    all.into_iter().find(|one| one.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refuted;
    use crate::domain::bond::Move;
    use crate::domain::object::METADATA_NAMES as NAMES;

    fn back(seen: &SeenRow) -> Option<SeenRow> {
        let mut keys = Keys::default();
        let line = write_row(seen, &mut keys).unwrap();
        let keys = Keys::read(&keys.write().unwrap()).unwrap();
        read_row(&line, &keys)
    }

    #[test]
    fn nothing_of_a_row_is_lost_on_the_way() {
        let plain = SeenRow::plain(AuditRow::new("a \n\u{202e}\"".to_owned(), 0, Kind::Plain));
        assert_eq!(back(&plain), Some(plain));
        for state in [
            Ok(KeyState::Enabled),
            Ok(KeyState::Other("not found".to_owned())),
            Err("AccessDenied".to_owned()),
        ] {
            let mut row = AuditRow::new("p/x".to_owned(), u64::MAX, Kind::S3EncryptionClient(3));
            (row.version, row.is_latest, row.is_intact) = (Some("v".into()), false, Some(false));
            (row.at_rest, row.data_key_object) = (AtRest::KmsDsse, Some("s3://b/k".into()));
            row.kms_key = Some(Arc::new(AuditKey {
                id: "arn".to_owned(),
                alias: Some("alias/a".to_owned()),
                alias_unknown: None,
                state,
            }));
            row.flaws = vec![
                Flaw::Open,
                Flaw::OpenMember("m".to_owned()),
                Flaw::Refuted(Refuted::Size { stored: 1, length: 2 }),
                Flaw::Refuted(Refuted::Name("n".to_owned())),
                Flaw::NoToken,
                Flaw::NoDataKey,
                Flaw::KeyObjectDiffers("u".to_owned()),
                Flaw::KeyObjectMissing {
                    uri: "u".to_owned(),
                    is_carried: true,
                },
                Flaw::KeyUnusable("Disabled".to_owned()),
                Flaw::NotIntact("why".to_owned()),
            ];
            row.flaws
                .extend(NAMES[..7].iter().map(|name| Flaw::Refuted(Refuted::Metadata(name))));
            row.flaws.extend(NAMES[7..].iter().map(|name| Flaw::Lacks(name)));
            row.unchecked = vec![
                Unchecked::KeyState("AccessDenied".to_owned()),
                Unchecked::KeyObject("w".to_owned()),
                Unchecked::DataKey("d".to_owned()),
            ];
            row.unread = Some(Box::new(Unread {
                cause: "c".to_owned(),
                why: "w".to_owned(),
            }));
            let moved = Standing::Moved(Move {
                from: "a/".to_owned(),
                to: String::new(),
            });
            for standing in [Standing::InPlace, moved, Standing::Unrecorded, Standing::Renamed] {
                let seen = SeenRow {
                    row: row.clone(),
                    standing: Some(standing),
                    instructs: Some(2),
                    may_be_instructed: true,
                };
                assert_eq!(back(&seen), Some(seen));
            }
        }
        for kind in Kind::ALL {
            let seen = SeenRow::plain(AuditRow::new("k".to_owned(), 1, kind));
            assert_eq!(back(&seen), Some(seen));
        }
    }

    #[test]
    fn a_line_that_hosts_of_another_version_wrote_is_read_and_written_in_the_same_words() {
        let flaws = concat!(
            r#""open",{"open_member":"m"},"no_token","no_data_key",{"lacks":"x-amz-iv"},"#,
            r#"{"key_object_missing":{"uri":"u","is_carried":true}},{"key_object_differs":"u"},"#,
            r#"{"key_unusable":"Disabled"},{"not_intact":"w"},"#,
            r#"{"size":{"stored":1,"length":2}},{"name":"n"},{"metadata":"mac"}"#,
        );
        let unchecked = r#"{"key_state":"s"},{"key_object":"o"}"#;
        for stands in [
            r#""in_place""#,
            r#"{"moved":["a/",""]}"#,
            r#""unrecorded""#,
            r#""renamed""#,
        ] {
            let told = format!(r#""flaws":[{flaws}],"unchecked":[{unchecked}],"stands":{stands}"#);
            let line = format!(r#"{{"key":"k","size":1,"kind":"plain",{told}}}"#);
            let row = read_row(&line, &Keys::default()).unwrap();
            assert_eq!(write_row(&row, &mut Keys::default()).unwrap(), line);
        }
    }

    #[test]
    fn what_is_no_row_is_not_taken_for_one() {
        let keys = Keys::default();
        for line in [
            "",
            "{}",
            r#"{"key":"a","size":1,"kind":"unheard-of"}"#,
            r#"{"key":"a","size":1,"kind":"plain","kms_key":0}"#,
            r#"{"key":"a","size":1,"kind":"plain","flaws":[{"lacks":"unheard-of"}]}"#,
            r#"{"key":"a","size":1,"kind":"plain","more":1}"#,
        ] {
            assert_eq!(read_row(line, &keys), None, "{line}");
        }
        assert!(read_row(r#"{"key":"a","size":1,"kind":"plain"}"#, &keys).is_some());
    }
}
