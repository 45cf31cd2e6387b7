//! What a company's rules want of what is written, on the calls that make an object.

use aws_sdk_s3::types::{ObjectCannedAcl, ServerSideEncryption, StorageClass};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::domain::UploadSettings;

/// The settings, as the SDK takes them.
#[derive(Debug, Default)]
pub(in crate::aws) struct Demanded(UploadSettings);

/// Puts on a call that makes an object what is wanted of it.
macro_rules! demanded {
    ($call:expr, $demanded:expr) => {{
        let demanded = $demanded;
        $call
            .set_server_side_encryption(demanded.encryption())
            .set_ssekms_key_id(demanded.key())
            .set_ssekms_encryption_context(demanded.context())
            .set_bucket_key_enabled(demanded.bucket_key())
            .set_tagging(demanded.tagging())
            .set_storage_class(demanded.storage_class())
            .set_acl(demanded.acl())
    }};
}
pub(in crate::aws) use demanded;

impl From<UploadSettings> for Demanded {
    fn from(settings: UploadSettings) -> Self {
        Self(settings)
    }
}

impl Demanded {
    pub(in crate::aws) fn encryption(&self) -> Option<ServerSideEncryption> {
        self.0.encryption.as_deref().map(ServerSideEncryption::from)
    }

    pub(in crate::aws) fn key(&self) -> Option<String> {
        self.0.key.clone()
    }

    /// JSON in Base64.
    pub(in crate::aws) fn context(&self) -> Option<String> {
        let json = serde_json::to_string(&self.0.context).expect("texts are always JSON");
        (!self.0.context.is_empty()).then(|| BASE64_STANDARD.encode(json))
    }

    pub(in crate::aws) fn bucket_key(&self) -> Option<bool> {
        self.0.bucket_key.then_some(true)
    }

    /// As a query string.
    pub(in crate::aws) fn tagging(&self) -> Option<String> {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(&self.0.tags);
        (!self.0.tags.is_empty()).then(|| pairs.finish())
    }

    pub(in crate::aws) fn storage_class(&self) -> Option<StorageClass> {
        self.0.storage_class.as_deref().map(StorageClass::from)
    }

    pub(in crate::aws) fn acl(&self) -> Option<ObjectCannedAcl> {
        self.0.acl.as_deref().map(ObjectCannedAcl::from)
    }
}
