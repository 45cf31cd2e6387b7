use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::aws::{Aws, ecr, iam, kms, logs, s3, sagemaker, transfer};
use crate::config::{Connection, SandboxEndpoint};
use crate::domain::{FaultKind, JobKind};

fn list<'a>(
    ask: impl Fn(Option<&str>) -> Result<(&'static [u8], Option<&'static str>), Fault> + Send + Sync + 'a,
) -> List<'a, u8> {
    List::new("list", "numbers", move |token: Option<String>| {
        let page = ask(token.as_deref()).map(|(rows, next)| Paged {
            rows: rows.to_vec(),
            next: next.map(str::to_owned),
        });
        std::future::ready(page)
    })
}

#[tokio::test]
async fn every_page_is_asked_for_with_what_the_one_before_said() {
    let numbers = || {
        list(|token| {
            Ok(match token {
                None => (&[1, 2], Some("a")),
                Some("a") => (&[], Some("b")),
                _ => (&[3], None),
            })
        })
    };
    assert_eq!(numbers().every().await, Ok(vec![1, 2, 3]));
    assert_eq!(numbers().after(Some("a".to_owned())).every().await, Ok(vec![3]));
    assert_eq!(numbers().first().await.map(|page| page.rows), Ok(vec![1, 2]));
}

#[tokio::test]
async fn a_page_that_leads_to_itself_or_is_refused_ends_the_walk() {
    let refused = || Err(Fault::denied("list", "numbers", "no", ""));
    for (second, kind) in [
        (Ok::<_, Fault>((&[2_u8] as &[u8], Some("a"))), FaultKind::Foreign),
        (refused(), FaultKind::Denied),
    ] {
        let numbers = list(|token| match token {
            None => Ok((&[1], Some("a"))),
            _ => second.clone(),
        });
        let all: Vec<_> = numbers.pages().collect().await;
        assert_eq!(all[0], Ok(vec![1]));
        assert!(matches!(&all[1..], [Err(fault)] if fault.kind == kind), "{all:?}");
    }
}

#[tokio::test]
async fn a_page_that_fails_for_a_moment_is_asked_for_again_and_none_before_it() {
    let asked = AtomicU32::new(0);
    // Of all calls the second is throttled: the first try at the second page.
    let numbers = list(|token| match (asked.fetch_add(1, Ordering::Relaxed), token) {
        (1, _) => Err(Fault::new(FaultKind::Throttled, "list", "numbers", "too fast", "")),
        (_, None) => Ok((&[1], Some("a"))),
        _ => Ok((&[2], None)),
    });
    assert_eq!(numbers.every().await, Ok(vec![1, 2]));
    assert_eq!(asked.into_inner(), 3);
}

