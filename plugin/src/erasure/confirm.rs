//! The proof: nothing left to read, and the identifier's hash in Iterable's list of the forgotten.

use std::collections::BTreeSet;

use super::{
    forget::forget,
    receipt::Receipt,
    reference,
    table::{Answer, Proof, Status},
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
    /// Who, as it was given to [`super::erase`].
    pub subject: Vec<Identifier>,
    /// The last receipt's.
    pub reference: Option<String>,
}

/// One person, looked at.
struct Look {
    person: Person,
    answer: Answer,
    profile: Shown,
}

enum Shown {
    There,
    Gone,
    Refused,
}

/// Looks whether erasures have taken effect: one receipt for each, in their order. The lists of the forgotten are read
/// once for all, and only where somebody is gone. It begins no erasure; where Iterable did not know the person when
/// `erase` asked, and shows them now, asking again is the step that is due.
///
/// An error of kind `missing-identity` where no erasure has an identifier that this project uses.
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
    let proven = |look: &Look| match look.person {
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
) -> Result<Vec<Look>, Error> {
    let mut looks = Vec::new();
    for (at, person) in people.into_iter().enumerate() {
        let mut answer = reference::read(reference, at);
        let profile = match client.profile(&person) {
            Ok(Some(_)) => Shown::There,
            Ok(None) => Shown::Gone,
            // One malformed person must not keep the others' receipts back.
            Err(error) if error.kind == ErrorKind::Rejected => Shown::Refused,
            Err(error) => return Err(error),
        };
        if let (Shown::There, Answer::UnknownPerson) = (&profile, answer) {
            answer = match forget(settings, client, &person) {
                // Neither that nor a full daily limit is about the others.
                Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::RateLimited) => answer,
                again => again?,
            };
        }
        looks.push(Look { person, answer, profile });
    }
    Ok(looks)
}

enum Listing {
    Holds(BTreeSet<Hash>),
    TooLong,
}

/// Who of these, known by identifiers of this kind, is gone and listed.
fn listing<'a>(
    client: &mut Client,
    kind: &str,
    looks: impl Iterator<Item = &'a Look>,
) -> Result<Listing, Error> {
    let gone = looks.filter(|look| look.person.kind() == kind && matches!(look.profile, Shown::Gone));
    let gone: Vec<_> = gone.map(|look| &look.person).collect();
    let Some(anybody) = gone.first() else { return Ok(Listing::Holds(BTreeSet::new())) };
    let request = request::list_forgotten(anybody);
    let operation = request.operation;
    let response = match client.raw(request) {
        Err(error) if error.code == TOO_LARGE => return Ok(Listing::TooLong),
        response => response?,
    };
    let mut wanted = BTreeSet::new();
    for person in gone {
        wanted.insert(person.hash());
    }
    let found = forgotten::listed(&response.body, &wanted);
    found.map(Listing::Holds).ok_or_else(|| client.unreadable(operation, &response))
}

fn proof(look: &Look, listing: &Listing) -> Proof {
    match (&look.profile, listing) {
        (Shown::There, _) => Proof::StillThere,
        (Shown::Refused, _) => Proof::NotShown,
        (Shown::Gone, Listing::TooLong) => Proof::GoneListTooLong,
        (Shown::Gone, Listing::Holds(listed)) if listed.contains(&look.person.hash()) => Proof::GoneListed,
        (Shown::Gone, Listing::Holds(_)) => Proof::GoneUnlisted,
    }
}
