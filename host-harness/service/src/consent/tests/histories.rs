//! Tests that any history ends the same way: the newest choice applies on both sides, and no erased person comes back.

use std::{cell::Cell, collections::BTreeMap, time::Duration};

use iterable_stand_in::{Act, SubscriptionsApi, Switches};
use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use host_harness::door::{AdmittedDelivery, TokenCheck};
use host_model::{
    consent::{
        echo::{ECHO_MS, Write},
        put_back::caused_by_write,
    },
    contract::{
        Identifier,
        webhook::{Delivery, Verdict},
    },
};
use host_store::choices;

const CONNECTIONS: &[(&str, &str)] = &[("acme", "newsletter")];

/// The identifiers that name the person in addition to the address.
#[derive(Clone, Copy, Debug)]
enum Beside {
    Nothing,
    /// The person's own user id.
    Own,
    /// The user id that every person here has.
    Shared,
    /// Both user ids.
    Both,
}

#[derive(Clone, Debug)]
enum Step {
    /// The platform sends a choice, with a clock that is this many seconds ahead.
    Platform(usize, Choice, u64, Beside),
    /// The person chooses at the vendor.
    Vendor(usize, Choice),
    /// One of the deliveries so far arrives, possibly again.
    Deliver(prop::sample::Index, Beside),
    /// The due requests are carried out.
    Work,
    /// The process is killed once the vendor has received this number of requests, or when there are no more.
    Crash(usize),
    /// Time passes, in seconds.
    Pass(u64),
    Erase(Beside),
}

fn beside() -> impl Strategy<Value = Beside> {
    prop_oneof![Just(Beside::Nothing), Just(Beside::Own), Just(Beside::Shared), Just(Beside::Both)]
}

fn step() -> impl Strategy<Value = Step> {
    let choice = || prop_oneof![Just(Choice::OptIn), Just(Choice::OptOut)];
    prop_oneof![
        8 => (0..2_usize, choice(), prop_oneof![3 => Just(0), 1 => 1..300_u64], beside())
            .prop_map(|(item, choice, ahead, beside)| Step::Platform(item, choice, ahead, beside)),
        8 => (0..2_usize, choice()).prop_map(|(item, choice)| Step::Vendor(item, choice)),
        8 => (any::<prop::sample::Index>(), beside()).prop_map(|(which, beside)| Step::Deliver(which, beside)),
        6 => Just(Step::Work),
        1 => (0..4_usize).prop_map(Step::Crash),
        8 => prop_oneof![0..3_u64, 3..70_u64, 550..700_u64].prop_map(Step::Pass),
        1 => beside().prop_map(Step::Erase),
    ]
}

/// One person's history on a bench that earlier histories have used.
struct Play<'a> {
    bench: &'a mut Bench,
    email: String,
    /// The number of deliveries before this history.
    before: usize,
    /// The newest choice for each item: its second, whether it is an opt-out, and the choice itself.
    newest: BTreeMap<ItemId, (u64, bool, Choice)>,
    /// The person's choices at the vendor, in order: the item, the time and the choice.
    acts: Vec<(ItemId, u64, Choice)>,
    /// The platform's own choices.
    sent: BTreeMap<ItemId, (u64, bool, Choice)>,
    is_erased: bool,
}

const ITEMS: [&str; 2] = [MAIL, PUSH];

fn rank(at_ms: u64, choice: Choice) -> (u64, bool, Choice) {
    (at_ms / 1_000, choice == Choice::OptOut, choice)
}

fn newer(known: &mut BTreeMap<ItemId, (u64, bool, Choice)>, item: ItemId, chosen: (u64, bool, Choice)) {
    let newest = known.entry(item).or_insert(chosen);
    if (chosen.0, chosen.1) >= (newest.0, newest.1) {
        *newest = chosen;
    }
}

