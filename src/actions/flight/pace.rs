//! How many calls are in flight at once: more while that makes it faster, fewer once the endpoint asks for less.

use std::time::Duration;

const FIRST: usize = 8;
const MOST: usize = 64;
/// A window is judged when it has lasted so long, and held so many answers, and so many for each that was in flight.
const WINDOW: Duration = Duration::from_millis(60);
const ANSWERS: usize = 24;
const ANSWERS_EACH: usize = 3;
/// An endpoint that asks for less more often than once in so many answers means it. Below that the speed decides: a few are
/// asked to wait by chance, and asking again costs them what it costs.
const ONCE_IN: u64 = 5;
/// So many more in flight are worth it if they make it faster by this share of that.
const WORTH: f64 = 0.1;
/// Windows to rest after a step that was not.
const REST: u32 = 24;

/// The number in flight, from answer to answer. Time is told to it.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    limit: usize,
    began: Duration,
    answers: usize,
    /// Answers a second before the last step, and the number in flight then.
    before: Option<(f64, usize)>,
    resting: u32,
    slowed: u64,
}

impl Pace {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            limit: FIRST,
            began: now,
            answers: 0,
            before: None,
            resting: 0,
            slowed: 0,
        }
    }

    /// How many may be in flight.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// One was answered; the endpoint asked for less so often until now.
    pub(super) fn answered(&mut self, now: Duration, slowed: u64) {
        self.answers += 1;
        let lasted = now.saturating_sub(self.began);
        let wanted = ANSWERS.max(self.limit * ANSWERS_EACH);
        if slowed.saturating_sub(self.slowed) * ONCE_IN > self.answers.max(ANSWERS) as u64 {
            return self.shrink(now, slowed);
        }
        if lasted < WINDOW || self.answers < wanted {
            return;
        }
        let rate = self.answers as f64 / lasted.as_secs_f64();
        match self.before {
            _ if self.resting > 0 => self.resting -= 1,
            Some((slower, fewer)) if rate >= slower * worthwhile(self.limit, fewer) => self.grow(rate),
            None => self.grow(rate),
            Some((_, fewer)) => {
                self.limit = fewer;
                self.before = None;
                self.resting = REST;
            }
        }
        (self.began, self.answers, self.slowed) = (now, 0, slowed);
    }

    fn grow(&mut self, rate: f64) {
        let more = (self.limit + self.limit.div_ceil(2)).min(MOST);
        if more > self.limit {
            self.before = Some((rate, self.limit));
            self.limit = more;
        } else {
            self.before = None;
            self.resting = REST;
        }
    }

    fn shrink(&mut self, now: Duration, slowed: u64) {
        self.limit = (self.limit / 2).max(1);
        self.slowed = slowed;
        self.before = None;
        self.resting = REST / 8;
        (self.began, self.answers) = (now, 0);
    }
}

/// How many times as fast this many must be as that many.
fn worthwhile(more: usize, fewer: usize) -> f64 {
    1.0 + WORTH * (more as f64 / fewer as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it comes to against an endpoint that answers so many a second with so many in flight.
    fn settled(rate: impl Fn(usize) -> f64, answers: usize) -> Vec<usize> {
        let mut now = Duration::ZERO;
        let mut pace = Pace::new(now);
        let mut limits = vec![pace.limit()];
        for _ in 0..answers {
            now += Duration::from_secs_f64(1.0 / rate(pace.limit()));
            pace.answered(now, 0);
            if limits.last() != Some(&pace.limit()) {
                limits.push(pace.limit());
            }
        }
        limits
    }

    #[test]
    fn it_grows_to_the_most_while_that_makes_it_faster() {
        let limits = settled(|limit| limit as f64 * 20.0, 4000);
        assert_eq!(limits, [8, 12, 18, 27, 41, 62, 64]);
    }

    #[test]
    fn it_stays_where_more_makes_nothing_faster() {
        let limits = settled(|limit| limit.min(12) as f64 * 50.0, 3000);
        assert!(limits.iter().all(|limit| *limit <= 18), "{limits:?}");
        assert_eq!(limits.get(..4), Some(&[8, 12, 18, 12][..]));
    }

    #[test]
    fn it_halves_when_it_is_asked_for_less_and_comes_back_later() {
        let mut pace = Pace::new(Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut answer = |slowed, times: usize| {
            for _ in 0..times {
                now += Duration::from_secs_f64(0.04 / pace.limit() as f64);
                pace.answered(now, slowed);
            }
            pace.limit()
        };
        assert_eq!(answer(4, 1), 8, "a few may be chance");
        assert_eq!(answer(5, 1), 4);
        assert_eq!(answer(5, 1), 4, "once for each time");
        assert_eq!(answer(10, 1), 2);
        assert_eq!(answer(15, 1), 1);
        assert_eq!(answer(20, 1), 1, "never to nothing");
        assert!(answer(20, 2000) > 8);
    }

    #[test]
    fn what_is_slowed_by_chance_does_not_bring_it_to_a_halt() {
        let mut pace = Pace::new(Duration::ZERO);
        let (mut now, mut slowed) = (Duration::ZERO, 0);
        for answer in 0_u64..4000 {
            now += Duration::from_secs_f64(0.04 / pace.limit() as f64);
            slowed += u64::from(answer % 20 == 7);
            pace.answered(now, slowed);
        }
        assert_eq!(pace.limit(), MOST);
    }
}
