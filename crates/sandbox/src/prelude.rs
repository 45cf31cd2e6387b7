//! The names that nearly every module here needs.

pub(crate) use std::collections::BTreeMap;
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;

pub(crate) use jiff::Timestamp;
pub(crate) use serde::{Deserialize, Serialize};
pub(crate) use serde_json::{Value, json};

pub(crate) use crate::api::ApiError;
pub(crate) use crate::clock::Clock;
pub(crate) use crate::disk::{Disk, DiskError};
pub(crate) use crate::identity::{Caller, Place, Principal, account_of};
pub(crate) use crate::world::World;
