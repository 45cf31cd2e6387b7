//! KMS: keys made and changed, aliases, policies, grants, messages and data keys.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{GrantListEntry, GrantOperation, KeyState};
use strongroom::domain::{GrantSpec, KeySpec, Message, Plaintext};

use super::*;

pub(super) const CHANGES: &[&str] = &[
    "CancelKeyDeletion",
    "CreateAlias",
    "CreateKey",
    "DeleteAlias",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "GetCallerIdentity",
    "GetKeyPolicy",
    "ListResourceTags",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
];
pub(super) const GRANTS: &[&str] = &[
    "AssumeRole",
    "CreateGrant",
    "Decrypt",
    "ListGrants",
    "ListKeys",
    "RetireGrant",
    "RevokeGrant",
];
pub(super) const DATA_KEYS: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GetObject",
    "PutObject",
    "ReEncrypt",
];

pub(super) const USER: &str = "arn:aws:iam::111122223333:user/strongroom";
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root", "Service": "sagemaker.amazonaws.com"}}]}"#;

impl Fake {
    /// A key of its own for this run.
    async fn key(&self) -> String {
        let made = self.world.kms.create_key().send().await.unwrap();
        made.key_metadata.unwrap().arn.unwrap()
    }

    async fn state(&self, key: &str) -> KeyState {
        let said = self.world.kms.describe_key().key_id(key).send().await.unwrap();
        said.key_metadata.unwrap().key_state.unwrap()
    }

    async fn rotates(&self, key: &str) -> bool {
        let said = self.world.kms.get_key_rotation_status().key_id(key).send().await;
        said.unwrap().key_rotation_enabled
    }

    /// Where an alias points to.
    async fn target(&self, alias: &str) -> Option<String> {
        let said = self.world.kms.describe_key().key_id(alias).send().await.ok()?;
        said.key_metadata?.arn
    }

    async fn policy(&self, key: &str) -> String {
        let said = self.world.kms.get_key_policy().key_id(key).policy_name("default");
        said.send().await.unwrap().policy.unwrap()
    }

    async fn tags(&self, key: &str) -> BTreeMap<String, String> {
        let said = self.world.kms.list_resource_tags().key_id(key).send().await.unwrap();
        let tags = said.tags().iter();
        tags.map(|tag| (tag.tag_key().to_owned(), tag.tag_value().to_owned()))
            .collect()
    }

    pub(super) async fn grants(&self, key: &str) -> Vec<GrantListEntry> {
        let said = self.world.kms.list_grants().key_id(key).send().await.unwrap();
        said.grants().to_vec()
    }

    pub(super) async fn granted(&self, key: &str, grantee: &str) -> String {
        let call = self.world.kms.create_grant().key_id(key).grantee_principal(grantee);
        let call = call.retiring_principal(USER).operations(GrantOperation::Decrypt);
        call.send().await.unwrap().grant_id.unwrap()
    }

    /// A role that trusts the account and SageMaker and may do nothing; its ARN.
    pub(super) async fn role(&self, name: &str) -> String {
        let iam = aws_sdk_iam::Client::new(&self.sdk);
        let made = iam.create_role().role_name(name).assume_role_policy_document(TRUST);
        made.send().await.unwrap().role.unwrap().arn
    }
}

async fn make(fake: &mut Fake) -> Came {
    let alias = fake.fresh("made");
    let spec = KeySpec {
        alias: alias.clone(),
        rotation: true,
        ..KeySpec::default()
    };
    let (_, cancel) = quiet();
    match actions::new_key(&fake.aws, &spec, &cancel).await {
        Ok(Outcome::KeyCreated { key_arn, .. }) => {
            let is_named = fake.target(&format!("alias/{alias}")).await.as_deref() == Some(&key_arn);
            let is_tagged = fake.tags(&key_arn).await.contains_key("strongroom:workflow");
            (Ok(()), is_named && is_tagged && fake.rotates(&key_arn).await)
        }
        Ok(other) => panic!("{other:?}"),
        Err(fault) => (Err(fault), false),
    }
}

async fn put_policy(fake: &mut Fake) -> Came {
    let key = fake.key().await;
    let before = fake.policy(&key).await;
    let id = fake.fresh("policy");
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Id": "{id}", "Statement": [{{"Effect": "Allow", "Action": "kms:*",
        "Principal": {{"AWS": "arn:aws:iam::111122223333:root"}}, "Resource": "*"}}]}}"#
    );
    let said = actions::put_key_policy(&fake.aws, &key, &policy, false).await;
    let is_put = fake.policy(&key).await.contains(&id);
    let is_kept = matches!(&said, Ok(Outcome::PolicyPut { previous, .. }) if *previous == before);
    (said.map(drop), is_put && is_kept)
}

