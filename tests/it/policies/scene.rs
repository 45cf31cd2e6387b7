//! What a scene of the table needs: the caller with its policies, a key, a bucket and a role to assume.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use aws_sdk_kms::primitives::Blob;
use serde_json::{Value, json};
use strongroom_sandbox::Sandbox;

use super::{Clients, Lines, OWNER, document, pairs};

pub(super) struct Scene {
    pub(super) clients: Clients,
    /// What stands for names and ARNs in the table.
    words: BTreeMap<&'static str, String>,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) blob: Option<Blob>,
}

impl Scene {
    pub(super) async fn new(sandbox: &Sandbox, owner: &Clients, number: usize, lines: &Lines) -> Self {
        let name = format!("policies-{number}");
        let kind = if lines.caller == "user" { "user" } else { "role" };
        let words = BTreeMap::from([
            ("SESSION", format!("arn:aws:sts::111122223333:assumed-role/{name}/test")),
            ("CALLER", format!("arn:aws:iam::111122223333:{kind}/{name}")),
            ("TARGET", format!("arn:aws:iam::111122223333:role/{name}-target")),
            ("BUCKET", format!("{name}-bucket")),
            ("NAME", name.clone()),
        ]);
        let mut scene = Self {
            // Its own once it has credentials.
            clients: Clients::new(sandbox, &Credentials::new("none", "none", None, None, "test")),
            words,
            name,
            key: String::new(),
            blob: None,
        };
        scene.make_caller(&owner.iam, lines).await;
        let mentions = |service: &str| format!("{lines:?}").contains(service);
        if mentions("kms:") {
            scene.make_key(&owner.kms, lines).await;
        }
        if lines.statements.contains_key("trust") {
            let made = owner.iam.create_role().role_name(format!("{}-target", scene.name));
            let trust = scene.document("trust", lines, None);
            made.assume_role_policy_document(trust).send().await.unwrap();
        }
        let credentials = scene.credentials(owner, lines).await;
        scene.clients = Clients::new(sandbox, &credentials);
        if mentions("s3:") {
            scene.make_bucket(&owner.s3, lines).await;
        }
        scene
    }

