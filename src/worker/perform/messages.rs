//! What KMS itself encrypts, decrypts and wraps.

use crate::actions::{self, Aws};
use crate::domain::{Fault, MessageRequest, Outcome};

pub(super) async fn perform(aws: &Aws, request: &MessageRequest) -> Result<Outcome, Fault> {
    match request {
        MessageRequest::Encrypt {
            key,
            message,
            context,
            to,
        } => actions::encrypt_message(aws, key, message, context, to.as_deref()).await,
        MessageRequest::Decrypt {
            message,
            key,
            context,
            to,
        } => actions::decrypt_message(aws, message, key.as_deref(), context, to.as_deref()).await,
        MessageRequest::NewDataKey { key, context, to } => actions::new_data_key(aws, key, context, to).await,
        MessageRequest::OpenDataKey { at, context, role_arn } => {
            actions::open_data_key(aws, at, context, role_arn.as_deref()).await
        }
        MessageRequest::ReEncryptDataKey { at, context, key, to } => {
            actions::re_encrypt_data_key(aws, at, context, key, to).await
        }
    }
}
