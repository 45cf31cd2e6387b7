//! Execution roles: made for one training, looked at, trusted, taken down.

use tokio_util::sync::CancellationToken;

use super::principals::lasting;
use super::walk_tag;
use crate::aws::{Aws, iam, sts};
use crate::domain::policy::{self, execution_policy, partition, service_trust};
use crate::domain::{Arn, Fault, Outcome, RoleChange, RolePolicies, RoleSettings, RoleSpec, bucket};

const POLICY: &str = "strongroom-training";
const FULL_ACCESS: &str = "iam::aws:policy/AmazonSageMakerFullAccess";

/// Creates a role that SageMaker may assume for this account, with the least policy or, as in the boto3 way, full access.
/// If its policy cannot be written, or is not wanted any more, the role goes again.
pub async fn new_role(aws: &Aws, spec: &RoleSpec, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    bucket::check("create a role for", &spec.bucket)?;
    let identity = sts::caller_identity(aws).await?;
    if cancel.is_cancelled() {
        return Err(stopped("create role", &spec.name, "nothing was made"));
    }
    let trust = service_trust(&identity.account).to_string();
    let settings = RoleSettings {
        tags: walk_tag::tagged(&spec.settings.tags),
        ..spec.settings.clone()
    };
    let role_arn = iam::create_role(aws, &spec.name, &trust, &settings).await?;
    if cancel.is_cancelled() {
        return Err(match iam::delete_role(aws, &spec.name).await {
            Ok(()) => stopped("create role", &spec.name, "it was made, and deleted again"),
            Err(fault) => left_over(&spec.name, fault),
        });
    }
    let partition = partition(&role_arn);
    let allowed = if spec.full_access {
        iam::attach_role_policy(aws, &spec.name, &format!("arn:{partition}:{FULL_ACCESS}")).await
    } else {
        let document = execution_policy(spec, partition).to_string();
        iam::put_role_policy(aws, &spec.name, POLICY, &document).await
    };
    if let Err(fault) = allowed {
        return Err(match iam::delete_role(aws, &spec.name).await {
            Ok(()) => fault,
            Err(_) => left_over(&spec.name, fault),
        });
    }
    let change = RoleChange::Created;
    Ok(Outcome::RoleChanged { role_arn, change })
}

/// Who may assume a role, and what it may do.
pub async fn role_policies(aws: &Aws, role: &str) -> Result<Outcome, Fault> {
    Ok(Outcome::RolePolicies(Box::new(policies(aws, role).await?)))
}

pub(super) async fn policies(aws: &Aws, role: &str) -> Result<RolePolicies, Fault> {
    let detail = iam::role_detail(aws, role).await?;
    let (attached, inline) = futures::join!(iam::attached_policies(aws, role), iam::inline_policies(aws, role));
    let mut found = RolePolicies {
        role_arn: detail.arn,
        trust: detail.trust,
        attached: Vec::new(),
        inline: inline?,
    };
    for arn in attached? {
        let document = iam::managed_policy(aws, &arn).await.ok();
        found.attached.push((arn, document));
    }
    Ok(found)
}

/// Takes one policy off a role.
pub async fn detach_role_policy(aws: &Aws, role: &str, policy: &str) -> Result<Outcome, Fault> {
    if policy.starts_with("arn:") {
        iam::detach_role_policy(aws, role, policy).await?;
    } else {
        iam::delete_role_policy(aws, role, policy).await?;
    }
    changed(aws, role, RoleChange::PolicyDetached(policy.to_owned())).await
}

/// Takes every policy off a role, then deletes it. However it ends early, the fault says what is off already.
pub async fn delete_role(aws: &Aws, role: &str, cancel: &CancellationToken) -> Result<Outcome, Fault> {
    let mut off: Vec<String> = Vec::new();
    let done = take_down(aws, role, &mut off, cancel).await;
    match (done, off.as_slice()) {
        (Ok(()), _) => Ok(Outcome::RoleDeleted { role: role.to_owned() }),
        (Err(fault), []) => Err(fault),
        (Err(fault), off) => {
            let cause = format!("{}; taken off it were {}", fault.cause, off.join(", "));
            Err(Fault { cause, ..fault })
        }
    }
}

async fn take_down(aws: &Aws, role: &str, off: &mut Vec<String>, cancel: &CancellationToken) -> Result<(), Fault> {
    let go_on = || {
        if cancel.is_cancelled() {
            Err(stopped("delete role", role, "the role is there"))
        } else {
            Ok(())
        }
    };
    for arn in iam::attached_policies(aws, role).await? {
        go_on()?;
        iam::detach_role_policy(aws, role, &arn).await?;
        off.push(arn);
    }
    for (name, _) in iam::inline_policies(aws, role).await? {
        go_on()?;
        iam::delete_role_policy(aws, role, &name).await?;
        off.push(name);
    }
    go_on()?;
    iam::delete_role(aws, role).await
}

fn stopped(act: &str, role: &str, what: &str) -> Fault {
    Fault::cancelled(act, role, format!("cancelled: {what}"), "")
}

/// The role was made, is of no use, and could not be deleted again.
fn left_over(role: &str, fault: Fault) -> Fault {
    Fault {
        cause: format!("{}; the role {role} was made and is still there", fault.cause),
        remedy: format!("delete the role {role}"),
        ..fault
    }
}

/// Lets the caller assume a role, or no longer; what others put into the trust policy stays.
pub async fn trust_caller(aws: &Aws, role: &str, on: bool) -> Result<Outcome, Fault> {
    let trust = iam::role_detail(aws, role).await?.trust;
    let trust = if on {
        let identity = sts::caller_identity(aws).await?;
        let principal = lasting(aws, &identity.arn).await?.ok_or_else(|| {
            let cause = format!("{} is no lasting principal that a policy could name", identity.arn);
            let remedy = "log in as a user or a role that IAM can look up";
            Fault::invalid("let the caller assume role", role, cause, remedy)
        })?;
        policy::trusting_caller(&trust, &principal)?
    } else {
        policy::without_caller(&trust)?
    };
    iam::put_trust(aws, role, &trust).await?;
    let change = if on {
        RoleChange::TrustsCaller
    } else {
        RoleChange::DistrustsCaller
    };
    changed(aws, role, change).await
}

/// Lets SageMaker assume a role for jobs of this account.
pub async fn trust_service(aws: &Aws, role: &str) -> Result<Outcome, Fault> {
    let detail = iam::role_detail(aws, role).await?;
    let account = Arn::account_of(&detail.arn);
    if let Some(trust) = policy::trusting_service(&detail.trust, account)? {
        iam::put_trust(aws, role, &trust).await?;
    }
    Ok(Outcome::RoleChanged {
        role_arn: detail.arn,
        change: RoleChange::TrustsService,
    })
}

async fn changed(aws: &Aws, role: &str, change: RoleChange) -> Result<Outcome, Fault> {
    let role_arn = iam::get_role(aws, role).await?.arn;
    Ok(Outcome::RoleChanged { role_arn, change })
}
