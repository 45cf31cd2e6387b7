//! What may stand where a bucket's name does: a bucket, an access point by its ARN or alias, and what is not worked on.

use super::{Arn, Fault};

/// How names of directory buckets end, and of their access points.
const DIRECTORIES: [&str; 2] = ["--x-s3", "--xa-s3"];
/// How names of multi-Region access points end, which no bucket's does.
const MULTI_REGION: &str = ".mrap";
const ACCESS_POINT: &str = "accesspoint";

/// Bucket and key of `BUCKET/KEY`. The ARN of an access point has a slash of its own.
pub fn split(text: &str) -> (&str, &str) {
    let own = access_point(text).map_or(0, |at| at + 1);
    match text[own..].find('/') {
        Some(slash) => (&text[..own + slash], &text[own + slash + 1..]),
        None => (text, ""),
    }
}

/// Where the slash or colon is that stands before the name in an access point's ARN, or in what begins with one.
fn access_point(text: &str) -> Option<usize> {
    let arn = Arn::parse(text).filter(|arn| arn.service == "s3" && !arn.account.is_empty())?;
    let name = arn.resource.strip_prefix(ACCESS_POINT)?;
    (name.starts_with(['/', ':']) && name.len() > 1).then(|| text.len() - name.len())
}

/// Whether it is the ARN of an access point, or begins with one.
pub fn is_access_point(text: &str) -> bool {
    access_point(text).is_some()
}

/// What is allowed where all of a bucket is: its ARN.
pub fn arn(partition: &str, bucket: &str) -> String {
    if is_access_point(bucket) {
        return bucket.to_owned();
    }
    Arn::s3(partition, bucket).to_string()
}

/// What is allowed where an object is: its ARN, through the access point where the bucket is one.
pub fn object_arn(partition: &str, bucket: &str, key: &str) -> String {
    let below = if is_access_point(bucket) { "/object" } else { "" };
    format!("{}{below}/{key}", arn(partition, bucket))
}

/// Refuses what is not worked on, before anything is made for it.
///
/// # Errors
/// When it is a directory bucket, or an ARN of anything but an access point in a region.
pub fn check(act: &str, bucket: &str) -> Result<(), Fault> {
    let (cause, remedy) = if DIRECTORIES.iter().any(|end| bucket.ends_with(end)) || is_of(bucket, "s3express") {
        (
            "it is a directory bucket (S3 Express One Zone), and these are not supported",
            "give a general purpose bucket",
        )
    } else if bucket.ends_with(MULTI_REGION) {
        (
            "it is a multi-Region access point, and the signatures that these want (SigV4A) are not supported",
            "give the bucket of one region, or an access point of it",
        )
    } else if bucket.ends_with("--table-s3") || is_of(bucket, "s3tables") {
        (
            "it is a table bucket, which holds tables and no objects",
            "give a general purpose bucket",
        )
    } else if bucket.ends_with("--ol-s3") || is_of(bucket, "s3-object-lambda") {
        (
            "it is an Object Lambda access point, which may change what is read through it",
            "give the bucket behind it, or an access point of that",
        )
    } else if bucket.starts_with("arn:") && !access_point(bucket).is_some_and(|at| is_whole(bucket, at)) {
        (
            "of ARNs only those of access points stand for a bucket (arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME)",
            "give the bucket by its name, or an access point of it",
        )
    } else {
        return Ok(());
    };
    Err(Fault::usage(act, bucket, cause, remedy))
}

/// Whether region, account and name of an access point's ARN are such; `at` is before the name.
fn is_whole(text: &str, at: usize) -> bool {
    let plain = |text: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !text.is_empty() && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
    };
    Arn::parse(text).is_some_and(|arn| {
        let is_account = arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit());
        let name = &text[at + 1..];
        let has_partition = arn.partition == "aws" || arn.partition.starts_with("aws-");
        has_partition && is_account && plain(arn.region) && plain(name) && (3..=50).contains(&name.len())
    })
}

fn is_of(text: &str, service: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.service == service)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: &str = "arn:aws:s3:eu-west-1:111122223333:accesspoint/team";

    #[test]
    fn an_access_point_is_a_bucket_with_a_slash_in_its_name() {
        let colon = POINT.replace('/', ":");
        for (text, bucket, key) in [
            ("data/a/b", "data", "a/b"),
            ("data", "data", ""),
            (POINT, POINT, ""),
            (&format!("{POINT}/"), POINT, ""),
            (&format!("{POINT}/a/b"), POINT, "a/b"),
            (&format!("{colon}/a/b"), &colon, "a/b"),
            ("team-abc-s3alias/a", "team-abc-s3alias", "a"),
            ("arn:aws:s3:::data/a", "arn:aws:s3:::data", "a"),
        ] {
            assert_eq!(split(text), (bucket, key), "{text}");
        }
    }

    #[test]
    fn policies_name_objects_of_an_access_point_below_it() {
        assert_eq!(arn("aws-cn", "data"), "arn:aws-cn:s3:::data");
        assert_eq!(object_arn("aws", "data", "a/b"), "arn:aws:s3:::data/a/b");
        assert_eq!(arn("aws", POINT), POINT);
        assert_eq!(object_arn("aws", POINT, "a/b"), format!("{POINT}/object/a/b"));
    }

    #[test]
    fn what_is_not_worked_on_is_refused_by_what_it_is() {
        for bucket in ["data", "team-abc-s3alias", POINT, "x-s3"] {
            check("open", bucket).unwrap();
        }
        for (bucket, what) in [
            ("data--use1-az4--x-s3", "directory bucket"),
            ("point--use1-az4--xa-s3", "directory bucket"),
            (
                "arn:aws:s3express:us-east-1:1:bucket/data--use1-az4--x-s3",
                "directory bucket",
            ),
            ("arn:aws:s3::111122223333:accesspoint/abc.mrap", "multi-Region"),
            ("abc.mrap", "multi-Region"),
            ("team--table-s3", "table bucket"),
            ("arn:aws:s3tables:us-east-1:1:bucket/data", "table bucket"),
            ("team--ol-s3", "Object Lambda"),
            (
                "arn:aws:s3-object-lambda:us-east-1:111122223333:accesspoint/p",
                "Object Lambda",
            ),
            ("arn:aws:s3:eu west:111122223333:accesspoint/team", "only those"),
            ("arn:aws:s3::111122223333:accesspoint/team", "only those"),
            ("arn:aws:s3:eu-west-1:1111:accesspoint/team", "only those"),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/Team_X", "only those"),
            ("arn:x:s3:eu-west-1:111122223333:accesspoint/team", "only those"),
            ("arn:aws:s3-outposts:us-east-1:1:outpost", "only those of access points"),
            ("arn:aws:s3:::data", "only those of access points"),
        ] {
            let refused = check("open", bucket).unwrap_err();
            assert!(refused.cause.contains(what), "{bucket}: {}", refused.cause);
            assert_eq!((refused.object.as_str(), refused.remedy.is_empty()), (bucket, false));
        }
    }
}
