//! Pages of the AWS console about a thing.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{JobKind, ObjectUri};

/// What may stand in a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// The console's host in a region, with the region; none of a partition whose console is not public.
fn host(region: &str) -> Option<String> {
    let domain = if region.starts_with("cn-") {
        "console.amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "console.amazonaws-us-gov.com"
    } else if region.starts_with("us-iso") || region.starts_with("eu-iso") {
        return None;
    } else {
        "console.aws.amazon.com"
    };
    Some(format!("https://{region}.{domain}"))
}

fn plain(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Of a KMS key, by its id.
pub fn key_page(region: &str, id: &str) -> Option<String> {
    let (host, id) = (host(region)?, plain(id));
    Some(format!("{host}/kms/home?region={region}#/kms/keys/{id}"))
}

/// Of a bucket, a prefix or an object.
pub fn object_page(region: &str, uri: &ObjectUri) -> Option<String> {
    let (host, bucket, key) = (host(region)?, plain(&uri.bucket), plain(&uri.key));
    let what = if uri.is_prefix() { "buckets" } else { "object" };
    let prefix = if key.is_empty() {
        String::new()
    } else {
        format!("&prefix={key}")
    };
    Some(format!("{host}/s3/{what}/{bucket}?region={region}{prefix}"))
}

/// Of a job.
pub fn job_page(region: &str, kind: JobKind, name: &str) -> Option<String> {
    let (host, name) = (host(region)?, plain(name));
    let what = match kind {
        JobKind::Training => "jobs",
        JobKind::Processing => "processing-jobs",
    };
    Some(format!("{host}/sagemaker/home?region={region}#/{what}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_the_regions_own_console_and_no_name_breaks_out_of_its_place() {
        let page = |region, uri: &ObjectUri| object_page(region, uri).unwrap_or_default();
        assert_eq!(
            page("eu-west-1", &ObjectUri::new("b", "a b/c&d.csv")),
            "https://eu-west-1.console.aws.amazon.com/s3/object/b?region=eu-west-1&prefix=a%20b/c%26d.csv"
        );
        assert_eq!(
            page("cn-north-1", &ObjectUri::new("b", "")),
            "https://cn-north-1.console.amazonaws.cn/s3/buckets/b?region=cn-north-1"
        );
        assert_eq!(
            key_page("us-gov-west-1", "0f6a").unwrap_or_default(),
            "https://us-gov-west-1.console.amazonaws-us-gov.com/kms/home?region=us-gov-west-1#/kms/keys/0f6a"
        );
        assert_eq!(job_page("us-iso-east-1", JobKind::Training, "j"), None);
    }
}
