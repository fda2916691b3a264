//! Forecasts when waiting requests will run, and what holds them back until then.

use serde::Serialize;

use super::{
    Requests,
    limit_queues::{LimitQueues, LimitRoom},
};
use host_model::{
    contract::manifest::Limit,
    requests::{Action, RequestState, waits_for::WaitsFor},
};
use host_store::{
    StoreError,
    delays::{ConnectionDelay, Delays, Gate, delays},
    requests::RequestView,
};

/// The forecast for a waiting request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// When the next attempt is expected, in milliseconds since the Unix epoch, or `None` if that depends on an
    /// operator.
    pub runs_at: Option<i64>,
    /// What the request is waiting for; `None` if it is due, or not waiting.
    pub waits_for: Option<WaitsFor>,
    /// What the request is waiting for, apart from its scheduled time, for an operator.
    pub held_back_by: Option<String>,
    /// Its place among the requests that do not fit into the vendor's limit now, starting at 1; `None` if no limit holds it
    /// back.
    pub place: Option<i64>,
}

impl Forecast {
    /// A request that runs only after something else has changed.
    fn held(waits_for: WaitsFor, why: String) -> Self {
        Self { waits_for: Some(waits_for), held_back_by: Some(why), ..Self::default() }
    }

    /// Postpones the next attempt.
    fn postpone(&mut self, until: i64, waits_for: WaitsFor, why: String) {
        self.runs_at = Some(until);
        self.waits_for = Some(waits_for);
        self.held_back_by = Some(why);
    }

    fn is_before(&self, time: i64) -> bool {
        self.runs_at.is_some_and(|runs_at| runs_at < time)
    }
}

impl Requests {
    /// Returns the forecast for `view`, which is empty if the request is not waiting.
    pub async fn forecast(&self, view: &RequestView) -> Result<Forecast, StoreError> {
        let forecasts = self.forecasts(std::slice::from_ref(view)).await?;
        Ok(forecasts.into_iter().next().unwrap_or_default())
    }

    /// Returns the forecast for each of `views`. The number of queries does not depend on the number of requests.
    pub async fn forecasts(&self, views: &[RequestView]) -> Result<Vec<Forecast>, StoreError> {
        let waits = |view: &&RequestView| view.state == RequestState::Waiting && view.next_at.is_some();
        let waiting: Vec<RequestView> = views.iter().filter(waits).cloned().collect();
        if waiting.is_empty() {
            return Ok(views.iter().map(unread).collect());
        }
        let queues = self.limit_queues(&waiting).await?;
        let read = self.store.read(move |c| Box::pin(async move { delays(c, &waiting).await }));
        let delays = read.await?;
        Ok(views.iter().map(|view| self.with_delays(view, &delays, &queues)).collect())
    }

    fn with_delays(&self, view: &RequestView, delays: &Delays, queues: &LimitQueues) -> Forecast {
        let Some(next_at) = view.next_at.filter(|_| view.state == RequestState::Waiting) else {
            return unread(view);
        };
        let Some(connection) = delays.of_connection(view) else {
            return Forecast::held(WaitsFor::Connection, "its connection no longer exists".to_owned());
        };
        if let Some(held) = operator(connection, view.action) {
            return held;
        }
        if self.served.calls(&view.connection).is_err() {
            let why = "its connection does not suit the running version of its plugin";
            return Forecast::held(WaitsFor::Connection, why.to_owned());
        }
        let now = self.clock.date_ms();
        let mut forecast = Forecast { runs_at: Some(next_at.max(now)), ..Forecast::default() };
        if next_at > now {
            forecast.waits_for = Some(WaitsFor::Retry);
        }
        let person = delays.of_person(view);
        if person.is_behind {
            forecast.waits_for = Some(WaitsFor::EarlierRequest);
            forecast.held_back_by = Some("an earlier request for the same person".to_owned());
        }
        if forecast.is_before(person.settled_at) {
            let why = "the vendor does not show the person's last change yet";
            forecast.postpone(person.settled_at, WaitsFor::Settling, why.to_owned());
        }
        if forecast.is_before(connection.open_until) {
            let why = "the vendor does not answer";
            forecast.postpone(connection.open_until, WaitsFor::Vendor, why.to_owned());
        }
        let gate = delays.of_limit(view);
        for LimitRoom { limit, free } in queues.rooms(view) {
            let behind = queues.ahead(view).saturating_sub(*free);
            if let Some(full_until) = full_until(limit, behind, now, gate) {
                let why = format!("the vendor's limit {} of {} requests", limit.name, limit.requests);
                let until = forecast.runs_at.unwrap_or(now).max(full_until);
                forecast.postpone(until, WaitsFor::Limit, why);
                forecast.place = forecast.place.max(Some(behind + 1));
            }
        }
        if let Some(gate) = gate.filter(|gate| forecast.is_before(gate.until)) {
            forecast.postpone(gate.until, WaitsFor::Limit, gate.why.clone());
        }
        forecast
    }
}

/// Returns the forecast for a request about which nothing more has to be read.
fn unread(view: &RequestView) -> Forecast {
    if view.contradicted_by.is_none() {
        return Forecast::default();
    }
    Forecast::held(WaitsFor::AnotherVersion, "another version of its plugin".to_owned())
}

/// Returns what holds the request back if only an operator can change that.
fn operator(connection: &ConnectionDelay, action: Action) -> Option<Forecast> {
    if !connection.is_enabled {
        return Some(Forecast::held(WaitsFor::Connection, "its connection is not enabled".to_owned()));
    }
    let Some(duties) = &connection.duties else {
        return Some(Forecast::held(WaitsFor::Connection, "its connection cannot be read".to_owned()));
    };
    if !duties.contains(&action.duty()) {
        let why = format!("{action} is not among its connection's enabled actions");
        return Some(Forecast::held(WaitsFor::Connection, why));
    }
    if let Some(why) = &connection.paused_why {
        return Some(Forecast::held(WaitsFor::Paused, format!("its connection is paused: {why}")));
    }
    let parked = connection.parked_why.as_ref();
    parked.map(|why| Forecast::held(WaitsFor::Parked, format!("its connection is parked: {why}")))
}

/// Returns when a limit has room for a request with `behind` requests more before it than fit now; `None` if it has room
/// now.
fn full_until(limit: &Limit, behind: i64, now: i64, gate: Option<&Gate>) -> Option<i64> {
    let period = i64::try_from(limit.period_ms?).ok()?;
    let per_window = i64::from(limit.requests).max(1);
    if behind < 0 {
        return None;
    }
    let opens_at =
        gate.map(|gate| gate.until).filter(|until| *until > now).unwrap_or(now.saturating_add(period));
    Some(opens_at.saturating_add((behind / per_window).saturating_mul(period)))
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
        let expected = |ahead: i64, free: i64| full_until(&limit, ahead - free, 1_000, None);
        assert_eq!([expected(0, 1), expected(9, 10)], [None, None]);
        assert_eq!(
            [expected(10, 10), expected(19, 10), expected(20, 10)],
            [Some(1_100), Some(1_100), Some(1_200)]
        );
        let gate = Gate { until: 1_040, why: "full".to_owned() };
        assert_eq!(full_until(&limit, 0, 1_000, Some(&gate)), Some(1_040));
    }
}
