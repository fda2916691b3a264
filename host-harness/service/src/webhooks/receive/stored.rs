//! Stores deliveries that are accepted.

use std::time::Duration;

use host_harness::door::AdmittedDelivery;
use host_model::token::TokenView;
use host_store::{
    RowChange, Store, StoreError, Tx, connections,
    deliveries::{self, NewDelivery},
};
use uuid::Uuid;

use crate::{
    tokens,
    webhooks::{response::WebhookResponse, stored_delivery},
};

/// The maximum number of unproven deliveries kept for a connection: anyone can send them, so they must not fill the
/// disk.
pub(super) const MAX_UNPROVEN: i64 = 1_000;

/// When to retry if a delivery cannot be stored.
pub(super) const STORE_RETRY_AFTER: Duration = Duration::from_secs(10);

/// A delivery that may be stored.
pub(super) struct AcceptedDelivery {
    pub(super) admitted: AdmittedDelivery,
    /// Whether it is proven to be the vendor's.
    pub(super) by_vendor: bool,
    pub(super) carried: Option<TokenView>,
}

/// Stores a delivery that was accepted at the time `now`, unless there are too many that anyone can have sent.
pub(super) async fn store(
    store: &Store,
    tenant: &str,
    connection: &str,
    passed: AcceptedDelivery,
    now: i64,
) -> Result<WebhookResponse, StoreError> {
    let AcceptedDelivery { admitted, by_vendor, carried } = passed;
    let id = Uuid::now_v7().to_string();
    let digest = if by_vendor { stored_delivery::digest } else { stored_delivery::digest_of_all };
    let new = NewDelivery {
        body_digest: digest(&*store.person_key(tenant).await?, admitted.delivery()),
        accepted: admitted.is_accepted(),
        proven: by_vendor,
        sealed: stored_delivery::seal(store.vault(), &id, admitted.delivery())?,
        received_at: now,
        id,
        tenant: tenant.to_owned(),
        connection: connection.to_owned(),
    };
    let news = carried.filter(|carried| tokens::issue::is_news(carried, now));
    if by_vendor && news.is_none() {
        // Nothing is decided by what else is written, so it need not wait for others.
        return store.append(move |tx| Box::pin(insert(tx, new))).await;
    }
    let vault = store.vault().clone();
    let stored = store.write(move |tx| {
        Box::pin(async move {
            let (tenant, connection) = (new.tenant.clone(), new.connection.clone());
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
    stored.await
}

/// Stores a delivery, which its connection may not exist for any more.
async fn insert(tx: &mut Tx, new: NewDelivery) -> Result<WebhookResponse, StoreError> {
    let connection = new.connection.clone();
    let is_stored = deliveries::insert(tx, new).await? == RowChange::Changed
        || connections::tenant(tx, &connection).await?.is_some();
    Ok(if is_stored { WebhookResponse::Taken } else { WebhookResponse::Refused })
}
