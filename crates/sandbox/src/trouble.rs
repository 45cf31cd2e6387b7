//! Trouble on demand: what a world does wrong on purpose, so that clients can be tried against it.
//!
//! A [`Fault`] is a service, a kind and a share of requests; a seed makes the dice fall the same way again. It is set on
//! the command line and changed while the world runs by a signed `POST /_strongroom/control`, which also moves the clock.

use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::Options;
use super::disk::lock;
use crate::prelude::*;

/// Where the control call is.
pub(crate) const PATH: &str = "/_strongroom/control";
/// The service that its signature is for.
pub(crate) const SERVICE: &str = "strongroom";
const SERVICES: [&str; 8] = ["kms", "s3", "sagemaker", "logs", "ecr", "iam", "sts", "cloudtrail"];

/// `SERVICE:KIND[=VALUE][@SHARE]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// None for every service.
    service: Option<&'static str>,
    kind: Kind,
    /// Of the service's requests, or of the times that its jobs train, from 0 to 1.
    share: f64,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is answered later.
    Latency(Duration),
    /// It is refused as one too many.
    Throttle,
    /// It fails with this status of 500 and more.
    Error(u16),
    /// The connection breaks before anything is done.
    Reset,
    /// It is done, and the connection breaks before the answer.
    Lost,
    /// Its session counts as expired.
    Expired,
    /// Its time counts as wrong.
    Skew,
    /// No request: the spot instances of a job are taken back when it has trained so long.
    Interrupt(Duration),
    /// No request: one of a job's hosts dies when the job has run so long.
    Kill(Duration),
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not SERVICE:KIND[=VALUE][@SHARE] with a service of {} or *, and a kind of latency=DURATION, \
                 throttle, error=STATUS, reset, lost, expired, skew; and, of sagemaker alone, interrupt=DURATION, kill=DURATION",
                SERVICES.join(", ")
            )
        };
        let (service, rest) = text.split_once(':').ok_or_else(wrong)?;
        let service = match service {
            "*" => None,
            name => Some(*SERVICES.iter().find(|known| **known == name).ok_or_else(wrong)?),
        };
        let (kind, share) = rest.split_once('@').unwrap_or((rest, "1"));
        let (name, value) = kind.split_once('=').unwrap_or((kind, ""));
        let kind = match (name, value) {
            ("latency", value) => Kind::Latency(duration(value).ok_or_else(wrong)?),
            ("throttle", "") => Kind::Throttle,
            ("error", "") => Kind::Error(500),
            ("error", status) => Kind::Error(
                status
                    .parse()
                    .ok()
                    .filter(|status| (500..600).contains(status))
                    .ok_or_else(wrong)?,
            ),
            ("reset", "") => Kind::Reset,
            ("lost", "") => Kind::Lost,
            ("expired", "") => Kind::Expired,
            ("skew", "") => Kind::Skew,
            ("interrupt", "") if service == Some("sagemaker") => Kind::Interrupt(Duration::ZERO),
            ("interrupt", value) if service == Some("sagemaker") => Kind::Interrupt(duration(value).ok_or_else(wrong)?),
            ("kill", "") if service == Some("sagemaker") => Kind::Kill(Duration::ZERO),
            ("kill", value) if service == Some("sagemaker") => Kind::Kill(duration(value).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        };
        let share = share
            .parse()
            .ok()
            .filter(|share| (0.0..=1.0).contains(share))
            .ok_or_else(wrong)?;
        Ok(Self { service, kind, share })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.service.unwrap_or("*"))?;
        match self.kind {
            Kind::Latency(by) => write!(f, "latency={}ms", by.as_millis())?,
            Kind::Throttle => f.write_str("throttle")?,
            Kind::Error(status) => write!(f, "error={status}")?,
            Kind::Reset => f.write_str("reset")?,
            Kind::Lost => f.write_str("lost")?,
            Kind::Expired => f.write_str("expired")?,
            Kind::Skew => f.write_str("skew")?,
            Kind::Interrupt(after) => write!(f, "interrupt={}ms", after.as_millis())?,
            Kind::Kill(after) => write!(f, "kill={}ms", after.as_millis())?,
        }
        write!(f, "@{}", self.share)
    }
}

/// The faults of a world, and its dice.
pub(crate) struct Trouble {
    state: Mutex<State>,
    /// Told when the faults are others.
    changed: watch::Sender<()>,
}

struct State {
    faults: Vec<Fault>,
    dice: fastrand::Rng,
    /// How long a new grant is unseen without its token.
    grant_delay: Duration,
}