async fn read_policy(fake: &mut Fake) -> Came {
    let said = actions::read_key_policy(&fake.aws, &fake.world.key).await;
    let there = fake.policy(&fake.world.key).await;
    let holds = matches!(&said, Ok(Outcome::PolicyRead { policy, .. }) if *policy == there);
    (said.map(drop), holds)
}

async fn draft_policy(fake: &mut Fake) -> Came {
    let said = actions::draft_key_policy(&fake.aws, &[], &[]).await;
    let holds = matches!(&said, Ok(Outcome::PolicyDrafted { policy }) if policy.contains(USER));
    (said.map(drop), holds)
}

async fn rename(fake: &mut Fake) -> Came {
    let (one, other) = (fake.key().await, fake.key().await);
    let alias = format!("alias/{}", fake.fresh("renamed"));
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        actions::add_alias(&fake.aws, &alias, &one).await?;
        *held &= fake.target(&alias).await.as_ref() == Some(&one);
        actions::move_alias(&fake.aws, &alias, &other).await?;
        *held &= fake.target(&alias).await.as_ref() == Some(&other);
        actions::delete_alias(&fake.aws, &alias).await?;
        *held &= fake.target(&alias).await.is_none();
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    // What was said before a failure counts too.
    (if held { said } else { Ok(()) }, held)
}

async fn retag(fake: &mut Fake) -> Came {
    let key = fake.key().await;
    let set = BTreeMap::from([("one".to_owned(), "1".to_owned()), ("two".to_owned(), String::new())]);
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        actions::tag_key(&fake.aws, &key, &set, &[]).await?;
        *held &= fake.tags(&key).await == set;
        actions::tag_key(&fake.aws, &key, &BTreeMap::new(), &["one".to_owned()]).await?;
        let there = fake.tags(&key).await;
        *held &= there.len() == 1;
        *held &= actions::key_tags(&fake.aws, &key).await? == there;
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    (if held { said } else { Ok(()) }, held)
}

async fn change(fake: &mut Fake) -> Came {
    let key = fake.key().await;
    let word = fake.fresh("described");
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        actions::set_rotation(&fake.aws, &key, true).await?;
        *held &= fake.rotates(&key).await;
        actions::set_rotation(&fake.aws, &key, false).await?;
        *held &= !fake.rotates(&key).await;
        actions::set_description(&fake.aws, &key, &word).await?;
        let said = fake.world.kms.describe_key().key_id(&key).send().await.unwrap();
        *held &= said.key_metadata.unwrap().description == Some(word.clone());
        actions::disable_key(&fake.aws, &key).await?;
        *held &= fake.state(&key).await == KeyState::Disabled;
        actions::enable_key(&fake.aws, &key).await?;
        *held &= fake.state(&key).await == KeyState::Enabled;
        actions::schedule_key_deletion(&fake.aws, &key, 7).await?;
        *held &= fake.state(&key).await == KeyState::PendingDeletion;
        actions::cancel_key_deletion(&fake.aws, &key).await?;
        *held &= fake.state(&key).await == KeyState::Disabled;
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    (if held { said } else { Ok(()) }, held)
}

async fn grant(fake: &mut Fake, role: &str) -> Came {
    let key = fake.key().await;
    let spec = GrantSpec::for_job(&key, role, "test");
    let said = actions::grant(&fake.aws, &spec).await;
    let there = fake.grants(&key).await;
    let holds = matches!(&said, Ok(Outcome::Granted { grant_id, .. }) if there.iter().any(|grant| grant.grant_id() == Some(grant_id)));
    (said.map(drop), holds)
}

async fn take_back(fake: &mut Fake, role: &str, retire: bool) -> Came {
    let key = fake.key().await;
    let grant = fake.granted(&key, role).await;
    let said = if retire {
        actions::retire_grant(&fake.aws, &key, &grant, role).await
    } else {
        actions::revoke_grant(&fake.aws, &key, &grant, role).await
    };
    (said.map(drop), fake.grants(&key).await.is_empty())
}

/// One key of the world has a grant; what is not listed is told.
async fn list_grants(fake: &mut Fake, role: &str) -> Came {
    let said = actions::grants_of(&fake.aws, &[], &ProgressSink::none()).await;
    let holds = match &said {
        Ok(Outcome::GrantsFound { grants, refused }) => {
            !refused.is_empty() || grants.iter().filter(|grant| grant.grantee == role).count() == 1
        }
        _ => false,
    };
    (said.map(drop), holds)
}

