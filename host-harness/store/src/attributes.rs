//! Identifiers that several people of a connection may share. They do not identify a person, but an event that contains
//! only such an identifier may be about any of the people who have it.
//! Tested in `src/rekey/tests.rs`.

use crate::{
    database::Tx,
    erased::is_erased,
    error::StoreError,
    named::SubjectNames,
    person::PersonId,
    seal::{PersonName, Vault},
};
use host_model::contract::{Identifier, Subject};

/// Records that `person`, named by `subject`, has the attributes of `named`. The subject is kept sealed, so that the
/// person can be read at the vendor when an event names only an attribute. Nothing is kept for an erased person.
pub async fn note(
    tx: &mut Tx,
    vault: &Vault,
    connection: &str,
    person: PersonId,
    subject: &Subject,
    named: &SubjectNames,
) -> Result<(), StoreError> {
    if named.attributes.is_empty() || is_erased(tx, connection, &named.identifying).await? {
        return Ok(());
    }
    for name in &named.attributes {
        add(tx, connection, name, person).await?;
    }
    let pairs: Vec<_> = subject.identifiers().iter().map(|i| (&i.kind, &i.value)).collect();
    sqlx::query("UPDATE people SET sealed_subject = $2 WHERE id = $1")
        .bind(person)
        .bind(vault.seal_json(&context(connection), &pairs)?)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records that `person` has the attribute `name`.
pub async fn add(
    tx: &mut Tx,
    connection: &str,
    name: &PersonName,
    person: PersonId,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO attributes (connection, name, kind, person) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(connection)
    .bind(name.digest.to_vec())
    .bind(&name.kind)
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns at most `most` people of `connection` who have one of `attributes` and are not erased, oldest first.
pub async fn people_with(
    tx: &mut Tx,
    connection: &str,
    attributes: &[PersonName],
    most: usize,
) -> Result<Vec<PersonId>, StoreError> {
    let mut found = Vec::new();
    for name in attributes {
        let people: Vec<PersonId> =
            sqlx::query_scalar(
                "SELECT person FROM attributes WHERE connection = $1 AND name = $2 AND erased_at IS NULL LIMIT $3",
            )
            .bind(connection)
            .bind(name.digest.to_vec())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&mut *tx)
            .await?;
        found.extend(people);
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(most);
    Ok(found)
}

/// Returns the subject by which `person` was last named together with an attribute; `None` if that is not known.
pub async fn subject(
    tx: &mut Tx,
    vault: &Vault,
    connection: &str,
    person: PersonId,
) -> Result<Option<Subject>, StoreError> {
    let sealed: Option<Option<Vec<u8>>> =
        sqlx::query_scalar("SELECT sealed_subject FROM people WHERE id = $1")
            .bind(person)
            .fetch_optional(tx)
            .await?;
    let Some(sealed) = sealed.flatten() else { return Ok(None) };
    let pairs: Vec<(String, String)> = vault.open_json(&context(connection), &sealed)?;
    let identifiers = pairs.into_iter().map(|(kind, value)| Identifier { kind, value });
    Ok(Some(identifiers.collect::<Vec<_>>().into()))
}

/// Moves the attributes of `gone` to `kept`.
pub async fn merge(tx: &mut Tx, gone: PersonId, kept: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "INSERT INTO attributes (connection, name, kind, person, erased_at, not_found_at) \
         SELECT connection, name, kind, $2, erased_at, not_found_at FROM attributes WHERE person = $1 \
         ON CONFLICT DO NOTHING",
        "DELETE FROM attributes WHERE person = $1 AND $1 <> $2",
    ];
    for step in STEPS {
        sqlx::query(step).bind(gone).bind(kept).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Deletes `person`'s attributes, except for the hashes of names that were erased while they identified a person.
pub async fn forget(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "DELETE FROM attributes WHERE person = $1 AND erased_at IS NULL",
        "UPDATE people SET sealed_subject = NULL, read_again = 0 WHERE id = $1",
    ];
    for step in STEPS {
        sqlx::query(step).bind(person).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Returns the sealing context for the subjects of `connection`.
fn context(connection: &str) -> String {
    format!("subject at connection {connection}")
}