impl Trouble {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            state: Mutex::new(State {
                faults: options.faults.clone(),
                dice: fastrand::Rng::with_seed(options.fault_seed),
                grant_delay: options.grant_delay,
            }),
            changed: watch::Sender::new(()),
        }
    }

    pub(crate) fn grant_delay(&self) -> Duration {
        lock(&self.state).grant_delay
    }

    /// What goes wrong with this request: first the waiting, then one thing at most.
    pub(crate) fn strike(&self, service: &str) -> (Duration, Option<Kind>) {
        let mut state = lock(&self.state);
        let State { faults, dice, .. } = &mut *state;
        let (mut wait, mut struck) = (Duration::ZERO, None);
        for fault in faults.iter() {
            let is_of_jobs = matches!(fault.kind, Kind::Interrupt(_) | Kind::Kill(_));
            if is_of_jobs || fault.service.is_some_and(|name| name != service) || dice.f64() >= fault.share {
                continue;
            }
            match fault.kind {
                Kind::Latency(by) => wait += by,
                kind => struck = struck.or(Some(kind)),
            }
        }
        (wait, struck)
    }

    /// Comes when the instances of a job that begins to train are taken back, if they are.
    pub(crate) async fn interruption(&self) {
        self.comes(Trouble::interrupts_after).await;
    }

    /// Comes when one of so many hosts of a job that begins to run dies, if one does, and says which.
    pub(crate) async fn death(&self, hosts: usize) -> usize {
        self.comes(|trouble| {
            trouble.after(|kind| match kind {
                Kind::Kill(after) => Some(after),
                _ => None,
            })
        })
        .await;
        lock(&self.state).dice.usize(..hosts)
    }

    /// Comes when so much time is over. Other faults throw the dice again, and count the time from then.
    async fn comes(&self, after: impl Fn(&Self) -> Option<Duration>) {
        let mut changed = self.changed.subscribe();
        loop {
            let after = after(self);
            let over = async {
                match after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                _ = changed.changed() => {}
            }
        }
    }

    fn interrupts_after(&self) -> Option<Duration> {
        self.after(|kind| match kind {
            Kind::Interrupt(after) => Some(after),
            _ => None,
        })
    }

    fn after(&self, of: impl Fn(Kind) -> Option<Duration>) -> Option<Duration> {
        let mut state = lock(&self.state);
        let State { faults, dice, .. } = &mut *state;
        let struck = faults.iter().filter_map(|fault| {
            let after = of(fault.kind)?;
            (dice.f64() < fault.share).then_some(after)
        });
        struck.min()
    }
}

/// Changes what the request names, and says how things stand.
pub(crate) fn control(world: &World, caller: &Caller, body: &Value) -> Result<Value, ApiError> {
    world.authorize(caller, "strongroom:Control", "*", &std::collections::BTreeMap::new())?;
    let wrong = |message: String| ApiError::new("ValidationException", message);
    let time = |member: &str| match &body[member] {
        Value::Null => Ok(None),
        value => value
            .as_str()
            .and_then(duration)
            .map(Some)
            .ok_or_else(|| wrong(format!("{member} is a duration, such as \"90s\" or \"8 days\""))),
    };
    let (advance, grant_delay) = (time("advance")?, time("grant_delay")?);
    let faults = match &body["faults"] {
        Value::Null => None,
        list => Some(
            list.as_array()
                .into_iter()
                .flatten()
                .map(|fault| fault.as_str().unwrap_or_default().parse().map_err(wrong))
                .collect::<Result<Vec<Fault>, ApiError>>()?,
        ),
    };
    if let Some(by) = advance {
        world.clock.advance(SignedDuration::try_from(by).unwrap_or_default());
    }
    let mut state = lock(&world.trouble.state);
    if let Some(faults) = faults {
        state.faults = faults;
        world.trouble.changed.send_replace(());
    }
    if let Some(seed) = body["seed"].as_u64() {
        state.dice = fastrand::Rng::with_seed(seed);
    }
    if let Some(delay) = grant_delay {
        state.grant_delay = delay;
    }
    Ok(json!({
        "now": world.now().to_string(),
        "ahead": world.clock.ahead().to_string(),
        "grant_delay": format!("{}ms", state.grant_delay.as_millis()),
        "faults": state.faults.iter().map(Fault::to_string).collect::<Vec<_>>(),
    }))
}

/// `90s`, `200ms`, `8 days`.
fn duration(text: &str) -> Option<Duration> {
    let days = text.strip_suffix("days").or_else(|| text.strip_suffix('d'));
    if let Some(days) = days.and_then(|days| days.trim().parse::<u64>().ok()) {
        return Some(Duration::from_secs(days.checked_mul(24 * 3600)?));
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(faults: &[&str], seed: u64) -> Trouble {
        Trouble::new(&Options {
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            fault_seed: seed,
            ..Options::default()
        })
    }

    #[test]
    fn a_fault_is_written_as_it_is_read() {
        let all = "kms:latency=200ms@0.5 *:throttle@0.1 s3:error=503@1 sts:expired@1 logs:reset@0.01 ecr:lost@0 \
            iam:skew@1 sagemaker:interrupt=1500ms@0.5 sagemaker:kill=200ms@0.25";
        for text in all.split(' ') {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        let all = " kms ec2:reset kms:error=404 kms:latency kms:reset@2 kms:rest kms:interrupt *:interrupt=1s \
            s3:kill=1s";
        for text in all.split(' ') {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90),
            ("8 days", 8 * 86400),
            ("30d", 30 * 86400),
            ("2h", 7200),
            ("PT1M", 60),
        ] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("200ms"), Some(Duration::from_millis(200)));
        assert!(duration("soon").is_none() && duration("-5s").is_none());
    }

    #[test]
    fn a_share_of_one_services_requests_is_struck_and_the_same_seed_strikes_the_same() {
        let strikes = |seed| {
            let trouble = trouble(&["kms:throttle@0.3"], seed);
            (0..1000).map(|_| trouble.strike("kms").1.is_some()).collect::<Vec<_>>()
        };
        let struck = strikes(7).iter().filter(|struck| **struck).count();
        assert!((250..350).contains(&struck), "{struck}");
        assert_eq!(strikes(7), strikes(7));
        assert_ne!(strikes(7), strikes(8));
        assert_eq!(trouble(&["kms:throttle"], 0).strike("s3"), (Duration::ZERO, None));
        let both = trouble(&["*:latency=5ms", "*:latency=6ms", "*:reset", "*:lost"], 0);
        assert_eq!(both.strike("s3"), (Duration::from_millis(11), Some(Kind::Reset)));
        let job = trouble(
            &[
                "sagemaker:interrupt=3s",
                "sagemaker:interrupt=2s",
                "sagemaker:interrupt@0",
            ],
            0,
        );
        assert_eq!(job.strike("sagemaker"), (Duration::ZERO, None));
        assert_eq!(job.interrupts_after(), Some(Duration::from_secs(2)));
    }
}
