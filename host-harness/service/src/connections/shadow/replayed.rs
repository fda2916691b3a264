//! Stored deliveries and requests, as the calls that are made for them.

use host_harness::{door::TokenCheck, shadow::ShadowCall};
use host_model::{
    contract::erasure::PendingErasure,
    requests::{Action, Step},
};
use host_store::{
    StoreError,
    deliveries::{self, KeptDelivery},
    details::{Details, key_context},
    requests::kept::{self, KeptRequest},
};

use super::{
    super::Connections,
    found::{ReplayedKind, WhyNotCompared},
};
use crate::webhooks::stored_delivery;

/// Where something is stored that can be replayed.
#[derive(Clone, Copy, Debug)]
pub(super) enum StoredPlace {
    Delivery(i64),
    Request(i64),
}

impl StoredPlace {
    /// Returns what is known of it before it is opened.
    pub(super) fn kind(self) -> ReplayedKind {
        match self {
            Self::Delivery(_) => ReplayedKind::Delivery,
            Self::Request(_) => ReplayedKind::Request,
        }
    }
}

/// What is stored, opened.
pub(super) enum Replayed {
    /// It leads to a call.
    Call { kind: ReplayedKind, call: ShadowCall },
    /// It leads to no call, because nothing is left to do.
    Nothing,
    /// It cannot be replayed.
    Lost(WhyNotCompared),
}

impl Connections {
    /// Returns the last deliveries and requests of a connection, at most `most` of each.
    pub(super) async fn to_replay(
        &self,
        tenant: &str,
        key: &str,
        most: usize,
    ) -> Result<Vec<StoredPlace>, StoreError> {
        let (tenant, key) = (tenant.to_owned(), key.to_owned());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let places = self.store.read(move |connection| {
            Box::pin(async move {
                let deliveries = deliveries::latest(connection, &tenant, &key, most).await?;
                let requests = kept::with_data(connection, &key, most).await?;
                let deliveries = deliveries.into_iter().map(StoredPlace::Delivery);
                Ok(deliveries.chain(requests.into_iter().map(StoredPlace::Request)).collect())
            })
        });
        places.await
    }

    /// Reads and opens what is stored at `place`. A row that cannot be read is lost, and no failure.
    pub(super) async fn replayed(&self, place: StoredPlace) -> Result<Replayed, StoreError> {
        let opened = match place {
            StoredPlace::Delivery(seq) => {
                let kept = self.store.read(move |c| Box::pin(deliveries::kept(c, seq))).await;
                kept.and_then(|kept| self.delivery(kept))
            }
            StoredPlace::Request(seq) => {
                let kept = self.store.read(move |c| Box::pin(kept::kept(c, seq))).await;
                kept.and_then(|kept| self.request(kept))
            }
        };
        match opened {
            Err(error @ (StoreError::Closed | StoreError::Busy(_) | StoreError::Unresponsive(_))) => {
                Err(error)
            }
            Err(_) => Ok(Replayed::Lost(WhyNotCompared::Unreadable)),
            Ok(replayed) => Ok(replayed),
        }
    }

    fn delivery(&self, kept: Option<KeptDelivery>) -> Result<Replayed, StoreError> {
        let Some(KeptDelivery { id, accepted, sealed: Some(sealed) }) = kept else {
            return Ok(Replayed::Lost(WhyNotCompared::NotKept));
        };
        let delivery = stored_delivery::open(self.store.vault(), &id, &sealed)?;
        let check = if accepted { TokenCheck::Accepted } else { TokenCheck::NotAccepted };
        Ok(Replayed::Call { kind: ReplayedKind::Delivery, call: ShadowCall::Verify(delivery, check) })
    }

    fn request(&self, kept: Option<KeptRequest>) -> Result<Replayed, StoreError> {
        let Some(KeptRequest { id, action, step, reference, has_writer, sealed_details, data_key }) = kept
        else {
            return Ok(Replayed::Lost(WhyNotCompared::NotKept));
        };
        if has_writer {
            return Ok(Replayed::Lost(WhyNotCompared::ByItsWriter));
        }
        let key = self.store.vault().data_key(&key_context(&id), &data_key)?;
        let Details { subject, plan, .. } = Details::open(&key, &id, &sealed_details)?;
        let (kind, call) = match (action, step) {
            (Action::Erasure, Step::Act) => (ReplayedKind::Erasure, ShadowCall::Erase(subject)),
            (Action::Erasure, Step::Confirm) => {
                let erasure = PendingErasure { subject, reference };
                (ReplayedKind::Confirmation, ShadowCall::Confirm(erasure))
            }
            (Action::Consent, _) => {
                let preferences = plan.preferences();
                if preferences.is_empty() {
                    return Ok(Replayed::Nothing);
                }
                (ReplayedKind::Consent, ShadowCall::Apply(subject, preferences))
            }
            (Action::Reading, _) => (ReplayedKind::Reading, ShadowCall::Current(subject)),
        };
        Ok(Replayed::Call { kind, call })
    }
}
