//! A person's identifiers as keyed hashes, split by what they say at one connection.

use crate::{
    connections,
    database::Connection,
    error::StoreError,
    handle::Keys,
    seal::{PersonKey, PersonName},
};
use host_model::contract::{Subject, manifest::Identifying};

/// The names that a subject goes by at one connection.
#[derive(Clone, Debug)]
pub struct Named {
    /// Those that identify the person. Only these find, merge, order, hold back or erase.
    pub identifying: Vec<PersonName>,
    /// Those that several people may share.
    pub attributes: Vec<PersonName>,
}

impl Named {
    /// The names of `subject` if `identifying` kinds identify; empty identifiers name nobody.
    pub fn of(key: &PersonKey, subject: &Subject, identifying: &Identifying) -> Self {
        let names = subject.identifiers().iter().filter(|i| !i.value.trim().is_empty()).map(|i| key.name(i));
        let (identifying, attributes) = names.partition(|name: &PersonName| identifying.includes(&name.kind));
        Self { identifying, attributes }
    }

    /// The names of `subject` at `connection`, by the kinds that its people are keyed by.
    pub async fn at(
        tx: &mut Connection,
        keys: &Keys,
        connection: &str,
        subject: &Subject,
    ) -> Result<Self, StoreError> {
        let identifying = connections::identifying(tx, connection).await?;
        Ok(Self::of(&keys.person, subject, &identifying))
    }

    /// Whether they identify a person.
    pub fn identify(&self) -> bool {
        !self.identifying.is_empty()
    }
}
