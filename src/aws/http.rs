//! HTTP clients for the SDK: rustls on ring, connectors made on first use, proxies as the environment says.
//!
//! Reading the system's root certificates costs milliseconds: the sandbox's client never does.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// `http://` only, no proxy.
pub(super) fn plain() -> SharedHttpClient {
    Builder::new().build_http()
}

/// The client for an endpoint given by hand, or for AWS itself.
///
/// Even a plain endpoint needs TLS for the credentials of SSO and roles. Certificates are read when the first
/// service client is built, not here. An endpoint on loopback is not asked for through a proxy.
/// `roots` are the certificates to trust instead of the system's, as PEM.
pub(super) fn of_endpoint(url: Option<&str>, roots: Option<Vec<u8>>) -> SharedHttpClient {
    let proxied = !url.is_some_and(is_loopback);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let connector = connector(settings, components, proxied).tls_provider(Provider::rustls(CryptoMode::Ring));
        match &roots {
            Some(roots) => connector.tls_context(trusting(roots)).build(),
            None => connector.build(),
        }
    })
}

/// Trusts these certificates and no others.
fn trusting(roots: &[u8]) -> TlsContext {
    let roots = TrustStore::empty().with_pem_certificate(roots);
    let context = TlsContext::builder().with_trust_store(roots).build();
    context.expect("a trust store alone is a whole context")
}

fn connector(
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
    proxied: bool,
) -> ConnectorBuilder {
    let mut builder = Connector::builder();
    builder.set_connector_settings(settings.cloned());
    if let Some(components) = components {
        builder.set_sleep_impl(components.sleep_impl());
    }
    if proxied {
        builder.set_proxy_config(Some(ProxyConfig::from_env()));
    }
    builder
}

fn is_loopback(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_hosts_are_kept_from_the_proxy() {
        for url in [
            "http://127.0.0.1:4566",
            "http://localhost",
            "http://[::1]:9/x",
            "https://127.8.0.1/",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://127.0.0.1.example.com",
            "https://kms.us-east-1.amazonaws.com",
            "localhost",
            "http://10.0.0.1",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
