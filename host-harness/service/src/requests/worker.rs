//! Carries out what is due: each tenant its share, each person's requests in order.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::watch;

use super::attempt::{LATE, attempt};
use crate::{
    consent::{after_erasure, retention},
    service::Shared,
    tasks::{GRACE, Tasks},
};
use host_harness::sandbox::Calls;
use host_model::{
    requests::{
        Action, Step,
        breaker::Admission,
        deadline::{self, Due},
    },
    time::DAY_MS,
};
use host_store::{
    Connection, StoreError,
    ages::{self, Late},
    alarms::{self, Alarm},
    audit::{self, Record},
    cut_off,
    lane::Lane,
    queue::{self, Claim},
};

/// How often it looks for what time has made due.
const LOOK: Duration = Duration::from_secs(1);
/// How often it looks for requests that have waited long.
const LOOK_FOR_LATE_MS: i64 = 60_000;
/// Erasures confirmed in one call: the vendor's list is read once for all of them.
const CONFIRMED_TOGETHER: usize = 100;
/// What an attempt is given beyond its call's wall clock before its claim may be taken back.
const LEASE_MARGIN_MS: i64 = 60_000;
/// How long what a failed or expired request asked is kept, so that it can be replayed.
const KEEP_FAILED_MS: i64 = 30 * DAY_MS;

/// The attempts under way, each with its lane and the requests that it is about.
type UnderWay = Tasks<(Lane, Vec<i64>)>;

/// Carries out requests until `stop` says so, then lets what is under way end, or hands it back.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut under_way = UnderWay::default();
    let mut late_looked_at = i64::MIN;
    while !*stop.borrow() {
        if let Err(error) = pass(&shared, &mut under_way, &mut late_looked_at).await {
            tracing::error!(%error, "the queue cannot be read");
        }
        let again_at = shared.clock.now() + LOOK;
        tokio::select! {
            _ = stop.changed() => {}
            Some(_) = under_way.ended() => {}
            () = shared.work.notified() => {}
            () = shared.clock.sleep_until(again_at) => {}
        }
        // A look at the queue is worth it for all of them together.
        under_way.sweep();
    }
    if !under_way.finish(GRACE).await {
        let at = shared.date_ms();
        let handed_back = shared.store.write(move |tx| Box::pin(cut_off::hand_back(tx, at)));
        if let Err(error) = handed_back.await {
            // The next start takes them back.
            tracing::error!(%error, "claims cannot be handed back");
        }
    }
}

/// Takes back the claims whose leases are over by then, but for those of `under_way`.
pub(crate) async fn take_back(shared: &Shared, leases_over_by: i64, under_way: &[i64]) {
    let at = shared.date_ms();
    let under_way = under_way.to_vec();
    let taken = shared.store.write(move |tx| {
        Box::pin(async move { cut_off::take_back(tx, at, leases_over_by, &under_way).await })
    });
    if let Err(error) = taken.await {
        tracing::error!(%error, "claims cannot be taken back");
    }
}

async fn pass(
    shared: &Arc<Shared>,
    under_way: &mut UnderWay,
    late_looked_at: &mut i64,
) -> Result<(), StoreError> {
    let now = shared.date_ms();
    if now >= late_looked_at.saturating_add(LOOK_FOR_LATE_MS) {
        *late_looked_at = now;
        let requests: Vec<i64> = under_way.about().flat_map(|(_, requests)| requests).copied().collect();
        take_back(shared, now, &requests).await;
        look_for_late(shared, now).await?;
        after_erasure::take_unanswered(shared).await?;
        let kept_since = now.saturating_sub(KEEP_FAILED_MS);
        let keep_events = shared.config.keep_events;
        shared
            .store
            .write(move |tx| {
                Box::pin(async move {
                    ages::destroy_old(tx, kept_since).await?;
                    retention::housekeep(tx, now, keep_events).await
                })
            })
            .await?;
    }
    let workers = shared.config.workers as usize;
    if under_way.len() >= workers {
        return Ok(());
    }
    let mut lanes = shared.store.read(move |connection| Box::pin(queue::due_lanes(connection, now))).await?;
    // Twice around: first everybody a little, then who has more gets what is left.
    for share in [workers.div_ceil(8), workers] {
        lanes.sort_by_key(|lane| of(under_way, &lane.tenant));
        for lane in &lanes {
            if let Err(error) = claim(shared, under_way, lane, share, now).await {
                tracing::error!(connection = lane.connection, %error, "its requests cannot be claimed");
            }
        }
    }
    Ok(())
}

