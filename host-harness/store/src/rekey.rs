//! Rekeys a connection's people by the identifier kinds that identify them now.
//!
//! Up to schema 5, all people who shared any identifier were one person. Such a record is split: each identifying name
//! becomes a person of its own. It is unknown which of them made a choice, so each keeps the opt-outs, and none keeps
//! the opt-ins.

use serde::Serialize;
use serde_json::json;
use sqlx::FromRow;

use crate::details::{Details, key_context};
use crate::{
    attributes,
    audit::{self, Record},
    choices,
    columns::Column,
    connections,
    database::Tx,
    erased::is_erased,
    error::StoreError,
    events,
    handle::Keys,
    named::SubjectNames,
    people,
    person::{PersonId, UNIDENTIFIED},
    seal::PersonName,
};
use host_model::{
    contract::{Subject, manifest::Identifying},
    requests::Action,
};

/// The result of rekeying.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RekeyResult {
    /// The number of records that several people shared.
    pub split: u64,
    /// The number of people that these records became.
    pub people: u64,
    /// The number of opt-ins of such records that were dropped: the vendor is asked when the person is next named.
    pub opt_ins_dropped: u64,
}

/// Rekeys the people of `connection`, which belongs to `tenant`, by `identifying` kinds. Returns `None` if they are
/// already keyed by these, or if there are no people.
pub async fn rekey(
    tx: &mut Tx,
    keys: &Keys,
    tenant: &str,
    connection: &str,
    identifying: &Identifying,
    at: i64,
) -> Result<Option<RekeyResult>, StoreError> {
    let before = connections::keyed_by(tx, connection).await?;
    if before.as_ref() == Some(identifying) {
        return Ok(None);
    }
    let has_people = count(tx, connection).await? > 0;
    let mut rekeyed = RekeyResult::default();
    if has_people {
        promote(tx, connection, identifying).await?;
        let mut erased = Vec::new();
        for person in with_shared_names(tx, connection, identifying).await? {
            let of = Demotion { connection, identifying, is_first: before.is_none(), at };
            erased.extend(demote(tx, &of, person, &mut rekeyed).await?);
        }
        move_requests(tx, keys, connection, identifying, at).await?;
        move_events(tx, keys, connection, identifying).await?;
        for person in erased {
            // The choices of the others do not belong to an erased person.
            choices::forget(tx, person).await?;
        }
    }
    connections::key_by(tx, connection, identifying, at).await?;
    if has_people {
        let detail = json!({
            "before": before.map(|before| before.to_string()), "after": identifying.to_string(), "result": rekeyed,
        });
        let record =
            Record { connection: Some(connection.to_owned()), detail, ..Record::of("people-rekeyed") };
        audit::append(tx, &keys.vault, tenant, at, &record).await?;
    }
    Ok(has_people.then_some(rekeyed))
}

/// Returns the number of known people of `connection`.
pub async fn count(tx: &mut Tx, connection: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM people WHERE connection = $1");
    Ok(count.bind(connection).fetch_one(tx).await?)
}

/// An attribute, the number of people who have it, and the first of them.
#[derive(FromRow)]
struct Attribute {
    #[sqlx(flatten)]
    name: PersonName,
    person: PersonId,
    people: i64,
}

/// Turns attributes whose kind now identifies into names, if only one person has them. If several people have an
/// attribute, it is unknown whom it identifies.
async fn promote(tx: &mut Tx, connection: &str, identifying: &Identifying) -> Result<(), StoreError> {
    let attributes: Vec<Attribute> = sqlx::query_as(
        "SELECT name, kind, MIN(person) AS person, COUNT(*) AS people FROM attributes WHERE connection = $1 \
         GROUP BY name, kind",
    )
    .bind(connection)
    .fetch_all(&mut *tx)
    .await?;
    for Attribute { name, person, people } in attributes {
        if !identifying.includes(&name.kind) {
            continue;
        }
        if people == 1 {
            people::call(tx, connection, person, &name).await?;
            copy_erasure(tx, "names", "attributes", connection, &name).await?;
        }
        sqlx::query("DELETE FROM attributes WHERE connection = $1 AND name = $2")
            .bind(connection)
            .bind(name.digest.to_vec())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Returns the people with a name of a kind that does not identify.
async fn with_shared_names(
    tx: &mut Tx,
    connection: &str,
    identifying: &Identifying,
) -> Result<Vec<PersonId>, StoreError> {
    let kinds: Vec<(PersonId, String)> =
        sqlx::query_as("SELECT DISTINCT person, kind FROM names WHERE connection = $1 ORDER BY person, kind")
            .bind(connection)
            .fetch_all(tx)
            .await?;
    let mut people = Vec::new();
    for (person, kind) in kinds {
        if !identifying.includes(&kind) {
            people.push(person);
        }
    }
    people.dedup();
    Ok(people)
}

/// How people are keyed from now on.
struct Demotion<'a> {
    connection: &'a str,
    identifying: &'a Identifying,
    /// Whether they were keyed by schema 5, which treated the erasure of a shared name as the erasure of everyone who
    /// shares it.
    is_first: bool,
    at: i64,
}

/// Copies the times at which a name was erased or not found from the table `from` to the table `to`: an erased person
/// must not come back when a kind identifies again.
async fn copy_erasure(
    tx: &mut Tx,
    to: &'static str,
    from: &'static str,
    connection: &str,
    name: &PersonName,
) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE {to} SET (erased_at, not_found_at) = (SELECT MAX(f.erased_at), MAX(f.not_found_at) FROM {from} f \
           WHERE f.connection = $1 AND f.name = $2) WHERE connection = $1 AND name = $2"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(connection).bind(name.digest.to_vec()).execute(tx).await?;
    Ok(())
}

