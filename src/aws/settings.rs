//! What environment and profile set of how AWS is asked, read before the SDK reads it: some of what it does not take it panics
//! at, and without some it goes on as somebody else or on another way.

use aws_config::profile::ProfileSet;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_types::retry::RetryConfig;

use crate::domain::Fault;

/// A value, and what set it.
struct Set {
    value: String,
    by: String,
}

impl Set {
    /// The environment comes before the profile.
    fn find(variable: &str, files: Option<&ProfileSet>, key: &str) -> Option<Self> {
        if let Ok(value) = std::env::var(variable) {
            let by = variable.to_owned();
            return Some(Self { value, by });
        }
        let (value, name) = files.and_then(|files| Some((files.get(key)?, files.selected_profile())))?;
        Some(Self {
            value: value.to_owned(),
            by: format!("{key} of the profile {name}"),
        })
    }

    fn refused(&self, remedy: &str) -> Fault {
        let cause = format!("its value is {:?}", self.value);
        refused(&self.by, cause, remedy)
    }
}

fn refused(name: &str, cause: impl Into<String>, remedy: &str) -> Fault {
    Fault::invalid("use", name, cause.into(), remedy)
}

/// How often a call is tried, where the SDK does not take the words that the AWS CLI takes: its `legacy` is `standard` here.
///
/// # Errors
/// When the number or the mode is none.
pub(super) fn retries(files: Option<&ProfileSet>) -> Result<Option<RetryConfig>, Fault> {
    let mut retries = RetryConfig::standard();
    if let Some(set) = Set::find("AWS_MAX_ATTEMPTS", files, "max_attempts") {
        let number = set.value.parse().ok().filter(|number| *number > 0);
        let number: u32 = number.ok_or_else(|| set.refused("write how often a call is tried, as 3"))?;
        retries = retries.with_max_attempts(number);
    }
    let Some(set) = Set::find("AWS_RETRY_MODE", files, "retry_mode") else {
        return Ok(None);
    };
    match set.value.trim().to_ascii_lowercase().as_str() {
        "standard" | "adaptive" => Ok(None),
        "legacy" => Ok(Some(retries)),
        _ => Err(set.refused("write standard or adaptive")),
    }
}

/// Half an access key is nobody's: the SDK would go on, as somebody else.
///
/// # Errors
/// When the environment has one half only.
pub(super) fn whole_keys() -> Result<(), Fault> {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let (given, missing) = match (is_set(id), has_secret()) {
        (true, false) => (id, secret),
        (false, true) if is_set(secret) => (secret, id),
        _ => return Ok(()),
    };
    let cause = format!("{given} is set and it is not");
    Err(refused(missing, cause, &format!("set both, or unset {given}")))
}

/// Whether the environment has an access key.
pub(super) fn has_keys() -> bool {
    is_set("AWS_ACCESS_KEY_ID") && has_secret()
}

/// By both names that the SDK looks for.
fn has_secret() -> bool {
    is_set("AWS_SECRET_ACCESS_KEY") || is_set("SECRET_ACCESS_KEY")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The SDK names what it runs in in every request, and makes none where that cannot be told.
///
/// # Errors
/// When the environment has a name that no header can carry.
pub(super) fn printable_name() -> Result<(), Fault> {
    let name = "AWS_EXECUTION_ENV";
    let is_good = |value: &str| value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    match std::env::var(name) {
        Ok(value) if !is_good(&value) => {
            let cause = "it holds a line break or another character that no request can carry";
            Err(refused(name, cause, "write it in letters and digits, or unset it"))
        }
        _ => Ok(()),
    }
}

/// The HTTP client takes a proxy that it cannot read for none, and asks without.
///
/// # Errors
/// When a proxy that is named cannot be one.
pub(super) fn readable_proxies() -> Result<(), Fault> {
    for names in [
        ["HTTPS_PROXY", "https_proxy"],
        ["ALL_PROXY", "all_proxy"],
        ["HTTP_PROXY", "http_proxy"],
    ] {
        let Some(name) = names.into_iter().find(|name| std::env::var_os(name).is_some()) else {
            continue;
        };
        let is_readable = std::env::var(name).is_ok_and(|value| value.is_empty() || is_proxy(&value));
        if !is_readable {
            // It may hold a password.
            let cause = "its value is no URL of a proxy";
            return Err(refused(name, cause, "write it as http://HOST:PORT, or unset it"));
        }
    }
    Ok(())
}

fn is_proxy(value: &str) -> bool {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let is_known = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(&scheme);
    let authority = rest.split('/').next().unwrap_or_default();
    // A colon inside of brackets is an address's.
    let port = authority
        .rsplit_once(':')
        .map(|(_, port)| port)
        .filter(|port| !port.ends_with(']'));
    let has_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    is_known && has_port && ProxyConfig::http(format!("http://{rest}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_proxy;

    #[test]
    fn a_proxy_is_a_host_with_or_without_a_scheme_a_port_or_a_name_and_password() {
        for value in [
            "http://proxy:3128",
            "https://proxy",
            "proxy:3128",
            "proxy",
            "http://ann:p%40ss@10.0.0.1:8080/",
            "socks5://proxy:1080",
            "http://[::1]:3128",
            "http://[::1]",
        ] {
            assert!(is_proxy(value), "{value}");
        }
        for value in [
            "http://",
            "http:// proxy",
            "ftp://proxy",
            "proxy:port",
            "://",
            "http://pro xy:1",
        ] {
            assert!(!is_proxy(value), "{value}");
        }
    }
}
