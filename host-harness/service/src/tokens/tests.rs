use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use host_store::RowChange;

use super::{
    generation::digest,
    issue::{IssuedWebhookToken, record_seen},
    refresh::PushToken,
    settle::PushOutcome,
    *,
};
use host_harness::clock::ManualClock;
use host_model::{
    secret::Secret,
    time::{DAY_MS, HOUR_MS},
    token::{MAX_LIVE_TOKENS, TokenState},
};
use host_store::{
    alarms,
    testing::{Folder, write},
    tokens,
};

mod damaged;
mod simulation;

struct Bench {
    tokens: Tokens,
    clock: Arc<ManualClock>,
    folder: Folder,
}

impl Bench {
    async fn new() -> Self {
        let (folder, clock) = (Folder::new(), Arc::new(ManualClock::default()));
        let tokens = Tokens::lasting(folder.store().await, Arc::clone(&clock) as _, days(90), days(7));
        Self { tokens, clock, folder }
    }

    async fn issue(&self) -> IssuedWebhookToken {
        self.tokens.issue("acme", "newsletter").await.unwrap()
    }

    async fn accepts(&self, token: &Secret) -> bool {
        let accepted = self.tokens.accepted("newsletter").await.unwrap();
        accepted.iter().any(|known| known.digest == digest(token))
    }

    /// Receives a delivery that carries `token`.
    async fn deliver(&self, token: &Secret) {
        let accepted = self.tokens.accepted("newsletter").await.unwrap();
        let carried = accepted.into_iter().find(|known| known.digest == digest(token)).unwrap().token;
        let now = self.tokens.now();
        let vault = self.tokens.store.vault().clone();
        write(&self.tokens.store, move |tx| {
            Box::pin(async move { record_seen(tx, &vault, "acme", "newsletter", &carried, now).await })
        })
        .await;
    }

    /// Returns each generation and its state, oldest first.
    async fn states(&self) -> Vec<(i64, TokenState)> {
        let listed = self.tokens.list("newsletter").await.unwrap();
        listed.iter().map(|token| (token.generation, token.state)).collect()
    }

    async fn alarms(&self) -> Vec<String> {
        let open = self.tokens.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
        open.into_iter().map(|alarm| format!("{}: {}", alarm.kind, alarm.detail)).collect()
    }
}

fn days(days: u32) -> Duration {
    Duration::from_hours(24) * days
}

/// The tokens that were pushed to a vendor.
#[derive(Clone, Default)]
struct TransferBudget(Arc<parking_lot::Mutex<Vec<Secret>>>);

impl TransferBudget {
    fn all(&self) -> Vec<Secret> {
        self.0.lock().clone()
    }
}

/// Returns a vendor that answers each push with `pushed`, and the tokens pushed to it.
fn vendor(pushed: PushOutcome) -> (Box<PushToken>, TransferBudget) {
    let handed = TransferBudget::default();
    let kept = handed.clone();
    let hand: Box<PushToken> = Box::new(move |_, token| {
        kept.0.lock().push(token);
        let pushed = pushed.clone();
        Box::pin(async move { pushed })
    });
    (hand, handed)
}

fn down(asked: Option<Duration>) -> PushOutcome {
    PushOutcome::Failed { reason: "status 503".to_owned(), asked }
}

#[tokio::test]
async fn a_token_has_256_bits_lives_90_days_and_is_not_in_the_database() {
    let bench = Bench::new().await;
    let issued = bench.issue().await;
    let token = issued.token.expose();
    assert_eq!(URL_SAFE_NO_PAD.decode(token).unwrap().len(), 32);
    assert_eq!(issued.lifetime, Duration::from_hours(90 * 24));
    assert!(bench.accepts(&issued.token).await);
    bench.tokens.store.close().await;
    for file in ["host.db", "host.db-wal"] {
        let bytes = std::fs::read(bench.folder.file(file)).unwrap_or_default();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{file}");
    }
}

