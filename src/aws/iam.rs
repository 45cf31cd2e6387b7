//! IAM: the roles that a training job might run as.

use aws_sdk_iam::types::Role;
use percent_encoding::percent_decode_str;

use super::{Aws, Paged, fault};
use crate::domain::{Fault, RoleSummary};

pub(crate) async fn list_roles(aws: &Aws, marker: Option<String>) -> Result<Paged<RoleSummary>, Fault> {
    let call = aws.iam().list_roles().max_items(1000).set_marker(marker);
    let answer = call.send().await.map_err(|error| fault::of("list", "roles", &error))?;
    Ok(Paged {
        rows: answer.roles().iter().map(summary).collect(),
        next: answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned),
    })
}

/// One role by its name, without path.
pub(crate) async fn get_role(aws: &Aws, name: &str) -> Result<RoleSummary, Fault> {
    let act = "look up role";
    let call = aws.iam().get_role().role_name(name);
    let answer = call.send().await.map_err(|error| fault::of(act, name, &error))?;
    answer
        .role()
        .map(summary)
        .ok_or_else(|| fault::incomplete(act, name, "role"))
}

fn summary(role: &Role) -> RoleSummary {
    RoleSummary {
        name: role.role_name().to_owned(),
        arn: role.arn().to_owned(),
        trusts_sagemaker: role.assume_role_policy_document().is_some_and(trusts_sagemaker),
    }
}

/// The document arrives percent-encoded.
fn trusts_sagemaker(document: &str) -> bool {
    percent_decode_str(document)
        .decode_utf8_lossy()
        .contains("\"sagemaker.amazonaws.com\"")
}

#[cfg(test)]
mod tests {
    use super::trusts_sagemaker;

    #[test]
    fn trust_is_read_from_encoded_and_plain_documents() {
        assert!(trusts_sagemaker("%7B%22Service%22%3A%22sagemaker.amazonaws.com%22%7D"));
        assert!(trusts_sagemaker(r#"{"Service":["sagemaker.amazonaws.com"]}"#));
        assert!(!trusts_sagemaker(r#"{"Service":"ec2.amazonaws.com"}"#));
    }
}
