//! Putting a request that failed or expired back in the queue.

use host_store::{
    StoreError,
    audit::{self, Record},
    requests::{self, View},
};
use serde_json::json;

use super::Requests;
use crate::who::Who;

impl Requests {
    /// Puts `request` back in the queue, in the name of `by`. Returns it as it is now; `None` if it neither failed nor expired, or
    /// if its person is no longer known here.
    pub async fn replay(&self, request: View, Who(by): Who) -> Result<Option<View>, StoreError> {
        let at = self.clock.date_ms();
        let replayed = self.store.write(move |tx| {
            Box::pin(async move {
                if !requests::replay(tx, &request.id, at).await? {
                    return Ok(None);
                }
                let record = Record {
                    connection: Some(request.connection),
                    request: Some(request.id.clone()),
                    detail: json!({ "by": by }),
                    ..Record::of("request-replayed")
                };
                audit::append(tx, &request.tenant, at, &record).await?;
                requests::show(tx, &request.id).await
            })
        });
        let replayed = replayed.await?;
        self.bell.ring();
        Ok(replayed)
    }
}
