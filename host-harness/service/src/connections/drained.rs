//! Watches the versions that were replaced until the last call on them has ended. One on which calls still run after its
//! deadline raises an alarm. They are not ended: a request that was cut off may have changed something at the vendor.

use std::collections::BTreeMap;

use host_model::release::drain::{DRAIN_MS, Drain};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    audit::ALL_TENANTS,
};

use super::Connections;
use crate::{replica, served::release::DrainingVersion};

/// The alarm about a replaced version on which calls still run.
const NOT_DRAINED: &str = "plugin-version-not-drained";

/// The versions of this replica that are being drained.
#[derive(Debug, Default)]
pub(super) struct DrainWatch(BTreeMap<String, WatchedDrain>);

#[derive(Debug)]
struct WatchedDrain {
    /// When it was first seen replaced, in milliseconds since the Unix epoch.
    since: i64,
    is_alarmed: bool,
}

impl DrainWatch {
    /// Looks at what still runs. Raises alarms about what is overdue, and ends those about what has ended.
    pub(super) async fn look(&mut self, connections: &Connections) -> Result<(), StoreError> {
        let now = connections.clock.date_ms();
        let mut draining = BTreeMap::new();
        for DrainingVersion { plugin, digest, calls } in connections.served.draining() {
            let about = format!("version {digest} of plugin {plugin} at {}", replica::name());
            *draining.entry(about).or_insert(0) += calls;
        }
        let ended: Vec<_> = self.0.extract_if(.., |about, _| !draining.contains_key(about)).collect();
        for (about, watched) in ended {
            if watched.is_alarmed {
                connections.end_drain_alarm(about).await?;
            }
        }
        for (about, calls) in draining {
            let watched =
                self.0.entry(about.clone()).or_insert(WatchedDrain { since: now, is_alarmed: false });
            let drain = Drain::of(calls as u64, watched.since, DRAIN_MS, now);
            if drain == Drain::Overdue && !watched.is_alarmed {
                connections.raise_drain_alarm(about, calls).await?;
                watched.is_alarmed = true;
            }
        }
        Ok(())
    }
}

impl Connections {
    async fn raise_drain_alarm(&self, about: String, calls: usize) -> Result<(), StoreError> {
        let (at, minutes) = (self.clock.date_ms(), DRAIN_MS / 60_000);
        let detail = format!(
            "{calls} calls still run on it {minutes} minutes after it was replaced, and are not ended: a restart of the \
             replica ends them"
        );
        let raised = self.store.write(move |tx| {
            Box::pin(async move {
                let alarm = Alarm {
                    tenant: ALL_TENANTS,
                    connection: None,
                    kind: NOT_DRAINED,
                    about: &about,
                    detail: &detail,
                };
                alarms::raise(tx, at, &alarm).await
            })
        });
        raised.await
    }

    async fn end_drain_alarm(&self, about: String) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        self.store
            .write(move |tx| Box::pin(async move { alarms::is_over(tx, at, NOT_DRAINED, &about).await }))
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use host_harness::plugin::{LoadPolicy, Slot};

    use super::*;
    use crate::testing::bench::{Bench, component};

    async fn open(connections: &Connections) -> Vec<String> {
        let open = connections.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        open.into_iter().filter(|alarm| alarm.kind == NOT_DRAINED).map(|alarm| alarm.detail).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_replaced_version_on_which_a_call_runs_after_its_deadline_has_an_alarm_until_it_has_ended() {
        let bench = Bench::new().await;
        let connections = bench.parts.connections.clone();
        let mut watch = DrainWatch::default();
        let running = bench.parts.served.calls("newsletter").unwrap();
        let another = [std::fs::read(component()).unwrap(), vec![0, 3, 1, b'v', 1]].concat();
        let host = bench.parts.served.host();
        let another = host.load_admitted(another, &LoadPolicy::default()).await.unwrap();
        let slot: std::sync::Arc<Slot> = host.plugin("iterable").unwrap();
        slot.replace_agreed(another).unwrap();
        watch.look(&connections).await.unwrap();
        bench.clock.advance(Duration::from_millis(DRAIN_MS.unsigned_abs() - 1));
        watch.look(&connections).await.unwrap();
        assert_eq!(open(&connections).await, [""; 0]);
        bench.clock.advance(Duration::from_millis(1));
        watch.look(&connections).await.unwrap();
        watch.look(&connections).await.unwrap();
        let alarms = open(&connections).await;
        assert!(
            alarms.len() == 1 && alarms[0].starts_with("1 calls still run on it 10 minutes"),
            "{alarms:?}"
        );
        drop(running);
        watch.look(&connections).await.unwrap();
        assert_eq!(open(&connections).await, [""; 0]);
    }
}
