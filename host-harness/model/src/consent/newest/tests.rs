use Choice::{OptIn, OptOut};
use Novelty::{Changed, Confirmed, Echo, Old};

use super::*;

mod histories;

/// The second that times in these tests count from. Half a second is added if the order within a second must not
/// matter.
const BEGAN_MS: u64 = 1_700_000_000_000;

fn at(second: u64) -> u64 {
    BEGAN_MS + second * SECOND_MS
}

fn chosen(choice: Choice, second: u64) -> Preference {
    let item = "channel:1".parse().unwrap();
    Preference { item, choice, chosen_at_ms: at(second), source: "test".into() }
}

fn stands(origin: Origin, choice: Choice, second: u64) -> RecordedChoice {
    RecordedChoice { choice, chosen_at_ms: at(second), vendor_at_ms: None, origin, source: "before".into() }
}

fn write(choice: Choice, second: u64) -> Write {
    Write { choice, sent_at_ms: at(second) }
}

/// The recorded choice, its time, the news and whether it must be restored.
fn summary(judged: &JudgedChoice) -> (Choice, u64, Novelty, bool) {
    (judged.stands.choice, (judged.stands.chosen_at_ms - BEGAN_MS) / SECOND_MS, judged.news, judged.restore)
}

#[test]
fn the_first_choice_stands() {
    assert_eq!(summary(&choose(None, &chosen(OptIn, 5))), (OptIn, 5, Changed, false));
    let heard = hear(None, &chosen(OptOut, 5), &[]);
    assert_eq!(summary(&heard), (OptOut, 5, Changed, false));
    assert_eq!(heard.stands.origin, Origin::Vendor);
    assert_eq!(heard.stands.vendor_at_ms, Some(at(5)));
    assert_eq!(heard.stands.source, "test");
}

#[test]
fn a_late_choice_never_overrides_a_newer_one() {
    for origin in [Origin::Platform, Origin::Vendor] {
        let newer = stands(origin, OptIn, 10);
        assert_eq!(summary(&choose(Some(&newer), &chosen(OptOut, 9))), (OptIn, 10, Old, false));
        assert_eq!(summary(&hear(Some(&newer), &chosen(OptOut, 9), &[])), (OptIn, 10, Old, false));
        assert_eq!(summary(&choose(Some(&newer), &chosen(OptOut, 11))), (OptOut, 11, Changed, false));
        assert_eq!(summary(&hear(Some(&newer), &chosen(OptOut, 11), &[])), (OptOut, 11, Changed, false));
    }
}

#[test]
fn times_compare_by_whole_second_and_on_a_tie_the_opt_out_wins() {
    let mut later_in_the_second = chosen(OptIn, 10);
    later_in_the_second.chosen_at_ms += 999;
    let out = stands(Origin::Platform, OptOut, 10);
    assert_eq!(choose(Some(&out), &later_in_the_second).news, Old);
    assert_eq!(hear(Some(&out), &later_in_the_second, &[]).news, Old);
    let mut opted_in = stands(Origin::Vendor, OptIn, 10);
    opted_in.chosen_at_ms += 999;
    assert_eq!(choose(Some(&opted_in), &chosen(OptOut, 10)).news, Changed);
    assert_eq!(hear(Some(&opted_in), &chosen(OptOut, 10), &[]).news, Changed);
}

#[test]
fn the_same_choice_made_again_is_dated_anew_and_is_no_news() {
    let before = stands(Origin::Vendor, OptOut, 10);
    assert_eq!(summary(&hear(Some(&before), &chosen(OptOut, 20), &[])), (OptOut, 20, Confirmed, false));
    assert_eq!(summary(&choose(Some(&before), &chosen(OptOut, 20))), (OptOut, 20, Confirmed, false));
    assert_eq!(summary(&hear(Some(&before), &chosen(OptOut, 10), &[])), (OptOut, 10, Old, false), "repeated");
}

#[test]
fn an_echo_of_our_own_write_changes_nothing_and_goes_nowhere() {
    let before = stands(Origin::Platform, OptOut, 10);
    let writes = [write(OptOut, 100)];
    for second in [100, 101, 700] {
        let heard = hear(Some(&before), &chosen(OptOut, second), &writes);
        assert_eq!(summary(&heard), (OptOut, 10, Echo, false));
        assert_eq!(heard.stands.vendor_at_ms, Some(at(second)));
        assert_eq!(heard.stands.origin, Origin::Platform);
        assert_eq!(heard.stands.source, "before");
    }
}

#[test]
fn what_is_no_echo_is_the_persons_own_choice() {
    let before = stands(Origin::Platform, OptOut, 10);
    let writes = [write(OptOut, 100)];
    for second in [99, 701] {
        let heard = hear(Some(&before), &chosen(OptOut, second), &writes);
        assert_eq!(summary(&heard), (OptOut, second, Confirmed, false), "outside the window");
    }
    let other = hear(Some(&before), &chosen(OptIn, 101), &writes);
    assert_eq!(summary(&other), (OptIn, 101, Changed, false), "the other choice");
}

#[test]
fn an_echo_of_an_older_write_does_not_undo_a_newer_choice() {
    let newer = stands(Origin::Platform, OptOut, 120);
    let heard = hear(Some(&newer), &chosen(OptIn, 105), &[write(OptIn, 100)]);
    assert_eq!(summary(&heard), (OptOut, 120, Echo, false), "the newer choice is in transit");
}

