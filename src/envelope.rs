//! Bytes only: streaming Fernet, the data key, metadata and binding.

pub mod manifest;
