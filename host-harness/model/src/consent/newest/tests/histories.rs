//! Random histories: even if messages are late, repeated or out of order, the newest choice wins, also at the vendor.

use proptest::{prelude::*, sample::Index};

use super::*;

/// What a person did, and when the host received it. Times are seconds.
#[derive(Clone, Copy, Debug)]
struct Deed {
    at: u64,
    choice: Choice,
    at_vendor: bool,
    heard_after: u64,
}

/// Times within one second are as likely as times hours apart, so that ties and races are as common as their absence.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..4, 0_u64..200, 0_u64..40_000]
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let choice = prop_oneof![Just(OptIn), Just(OptOut)];
    let deed = (time(), choice, any::<bool>(), time())
        .prop_map(|(at, choice, at_vendor, heard_after)| Deed { at, choice, at_vendor, heard_after });
    prop::collection::vec(deed, 1..12)
}

/// The choice that should win in the end, and its second.
fn newest<'a>(deeds: impl Iterator<Item = &'a Deed>) -> (Choice, u64) {
    let newest = deeds.map(|deed| (deed.at, deed.choice == OptOut)).max().unwrap();
    (if newest.1 { OptOut } else { OptIn }, newest.0)
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 1_000_000, ..test_support::cases(256) })]

    /// All messages arrive in any order, some of them twice. A write is sent some time after its choice, and its echo
    /// never arrives before that.
    #[test]
    fn whatever_the_order_of_arrival_the_newest_choice_stands(
        deeds in deeds(),
        lags in prop::collection::vec((time(), 0_u64..600), 12),
        order in prop::collection::vec(any::<Index>(), 0..80),
    ) {
        let sent: Vec<u64> = deeds.iter().zip(&lags).map(|(deed, lag)| deed.at + lag.0).collect();
        let in_a_window = |deed: &Deed| deeds.iter().zip(&sent).any(|(written, sent)| {
            !written.at_vendor && written.choice == deed.choice && (*sent..=sent + 600).contains(&deed.at)
        });
        // The one limitation that the rules document.
        let is_told = |number: &usize| !deeds[*number].at_vendor || !in_a_window(&deeds[*number]);
        let told: Vec<usize> = (0..deeds.len()).filter(is_told).collect();
        prop_assume!(!told.is_empty());

        let mut stands: Option<RecordedChoice> = None;
        let mut writes: Vec<Option<Write>> = vec![None; deeds.len()];
        let known = |writes: &[Option<Write>]| writes.iter().flatten().copied().collect::<Vec<_>>();
        // Two arrivals per deed: even ones are the deed, odd ones its echo. At the end, all of them arrive once more.
        let arrivals = order.iter().map(|index| index.index(told.len() * 2)).chain(0..told.len() * 2);
        for arrival in arrivals {
            let (number, is_echo) = (told[arrival / 2], arrival % 2 == 1);
            let deed = deeds[number];
            let judged = match (deed.at_vendor, is_echo) {
                (true, _) => hear(stands.as_ref(), &chosen(deed.choice, deed.at), &known(&writes)),
                (false, false) => {
                    let judged = choose(stands.as_ref(), &chosen(deed.choice, deed.at));
                    if judged.news != Old {
                        writes[number] = Some(write(deed.choice, sent[number]));
                    }
                    judged
                }
                (false, true) if writes[number].is_none() => continue,
                (false, true) => {
                    let echo = chosen(deed.choice, sent[number] + lags[number].1);
                    let judged = hear(stands.as_ref(), &echo, &known(&writes));
                    prop_assert_eq!(judged.news, Echo);
                    judged
                }
            };
            stands = Some(judged.stands);
        }
        let stands = stands.unwrap();
        let found = (stands.choice, (stands.chosen_at_ms - BEGAN_MS) / SECOND_MS);
        prop_assert_eq!(found, newest(told.iter().map(|number| &deeds[*number])));
    }

    /// Host and vendor on one timeline: each write takes effect after a delay, and each event arrives after another
    /// delay.
    #[test]
    fn the_newest_choice_stands_on_both_sides_in_the_end(deeds in deeds(), lags in prop::collection::vec((0_u64..300, time()), 1..6)) {
        let mut world = World::new(lags);
        for deed in &deeds {
            let event = if deed.at_vendor { Event::Chosen(*deed) } else { Event::Requested(*deed) };
            world.agenda.push((if deed.at_vendor { deed.at } else { deed.at + deed.heard_after }, event));
        }
        world.run();
        // The one limitation that the rules document.
        prop_assume!(!world.is_ambiguous);
        let stands = world.stands.unwrap();
        let found = (stands.choice, (stands.chosen_at_ms - BEGAN_MS) / SECOND_MS);
        prop_assert_eq!(found, newest(deeds.iter()));
        prop_assert_eq!(world.vendor, Some(stands.choice));
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A person chose at the vendor.
    Chosen(Deed),
    /// The platform's request arrived.
    Requested(Deed),
    /// A write took effect at the vendor.
    Written(Choice),
    /// The vendor's event about a person's choice at this second arrived.
    Told(Choice, u64),
    /// The same about a write of ours.
    Echoed(Choice, u64),
}

#[derive(Default)]
struct World {
    agenda: Vec<(u64, Event)>,
    lags: Vec<(u64, u64)>,
    stands: Option<RecordedChoice>,
    vendor: Option<Choice>,
    writes: Vec<Write>,
    is_ambiguous: bool,
}

impl World {
    fn new(lags: Vec<(u64, u64)>) -> Self {
        Self { lags, ..Self::default() }
    }

    fn run(&mut self) {
        while let Some(next) = (0..self.agenda.len()).min_by_key(|&at| self.agenda[at].0) {
            let (now, event) = self.agenda.remove(next);
            match event {
                Event::Chosen(deed) => {
                    self.vendor = Some(deed.choice);
                    self.agenda.push((now + deed.heard_after, Event::Told(deed.choice, now)));
                    self.agenda.push((now + deed.heard_after + 7, Event::Told(deed.choice, now)));
                }
                Event::Requested(deed) => {
                    let judged = choose(self.stands.as_ref(), &chosen(deed.choice, deed.at));
                    self.stands = Some(judged.stands);
                    if judged.news != Old {
                        self.write(now);
                    }
                }
                Event::Written(choice) => {
                    self.vendor = Some(choice);
                    let delay = self.lags[self.writes.len() % self.lags.len()].1;
                    self.agenda.push((now + delay, Event::Echoed(choice, now)));
                }
                Event::Told(choice, at) => {
                    self.is_ambiguous |= is_echo(&chosen(choice, at), &self.writes);
                    self.hear(now, choice, at);
                }
                Event::Echoed(choice, at) => self.hear(now, choice, at),
            }
        }
    }

    fn hear(&mut self, now: u64, choice: Choice, at: u64) {
        let judged = hear(self.stands.as_ref(), &chosen(choice, at), &self.writes);
        self.stands = Some(judged.stands);
        if judged.restore {
            self.write(now);
        }
    }

    fn write(&mut self, now: u64) {
        let choice = self.stands.as_ref().unwrap().choice;
        self.writes.push(write(choice, now));
        assert!(self.writes.len() < 500, "endless writes");
        let delay = self.lags[self.writes.len() % self.lags.len()].0;
        self.agenda.push((now + delay, Event::Written(choice)));
    }
}
