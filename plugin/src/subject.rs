//! The person that a call is about, and the identifiers by which Iterable knows them.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{error::Error, settings::ProjectType};

/// The identifier kind of an email address.
pub const EMAIL: &str = "email";
/// The identifier kind of the customer's own id for a person.
pub const USER_ID: &str = "user-id";

/// One identifier of a person. `Debug` does not print its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// [`EMAIL`], [`USER_ID`] or a word that this connector ignores.
    pub kind: String,
    /// The value as the platform stores it.
    pub value: String,
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({})", self.kind)
    }
}

/// One identifier that Iterable can act on. `Debug` does not print its value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Person {
    Email(String),
    UserId(String),
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.kind())
    }
}

impl Person {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => EMAIL,
            Self::UserId(_) => USER_ID,
        }
    }

    pub(crate) fn value(&self) -> &str {
        match self {
            Self::Email(value) | Self::UserId(value) => value,
        }
    }

    /// The hash that the lists of forgotten users contain. Iterable lower-cases user-ids for it too.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.value().trim().to_lowercase()).into()
    }
}

/// Returns the identifiers of `subject` that a project of this type uses, without duplicates: user-ids before emails,
/// otherwise in the subject's order. The error `missing-identity` if there are none.
pub(crate) fn people(project: ProjectType, subject: &[Identifier]) -> Result<Vec<Person>, Error> {
    let mut people: Vec<Person> = Vec::new();
    let kinds: &[&str] = match project {
        ProjectType::Email => &[EMAIL],
        ProjectType::UserId => &[USER_ID],
        ProjectType::Hybrid => &[USER_ID, EMAIL],
    };
    for kind in kinds {
        let of_kind = subject.iter().filter(|identifier| identifier.kind == *kind);
        for person in of_kind.filter_map(|identifier| person(kind, &identifier.value)) {
            if !people.contains(&person) {
                people.push(person);
            }
        }
    }
    if people.is_empty() {
        let wanted = kinds.join(" or ");
        return Err(Error::missing_identity(format!(
            "the person has no {wanted}, by which this project identifies people"
        )));
    }
    Ok(people)
}

fn person(kind: &str, value: &str) -> Option<Person> {
    // These are not allowed as a path segment, so the person could never be read.
    if matches!(value.trim(), "" | "." | "..") {
        return None;
    }
    Some(if kind == EMAIL {
        Person::Email(value.trim().to_owned())
    } else {
        Person::UserId(value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorKind, manifest, testing::identifiers};

    fn values(project: ProjectType, subject: &[(&str, &str)]) -> Vec<String> {
        let people = people(project, &identifiers(subject)).unwrap();
        people.iter().map(|person| person.value().to_owned()).collect()
    }

    #[test]
    fn each_project_type_uses_its_own_identifiers() {
        let subject = [
            ("email", " a@example.com "),
            ("phone-number", "1"),
            ("user-id", "u1"),
            ("email", "b@example.com"),
        ];
        assert_eq!(values(ProjectType::Email, &subject), ["a@example.com", "b@example.com"]);
        assert_eq!(values(ProjectType::UserId, &subject), ["u1"]);
        assert_eq!(values(ProjectType::Hybrid, &subject), ["u1", "a@example.com", "b@example.com"]);
    }

    #[test]
    fn a_call_acts_on_those_kinds_alone_that_identify_by_the_manifest() {
        let subject = [("email", "a@example.com"), ("user-id", "u1")];
        for (value, project) in
            [("email", ProjectType::Email), ("user-id", ProjectType::UserId), ("hybrid", ProjectType::Hybrid)]
        {
            let people = people(project, &identifiers(&subject)).unwrap();
            let mut acted_on: Vec<_> = people.iter().map(Person::kind).collect();
            acted_on.sort_unstable();
            let kinds = manifest::describe().identifier_kinds;
            let identifying: Vec<_> =
                kinds.iter().filter(|kind| kind.unique_in.contains(&value)).map(|kind| kind.name).collect();
            assert_eq!(acted_on, identifying, "{value}");
        }
    }

    #[test]
    fn an_identifier_given_twice_counts_once() {
        assert_eq!(
            values(ProjectType::Email, &[("email", "a@example.com"), ("email", "a@example.com ")]),
            ["a@example.com"]
        );
    }

    #[test]
    fn a_person_without_a_usable_identifier_is_a_missing_identity() {
        for subject in [&[("user-id", "u1")][..], &[("email", " ")], &[("email", "..")], &[]] {
            let error = people(ProjectType::Email, &identifiers(subject)).unwrap_err();
            assert_eq!(error.kind, ErrorKind::MissingIdentity);
            assert_eq!(error.message, "the person has no email, by which this project identifies people");
        }
        let error = people(ProjectType::Hybrid, &[]).unwrap_err();
        assert_eq!(
            error.message,
            "the person has no user-id or email, by which this project identifies people"
        );
    }

    #[test]
    fn the_hash_is_that_of_the_lower_cased_trimmed_identifier() {
        let hash = hex::encode(Person::Email(" A@Example.COM".to_owned()).hash());
        assert_eq!(hash, hex::encode(Sha256::digest("a@example.com")));
    }

    #[test]
    fn people_do_not_print() {
        let subject = identifiers(&[("email", "a@example.com")]);
        let people = people(ProjectType::Email, &subject).unwrap();
        assert_eq!(format!("{subject:?} {people:?}"), "[Identifier(email)] [Person(email)]");
    }
}
