//! An object and what it says of itself, by one request.

use aws_sdk_s3::config::Builder;
use bytes::Bytes;

use super::{DOWNLOAD, Head, is_of, range};
use crate::aws::again::again;
use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, fault, patience, s3};
use crate::domain::format::FIRST_BYTES;
use crate::domain::{Fault, FaultKind, ObjectInfo};

/// What one request told of an object.
pub(crate) struct Beginning {
    /// What it is.
    pub(crate) info: ObjectInfo,
    /// What its head says.
    pub(crate) head: Head,
    /// Its first bytes: as many as were asked for, or fewer if nobody wanted more.
    pub(crate) pieces: Vec<Bytes>,
}

impl Beginning {
    /// How many bytes of it are here.
    pub(crate) fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

/// Asks for the first `most` bytes of an object, and with them for all that its head says. Once it is known what it is, `wants`
/// decides whether more of them are read than tell that. `size` is what a list said: of an object without bytes no range can be
/// asked for.
pub(crate) async fn beginning(
    aws: &Aws,
    (bucket, key): (&str, &str),
    size: Option<u64>,
    most: u64,
    wants: impl Fn(&ObjectInfo, &Head) -> bool,
) -> Result<Beginning, Fault> {
    let ask = |is_ranged| {
        let wants = &wants;
        again(move || first(aws, (bucket, key), is_ranged, most, wants))
    };
    let is_ranged = size != Some(0);
    let (mut beginning, end) = match ask(is_ranged).await {
        // An empty object has no first byte.
        Err(fault) if fault.code.as_deref() == Some("InvalidRange") => ask(false).await?,
        // What stands in between for a moment may be gone.
        Err(fault) if fault.kind == FaultKind::Foreign => ask(is_ranged).await?,
        asked => asked?,
    };
    let at = beginning.length();
    if let Some(end) = end.filter(|end| at < *end) {
        // It broke off: the rest of the very same object.
        let rest = range(aws, bucket, key, beginning.head.etag.as_deref(), at, end).await?;
        beginning.pieces.extend(rest);
    }
    Ok(beginning)
}

/// The beginning as far as it came, and where it was to end if more of it is wanted.
async fn first(
    aws: &Aws,
    (bucket, key): (&str, &str),
    is_ranged: bool,
    most: u64,
    wants: impl Fn(&ObjectInfo, &Head) -> bool,
) -> Result<(Beginning, Option<u64>), Fault> {
    let object = s3::uri(bucket, key);
    let call = aws
        .s3()
        .get_object()
        .bucket(bucket)
        .key(key)
        .set_version_id(aws.version_of(bucket, key))
        .set_range(is_ranged.then(|| format!("bytes=0-{}", most.saturating_sub(1))))
        .customize()
        .config_override(Builder::new().timeout_config(patience::of_downloads()));
    let answer = call.send().await.heard(DOWNLOAD, &object);
    let mut answer = answer.map_err(|fault| s3::owned(aws, bucket, fault))?;
    let length = match answer.content_range() {
        Some(range) => {
            let whole = range.rsplit_once('/').and_then(|(_, whole)| whole.parse().ok());
            let whole: u64 = whole.expected(DOWNLOAD, &object, "length")?;
            if !is_ranged || !is_of(range, 0, whole.min(most)) {
                let why = "it is another part than was asked for";
                return Err(fault::not_an_answer(DOWNLOAD, &object, why));
            }
            whole
        }
        // The range was ignored, or there was none.
        None => s3::length_of(DOWNLOAD, &object, answer.content_length())?,
    };
    let end = length.min(most);
    let mut body = std::mem::take(&mut answer.body);
    let (mut pieces, mut at) = (Vec::new(), 0);
    while at < end.min(FIRST_BYTES as u64) {
        let piece = body.try_next().await;
        let piece = piece.map_err(|error| fault::of_stream(DOWNLOAD, &object, &error))?;
        let Some(piece) = piece else {
            let why = "it is not as long as it says";
            return Err(fault::not_an_answer(DOWNLOAD, &object, why));
        };
        take(piece, &mut pieces, &mut at, end);
    }
    let head = Head {
        metadata: answer.metadata.clone().unwrap_or_default().into_iter().collect(),
        length,
        etag: answer.e_tag.clone(),
        version: answer.version_id.clone(),
        modified: answer.last_modified.map(|at| at.secs()),
    };
    let begins: Vec<u8> = pieces.iter().flatten().copied().take(FIRST_BYTES).collect();
    let said = s3::said(bucket, key, length, &answer);
    let is_wanted = wants(&said.clone().info(&begins), &head);
    while is_wanted && at < end {
        match body.try_next().await {
            Ok(Some(piece)) => take(piece, &mut pieces, &mut at, end),
            // The rest is asked for.
            Ok(None) | Err(_) => break,
        }
    }
    drop(body);
    let info = s3::told(aws, said, &begins).await?;
    let beginning = Beginning { info, head, pieces };
    Ok((beginning, is_wanted.then_some(end)))
}

fn take(mut piece: Bytes, pieces: &mut Vec<Bytes>, at: &mut u64, end: u64) {
    piece.truncate(usize::try_from(end - *at).unwrap_or(usize::MAX));
    *at += piece.len() as u64;
    pieces.push(piece);
}
