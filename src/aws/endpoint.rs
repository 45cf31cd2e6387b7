//! What clients are built from, looked at before they are: the SDK panics on a region or an endpoint that cannot stand
//! in a request.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::domain::Fault;

/// The variable for every service; with the service's name behind it, for one.
const GENERAL: &str = "AWS_ENDPOINT_URL";

/// The services we ask: as their endpoints are named in variables and profiles, and as the AWS CLI calls those that our
/// command lines name.
const SERVICES: [(&str, Option<&str>); 11] = [
    ("S3", Some("s3")),
    ("KMS", Some("kms")),
    ("SageMaker", Some("sagemaker")),
    ("IAM", Some("iam")),
    ("STS", Some("sts")),
    ("CloudWatch Logs", Some("logs")),
    ("CloudTrail", Some("cloudtrail")),
    ("ECR", Some("ecr")),
    ("SSO", None),
    ("SSO OIDC", None),
    ("signin", None),
];

/// Where the services are that are not where AWS has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Endpoints(Vec<Elsewhere>);

/// One service at an endpoint of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Elsewhere {
    service: &'static str,
    word: Option<&'static str>,
    url: String,
    /// What said so: an option, a variable or the profile.
    source: String,
}

impl Endpoints {
    /// What the SDK makes of options, environment and profile, in AWS's order of precedence. `by_hand` names what gave one
    /// endpoint for all: nothing else is asked then. `region_source` names what gave the region.
    ///
    /// # Errors
    /// Refuses what no request can be made with.
    pub(super) fn of(config: &SdkConfig, by_hand: Option<&str>, region_source: &str) -> Result<Self, Fault> {
        if let Some(region) = config.region() {
            is_region(region.as_ref(), region_source)?;
        }
        let mut all = Vec::new();
        for (service, word) in SERVICES {
            let own = ServiceConfigKey::builder()
                .service_id(service)
                .env(GENERAL)
                .profile("endpoint_url")
                .build()
                .ok()
                .filter(|_| by_hand.is_none())
                .and_then(|key| config.service_config()?.load_config(key));
            let Some(url) = own.or_else(|| config.endpoint_url().map(str::to_owned)) else {
                continue;
            };
            let source = by_hand.map_or_else(|| source(service, &url), str::to_owned);
            is_endpoint(&url, &source)?;
            all.push(Elsewhere {
                service,
                word,
                url,
                source,
            });
        }
        Ok(Self(all))
    }

    /// Whether no service is where AWS has it.
    pub(super) fn are_whole(&self) -> bool {
        self.0.len() == SERVICES.len()
    }

    /// Where one service is; `None` if where AWS has it.
    pub(super) fn of_service(&self, service: &str) -> Option<&str> {
        let own = self.0.iter().find(|own| own.service == service);
        own.map(|own| own.url.as_str())
    }

    /// The one place where every service is.
    pub(super) fn shared(&self) -> Option<&str> {
        let first = self.0.first().filter(|_| self.are_whole())?;
        self.0.iter().all(|own| own.url == first.url).then_some(&first.url)
    }

    /// Where each service is, as the AWS CLI calls it; nothing if they have [one place](Self::shared).
    pub(super) fn apart(&self) -> BTreeMap<String, String> {
        if self.shared().is_some() {
            return BTreeMap::new();
        }
        let named = |own: &Elsewhere| Some((own.word?.to_owned(), own.url.clone()));
        self.0.iter().filter_map(named).collect()
    }

    /// Who is where and what said so, for people: those at one place together.
    pub(super) fn told(&self) -> Vec<String> {
        let mut places: Vec<(&Elsewhere, Vec<&str>)> = Vec::new();
        for own in &self.0 {
            match places
                .iter_mut()
                .find(|(first, _)| (&first.url, &first.source) == (&own.url, &own.source))
            {
                Some((_, services)) => services.push(own.service),
                None => places.push((own, vec![own.service])),
            }
        }
        let told = |(own, services): (&Elsewhere, Vec<&str>)| {
            let who = if services.len() == SERVICES.len() {
                "everything".to_owned()
            } else {
                services.join(", ")
            };
            format!("{who} at {} ({})", own.url, own.source)
        };
        places.into_iter().map(told).collect()
    }
}

/// What said that this service is there.
fn source(service: &str, url: &str) -> String {
    let variable = format!("{GENERAL}_{}", service.to_uppercase().replace(' ', "_"));
    let is_source = |name: &String| std::env::var(name).is_ok_and(|value| value == url);
    [variable, GENERAL.to_owned()]
        .into_iter()
        .find(is_source)
        .unwrap_or_else(|| "the profile".to_owned())
}

fn is_region(region: &str, source: &str) -> Result<(), Fault> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=63).contains(&region.len()) && region.chars().all(is_part) {
        return Ok(());
    }
    let object = format!("`{region}`");
    let cause = "it is no name of a region";
    let remedy = format!("check {source}; a region is such as us-east-1");
    Err(Fault::invalid("use region", object, cause, remedy))
}

fn is_endpoint(url: &str, where_from: &str) -> Result<(), Fault> {
    wrong_with(url).map_or(Ok(()), |wrong| {
        let object = format!("`{url}`");
        let remedy = format!("check {where_from}; an endpoint is such as https://kms.us-east-1.amazonaws.com");
        Err(Fault::invalid("use endpoint", object, wrong, remedy))
    })
}

/// Whether an endpoint is AWS's own, though it is given: of another partition, a private link, FIPS.
pub(super) fn is_of_aws(url: &str) -> bool {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next());
    let host = authority.and_then(|authority| authority.split(':').next());
    let host = host.unwrap_or_default().to_ascii_lowercase();
    let ends = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws"];
    ends.iter().any(|end| host.ends_with(end))
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
    fn an_endpoint_of_awss_own_is_told_by_its_host() {
        for url in [
            "https://s3.us-east-1.amazonaws.com",
            "https://bucket.vpce-1a2b-3c.s3.eu-west-1.vpce.amazonaws.com/",
            "https://S3.cn-north-1.amazonaws.com.cn:443",
            "https://s3.dualstack.us-west-2.api.aws",
        ] {
            assert!(is_of_aws(url), "{url}");
        }
        for url in [
            "http://127.0.0.1:4566",
            "https://amazonaws.com.evil.test",
            "https://evil.test/s3.amazonaws.com",
            "https://notamazonaws.com",
            "http://[::1]:9000",
        ] {
            assert!(!is_of_aws(url), "{url}");
        }
    }

    #[test]
    fn regions_are_names() {
        for region in ["us-east-1", "auto", "my_region.local"] {
            assert!(is_region(region, "--region").is_ok(), "{region}");
        }
        for region in ["", "us\neast", "us east", "ü", &"x".repeat(64)] {
            assert!(is_region(region, "--region").is_err(), "{region}");
        }
    }
}
