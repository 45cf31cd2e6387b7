//! What clients are built from, looked at before they are: the SDK panics on a region or an endpoint that cannot stand
//! in a request.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::domain::{Fault, FaultKind};

/// The services we ask, as their endpoints are named in variables and profiles.
const SERVICES: [&str; 10] = [
    "S3",
    "KMS",
    "SageMaker",
    "IAM",
    "STS",
    "CloudWatch Logs",
    "ECR",
    "SSO",
    "SSO OIDC",
    "signin",
];

/// Refuses what no request can be made with.
pub(super) fn check(config: &SdkConfig) -> Result<(), Fault> {
    if let Some(region) = config.region() {
        is_region(region.as_ref())?;
    }
    if let Some(url) = config.endpoint_url() {
        is_endpoint(url, "--endpoint-url, AWS_ENDPOINT_URL and the profile")?;
    }
    if config.get_origin("endpoint_url").is_client_config() {
        return Ok(());
    }
    for service in SERVICES {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let url = key.ok().and_then(|key| config.service_config()?.load_config(key));
        if let Some(url) = url {
            let variable = service.to_uppercase().replace(' ', "_");
            is_endpoint(
                &url,
                &format!("AWS_ENDPOINT_URL_{variable}, AWS_ENDPOINT_URL and the profile"),
            )?;
        }
    }
    Ok(())
}

fn is_region(region: &str) -> Result<(), Fault> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=63).contains(&region.len()) && region.chars().all(is_part) {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::Invalid,
        "use region",
        format!("`{region}`"),
        "it is no name of a region",
        "check --region, AWS_REGION, AWS_DEFAULT_REGION and the profile; a region is such as us-east-1",
    ))
}

fn is_endpoint(url: &str, where_from: &str) -> Result<(), Fault> {
    wrong_with(url).map_or(Ok(()), |wrong| {
        Err(Fault::new(
            FaultKind::Invalid,
            "use endpoint",
            format!("`{url}`"),
            wrong,
            format!("check {where_from}; an endpoint is such as https://kms.us-east-1.amazonaws.com"),
        ))
    })
}

fn wrong_with(url: &str) -> Option<&'static str> {
    if !url.chars().all(|c| c.is_ascii_graphic()) {
        return Some("it holds characters that no URL has");
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some("it begins with neither http:// nor https://");
    };
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Some("it begins with neither http:// nor https://");
    }
    if rest.contains(['?', '#']) {
        return Some("an endpoint has no query and no fragment");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some("an endpoint has no user and no password");
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => match bracketed.split_once(']') {
            Some((host, "")) if host.parse::<std::net::Ipv6Addr>().is_ok() => (host, None),
            Some((host, port)) if host.parse::<std::net::Ipv6Addr>().is_ok() && port.starts_with(':') => {
                (host, Some(&port[1..]))
            }
            _ => return Some("its host is no IPv6 address"),
        },
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if host.is_empty() || !host.chars().all(is_part) {
        return Some("it has no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("its port is no number from 0 to 65535");
    }
    let is_path = |c: char| c.is_ascii_alphanumeric() || "-_.~/%!$&'()*+,;=:@".contains(c);
    if !rest[authority.len()..].chars().all(is_path) {
        return Some("its path holds characters that no URL has");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_of_hosts() {
        for url in [
            "http://127.0.0.1:4566",
            "https://kms.us-east-1.amazonaws.com",
            "HTTPS://localhost/",
            "http://[::1]:9000/path",
            "http://my_host:80/a/b%20c",
        ] {
            assert_eq!(wrong_with(url), None, "{url}");
        }
        for url in [
            "",
            " ",
            "localhost",
            "http://",
            "http:///x",
            "ftp://x",
            "http://x y",
            "http://x\n",
            "http://x:port",
            "http://x:99999",
            "http://a@b",
            "http://[::1",
            "http://[x]",
            "http://ü",
            "http://x/?a",
            "http://x/#",
            "http://x/\"",
            "http://x:1:2",
            "http://[::1]9",
            "://",
        ] {
            assert!(wrong_with(url).is_some(), "{url}");
        }
    }

    #[test]
    fn regions_are_names() {
        for region in ["us-east-1", "auto", "my_region.local"] {
            assert!(is_region(region).is_ok(), "{region}");
        }
        for region in ["", "us\neast", "us east", "ü", &"x".repeat(64)] {
            assert!(is_region(region).is_err(), "{region}");
        }
    }
}
