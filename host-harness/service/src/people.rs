//! What is known of one person, at each connection.
//! Tested in `api/src/tests/people.rs`.

use std::{collections::BTreeMap, sync::Arc};

use host_harness::clock::Clock;
use host_model::{consent::newest::RecordedChoices, contract::Subject};
use host_store::{
    PersonKey, Store, StoreError, SubjectNames, Tx,
    audit::{self, Record},
    choices::{self, NoticeChoice},
    connection_places::{self, ConnectionPlace},
    connections,
    grant::KeyReach,
    people,
    requests::{self, RequestView},
};
use serde_json::json;

use crate::who::Who;

/// The maximum number of requests that are returned of one person at one connection.
pub const MAX_REQUESTS: usize = 100;

/// Looks people up. Clones share everything.
#[derive(Clone)]
pub struct People {
    store: Store,
    clock: Arc<dyn Clock>,
}

/// What is known of a person at one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundPerson {
    /// The connection.
    pub place: ConnectionPlace,
    /// When the vendor accepted an erasure of the person, in milliseconds since the Unix epoch; `None` if it did not.
    pub erased_at: Option<i64>,
    /// The requests about the person, the newest first, at most [`MAX_REQUESTS`].
    pub requests: Vec<RequestView>,
    /// The person's current choices.
    pub choices: RecordedChoices,
    /// The choices for notices that the platform is known to have.
    pub notices: Vec<NoticeChoice>,
}

impl People {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Looks `subject` up at the connections of `reach`, of `tenant` or of all tenants, on behalf of `by`. Each tenant's
    /// audit chain records the look-up with the keyed hashes of the identifiers. The identifiers are stored nowhere.
    /// Connections that do not know the person are left out.
    pub async fn find(
        &self,
        subject: Subject,
        reach: KeyReach,
        tenant: Option<String>,
        Who(by): Who,
    ) -> Result<Vec<FoundPerson>, StoreError> {
        let places = self.store.read(|c| {
            Box::pin(async move { connection_places::reached(c, &reach, tenant.as_deref()).await })
        });
        let mut by_tenant: BTreeMap<String, Vec<ConnectionPlace>> = BTreeMap::new();
        for place in places.await? {
            by_tenant.entry(place.tenant.clone()).or_default().push(place);
        }
        let mut found = Vec::new();
        for (tenant, places) in by_tenant {
            let key = self.store.person_key(&tenant).await?;
            self.record(&tenant, &key, &subject, &by).await?;
            let subject = subject.clone();
            let of_tenant = self.store.read(|c| {
                Box::pin(async move {
                    let mut found = Vec::new();
                    for place in places {
                        found.extend(at_connection(c, &key, &subject, place).await?);
                    }
                    Ok(found)
                })
            });
            found.extend(of_tenant.await?);
        }
        Ok(found)
    }

    async fn record(
        &self,
        tenant: &str,
        key: &PersonKey,
        subject: &Subject,
        by: &str,
    ) -> Result<(), StoreError> {
        let (vault, at, tenant) = (self.store.vault().clone(), self.clock.date_ms(), tenant.to_owned());
        let names: Vec<_> = subject.identifiers().iter().map(|identifier| key.name(identifier)).collect();
        let record = Record { detail: json!({ "by": by }), ..Record::of("person-looked-up") }.about(&names);
        let recorded = self
            .store
            .write(move |tx| Box::pin(async move { audit::append(tx, &vault, &tenant, at, &record).await }));
        recorded.await
    }
}

/// Returns what is known of `subject` at `place`; `None` if nothing is. Only names that identify a person there count.
async fn at_connection(
    connection: &mut Tx,
    key: &PersonKey,
    subject: &Subject,
    place: ConnectionPlace,
) -> Result<Option<FoundPerson>, StoreError> {
    // People of a connection that is not keyed yet cannot be found, which an alarm says.
    let Some(identifying) = connections::keyed_by(connection, &place.key).await? else {
        return Ok(None);
    };
    let names = SubjectNames::of(key, subject, &identifying).identifying;
    let found = people::found(connection, &place.key, &names).await?;
    if found.is_empty() {
        return Ok(None);
    }
    let (mut choices, mut notices) = (RecordedChoices::new(), Vec::new());
    for person in &found {
        choices.extend(choices::ledger(connection, *person).await?);
        notices.extend(choices::all_at_platform(connection, *person).await?);
    }
    Ok(Some(FoundPerson {
        erased_at: people::erased_since(connection, &place.key, &names).await?,
        requests: requests::about(connection, &found, MAX_REQUESTS).await?,
        choices,
        notices,
        place,
    }))
}
