//! Reveals the person of a request to an operator, as long as the request's data exists.
//! Tested in `api/src/tests/reveal.rs`.

use host_model::contract::Subject;
use host_store::{
    StoreError,
    audit::{self, Record},
    details::{Details, key_context},
    requests::{self, RequestView, SealedData},
};
use serde_json::json;

use super::Requests;
use crate::who::Who;

impl Requests {
    /// Returns the person that `request` is about, on behalf of `by`; `None` if its data was destroyed. The audit chain
    /// records who asked for it before it is returned, and does not contain the person.
    pub async fn reveal(&self, request: &RequestView, Who(by): Who) -> Result<Option<Subject>, StoreError> {
        let (at, vault) = (self.clock.date_ms(), self.store.vault().clone());
        let (id, tenant) = (request.id.clone(), request.tenant.clone());
        let record = Record {
            connection: Some(request.connection.clone()),
            request: Some(request.id.clone()),
            detail: json!({ "by": by }),
            ..Record::of("person-revealed")
        };
        let revealed = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(SealedData { sealed_details, data_key }) = requests::data(tx, &id).await? else {
                    return Ok(None);
                };
                let key = vault.data_key(&key_context(&id), &data_key)?;
                let details = Details::open(&key, &id, &sealed_details)?;
                audit::append(tx, &vault, &tenant, at, &record).await?;
                Ok(Some(details.subject))
            })
        });
        revealed.await
    }
}
