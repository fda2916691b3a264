//! Restores the newest admitted revision of a plugin whose record was changed from outside.
//! Tested in `api/src/tests/trust.rs`.

use host_harness::plugin::KnownMark;
use host_store::{
    StoreError, alarms,
    audit::{self, ALL_TENANTS, Record},
    release_marks, versions,
};
use host_trust::{Arrival, HighWaterMark, Trust};
use serde_json::json;

use super::{
    Connections, known_mark::known_mark, loaded::intact_component, not_authentic::NOT_AUTHENTIC,
    publish_error::PublishError, signatures::mark_subject,
};
use crate::who::Who;

impl Connections {
    /// Has the newest revision in the history of a plugin be the newest admitted one, if its record was changed from outside.
    /// Nothing else lowers it.
    pub async fn restore_mark(&self, who: &Who, plugin: &str) -> Result<(), PublishError> {
        let _alone = self.sources.changing.lock().await;
        let nothing = || PublishError::NothingToRestore(plugin.to_owned());
        let trust = self.served.host().admission().trust_for(plugin).ok_or_else(nothing)?;
        let KnownMark::Unknown = known_mark(self.mark(plugin).await)? else { return Err(nothing()) };
        let newest = self.newest_in_history(&trust).await?;
        tracing::info!(
            plugin,
            revision = newest.map(|mark| u64::from(mark.revision)),
            by = who.0,
            "newest revision restored"
        );
        let (vault, at, name) = (self.store.vault().clone(), self.clock.date_ms(), plugin.to_owned());
        let detail =
            json!({"by": who.0, "plugin": plugin, "revision": newest.map(|mark| u64::from(mark.revision))});
        let digest = newest.map(|mark| mark.digest.to_string());
        let line = Record { digest, detail, ..Record::of("plugin-revision-restored") };
        let restored = self.store.write(move |tx| {
            Box::pin(async move {
                match newest {
                    Some(mark) => release_marks::put(tx, &vault, &name, mark).await?,
                    None => release_marks::forget(tx, &name).await?,
                }
                alarms::is_over(tx, at, NOT_AUTHENTIC, &mark_subject(&name)).await?;
                audit::append(tx, &vault, ALL_TENANTS, at, &line).await
            })
        });
        Ok(restored.await?)
    }

    /// Returns the newest revision among the stored versions that a trusted key signed; `None` if there is none.
    async fn newest_in_history(&self, trust: &Trust) -> Result<Option<HighWaterMark>, StoreError> {
        let (name, now) = (trust.plugin().to_owned(), self.clock.date_ms());
        let known = self.store.read(move |c| Box::pin(async move { versions::of_plugin(c, &name).await }));
        let mut newest = None;
        for stored in known.await?.into_iter().filter(|stored| stored.is_authentic(self.store.vault())) {
            let Some(component) = intact_component(&self.store, stored.version.digest).await? else {
                continue;
            };
            let arrival = Arrival::PutBack(stored.version.digest);
            let signed = trust.verify(&component, stored.version.bundle.as_deref(), arrival, now);
            newest = signed.map_or(newest, |signed| signed.mark_after(newest));
        }
        Ok(newest)
    }
}
