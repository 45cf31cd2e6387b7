//! When to ask again. Pure: chance and time come in as arguments.

use std::time::Duration;

use crate::app::Topic;

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
const JITTER: f64 = 0.2;

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
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}

/// The pause after so many failures in a row: 1 s, 2 s, 4 s, … up to a minute.
pub(super) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_BACKOFF * 2_u32.pow(doublings)).min(LONGEST_BACKOFF)
}

/// `pause` ± 20 %, by `chance` in 0..1, so that dashboards opened together do not ask together.
pub(super) fn jittered(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(1.0 + JITTER * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
}

/// A number in 0..1.
pub(super) fn chance() -> f64 {
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
}
