//! How long anything may take: the one place for it.
//!
//! By itself the SDK waits for ever: it has no read and no operation timeout, and its guard against stalled streams watches
//! bodies, not the silence after one was sent. So here every call ends:
//!
//! - a small answer is there within [`ANSWER`], or that attempt is over; within [`ATTEMPTS`], or the call is; and nothing
//!   is asked again once it was asked for so long as [`ASKING`];
//! - a body goes on as long as something moves, up or down, whatever its length ([`Pulse`] up, the SDK's guard down);
//! - after a body was sent, the answer is due once the slowest network has drained what the kernel still holds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use tokio::time::Instant;

use super::person::Person;
use crate::domain::{Fault, FaultKind};

const CONNECT: Duration = Duration::from_millis(3100);
/// Until an answer begins, once a request is through.
const ANSWER: Duration = Duration::from_secs(30);
/// A person looks for a device, and types its code, within this time.
const PERSON: Duration = Duration::from_secs(600);
/// For an answer with all the attempts at it, however slowly it comes.
pub(super) const ATTEMPTS: Duration = Duration::from_secs(60);
/// From the first call on, what fails for a reason that passes by itself is asked for again so long.
pub(super) const ASKING: Duration = Duration::from_secs(100);
/// S3 may think about many parts for a while: for so long about each.
const PER_PART: Duration = Duration::from_millis(10);
/// S3 copies at least so much while one waits.
const COPIED_BYTES_PER_SECOND: u64 = 16 << 20;
/// A body that comes in may rest this long.
const REST: Duration = Duration::from_secs(20);
/// A network may be as slow as this.
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;
/// Of a slow connection the kernel holds no more.
const KERNEL_BYTES: u64 = 1 << 20;

/// For calls whose answer is small.
pub(super) fn of_calls() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(ANSWER)
        .operation_attempt_timeout(ANSWER)
        .operation_timeout(ATTEMPTS)
        .build()
}

/// For calls whose credentials may have to wait for a person: as long as that takes. Silence after a request ends one all the
/// same, and so does a body that rests.
pub(super) fn with_a_person(calls: TimeoutConfig) -> TimeoutConfig {
    let longer = |time: Option<Duration>| time.map_or(PERSON, |time| time + PERSON);
    calls
        .to_builder()
        .operation_attempt_timeout(longer(calls.operation_attempt_timeout()))
        .operation_timeout(longer(calls.operation_timeout()))
        .build()
}

/// For bodies: they end by moving no more. What is not disabled here is inherited from [`of_calls`], and would cut every
/// body off after [`ANSWER`].
pub(super) fn of_bodies() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .disable_read_timeout()
        .disable_operation_attempt_timeout()
        .disable_operation_timeout()
        .build()
}

/// For parts that become an object.
pub(super) fn of_completion(parts: usize) -> TimeoutConfig {
    let time = ANSWER + PER_PART * u32::try_from(parts).unwrap_or(u32::MAX);
    TimeoutConfig::builder()
        .operation_attempt_timeout(time)
        .operation_timeout(time * 2)
        .build()
}

/// For so many bytes that S3 copies by itself.
pub(super) fn of_copy(length: u64) -> TimeoutConfig {
    let time = ANSWER + Duration::from_secs(length / COPIED_BYTES_PER_SECOND);
    TimeoutConfig::builder()
        .operation_attempt_timeout(time)
        .operation_timeout(time * 2)
        .build()
}

/// For a body that comes in: its beginning is an answer.
pub(super) fn of_downloads() -> TimeoutConfig {
    TimeoutConfig::builder().read_timeout(ANSWER).build()
}

/// For an answer whose body streams although it is small.
pub(super) async fn within<T>(
    act: &str,
    object: &str,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    // Calls are large, and would stand on the stack twice.
    tokio::time::timeout(ATTEMPTS, Box::pin(call))
        .await
        .unwrap_or_else(|_| Err(late(act, object)))
}

pub(super) fn of_streams() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled().grace_period(REST).build()
}

/// Whether a body that is sent still moves.
pub(super) struct Pulse {
    due: Mutex<Instant>,
    rest: Duration,
    drain: Duration,
    /// Whom the credentials may wait for.
    person: Person,
}

