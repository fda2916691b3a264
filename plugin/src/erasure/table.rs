//! Answer × later proof → status: the whole of what this connector claims about an erasure.

/// How far an erasure is, the least complete first. An erasure that found the person under one identifier and nobody
/// under another is an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Iterable took the request, and the proof is not complete.
    Accepted,
    /// Nothing is left to read, and the list of the forgotten holds the person.
    Erased,
    /// There was nobody to erase.
    NotFound,
}

/// What Iterable answered to `forget`. The words stand in a receipt's reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Success, the first time or repeated before it took effect.
    Taken,
    /// The person was forgotten before.
    AlreadyForgotten,
    /// Iterable does not know the person: nothing to erase, or an index that lags behind.
    UnknownPerson,
}

/// What a later look showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nobody has looked yet.
    NotLooked,
    /// Iterable refuses to show whether there is anybody.
    NotShown,
    /// The profile can still be read.
    StillThere,
    /// Nothing left to read, and the list of the forgotten does not hold the person.
    GoneUnlisted,
    /// Nothing left to read, and the list of the forgotten outgrew its limit.
    GoneListTooLong,
    /// Nothing left to read, and the list of the forgotten holds the person.
    GoneListed,
}

/// Iterable takes up to ten minutes to forget.
pub const FORGETTING_MS: u64 = 10 * 60 * 1000;
/// And about a minute until all its parts know a person.
pub const SETTLING_MS: u64 = 60 * 1000;

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How far the erasure is.
    pub status: Status,
    /// In words, for the receipt.
    pub evidence: &'static str,
    /// When to look again, in milliseconds; none where Iterable will never show more.
    pub confirm_after_ms: Option<u64>,
}

/// The table.
pub const fn finding(answer: Answer, proof: Proof) -> Finding {
    use Answer::{AlreadyForgotten, Taken, UnknownPerson};
    use Proof::{GoneListTooLong, GoneListed, GoneUnlisted, NotLooked, NotShown, StillThere};
    use Status::{Accepted, Erased, NotFound};
    const SOON: Option<u64> = Some(SETTLING_MS);
    const LATER: Option<u64> = Some(FORGETTING_MS);

    let (status, evidence, confirm_after_ms) = match (answer, proof) {
        (Taken, NotLooked) => (Accepted, "Iterable took the request and needs up to ten minutes", LATER),
        (AlreadyForgotten, NotLooked) => {
            (Accepted, "Iterable answered that the person was forgotten before", SOON)
        }
        // The index may lag behind a person just created, so that this is not the last word.
        (UnknownPerson, NotLooked) => (Accepted, "Iterable answered that it does not know the person", SOON),
        (_, GoneListed) => {
            (Erased, "nothing is left to read, and the list of the forgotten holds the person", None)
        }
        (_, NotShown) => (Accepted, "Iterable refuses to show whether the person is still there", None),
        (_, StillThere) => (Accepted, "the profile can still be read", LATER),
        (UnknownPerson, GoneUnlisted) => {
            (NotFound, "Iterable did not know the person when asked, and again shows nothing", None)
        }
        (UnknownPerson, GoneListTooLong) => (
            NotFound,
            "Iterable did not know the person when asked, and again shows nothing; the list of the forgotten \
             outgrew its limit and was not read",
            None,
        ),
        (Taken | AlreadyForgotten, GoneUnlisted) => (
            Accepted,
            "nothing is left to read, but the list of the forgotten does not hold the person yet",
            LATER,
        ),
        // The contract keeps `erased` for what is proven. Only a higher limit could prove this, not waiting.
        (Taken | AlreadyForgotten, GoneListTooLong) => (
            Accepted,
            "nothing is left to read; the list of the forgotten outgrew its limit, so that only this first half \
             is shown",
            None,
        ),
    };
    Finding { status, evidence, confirm_after_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_it_should() {
        use Answer::{AlreadyForgotten, Taken, UnknownPerson};
        use Proof::{GoneListTooLong, GoneListed, GoneUnlisted, NotLooked, NotShown, StillThere};
        use Status::{Accepted, Erased, NotFound};
        for (answer, proof, status, confirm_after_ms) in [
            (Taken, NotLooked, Accepted, Some(600_000)),
            (Taken, NotShown, Accepted, None),
            (Taken, StillThere, Accepted, Some(600_000)),
            (Taken, GoneUnlisted, Accepted, Some(600_000)),
            (Taken, GoneListTooLong, Accepted, None),
            (Taken, GoneListed, Erased, None),
            (AlreadyForgotten, NotLooked, Accepted, Some(60_000)),
            (AlreadyForgotten, NotShown, Accepted, None),
            (AlreadyForgotten, StillThere, Accepted, Some(600_000)),
            (AlreadyForgotten, GoneUnlisted, Accepted, Some(600_000)),
            (AlreadyForgotten, GoneListTooLong, Accepted, None),
            (AlreadyForgotten, GoneListed, Erased, None),
            (UnknownPerson, NotLooked, Accepted, Some(60_000)),
            (UnknownPerson, NotShown, Accepted, None),
            (UnknownPerson, StillThere, Accepted, Some(600_000)),
            (UnknownPerson, GoneUnlisted, NotFound, None),
            (UnknownPerson, GoneListTooLong, NotFound, None),
            (UnknownPerson, GoneListed, Erased, None),
        ] {
            let finding = finding(answer, proof);
            assert_eq!(
                (finding.status, finding.confirm_after_ms),
                (status, confirm_after_ms),
                "{answer:?} {proof:?}"
            );
        }
    }
}
