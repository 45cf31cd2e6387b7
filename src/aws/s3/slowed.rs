//! How often S3 asks for less: whoever has many calls on their way makes fewer of them then.
//!
//! An interceptor, so that no call can forget it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;

use crate::aws::hooks::intercepts;

/// How often a server asked for less, also where asking again helped.
#[derive(Debug, Clone, Default)]
pub(in crate::aws) struct Slowed(Arc<AtomicU64>);

impl Slowed {
    /// So often until now.
    pub(in crate::aws) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

intercepts! {
    Slowed:

    fn read_before_deserialization(self, context: &BeforeDeserializationInterceptorContextRef<'_>, _config) {
        if matches!(context.response().status().as_u16(), 429 | 503) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
