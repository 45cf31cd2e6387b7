//! Lines of Python that open an object as anybody can who may use its KMS key: boto3 and Fernet, without strongroom.

use std::fmt::Write as _;

use super::{Arn, ObjectFormat, ObjectInfo, ObjectUri, Session};

/// What opens the object of this place. None of what is no token and not open to its reader, and where nothing tells the data
/// key.
pub fn opening(session: &Session, uri: &ObjectUri, info: &ObjectInfo) -> Option<Vec<String>> {
    match info.format {
        ObjectFormat::Strongroom => token(session, uri, info),
        ObjectFormat::SseKms | ObjectFormat::SseS3 | ObjectFormat::Plain => Some(plain(session, uri)),
        ObjectFormat::Fernet
        | ObjectFormat::KeyObject
        | ObjectFormat::Archive
        | ObjectFormat::S3EncryptionClient
        | ObjectFormat::AwsEncryptionSdk => None,
    }
}

fn plain(session: &Session, uri: &ObjectUri) -> Vec<String> {
    vec![
        "import boto3".to_owned(),
        aws(session),
        format!("s3 = {}", client(session, "s3", None)),
        format!("data = {}[\"Body\"].read()", get(uri)),
    ]
}

fn token(session: &Session, uri: &ObjectUri, info: &ObjectInfo) -> Option<Vec<String>> {
    let arn = info.kms_key_arn.as_deref()?;
    let is_in_metadata = info.metadata.iter().any(|(name, _)| name == "strongroom-data-key");
    let data_key = if is_in_metadata {
        "base64.b64decode(found[\"Metadata\"][\"strongroom-data-key\"])".to_owned()
    } else {
        let at = ObjectUri::parse_object(info.data_key_uri.as_deref()?)?;
        format!("{}[\"Body\"].read()", get(&at))
    };
    let region = Arn::parse(arn)
        .map(|arn| arn.region)
        .filter(|region| session.region.as_deref() != Some(region));
    let pairs = info.context.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{}: {}", text(name), text(value)))
        .collect();
    let context = if pairs.is_empty() {
        String::new()
    } else {
        format!(", EncryptionContext={{{}}}", pairs.join(", "))
    };
    Some(vec![
        "import base64, boto3".to_owned(),
        "from cryptography.fernet import Fernet".to_owned(),
        aws(session),
        format!(
            "s3, kms = {}, {}",
            client(session, "s3", None),
            client(session, "kms", region)
        ),
        format!("found = {}", get(uri)),
        format!("data_key = {data_key}"),
        format!(
            "key = kms.decrypt(CiphertextBlob=data_key, KeyId={}{context})[\"Plaintext\"]",
            text(arn)
        ),
        // Fernet knows no names.
        "# Checks the token, not that it belongs to this name: strongroom verify does.".to_owned(),
        "data = Fernet(base64.urlsafe_b64encode(key)).decrypt(found[\"Body\"].read())".to_owned(),
    ])
}

fn aws(session: &Session) -> String {
    let named = |name: &str, value: Option<&String>| value.map(|value| format!("{name}={}", text(value)));
    let parts = [
        named("profile_name", session.profile.as_ref()),
        named("region_name", session.region.as_ref()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("aws = boto3.Session({})", parts.join(", "))
}

fn client(session: &Session, service: &str, region: Option<&str>) -> String {
    let endpoint = session.endpoint.as_ref().or_else(|| session.elsewhere.get(service));
    let region = region.map(|region| format!(", region_name={}", text(region)));
    let endpoint = endpoint.map(|url| format!(", endpoint_url={}", text(url)));
    let more: String = region.into_iter().chain(endpoint).collect();
    format!("aws.client({}{more})", text(service))
}

fn get(uri: &ObjectUri) -> String {
    format!("s3.get_object(Bucket={}, Key={})", text(&uri.bucket), text(&uri.key))
}

/// A string as Python reads it: ASCII alone, so that nothing in it acts on a terminal or ends its line.
fn text(text: &str) -> String {
    let mut written = String::from('"');
    for sign in text.chars() {
        let _ = match sign {
            '"' | '\\' => write!(written, "\\{sign}"),
            ' '..='~' => write!(written, "{sign}"),
            _ if u32::from(sign) > 0xffff => write!(written, "\\U{:08x}", u32::from(sign)),
            _ => write!(written, "\\u{:04x}", u32::from(sign)),
        };
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_string_of_python_whatever_is_in_it() {
        assert_eq!(
            text("a\"b\\\n\u{1b}é\u{1f600}"),
            r#""a\"b\\\u000a\u001b\u00e9\U0001f600""#
        );
    }

    #[test]
    fn a_token_is_opened_under_its_key_and_context_and_what_nothing_is_known_of_is_not() {
        let mut info = ObjectInfo {
            format: ObjectFormat::Strongroom,
            refuted: Vec::new(),
            kms_key_arn: Some("arn:aws:kms:eu-west-1:1:key/k".to_owned()),
            data_key_uri: Some("s3://b/.strongroom/data-keys/1".to_owned()),
            name: None,
            prefix: None,
            plaintext_bytes: None,
            context: vec![("team".to_owned(), "blue".to_owned())],
            metadata: Vec::new(),
            content_type: None,
        };
        let session = Session {
            region: Some("us-east-1".to_owned()),
            ..Session::default()
        };
        let uri = ObjectUri::new("b", "a.csv");
        let lines = opening(&session, &uri, &info).unwrap().join("\n");
        for part in [
            "aws = boto3.Session(region_name=\"us-east-1\")",
            "aws.client(\"kms\", region_name=\"eu-west-1\")",
            "data_key = s3.get_object(Bucket=\"b\", Key=\".strongroom/data-keys/1\")[\"Body\"].read()",
            "KeyId=\"arn:aws:kms:eu-west-1:1:key/k\", EncryptionContext={\"team\": \"blue\"}",
        ] {
            assert!(lines.contains(part), "no `{part}`: {lines}");
        }
        info.data_key_uri = None;
        assert_eq!(opening(&session, &uri, &info), None);
        info.format = ObjectFormat::Plain;
        assert!(
            opening(&session, &uri, &info)
                .unwrap()
                .join("")
                .contains("import boto3")
        );
    }
}
