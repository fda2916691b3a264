//! How requests stand: what lists and reports show beyond the stored row.
//! Tested in `api/src/tests/listed_requests.rs`.

use host_model::requests::{RequestState, deadline, waits_for::WaitsFor};
use host_store::{
    PersonHash, StoreError,
    requests::{
        RequestView,
        matching::{self, ListPart, MatchCount, RequestFilter, WaitsAt},
    },
};

use super::{Requests, forecast::Forecast};

/// A request as it stands now.
#[derive(Clone, Debug)]
pub struct RequestStanding {
    /// The stored request.
    pub view: RequestView,
    /// The person that it is about.
    pub person: PersonHash,
    /// The days that are left of the month, negative if it is overdue; `None` if it has ended.
    pub days_left: Option<i64>,
    /// When it will run, and what holds it back.
    pub forecast: Forecast,
}

/// What a caller wants to see of the requests that it may see.
#[derive(Clone, Debug, Default)]
pub struct RequestSearch {
    /// Which requests, apart from what depends on the time.
    pub filter: RequestFilter,
    /// Only those of whose month less than a quarter is left, or all.
    pub month: MonthFilter,
    /// Only those that wait for this; `None` for all.
    pub waits_for: Option<WaitsFor>,
}

/// Which requests to find by what is left of their month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MonthFilter {
    /// All.
    #[default]
    Any,
    /// Those that have not ended, of whose month less than a quarter is left.
    Short,
}

impl Requests {
    /// Returns the requests that `search` finds, newest first, as they stand.
    pub async fn list(
        &self,
        search: RequestSearch,
        part: ListPart,
    ) -> Result<Vec<RequestStanding>, StoreError> {
        let filter = self.filter_now(search);
        let listed =
            self.store.read(move |c| Box::pin(async move { matching::list(c, &filter, &part).await }));
        self.standings(listed.await?).await
    }

    /// Returns how many requests `search` finds.
    pub async fn count(&self, search: RequestSearch) -> Result<MatchCount, StoreError> {
        let filter = self.filter_now(search);
        self.store.read(move |c| Box::pin(async move { matching::count(c, &filter).await })).await
    }

    /// Returns how the request of `view` stands.
    pub async fn standing(&self, view: RequestView) -> Result<RequestStanding, StoreError> {
        let forecast = self.forecast(&view).await?;
        Ok(self.with_forecast(view, forecast))
    }

    /// Returns the filter of `search` at this time.
    pub(crate) fn filter_now(&self, search: RequestSearch) -> RequestFilter {
        let RequestSearch { mut filter, month, waits_for } = search;
        let at = self.clock.date_ms();
        if month == MonthFilter::Short {
            filter.open_since = Some(deadline::short_since(at));
        }
        filter.waits = waits_for.map(|what| WaitsAt { what, at, unserved: self.served.unserved() });
        filter
    }

    /// Returns how the requests of `views` stand.
    pub async fn standings(&self, views: Vec<RequestView>) -> Result<Vec<RequestStanding>, StoreError> {
        let forecasts = self.forecasts(&views).await?;
        let standings = views.into_iter().zip(forecasts);
        Ok(standings.map(|(view, forecast)| self.with_forecast(view, forecast)).collect())
    }

    fn with_forecast(&self, view: RequestView, forecast: Forecast) -> RequestStanding {
        let person = self.store.vault().person_hash(&view.tenant, &view.connection, view.person);
        // The month goes on for a request that has failed: the person still waits for an answer.
        let is_answered = matches!(view.state, RequestState::Done | RequestState::Skipped);
        let days_left = (!is_answered).then(|| deadline::days_left(view.received_at, self.clock.date_ms()));
        RequestStanding { view, person, days_left, forecast }
    }
}
