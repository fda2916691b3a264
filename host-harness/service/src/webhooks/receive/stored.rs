//! Stores deliveries that are accepted.

use std::{slice, time::Duration};

use host_harness::door::AdmittedDelivery;
use host_model::token::TokenView;
use host_store::{
    Batched, Store, StoreError,
    deliveries::{self, InsertedDelivery, NewDelivery},
};
use uuid::Uuid;

use crate::{
    tokens,
    webhooks::{response::WebhookResponse, stored_delivery},
};

/// The maximum number of unproven deliveries kept for a connection: anyone can send them, so they must not fill the
/// disk.
pub(super) const MAX_UNPROVEN: i64 = 1_000;

/// Maximum number of deliveries that are stored at once: together at most as large as 16 MiB.
const MAX_STORED_AT_ONCE: usize = 64;

/// When to retry if a delivery cannot be stored.
pub(super) const STORE_RETRY_AFTER: Duration = Duration::from_secs(10);

/// A delivery that may be stored.
pub(super) struct AcceptedDelivery {
    pub(super) admitted: AdmittedDelivery,
    /// Whether it is proven to be the vendor's.
    pub(super) by_vendor: bool,
    pub(super) carried: Option<TokenView>,
}

/// Stores deliveries. Clones share everything.
#[derive(Clone)]
pub(crate) struct DeliveryIntake {
    store: Store,
    /// Stores those of the vendor.
    proven: Batched<NewDelivery, WebhookResponse>,
}

impl DeliveryIntake {
    /// Starts to store in `store`.
    pub(crate) fn start(store: Store) -> Self {
        let appended = store.clone();
        let proven = Batched::start(MAX_STORED_AT_ONCE, move |new: Vec<NewDelivery>| {
            let store = appended.clone();
            // Nothing is decided by what else is written, so it need not wait for others.
            async move {
                let inserted = store
                    .append(move |tx| Box::pin(async move { deliveries::insert(tx, &new).await }))
                    .await?;
                Ok(inserted.into_iter().map(WebhookResponse::from).collect())
            }
        });
        Self { store, proven }
    }

    /// Stores a delivery that was accepted at the time `now`, unless there are too many that anyone can have sent.
    pub(super) async fn store(
        &self,
        tenant: &str,
        connection: &str,
        passed: AcceptedDelivery,
        now: i64,
    ) -> Result<WebhookResponse, StoreError> {
        let AcceptedDelivery { admitted, by_vendor, carried } = passed;
        let id = Uuid::now_v7().to_string();
        let digest = if by_vendor { stored_delivery::digest } else { stored_delivery::digest_of_all };
        let new = NewDelivery {
            body_digest: digest(&*self.store.person_key(tenant).await?, admitted.delivery()),
            accepted: admitted.is_accepted(),
            proven: by_vendor,
            sealed: stored_delivery::seal(self.store.vault(), &id, admitted.delivery())?,
            received_at: now,
            id,
            tenant: tenant.to_owned(),
            connection: connection.to_owned(),
        };
        let news = carried.filter(|carried| tokens::issue::is_news(carried, now));
        if by_vendor && news.is_none() {
            return self.proven.carry_out(new).await;
        }
        let vault = self.store.vault().clone();
        let stored = self.store.write(move |tx| {
            Box::pin(async move {
                let NewDelivery { tenant, connection, .. } = &new;
                if !by_vendor && deliveries::unproven(tx, connection).await? >= MAX_UNPROVEN {
                    return Ok(WebhookResponse::Unavailable(STORE_RETRY_AFTER));
                }
                let inserted = deliveries::insert(tx, slice::from_ref(&new)).await?;
                let [inserted] = inserted[..] else { return Ok(WebhookResponse::Refused) };
                if let Some(news) = news.filter(|_| inserted == InsertedDelivery::Stored) {
                    tokens::issue::record_seen(tx, &vault, tenant, connection, &news, now).await?;
                }
                Ok(inserted.into())
            })
        });
        stored.await
    }
}

impl From<InsertedDelivery> for WebhookResponse {
    fn from(inserted: InsertedDelivery) -> Self {
        match inserted {
            InsertedDelivery::Stored => Self::Taken,
            InsertedDelivery::NoConnection => Self::Refused,
        }
    }
}
