//! Certificates to trust instead of the system's: behind a proxy that looks into TLS, its own.

use std::path::Path;

use aws_config::profile;
use aws_types::os_shim_internal::{Env, Fs};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::domain::{Fault, FaultKind};

/// What `AWS_CA_BUNDLE`, or `ca_bundle` of the profile, names, as PEM.
///
/// # Errors
/// When that file cannot be read or holds no certificate.
#[expect(clippy::default_trait_access, reason = "the files' type has no name of its own here")]
pub(super) async fn given(profile: Option<&str>) -> Result<Option<Vec<u8>>, Fault> {
    if let Some(path) = std::env::var_os("AWS_CA_BUNDLE") {
        return read(Path::new(&path), "AWS_CA_BUNDLE").map(Some);
    }
    let chosen = profile.map(|name| name.to_owned().into());
    // What is wrong with the files is told where the profile is used.
    let Ok(files) = profile::load(&Fs::real(), &Env::real(), &Default::default(), chosen).await else {
        return Ok(None);
    };
    match files.get("ca_bundle") {
        Some(path) => read(Path::new(path), "ca_bundle in the profile").map(Some),
        None => Ok(None),
    }
}

fn read(path: &Path, source: &str) -> Result<Vec<u8>, Fault> {
    let refused = |cause: String| {
        Fault::new(
            FaultKind::Invalid,
            "trust certificates",
            path.display().to_string(),
            cause,
            format!("check {source}: a file of certificates, as PEM"),
        )
    };
    let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut store = RootCertStore::empty();
    // The HTTP client panics on what is no certificate; bundles of companies hold such now and then.
    let usable: Vec<String> = CertificateDer::pem_slice_iter(&pem)
        .flatten()
        .filter(|certificate| store.add(certificate.clone()).is_ok())
        .map(|certificate| {
            format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                BASE64_STANDARD.encode(certificate)
            )
        })
        .collect();
    if usable.is_empty() {
        return Err(refused("it holds no certificate that can be used".to_owned()));
    }
    Ok(usable.concat().into_bytes())
}
