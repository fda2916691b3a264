mod contradicted_alarm;
mod fairness;
mod outage;
mod pruned;
mod shared_limits;

use std::time::Duration;
use test_support::eventually;

use iterable_stand_in::{Fault, Received};

use super::*;
use crate::{requests::handler::PersonTask, testing::bench::Bench};
use host_harness::egress::Ledger;
use host_model::{
    consent::submitted::SubmittedChoices,
    contract::{
        Identifier, Subject,
        consent::{Choice, Preference},
    },
    requests::{RequestState, Step, waits_for::WaitsFor},
    time::DAY_MS,
};
use host_store::{
    alarms, audit_chain, people,
    requests::{
        self,
        matching::{self, RequestFilter},
    },
    testing::write,
};

const FORGET: &str = "POST /api/users/forget";
const FORGOTTEN: &str = "GET /api/users/forgotten";

fn opt_out(channel: &str) -> PersonTask {
    let items = vec![Preference {
        item: format!("channel:{channel}").parse().unwrap(),
        choice: Choice::OptOut,
        chosen_at_ms: 1_790_000_000_000,
        source: "PrivacyCenter".into(),
    }];
    PersonTask::Consent(SubmittedChoices {
        notices: Vec::new(),
        items: items.into_iter().map(Into::into).collect(),
    })
}

fn requested(bench: &Bench) -> Vec<String> {
    bench.stand_in.take_requests().iter().map(|r| format!("{} {}", r.method, r.path)).collect()
}

/// Returns the step of each attempt, and whether it has ended.
async fn steps(bench: &Bench, id: &str) -> Vec<(Step, bool)> {
    bench.attempts(id).await.into_iter().map(|attempt| (attempt.step, attempt.ended_at.is_some())).collect()
}

#[tokio::test]
async fn an_erasure_is_carried_out_confirmed_and_then_known_by_its_outcome_alone() {
    let mut bench = Bench::new().await;
    bench.stand_in.seed("ada@example.com", None);
    bench.work();
    let id = bench.erase("ada@example.com").await;
    let view = bench.once(&id, |view| view.state == RequestState::Done).await;
    assert_eq!(view.outcome.unwrap()["receipt"]["status"], "erased");
    assert!(bench.stand_in.is_forgotten("ada@example.com"));
    assert_eq!(steps(&bench, &id).await[..2], [(Step::Act, true), (Step::Confirm, true)]);
    assert_eq!(requested(&bench).iter().filter(|line| *line == FORGET).count(), 1);
    let vault = bench.parts.store.vault().clone();
    let read = bench.parts.store.read(|c| Box::pin(async move { audit_chain::verify(c, &vault).await }));
    let chains = read.await.unwrap();
    assert_eq!((chains.len(), chains[0].broken.clone()), (1, None));
    assert!(chains[0].lines >= 3);
}

#[tokio::test]
async fn an_erasure_that_was_sent_and_not_answered_is_confirmed_before_it_is_repeated() {
    let mut bench = Bench::new().await;
    bench.stand_in.seed("ada@example.com", None);
    bench.stand_in.fault(Fault::ResetAfterWrite, FORGET, 1);
    bench.work();
    let id = bench.erase("ada@example.com").await;
    bench.once(&id, |view| view.state == RequestState::Done).await;
    let steps: Vec<_> = steps(&bench, &id).await.into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps[..3], [Step::Act, Step::Confirm, Step::Act], "{steps:?}");
    assert!(bench.stand_in.is_forgotten("ada@example.com"));
}

#[tokio::test]
async fn a_refused_confirmation_ends_none_of_its_erasures_and_raises_one_alarm() {
    let mut bench = Bench::new().await;
    let people = ["ada@example.com", "bob@example.com"];
    let mut ids = Vec::new();
    for person in people {
        bench.stand_in.seed(person, None);
        ids.push(bench.erase(person).await);
    }
    let refusal = serde_json::json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(Fault::Answer(400, refusal), FORGOTTEN, 1);
    bench.work();
    for id in &ids {
        // So that both are due for confirmation together.
        once_at_rest(&bench, async || bench.view(id).await.step == Step::Confirm).await;
    }
    for id in &ids {
        bench.once(id, |view| view.state == RequestState::Done).await;
    }
    assert!(people.iter().all(|person| bench.stand_in.is_forgotten(*person)));
    let alarms = bench.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
    let kinds: Vec<_> = alarms.iter().map(|alarm| alarm.kind.as_str()).collect();
    assert_eq!(kinds, ["request-fails-unexpectedly"]);
}

