//! Answer × later proof → status: everything that this connector claims about an erasure.

/// How far an erasure has progressed, least complete first. A person found under one identifier but not under another
/// counts as erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Iterable accepted the request, and the proof is incomplete.
    Accepted,
    /// The profile is gone, and the list of forgotten users contains the person.
    Erased,
    /// There was no one to erase.
    NotFound,
}

/// Iterable's answer to `forget`, which a receipt's reference records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetAnswer {
    /// Success, for a first request or one repeated before the first took effect.
    Taken,
    /// The person had already been forgotten.
    AlreadyForgotten,
    /// Iterable does not know the person: there is nothing to erase, or its index lags behind.
    UnknownPerson,
}

/// What a later check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Not checked yet.
    NotLooked,
    /// Iterable refuses to say whether the person exists.
    NotShown,
    /// The profile can still be read.
    StillThere,
    /// The profile is gone, and the list of forgotten users does not contain the person.
    GoneUnlisted,
    /// The profile is gone, and the list of forgotten users exceeded its size limit.
    GoneListTooLong,
    /// The profile is gone, and the list of forgotten users contains the person.
    GoneListed,
}

/// How long Iterable takes at most to forget a person.
pub const FORGETTING_MS: u64 = 10 * 60 * 1000;
/// How long all parts of Iterable take to know a new person.
pub const SETTLING_MS: u64 = 60 * 1000;
/// When a first check can succeed: Iterable's reads show what it did only after a while, so that one at the end of the
/// ten minutes finds the profile still there.
const SHOWN_MS: u64 = FORGETTING_MS + SETTLING_MS;

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How far the erasure has progressed.
    pub status: Status,
    /// The evidence in words, for the receipt.
    pub evidence: &'static str,
    /// When to check again, in milliseconds from now. `None` if Iterable will never show more than this.
    pub confirm_after_ms: Option<u64>,
}

/// Looks up the cell for an answer and a proof.
pub const fn finding(answer: ForgetAnswer, proof: Proof) -> Finding {
    use ForgetAnswer::{AlreadyForgotten, Taken, UnknownPerson};
    use Proof::{GoneListTooLong, GoneListed, GoneUnlisted, NotLooked, NotShown, StillThere};
    use Status::{Accepted, Erased, NotFound};
    const SOON: Option<u64> = Some(SETTLING_MS);
    const LATER: Option<u64> = Some(FORGETTING_MS);
    const ONCE_SHOWN: Option<u64> = Some(SHOWN_MS);

    let (status, evidence, confirm_after_ms) = match (answer, proof) {
        (Taken, NotLooked) => {
            (Accepted, "Iterable accepted the request and needs up to ten minutes", ONCE_SHOWN)
        }
        (AlreadyForgotten, NotLooked) => {
            (Accepted, "Iterable answered that the person had already been forgotten", SOON)
        }
        // Not final: the index may lag behind for a person who was just created.
        (UnknownPerson, NotLooked) => (Accepted, "Iterable answered that it does not know the person", SOON),
        (_, GoneListed) => {
            (Erased, "the profile is gone, and the list of forgotten users contains the person", None)
        }
        (_, NotShown) => (Accepted, "Iterable refuses to say whether the person still exists", None),
        (_, StillThere) => (Accepted, "the profile can still be read", LATER),
        (UnknownPerson, GoneUnlisted) => {
            (NotFound, "Iterable did not know the person when asked, and still shows no profile", None)
        }
        (UnknownPerson, GoneListTooLong) => (
            NotFound,
            "Iterable did not know the person when asked, and still shows no profile; the list of forgotten users \
             exceeded its size limit and was not read",
            None,
        ),
        (Taken | AlreadyForgotten, GoneUnlisted) => (
            Accepted,
            "the profile is gone, but the list of forgotten users does not contain the person yet",
            LATER,
        ),
        // The contract reserves `erased` for proven erasures. Only a higher limit could prove this one, not waiting.
        (Taken | AlreadyForgotten, GoneListTooLong) => (
            Accepted,
            "the profile is gone; the list of forgotten users exceeded its size limit, so only this first half is \
             proven",
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
        use ForgetAnswer::{AlreadyForgotten, Taken, UnknownPerson};
        use Proof::{GoneListTooLong, GoneListed, GoneUnlisted, NotLooked, NotShown, StillThere};
        use Status::{Accepted, Erased, NotFound};
        for (answer, proof, status, confirm_after_ms) in [
            (Taken, NotLooked, Accepted, Some(660_000)),
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
