//! Who can use a KMS key, and who did: the key's policy, its grants and what IAM simulates are read, then the event history
//! page by page.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::evidence::keep;
use crate::aws::iam::Simulated;
use crate::aws::{Aws, Paged, iam, kms, sts, trail};
use crate::domain::policy::{PrincipalKind, principal_kind};
use crate::domain::who::{
    Access, Evidence, Extent, HISTORY_DAYS, KeyUse, Own, OwnAnswer, UserKind, Uses, WhoReport, document, operations,
    page,
};
use crate::domain::{Arn, Fault, KeyState, Outcome};

/// Questions to IAM under way at once.
const AT_ONCE: usize = 4;
/// Roles that are looked at because they are there, besides those that are named or have used the key.
const ROLES: usize = 40;
/// Pages of the event history that are read for a screen: 5,000 events, in 100 s.
pub(crate) const PAGES: usize = 100;
/// Between two pages: half of what CloudTrail allows.
const PACE: Duration = Duration::from_secs(1);

/// What was read of who can use a key, so that more can be asked for.
pub(crate) struct Reading {
    evidence: Evidence,
}

impl Reading {
    /// Reads the key's policy and grants, and what IAM allows whoever they name, the caller, and roles of the account.
    ///
    /// # Errors
    /// When nothing of the key can be read.
    pub(crate) async fn of(aws: &Aws, key_arn: &str) -> Result<Self, Fault> {
        let (described, policy, grants) = futures::join!(
            kms::describe_key(aws, key_arn),
            kms::key_policy(aws, key_arn),
            kms::list_grants(aws, key_arn).every()
        );
        let (described, policy, grants) = match (described, policy, grants) {
            (Err(fault), Err(_), Err(_)) => return Err(fault),
            read => read,
        };
        let evidence = Evidence {
            key_arn: key_arn.to_owned(),
            usable: described
                .map(|key| key.detail.is_none_or(|detail| detail.state == KeyState::Enabled))
                .map_err(|fault| fault.cause),
            policy: policy
                .map_err(|fault| fault.cause)
                .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())),
            grants: grants.map_err(|fault| fault.cause),
            own: std::collections::BTreeMap::new(),
            unread: Vec::new(),
        };
        let mut reading = Self { evidence };
        let mut wanted: Vec<String> = reading.evidence.named().into_iter().collect();
        if reading.evidence.delegates() {
            // A session's role is among the roles.
            wanted.extend(sts::caller_identity(aws).await.ok().map(|identity| identity.arn));
            wanted.extend(reading.roles(aws).await);
        }
        reading.ask(aws, wanted).await;
        Ok(reading)
    }

    /// Some roles of the account, those that SageMaker may assume first; how many are left out is said.
    async fn roles(&mut self, aws: &Aws) -> Vec<String> {
        let mut walk = iam::list_roles(aws).pages();
        let mut found = Vec::new();
        loop {
            match walk.try_next().await {
                Ok(Some(roles)) => found.extend(roles),
                Ok(None) => break,
                Err(fault) => {
                    let words = format!("the account's roles could not be listed: {}", fault.cause);
                    self.evidence.unread.push(words);
                    break;
                }
            }
        }
        found.sort_by_key(|role| (!role.trusts_sagemaker, role.name.clone()));
        if found.len() > ROLES {
            let words = format!(
                "{} further roles of the account were not looked at",
                found.len() - ROLES
            );
            self.evidence.unread.push(words);
        }
        self.evidence
            .unread
            .push("users whom neither the key policy nor an event names were not looked at".to_owned());
        found.into_iter().take(ROLES).map(|role| role.arn).collect()
    }

    /// Asks IAM about those whom nobody has asked about yet; whether there were any.
    async fn ask(&mut self, aws: &Aws, principals: Vec<String>) -> bool {
        let account = self.evidence.account();
        let mut wanted = principals;
        wanted.retain(|arn| {
            let is_lasting = matches!(principal_kind(arn), PrincipalKind::User | PrincipalKind::Role);
            is_lasting && Arn::account_of(arn) == account && !self.evidence.own.contains_key(arn)
        });
        wanted.sort();
        wanted.dedup();
        let actions: Vec<String> = operations().map(|operation| format!("kms:{operation}")).collect();
        let (actions, key_arn) = (&actions, self.evidence.key_arn.as_str());
        let answers: Vec<(String, Own)> = futures::stream::iter(wanted)
            .map(|arn| async move {
                let own = match iam::simulate_all(aws, &arn, actions, key_arn).await {
                    Ok(answers) => Own::Asked(answers.into_iter().map(answer).collect()),
                    Err(fault) => Own::Unread(fault.cause),
                };
                (arn, own)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let is_more = !answers.is_empty();
        self.evidence.own.extend(answers);
        is_more
    }

    /// Asks IAM about those who used the key, too; whether anything more is known now.
    pub(crate) async fn look_at(&mut self, aws: &Aws, uses: &Uses) -> bool {
        if !self.evidence.delegates() {
            return false;
        }
        let of = |kind: UserKind| matches!(kind, UserKind::User | UserKind::Role);
        let who = uses.principals().filter(|by| of(by.kind)).map(|by| by.name.clone());
        self.ask(aws, who.collect()).await
    }

    /// What it comes to.
    pub(crate) fn concluded(&self) -> Access {
        self.evidence.conclude()
    }
}

fn answer((simulated, policy): (Simulated, String)) -> OwnAnswer {
    match simulated {
        Simulated::Allowed => OwnAnswer::Allowed(policy),
        Simulated::NotAllowed => OwnAnswer::NotAllowed,
        Simulated::Denied => OwnAnswer::Denied(policy),
    }
}

/// So many days ago, as far as the history goes.
pub(crate) fn since(days: i64) -> Timestamp {
    let age = SignedDuration::from_hours(days.clamp(1, HISTORY_DAYS) * 24);
    Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN)
}