#[tokio::test]
async fn a_refused_key_parks_the_connection_until_it_is_resumed() {
    let mut bench = Bench::new().await;
    bench.stand_in.fault(
        Fault::Answer(401, serde_json::json!({"code": "BadApiKey", "msg": "no"})),
        FORGET,
        1,
    );
    bench.work();
    let first = bench.erase("ada@example.com").await;
    let parked = bench.once(&first, |view| view.attempts == 1 && view.state == RequestState::Waiting).await;
    assert!(parked.reason.unwrap().contains("refused the key"), "the reason is shown");
    let second = bench.erase("bob@example.com").await;
    bench.pass(Duration::from_hours(24));
    tokio::task::yield_now().await;
    assert_eq!((bench.view(&first).await.attempts, bench.view(&second).await.attempts), (1, 0));
    let alarms = bench.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
    assert_eq!(alarms.iter().map(|alarm| alarm.kind.as_str()).collect::<Vec<_>>(), ["connection-parked"]);
    bench.resume("newsletter").await;
    for id in [first, second] {
        bench.once(&id, |view| view.state == RequestState::Done).await;
    }
}

#[tokio::test]
async fn a_request_that_cannot_succeed_ends_with_its_reason_and_one_without_identifier_is_skipped() {
    let mut bench = Bench::new().await;
    bench.work();
    // The connector cannot put it into a path, so it cannot find a person by it.
    let nobody = Subject::email("..");
    let skipped = bench.submit("newsletter", PersonTask::Erasure, nobody).await.view.id;
    assert_eq!(bench.once(&skipped, |view| view.finished_at.is_some()).await.state, RequestState::Skipped);
    let refusal = serde_json::json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(Fault::Answer(400, refusal), FORGET, 1);
    let failed = bench.erase("ada@example.com").await;
    let failed = bench.once(&failed, |view| view.finished_at.is_some()).await;
    assert_eq!(failed.state, RequestState::Failed);
    assert!(failed.reason.unwrap().contains("BadParams"));
}

#[tokio::test]
async fn one_tenants_backlog_does_not_delay_anothers_request() {
    let mut bench = Bench::with(&[("acme", "newsletter"), ("other", "shop")]).await;
    for n in 0..200 {
        bench.submit("newsletter", opt_out("6539"), Subject::email(format!("{n}@example.com"))).await;
    }
    bench.work();
    let theirs = bench.submit("shop", opt_out("6539"), Subject::email("ada@example.com")).await;
    bench.once(&theirs.view.id, |view| view.state == RequestState::Done).await;
    let filter = RequestFilter { state: Some(RequestState::Done), ..RequestFilter::default() };
    let done = bench.parts.store.read(move |c| Box::pin(async move { matching::count(c, &filter).await }));
    let before = done.await.unwrap().count;
    assert!(before < 100, "{before} of the others were done first");
}

#[tokio::test]
async fn a_crash_loses_nothing_and_running_requests_resume_at_once() {
    let mut bench = Bench::new().await;
    bench.stand_in.seed("ada@example.com", None);
    bench.stand_in.fault(Fault::Hang, FORGET, 1);
    bench.work();
    let id = bench.erase("ada@example.com").await;
    bench.stand_in.requests_once(1).await;
    assert_eq!(bench.view(&id).await.state, RequestState::Running);
    bench.crash(&[("acme", "newsletter")]).await;
    let view = bench.view(&id).await;
    assert_eq!((view.state, view.step), (RequestState::Waiting, Step::Confirm));
    assert_eq!(view.reason.as_deref(), Some("the process ended during an attempt"));
    bench.work();
    bench.once(&id, |view| view.state == RequestState::Done).await;
    assert!(bench.stand_in.is_forgotten("ada@example.com"));
    assert_eq!(steps(&bench, &id).await[0], (Step::Act, false), "no end is recorded for it");
}

/// Returns all alarms of `kind` about `about`, oldest first, each with whether it is open.
async fn alarms_about(bench: &Bench, kind: &'static str, about: &str) -> Vec<(String, i64)> {
    let about = about.to_owned();
    let alarms_about = bench.parts.store.read(move |c| {
        Box::pin(async move {
            let all = "SELECT detail, CASE WHEN cleared_at IS NULL THEN 1 ELSE 0 END AS is_open FROM alarms WHERE kind = $1 AND about = $2 \
                       ORDER BY raised_at, id";
            Ok(sqlx::query_as::<_, (String, i64)>(all).bind(kind).bind(about).fetch_all(c).await?)
        })
    });
    alarms_about.await.unwrap()
}

