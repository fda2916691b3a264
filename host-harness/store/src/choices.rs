//! Each person's current choices, the writes sent to the vendor, and the choices that the platform has on record.
//! Tested in `service/src/consent/tests`.

use sqlx::{Row, any::AnyRow};

use crate::{
    columns::word,
    database::Tx,
    error::StoreError,
    person::PersonId,
    portion::{self, Portion},
};
use host_model::{
    consent::{
        echo::Write,
        newest::{RecordedChoice, RecordedChoices},
    },
    contract::consent::{Choice, ItemId},
};

/// Returns the current choices of `person`, by item.
pub async fn ledger(tx: &mut Tx, person: PersonId) -> Result<RecordedChoices, StoreError> {
    let rows = sqlx::query(
        "SELECT kind, id, choice, chosen_at, vendor_at, origin, source FROM choices WHERE person = $1",
    )
    .bind(person)
    .fetch_all(tx)
    .await?;
    let entry = |row: &AnyRow| {
        let vendor_at: Option<i64> = row.try_get("vendor_at")?;
        let recorded = RecordedChoice {
            choice: choice(row)?,
            chosen_at_ms: since_1970(row.try_get("chosen_at")?),
            vendor_at_ms: vendor_at.map(since_1970),
            origin: word("the word", row.try_get("origin")?)?,
            source: row.try_get("source")?,
        };
        Ok((item(row)?, recorded))
    };
    rows.iter().map(entry).collect()
}

/// Records `stands` as the current choice of `person` for `item`.
pub async fn record_choice(
    tx: &mut Tx,
    person: PersonId,
    item: &ItemId,
    stands: &RecordedChoice,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO choices (person, kind, id, choice, chosen_at, vendor_at, origin, source) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (person, kind, id) DO UPDATE SET \
           choice = excluded.choice, chosen_at = excluded.chosen_at, vendor_at = excluded.vendor_at, \
           origin = excluded.origin, source = excluded.source",
    )
    .bind(person)
    .bind(&item.kind)
    .bind(&item.id)
    .bind(stands.choice.to_string())
    .bind(stored(stands.chosen_at_ms))
    .bind(stands.vendor_at_ms.map(stored))
    .bind(stands.origin.as_ref())
    .bind(&stands.source)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the writes sent to the vendor about `item` of `person`, in no particular order.
pub async fn writes(tx: &mut Tx, person: PersonId, item: &ItemId) -> Result<Vec<Write>, StoreError> {
    let rows = sqlx::query("SELECT choice, sent_at FROM writes WHERE person = $1 AND kind = $2 AND id = $3")
        .bind(person)
        .bind(&item.kind)
        .bind(&item.id)
        .fetch_all(tx)
        .await?;
    let write =
        |row: &AnyRow| Ok(Write { choice: choice(row)?, sent_at_ms: since_1970(row.try_get("sent_at")?) });
    rows.iter().map(write).collect()
}

/// Returns when writes about `person` were sent to the vendor, in milliseconds since the Unix epoch, in no particular
/// order.
pub async fn sent_to(tx: &mut Tx, person: PersonId) -> Result<Vec<u64>, StoreError> {
    let sent: Vec<i64> = sqlx::query_scalar("SELECT DISTINCT sent_at FROM writes WHERE person = $1")
        .bind(person)
        .fetch_all(tx)
        .await?;
    Ok(sent.into_iter().map(since_1970).collect())
}

/// Returns whether a write about `person` was sent to the vendor between `from` and `to`, both inclusive, in
/// milliseconds since the Unix epoch.
pub async fn is_written_between(
    tx: &mut Tx,
    person: PersonId,
    from: i64,
    to: i64,
) -> Result<bool, StoreError> {
    let found: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM writes WHERE person = $1 AND sent_at BETWEEN $2 AND $3")
            .bind(person)
            .bind(from)
            .bind(to)
            .fetch_one(tx)
            .await?;
    Ok(found > 0)
}