/// A grant that works is found to work, and one that does not is not.
async fn wait_for_grant(fake: &mut Fake, role: &str) -> Came {
    let key = fake.key().await;
    let grant = fake.granted(&key, role).await;
    let said = actions::await_grant(&fake.aws, &key, &grant, role, &ProgressSink::none()).await;
    (said.map(drop), true)
}

async fn message(fake: &mut Fake) -> Came {
    let context = BTreeMap::new();
    let text = Message::Text(Plaintext::new(zeroize::Zeroizing::new(b"a message".to_vec())));
    let kms = fake.world.kms.clone();
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        let said = actions::encrypt_message(&fake.aws, &fake.world.key, &text, &context, None).await?;
        let Outcome::MessageEncrypted { ciphertext, .. } = said else {
            panic!("{said:?}")
        };
        let bytes = aws_smithy_types::base64::decode(&ciphertext).unwrap();
        let back = kms.decrypt().ciphertext_blob(Blob::new(bytes)).send().await;
        *held &= back.is_ok_and(|back| back.plaintext.unwrap().as_ref() == b"a message");
        let ciphertext = Message::Text(Plaintext::new(zeroize::Zeroizing::new(ciphertext.into_bytes())));
        let said = actions::decrypt_message(&fake.aws, &ciphertext, None, &context, None).await?;
        let Outcome::MessageDecrypted {
            plaintext: Some(back), ..
        } = said
        else {
            panic!("{said:?}")
        };
        *held &= back.dangerously_show() == b"a message";
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    (if held { said } else { Ok(()) }, held)
}

/// Makes a data key, wraps it anew, and tries it.
async fn data_key(fake: &mut Fake, other: &str) -> Came {
    let context = BTreeMap::new();
    let at = [fake.fresh("data-key"), fake.fresh("data-key")].map(|key| format!("s3://{BUCKET}/{key}"));
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        actions::new_data_key(&fake.aws, &fake.world.key, &context, &at[0]).await?;
        *held &= fake.unwraps(&at[0], &fake.world.key).await;
        actions::re_encrypt_data_key(&fake.aws, &at[0], &context, other, &at[1]).await?;
        *held &= fake.unwraps(&at[1], other).await;
        let said = actions::open_data_key(&fake.aws, &at[1], &context, None).await?;
        *held &= matches!(said, Outcome::DataKeyOpened { mine, key_arn, .. } if mine.allowed && key_arn.as_deref() == Some(other));
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    (if held { said } else { Ok(()) }, held)
}

impl Fake {
    /// Whether C lies there and this key unwraps it to 32 bytes.
    async fn unwraps(&self, uri: &str, key: &str) -> bool {
        let name = uri.strip_prefix(&format!("s3://{BUCKET}/")).unwrap();
        let Ok(there) = self.world.s3.get_object().bucket(BUCKET).key(name).send().await else {
            return false;
        };
        let bytes = there.body.collect().await.unwrap().into_bytes();
        let call = self.world.kms.decrypt().key_id(key).ciphertext_blob(Blob::new(bytes));
        call.send()
            .await
            .is_ok_and(|back| back.plaintext.unwrap().as_ref().len() == 32)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_key_look_made_or_changed() {
    let mut fake = Fake::start().await;
    fake.drive("make a key", make).await;
    fake.drive("put a key policy", put_policy).await;
    fake.drive("read a key policy", read_policy).await;
    fake.drive("draft a key policy", draft_policy).await;
    fake.drive("name a key", rename).await;
    fake.drive("tag a key", retag).await;
    fake.drive("change a key", change).await;
    fake.assert_held(CHANGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_grant_look_made_or_taken_back() {
    let mut fake = Fake::start().await;
    let role = fake.role("trainer").await;
    fake.granted(&fake.world.key, &role).await;
    fake.drive("list grants", async |fake| list_grants(fake, &role).await)
        .await;
    fake.drive("grant", async |fake| grant(fake, &role).await).await;
    fake.drive("revoke", async |fake| take_back(fake, &role, false).await)
        .await;
    fake.drive("retire", async |fake| take_back(fake, &role, true).await)
        .await;
    fake.drive("wait for a grant", async |fake| wait_for_grant(fake, &role).await)
        .await;
    fake.assert_held(GRANTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_message_or_a_data_key_look_made() {
    let mut fake = Fake::start().await;
    let other = fake.key().await;
    fake.drive("encrypt a message", message).await;
    fake.drive("make a data key", async |fake| data_key(fake, &other).await)
        .await;
    fake.assert_held(DATA_KEYS);
}