#[tokio::test]
async fn a_request_alarms_on_days_7_14_and_21_and_expires_on_day_25() {
    let mut bench = Bench::new().await;
    let id = bench.erase("ada@example.com").await;
    let late = |day| format!("not completed after {day} days; no further attempts from day 25");
    // The test runs the upkeep itself, so that it need not wait for the worker.
    for half_day in 1..50 {
        bench.pass(Duration::from_hours(12));
        bench.look_after().await;
        let wanted: Vec<_> = [7, 14, 21].into_iter().filter(|day| half_day >= day * 2).map(late).collect();
        let alarms_about = alarms_about(&bench, "request-late", &id).await;
        assert_eq!(
            alarms_about.iter().map(|(detail, _)| detail.clone()).collect::<Vec<_>>(),
            wanted,
            "each once"
        );
        let open = alarms_about.iter().filter(|(_, is_open)| *is_open == 1).count();
        assert_eq!(open, usize::from(!wanted.is_empty()), "the newest replaces the earlier ones");
    }
    assert_eq!(alarms_about(&bench, "request-expired", &id).await, []);
    bench.pass(Duration::from_hours(12));
    bench.work();
    let view = bench.once(&id, |view| view.state == RequestState::Expired).await;
    let reason = "not completed by day 25; replay it to try again";
    assert_eq!(view.reason.as_deref(), Some(reason));
    assert_eq!(alarms_about(&bench, "request-expired", &id).await, [(reason.to_owned(), 1)]);
    assert_eq!((view.attempts, requested(&bench)), (0, Vec::new()), "there are no further attempts");
}

#[tokio::test]
async fn a_request_that_is_replayed_has_a_month_of_its_own_and_keeps_when_it_came() {
    let bench = Bench::new().await;
    let id = bench.erase("ada@example.com").await;
    let received_at = bench.view(&id).await.received_at;
    bench.pass(Duration::from_hours(24 * 26));
    let late = || bench.look_after();
    late().await;
    assert_eq!(bench.view(&id).await.state, RequestState::Expired);
    let (replayed, now) = (id.clone(), bench.parts.clock.date_ms());
    let replay = bench
        .parts
        .store
        .write(move |tx| Box::pin(async move { requests::replay(tx, &replayed, now).await }));
    assert_eq!(replay.await.unwrap(), host_store::RowChange::Changed);
    for (days, state) in [(24, RequestState::Waiting), (1, RequestState::Expired)] {
        bench.pass(Duration::from_hours(24 * days));
        late().await;
        assert_eq!(bench.view(&id).await.state, state, "{days}");
    }
    assert_eq!(bench.view(&id).await.received_at, received_at);
}

