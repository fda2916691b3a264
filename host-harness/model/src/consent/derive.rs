//! Derives notice preferences from item choices, in favour of the opt-out.

use super::newest::RecordedChoices;
use crate::contract::consent::{Choice, ItemId};

/// What the choices for a notice's items say about the notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DerivedPreference {
    /// Opted out if any item is, opted in only if all items are.
    Preference {
        /// In or out.
        choice: Choice,
        /// When the newest of the deciding choices was made, in milliseconds since 1970 in UTC; 0 if no person is known
        /// to have made any of them.
        chosen_at_ms: u64,
        /// Where that choice was made, in the source's own words.
        source: String,
    },
    /// Not known yet: no item is known to be opted out, and some are not known to be opted in.
    Unknown {
        /// The items to read at the vendor. Empty if no item is mapped to the notice.
        missing: Vec<ItemId>,
    },
}

/// Derives the preference for the notice that `items` are mapped to. Leave out items that the vendor no longer lists:
/// their choices will never become known.
pub fn derive(items: &[ItemId], ledger: &RecordedChoices) -> DerivedPreference {
    let missing = || items.iter().filter(|item| !ledger.contains_key(item)).cloned().collect::<Vec<_>>();
    let newest_of = |choice| {
        let decide = items.iter().filter_map(|item| ledger.get(item)).filter(|known| known.choice == choice);
        decide.max_by_key(|known| known.chosen_at_ms)
    };
    let decides = match (newest_of(Choice::OptOut), newest_of(Choice::OptIn)) {
        (Some(out), _) => out,
        (None, Some(newest)) if missing().is_empty() => newest,
        _ => return DerivedPreference::Unknown { missing: missing() },
    };
    DerivedPreference::Preference {
        choice: decides.choice,
        chosen_at_ms: decides.chosen_at_ms,
        source: decides.source.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::newest::{Origin, RecordedChoice};

    fn id(number: usize) -> ItemId {
        ItemId { kind: "channel".into(), id: number.to_string() }
    }

    fn recorded(choice: Choice, chosen_at_ms: u64) -> RecordedChoice {
        let source = format!("chosen at {chosen_at_ms}");
        RecordedChoice { choice, chosen_at_ms, vendor_at_ms: None, origin: Origin::Vendor, source }
    }

    fn preference(choice: Choice, chosen_at_ms: u64) -> DerivedPreference {
        DerivedPreference::Preference { choice, chosen_at_ms, source: format!("chosen at {chosen_at_ms}") }
    }

    #[test]
    fn a_notice_is_opted_out_when_any_item_is_and_opted_in_only_when_all_are() {
        let items = [id(1), id(2)];
        let derived =
            |first, second| derive(&items, &RecordedChoices::from([(id(1), first), (id(2), second)]));
        let (opted_in, out) = (|at| recorded(Choice::OptIn, at), |at| recorded(Choice::OptOut, at));
        assert_eq!(derived(opted_in(5), opted_in(9)), preference(Choice::OptIn, 9));
        assert_eq!(derived(opted_in(9), out(5)), preference(Choice::OptOut, 5));
        assert_eq!(derived(out(7), out(5)), preference(Choice::OptOut, 7));
    }

    #[test]
    fn one_item_that_is_out_decides_whatever_else_is_unknown() {
        let ledger = RecordedChoices::from([(id(1), recorded(Choice::OptOut, 5))]);
        assert_eq!(derive(&[id(1), id(2)], &ledger), preference(Choice::OptOut, 5));
        let ledger = RecordedChoices::from([(id(1), recorded(Choice::OptIn, 5))]);
        assert_eq!(
            derive(&[id(1), id(2), id(3)], &ledger),
            DerivedPreference::Unknown { missing: vec![id(2), id(3)] }
        );
    }

    #[test]
    fn a_notice_that_no_item_stands_for_is_not_opted_in() {
        assert_eq!(derive(&[], &RecordedChoices::new()), DerivedPreference::Unknown { missing: vec![] });
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn a_notice_is_never_in_while_an_item_is_out_or_unknown(
            choices in prop::collection::vec(prop::option::of((any::<bool>(), 0_u64..20)), 0..6),
        ) {
            let known = choices.iter().enumerate().filter_map(|(number, choice)| {
                let (is_in, at) = (*choice)?;
                Some((id(number), recorded(if is_in { Choice::OptIn } else { Choice::OptOut }, at)))
            });
            let items: Vec<ItemId> = (0..choices.len()).map(id).collect();
            let derived = derive(&items, &known.collect());
            let (any_out, all_in) = (
                choices.iter().any(|choice| choice.is_some_and(|(is_in, _)| !is_in)),
                !choices.is_empty() && choices.iter().all(|choice| choice.is_some_and(|(is_in, _)| is_in)),
            );
            let is = |wanted| matches!(&derived, DerivedPreference::Preference { choice, .. } if *choice == wanted);
            prop_assert_eq!((is(Choice::OptOut), is(Choice::OptIn)), (any_out, all_in));
        }
    }
}