#[tokio::test]
async fn whoever_watches_waits_for_a_turn_before_each_call_and_hears_at_once_that_a_list_cannot_be_begun() {
    let (turns, asked) = (AtomicU32::new(0), AtomicU32::new(0));
    let watched = |fails: u32| {
        let (turns, asked) = (&turns, &asked);
        turns.store(0, Ordering::Relaxed);
        asked.store(0, Ordering::Relaxed);
        let numbers = list(move |token| match (asked.fetch_add(1, Ordering::Relaxed), token) {
            (call, _) if call == fails => Err(Fault::new(FaultKind::Throttled, "list", "numbers", "too fast", "")),
            (_, None) => Ok((&[1], Some("a"))),
            _ => Ok((&[2], None)),
        });
        numbers.in_turn(|| async {
            turns.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    };
    assert!(watched(0).every().await.is_err());
    assert_eq!(turns.load(Ordering::Relaxed), 1);
    assert_eq!(watched(1).every().await, Ok(vec![1, 2]));
    assert_eq!(turns.load(Ordering::Relaxed), 3);
}

/// Throttled attempts at a second page: more than the SDK makes of one call.
const THROTTLED: u32 = 4;
const BUCKET: &str = "data";
/// What ends an answer of IAM.
const IDENTIFIED: &str = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>";

/// What the second pages were asked for, by operation.
type Attempts = Arc<Mutex<BTreeMap<String, u32>>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_page_in_the_middle_of_any_list_of_aws_is_waited_out() {
    let attempts = Attempts::default();
    let aws = throttling(&attempts).await;
    let upload = transfer::Multipart {
        bucket: BUCKET.to_owned(),
        key: "a".to_owned(),
        id: "u".to_owned(),
    };
    let key = "arn:aws:kms:us-east-1:111122223333:key/k";
    let all = [
        async { count(kms::list_keys(&aws).every().await) }.boxed(),
        async { count(kms::list_aliases(&aws).every().await) }.boxed(),
        async { count(kms::list_grants(&aws, key).every().await) }.boxed(),
        async { kms::key_tags(&aws, key).await.map(|tags| tags.len()) }.boxed(),
        async { count(iam::list_roles(&aws).every().await) }.boxed(),
        async { count(iam::attached_policies(&aws, "r").await) }.boxed(),
        async { count(iam::inline_policies(&aws, "r").await) }.boxed(),
        async { count(s3::list_buckets(&aws).every().await) }.boxed(),
        async { count(s3::list_under(&aws, BUCKET, "").every().await) }.boxed(),
        async { count(s3::list_versions(&aws, BUCKET, "").every().await) }.boxed(),
        async { count(s3::unfinished_uploads(&aws, BUCKET).every().await) }.boxed(),
        async { count(transfer::parts(&aws, &upload).await) }.boxed(),
        async { count(sagemaker::list_training_jobs(&aws, None).every().await) }.boxed(),
        async { count(sagemaker::list_processing_jobs(&aws, None).every().await) }.boxed(),
        async { count(logs::streams(&aws, "job").every().await) }.boxed(),
        async { count(logs::events(&aws, JobKind::Training, "job/1").every().await) }.boxed(),
        async { count(ecr::repositories(&aws).await) }.boxed(),
    ];
    let lists = all.len();
    let all = futures::future::join_all(all).await;
    assert!(all.iter().all(|rows| *rows == Ok(2)), "{all:?}");
    let attempts = attempts.lock().unwrap();
    assert_eq!(attempts.len(), lists, "{attempts:?}");
    assert!(attempts.values().all(|made| *made == THROTTLED + 1), "{attempts:?}");
}

fn count<T>(rows: Result<Vec<T>, Fault>) -> Result<usize, Fault> {
    rows.map(|rows| rows.len())
}

/// An AWS of lists of two rows, two pages each.
async fn throttling(attempts: &Attempts) -> Aws {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = SandboxEndpoint {
        url: format!("http://{}", listener.local_addr().unwrap()),
        region: "us-east-1".to_owned(),
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
    };
    let attempts = Arc::clone(attempts);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(converse(connection, Arc::clone(&attempts)));
        }
    });
    let connection = Connection {
        sandbox: Some(endpoint),
        ..Connection::default()
    };
    Aws::connect(&connection).await.unwrap()
}

async fn converse(connection: TcpStream, attempts: Attempts) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    loop {
        let (mut head, mut length, mut line) = (String::new(), 0, String::new());
        while connection.read_line(&mut line).await? > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            head.push_str(&line);
            line.clear();
        }
        if head.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let (status, answer) = answer(&head, &body, &attempts);
        let kind = if answer.starts_with('<') {
            "text/xml"
        } else {
            "application/x-amz-json-1.1"
        };
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\nx-amzn-requestid: 1\r\nx-amz-request-id: 1\r\n\
             content-length: {}\r\n\r\n",
            answer.len()
        );
        connection.write_all((head + &answer).as_bytes()).await?;
    }
}

fn answer(head: &str, body: &str, attempts: &Attempts) -> (u16, String) {
    let operation = operation(head, body);
    let first_line = head.lines().next().unwrap_or_default();
    let is_first = !format!("{first_line}{body}").contains("more");
    if !is_first {
        let mut attempts = attempts.lock().unwrap();
        let made = attempts.entry(operation.clone()).or_default();
        *made += 1;
        if *made <= THROTTLED {
            return throttled(&operation);
        }
    }
    (200, page(&operation, is_first))
}

fn operation(head: &str, body: &str) -> String {
    let target = head.lines().find_map(|line| line.strip_prefix("x-amz-target: "));
    if let Some((_, operation)) = target.and_then(|target| target.split_once('.')) {
        return operation.trim().to_owned();
    }
    if let Some(operation) = body.split('&').find_map(|member| member.strip_prefix("Action=")) {
        return operation.to_owned();
    }
    let line = head.lines().next().unwrap_or_default();
    let found = OF_S3.iter().find(|(query, _)| line.contains(query));
    found.map_or_else(String::new, |(_, operation)| (*operation).to_owned())
}

/// The lists of S3, by what is in the query of each.
const OF_S3: [(&str, &str); 5] = [
    ("list-type=2", "ListObjectsV2"),
    ("versions", "ListObjectVersions"),
    ("uploads", "ListMultipartUploads"),
    ("uploadId=", "ListParts"),
    ("", "ListBuckets"),
];

fn throttled(operation: &str) -> (u16, String) {
    if OF_S3.iter().any(|(_, of_s3)| *of_s3 == operation) {
        let error = "<Error><Code>SlowDown</Code><Message>slower</Message></Error>";
        return (503, error.to_owned());
    }
    if operation.contains("Role") {
        let error = "<Error><Code>Throttling</Code><Message>slower</Message></Error>";
        let error = format!("<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>");
        return (400, error);
    }
    let body = r#"{"__type":"ThrottlingException","message":"slower"}"#;
    (400, body.to_owned())
}

