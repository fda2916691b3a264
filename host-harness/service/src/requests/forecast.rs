//! Forecasts when a waiting request will run, and what holds it back until then.

use serde::Serialize;

use super::Requests;
use host_harness::{egress::is_long, sandbox::Calls};
use host_model::{
    contract::{
        Interface,
        manifest::{Effect, Limit},
    },
    requests::{Action, RequestState},
};
use host_store::{
    StoreError,
    holds::{Hold, hold},
    requests::RequestView,
};

/// The forecast for a waiting request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// When the next attempt is expected, in milliseconds since the Unix epoch, or `None` if that depends on an
    /// operator.
    pub runs_at: Option<i64>,
    /// What the request is waiting for, apart from its scheduled time.
    pub held_back_by: Option<String>,
}

impl Requests {
    /// Returns the forecast for `view`, which is empty if the request is not waiting.
    pub async fn forecast(&self, view: &RequestView) -> Result<Forecast, StoreError> {
        if view.contradicted_by.is_some() {
            let held_back_by = Some("another version of its plugin".to_owned());
            return Ok(Forecast { runs_at: None, held_back_by });
        }
        let Some(next_at) = view.next_at.filter(|_| view.state == RequestState::Waiting) else {
            return Ok(Forecast::default());
        };
        let now = self.clock.date_ms();
        let calls = self.served.calls(&view.connection).ok();
        let sharing = calls.as_ref().map_or_else(Vec::new, |calls| self.sharing(calls));
        let (asked, keys) = (view.clone(), sharing);
        let hold = self
            .store
            .read(move |connection| Box::pin(async move { hold(connection, &asked, &keys).await }))
            .await?;
        let Some(hold) = hold else {
            return Ok(Forecast {
                runs_at: None,
                held_back_by: Some("its connection no longer exists".to_owned()),
            });
        };
        if let Some(why) = operator(&hold, view.action, calls.as_ref()) {
            return Ok(Forecast { runs_at: None, held_back_by: Some(why) });
        }
        let mut runs_at = next_at.max(now);
        let mut held_back_by =
            hold.is_behind_same_person.then(|| "an earlier request for the same person".to_owned());
        if hold.settled_at > runs_at {
            runs_at = hold.settled_at;
            held_back_by = Some("the vendor does not show the person's last change yet".to_owned());
        }
        if hold.open_until > runs_at {
            runs_at = hold.open_until;
            held_back_by = Some("the vendor does not answer".to_owned());
        }
        let limits = calls
            .as_ref()
            .map_or_else(Vec::new, |calls| long_limits(calls, self.handlers.of(view.action).interface()));
        for limit in limits {
            let free = match &calls {
                Some(calls) => self.ledger.free(calls.connection().account, &limit).await?,
                None => 0,
            };
            if let Some(full_until) = full_until(&limit, hold.ahead, free, now, hold.gate.as_ref()) {
                runs_at = runs_at.max(full_until);
                held_back_by =
                    Some(format!("the vendor's limit {} of {} requests", limit.name, limit.requests));
            }
        }
        if let Some((until, why)) = hold.gate.filter(|(until, _)| *until > runs_at) {
            (runs_at, held_back_by) = (until, Some(why));
        }
        Ok(Forecast { runs_at: Some(runs_at), held_back_by })
    }
}

/// Returns what holds the request back if only an operator can change that.
fn operator(hold: &Hold, action: Action, calls: Option<&Calls>) -> Option<String> {
    if !hold.is_enabled {
        Some("its connection is not enabled".to_owned())
    } else if !hold.is_on_duty {
        Some(format!("{action} is not among its connection's enabled actions"))
    } else if let Some(why) = &hold.paused_why {
        Some(format!("its connection is paused: {why}"))
    } else if let Some(why) = &hold.parked_why {
        Some(format!("its connection is parked: {why}"))
    } else {
        calls.is_none().then(|| "its connection does not suit the running version of its plugin".to_owned())
    }
}

/// Returns when a full limit has room for a request with `ahead` requests before it, or `None` if it has room now.
fn full_until(limit: &Limit, ahead: i64, free: i64, now: i64, gate: Option<&(i64, String)>) -> Option<i64> {
    let period = i64::try_from(limit.period_ms?).ok()?;
    let per_window = i64::from(limit.requests).max(1);
    let over = ahead.saturating_sub(free);
    if over < 0 {
        return None;
    }
    let opens_at =
        gate.map(|(until, _)| *until).filter(|until| *until > now).unwrap_or(now.saturating_add(period));
    Some(opens_at.saturating_add((over / per_window).saturating_mul(period)))
}

/// Returns the limits of an hour or more against which every write of `interface` counts.
fn long_limits(calls: &Calls, interface: Interface) -> Vec<Limit> {
    let manifest = calls.plugin().manifest();
    let acting = manifest.operations.iter().filter(|operation| {
        operation.effect == Effect::Write && operation.used_by.iter().any(|name| name == interface.as_ref())
    });
    let mut names: Vec<_> = acting.flat_map(|operation| &operation.limits).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| manifest.limit(name))
        .filter(|limit| is_long(limit))
        .cloned()
        .collect()
}

impl Requests {
    /// Returns the keys of all connections of the same vendor account, which share its limits.
    fn sharing(&self, calls: &Calls) -> Vec<String> {
        let account = calls.connection().account;
        let mut keys = self.served.keys();
        keys.retain(|key| self.served.calls(key).is_ok_and(|other| other.connection().account == account));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(requests: u32) -> Limit {
        Limit { name: "daily".into(), requests, period_ms: Some(100) }
    }

    #[test]
    fn requests_that_fit_into_the_window_run_now_and_the_rest_in_later_windows() {
        let limit = daily(10);
        let expected = |ahead, free| full_until(&limit, ahead, free, 1_000, None);
        assert_eq!([expected(0, 1), expected(9, 10)], [None, None]);
        assert_eq!(
            [expected(10, 10), expected(19, 10), expected(20, 10)],
            [Some(1_100), Some(1_100), Some(1_200)]
        );
        let gate = (1_040, "full".to_owned());
        assert_eq!(full_until(&limit, 0, 0, 1_000, Some(&gate)), Some(1_040));
    }
}