/// Turns the names of `person` that do not identify into attributes. If several names identify, each becomes a person
/// with all of these attributes. A record without a shared name was merged by identifying names, and stays whole.
/// Returns the people of a split record who are erased.
async fn demote(
    tx: &mut Tx,
    of: &Demotion<'_>,
    person: PersonId,
    rekeyed: &mut RekeyResult,
) -> Result<Vec<PersonId>, StoreError> {
    let Demotion { connection, identifying, is_first, at } = *of;
    let (own, shared): (Vec<_>, Vec<_>) =
        names_of(tx, person).await?.into_iter().partition(|name| identifying.includes(&name.kind));
    let mut people = vec![person];
    if own.len() > 1 {
        for name in own.iter().skip(1) {
            people.push(split_off(tx, connection, person, name).await?);
        }
        rekeyed.split += 1;
        rekeyed.people += people.len() as u64;
        rekeyed.opt_ins_dropped += distribute_choices(tx, person, &people, at).await?;
    }
    let mut erased = Vec::new();
    for (place, person) in people.iter().enumerate() {
        if is_erased(tx, connection, own.get(place..=place).unwrap_or_default()).await? {
            erased.push(*person);
        }
        for name in &shared {
            attributes::add(tx, connection, name, *person).await?;
        }
    }
    for name in shared.iter().filter(|_| !is_first) {
        copy_erasure(tx, "attributes", "names", connection, name).await?;
    }
    for person in &erased {
        attributes::forget(tx, *person).await?;
    }
    for name in &shared {
        for statement in [
            "DELETE FROM names WHERE connection = $1 AND name = $2",
            "DELETE FROM erasing WHERE connection = $1 AND name = $2",
        ] {
            sqlx::query(statement).bind(connection).bind(name.digest.to_vec()).execute(&mut *tx).await?;
        }
    }
    Ok(if people.len() > 1 { erased } else { Vec::new() })
}

/// Creates a person with this name, who was part of the record `from`.
async fn split_off(
    tx: &mut Tx,
    connection: &str,
    from: PersonId,
    name: &PersonName,
) -> Result<PersonId, StoreError> {
    const STEPS: [&str; 4] = [
        "UPDATE people SET settled_at = (SELECT settled_at FROM people WHERE id = $1) WHERE id = $2",
        "INSERT INTO delivery_people (delivery, person) SELECT delivery, $2 FROM delivery_people WHERE person = $1",
        "INSERT INTO choices (person, kind, id, choice, chosen_at, vendor_at, origin, source) \
         SELECT $2, kind, id, choice, chosen_at, vendor_at, 'merged', source FROM choices \
         WHERE person = $1 AND choice = 'opt-out'",
        "INSERT INTO writes (person, kind, id, choice, sent_at, repeated) \
         SELECT $2, kind, id, choice, sent_at, repeated FROM writes WHERE person = $1",
    ];
    let person = people::new(tx, connection).await?;
    sqlx::query("UPDATE names SET person = $3 WHERE connection = $1 AND name = $2")
        .bind(connection)
        .bind(name.digest.to_vec())
        .bind(person)
        .execute(&mut *tx)
        .await?;
    for step in STEPS {
        sqlx::query(step).bind(from).bind(person).execute(&mut *tx).await?;
    }
    Ok(person)
}

