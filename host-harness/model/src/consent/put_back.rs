//! Opt-outs that our own write reverted.
//!
//! Some vendors accept choices only as whole lists, and show a person's choice with a delay. A write of one item then
//! includes the other items in their old state, and the vendor reports an opt-in that the person never made. Such an
//! opt-in is dated within [`LAG_MS`] of one of our writes for that person, which was sent within `LAG_MS` of the
//! opt-out. It changes nothing, regardless of the order in which both arrive, and the opt-out is written again.
//!
//! One limitation: a person who opts in again within that minute cannot be distinguished from this case, and stays
//! opted out. A reverted opt-in is not restored: an opt-out is never questioned.

use super::{
    echo::{Write, is_echo, second},
    newest::{JudgedChoice, Novelty, Origin, RecordedChoice},
};
use crate::contract::consent::{Choice, Preference};

/// How long a vendor may take to show a person's choice, in milliseconds. Iterable takes about a minute.
pub const LAG_MS: u64 = 61_000;

/// Judges the vendor's `event` if the event or the recorded choice is an opt-in that our own write caused; returns
/// `None` otherwise. `writes` are the writes for the item, whose echoes are not the person's choices. `sent` contains
/// the times of all writes for the person, whatever their item, in milliseconds since 1970.
pub fn put_back(
    stands: Option<&RecordedChoice>,
    event: &Preference,
    writes: &[Write],
    sent: &[u64],
) -> Option<JudgedChoice> {
    let stands = stands.filter(|stands| stands.origin == Origin::Vendor && !is_echo(event, writes))?;
    let kept = match (stands.choice, event.choice) {
        (Choice::OptOut, Choice::OptIn) if caused_by_write(stands.chosen_at_ms, event.chosen_at_ms, sent) => {
            JudgedChoice { stands: stands.clone(), news: Novelty::Echo, restore: true }
        }
        // The opt-in has been announced, so the opt-out gets its date and is announced as well.
        (Choice::OptIn, Choice::OptOut) if caused_by_write(event.chosen_at_ms, stands.chosen_at_ms, sent) => {
            let stands =
                RecordedChoice { choice: Choice::OptOut, source: event.source.clone(), ..stands.clone() };
            JudgedChoice { stands, news: Novelty::Changed, restore: true }
        }
        _ => return None,
    };
    let vendor_at_ms = kept.stands.vendor_at_ms.max(Some(event.chosen_at_ms));
    Some(JudgedChoice { stands: RecordedChoice { vendor_at_ms, ..kept.stands }, ..kept })
}

/// Returns whether the opt-in at `in_at_ms` was caused by a write that did not see the opt-out at `out_at_ms` yet.
pub fn caused_by_write(out_at_ms: u64, in_at_ms: u64, sent: &[u64]) -> bool {
    let (out, back, lag) = (second(out_at_ms), second(in_at_ms), second(LAG_MS));
    let mut sent = sent.iter().map(|sent| second(*sent));
    back > out && sent.any(|sent| (out..=out + lag).contains(&sent) && (sent..=sent + lag).contains(&back))
}

#[cfg(test)]
mod tests {
    use Choice::{OptIn, OptOut};

    use super::*;

    const BEGAN: u64 = 1_700_000_000;

    fn at(second: u64) -> u64 {
        (BEGAN + second) * 1_000
    }

    fn event(choice: Choice, second: u64) -> Preference {
        let item = "channel:1".parse().unwrap();
        Preference { item, choice, chosen_at_ms: at(second), source: "event".into() }
    }

    fn heard(choice: Choice, second: u64) -> RecordedChoice {
        RecordedChoice {
            choice,
            chosen_at_ms: at(second),
            vendor_at_ms: Some(at(second)),
            origin: Origin::Vendor,
            source: "before".into(),
        }
    }

    fn summary(judged: Option<JudgedChoice>) -> Option<(Choice, u64, Novelty, bool)> {
        judged.map(|judged| {
            let second = judged.stands.chosen_at_ms / 1_000 - BEGAN;
            (judged.stands.choice, second, judged.news, judged.restore)
        })
    }

    #[test]
    fn an_opt_out_that_a_write_of_ours_put_back_stands_in_whichever_order_it_is_heard() {
        let sent = [at(10)];
        let put_back_later = put_back(Some(&heard(OptOut, 5)), &event(OptIn, 11), &[], &sent);
        assert_eq!(summary(put_back_later), Some((OptOut, 5, Novelty::Echo, true)));
        let put_back_first = put_back(Some(&heard(OptIn, 11)), &event(OptOut, 5), &[], &sent);
        assert_eq!(summary(put_back_first), Some((OptOut, 11, Novelty::Changed, true)));
    }

    #[test]
    fn an_opt_in_is_the_persons_own_if_no_write_can_have_caused_it() {
        let stands = heard(OptOut, 100);
        for (sent, opted_in) in [
            (vec![], 101),
            // Before the opt-out.
            (vec![at(99)], 101),
            // The vendor already showed the opt-out.
            (vec![at(162)], 163),
            // After the opt-in.
            (vec![at(110)], 109),
            // A write does not take that long.
            (vec![at(110)], 172),
        ] {
            assert_eq!(
                put_back(Some(&stands), &event(OptIn, opted_in), &[], &sent),
                None,
                "{sent:?} {opted_in}"
            );
        }
        let at_the_edges = put_back(Some(&stands), &event(OptIn, 222), &[], &[at(161)]);
        assert_eq!(summary(at_the_edges), Some((OptOut, 100, Novelty::Echo, true)));
    }

    #[test]
    fn the_echo_of_our_own_opt_out_does_not_undo_what_the_person_chose_after_it() {
        let ours = [Write { choice: OptOut, sent_at_ms: at(10) }];
        assert_eq!(put_back(Some(&heard(OptIn, 15)), &event(OptOut, 10), &ours, &[at(10)]), None);
    }

    #[test]
    fn nothing_else_is_put_back() {
        let sent = [at(10)];
        assert_eq!(put_back(None, &event(OptIn, 11), &[], &sent), None);
        assert_eq!(
            put_back(Some(&heard(OptIn, 5)), &event(OptOut, 11), &[], &sent),
            None,
            "an opt-out is never questioned"
        );
        assert_eq!(put_back(Some(&heard(OptOut, 5)), &event(OptOut, 11), &[], &sent), None);
        let by_platform = RecordedChoice { origin: Origin::Platform, ..heard(OptOut, 5) };
        assert_eq!(
            put_back(Some(&by_platform), &event(OptIn, 11), &[], &sent),
            None,
            "echoes are recognised by the item's own writes"
        );
    }
}
