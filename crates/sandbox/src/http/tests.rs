use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Options, Sandbox};

/// An answer, in however many pieces it comes.
async fn whole_answer(client: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut piece = [0; 4096];
        let count = client.read(&mut piece).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        });
        if is_whole || count == 0 {
            return text;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_struck_request_whose_body_comes_late_leaves_the_connection_whole() {
    let options = Options {
        empty: true,
        faults: vec!["kms:throttle".parse().unwrap()],
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let address = sandbox.endpoint_url().trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: TrentService.ListKeys\r\ncontent-length: 2\r\n\r\n"
    );
    for _ in 0..3 {
        client.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        client.write_all(b"{}").await.unwrap();
        let answer = whole_answer(&mut client).await;
        assert!(answer.contains("ThrottlingException"), "{answer:?}");
    }
}

/// Heads that are refused, with what is left of their bodies; the same connection again, or a new one if told so.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_refused_body_is_no_request() {
    let options = Options::default();
    let sandbox = Sandbox::start(options).await.unwrap();
    let address = sandbox.endpoint_url().trim_start_matches("http://");
    let (held_back, empty) = (
        "expect: 100-continue\r\ncontent-length: 9\r\n",
        "expect: 100-continue\r\ncontent-length: 0\r\n",
    );
    for (held_back, sent) in [("content-length: 9\r\n", "DELETE-me"), (held_back, ""), (empty, "")] {
        let mut client = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            let head = format!("PUT /bucket/k HTTP/1.1\r\nhost: {address}\r\n{held_back}\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            client.write_all(sent.as_bytes()).await.unwrap();
            let answer = whole_answer(&mut client).await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{answer:?}");
            let ends = answer.to_lowercase().contains("connection: close");
            assert_eq!(ends, held_back.starts_with("expect"), "{answer:?}");
            if ends {
                client = TcpStream::connect(address).await.unwrap();
            }
        }
    }
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_nobody_signed_hears_from_sts_that_it_is_not_signed() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let address = sandbox.endpoint_url().trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.unwrap();
    let body = "Action=GetCallerIdentity&Version=2011-06-15";
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-www-form-urlencoded; charset=utf-8\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let told = "<Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message>";
    assert!(answer.contains(told), "{answer}");
    let root = "<ErrorResponse xmlns=\"https://sts.amazonaws.com";
    assert!(answer.contains(root), "{answer}");
    sandbox.stop().await;
}