#[tokio::test]
async fn what_is_revoked_is_refused_at_once_and_only_that() {
    let bench = Bench::new().await;
    let (one, other) = (bench.issue().await, bench.issue().await);
    assert_eq!(bench.tokens.revoke("acme", "newsletter", one.generation).await.unwrap(), RowChange::Changed);
    assert!(!bench.accepts(&one.token).await && bench.accepts(&other.token).await);
    assert_eq!(
        bench.tokens.revoke("acme", "newsletter", one.generation).await.unwrap(),
        RowChange::Unchanged
    );
    assert_eq!(bench.tokens.revoke("acme", "newsletter", 7).await.unwrap(), RowChange::Unchanged);
    assert_eq!(bench.states().await, [(1, TokenState::Revoked), (2, TokenState::Offered)]);
}

#[tokio::test]
async fn a_sixth_token_is_refused_and_ends_none_of_the_five() {
    let bench = Bench::new().await;
    let mut issued = Vec::new();
    for _ in 0..MAX_LIVE_TOKENS {
        issued.push(bench.issue().await);
    }
    let refused = bench.tokens.issue("acme", "newsletter").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "5 tokens of this connection are accepted (generations 1, 2, 3, 4, 5): revoke one that the vendor does not use"
    );
    for issued in &issued {
        assert!(bench.accepts(&issued.token).await);
    }
    bench.tokens.revoke("acme", "newsletter", 2).await.unwrap();
    assert_eq!(bench.issue().await.generation, 6);
}

#[tokio::test]
async fn a_refresh_makes_room_by_retiring_an_unused_token() {
    let bench = Bench::new().await;
    let used = bench.issue().await;
    bench.deliver(&used.token).await;
    for _ in 1..MAX_LIVE_TOKENS {
        bench.issue().await;
    }
    bench.clock.advance(days(80));
    let (hand, handed) = vendor(PushOutcome::Taken);
    bench.tokens.pass(&*hand).await.unwrap();
    assert!(bench.accepts(&used.token).await && bench.accepts(&handed.all()[0]).await);
    assert_eq!(bench.states().await[1], (2, TokenState::Retired));
    assert_eq!(bench.tokens.accepted("newsletter").await.unwrap().len(), MAX_LIVE_TOKENS);
}

#[tokio::test]
async fn a_successor_is_offered_pushed_and_followed_by_the_end_of_the_one_before() {
    let bench = Bench::new().await;
    let first = bench.issue().await;
    bench.deliver(&first.token).await;
    let (hand, handed) = vendor(PushOutcome::Taken);
    bench.tokens.pass(&*hand).await.unwrap();
    bench.clock.advance(days(74));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 0, "16 days are left");
    bench.clock.advance(days(2));
    bench.tokens.pass(&*hand).await.unwrap();
    let second = handed.all()[0].clone();
    assert_eq!(bench.states().await, [(1, TokenState::Former), (2, TokenState::Current)]);
    bench.clock.advance(days(2));
    bench.tokens.pass(&*hand).await.unwrap();
    assert!(bench.accepts(&first.token).await, "no delivery has carried the new one yet");
    bench.deliver(&second).await;
    bench.clock.advance(days(1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(bench.states().await, [(1, TokenState::Retired), (2, TokenState::Current)]);
    assert!(!bench.accepts(&first.token).await && bench.accepts(&second).await);
    assert_eq!(handed.all().len(), 1);
}

#[tokio::test]
async fn an_unanswered_push_hands_over_the_same_token_again_and_a_delivery_that_carries_it_is_proof_enough() {
    let bench = Bench::new().await;
    let first = bench.issue().await;
    bench.clock.advance(days(80));
    let (hand, handed) = vendor(down(None));
    for _ in 0..3 {
        bench.tokens.pass(&*hand).await.unwrap();
        bench.clock.advance(Duration::from_hours(1));
    }
    let tokens: Vec<_> = handed.all().iter().map(digest).collect();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    let second = handed.all()[0].clone();
    assert!(bench.accepts(&first.token).await && bench.accepts(&second).await);
    bench.deliver(&second).await;
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 3, "the vendor has it");
    assert_eq!(bench.states().await, [(1, TokenState::Former), (2, TokenState::Current)]);
}

