//! HTTP clients for the SDK: rustls on ring, connectors made on first use, proxies as the environment says.
//!
//! Reading the system's root certificates costs milliseconds: the sandbox's client never does.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::bounded;

/// `http://` only, no proxy.
pub(super) fn plain() -> SharedHttpClient {
    Builder::new().build_http()
}

/// The client for AWS and for endpoints that are given: what is on loopback is asked directly, all else through the
/// proxies that the environment names.
///
/// Even a plain endpoint needs TLS for the credentials of SSO and roles. Certificates are read at the first request, not
/// here. `roots` are the certificates to trust instead of the system's, as PEM.
pub(super) fn client(roots: Option<Vec<u8>>) -> SharedHttpClient {
    SharedHttpClient::new(ByHost {
        direct: tls(roots.clone(), None),
        proxied: tls(roots, Some(ProxyConfig::from_env())),
    })
}

fn tls(roots: Option<Vec<u8>>, proxies: Option<ProxyConfig>) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_proxy_config(proxies.clone());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        let connector = connector.tls_provider(Provider::rustls(CryptoMode::Ring));
        let roots = roots.as_deref().unwrap_or_else(|| super::roots::of_system());
        connector.tls_context(trusting(roots)).build()
    })
}

/// Two ways out. Each makes its connector when it is first taken.
#[derive(Debug, Clone)]
struct ByHost {
    direct: SharedHttpClient,
    proxied: SharedHttpClient,
}

impl HttpClient for ByHost {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Way {
            clients: self.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

#[derive(Debug)]
struct Way {
    clients: ByHost,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Way {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = if is_loopback(request.uri()) {
            &self.clients.direct
        } else {
            &self.clients.proxied
        };
        let is_object = bounded::is_for_object(request.uri());
        let answer = client.http_connector(&self.settings, &self.components).call(request);
        HttpConnectorFuture::new(async move { Ok(bounded::answer(answer.await?, is_object)) })
    }
}

/// Trusts these certificates and no others.
fn trusting(roots: &[u8]) -> TlsContext {
    let roots = TrustStore::empty().with_pem_certificate(roots);
    let context = TlsContext::builder().with_trust_store(roots).build();
    context.expect("a trust store alone is a whole context")
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
