//! Access proofs: what is said to be denied or allowed was said by KMS, and what was lent for a proof is taken back or told.

use aws_sdk_kms::types::GrantOperation;
use strongroom::domain::{Proof, ProofMethod, ProofStep};

use super::*;

pub(super) const DRIVEN: &[&str] = &[
    "AssumeRole",
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GetCallerIdentity",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetObject",
    "GetRole",
    "HeadObject",
    "ListAttachedRolePolicies",
    "ListGrants",
    "ListRolePolicies",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    "UpdateAssumeRolePolicy",
];

/// Every step is as it is in truth, or says what it could not read.
fn is_true(said: &Proof, whole: &Proof) -> bool {
    let is_true = |step: &ProofStep| {
        let truth = whole.operations.iter().find(|other| other.operation == step.operation);
        let is_told = step
            .reason
            .as_ref()
            .is_some_and(|reason| reason.contains("could not be read"));
        is_told || truth.is_some_and(|truth| truth.allowed == step.allowed)
    };
    said.method == whole.method && !said.operations.is_empty() && said.operations.iter().all(is_true)
}

/// Denied, but for one grant.
async fn prove(fake: &mut Fake, role: &str, whole: &Proof) -> Came {
    let said = actions::prove(&fake.aws, &fake.world.key, role, &BTreeMap::new()).await;
    let holds = said.as_ref().is_ok_and(|said| is_true(said, whole));
    (said.map(drop), holds)
}

/// Trust that was lent is taken back, or it is told that it was not.
async fn prove_trusted(fake: &mut Fake, role: &str, whole: &Proof) -> Came {
    let (progress, cancel) = quiet();
    let key = fake.world.key.clone();
    let said = actions::prove_trusted(&fake.aws, &key, role, &BTreeMap::new(), &progress, &cancel).await;
    let holds = said.as_ref().is_ok_and(|said| is_true(said, whole));
    let is_left = fake.trust(role).await.contains(keys::USER);
    let is_told = said
        .as_ref()
        .is_err_and(|fault| fault.remedy.contains("take that back"));
    if is_left {
        let back = actions::connect(&fake.direct()).await.unwrap();
        actions::trust_caller(&back, role, false).await.unwrap();
    }
    if is_left && !is_told {
        println!("left: {said:?}");
        return (Ok(()), false);
    }
    (said.map(drop), holds)
}

/// A grant that was made for the proof is revoked, or it is told which is left.
async fn prove_grant_cycle(fake: &mut Fake, role: &str, object: bool) -> Came {
    let (progress, cancel) = quiet();
    let key = fake.world.key.clone();
    let said = if object {
        let proved = actions::prove_object(&fake.aws, BUCKET, "data/x.csv", role, true, &progress, &cancel).await;
        proved.map(|proof| proof.holds)
    } else {
        let none = BTreeMap::new();
        let story = actions::prove_grant_cycle(&fake.aws, &key, role, &none, &[], &progress, &cancel).await;
        story.map(|story| story.holds)
    };
    let left = fake.grants(&key).await;
    for grant in &left {
        let revoke = fake.world.kms.revoke_grant().key_id(&key);
        revoke.grant_id(grant.grant_id().unwrap()).send().await.unwrap();
    }
    let is_told = said.as_ref().is_err_and(|fault| fault.remedy.contains("revoke"));
    if !left.is_empty() && !is_told {
        println!("left: {said:?}");
        return (Ok(()), false);
    }
    let holds = said.as_ref().is_ok_and(|holds| *holds);
    // A story that does not hold is told as one.
    (said.map(drop), holds || left.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_is_a_proof_or_leaves_what_was_lent_for_one() {
    let mut fake = Fake::start().await;
    let source = fake.world.write("x.csv", b"x,y\n1,2\n");
    good(&fake.world.encrypt(&source, "s3://training-bucket/data/").await);
    let role = fake.role("trainer").await;
    fake.drive("prove an object", async |fake| {
        prove_grant_cycle(fake, &role, true).await
    })
    .await;
    fake.drive("prove a story", async |fake| {
        prove_grant_cycle(fake, &role, false).await
    })
    .await;

    let grant = fake
        .world
        .kms
        .create_grant()
        .key_id(&fake.world.key)
        .grantee_principal(&role);
    grant.operations(GrantOperation::Decrypt).send().await.unwrap();
    let proof = actions::prove(&fake.aws, &fake.world.key, &role, &BTreeMap::new()).await;
    let proof = proof.unwrap();
    assert_eq!(proof.method, ProofMethod::Assumed);
    fake.drive("prove as the role", async |fake| prove(fake, &role, &proof).await)
        .await;

    let strange = fake.strange_role("stranger").await;
    let grant = fake
        .world
        .kms
        .create_grant()
        .key_id(&fake.world.key)
        .grantee_principal(&strange);
    grant.operations(GrantOperation::Decrypt).send().await.unwrap();
    let trusted = Proof {
        role_arn: strange.clone(),
        ..proof
    };
    let reasoned = actions::prove(&fake.aws, &fake.world.key, &strange, &BTreeMap::new()).await;
    let reasoned = reasoned.unwrap();
    assert_eq!(reasoned.method, ProofMethod::Reasoned);
    fake.drive("reason about a role", async |fake| {
        prove(fake, &strange, &reasoned).await
    })
    .await;
    fake.drive("prove as a role that is made to trust", async |fake| {
        prove_trusted(fake, "stranger", &trusted).await
    })
    .await;
    fake.assert_held(DRIVEN);
}

impl Fake {
    /// A role that trusts SageMaker only; its ARN.
    async fn strange_role(&self, name: &str) -> String {
        let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "sagemaker.amazonaws.com"}}]}"#;
        let made = self
            .iam()
            .create_role()
            .role_name(name)
            .assume_role_policy_document(trust);
        made.send().await.unwrap().role.unwrap().arn
    }
}