/// A page of the key's event history.
pub(crate) async fn history(
    aws: &Aws,
    key_arn: &str,
    since: Timestamp,
    token: Option<String>,
) -> Result<Paged<KeyUse>, Fault> {
    trail::lookup(aws, key_arn, since).after(token).first().await
}

/// Who can use a key (id, ARN or alias), and who did in the last so many days: all of the history, a page a second. What
/// cannot be read is said in the report; an interruption leaves what was read until then.
///
/// # Errors
/// When the key cannot be found, or nothing of it can be read.
pub async fn who(
    aws: &Aws,
    key: &str,
    days: i64,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<WhoReport, Fault> {
    let key_arn = kms::describe_key(aws, key).await?.arn;
    progress.at("reading who can", &key_arn);
    let mut reading = Reading::of(aws, &key_arn).await?;
    let (mut uses, since) = (Uses::default(), since(days));
    let mut walk = trail::lookup(aws, &key_arn, since).walk();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    uses.extent = loop {
        progress.at(&format!("reading who did, {} events", uses.events), &key_arn);
        tokio::select! {
            biased;
            () = cancel.cancelled() => break Extent::Part,
            _ = pace.tick() => {}
        }
        match walk.try_next().await {
            Ok(Some(page)) => page.rows.into_iter().for_each(|event| uses.note(event)),
            Ok(None) => break Extent::Whole(since),
            Err(fault) => break Extent::Failed(Box::new(fault)),
        }
    };
    reading.look_at(aws, &uses).await;
    Ok(WhoReport {
        access: Some(reading.concluded()),
        uses,
    })
}

/// Keeps a report with the evidence: as JSON, and as a page to be read.
///
/// # Errors
/// When it cannot be written.
pub fn save_who(aws: &Aws, report: &WhoReport) -> Result<Outcome, Fault> {
    let at = Timestamp::now();
    let document = format!("{:#}\n", document(report, at));
    let (json, page) = keep(aws, "who", &document, &page(report, at))?;
    Ok(Outcome::WhoSaved { json, page })
}
