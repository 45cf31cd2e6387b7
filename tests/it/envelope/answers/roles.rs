//! IAM and ECR: roles made, looked at, trusted and deleted; repositories.

use strongroom::domain::RoleSpec;

use super::*;

pub(super) const DRIVEN: &[&str] = &[
    "AttachRolePolicy",
    "CreateRepository",
    "CreateRole",
    "DeleteRepository",
    "DeleteRole",
    "DeleteRolePolicy",
    "DescribeRepositories",
    "DetachRolePolicy",
    "GetCallerIdentity",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListRolePolicies",
    "PutRolePolicy",
    "UpdateAssumeRolePolicy",
];

const MANAGED: &str = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";

const READING: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}"#;

impl Fake {
    pub(super) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.sdk)
    }

    /// A role with an inline and an attached policy; its name.
    async fn role_with_policies(&mut self) -> String {
        let role = self.fresh("role");
        self.role(&role).await;
        let iam = self.iam();
        let put = iam.put_role_policy().role_name(&role).policy_name("inline");
        put.policy_document(READING).send().await.unwrap();
        let attach = iam.attach_role_policy().role_name(&role).policy_arn(MANAGED);
        attach.send().await.unwrap();
        role
    }

    /// The names of the inline policies and the ARNs of the attached ones; nothing where there is no role.
    async fn policies_of(&self, role: &str) -> Option<Vec<String>> {
        let inline = self.iam().list_role_policies().role_name(role).send().await.ok()?;
        let attached = self
            .iam()
            .list_attached_role_policies()
            .role_name(role)
            .send()
            .await
            .ok()?;
        let arns = attached
            .attached_policies()
            .iter()
            .filter_map(|policy| policy.policy_arn());
        Some(inline.policy_names.into_iter().chain(arns.map(str::to_owned)).collect())
    }

    pub(super) async fn trust(&self, role: &str) -> String {
        let said = self.iam().get_role().role_name(role).send().await.unwrap();
        let trust = said.role.unwrap().assume_role_policy_document.unwrap();
        percent_encoding::percent_decode_str(&trust)
            .decode_utf8()
            .unwrap()
            .into_owned()
    }

    async fn repository(&self, name: &str) -> bool {
        let ecr = aws_sdk_ecr::Client::new(&self.sdk);
        ecr.describe_repositories().repository_names(name).send().await.is_ok()
    }
}

async fn make(fake: &mut Fake, full_access: bool) -> Came {
    let role = fake.fresh("role");
    let spec = RoleSpec {
        name: role.clone(),
        bucket: BUCKET.to_owned(),
        output: "output/".to_owned(),
        full_access,
        ..RoleSpec::default()
    };
    let (_, cancel) = quiet();
    let said = actions::new_role(&fake.aws, &spec, &cancel).await;
    let there = fake.policies_of(&role).await;
    (said.map(drop), there.is_some_and(|policies| policies.len() == 1))
}

/// What is read of a role is all there is; an attached policy may be told as one that could not be read.
async fn look(fake: &mut Fake, role: &str, whole: &Outcome) -> Came {
    let said = actions::role_policies(&fake.aws, role).await;
    let holds = match (&said, whole) {
        (Ok(Outcome::RolePolicies(said)), Outcome::RolePolicies(whole)) => {
            let mut readable = whole.clone();
            for (policy, said) in readable.attached.iter_mut().zip(&said.attached) {
                policy.1 = policy.1.take().filter(|_| said.1.is_some());
            }
            *said == readable
        }
        _ => false,
    };
    (said.map(drop), holds)
}

async fn take_off(fake: &mut Fake, policy: &str) -> Came {
    let role = fake.role_with_policies().await;
    let said = actions::detach_role_policy(&fake.aws, &role, policy).await;
    let there = fake.policies_of(&role).await.unwrap();
    (said.map(drop), !there.iter().any(|other| other == policy))
}

async fn delete(fake: &mut Fake) -> Came {
    let role = fake.role_with_policies().await;
    let (_, cancel) = quiet();
    let said = actions::delete_role(&fake.aws, &role, &cancel).await;
    (said.map(drop), fake.policies_of(&role).await.is_none())
}

async fn trust_us(fake: &mut Fake) -> Came {
    let role = fake.fresh("role");
    fake.role(&role).await;
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        actions::trust_caller(&fake.aws, &role, true).await?;
        *held &= fake.trust(&role).await.contains(keys::USER);
        actions::trust_caller(&fake.aws, &role, false).await?;
        *held &= !fake.trust(&role).await.contains(keys::USER);
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    (if held { said } else { Ok(()) }, held)
}

async fn trust_sagemaker(fake: &mut Fake) -> Came {
    let role = fake.fresh("role");
    let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com"}}]}"#;
    let made = fake
        .iam()
        .create_role()
        .role_name(&role)
        .assume_role_policy_document(trust);
    made.send().await.unwrap();
    let said = actions::trust_service(&fake.aws, &role).await;
    (
        said.map(drop),
        fake.trust(&role).await.contains("sagemaker.amazonaws.com"),
    )
}

async fn repository(fake: &mut Fake) -> Came {
    let name = fake.fresh("images");
    let mut held = true;
    let steps = async |fake: &mut Fake, held: &mut bool| {
        let said = actions::new_repository(&fake.aws, &name).await?;
        *held &=
            fake.repository(&name).await && matches!(said, Outcome::RepositoryReady { uri } if uri.ends_with(&name));
        // It is found where it was made already.
        let again = actions::new_repository(&fake.aws, &name).await?;
        *held &= matches!(again, Outcome::RepositoryReady { uri } if uri.ends_with(&name));
        actions::delete_repository(&fake.aws, &name).await?;
        *held &= !fake.repository(&name).await;
        Ok(())
    };
    let said = steps(fake, &mut held).await;
    (if held { said } else { Ok(()) }, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_a_role_or_a_repository_look_made_changed_or_deleted() {
    let mut fake = Fake::start().await;
    fake.drive("make a role", async |fake| make(fake, false).await).await;
    fake.drive("make a role with full access", async |fake| make(fake, true).await)
        .await;
    let role = fake.role_with_policies().await;
    let whole = actions::role_policies(&fake.aws, &role).await.unwrap();
    fake.drive("look at a role", async |fake| look(fake, &role, &whole).await)
        .await;
    for policy in ["inline", MANAGED] {
        fake.drive("take a policy off", async |fake| take_off(fake, policy).await)
            .await;
    }
    fake.drive("delete a role", delete).await;
    fake.drive("trust the caller", trust_us).await;
    fake.drive("trust SageMaker", trust_sagemaker).await;
    fake.drive("make a repository", repository).await;
    fake.assert_held(DRIVEN);
}
