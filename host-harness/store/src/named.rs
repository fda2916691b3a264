//! A person's identifiers as keyed hashes, split by whether they identify the person at one connection.

use crate::{
    connections,
    database::Tx,
    error::StoreError,
    handle::Keys,
    seal::{PersonKey, PersonName},
};
use host_model::contract::{Subject, manifest::Identifying};

/// The names of a subject at one connection.
#[derive(Clone, Debug)]
pub struct SubjectNames {
    /// The names that identify the person. Only these are used to find, merge, order, hold back or erase.
    pub identifying: Vec<PersonName>,
    /// The names that several people may share.
    pub attributes: Vec<PersonName>,
}

impl SubjectNames {
    /// Returns the names of `subject` if `identifying` kinds identify. Empty identifiers are ignored.
    pub fn of(key: &PersonKey, subject: &Subject, identifying: &Identifying) -> Self {
        let names = subject.identifiers().iter().filter(|i| !i.value.trim().is_empty()).map(|i| key.name(i));
        let (identifying, attributes) = names.partition(|name: &PersonName| identifying.includes(&name.kind));
        Self { identifying, attributes }
    }

    /// Returns the names of `subject` at `connection`, split by the kinds that its people are keyed by.
    pub async fn at(
        tx: &mut Tx,
        keys: &Keys,
        connection: &str,
        subject: &Subject,
    ) -> Result<Self, StoreError> {
        let identifying = connections::identifying(tx, connection).await?;
        Ok(Self::of(&keys.person, subject, &identifying))
    }

    /// Returns whether the names identify a person.
    pub fn identify(&self) -> bool {
        !self.identifying.is_empty()
    }
}
