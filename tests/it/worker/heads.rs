//! What the pane is told of objects: what their heads say, and what those already refute.

use std::collections::HashMap;

use aws_sdk_s3::primitives::ByteStream;
use strongroom::app::{Page, Topic};
use strongroom::domain::{ObjectFormat, ObjectInfo, ObjectRow, Refuted};

use super::World;

async fn put(world: &World, bucket: &str, key: &str, body: &[u8], metadata: &HashMap<String, String>) {
    let config = aws_sdk_s3::config::Builder::from(&world.sdk()).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    let call = s3
        .put_object()
        .bucket(bucket)
        .key(key)
        .set_metadata(Some(metadata.clone()));
    call.body(ByteStream::from(body.to_vec())).send().await.unwrap();
}

async fn look(world: &mut World, bucket: &str, key: &str) -> ObjectInfo {
    let topic = Topic::Object {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    };
    match world.ask(topic).await.unwrap() {
        Page::Object(ObjectRow::Object { info: Some(info), .. }) => *info,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_head_refutes_plain_bytes_under_copied_metadata_and_a_token_under_another_name() {
    let mut world = World::new().await;
    let (bucket, _) = world.encrypted_object().await;
    let config = aws_sdk_s3::config::Builder::from(&world.sdk()).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(config.build());
    let object = s3.get_object().bucket(&bucket).key("data/x.csv").send().await.unwrap();
    let metadata = object.metadata.clone().unwrap();
    let token = object.body.collect().await.unwrap().to_vec();
    assert_eq!(look(&mut world, &bucket, "data/x.csv").await.refuted, []);

    put(&world, &bucket, "data/plain/x.csv", b"plain bytes", &metadata).await;
    let info = look(&mut world, &bucket, "data/plain/x.csv").await;
    let (stored, length) = (11, 20);
    assert_eq!(
        (info.format, info.refuted),
        (ObjectFormat::Strongroom, vec![Refuted::Size { stored, length }])
    );
    put(&world, &bucket, "data/y.csv", &token, &metadata).await;
    let info = look(&mut world, &bucket, "data/y.csv").await;
    assert_eq!(info.refuted, [Refuted::Name("data/x.csv".to_owned())]);
    world.stop().await;
}

#[tokio::test]
async fn the_pane_knows_a_token_as_verify_does_and_an_instruction_file_beside_a_body() {
    let mut world = World::new().await;
    let (bucket, _) = world.encrypted_object().await;
    let none = HashMap::new();
    let ahead = "gP//////////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (key, body, format) in [
        (
            "a",
            format!("\n \u{b}{}", "gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAA").into_bytes(),
            ObjectFormat::Fernet,
        ),
        ("b", ahead.as_bytes().to_vec(), ObjectFormat::Fernet),
        ("c", vec![0x8a, 0x00, 0xff], ObjectFormat::SseS3),
        ("d", vec![0x8a, 0x00, 0xff], ObjectFormat::S3EncryptionClient),
    ] {
        if format == ObjectFormat::S3EncryptionClient {
            put(
                &world,
                &bucket,
                &format!("{key}.instruction"),
                br#"{"x-amz-key-v2": "AAAA"}"#,
                &none,
            )
            .await;
        }
        put(&world, &bucket, key, &body, &none).await;
        assert_eq!(look(&mut world, &bucket, key).await.format, format, "{key}");
    }
    world.stop().await;
}