impl Play<'_> {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Platform(which, choice, ahead, beside) => {
                let mut chosen = self.bench.chosen(ITEMS[*which], *choice);
                let chose = rank(chosen.chosen_at_ms, *choice);
                chosen.chosen_at_ms += ahead * 1_000;
                newer(&mut self.newest, chosen.item.clone(), chose);
                newer(&mut self.sent, chosen.item.clone(), chose);
                self.bench.sends_as(self.named(*beside), vec![chosen]).await;
            }
            Step::Vendor(which, choice) => self.act(ITEMS[*which], *choice).await,
            Step::Deliver(which, beside) => {
                let all = self.deliveries();
                if !all.is_empty() {
                    self.deliver(which.get(&all), *beside).await;
                }
            }
            Step::Work => self.work().await,
            Step::Crash(after) => {
                self.bench.stand_in.take_requests();
                self.bench.resume("newsletter").await;
                self.bench.quiet_or(|bench| bench.stand_in.requests().len() >= *after).await;
                self.bench.crash(CONNECTIONS).await;
                self.bench.work();
                self.park().await;
            }
            Step::Pass(seconds) => self.bench.pass(Duration::from_secs(*seconds)),
            Step::Erase(beside) => {
                self.is_erased = true;
                self.bench.submit("newsletter", PersonTask::Erasure, self.named(*beside)).await;
            }
        }
    }

    /// Makes a choice at the vendor, unless it could not be distinguished from the echo of our own write: this is the
    /// one limit of the rules.
    async fn act(&mut self, text: &str, choice: Choice) {
        let (id, now) = (item(text), self.bench.now());
        if self
            .written(&id)
            .await
            .iter()
            .any(|write| write.choice == choice && write.sent_at_ms.saturating_add(ECHO_MS + 1_000) >= now)
        {
            return;
        }
        let channel: i64 = id.id.parse().unwrap();
        let act = match choice {
            Choice::OptOut => Act::UnsubscribeByLink { channel },
            Choice::OptIn => Act::RejoinChannel { channel },
        };
        let before = self.bench.stand_in.deliveries().len();
        self.bench.stand_in.act(self.email.as_str(), &act);
        // Joining a channel that the person is already in is not a choice.
        if self.bench.stand_in.deliveries().len() > before {
            self.acts.push((id.clone(), now, choice));
            newer(&mut self.newest, id, rank(now, choice));
        }
    }

    /// Returns whether the person's own choice cannot be determined: they chose the same as we wrote within one
    /// second, or opted in again so soon after opting out that a write of ours may have caused it.
    async fn is_doubtful(&self, id: &ItemId) -> bool {
        let same_second = |write: &Write| {
            let is_one = |(item, at, choice): &(ItemId, u64, Choice)| {
                item == id && *choice == write.choice && at / 1_000 == write.sent_at_ms / 1_000
            };
            self.acts.iter().any(is_one)
        };
        if self.written(id).await.iter().any(same_second) {
            return true;
        }
        let mut sent = Vec::new();
        for item in ITEMS {
            sent.extend(self.written(&super::item(item)).await.iter().map(|write| write.sent_at_ms));
        }
        let of =
            |choice| self.acts.iter().filter(move |act| act.0 == *id && act.2 == choice).map(|act| act.1);
        of(Choice::OptOut).any(|out| of(Choice::OptIn).any(|back| caused_by_write(out, back, &sent)))
    }

    async fn written(&self, item: &ItemId) -> Vec<Write> {
        let (item, person) = (item.clone(), self.person().await);
        let Some(person) = person else { return Vec::new() };
        let writes = self
            .bench
            .parts
            .store
            .read(move |c| Box::pin(async move { choices::writes(c, person, &item).await }));
        writes.await.unwrap()
    }

    async fn person(&self) -> Option<host_store::person::PersonId> {
        let keys = self.bench.parts.store.keys("acme").await.unwrap();
        let names = [keys.person.name(&Identifier::new("email", self.email.as_str()))];
        let found =
            self.bench.parts.store.read(move |c| {
                Box::pin(async move { host_store::people::found(c, "newsletter", &names).await })
            });
        found.await.unwrap().first().copied()
    }

    fn deliveries(&self) -> Vec<iterable_stand_in::Delivery> {
        self.bench.stand_in.deliveries().split_off(self.before)
    }

    /// Returns the person with these identifiers. In an email project, no user id identifies anyone.
    fn named(&self, beside: Beside) -> Subject {
        let person = Subject::email(self.email.as_str());
        let own = format!("u-{}", self.email);
        match beside {
            Beside::Nothing => person,
            Beside::Own => person.and("user-id", own),
            Beside::Shared => person.and("user-id", "u-shared"),
            Beside::Both => person.and("user-id", own).and("user-id", "u-shared"),
        }
    }

    async fn deliver(&mut self, told: &iterable_stand_in::Delivery, beside: Beside) {
        let delivery = Delivery {
            method: "POST".into(),
            url: "https://hooks.example.com/iterable".into(),
            headers: vec![("authorization".into(), "OAuth2 accepted-webhook-token".into())],
            body: told.body_bytes(),
            received_at_ms: self.bench.now(),
        };
        let calls = self.bench.parts.served.calls("newsletter").unwrap();
        let admitted = AdmittedDelivery::from_store(calls.connection(), delivery, TokenCheck::Accepted);
        let verdict = calls.verify(&admitted).await.unwrap().unwrap();
        let Verdict::Authentic(mut events) = verdict else { panic!("{verdict:?}") };
        for event in &mut events {
            event.subject = self.named(beside);
        }
        let keys = self.bench.parts.store.keys("acme").await.unwrap();
        let received_at = self.bench.parts.clock.date_ms();
        write(&self.bench.parts.store, move |tx| {
            Box::pin(async move {
                let (tenant, connection, delivery) = ("acme", "newsletter", "d-1");
                let arrival = DeliveryArrival { tenant, connection, delivery, received_at };
                inbound::process_delivery(tx, &keys, arrival, events).await
            })
        })
        .await;
    }

    /// Parks the connection. Nothing is carried out between steps, so that a history runs the same each time.
    async fn park(&self) {
        self.bench.park("newsletter", "between steps").await;
    }

    async fn work(&self) {
        self.bench.resume("newsletter").await;
        self.bench.quiet().await;
        self.park().await;
    }

    /// Delivers everything, newest first, until nothing new follows from it.
    async fn end(&mut self) {
        let mut arrived = 0;
        // Each round is answered by fewer deliveries; an echo that is answered for ever would never end.
        for _ in 0..100 {
            self.work().await;
            let all = self.deliveries();
            if all.len() == arrived {
                return;
            }
            for told in all[arrived..].iter().rev() {
                self.deliver(told, Beside::Both).await;
            }
            arrived = all.len();
            self.bench.pass(Duration::from_mins(1));
        }
        panic!("each delivery leads to another");
    }

    async fn check(&self, api: SubscriptionsApi) -> Result<(), TestCaseError> {
        if self.is_erased {
            prop_assert!(
                self.bench.stand_in.person(self.email.as_str()).is_none(),
                "an erased person came back"
            );
            prop_assert_eq!(self.ledger().await, BTreeMap::new());
            prop_assert!(self.events().await.is_empty(), "the feed still has an erased person");
            return Ok(());
        }
        let out = self.bench.out_of(&self.email);
        let mut wanted = BTreeMap::new();
        for (item, (.., choice)) in &self.newest {
            // Writing whole lists may undo an opt-in: then the opt-out applies, on both sides.
            let is_kept = api == SubscriptionsApi::Success || *choice == Choice::OptOut;
            if is_kept && !self.is_doubtful(item).await {
                wanted.insert(item.clone(), *choice);
            }
        }
        let chosen =
            |(item, choice): (ItemId, Choice)| self.newest.contains_key(&item).then_some((item, choice));
        let at_vendor: BTreeMap<ItemId, Choice> = self
            .newest
            .keys()
            .map(|item| {
                let is_out = out.contains(&item.id.parse().unwrap());
                (item.clone(), if is_out { Choice::OptOut } else { Choice::OptIn })
            })
            .collect();
        let kept: BTreeMap<_, _> = at_vendor
            .iter()
            .filter(|(item, _)| wanted.contains_key(*item))
            .map(|(i, c)| (i.clone(), *c))
            .collect();
        prop_assert_eq!(&kept, &wanted, "at the vendor");
        let here: BTreeMap<_, _> = self.ledger().await.into_iter().filter_map(chosen).collect();
        prop_assert_eq!(&here, &at_vendor, "here and at the vendor");
        let mut platform = self.sent.clone();
        for event in self.events().await {
            if let FeedChoice::Item { item, preference } = event.news.chosen {
                let id = ItemId { kind: item.kind, id: item.external_id };
                newer(&mut platform, id, rank(event.news.event_at, preference.choice().unwrap()));
            }
        }
        let platform: BTreeMap<_, _> =
            platform.into_iter().map(|(item, (.., choice))| (item, choice)).filter_map(chosen).collect();
        prop_assert_eq!(&platform, &at_vendor, "at the platform and at the vendor");
        Ok(())
    }

    async fn ledger(&self) -> BTreeMap<ItemId, Choice> {
        let Some(person) = self.person().await else { return BTreeMap::new() };
        let ledger = self.bench.parts.store.read(move |c| Box::pin(choices::ledger(c, person)));
        ledger.await.unwrap().into_iter().map(|(item, stands)| (item, stands.choice)).collect()
    }

    async fn events(&self) -> Vec<FeedEvent> {
        let of = |event: &FeedEvent| event.identity_map.0.get("email") == Some(&self.email);
        self.bench.feed().await.into_iter().filter(of).collect()
    }
}

