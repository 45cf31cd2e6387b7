//! What is to be done with an object, and what is said of what became of it.

use super::trouble::ends_all;
use crate::actions::faults::cancelled;
use crate::aws::s3;
use crate::domain::audit::Flaw;
use crate::domain::bulk::Listed;
use crate::domain::seal::{Before, Fate, Passed, SealRow};
use crate::domain::{Fault, FaultKind};

const OWN_AREA: &str = ".strongroom/";
const DATA_KEYS: &str = ".strongroom/data-keys/";

/// What is to be done with an object.
pub(super) enum Judged<T> {
    Take(T),
    Pass(Passed),
    Gone,
}

impl<T> Judged<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Judged<U> {
        match self {
            Self::Take(taken) => Judged::Take(change(taken)),
            Self::Pass(why) => Judged::Pass(why),
            Self::Gone => Judged::Gone,
        }
    }
}

/// Why it is left, if it lies where strongroom keeps what is its own.
pub(in crate::actions) fn is_own_area(key: &str) -> Option<Passed> {
    let lies = |area: &str| key.starts_with(area) || key.contains(&format!("/{area}"));
    match (lies(DATA_KEYS), lies(OWN_AREA)) {
        (true, _) => Some(Passed::DataKey),
        (false, true) => Some(Passed::Own),
        (false, false) => None,
    }
}

/// That of what only a mark or a name calls an encrypted data key nobody knows whether it is data.
pub(super) fn called_data_key(act: &str, bucket: &str, key: &str) -> Fault {
    let remedy = "it stays as it is; where it is no data key, take the mark off it or give it another name";
    Fault::new(
        FaultKind::Other,
        act,
        s3::uri(bucket, key),
        Flaw::NoDataKey.told(),
        remedy,
    )
}

/// Whether it is only that all was stopped before it was its turn: then it is as it was, and nothing need be said of it.
fn dropped(fault: &Fault) -> bool {
    *fault == cancelled(&fault.act, &fault.object)
}

/// What became of it; `None` if it is gone by now, or was not begun before all was stopped. `for_all` says of a fault that every other
/// would have it too.
///
/// # Errors
/// When no other can be done either.
pub(super) fn row_of(
    listed: Listed,
    fate: Result<Option<Fate>, Fault>,
    for_all: bool,
) -> Result<Option<SealRow>, Fault> {
    let fate = match fate {
        Ok(Some(fate)) => fate,
        Ok(None) => return Ok(None),
        Err(fault) if dropped(&fault) => return Ok(None),
        Err(fault) if for_all || ends_all(&fault) => return Err(fault),
        Err(fault) => Fate::Failed(Box::new(fault)),
    };
    Ok(Some(SealRow {
        key: listed.key,
        size: listed.size,
        fate,
    }))
}

/// What became of the version that was there, now that this one is.
pub(super) fn before(old: Option<&str>, new: Option<&str>) -> Before {
    match (old, new) {
        (None, None) => Before::Gone,
        (Some(old), Some(new)) if old == new => Before::Gone,
        // Nothing names what took its place: it took the place of the version without a name too.
        (Some("null"), None) => Before::Gone,
        (Some(old), _) => Before::Version(old.to_owned()),
        // What was there before the bucket kept versions is one since then.
        (None, Some("null")) => Before::Gone,
        (None, Some(_)) => Before::Version("null".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_called_gone_of_which_a_version_is_left() {
        let version = |id: &str| Before::Version(id.to_owned());
        for (old, new, left) in [
            (None, None, Before::Gone),
            (Some("null"), Some("null"), Before::Gone),
            (None, Some("null"), Before::Gone),
            (Some("null"), None, Before::Gone),
            (Some("null"), Some("7"), version("null")),
            (None, Some("7"), version("null")),
            (Some("6"), Some("7"), version("6")),
            (Some("6"), Some("null"), version("6")),
            (Some("6"), None, version("6")),
        ] {
            assert_eq!(before(old, new), left, "{old:?} {new:?}");
        }
    }

    #[test]
    fn what_strongroom_keeps_for_itself_is_no_data() {
        let table = [
            (".strongroom/data-keys/x", Some(Passed::DataKey)),
            ("team/.strongroom/data-keys/x", Some(Passed::DataKey)),
            (".strongroom/program/x", Some(Passed::Own)),
            ("a.strongroom/x", None),
            ("strongroom/x", None),
        ];
        for (key, why) in table {
            assert_eq!(is_own_area(key), why, "{key}");
        }
    }
}
