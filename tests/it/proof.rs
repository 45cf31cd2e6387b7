//! Proofs leave things as they were, also when the network does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom::actions::{self, ProgressSink};
use tokio_util::sync::CancellationToken;

use crate::place::{Place, connection_at};
use crate::proxy::{Proxy, Trouble};

#[test]
fn a_grant_whose_answer_was_lost_is_made_once_and_revoked() {
    let place = Place::new();
    let (key_arn, role_arn) = (place.key("training"), place.role("trainer", "sagemaker-proof"));
    let sandbox = place.sandbox.as_ref().unwrap();
    let lost = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&lost);
    let proxy = Proxy::start(sandbox, move |seen| {
        if seen.operation == "CreateGrant" && counter.fetch_add(1, Ordering::Relaxed) == 0 {
            return Trouble::LostAnswer;
        }
        Trouble::None
    });
    let connection = connection_at(sandbox, proxy.url());
    let (sink, cancel, context) = (ProgressSink::none(), CancellationToken::new(), BTreeMap::new());
    let story = place.wait(async {
        let aws = actions::connect(&connection).await.unwrap();
        let story = actions::prove_grant_cycle(&aws, &key_arn, &role_arn, &context, &[], &sink, &cancel);
        story.await.unwrap()
    });
    assert!(story.holds, "{story:?}");
    assert_eq!(lost.load(Ordering::Relaxed), 2, "the lost call was sent again");
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let left = place.wait(kms.list_grants().key_id(&key_arn).send()).unwrap();
    assert!(left.grants().is_empty(), "{left:?}");
}
