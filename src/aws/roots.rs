//! Certificates to trust: the system's, or in their place those that are named, as behind a proxy that looks into TLS.

use std::path::Path;
use std::sync::OnceLock;

use aws_config::profile::ProfileSet;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::bounded;
use crate::domain::Fault;

/// What `AWS_CA_BUNDLE`, or `ca_bundle` of the profile that is selected in the files, names, as PEM.
///
/// # Errors
/// When that file cannot be read or holds no certificate.
pub(super) fn given(files: Option<&ProfileSet>) -> Result<Option<Vec<u8>>, Fault> {
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE") {
        return read(Path::new(&path), "AWS_CA_BUNDLE").map(Some);
    }
    match files.and_then(|files| files.get("ca_bundle")) {
        Some(path) => read(Path::new(path), "ca_bundle in the profile").map(Some),
        None => Ok(None),
    }
}

fn read(path: &Path, source: &str) -> Result<Vec<u8>, Fault> {
    let refused = |cause: String| {
        Fault::invalid(
            "trust certificates",
            path.display().to_string(),
            cause,
            format!("check {source}: a file of certificates, as PEM"),
        )
    };
    let pem = std::fs::File::open(path).and_then(bounded::read);
    let pem = pem.map_err(|error| refused(error.to_string()))?;
    let usable = usable(CertificateDer::pem_slice_iter(&pem).flatten());
    if usable.is_empty() {
        return Err(refused("it holds no certificate that can be used".to_owned()));
    }
    Ok(usable)
}

/// The system's, as PEM, read once; nothing where it has none. The HTTP client would take that for a mistake of ours, and
/// not for an image without certificates, whose jobs are to be told so.
pub(super) fn of_system() -> &'static [u8] {
    static SYSTEM: OnceLock<Vec<u8>> = OnceLock::new();
    SYSTEM.get_or_init(|| usable(rustls_native_certs::load_native_certs().certs))
}

/// As PEM. The HTTP client panics on what is no certificate; bundles of companies hold such now and then.
fn usable(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Vec<u8> {
    let mut store = RootCertStore::empty();
    let usable = certificates
        .into_iter()
        .filter(|certificate| store.add(certificate.clone()).is_ok());
    let pem = usable.map(|certificate| {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            BASE64_STANDARD.encode(certificate)
        )
    });
    pem.collect::<String>().into_bytes()
}
