//! The queues at the vendors' long limits, for forecasts: how many requests are ahead of one, and how many fit.
//! Tested in `src/requests/worker/tests.rs`.

use std::collections::{BTreeMap, HashMap};

use host_harness::{egress::is_long, sandbox::Calls};
use host_model::{
    contract::{
        Interface,
        manifest::{Effect, Limit},
    },
    requests::{Action, Step},
};
use host_store::{
    StoreError,
    delays::{self, LimitQueue},
    requests::RequestView,
};

use super::Requests;

/// A vendor account, which its connections share.
type Account = [u8; 32];

/// A limit with its room.
#[derive(Clone, Debug)]
pub(super) struct LimitRoom {
    pub(super) limit: Limit,
    /// How many more requests it allows now.
    pub(super) free: i64,
}

/// The queues of some requests.
#[derive(Debug, Default)]
pub(super) struct LimitQueues {
    /// By connection and action.
    rooms: HashMap<(String, Action), Vec<LimitRoom>>,
    /// By position.
    ahead: HashMap<i64, i64>,
}

impl LimitQueues {
    /// Returns the long limits that count the next attempt of `view`.
    pub(super) fn rooms(&self, view: &RequestView) -> &[LimitRoom] {
        if view.step != Step::Act {
            return &[];
        }
        self.rooms.get(&(view.connection.clone(), view.action)).map_or(&[], Vec::as_slice)
    }

    /// Returns how many waiting requests are to act before `view`, at all connections of its vendor account.
    pub(super) fn ahead(&self, view: &RequestView) -> i64 {
        self.ahead.get(&view.seq).copied().unwrap_or_default()
    }
}

impl Requests {
    /// Returns the queues of `waiting`, each read once.
    pub(super) async fn limit_queues(&self, waiting: &[RequestView]) -> Result<LimitQueues, StoreError> {
        let mut limits: BTreeMap<(String, Action), (Account, Vec<Limit>)> = BTreeMap::new();
        let mut acting: HashMap<(Account, Action), Vec<i64>> = HashMap::new();
        for view in waiting.iter().filter(|view| view.step == Step::Act) {
            let key = (view.connection.clone(), view.action);
            if !limits.contains_key(&key) {
                let Ok(calls) = self.served.calls(&view.connection) else { continue };
                let long = long_limits(&calls, self.handlers.of(view.action).interface());
                limits.insert(key.clone(), (calls.connection().account, long));
            }
            if let Some((account, long)) = limits.get(&key)
                && !long.is_empty()
            {
                acting.entry((*account, view.action)).or_default().push(view.seq);
            }
        }
        if acting.is_empty() {
            return Ok(LimitQueues::default());
        }
        Ok(LimitQueues { rooms: self.rooms(limits).await?, ahead: self.ahead(acting).await? })
    }

    async fn rooms(
        &self,
        limits: BTreeMap<(String, Action), (Account, Vec<Limit>)>,
    ) -> Result<HashMap<(String, Action), Vec<LimitRoom>>, StoreError> {
        let of =
            limits.values().flat_map(|(account, long)| long.iter().map(|limit| (*account, limit.clone())));
        let mut usage = self.ledger.usage(of.collect()).await?.into_iter();
        let rooms = limits.into_iter().map(|(key, (_, long))| {
            let rooms = long.into_iter().zip(&mut usage).map(|(limit, usage)| {
                let free = i64::from(limit.requests).saturating_sub(usage.used);
                LimitRoom { limit, free }
            });
            (key, rooms.collect())
        });
        Ok(rooms.collect())
    }

    async fn ahead(
        &self,
        acting: HashMap<(Account, Action), Vec<i64>>,
    ) -> Result<HashMap<i64, i64>, StoreError> {
        let mut sharing: HashMap<Account, Vec<String>> = HashMap::new();
        for key in self.served.keys() {
            if let Ok(calls) = self.served.calls(&key) {
                sharing.entry(calls.connection().account).or_default().push(key);
            }
        }
        let queues = acting.into_iter().map(|((account, action), seqs)| {
            let connections = sharing.get(&account).cloned().unwrap_or_default();
            (LimitQueue { connections, action }, seqs)
        });
        let queues: Vec<_> = queues.collect();
        let read = self.store.read(move |c| {
            Box::pin(async move {
                let mut all = HashMap::new();
                for (queue, seqs) in &queues {
                    all.extend(delays::ahead(c, queue, seqs).await?);
                }
                Ok(all)
            })
        });
        read.await
    }
}

/// Returns the limits of an hour or more against which every write of `interface` counts.
fn long_limits(calls: &Calls, interface: Interface) -> Vec<Limit> {
    let manifest = calls.plugin().manifest();
    let acting = manifest.operations.iter().filter(|operation| {
        operation.effect == Effect::Write && operation.used_by.iter().any(|name| name == interface.as_ref())
    });
    let mut names: Vec<_> = acting.flat_map(|operation| &operation.limits).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| manifest.limit(name))
        .filter(|limit| is_long(limit))
        .cloned()
        .collect()
}