fn page(operation: &str, is_first: bool) -> String {
    let row = if is_first { "1" } else { "2" };
    let json = |members: &str, next: &str| {
        let next = if is_first { format!(",{next}") } else { String::new() };
        format!("{{{members}{next}}}").replace('#', row)
    };
    let of_kms = |rows: &str| {
        if is_first {
            return json(rows, r#""Truncated":true,"NextMarker":"more""#);
        }
        json(&format!(r#"{rows},"Truncated":false"#), "")
    };
    let of_sagemaker = r#""NextToken":"more""#;
    let xml = |root: &str, members: &str, next: &str| {
        let next = if is_first {
            format!("<IsTruncated>true</IsTruncated><{next}>more</{next}>")
        } else {
            "<IsTruncated>false</IsTruncated>".to_owned()
        };
        format!("<{root}>{members}{next}</{root}>").replace('#', row)
    };
    let of_iam = |members: &str| {
        let result = xml(&format!("{operation}Result"), members, "Marker");
        format!("<{operation}Response>{result}{IDENTIFIED}</{operation}Response>")
    };
    match operation {
        "ListKeys" => of_kms(r#""Keys":[{"KeyId":"k#","KeyArn":"arn:aws:kms:us-east-1:111122223333:key/k#"}]"#),
        "ListAliases" => of_kms(r#""Aliases":[{"AliasName":"alias/a#","TargetKeyId":"k#"}]"#),
        "ListGrants" => of_kms(r#""Grants":[{"GrantId":"g#"}]"#),
        "ListResourceTags" => of_kms(r#""Tags":[{"TagKey":"t#","TagValue":"v"}]"#),
        "ListRoles" => of_iam(
            "<Roles><member><Path>/</Path><RoleName>r#</RoleName><RoleId>R#</RoleId>\
             <Arn>arn:aws:iam::111122223333:role/r#</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></member></Roles>",
        ),
        "ListAttachedRolePolicies" => of_iam(
            "<AttachedPolicies><member><PolicyArn>arn:aws:iam::aws:policy/p#</PolicyArn></member></AttachedPolicies>",
        ),
        "ListRolePolicies" => of_iam("<PolicyNames><member>p#</member></PolicyNames>"),
        // Not a list, but what stands in one.
        "GetRolePolicy" => {
            let policy = "<RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument>{}</PolicyDocument>";
            let result = format!("<GetRolePolicyResult>{policy}</GetRolePolicyResult>");
            format!("<GetRolePolicyResponse>{result}{IDENTIFIED}</GetRolePolicyResponse>")
        }
        "ListObjectsV2" => xml(
            "ListBucketResult",
            "<KeyCount>1</KeyCount><Contents><Key>o#</Key><Size>1</Size><ETag>e</ETag></Contents>",
            "NextContinuationToken",
        ),
        "ListObjectVersions" => xml(
            "ListVersionsResult",
            "<Version><Key>o#</Key><VersionId>v#</VersionId><Size>1</Size><IsLatest>true</IsLatest></Version>",
            "NextKeyMarker",
        ),
        "ListMultipartUploads" => xml(
            "ListMultipartUploadsResult",
            "<Upload><Key>o#</Key><UploadId>u#</UploadId></Upload>",
            "NextKeyMarker",
        ),
        "ListParts" => xml(
            "ListPartsResult",
            "<Part><PartNumber>#</PartNumber><ETag>e</ETag></Part>",
            "NextPartNumberMarker",
        ),
        "ListBuckets" => {
            let token = "<ContinuationToken>more</ContinuationToken>";
            let next = if is_first { token } else { "" };
            let bucket = format!("<Buckets><Bucket><Name>bucket{row}</Name></Bucket></Buckets>");
            format!("<ListAllMyBucketsResult>{bucket}{next}</ListAllMyBucketsResult>")
        }
        "ListTrainingJobs" | "ListProcessingJobs" => {
            let kind = &operation["List".len()..operation.len() - "Jobs".len()];
            let job = format!(
                r#""{kind}JobName":"j#","{kind}JobArn":"arn:#","{kind}JobStatus":"Completed","CreationTime":1"#
            );
            json(&format!(r#""{kind}JobSummaries":[{{{job}}}]"#), of_sagemaker)
        }
        "DescribeLogStreams" => json(r#""logStreams":[{"logStreamName":"job/#"}]"#, r#""nextToken":"more""#),
        "GetLogEvents" => {
            format!(r#"{{"events":[{{"timestamp":{row},"message":"line"}}],"nextForwardToken":"more"}}"#)
        }
        "DescribeRepositories" => json(
            r#""repositories":[{"repositoryName":"n#","repositoryArn":"arn:#","repositoryUri":"u#"}]"#,
            r#""nextToken":"more""#,
        ),
        other => unreachable!("{other} is no list"),
    }
}
