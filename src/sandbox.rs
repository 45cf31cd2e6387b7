//! An AWS-compatible world on loopback: real KMS authorization, S3, training jobs that run.
//! Imports nothing of strongroom's: a bug must not agree with itself.

pub mod api;
pub mod identity;
