//! Hyperparameters that stand in a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::config::read_text;
use crate::domain::{Fault, JobSpec};

/// 100 hyperparameters of 2,500 characters have room in it, escaped.
const LONGEST: u64 = 4 << 20;

/// The job with what its file of hyperparameters says.
///
/// # Errors
/// When the file cannot be read, is no JSON object, or says what is given beside it too.
pub(in crate::actions) fn with_file(spec: &JobSpec) -> Result<Cow<'_, JobSpec>, Fault> {
    let Some(path) = &spec.plan.parameter_file else {
        return Ok(Cow::Borrowed(spec));
    };
    let mut given = read(path)?;
    for (name, value) in &spec.hyperparameters {
        if given.insert(name.clone(), value.clone()).is_some() {
            let cause = format!("`{name}` is given beside it too");
            return Err(fault(path, cause, "give every name once"));
        }
    }
    let mut spec = spec.clone();
    spec.hyperparameters = given;
    spec.plan.parameter_file = None;
    Ok(Cow::Owned(spec))
}

/// Hyperparameters are texts: a text of the file is that, all else is its JSON, in the digits that stand there.
fn read(path: &Path) -> Result<BTreeMap<String, String>, Fault> {
    let unread = |cause: String| fault(path, cause, "give a JSON object: {\"NAME\": VALUE, ...}");
    let text = read_text(path, LONGEST).map_err(|error| unread(error.to_string()))?;
    let Pairs(given) = serde_json::from_str(&text).map_err(|error| unread(error.to_string()))?;
    let value = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    let mut pairs = BTreeMap::new();
    for (name, raw) in given {
        if pairs.contains_key(&name) {
            return Err(fault(path, format!("`{name}` is given twice"), "give every name once"));
        }
        pairs.insert(name, value(raw));
    }
    Ok(pairs)
}

/// The members of an object as they stand there: of a name that stands there twice a map would drop one.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = members.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn fault(path: &Path, cause: String, remedy: &str) -> Fault {
    let (act, object) = ("read hyperparameters of", path.display().to_string());
    Fault::usage(act, object, cause, remedy)
}
