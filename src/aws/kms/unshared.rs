//! A connection that a plaintext came over is not used again.
//!
//! What was read from it stays in the connection's buffers until something else is read, and for as long as the
//! connection waits in the pool. Closed, they are freed, and the program's allocator wipes what is freed.

use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};

use crate::aws::hooks::intercepts;

/// For the calls that answer with a plaintext.
#[derive(Debug)]
pub(super) struct Unshared;

intercepts! {
    Unshared:

    fn modify_before_transmit(self, context: &mut BeforeTransmitInterceptorContextMut<'_>, config) {
        let connection = CaptureSmithyConnection::new();
        context.request_mut().add_extension(connection.clone());
        config.interceptor_state().store_put(connection);
        Ok(())
    }

    // While the body is on its way: once it is whole the connection is back in the pool.
    fn read_before_deserialization(self, _context: &BeforeDeserializationInterceptorContextRef<'_>, config) {
        let connection = config.load::<CaptureSmithyConnection>();
        if let Some(connection) = connection.and_then(CaptureSmithyConnection::get) {
            connection.poison();
        }
        Ok(())
    }
}