impl Pulse {
    /// Of a body of so many bytes.
    pub(super) fn new(length: u64, person: &Person) -> Self {
        Self::with(ANSWER, drain(length), person)
    }

    fn with(rest: Duration, drain: Duration, person: &Person) -> Self {
        let (due, person) = (Mutex::new(Instant::now() + rest), person.clone());
        Self {
            due,
            rest,
            drain,
            person,
        }
    }

    /// Something of the body went on its way; was it the last of it?
    pub(super) fn beat(&self, is_last: bool) {
        let drain = if is_last { self.drain } else { Duration::ZERO };
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + self.rest + drain;
    }

    /// Ends the call that sends the body once nothing moves any more.
    pub(super) async fn attend<T>(
        &self,
        act: &str,
        object: &str,
        call: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let mut call = std::pin::pin!(call);
        loop {
            let due = *self.due.lock().unwrap_or_else(PoisonError::into_inner);
            if due <= Instant::now() {
                if !self.person.is_asked() {
                    return Err(late(act, object));
                }
                self.beat(false);
                continue;
            }
            tokio::select! {
                answer = &mut call => return answer,
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }
}

fn late(act: &str, object: &str) -> Fault {
    let remedy = "check the network, then try again";
    Fault::new(FaultKind::Timeout, act, object, "no answer in time", remedy)
}

/// How long the kernel may need for the end of a body of so many bytes.
fn drain(length: u64) -> Duration {
    Duration::from_secs(length.min(KERNEL_BYTES) / SLOWEST_BYTES_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LoginWay, Wanted};

    const REST: Duration = Duration::from_secs(1);
    const DRAIN: Duration = Duration::from_secs(60);

    async fn attended(pulse: &Pulse, call: impl Future<Output = ()>) -> (Result<(), Fault>, Duration) {
        let begun = Instant::now();
        let call = async {
            call.await;
            Ok(())
        };
        (pulse.attend("upload", "s3://b/k", call).await, begun.elapsed())
    }

    #[tokio::test]
    async fn a_body_may_take_long_but_not_stand_still() {
        let pulse = Pulse::with(REST, DRAIN, &Person::nobody());
        let slowly = async {
            for piece in 0..20 {
                tokio::time::sleep(REST / 16).await;
                pulse.beat(piece == 19);
            }
        };
        let (sent, time) = attended(&pulse, slowly).await;
        assert!(sent.is_ok() && time > REST);

        pulse.beat(false);
        let (sent, time) = attended(&pulse, std::future::pending()).await;
        assert!(sent.is_err_and(|fault| fault.kind == FaultKind::Timeout && fault.is_transient()));
        assert!(time >= REST && time < REST + DRAIN, "{time:?}");
    }

    #[tokio::test]
    async fn a_call_may_stand_still_while_its_credentials_wait_for_a_person() {
        let person = Person::reached_by(|_, _| true);
        let pulse = Pulse::with(REST / 20, DRAIN, &person);
        let waiting = async {
            let wanted = Wanted::Login {
                profile: String::new(),
                session: String::new(),
                way: LoginWay::SingleSignOn,
                is_still_missing: false,
            };
            let _ = tokio::time::timeout(REST / 2, person.ask(wanted)).await;
        };
        let (sent, time) = attended(&pulse, waiting).await;
        assert!(sent.is_ok() && time >= REST / 2, "{time:?}");
        let (sent, _) = attended(&pulse, std::future::pending()).await;
        assert!(sent.is_err());
    }

    #[tokio::test]
    async fn an_answer_is_due_when_a_slow_network_has_drained_what_the_kernel_holds() {
        let (rest, kernel) = (REST / 5, REST / 2);
        let pulse = Pulse::with(rest, kernel, &Person::nobody());
        pulse.beat(true);
        let (sent, time) = attended(&pulse, std::future::pending()).await;
        assert!(sent.is_err() && time >= rest + kernel, "{time:?}");
        let of = |length| drain(length).as_secs();
        assert_eq!([of(1000), of(1 << 20), of(8 << 20), of(5 << 30)], [0, 16, 16, 16]);
    }
}
