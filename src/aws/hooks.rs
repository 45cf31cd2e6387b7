//! What is said alike of every interceptor and every classifier of retries.

use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::RetryAction;
use aws_smithy_types::retry::ErrorKind;

/// An interceptor, by its hooks: each says what it is given and what it calls the configuration of the call.
macro_rules! intercepts {
    ($who:ident: $(fn $hook:ident($this:ident, $given:ident: $context:ty, $config:ident) $body:tt)+) => {
        #[::aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
        impl ::aws_smithy_runtime_api::client::interceptors::Intercept for $who {
            fn name(&self) -> &'static str {
                stringify!($who)
            }

            $(fn $hook(
                &$this,
                $given: $context,
                _components: &::aws_smithy_runtime_api::client::runtime_components::RuntimeComponents,
                $config: &mut ::aws_smithy_types::config_bag::ConfigBag,
            ) -> Result<(), ::aws_smithy_runtime_api::box_error::BoxError> $body)+
        }
    };
}

pub(in crate::aws) use intercepts;

/// Has a call made again at once, if its answer bears the mark of an interceptor.
pub(in crate::aws) fn again_if_marked(context: &InterceptorContext, mark: &str) -> RetryAction {
    match context.response().and_then(|answer| answer.headers().get(mark)) {
        Some(_) => RetryAction::retryable_error_with_explicit_delay(ErrorKind::TransientError, Duration::ZERO),
        None => RetryAction::NoActionIndicated,
    }
}
