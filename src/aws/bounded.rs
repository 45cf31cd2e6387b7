//! What others send or keep for the SDK, and what it would read to its end however long that is: answers, and the files that
//! environment variables name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::config::NONBLOCK;
use crate::domain::Fault;

/// No answer that is read whole is longer: the largest are lists of a thousand long names.
const LONGEST_ANSWER: u64 = 64 << 20;
/// What is said of one that is.
pub(super) const TOO_LONG: &str = "the answer is longer than 64 MiB";
/// Every company's accounts have room in it, and all of the world's certificates.
const LONGEST_FILE: u64 = 16 << 20;
/// What names files that the SDK reads.
const FILES: [&str; 4] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// An answer that ends in an error where it is longer than any is; an object's body is as long as it is.
pub(super) fn answer(mut response: HttpResponse, is_object: bool) -> HttpResponse {
    if is_object && response.status().is_success() {
        return response;
    }
    let body = response.take_body();
    *response.body_mut() = SdkBody::from_body_1_x(Limited {
        body,
        left: LONGEST_ANSWER,
    });
    response
}

/// Whether a request is for an object's body, by what the SDK says in each for S3's logs.
pub(super) fn is_for_object(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair == "x-id=GetObject")
}

/// A body of at most so many bytes.
struct Limited {
    body: SdkBody,
    left: u64,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = aws_smithy_types::body::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
            let Some(left) = this.left.checked_sub(length) else {
                return Poll::Ready(Some(Err(TOO_LONG.into())));
            };
            this.left = left;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

/// Refuses files of the environment that have no end.
///
/// # Errors
/// When one of them is longer than any such file, or a device that gives more than that.
pub(super) fn check_files() -> Result<(), Fault> {
    for name in FILES {
        let Some(path) = std::env::var_os(name) else { continue };
        let path = Path::new(&path);
        // What cannot be read at all is told by who needs it.
        if let Err(error) = ends(path)
            && error.kind() == io::ErrorKind::FileTooLarge
        {
            let object = path.display().to_string();
            let remedy = format!("check {name}: a file of your own, or unset it");
            return Err(Fault::invalid("read", object, error.to_string(), remedy));
        }
    }
    Ok(())
}

fn ends(path: &Path) -> io::Result<()> {
    let kind = path.metadata()?.file_type();
    // A pipe gives what it has but once.
    if !kind.is_file() && !kind.is_char_device() {
        return Ok(());
    }
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
    if kind.is_file() && file.metadata()?.len() <= LONGEST_FILE {
        return Ok(());
    }
    read(file).map(drop)
}

/// A whole file that is no longer than any of its kind.
///
/// # Errors
/// When it cannot be read, or is longer.
pub(super) fn read(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        let told = format!("it is longer than {} MiB", LONGEST_FILE >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, told));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objects_body_alone_may_be_as_long_as_it_is() {
        assert!(is_for_object("https://b.s3.amazonaws.com/k?versionId=1&x-id=GetObject"));
        for other in [
            "https://b.s3.amazonaws.com/x-id=GetObject",
            "https://b.s3.amazonaws.com/?list-type=2&prefix=x-id%3DGetObject",
            "https://kms.us-east-1.amazonaws.com/",
        ] {
            assert!(!is_for_object(other), "{other}");
        }
    }

    #[test]
    fn a_device_without_an_end_is_told_from_one_that_has_nothing() {
        let endless = ends(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        ends(Path::new("/dev/null")).unwrap();
    }
}