#[tokio::test]
async fn a_vendor_that_asks_for_time_gets_it_and_an_alarm_comes_before_the_end() {
    let bench = Bench::new().await;
    bench.issue().await;
    bench.clock.advance(days(80));
    let (hand, handed) = vendor(down(Some(Duration::from_hours(3))));
    bench.tokens.pass(&*hand).await.unwrap();
    bench.clock.advance(Duration::from_hours(3) - Duration::from_secs(1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 1);
    bench.clock.advance(Duration::from_secs(1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 2);
    assert_eq!(bench.alarms().await, [""; 0]);
    bench.clock.advance(days(9) + Duration::from_hours(2));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(bench.alarms().await, ["token-not-taken: the webhook token expires in 19 hours: status 503"]);
    let (hand, _) = vendor(PushOutcome::Taken);
    bench.clock.advance(Duration::from_hours(4));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(bench.alarms().await, [""; 0], "the alarm is cleared with its cause");
}

#[tokio::test]
async fn if_the_vendor_accepts_no_token_an_alarm_is_raised_fourteen_days_before_expiry() {
    let bench = Bench::new().await;
    let first = bench.issue().await;
    let (hand, handed) = vendor(PushOutcome::ByHand);
    bench.clock.advance(days(75) + Duration::from_hours(1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!((handed.all().len(), bench.alarms().await), (1, Vec::new()));
    bench.clock.advance(days(1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(
        bench.alarms().await,
        [
            "token-by-hand: the webhook token expires in 13 days, and the vendor accepts none from the host: issue a \
             new one and enter it there"
        ]
    );
    assert_eq!(bench.states().await, [(1, TokenState::Offered)], "a token that was not pushed is not kept");
    let second = bench.issue().await;
    bench.deliver(&second.token).await;
    assert_eq!(bench.alarms().await, [""; 0]);
    assert!(bench.accepts(&first.token).await);
}

#[tokio::test]
async fn a_vendor_that_stops_accepting_tokens_is_offered_one_a_day_and_one_alarm_is_raised() {
    let bench = Bench::new().await;
    let (hand, _) = vendor(PushOutcome::Taken);
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    bench.clock.advance(days(84));
    let (hand, handed) = vendor(PushOutcome::ByHand);
    for _ in 0..10 {
        bench.tokens.pass(&*hand).await.unwrap();
        bench.clock.advance(Duration::from_mins(1));
    }
    assert_eq!((handed.all().len(), bench.alarms().await.len()), (1, 1));
    assert_eq!(bench.states().await, [(1, TokenState::Current)]);
}

#[tokio::test]
async fn a_revoked_token_in_use_is_replaced_if_the_host_installed_it() {
    let bench = Bench::new().await;
    let (hand, handed) = vendor(PushOutcome::Taken);
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    bench.tokens.revoke("acme", "newsletter", 1).await.unwrap();
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(bench.states().await, [(1, TokenState::Revoked), (2, TokenState::Current)]);
    assert!(bench.accepts(&handed.all()[1]).await);
    let by_hand = bench.issue().await;
    bench.deliver(&by_hand.token).await;
    bench.tokens.revoke("acme", "newsletter", by_hand.generation).await.unwrap();
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 2, "an operator entered it, and must enter another");
}

#[tokio::test]
async fn a_token_that_the_schedule_hands_over_meanwhile_is_no_lack_of_room() {
    let bench = Bench::new().await;
    let (hand, handed) = vendor(PushOutcome::Taken);
    let (rotated, passed) =
        tokio::join!(bench.tokens.rotate("acme", "newsletter", &*hand), bench.tokens.pass(&*hand));
    passed.unwrap();
    assert_eq!(rotated.unwrap(), Some(PushOutcome::Taken));
    let handed: std::collections::BTreeSet<_> = handed.all().iter().map(digest).collect();
    assert_eq!(handed.len(), 1);
}

#[tokio::test]
async fn two_looks_at_once_make_one_successor() {
    let bench = Bench::new().await;
    bench.issue().await;
    bench.clock.advance(days(80));
    let (hand, handed) = vendor(PushOutcome::Taken);
    let (one, other) = tokio::join!(bench.tokens.pass(&*hand), bench.tokens.pass(&*hand));
    assert!(one.is_ok() && other.is_ok());
    let handed: std::collections::BTreeSet<_> = handed.all().iter().map(digest).collect();
    assert_eq!(handed.len(), 1);
    assert_eq!(bench.states().await, [(1, TokenState::Former), (2, TokenState::Current)]);
}

#[tokio::test]
async fn a_token_revoked_on_its_way_to_the_vendor_has_a_successor_at_once() {
    let bench = Bench::new().await;
    bench.issue().await;
    bench.clock.advance(days(80));
    let tokens = bench.tokens.clone();
    let hand: Box<PushToken> = Box::new(move |_, _| {
        let tokens = tokens.clone();
        Box::pin(async move {
            tokens.revoke("acme", "newsletter", 2).await.unwrap();
            PushOutcome::Taken
        })
    });
    bench.tokens.pass(&*hand).await.unwrap();
    let (hand, handed) = vendor(PushOutcome::Taken);
    bench.tokens.pass(&*hand).await.unwrap();
    assert!(bench.accepts(&handed.all()[0]).await);
    let states = [(1, TokenState::Former), (2, TokenState::Revoked), (3, TokenState::Current)];
    assert_eq!(bench.states().await, states);
}

#[tokio::test]
async fn an_operator_gets_a_new_token_installed_at_once_and_one_on_its_way_is_the_same() {
    let bench = Bench::new().await;
    let (hand, handed) = vendor(down(None));
    let pushed = bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    assert_eq!(pushed, Some(down(None)));
    let (again, handed_again) = vendor(PushOutcome::Taken);
    assert_eq!(bench.tokens.rotate("acme", "newsletter", &*again).await.unwrap(), Some(PushOutcome::Taken));
    assert_eq!(digest(&handed.all()[0]), digest(&handed_again.all()[0]));
    assert_eq!(bench.states().await, [(1, TokenState::Current)]);
}

#[tokio::test]
async fn the_daily_look_is_at_two_and_one_that_was_missed_is_made_up_for_once() {
    let bench = Bench::new().await;
    let day = |now: i64| (now - 2 * HOUR_MS).div_euclid(DAY_MS);
    let last = async || bench.tokens.store.read(|c| Box::pin(tokens::last_daily_check(c))).await.unwrap();
    let (hand, _) = vendor(PushOutcome::Taken);
    bench.tokens.pass(&*hand).await.unwrap();
    let first = day(bench.tokens.now());
    assert_eq!(last().await, Some(first));
    let to_two = 2 * HOUR_MS + (first + 1) * DAY_MS - bench.tokens.now();
    bench.clock.advance(Duration::from_millis(to_two.unsigned_abs() - 1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(last().await, Some(first));
    bench.clock.advance(Duration::from_millis(1));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(last().await, Some(first + 1));
    bench.clock.advance(days(5) + Duration::from_hours(7));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(last().await, Some(first + 6));
}

#[tokio::test]
async fn the_token_that_the_vendor_still_uses_outlasts_newer_ones_that_it_accepted_but_never_used() {
    let bench = Bench::new().await;
    let first = bench.issue().await.token;
    let (hand, _) = vendor(PushOutcome::Taken);
    for _ in 0..12 {
        bench.deliver(&first).await;
        bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
        bench.clock.advance(days(1));
        assert!(bench.accepts(&first).await, "{:?}", bench.states().await);
    }
    let live = bench.tokens.accepted("newsletter").await.unwrap();
    assert_eq!(live.len(), MAX_LIVE_TOKENS);
}
