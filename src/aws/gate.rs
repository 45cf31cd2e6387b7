//! The gate that every request passes: in a read-only session what could change something is refused before it is sent;
//! otherwise it is noted in the [audit log](Audit) once it has been.
//!
//! An interceptor, so that no call can forget it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use jiff::Timestamp;

use super::audit::Audit;
use crate::domain::AuditEntry;

mod reading;

/// As many as a big file has parts; said by `CreateMultipartUpload` and `CompleteMultipartUpload`.
const TOO_MANY: &str = "UploadPart";

/// The gate of one caller.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) read_only: bool,
    pub(super) audit: Arc<Audit>,
    /// The caller's ARN, once it is known.
    pub(super) identity: Arc<OnceLock<String>>,
}

/// Why the gate is shut; [`super::fault`] finds it in the error's sources.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) operation: String,
}

/// What the request is, kept from before it is serialized, when its members can still be looked at.
#[derive(Debug)]
struct Change;

impl Storable for Change {
    type Storer = StoreReplace<Self>;
}

/// Set once the request has really left.
#[derive(Debug)]
struct Sent {
    access_key_id: Option<String>,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "Gate"
    }

    // Not `read_before_execution`: there the operation has no name yet.
    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        if reading::only_reads(operation, context.input()) {
            return Ok(());
        }
        if self.read_only {
            let operation = operation.to_owned();
            return Err(Box::new(Refused { operation }));
        }
        if operation != TOO_MANY {
            config.interceptor_state().store_put(Change);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let authorization = context.request().headers().get("authorization").unwrap_or_default();
        let access_key_id = authorization
            .split_once("Credential=")
            .and_then(|(_, rest)| rest.split('/').next())
            .map(str::to_owned);
        config.interceptor_state().store_put(Sent { access_key_id });
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(_), Some(sent), Some(metadata)) = (
            config.load::<Change>(),
            config.load::<Sent>(),
            config.load::<Metadata>(),
        ) else {
            return Ok(());
        };
        let response = context.response();
        let header = |name: &str| {
            response
                .and_then(|response| response.headers().get(name))
                .map(str::to_owned)
        };
        self.audit.note(AuditEntry {
            time: Timestamp::now(),
            identity: self.identity.get().cloned(),
            access_key_id: sent.access_key_id.clone(),
            call: format!("{}:{}", metadata.service().to_ascii_lowercase(), metadata.name()),
            request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
            status: response.map(|response| response.status().as_u16()),
        });
        Ok(())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session is read-only and {} is not a reading operation",
            self.operation
        )
    }
}

impl std::error::Error for Refused {}