#[test]
fn a_newer_choice_that_our_write_went_over_is_written_again() {
    let before = stands(Origin::Platform, OptIn, 90);
    let heard = hear(Some(&before), &chosen(OptOut, 95), &[write(OptIn, 100)]);
    assert_eq!(summary(&heard), (OptOut, 95, Changed, true), "written after the person chose");
    let same_second = hear(Some(&before), &chosen(OptOut, 100), &[write(OptIn, 100)]);
    assert_eq!(summary(&same_second), (OptOut, 100, Changed, true));
    let before_it = hear(Some(&before), &chosen(OptOut, 101), &[write(OptIn, 100)]);
    assert_eq!(summary(&before_it), (OptOut, 101, Changed, false), "the person chose after our write");
}

#[test]
fn a_write_that_took_effect_after_a_newer_choice_is_undone_in_whatever_order_both_are_heard() {
    let before = stands(Origin::Platform, OptIn, 90);
    let writes = [write(OptIn, 100)];
    let (choice, echo) = (chosen(OptOut, 130), chosen(OptIn, 160));
    let first = hear(Some(&before), &choice, &writes);
    assert_eq!(summary(&first), (OptOut, 130, Changed, false));
    assert_eq!(summary(&hear(Some(&first.stands), &echo, &writes)), (OptOut, 130, Echo, true));
    let first = hear(Some(&before), &echo, &writes);
    assert_eq!(summary(&first), (OptIn, 90, Echo, false));
    assert_eq!(summary(&hear(Some(&first.stands), &choice, &writes)), (OptOut, 130, Changed, true));
    let restored = [write(OptIn, 100), write(OptOut, 170)];
    let first = stands(Origin::Vendor, OptOut, 130);
    assert_eq!(summary(&hear(Some(&first), &echo, &restored)), (OptOut, 130, Echo, false), "once is enough");
}

#[test]
fn a_tie_at_the_vendor_is_settled_there_too() {
    let out = stands(Origin::Vendor, OptOut, 100);
    assert_eq!(summary(&hear(Some(&out), &chosen(OptIn, 100), &[])), (OptOut, 100, Old, true));
    let first = hear(None, &chosen(OptIn, 100), &[]);
    assert_eq!(summary(&hear(Some(&first.stands), &chosen(OptOut, 100), &[])), (OptOut, 100, Changed, true));
}

#[test]
fn a_first_reading_is_older_than_any_choice_and_no_news() {
    let found = read(None, OptIn, at(100), &[]);
    assert_eq!((found.stands.choice, found.stands.chosen_at_ms, found.news), (OptIn, 0, Confirmed));
    let late = choose(Some(&found.stands), &chosen(OptOut, 50));
    assert_eq!(summary(&late), (OptOut, 50, Changed, false), "chosen before the reading, received after it");
    let behind_it = hear(Some(&found.stands), &chosen(OptIn, 50), &[]);
    assert_eq!(summary(&behind_it), (OptIn, 50, Changed, false), "it has not been announced yet");
    let overtaken = hear(Some(&found.stands), &chosen(OptOut, 50), &[]);
    assert_eq!(
        (overtaken.stands.choice, overtaken.news),
        (OptIn, Old),
        "the vendor has held another choice since"
    );
}

#[test]
fn a_reading_finds_the_choice_that_a_lost_event_would_have_reported() {
    let before = stands(Origin::Vendor, OptIn, 10);
    assert_eq!(summary(&read(Some(&before), OptOut, at(100), &[])), (OptOut, 100, Changed, false));
    let before = stands(Origin::Vendor, OptOut, 10);
    let found = read(Some(&before), OptIn, at(100), &[]);
    assert_eq!(summary(&found), (OptIn, 11, Changed, false), "an opt-in gets the earliest possible time");
    assert_eq!(summary(&choose(Some(&found.stands), &chosen(OptOut, 50))), (OptOut, 50, Changed, false));
    assert_eq!(summary(&hear(Some(&found.stands), &chosen(OptOut, 50), &[])), (OptIn, 11, Old, false));
    assert_eq!(summary(&hear(Some(&found.stands), &chosen(OptIn, 50), &[])), (OptIn, 50, Confirmed, false));
}

#[test]
fn a_reading_that_may_predate_a_write_changes_nothing() {
    let before = stands(Origin::Platform, OptOut, 10);
    let judged = |writes: &[Write], second| summary(&read(Some(&before), OptIn, at(second), writes));
    assert_eq!(judged(&[], 5_000), (OptOut, 10, Old, false), "the choice is still to be written");
    assert_eq!(
        judged(&[write(OptOut, 5)], 5_000),
        (OptOut, 10, Old, false),
        "that write was of an earlier choice"
    );
    assert_eq!(judged(&[write(OptOut, 12)], 612), (OptOut, 10, Old, false), "the write is settling");
    assert_eq!(judged(&[write(OptOut, 12)], 613), (OptIn, 11, Changed, false));
    assert_eq!(summary(&read(Some(&before), OptOut, at(13), &[])), (OptOut, 10, Confirmed, false));
    let later = stands(Origin::Vendor, OptOut, 200);
    assert_eq!(summary(&read(Some(&later), OptIn, at(200), &[])), (OptOut, 200, Old, false));
}