/// Claims up to `share` requests of `lane`, as far as there is room, and begins their attempts.
async fn claim(
    shared: &Arc<Shared>,
    under_way: &mut UnderWay,
    lane: &Lane,
    share: usize,
    now: i64,
) -> Result<(), StoreError> {
    let room = room(under_way, lane, shared.config.workers as usize, now).min(share);
    // A connection that the host cannot use now waits; its own state says why.
    let Ok(calls) = shared.host.connection(&lane.connection) else { return Ok(()) };
    if room == 0 {
        return Ok(());
    }
    let together = lane.action == Action::Erasure && lane.step == Step::Confirm;
    let most = if together { CONFIRMED_TOGETHER } else { room };
    let claims = claims(shared, lane, &calls, most, now).await?;
    let batches: Vec<Vec<Claim>> = match (together, claims.is_empty()) {
        (_, true) => Vec::new(),
        (true, false) => vec![claims],
        (false, false) => claims.into_iter().map(|claim| vec![claim]).collect(),
    };
    for batch in batches {
        let requests = batch.iter().map(|claim| claim.seq).collect();
        under_way.begin((lane.clone(), requests), attempt(Arc::clone(shared), calls.clone(), batch));
    }
    Ok(())
}

async fn claims(
    shared: &Shared,
    lane: &Lane,
    calls: &Calls,
    most: usize,
    now: i64,
) -> Result<Vec<Claim>, StoreError> {
    let digest = calls.plugin().digest().to_string();
    let wall = i64::try_from(calls.connection().limits.wall_ms).unwrap_or(DAY_MS).min(DAY_MS);
    let lease_until = now.saturating_add(wall).saturating_add(LEASE_MARGIN_MS);
    let lane = lane.clone();
    let claimed = shared.store.write(move |tx| {
        Box::pin(async move { queue::claim(tx, &lane, most, now, lease_until, &digest).await })
    });
    claimed.await
}

/// How many attempts are `tenant`'s.
fn of(under_way: &UnderWay, tenant: &str) -> usize {
    under_way.about().filter(|(lane, _)| lane.tenant == tenant).count()
}

/// How many attempts of `lane` may begin: half the workers at most are one tenant's, so that the others find room.
fn room(under_way: &UnderWay, lane: &Lane, workers: usize, now: i64) -> usize {
    let free = workers.saturating_sub(under_way.len());
    let of_tenant = workers.div_ceil(2).saturating_sub(of(under_way, &lane.tenant));
    let is_idle = || under_way.about().all(|(other, _)| other.connection != lane.connection);
    let of_breaker = match lane.breaker.admits(now) {
        Admission::All => usize::MAX,
        Admission::Probe if is_idle() => 1,
        Admission::Probe | Admission::None => 0,
    };
    free.min(of_tenant).min(of_breaker)
}

async fn look_for_late(shared: &Shared, now: i64) -> Result<(), StoreError> {
    let late = shared.store.read(move |connection| Box::pin(ages::late(connection, now))).await?;
    if late.is_empty() {
        return Ok(());
    }
    shared
        .store
        .write(move |tx| {
            Box::pin(async move {
                for request in late {
                    tell_late(tx, &request, now).await?;
                }
                Ok(())
            })
        })
        .await
}

async fn tell_late(tx: &mut Connection, request: &Late, now: i64) -> Result<(), StoreError> {
    let alarm = |kind, detail| Alarm {
        tenant: &request.tenant,
        connection: Some(&request.connection),
        kind,
        about: &request.id,
        detail,
    };
    match deadline::due(request.since, now, request.alarmed_day) {
        Due::Nothing => Ok(()),
        Due::Alarm(day) => {
            ages::alarmed(tx, request.seq, day).await?;
            let detail = format!(
                "not through after {day} days; nothing more is tried from day {}",
                deadline::LAST_DAY
            );
            alarms::is_over(tx, now, LATE, &request.id).await?;
            alarms::raise(tx, now, &alarm(LATE, &detail)).await
        }
        Due::End => {
            let reason =
                format!("not through by day {} of its month; replay it to try again", deadline::LAST_DAY);
            if !ages::expire(tx, request.seq, now, &reason).await? {
                return Ok(());
            }
            let record = Record {
                connection: Some(request.connection.clone()),
                request: Some(request.id.clone()),
                detail: json!({ "reason": reason }),
                ..Record::of("request-expired")
            };
            audit::append(tx, &request.tenant, now, &record).await?;
            alarms::raise(tx, now, &alarm("request-expired", &reason)).await
        }
    }
}

#[cfg(test)]
mod tests;
