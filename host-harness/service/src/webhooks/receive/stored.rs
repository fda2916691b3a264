//! Stores deliveries that are accepted.

use host_store::{
    RowChange, StoreError, Tx, connections,
    deliveries::{self, NewDelivery},
};
use uuid::Uuid;

use super::{AcceptedDelivery, MAX_UNPROVEN, STORE_RETRY_AFTER, Webhooks};
use crate::{
    tokens,
    webhooks::{response::WebhookResponse, stored_delivery},
};

impl Webhooks {
    pub(super) async fn store(
        &self,
        tenant: String,
        connection: String,
        passed: AcceptedDelivery,
    ) -> Result<WebhookResponse, StoreError> {
        let AcceptedDelivery { admitted, by_vendor, carried } = passed;
        let store = &self.store;
        let now = self.clock.date_ms();
        let id = Uuid::now_v7().to_string();
        let digest = if by_vendor { stored_delivery::digest } else { stored_delivery::digest_of_all };
        let new = NewDelivery {
            body_digest: digest(&*store.person_key(&tenant).await?, admitted.delivery()),
            accepted: admitted.is_accepted(),
            proven: by_vendor,
            sealed: stored_delivery::seal(store.vault(), &id, admitted.delivery())?,
            received_at: now,
            id,
            tenant: tenant.clone(),
            connection: connection.clone(),
        };
        let news = carried.filter(|carried| tokens::issue::is_news(carried, now));
        let answer = if by_vendor && news.is_none() {
            // Nothing is decided by what else is written, so it need not wait for others.
            store.append(move |tx| Box::pin(insert(tx, new))).await?
        } else {
            let vault = store.vault().clone();
            let stored = store.write(move |tx| {
                Box::pin(async move {
                    if !by_vendor && deliveries::unproven(tx, &connection).await? >= MAX_UNPROVEN {
                        return Ok(WebhookResponse::Unavailable(STORE_RETRY_AFTER));
                    }
                    let answer = insert(tx, new).await?;
                    if let Some(news) = news.filter(|_| answer == WebhookResponse::Taken) {
                        tokens::issue::record_seen(tx, &vault, &tenant, &connection, &news, now).await?;
                    }
                    Ok(answer)
                })
            });
            stored.await?
        };
        if answer == WebhookResponse::Taken {
            self.arrived.ring();
        }
        Ok(answer)
    }
}

/// Stores a delivery, which its connection may not exist for any more.
async fn insert(tx: &mut Tx, new: NewDelivery) -> Result<WebhookResponse, StoreError> {
    let connection = new.connection.clone();
    let is_stored = deliveries::insert(tx, new).await? == RowChange::Changed
        || connections::tenant(tx, &connection).await?.is_some();
    Ok(if is_stored { WebhookResponse::Taken } else { WebhookResponse::Refused })
}
