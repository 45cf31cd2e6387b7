//! When to ask again. Pure: chance and time come in as arguments.

use std::time::Duration;

use crate::app::Topic;

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
const JITTER: f64 = 0.2;
/// A list rests so many times as long as it was walked: it is walked a twentieth of the time.
const REST: u32 = 19;
/// By itself it rests so long for each call of the walk, too: it costs a call a second at most.
const REST_PER_CALL: Duration = Duration::from_secs(1);
/// A walk of so many calls costs next to nothing: a list that was touched is walked at once.
const FEW_CALLS: u32 = 4;

/// What a walk has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) calls: u32,
    pub(super) took: Duration,
}

impl Cost {
    fn rest(self) -> Duration {
        (self.took * REST).max(REST_PER_CALL * self.calls)
    }
}

/// How long after a good answer a topic is asked again; `None`: once per appearance is enough.
///
/// `active` says whether something about it is expected to change by itself.
pub(super) fn interval(topic: &Topic, active: bool) -> Option<Duration> {
    let seconds = match (topic, active) {
        (Topic::Identity, _) => 300,
        (Topic::Keys | Topic::Buckets, _) => 60,
        (Topic::Grants(_) | Topic::Objects { .. }, _) => 15,
        (Topic::Jobs, true) => 5,
        (Topic::Jobs, false) => 20,
        (Topic::Job(_), true) => 3,
        (Topic::Log(_), true) | (Topic::Files(_), _) => 2,
        (Topic::Job(_) | Topic::Log(_), false)
        | (
            Topic::Key(_)
            | Topic::KeyPolicy(_)
            | Topic::Who(_)
            | Topic::Object { .. }
            | Topic::Versions { .. }
            | Topic::Roles
            | Topic::Interrupted,
            _,
        ) => {
            return None;
        }
    };
    Some(Duration::from_secs(seconds))
}

/// The same after a walk that cost so much.
pub(super) fn after(topic: &Topic, active: bool, cost: Cost) -> Option<Duration> {
    let interval = interval(topic, active)?;
    Some(if is_walked_whole(topic) {
        interval.max(cost.rest())
    } else {
        interval
    })
}

/// How long after a walk a list is walked again that an operation has touched.
pub(super) fn after_touch(topic: &Topic, cost: Cost) -> Duration {
    if is_walked_whole(topic) && cost.calls > FEW_CALLS {
        cost.took * REST
    } else {
        Duration::ZERO
    }
}

/// How long a list rests that is walked whole, and this long at least.
pub(super) fn whole(least: Duration, cost: Cost) -> Duration {
    least.max(cost.rest())
}

/// Whether it is a list that is asked for from its first page to its last, every time.
fn is_walked_whole(topic: &Topic) -> bool {
    match topic {
        Topic::Keys | Topic::Grants(_) | Topic::Buckets | Topic::Objects { .. } | Topic::Roles => true,
        Topic::Identity
        | Topic::Key(_)
        | Topic::KeyPolicy(_)
        | Topic::Who(_)
        | Topic::Object { .. }
        | Topic::Versions { .. }
        | Topic::Jobs
        | Topic::Job(_)
        | Topic::Log(_)
        | Topic::Interrupted
        | Topic::Files(_) => false,
    }
}

/// The pause after so many failures in a row: 1 s, 2 s, 4 s, … up to a minute.
pub(super) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_BACKOFF * 2_u32.pow(doublings)).min(LONGEST_BACKOFF)
}

/// `pause` ± 20 %, so that dashboards opened together do not ask together.
pub(super) fn with_jitter(pause: Duration) -> Duration {
    jittered(pause, chance())
}

/// The same by `chance` in 0..1.
fn jittered(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
}

/// A number in 0..1.
fn chance() -> f64 {
    // Without randomness everybody just asks on time.
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_one_second_to_a_minute() {
        let seconds: Vec<u64> = (0..10).map(|failures| backoff(failures).as_secs()).collect();
        assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff(u32::MAX), LONGEST_BACKOFF);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let pause = Duration::from_secs(10);
        assert_eq!(jittered(pause, 0.0), Duration::from_secs(8));
        assert_eq!(jittered(pause, 0.5), pause);
        assert_eq!(jittered(pause, 1.0), Duration::from_secs(12));
        assert_eq!(jittered(pause, 7.0), Duration::from_secs(12));
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&chance()));
        }
    }

    #[test]
    fn what_moves_is_asked_more_often_than_what_rests() {
        assert!(interval(&Topic::Jobs, true) < interval(&Topic::Jobs, false));
        let job = Topic::Job("j".to_owned());
        assert_eq!(interval(&job, true), Some(Duration::from_secs(3)));
        assert_eq!(interval(&job, false), None);
        assert_eq!(interval(&Topic::Roles, true), None);
    }

    #[test]
    fn a_long_list_is_walked_a_twentieth_of_the_time_and_a_short_one_as_often_as_ever() {
        let objects = Topic::Objects {
            bucket: "b".to_owned(),
            prefix: String::new(),
        };
        let cost = |calls, millis| Cost {
            calls,
            took: Duration::from_millis(millis),
        };
        let seconds = |topic: &Topic, cost| after(topic, true, cost).map_or(0, |pause| pause.as_secs());
        assert_eq!(seconds(&objects, cost(1, 200)), 15);
        assert_eq!(seconds(&objects, cost(100, 2_000)), 100);
        assert_eq!(seconds(&objects, cost(100, 20_000)), 380);
        assert_eq!(after_touch(&objects, cost(4, 800)), Duration::ZERO);
        assert_eq!(after_touch(&objects, cost(100, 2_000)), Duration::from_secs(38));
        // What is followed is asked for from where it was left.
        assert_eq!(seconds(&Topic::Log("j".to_owned()), cost(100, 20_000)), 2);
        assert_eq!(seconds(&Topic::Jobs, cost(1000, 1_000_000)), 5);
        assert_eq!(after_touch(&Topic::Jobs, cost(1000, 1_000_000)), Duration::ZERO);
    }
}
