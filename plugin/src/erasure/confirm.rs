//! Proves erasures: the profile is gone, and Iterable's list of forgotten users contains the identifier's hash.
//! Tested in `src/erasure/tests.rs`.

use std::collections::BTreeSet;

use super::{
    forget::forget,
    receipt::Receipt,
    reference,
    table::{ForgetAnswer, Proof, Status},
};
use crate::{
    error::{Error, ErrorKind},
    http::Vendor,
    iterable::{
        client::{Client, TOO_LARGE},
        forgotten::{self, Hash},
        request,
    },
    settings::Settings,
    subject::{self, EMAIL, Identifier, Person, USER_ID},
};

/// An erasure under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingErasure {
    /// The person, as passed to [`super::erase`].
    pub subject: Vec<Identifier>,
    /// The reference of the last receipt.
    pub reference: Option<String>,
}

/// What a check found for one identifier.
struct ConfirmationLook {
    person: Person,
    answer: ForgetAnswer,
    profile: ShownProof,
}

enum ShownProof {
    There,
    Gone,
    Refused,
}

/// Checks whether erasures have taken effect, and returns one receipt for each, in order. Each list of forgotten users
/// is read once for all erasures, and only if at least one profile is gone.
///
/// It starts no new erasure. But if Iterable did not know the person at the time of `erase` and shows a profile now, it
/// sends `forget` again.
///
/// The error `missing-identity` if no erasure has an identifier that this project uses.
pub fn confirm(
    settings: &Settings,
    vendor: &mut dyn Vendor,
    erasures: &[PendingErasure],
) -> Result<Vec<Receipt>, Error> {
    let mut client = Client::new(vendor);
    let people: Vec<_> =
        erasures.iter().map(|erasure| subject::people(settings.project_type, &erasure.subject)).collect();
    if let Some(Err(error)) = people.first()
        && people.iter().all(Result::is_err)
    {
        return Err(error.clone());
    }
    let mut looks = Vec::new();
    for (people, erasure) in people.into_iter().zip(erasures) {
        looks.push(match people {
            Ok(people) => Ok(look_at(settings, &mut client, people, erasure.reference.as_deref())?),
            Err(error) => Err(error.message),
        });
    }
    let mut listing_of = |kind| listing(&mut client, kind, looks.iter().flatten().flatten());
    let (emails, user_ids) = (listing_of(EMAIL)?, listing_of(USER_ID)?);
    let proven = |look: &ConfirmationLook| match look.person {
        Person::Email(_) => proof(look, &emails),
        Person::UserId(_) => proof(look, &user_ids),
    };
    Ok(looks
        .iter()
        .map(|looks| match looks {
            Ok(looks) => {
                let looks: Vec<_> =
                    looks.iter().map(|look| (&look.person, look.answer, proven(look))).collect();
                Receipt::of(&looks)
            }
            Err(nobody) => Receipt {
                status: Status::Accepted,
                evidence: nobody.clone(),
                reference: None,
                confirm_after_ms: None,
            },
        })
        .collect())
}

fn look_at(
    settings: &Settings,
    client: &mut Client,
    people: Vec<Person>,
    reference: Option<&str>,
) -> Result<Vec<ConfirmationLook>, Error> {
    let mut looks = Vec::new();
    for (at, person) in people.into_iter().enumerate() {
        let mut answer = reference::read(reference, at);
        let profile = match client.profile(&person) {
            Ok(Some(_)) => ShownProof::There,
            Ok(None) => ShownProof::Gone,
            // One malformed identifier must not hold up the other receipts.
            Err(error) if error.kind == ErrorKind::Rejected => ShownProof::Refused,
            Err(error) => return Err(error),
        };
        if let (ShownProof::There, ForgetAnswer::UnknownPerson) = (&profile, answer) {
            answer = match forget(settings, client, &person) {
                // Neither a refusal nor an exhausted daily limit affects the other people.
                Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::RateLimited) => answer,
                again => again?,
            };
        }
        looks.push(ConfirmationLook { person, answer, profile });
    }
    Ok(looks)
}

enum ForgottenListing {
    Holds(BTreeSet<Hash>),
    TooLong,
}

/// Returns the listed hashes among those of identifiers of this kind whose profile is gone.
fn listing<'a>(
    client: &mut Client,
    kind: &str,
    looks: impl Iterator<Item = &'a ConfirmationLook>,
) -> Result<ForgottenListing, Error> {
    let gone = looks.filter(|look| look.person.kind() == kind && matches!(look.profile, ShownProof::Gone));
    let gone: Vec<_> = gone.map(|look| &look.person).collect();
    let Some(anybody) = gone.first() else { return Ok(ForgottenListing::Holds(BTreeSet::new())) };
    let request = request::list_forgotten(anybody);
    let operation = request.operation;
    let response = match client.raw(request) {
        Err(error) if error.code == TOO_LARGE => return Ok(ForgottenListing::TooLong),
        response => response?,
    };
    let mut wanted = BTreeSet::new();
    for person in gone {
        wanted.insert(person.hash());
    }
    let found = forgotten::listed(&response.body, &wanted);
    found.map(ForgottenListing::Holds).ok_or_else(|| client.unreadable(operation, &response))
}

fn proof(look: &ConfirmationLook, listing: &ForgottenListing) -> Proof {
    match (&look.profile, listing) {
        (ShownProof::There, _) => Proof::StillThere,
        (ShownProof::Refused, _) => Proof::NotShown,
        (ShownProof::Gone, ForgottenListing::TooLong) => Proof::GoneListTooLong,
        (ShownProof::Gone, ForgottenListing::Holds(listed)) if listed.contains(&look.person.hash()) => {
            Proof::GoneListed
        }
        (ShownProof::Gone, ForgottenListing::Holds(_)) => Proof::GoneUnlisted,
    }
}
