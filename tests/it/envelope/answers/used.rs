//! Every operation that this program asks for, read off its sources: none whose answers nobody spoilt.

use super::*;

/// Whose answer goes to a tool of the person's, which is not there in a test: `answer/tests.rs` spoils it by itself.
const ELSEWHERE: &[&str] = &["GetAuthorizationToken"];

/// What acts on a whole prefix ask: `answer/tests.rs` spoils each by itself, and a lost answer to a copy is in `rewrap.rs`.
const BULK: &[&str] = &[
    "CopyObject",
    "CreateProcessingJob",
    "GetBucketAcl",
    "GetBucketOwnershipControls",
    "GetBucketVersioning",
    "GetObjectAcl",
    "GetObjectLegalHold",
    "GetObjectLockConfiguration",
    "GetObjectRetention",
    "GetObjectTagging",
    "UploadPartCopy",
];

/// Names after a client: `.kms().describe_key()` is `DescribeKey`.
fn used() -> BTreeSet<String> {
    const CLIENTS: [&str; 8] = ["s3", "s3_control", "kms", "iam", "sts", "sagemaker", "logs", "ecr"];
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text: String = fs::read_to_string(path).unwrap().split_whitespace().collect();
            // Those that are made for the region of a key.
            let text = text
                .split(".kms_of(")
                .enumerate()
                .map(|(index, piece)| match (index, piece.split_once(").")) {
                    (1.., Some((_, rest))) => format!(".kms().{rest}"),
                    _ => piece.to_owned(),
                });
            let text: String = text.collect();
            for client in CLIENTS {
                let mark = format!(".{client}().");
                found.extend(
                    text.split(&mark)
                        .skip(1)
                        .map(|rest| named_by(rest.split('(').next().unwrap())),
                );
            }
        }
    }
    found
}

/// `list_objects_v2` is `ListObjectsV2`.
fn named_by(method: &str) -> String {
    let words = method.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

#[test]
fn no_operation_is_used_whose_answers_nobody_spoilt() {
    let driven = [
        objects::UPLOADS,
        objects::DOWNLOADS,
        objects::REFUSALS,
        objects::BUCKETS,
        objects::DEPENDENTS,
        keys::CHANGES,
        keys::GRANTS,
        keys::DATA_KEYS,
        roles::DRIVEN,
        jobs::JOBS,
        jobs::BRING,
        jobs::PREFLIGHT,
        jobs::CLEAN_UP,
        jobs::DOCTOR,
        proofs::DRIVEN,
        resumed::DRIVEN,
        views::DRIVEN,
        ELSEWHERE,
        BULK,
    ];
    let driven: BTreeSet<String> = driven.concat().into_iter().map(str::to_owned).collect();
    let used = used();
    assert!(used.len() > 80, "{used:?}");
    assert_eq!(used.difference(&driven).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(driven.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new());
}
