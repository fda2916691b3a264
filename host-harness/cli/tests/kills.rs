//! Kills the service at a hundred random moments: everything that it acknowledged is completed once, and nothing is
//! half done.
#![cfg(unix)]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "kills/aftermath.rs"]
mod aftermath;
#[path = "kills/asks.rs"]
mod asks;
#[path = "kills/service.rs"]
mod service;

use std::time::Duration;

use asks::{Ask, Asks};
use fastrand::Rng;
use service::{Folder, Service};
use test_support::seed;
use tokio::sync::watch;

/// The number of kills in each of two worlds before its service may run on.
const KILLS: u64 = 50;
/// No request waits longer than two hours once the vendor answers.
const MAX_OUTAGES: usize = 100;

/// The moment at which the process is killed.
#[derive(Debug)]
enum Moment {
    /// This long after the start, ready or not.
    Starting(Duration),
    /// This long after the first answer.
    Answering(Duration),
    /// At that acknowledgement.
    Acknowledged(usize),
    /// At that request to the vendor, while it is being answered.
    Asking(usize),
}

impl Moment {
    fn rolled(dice: &mut Rng, asked: usize) -> Self {
        match dice.u8(..8) {
            0 => Self::Starting(Duration::from_millis(dice.u64(..600))),
            1 | 2 => Self::Answering(Duration::from_micros(dice.u64(..150_000))),
            3..6 => Self::Acknowledged(dice.usize(1..=asked)),
            _ => Self::Asking(dice.usize(1..=asks::CHOICES)),
        }
    }
}

/// The state across the lives of the process.
struct World {
    folder: Folder,
    dice: Rng,
    asks: Asks,
}

impl World {
    /// One life of the service, in which `asked` is sent to it, until it is killed or stopped.
    async fn live(&mut self, asked: Vec<Ask>) {
        let moment = Moment::rolled(&mut self.dice, asked.len());
        if let Moment::Starting(time) = moment {
            let starting = self.folder.start();
            tokio::time::sleep(time).await;
            starting.kill();
            self.asks.unanswered(asked);
            return;
        }
        let service = self.folder.start().listening(&self.folder.key()).await;
        let (acknowledge, mut acknowledged) = watch::channel(0);
        let sending =
            tokio::spawn(asks::send_all(service.address.clone(), self.folder.key(), asked, acknowledge));
        match moment {
            Moment::Starting(time) | Moment::Answering(time) => tokio::time::sleep(time).await,
            Moment::Acknowledged(count) => {
                acknowledged.wait_for(|so_far| *so_far >= count).await.unwrap();
            }
            Moment::Asking(count) => {
                self.folder.stand_in.requests_once(count).await;
            }
        }
        if self.dice.u8(..5) == 0 {
            service.stop().await;
        } else {
            service.kill();
        }
        self.asks.sent(sending.await.unwrap());
        self.asks.remember(self.folder.stand_in.take_requests());
    }

    /// Runs until everything has ended, with an outage whenever only time has to pass.
    async fn live_on(&mut self) -> Service {
        for _ in 0..MAX_OUTAGES {
            self.folder.outage();
            let service = self.folder.start().listening(&self.folder.key()).await;
            let (acknowledge, _) = watch::channel(0);
            let asked = self.asks.unanswered_yet();
            self.asks
                .sent(asks::send_all(service.address.clone(), self.folder.key(), asked, acknowledge).await);
            service.replay_what_was_set_aside().await;
            self.folder.until_nothing_is_due().await;
            self.asks.remember(self.folder.stand_in.take_requests());
            if self.folder.open_requests().await == 0 {
                return service;
            }
            service.stop().await;
        }
        panic!("{} requests have not ended after {MAX_OUTAGES} outages", self.folder.open_requests().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_lose_nothing_that_was_acknowledged_and_do_nothing_twice() {
    let seed = seed();
    tokio::join!(live_and_check(seed), live_and_check(seed.wrapping_add(1)));
}

async fn live_and_check(seed: u64) {
    let mut world = World { folder: Folder::new().await, dice: Rng::with_seed(seed), asks: Asks::default() };
    for life in 0..KILLS {
        let asked = world.asks.of_life(life, &mut world.dice, &world.folder.stand_in);
        world.live(asked).await;
        if world.dice.u8(..3) == 0 {
            world.folder.outage();
        }
    }
    let service = world.live_on().await;
    let feed = service.feed().await;
    service.stop().await;
    aftermath::is_as_it_should_be(&world.folder, &world.asks, &feed).await;
}