/// Records that `write` about `item` of `person` is about to be sent to the vendor.
pub async fn record_write(
    tx: &mut Tx,
    person: PersonId,
    item: &ItemId,
    write: Write,
) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "UPDATE writes SET repeated = 1 \
         WHERE person = $1 AND kind = $2 AND id = $3 AND choice = $4 AND sent_at < $5 AND repeated = 0",
        "INSERT INTO writes (person, kind, id, choice, sent_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (person, kind, id, sent_at) DO UPDATE SET choice = excluded.choice",
    ];
    for step in STEPS {
        sqlx::query(step)
            .bind(person)
            .bind(&item.kind)
            .bind(&item.id)
            .bind(write.choice.to_string())
            .bind(stored(write.sent_at_ms))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Deletes the write about `item` of `person` that was sent at `sent_at_ms`, because the vendor did not accept it.
pub async fn unsent(tx: &mut Tx, person: PersonId, item: &ItemId, sent_at_ms: u64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM writes WHERE person = $1 AND kind = $2 AND id = $3 AND sent_at = $4")
        .bind(person)
        .bind(&item.kind)
        .bind(&item.id)
        .bind(stored(sent_at_ms))
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the choice that the platform is known to have for `notice` of `person`, and when it was made, in
/// milliseconds since the Unix epoch; `None` if nothing is known.
pub async fn at_platform(
    tx: &mut Tx,
    person: PersonId,
    notice: &str,
) -> Result<Option<(Choice, u64)>, StoreError> {
    let row = sqlx::query("SELECT choice, chosen_at FROM notice_choices WHERE person = $1 AND notice = $2")
        .bind(person)
        .bind(notice)
        .fetch_optional(tx)
        .await?;
    row.map(|row| Ok((choice(&row)?, since_1970(row.try_get("chosen_at")?)))).transpose()
}

/// A choice for a notice that the platform is known to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeChoice {
    /// The notice's id.
    pub notice: String,
    /// Opt-in or opt-out.
    pub choice: Choice,
    /// When it was made, in milliseconds since the Unix epoch.
    pub chosen_at_ms: u64,
}

/// Returns the choices that the platform is known to have for notices of `person`, by notice.
pub async fn all_at_platform(tx: &mut Tx, person: PersonId) -> Result<Vec<NoticeChoice>, StoreError> {
    let sql = "SELECT notice, choice, chosen_at FROM notice_choices WHERE person = $1 ORDER BY notice";
    let rows = sqlx::query(sql).bind(person).fetch_all(tx).await?;
    let read = |row: &AnyRow| {
        let chosen_at_ms = since_1970(row.try_get("chosen_at")?);
        Ok(NoticeChoice { notice: row.try_get("notice")?, choice: choice(row)?, chosen_at_ms })
    };
    rows.iter().map(read).collect()
}

/// Records that the platform has `choice`, made at `chosen_at_ms`, for `notice` of `person`.
pub async fn record_at_platform(
    tx: &mut Tx,
    person: PersonId,
    notice: &str,
    choice: Choice,
    chosen_at_ms: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO notice_choices (person, notice, choice, chosen_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (person, notice) DO UPDATE SET choice = excluded.choice, chosen_at = excluded.chosen_at",
    )
    .bind(person)
    .bind(notice)
    .bind(choice.to_string())
    .bind(stored(chosen_at_ms))
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes `person`'s choices and events, and the details of their requests that have ended.
pub async fn forget(tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 7] = [
        "DELETE FROM choices WHERE person = $1",
        "DELETE FROM writes WHERE person = $1",
        "DELETE FROM notice_choices WHERE person = $1",
        "DELETE FROM events WHERE person = $1",
        "DELETE FROM event_keys WHERE person = $1",
        "DELETE FROM request_keys WHERE request IN \
           (SELECT seq FROM requests WHERE person = $1 AND finished_at IS NOT NULL)",
        "UPDATE requests SET sealed_details = NULL WHERE person = $1 AND finished_at IS NOT NULL",
    ];
    for step in STEPS {
        sqlx::query(step).bind(person).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Moves everything known about `gone` to `kept`. Of two choices for one item, the newer one wins; on a tie, the
/// opt-out.
pub async fn merge(tx: &mut Tx, gone: PersonId, kept: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 9] = [
        "INSERT INTO choices (person, kind, id, choice, chosen_at, vendor_at, origin, source) \
         SELECT $2, kind, id, choice, chosen_at, vendor_at, origin, source FROM choices WHERE person = $1 \
         ON CONFLICT (person, kind, id) DO UPDATE SET choice = excluded.choice, chosen_at = excluded.chosen_at, \
           vendor_at = excluded.vendor_at, origin = excluded.origin, source = excluded.source \
         WHERE excluded.chosen_at / 1000 > choices.chosen_at / 1000 \
           OR excluded.chosen_at / 1000 = choices.chosen_at / 1000 AND excluded.choice = 'opt-out'",
        "DELETE FROM choices WHERE person = $1 AND $1 <> $2",
        "INSERT INTO writes (person, kind, id, choice, sent_at) \
         SELECT $2, kind, id, choice, sent_at FROM writes WHERE person = $1 ON CONFLICT DO NOTHING",
        "DELETE FROM writes WHERE person = $1 AND $1 <> $2",
        "UPDATE writes SET repeated = 1 WHERE person = $2 AND sent_at < (SELECT MAX(later.sent_at) FROM writes later \
           WHERE later.person = $2 AND later.kind = writes.kind AND later.id = writes.id AND later.choice = writes.choice)",
        "INSERT INTO notice_choices (person, notice, choice, chosen_at) \
         SELECT $2, notice, choice, chosen_at FROM notice_choices WHERE person = $1 \
         ON CONFLICT (person, notice) DO UPDATE SET choice = excluded.choice, chosen_at = excluded.chosen_at \
         WHERE excluded.chosen_at / 1000 > notice_choices.chosen_at / 1000 \
           OR excluded.chosen_at / 1000 = notice_choices.chosen_at / 1000 AND excluded.choice = 'opt-out'",
        "DELETE FROM notice_choices WHERE person = $1 AND $1 <> $2",
        "UPDATE events SET person = $2 WHERE person = $1",
        "UPDATE event_keys SET person = $2 WHERE person = $1",
    ];
    for step in STEPS {
        sqlx::query(step).bind(gone).bind(kept).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Considers only writes that were followed by another one. The later one may have been deleted since.
pub const PRUNE: &str = "DELETE FROM writes WHERE (person, kind, id, sent_at) IN ( \
   SELECT old.person, old.kind, old.id, old.sent_at FROM writes old WHERE old.repeated = 1 AND old.sent_at < $1 \
     AND EXISTS (SELECT 1 FROM writes later \
       WHERE later.person = old.person AND later.kind = old.kind AND later.id = old.id \
         AND later.choice = old.choice AND later.sent_at > old.sent_at) \
   ORDER BY old.sent_at LIMIT $2)";

/// Deletes a portion of the writes sent before `before`, except for the last one of each choice, which proves that the choice
/// was sent at all.
pub async fn prune(tx: &mut Tx, before: i64) -> Result<Portion, StoreError> {
    portion::delete_before(tx, PRUNE, before).await
}

/// Returns the item in `row`.
pub fn item(row: &AnyRow) -> Result<ItemId, StoreError> {
    Ok(ItemId { kind: row.try_get("kind")?, id: row.try_get("id")? })
}

fn choice(row: &AnyRow) -> Result<Choice, StoreError> {
    word("the choice", row.try_get("choice")?)
}

/// Converts a time to the database's signed integers. A time beyond their range becomes their maximum.
fn stored(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn since_1970(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}
