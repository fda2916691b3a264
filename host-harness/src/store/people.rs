//! People of a connection, by number. Their identifiers are here as keyed hashes only.
//!
//! Whoever is named together is one person: an event may know an address alone, a request address and user id.

use super::{Connection, PersonName, StoreError, choices};

/// A person of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PersonId(pub(crate) i64);

/// The person of `connection` who has any of `names`, from now on known by all of them.
pub(crate) async fn known_as(
    tx: &mut Connection,
    connection: &str,
    names: &[PersonName],
) -> Result<PersonId, StoreError> {
    let found = found(tx, connection, names).await?;
    let person = match found.first() {
        Some(first) => *first,
        None => new(tx, connection).await?,
    };
    for other in found.into_iter().filter(|other| *other != person) {
        merge(tx, other, person).await?;
    }
    for name in names {
        sqlx::query(
            "INSERT INTO names (connection, name, person) VALUES ($1, $2, $3) ON CONFLICT (connection, name) DO NOTHING",
        )
        .bind(connection)
        .bind(name.0.to_vec())
        .bind(person.0)
        .execute(&mut *tx)
        .await?;
    }
    Ok(person)
}

/// Everybody of `connection` who has one of `names`, oldest first.
pub(crate) async fn found(
    tx: &mut Connection,
    connection: &str,
    names: &[PersonName],
) -> Result<Vec<PersonId>, StoreError> {
    let mut found = Vec::new();
    for name in names {
        let person: Option<i64> =
            sqlx::query_scalar("SELECT person FROM names WHERE connection = $1 AND name = $2")
                .bind(connection)
                .bind(name.0.to_vec())
                .fetch_optional(&mut *tx)
                .await?;
        found.extend(person.map(PersonId));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

async fn new(tx: &mut Connection, connection: &str) -> Result<PersonId, StoreError> {
    let id = sqlx::query_scalar("INSERT INTO people (connection) VALUES ($1) RETURNING id");
    Ok(PersonId(id.bind(connection).fetch_one(tx).await?))
}

/// What was known of `gone` is known of `kept`: the later settling, the erasure if there was one, requests, names and
/// choices. Whoever was erased under one name has no choices under another.
async fn merge(tx: &mut Connection, gone: PersonId, kept: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 6] = [
        "INSERT INTO delivery_people (delivery, person) SELECT delivery, $2 FROM delivery_people WHERE person = $1 \
         ON CONFLICT DO NOTHING",
        "DELETE FROM delivery_people WHERE person = $1 AND person <> $2",
        "UPDATE people SET \
           settled_at = (SELECT MAX(settled_at) FROM people WHERE id IN ($1, $2)), \
           erased_at = COALESCE(erased_at, (SELECT erased_at FROM people WHERE id = $1)) \
         WHERE id = $2",
        "UPDATE requests SET person = $2 WHERE person = $1",
        "UPDATE names SET person = $2 WHERE person = $1",
        "DELETE FROM people WHERE id = $1 AND id <> $2",
    ];
    for step in STEPS {
        sqlx::query(step).bind(gone.0).bind(kept.0).execute(&mut *tx).await?;
    }
    choices::merge(tx, gone, kept).await?;
    if is_erased(tx, kept).await? {
        choices::forget(tx, kept).await?;
    }
    Ok(())
}

/// The person's next call begins no sooner than `at`.
pub(crate) async fn settles_at(tx: &mut Connection, person: PersonId, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET settled_at = $2 WHERE id = $1 AND settled_at < $2")
        .bind(person.0)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// The vendor has been shown to have erased the person.
pub(crate) async fn erased_at(tx: &mut Connection, person: PersonId, at: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE people SET erased_at = $2 WHERE id = $1").bind(person.0).bind(at).execute(tx).await?;
    Ok(())
}

/// Whether the person was erased at this connection.
pub(crate) async fn is_erased(tx: &mut Connection, person: PersonId) -> Result<bool, StoreError> {
    let erased: Option<Option<i64>> = sqlx::query_scalar("SELECT erased_at FROM people WHERE id = $1")
        .bind(person.0)
        .fetch_optional(tx)
        .await?;
    Ok(erased.flatten().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{Folder, write};

    fn name(byte: u8) -> PersonName {
        PersonName([byte; 32])
    }

    #[tokio::test]
    async fn whoever_is_named_together_is_one_person_of_that_connection() {
        let folder = Folder::new();
        let store = folder.store().await;
        let people = write(&store, |tx| {
            Box::pin(async move {
                let by_email = known_as(tx, "newsletter", &[name(1)]).await?;
                let by_id = known_as(tx, "newsletter", &[name(2)]).await?;
                settles_at(tx, by_id, 17).await?;
                erased_at(tx, by_id, 18).await?;
                let both = known_as(tx, "newsletter", &[name(2), name(1), name(3)]).await?;
                let again = known_as(tx, "newsletter", &[name(3)]).await?;
                let elsewhere = known_as(tx, "other", &[name(1)]).await?;
                Ok((by_email, by_id, both, again, elsewhere, is_erased(tx, both).await?))
            })
        })
        .await;
        let (by_email, by_id, both, again, elsewhere, erased) = people;
        assert_ne!(by_email, by_id);
        assert_eq!((both, again), (by_email, by_email));
        assert_ne!(elsewhere, both);
        assert!(erased, "an erasure is not forgotten by a merge");
    }
}