/// Prepares the choices of `record`, which `people` shared. The platform may have the record's opt-ins for any of them,
/// so an opt-out found at the vendor is news; an opt-out may have been reported to it for another of them. Returns how
/// many opt-ins were dropped.
async fn distribute_choices(
    tx: &mut Tx,
    record: PersonId,
    people: &[PersonId],
    at: i64,
) -> Result<u64, StoreError> {
    const OF_RECORD: [&str; 4] = [
        "UPDATE event_keys SET person = 0 WHERE person = $1",
        "UPDATE choices SET origin = 'merged' WHERE person = $1",
        "DELETE FROM notice_choices WHERE person = $1 AND choice = 'opt-out'",
        "UPDATE notice_choices SET chosen_at = 0 WHERE person = $1",
    ];
    let dropped = sqlx::query("DELETE FROM choices WHERE person = $1 AND choice = 'opt-in'")
        .bind(record)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    for statement in OF_RECORD {
        sqlx::query(statement).bind(record).execute(&mut *tx).await?;
    }
    for person in people {
        sqlx::query(
            "INSERT INTO notice_choices (person, notice, choice, chosen_at) \
             SELECT $2, notice, choice, chosen_at FROM notice_choices WHERE person = $1 ON CONFLICT DO NOTHING",
        )
        .bind(record)
        .bind(person)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE people SET split_from = $1, split_at = $4, read_again = $3 WHERE id = $2")
            .bind(record)
            .bind(person)
            .bind(i64::from(dropped > 0))
            .bind(at)
            .execute(&mut *tx)
            .await?;
    }
    Ok(dropped)
}

/// Records whom a request is about.
const IS_ABOUT: [&str; 2] =
    ["UPDATE requests SET person = $2 WHERE seq = $1", "UPDATE open_requests SET person = $2 WHERE seq = $1"];

/// Moves each request whose person can still be read to the person of its own identifiers. A request merges no people:
/// its shared identifiers were sent under a different rule.
async fn move_requests(
    tx: &mut Tx,
    keys: &Keys,
    connection: &str,
    identifying: &Identifying,
    at: i64,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT r.seq, r.id, r.action, r.person, p.split_from, r.sealed_details, k.data_key FROM requests r \
         JOIN people p ON p.id = r.person JOIN request_keys k ON k.request = r.seq \
         WHERE r.connection = $1 AND r.sealed_details IS NOT NULL ORDER BY r.seq",
    )
    .bind(connection)
    .fetch_all(&mut *tx)
    .await?;
    for row in &rows {
        // A request that cannot be read stays where it is; its attempt reports the error.
        let Ok(asked) = AffectedRequest::from_row(row) else { continue };
        let Ok(subject) = asked.subject(keys) else { continue };
        let named = SubjectNames::of(&keys.person, &subject, identifying);
        let person = match people::found(tx, connection, &named.identifying).await?.first() {
            Some(person) => *person,
            None if named.identify() => people::known_as(tx, connection, &named.identifying).await?,
            // It identifies no one. If the record was split, it is unknown whose request it is.
            None => match asked.split_from {
                None => asked.person,
                Some(record) => people::split_from(tx, connection, record, at).await?,
            },
        };
        attributes::note(tx, &keys.vault, connection, person, &subject, &named).await?;
        for statement in IS_ABOUT {
            sqlx::query(statement).bind(asked.seq).bind(person).execute(&mut *tx).await?;
        }
        if asked.action == Action::Erasure {
            people::erases(tx, connection, &asked.id, &named.identifying).await?;
        }
    }
    Ok(())
}

/// A request whose person may have changed.
#[derive(FromRow)]
struct AffectedRequest {
    seq: i64,
    id: String,
    #[sqlx(try_from = "Column<Action>")]
    action: Action,
    person: PersonId,
    split_from: Option<i64>,
    sealed_details: Vec<u8>,
    data_key: Vec<u8>,
}

impl AffectedRequest {
    /// Returns the person it is about.
    fn subject(&self, keys: &Keys) -> Result<Subject, StoreError> {
        let key = keys.vault.data_key(&key_context(&self.id), &self.data_key)?;
        Ok(Details::open(&key, &self.id, &self.sealed_details)?.subject)
    }
}

/// Moves each feed event of a split record to the person whom it identifies, so that it is deleted only with that
/// person.
async fn move_events(
    tx: &mut Tx,
    keys: &Keys,
    connection: &str,
    identifying: &Identifying,
) -> Result<(), StoreError> {
    let events: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(
        "SELECT e.seq, e.id, e.sealed_identity FROM events e JOIN people p ON p.id = e.person \
         WHERE e.connection = $1 AND p.split_from IS NOT NULL",
    )
    .bind(connection)
    .fetch_all(&mut *tx)
    .await?;
    for (seq, id, sealed) in events {
        let names = events::identity(&keys.vault, &id, &sealed)
            .map(|who| SubjectNames::of(&keys.person, &who.into(), identifying).identifying)
            .unwrap_or_default();
        let person = people::found(tx, connection, &names).await?.first().copied().unwrap_or(UNIDENTIFIED);
        sqlx::query("UPDATE events SET person = $2 WHERE seq = $1")
            .bind(seq)
            .bind(person)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Returns the names of `person`, in the order in which they were first recorded.
async fn names_of(tx: &mut Tx, person: PersonId) -> Result<Vec<PersonName>, StoreError> {
    let names = sqlx::query_as("SELECT name, kind FROM names WHERE person = $1 ORDER BY rowid");
    Ok(names.bind(person).fetch_all(tx).await?)
}

#[cfg(test)]
mod tests;