    /// The text with names and ARNs in the place of the table's words.
    pub(super) fn said(&self, text: &str) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut said = String::new();
        for piece in text.split_inclusive(|c| !is_word(c)) {
            let word = piece.trim_end_matches(|c| !is_word(c));
            said.push_str(self.words.get(word).map_or(word, String::as_str));
            said.push_str(&piece[word.len()..]);
        }
        said
    }

    fn document(&self, kind: &str, lines: &Lines, first: Option<Value>) -> String {
        let mut is_old = false;
        let mut statements: Vec<Value> = first.into_iter().collect();
        for text in lines.statements.get(kind).into_iter().flatten() {
            is_old |= text.starts_with("old ");
            let text = self.said(text.trim_start_matches("old "));
            let mut statement: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let members = statement.as_object_mut().unwrap();
            members.entry("Effect").or_insert(json!("Allow"));
            if kind != "trust" && !members.contains_key("NotResource") {
                members.entry("Resource").or_insert(json!("*"));
            }
            statements.push(statement);
        }
        document(&statements, is_old)
    }

    async fn make_caller(&self, iam: &aws_sdk_iam::Client, lines: &Lines) {
        let tag = |(key, value): &(String, String)| {
            aws_sdk_iam::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
                .unwrap()
        };
        let tags = Some(lines.tags.iter().map(tag).collect::<Vec<_>>()).filter(|tags| !tags.is_empty());
        let mut boundary = None;
        if lines.statements.contains_key("boundary") {
            let made = iam.create_policy().policy_name(format!("{}-boundary", self.name));
            let made = made.policy_document(self.document("boundary", lines, None));
            boundary = made.send().await.unwrap().policy.unwrap().arn;
        }
        let is_user = lines.caller == "user";
        if is_user {
            let made = iam.create_user().user_name(&self.name).set_tags(tags);
            made.set_permissions_boundary(boundary).send().await.unwrap();
        } else {
            let trust = json!({ "Effect": "Allow", "Principal": { "AWS": OWNER },
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] });
            let made = iam.create_role().role_name(&self.name).set_tags(tags);
            let made = made.assume_role_policy_document(document(&[trust], false));
            made.set_permissions_boundary(boundary).send().await.unwrap();
        }
        for policy in &lines.managed {
            let arn = format!("arn:aws:iam::aws:policy/{policy}");
            if is_user {
                let attach = iam.attach_user_policy().user_name(&self.name).policy_arn(arn);
                attach.send().await.unwrap();
            } else {
                let attach = iam.attach_role_policy().role_name(&self.name).policy_arn(arn);
                attach.send().await.unwrap();
            }
        }
    }

    async fn make_key(&mut self, kms: &aws_sdk_kms::Client, lines: &Lines) {
        let owner = if lines.statements.contains_key("key") {
            OWNER
        } else {
            "arn:aws:iam::111122223333:root"
        };
        let first = json!({ "Effect": "Allow", "Principal": { "AWS": owner }, "Action": "kms:*", "Resource": "*" });
        let tag = |(key, value): (String, String)| {
            let tag = aws_sdk_kms::types::Tag::builder().tag_key(key).tag_value(value);
            tag.build().unwrap()
        };
        let tags: Vec<_> = pairs(&lines.key_tags, '=').into_iter().map(tag).collect();
        let made = kms.create_key().policy(self.document("key", lines, Some(first)));
        let made = made.set_tags(Some(tags)).send().await.unwrap().key_metadata.unwrap();
        self.words.insert("KEY", made.arn.unwrap());
        self.key = made.key_id;
        let alias = kms.create_alias().alias_name(format!("alias/{}", self.name));
        alias.target_key_id(&self.key).send().await.unwrap();
        if lines.rows.iter().any(|row| row.operation == "kms:ReEncrypt") {
            let sealed = kms.encrypt().key_id(&self.key).plaintext(Blob::new("hello"));
            self.blob = sealed.send().await.unwrap().ciphertext_blob;
        }
    }

    /// Puts the caller's inline policy, which may name the key, and gives it credentials.
    async fn credentials(&self, owner: &Clients, lines: &Lines) -> Credentials {
        let is_user = lines.caller == "user";
        if lines.statements.contains_key("identity") {
            let policy = self.document("identity", lines, None);
            if is_user {
                let put = owner.iam.put_user_policy().user_name(&self.name).policy_name("own");
                put.policy_document(policy).send().await.unwrap();
            } else {
                let put = owner.iam.put_role_policy().role_name(&self.name).policy_name("own");
                put.policy_document(policy).send().await.unwrap();
            }
        }
        if is_user {
            let made = owner
                .iam
                .create_access_key()
                .user_name(&self.name)
                .send()
                .await
                .unwrap();
            let key = made.access_key.unwrap();
            return Credentials::new(key.access_key_id, key.secret_access_key, None, None, "test");
        }
        let mut assume = owner
            .sts
            .assume_role()
            .role_arn(&self.words["CALLER"])
            .role_session_name("test");
        for part in lines.opened.split_whitespace() {
            match part.split_once('=').unwrap() {
                ("source", source) => assume = assume.source_identity(source),
                (_, tags) => {
                    for (key, value) in pairs(tags, ':') {
                        let tag = aws_sdk_sts::types::Tag::builder().key(key).value(value);
                        assume = assume.tags(tag.build().unwrap());
                    }
                }
            }
        }
        if lines.statements.contains_key("limit") {
            assume = assume.policy(self.document("limit", lines, None));
        }
        let opened = assume.send().await.unwrap().credentials.unwrap();
        let token = Some(opened.session_token);
        Credentials::new(opened.access_key_id, opened.secret_access_key, token, None, "test")
    }

    async fn make_bucket(&self, s3: &aws_sdk_s3::Client, lines: &Lines) {
        let bucket = &self.words["BUCKET"];
        s3.create_bucket().bucket(bucket).send().await.unwrap();
        let keys = lines.rows.iter().filter(|row| row.operation.starts_with("s3:"));
        for key in keys
            .filter_map(|row| row.arguments.first())
            .filter(|key| !key.contains('='))
        {
            let put = s3.put_object().bucket(bucket).key(self.said(key));
            put.send().await.unwrap();
        }
        if lines.statements.contains_key("bucket") {
            let put = s3.put_bucket_policy().bucket(bucket);
            put.policy(self.document("bucket", lines, None)).send().await.unwrap();
        }
    }
}
