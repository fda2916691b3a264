//! Puts failed and expired requests back in the queue.
//! Tested in `api/src/tests/requests.rs`.

use host_store::RowChange;
use host_store::{
    StoreError, Tx, Vault,
    audit::{self, Record},
    callbacks,
    requests::{self, RequestView},
};
use serde_json::json;

use super::Requests;
use crate::who::Who;

impl Requests {
    /// Puts `request` back in the queue, on behalf of `by`. Returns its current state, or `None` if it neither failed
    /// nor expired, or if its person is no longer known here.
    pub async fn replay(
        &self,
        request: RequestView,
        Who(by): Who,
    ) -> Result<Option<RequestView>, StoreError> {
        let at = self.clock.date_ms();
        let vault = self.store.vault().clone();
        let replayed = self
            .store
            .write(move |tx| Box::pin(async move { put_back(tx, &vault, &request, &by, at).await }))
            .await?;
        self.bell.ring();
        Ok(replayed)
    }
}

/// Puts `request` back in the queue at `at`, on behalf of `by`. Returns its current state, or `None` if it neither failed
/// nor expired, or if its data is no longer kept.
pub(crate) async fn put_back(
    tx: &mut Tx,
    vault: &Vault,
    request: &RequestView,
    by: &str,
    at: i64,
) -> Result<Option<RequestView>, StoreError> {
    if requests::replay(tx, &request.id, at).await? == RowChange::Unchanged {
        return Ok(None);
    }
    callbacks::reopen(tx, &request.id).await?;
    let record = Record {
        connection: Some(request.connection.clone()),
        request: Some(request.id.clone()),
        detail: json!({ "by": by }),
        ..Record::of("request-replayed")
    };
    audit::append(tx, vault, &request.tenant, at, &record).await?;
    requests::show(tx, &request.id).await
}
