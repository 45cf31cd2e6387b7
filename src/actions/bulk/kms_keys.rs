//! KMS keys that objects name, each asked about once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::aws::again::again;
use crate::aws::{Aws, kms};
use crate::domain::audit::AuditKey;
use crate::domain::{Fault, FaultKind, KeyState};

/// More different keys are not asked about: what objects name is whatever somebody wrote there.
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct KmsKeys(Mutex<HashMap<String, Arc<OnceCell<Arc<AuditKey>>>>>);

impl KmsKeys {
    /// What is known of the key that is named so.
    pub(super) async fn of(&self, aws: &Aws, id: &str) -> Arc<AuditKey> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(id) {
                Some(cell) => Some(Arc::clone(cell)),
                None if known.len() < MOST => Some(Arc::clone(known.entry(id.to_owned()).or_default())),
                None => None,
            }
        };
        match cell {
            Some(cell) => Arc::clone(cell.get_or_init(|| ask(aws, id)).await),
            None => Arc::new(unknown(
                id,
                "too many keys are named for each to be asked about".to_owned(),
            )),
        }
    }
}

fn unknown(id: &str, why: String) -> AuditKey {
    AuditKey {
        id: id.to_owned(),
        alias: None,
        alias_unknown: None,
        state: Err(why),
    }
}

async fn ask(aws: &Aws, id: &str) -> Arc<AuditKey> {
    let standing = again(|| kms::standing(aws, id)).await;
    let (state, arn) = match standing {
        Ok((state, arn)) => (Ok(state), arn),
        Err(fault) => return Arc::new(refused(id, &fault)),
    };
    let (alias, alias_unknown) = match again(|| kms::aliases_of(aws, &arn)).await {
        Ok(aliases) => (aliases.into_iter().next(), None),
        Err(fault) => (None, Some(word(&fault))),
    };
    Arc::new(AuditKey {
        id: arn,
        alias,
        alias_unknown,
        state,
    })
}

/// What a refusal is counted under.
pub(super) fn word(fault: &Fault) -> String {
    fault.code.clone().unwrap_or_else(|| fault.cause.clone())
}

/// That there is no such key is known; everything else tells nothing of it.
fn refused(id: &str, fault: &Fault) -> AuditKey {
    match fault.kind {
        FaultKind::NotFound => AuditKey {
            state: Ok(KeyState::Other("not found".to_owned())),
            ..unknown(id, String::new())
        },
        _ => unknown(id, word(fault)),
    }
}
