//! Hyperparameters that stand in a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;

use crate::config::read_text;
use crate::domain::{Fault, FaultKind, JobSpec};

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
    let given: BTreeMap<String, &RawValue> = serde_json::from_str(&text).map_err(|error| unread(error.to_string()))?;
    let value = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    Ok(given.into_iter().map(|(name, raw)| (name, value(raw))).collect())
}

fn fault(path: &Path, cause: String, remedy: &str) -> Fault {
    let (act, object) = ("read hyperparameters of", path.display().to_string());
    Fault::new(FaultKind::Usage, act, object, cause, remedy)
}
