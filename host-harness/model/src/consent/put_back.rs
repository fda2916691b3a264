//! An opt-out that a write of ours put back.
//!
//! Some vendors take choices as whole lists only, and show what a person chose a moment later. A write about one item then
//! carries the others as they were, and the vendor tells of an opt-in that nobody chose. Such an opt-in is dated within
//! [`LAG_MS`] of a write of ours for that person, which left within `LAG_MS` of the opt-out. It changes nothing, in
//! whichever order both are heard, and the opt-out is written again.
//!
//! One limit: a person who opts in again within that minute cannot be told from it, and stays opted out. Nothing is done
//! for an opt-in that was put back: an opt-out is never doubted.

use super::{
    echo::{Write, is_echo, second},
    newest::{Judged, News, Origin, Recorded},
};
use crate::contract::consent::{Choice, Preference};

/// How long a vendor may need to show what a person has chosen there, in milliseconds: Iterable about a minute.
pub const LAG_MS: u64 = 61_000;

/// What becomes of the vendor's `event` where it or what stands is an opt-in that came by a write of ours; none where
/// neither is. `writes` are those about the item, whose echoes are nobody's choice; `sent` is when each write about the
/// person left, whatever its item, in milliseconds since 1970.
pub fn put_back(
    stands: Option<&Recorded>,
    event: &Preference,
    writes: &[Write],
    sent: &[u64],
) -> Option<Judged> {
    let stands = stands.filter(|stands| stands.origin == Origin::Vendor && !is_echo(event, writes))?;
    let kept = match (stands.choice, event.choice) {
        (Choice::OptOut, Choice::OptIn) if came_by_a_write(stands.chosen_at_ms, event.chosen_at_ms, sent) => {
            Judged { stands: stands.clone(), news: News::Echo, restore: true }
        }
        // Whoever was told of the opt-in learns that it is over: the opt-out is dated with it.
        (Choice::OptIn, Choice::OptOut) if came_by_a_write(event.chosen_at_ms, stands.chosen_at_ms, sent) => {
            let stands = Recorded { choice: Choice::OptOut, source: event.source.clone(), ..stands.clone() };
            Judged { stands, news: News::Changed, restore: true }
        }
        _ => return None,
    };
    let vendor_at_ms = kept.stands.vendor_at_ms.max(Some(event.chosen_at_ms));
    Some(Judged { stands: Recorded { vendor_at_ms, ..kept.stands }, ..kept })
}

/// Whether the vendor tells of an opt-in at `in_at_ms` because a write did not see the opt-out of `out_at_ms` yet.
pub fn came_by_a_write(out_at_ms: u64, in_at_ms: u64, sent: &[u64]) -> bool {
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

    fn heard(choice: Choice, second: u64) -> Recorded {
        Recorded {
            choice,
            chosen_at_ms: at(second),
            vendor_at_ms: Some(at(second)),
            origin: Origin::Vendor,
            source: "before".into(),
        }
    }

    fn told(judged: Option<Judged>) -> Option<(Choice, u64, News, bool)> {
        judged.map(|judged| {
            let second = judged.stands.chosen_at_ms / 1_000 - BEGAN;
            (judged.stands.choice, second, judged.news, judged.restore)
        })
    }

    #[test]
    fn an_opt_out_that_a_write_of_ours_put_back_stands_in_whichever_order_it_is_heard() {
        let sent = [at(10)];
        let put_back_later = put_back(Some(&heard(OptOut, 5)), &event(OptIn, 11), &[], &sent);
        assert_eq!(told(put_back_later), Some((OptOut, 5, News::Echo, true)));
        let put_back_first = put_back(Some(&heard(OptIn, 11)), &event(OptOut, 5), &[], &sent);
        assert_eq!(told(put_back_first), Some((OptOut, 11, News::Changed, true)));
    }

    #[test]
    fn an_opt_in_is_the_persons_own_where_no_write_can_have_brought_it() {
        let stands = heard(OptOut, 100);
        for (sent, opted_in) in [
            (vec![], 101),
            // Before the opt-out.
            (vec![at(99)], 101),
            // The vendor showed the opt-out by then.
            (vec![at(162)], 163),
            // After the opt-in.
            (vec![at(110)], 109),
            // A write does not take so long.
            (vec![at(110)], 172),
        ] {
            assert_eq!(
                put_back(Some(&stands), &event(OptIn, opted_in), &[], &sent),
                None,
                "{sent:?} {opted_in}"
            );
        }
        let at_the_edges = put_back(Some(&stands), &event(OptIn, 222), &[], &[at(161)]);
        assert_eq!(told(at_the_edges), Some((OptOut, 100, News::Echo, true)));
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
            "an opt-out is never doubted"
        );
        assert_eq!(put_back(Some(&heard(OptOut, 5)), &event(OptOut, 11), &[], &sent), None);
        let by_platform = Recorded { origin: Origin::Platform, ..heard(OptOut, 5) };
        assert_eq!(
            put_back(Some(&by_platform), &event(OptIn, 11), &[], &sent),
            None,
            "its own writes tell the echo"
        );
    }
}