#[tokio::test]
async fn a_forecast_names_an_action_that_is_off_and_a_person_who_is_not_settled() {
    let bench = Bench::new().await;
    let id = bench.submit("newsletter", opt_out("6539"), Subject::email("ada@example.com")).await.view.id;
    let forecast = || async {
        let view = bench.view(&id).await;
        let forecast = bench.parts.requests.forecast(&view).await.unwrap();
        (forecast.runs_at, forecast.held_back_by)
    };
    assert_eq!(forecast().await.1, None);
    let keys = bench.parts.store.keys("acme").await.unwrap();
    let ada = [keys.person.name(&Identifier::new("email", "ada@example.com"))];
    write(&bench.parts.store, move |tx| {
        Box::pin(async move {
            let ada = people::known_as(tx, "newsletter", &ada).await?;
            people::settles_at(tx, ada, 4_102_444_800_000).await
        })
    })
    .await;
    let why = "the vendor does not show the person's last change yet".to_owned();
    assert_eq!(forecast().await, (Some(4_102_444_800_000), Some(why)));
    bench.change("newsletter", |stored| stored.actions = r#"["erasure"]"#.to_owned()).await;
    let why = "consent is not among its connection's enabled actions".to_owned();
    assert_eq!(forecast().await, (None, Some(why)));
}

#[tokio::test]
async fn erasures_beyond_the_daily_limit_wait_in_order_and_show_when_they_run() {
    let mut bench = Bench::new().await;
    // As if 999 requests had been sent within the last hour.
    let calls = bench.parts.served.calls("newsletter").unwrap();
    let limits = calls.plugin().manifest().limits.clone();
    let daily: Vec<_> = limits.into_iter().filter(|limit| limit.period_ms == Some(86_400_000)).collect();
    assert_eq!(daily.iter().map(|limit| limit.requests).collect::<Vec<_>>(), [1_000]);
    for _ in 0..999 {
        let entered =
            bench.parts.requests.ledger.enter(calls.connection().account, &daily, Duration::ZERO).await;
        drop(entered.unwrap());
    }
    let began = bench.parts.clock.date_ms();
    bench.work();
    let today = bench.erase("ada@example.com").await;
    bench.once(&today, |view| view.step == Step::Confirm).await;
    let first = bench.erase("bob@example.com").await;
    let refused = bench.once(&first, |view| view.attempts == 1 && view.state == RequestState::Waiting).await;
    let second = bench.erase("carl@example.com").await;
    let forecast = bench.parts.requests.forecast(&refused).await.unwrap();
    let a_day_later = began + DAY_MS;
    assert!(
        forecast.runs_at.is_some_and(|at| (a_day_later..a_day_later + 60_000).contains(&at)),
        "{forecast:?}"
    );
    assert!(forecast.held_back_by.unwrap().contains("limit"));
    let views = [refused, bench.view(&second).await];
    let both = bench.parts.requests.forecasts(&views).await.unwrap();
    assert_eq!([both[0].place, both[1].place], [Some(1), Some(2)]);
    assert!(both.iter().all(|forecast| forecast.waits_for == Some(WaitsFor::Limit)), "{both:?}");
    bench.pass(Duration::from_hours(1));
    assert_eq!(bench.view(&second).await.attempts, 0, "there is no attempt");
    assert_eq!(requested(&bench).iter().filter(|line| *line == FORGET).count(), 1);
    bench.pass(Duration::from_hours(23) + Duration::from_mins(1));
    for id in [&first, &second] {
        bench.once(id, |view| view.state == RequestState::Done).await;
    }
    assert!(bench.view(&first).await.finished_at <= bench.view(&second).await.finished_at);
}

/// Waits until `is_so` returns true, without advancing the clocks of host and vendor.
async fn once_at_rest(bench: &Bench, mut is_so: impl AsyncFnMut() -> bool) {
    let look = async || {
        // The worker may have checked just before something became due, and then sleeps on a clock that does not move.
        bench.parts.requests.bell.ring();
        is_so().await
    };
    eventually("the condition is met", look, |is_so| *is_so).await;
}

#[tokio::test]
async fn confirmations_that_are_due_together_are_asked_about_in_one_call() {
    let mut bench = Bench::new().await;
    let mut ids = Vec::new();
    for person in ["ada", "bob", "carl"] {
        let email = format!("{person}@example.com");
        bench.stand_in.seed(email.as_str(), None);
        ids.push(bench.erase(&email).await);
    }
    bench.work();
    let all_are = async |attempts: i64| {
        for id in &ids {
            let view = bench.view(id).await;
            if view.attempts != attempts || view.state == RequestState::Running {
                return false;
            }
        }
        true
    };
    once_at_rest(&bench, async || all_are(1).await).await;
    let erased = requested(&bench);
    assert_eq!(erased.iter().filter(|line| *line == FORGET).count(), 3, "{erased:?}");
    let mut due = Vec::new();
    for id in &ids {
        let view = bench.view(id).await;
        assert_eq!((view.state, view.step), (RequestState::Waiting, Step::Confirm));
        due.push(view.next_at.unwrap());
    }
    let until = due.iter().max().unwrap() - bench.parts.clock.date_ms();
    bench.stand_in.clock().advance(Duration::from_hours(1));
    bench.pass(Duration::from_millis(until.try_into().unwrap()));
    once_at_rest(&bench, async || all_are(2).await).await;
    let asked = requested(&bench);
    let lists = asked.iter().filter(|line| *line == "GET /api/users/forgotten").count();
    assert_eq!(lists, 1, "the vendor's list is read once for all of them: {asked:?}");
    for id in &ids {
        let receipt = bench.view(id).await.outcome.unwrap();
        assert_eq!(receipt["receipt"]["status"], "erased");
    }
}

#[tokio::test]
async fn a_vendor_that_fails_five_times_in_a_row_is_asked_once_a_minute_from_then_on() {
    let mut bench = Bench::new().await;
    bench.stand_in.fault(Fault::Gateway(503), "* *", u32::MAX);
    let began = bench.stand_in.clock().now();
    for n in 0..5 {
        bench.submit("newsletter", opt_out("6539"), Subject::email(format!("{n}@example.com"))).await;
    }
    bench.work();
    for _ in 0..=150 {
        once_at_rest(&bench, async || {
            let now = bench.parts.clock.date_ms();
            let due = bench.parts.store.read(move |c| Box::pin(queue::due_lanes(c, now))).await.unwrap();
            let running = RequestFilter { state: Some(RequestState::Running), ..RequestFilter::default() };
            let running =
                bench.parts.store.read(move |c| Box::pin(async move { matching::count(c, &running).await }));
            due.is_empty() && running.await.unwrap().count == 0
        })
        .await;
        bench.pass(Duration::from_secs(1));
    }
    let asked = bench.stand_in.take_requests();
    let seconds = |at: &Received| (at.at.as_millisecond() - began.as_millisecond()) / 1_000;
    let mut after: Vec<_> = asked.iter().map(seconds).collect();
    let at_once = after.iter().take_while(|seconds| **seconds == 0).count();
    assert!(at_once >= 5, "{after:?}");
    after.drain(..at_once);
    assert_eq!(after, [60, 120]);
}