#[test]
fn the_newest_choice_stands_on_both_sides_and_no_erased_person_comes_back() {
    play(SubscriptionsApi::Success);
}

#[test]
fn if_whole_lists_are_written_the_newest_opt_out_wins_on_both_sides_and_no_erased_person_returns() {
    play(SubscriptionsApi::Off);
}

/// Plays 24 histories, with two replicas if the database is on a server, or `n` if built with `CONSENT_HISTORIES=n`.
fn play(api: SubscriptionsApi) {
    let cases = option_env!("CONSENT_HISTORIES").and_then(|count| count.parse().ok()).unwrap_or(24);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bench = tokio::sync::Mutex::new(runtime.block_on(async {
        let mut bench = bench().await;
        bench.stand_in.with_project(|project| {
            project.set_switches(Switches { subscriptions_api: api, ..Switches::default() });
        });
        bench.work();
        bench.join_second(CONNECTIONS).await;
        bench
    }));
    let played = Cell::new(0);
    let config = ProptestConfig { max_shrink_iters: 200, ..test_support::cases(cases) };
    let histories = prop::collection::vec(step(), 1..24);
    let outcome = TestRunner::new(config).run(&histories, |history| {
        played.set(played.get() + 1);
        runtime.block_on(async {
            let mut bench = bench.lock().await;
            let mut play = Play {
                before: bench.stand_in.deliveries().len(),
                email: format!("person-{}@example.com", played.get()),
                bench: &mut bench,
                newest: BTreeMap::new(),
                acts: Vec::new(),
                sent: BTreeMap::new(),
                is_erased: false,
            };
            play.park().await;
            for step in &history {
                play.step(step).await;
            }
            play.end().await;
            let checked = play.check(api).await;
            // The next history begins after everything of this one has settled.
            play.bench.pass(Duration::from_hours(1));
            checked
        })
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
