//! Pages of ordered rows. A marker is the last row's name, encoded; a page may begin behind a row that is gone.

use serde_json::{Value, json};

use super::Request;
use crate::api::{ApiError, place_of, token_of};

/// The rows that follow the request's marker, and what ends the answer. `after` gives every row behind a name.
pub(super) fn page<'a, T, I>(
    request: &Request,
    (standard, most): (usize, usize),
    after: impl FnOnce(Option<String>) -> I,
) -> Result<(Vec<T>, Value), ApiError>
where
    I: Iterator<Item = (&'a str, T)>,
{
    let limit = request.bounded("Limit", 1..=most as i64)?;
    let limit = limit.map_or(standard, |limit| limit as usize);
    let marker = request.text("Marker").map(parse).transpose()?;
    let mut rows = after(marker);
    let (mut taken, mut last) = (Vec::new(), "");
    while taken.len() < limit {
        let Some((name, row)) = rows.next() else {
            return Ok((taken, json!({ "Truncated": false })));
        };
        last = name;
        taken.push(row);
    }
    let end = match rows.next() {
        Some(_) => json!({ "Truncated": true, "NextMarker": token_of(last) }),
        None => json!({ "Truncated": false }),
    };
    Ok((taken, end))
}

fn parse(marker: &str) -> Result<String, ApiError> {
    let told =
        "The request was rejected because the marker that specifies where pagination should next begin is not valid.";
    place_of(marker).ok_or_else(|| ApiError::new("InvalidMarkerException", told))
}
