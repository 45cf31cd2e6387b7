//! Answers as AWS gives them, one of each kind, and everything that is no answer made of them.

use super::table::rule;
use super::*;

/// Operation, and what AWS answers, `\n` for a new line: an empty text where a request id says it all.
fn answers() -> impl Iterator<Item = (&'static str, String)> {
    let row = |line: &'static str| {
        let (operation, answer) = line.split_once(' ').unwrap_or((line, ""));
        (operation, answer.replace("\\n", "\n"))
    };
    include_str!("answers.txt").lines().map(row)
}

/// What else may come back with a 200.
const STRANGE: &[&str] = &[
    "<!DOCTYPE html><html><body>Welcome to our network. Please log in.</body></html>",
    "  <HTML></HTML>",
    "OK",
    "<ok/>",
    "{\"status\":\"ok\"}",
    "[]",
    "true",
    "\u{feff}",
    "<a><b></a></b>",
    "<a/><a/>",
];

/// With the headers that AWS sends, but for one of them.
fn headers(without: &str) -> Headers {
    let mut headers = Headers::new();
    let all = ["content-length", "etag", "location", "x-amz-request-id"];
    for name in all.into_iter().filter(|name| *name != without) {
        headers.insert(name, "1");
    }
    headers
}

fn judged(operation: &str, body: &[u8]) -> Result<(), String> {
    look(rule(operation).unwrap(), operation, &headers(""), body)
}

#[test]
fn what_aws_answers_is_taken() {
    for (operation, answer) in answers() {
        assert_eq!(judged(operation, answer.as_bytes()), Ok(()), "{operation}");
    }
}

#[test]
fn an_answer_cut_at_whatever_length_is_none() {
    let mut cases = 0;
    for (operation, answer) in answers().filter(|(_, answer)| answer.len() > 2) {
        for length in 0..answer.len() {
            assert!(
                judged(operation, &answer.as_bytes()[..length]).is_err(),
                "{operation} cut at {length}"
            );
            cases += 1;
        }
    }
    assert!(cases > 5000, "{cases}");
}

#[test]
fn nothing_else_is_taken_for_an_answer() {
    for (operation, _) in answers() {
        for strange in STRANGE {
            let judged = judged(operation, strange.as_bytes());
            // Of bytes nobody can say what they are.
            assert_eq!(
                judged.is_ok(),
                rule(operation).unwrap().body == Body::Bytes,
                "{operation}: {strange}"
            );
        }
    }
}

#[test]
fn an_answer_without_a_header_that_it_must_have_is_none() {
    for (operation, answer) in answers() {
        let rule = rule(operation).unwrap();
        for name in &rule.headers {
            let looked = look(rule, operation, &headers(name), answer.as_bytes());
            assert_eq!(looked, Err(format!("it has no header {name}")), "{operation}");
        }
        if matches!(rule.body, Body::Nothing | Body::Bytes) {
            let looked = look(rule, operation, &headers("x-amz-request-id"), answer.as_bytes());
            assert_eq!(looked, Err("it has no request id".to_owned()), "{operation}");
        }
    }
}

#[test]
fn an_answer_without_a_member_that_it_must_have_is_none() {
    let mut cases = 0;
    for (operation, answer) in answers() {
        for must in &rule(operation).unwrap().must {
            let (Must::Have(path) | Must::Hold(path) | Must::Flag(path) | Must::Follow(path, _) | Must::Count(path, _)) =
                must;
            let name = path.rsplit('.').next().unwrap();
            let mut spoilt = vec![
                answer
                    .replace(&format!("{name}>"), "Other>")
                    .replace(&format!("{name}\""), "Other\""),
            ];
            match must {
                Must::Follow(_, next) => spoilt.push(answer.replace(next, "Other")),
                // Where it is not said nothing is counted.
                Must::Count(..) => spoilt = vec![answer.replace(">2<", ">3<"), answer.replace(">2<", ">two<")],
                Must::Have(_) | Must::Hold(_) | Must::Flag(_) => {}
            }
            for spoilt in spoilt {
                assert_ne!(spoilt, answer, "{operation}: {path}");
                assert!(
                    judged(operation, spoilt.as_bytes()).is_err(),
                    "{operation} without {path}: {spoilt}"
                );
                cases += 1;
            }
        }
    }
    assert!(cases > 90, "{cases}");
}

#[test]
fn a_list_that_holds_less_than_it_counts_says_so() {
    let cut = "<ListBucketResult><KeyCount>3</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>0</Size><ETag>e</ETag></Contents></ListBucketResult>";
    let why = judged("ListObjectsV2", cut.as_bytes()).unwrap_err();
    assert_eq!(why, "it says that it holds 3 and holds 1");
    // Others than S3 do not count.
    assert_eq!(
        judged("ListObjectsV2", cut.replace("<KeyCount>3</KeyCount>", "").as_bytes()),
        Ok(())
    );
}

#[test]
fn an_error_in_a_success_is_told_from_something_else() {
    assert!(is_error(
        b"<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>"
    ));
    assert!(!is_error(b"<Error><Code>InternalError</Code>"));
    assert!(!is_error(b"<html><Error/></html>"));
    assert!(!is_error(b"{}"));
}

#[test]
fn hostile_nesting_ends() {
    let deep = "<a>".repeat(100_000);
    assert!(judged("ListBuckets", deep.as_bytes()).is_err());
    let deep = "[".repeat(100_000);
    assert!(judged("Decrypt", deep.as_bytes()).is_err());
}

#[test]
fn what_is_not_in_the_table_is_not_asked() {
    assert!(rule("PutBucketPolicy").is_none());
    assert!(rule("").is_none());
}
