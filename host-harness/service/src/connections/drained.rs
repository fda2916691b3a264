//! Watches the versions that were replaced until the last call on them has ended. One on which calls still run after its
//! deadline raises an alarm. They are not ended: a request that was cut off may have changed something at the vendor.

use std::collections::{BTreeMap, BTreeSet};

use host_model::release::drain::{DRAIN_MS, Drain};
use host_store::{
    StoreError,
    alarms::{self, Alarm, StoredAlarm},
    replicas,
};

use super::Connections;
use crate::{replica, served::release::DrainingVersion};

/// The alarm about a replaced version on which calls still run.
const NOT_DRAINED: &str = "plugin-version-not-drained";

/// What precedes the name of the replica in the subject of that alarm.
const AT: &str = " at ";

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
    /// Looks at what still runs. Raises alarms about what is overdue, and ends those about what has ended, also with its replica.
    pub(super) async fn look(&mut self, connections: &Connections) -> Result<(), StoreError> {
        let now = connections.clock.date_ms();
        let mut draining = BTreeMap::new();
        for DrainingVersion { plugin, digest, calls } in connections.served.draining() {
            let about = format!("version {digest} of plugin {plugin}{AT}{}", replica::name());
            *draining.entry(about).or_insert(0) += calls;
        }
        self.0.retain(|about, _| draining.contains_key(about));
        connections.end_drain_alarms(draining.keys().cloned().collect()).await?;
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
                let alarm = Alarm::of_service(NOT_DRAINED, &about, &detail);
                alarms::raise(tx, at, &alarm).await
            })
        });
        raised.await
    }

    /// Ends the alarms about versions on which no call runs any more: those of this replica that are not among `draining`, and those
    /// of replicas that have ended, with which their calls ended.
    async fn end_drain_alarms(&self, draining: BTreeSet<String>) -> Result<(), StoreError> {
        let read = self
            .store
            .read(|c| Box::pin(async move { Ok((alarms::open(c).await?, replicas::all(c).await?)) }));
        let (open, replicas) = read.await?;
        let runs = |replica: &str| {
            replica != replica::name() && replicas.iter().any(|running| running.name == replica)
        };
        let is_over = |alarm: &StoredAlarm| {
            let replica = alarm.about.rsplit_once(AT).map_or("", |(_, replica)| replica);
            alarm.kind == NOT_DRAINED && !draining.contains(&alarm.about) && !runs(replica)
        };
        let over: Vec<_> = open.into_iter().filter(is_over).map(|alarm| alarm.about).collect();
        if over.is_empty() {
            return Ok(());
        }
        let at = self.clock.date_ms();
        let ended = self.store.write(move |tx| {
            Box::pin(async move {
                for about in over {
                    alarms::is_over(tx, at, NOT_DRAINED, &about).await?;
                }
                Ok(())
            })
        });
        ended.await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use host_harness::plugin::{LoadPolicy, Slot};
    use host_model::release::share::Share;
    use host_store::ReplicaId;

    use super::*;
    use crate::testing::{
        bench::{Bench, component},
        releases::serve_release,
    };

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

    #[tokio::test(flavor = "multi_thread")]
    async fn a_version_whose_release_has_ended_is_drained_once_the_last_call_on_it_has_ended() {
        let bench = Bench::new().await;
        let served = &bench.parts.served;
        let released = serve_release(&bench, Share::WHOLE).await.digest();
        let call = served.calls("newsletter").unwrap();
        assert_eq!(call.plugin().digest(), released);
        assert_eq!(served.draining(), []);
        served.end_release("iterable");
        let draining = DrainingVersion { plugin: "iterable".to_owned(), digest: released, calls: 1 };
        assert_eq!(served.draining(), [draining]);
        drop(call);
        assert_eq!(served.draining(), []);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_alarms_of_replicas_that_have_ended_are_over_and_those_of_running_ones_stay() {
        let bench = Bench::new().await;
        let connections = bench.parts.connections.clone();
        let joined = bench.parts.store.write(|tx| {
            Box::pin(async move { replicas::join(tx, &ReplicaId::named("other"), "other:7").await })
        });
        joined.await.unwrap();
        let own = replica::name();
        for replica in [&*own, "other:7", "gone:9"] {
            connections
                .raise_drain_alarm(format!("version sha256:aa of plugin iterable at {replica}"), 3)
                .await
                .unwrap();
        }
        // A restart has forgotten what it watched.
        DrainWatch::default().look(&connections).await.unwrap();
        let left = bench.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        let left: Vec<_> = left.into_iter().map(|alarm| alarm.about).collect();
        assert_eq!(left, ["version sha256:aa of plugin iterable at other:7"]);
    }
}
