//! Callbacks: where the end of a request is posted. One for each request that names an address.
//! Tested in `api/src/tests/callbacks.rs`.

use sqlx::{FromRow, Row, any::AnyRow};
use strum::{AsRefStr, EnumString, VariantArray};

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    portion::{self, Portion},
    requests::RequestView,
    seal::Vault,
};
use host_model::secret::Secret;

/// The form of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr, EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum CallbackForm {
    /// A signed event, as Standard Webhooks specifies.
    Standard,
    /// The call with which a task of Fides is completed.
    Fides,
}

column!(CallbackForm: String, |stored| word("the word", &stored));

/// A callback about to be stored.
#[derive(Clone, Debug)]
pub struct NewCallback {
    /// The id of the API key that sent the request.
    pub api_key: String,
    /// The receiver's address.
    pub url: String,
    /// The form.
    pub form: CallbackForm,
    /// The receiver's own token; `None` if the form has none.
    pub token: Option<Secret>,
}

/// A callback that is due.
#[derive(Clone, FromRow)]
pub struct DueCallback {
    /// The id of the request that has ended.
    pub request: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The id of the API key that sent the request.
    pub api_key: String,
    /// The receiver's address.
    pub url: String,
    /// The form.
    #[sqlx(try_from = "Column<CallbackForm>")]
    pub form: CallbackForm,
    sealed_token: Option<Vec<u8>>,
    /// Its version: see [`ended`].
    pub version: i64,
    /// The number of consecutive failures.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// When posting started to fail, in milliseconds since the Unix epoch; `None` if it has not failed.
    pub failing_since: Option<i64>,
}

impl DueCallback {
    /// Opens the receiver's token; `None` if there is none.
    pub fn token(&self, vault: &Vault) -> Result<Option<Secret>, StoreError> {
        let Some(sealed) = &self.sealed_token else { return Ok(None) };
        let opened = vault.open(&context(&self.request), sealed)?;
        let text = std::str::from_utf8(&opened).ok().and_then(Secret::new);
        text.map(Some)
            .ok_or_else(|| StoreError::Unreadable(format!("the callback of request {}", self.request)))
    }
}

/// A callback as shown to operators. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CallbackView {
    /// The receiver's address.
    pub url: String,
    /// The form.
    #[sqlx(try_from = "Column<CallbackForm>")]
    pub form: CallbackForm,
    /// The number of consecutive failures.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// When the receiver took the end, or the callback was given up; `None` until then.
    pub ended_at: Option<i64>,
    /// Why it was given up; `None` if it was not.
    pub given_up: Option<String>,
}

fn context(request: &str) -> String {
    format!("callback of request {request}")
}

/// Stores the callback of the request `view`, in place of an earlier one. A request that has ended is posted again, unless
/// this is the callback that it has.
pub async fn put(
    tx: &mut Tx,
    vault: &Vault,
    view: &RequestView,
    new: &NewCallback,
) -> Result<(), StoreError> {
    let RequestView { id: request, tenant, connection, .. } = view;
    if is_stored(tx, vault, request, new).await? {
        return Ok(());
    }
    let token = new.token.as_ref().map(|token| vault.seal(&context(request), token.expose().as_bytes()));
    sqlx::query(
        "INSERT INTO callbacks (request, tenant, connection, api_key, url, form, sealed_token) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (request) DO UPDATE SET api_key = excluded.api_key, \
           url = excluded.url, form = excluded.form, sealed_token = excluded.sealed_token, version = callbacks.version + 1, \
           failures = 0, failing_since = NULL, next_at = 0, ended_at = NULL, given_up = NULL",
    )
    .bind(request)
    .bind(tenant)
    .bind(connection)
    .bind(&new.api_key)
    .bind(&new.url)
    .bind(new.form.as_ref())
    .bind(token.transpose()?)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns whether `new` is the callback that `request` has, with the same token.
async fn is_stored(tx: &mut Tx, vault: &Vault, request: &str, new: &NewCallback) -> Result<bool, StoreError> {
    let stored: Option<(String, String, String, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT api_key, url, form, sealed_token FROM callbacks WHERE request = $1")
            .bind(request)
            .fetch_optional(tx)
            .await?;
    let Some((api_key, url, form, sealed)) = stored else { return Ok(false) };
    let has_same_token = match (&sealed, &new.token) {
        (None, None) => true,
        (Some(sealed), Some(token)) => {
            vault.open(&context(request), sealed).is_ok_and(|opened| token.matches(&opened))
        }
        _ => false,
    };
    Ok(has_same_token
        && (api_key, url, form.as_str()) == (new.api_key.clone(), new.url.clone(), new.form.as_ref()))
}

/// Has the end of `request` posted again, because the request was put back in the queue.
pub async fn reopen(tx: &mut Tx, request: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE callbacks SET version = version + 1, failures = 0, failing_since = NULL, next_at = 0, ended_at = NULL, \
           given_up = NULL WHERE request = $1",
    )
    .bind(request)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the first `limit` callbacks whose requests have ended and that are due at `now`, with the id of the request,
/// because a row may be damaged.
pub async fn due(
    connection: &mut Tx,
    now: i64,
    limit: i64,
) -> Result<Vec<(String, Result<DueCallback, StoreError>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.request, c.tenant, c.connection, c.api_key, c.url, c.form, c.sealed_token, c.version, c.failures, \
           c.failing_since FROM callbacks c JOIN requests r ON r.id = c.request \
         WHERE c.ended_at IS NULL AND c.next_at <= $1 AND r.finished_at IS NOT NULL ORDER BY c.next_at, r.seq LIMIT $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let read =
        |row: &AnyRow| Ok((row.try_get("request")?, DueCallback::from_row(row).map_err(StoreError::from)));
    rows.iter().map(read).collect()
}

/// Records that this version of the callback of a request was not taken, and is due again at `next_at`.
pub async fn failed(tx: &mut Tx, due: &DueCallback, at: i64, next_at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE callbacks SET failures = failures + 1, failing_since = COALESCE(failing_since, $3), next_at = $4 \
         WHERE request = $1 AND version = $2 AND ended_at IS NULL",
    )
    .bind(&due.request)
    .bind(due.version)
    .bind(at)
    .bind(next_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records that this version of the callback of a request was taken, or given up for a reason. A callback that has changed
/// since is left as it is. Its token stays until [`prune`]: a replay needs it, and a repeat is recognised by it.
pub async fn ended(
    tx: &mut Tx,
    due: &DueCallback,
    at: i64,
    given_up: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE callbacks SET ended_at = $3, given_up = $4 \
         WHERE request = $1 AND version = $2 AND ended_at IS NULL",
    )
    .bind(&due.request)
    .bind(due.version)
    .bind(at)
    .bind(given_up)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records that the callback of `request` was given up, whatever its row contains.
pub async fn give_up(tx: &mut Tx, request: &str, at: i64, why: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE callbacks SET ended_at = $2, given_up = $3 WHERE request = $1 AND ended_at IS NULL")
        .bind(request)
        .bind(at)
        .bind(why)
        .execute(tx)
        .await?;
    Ok(())
}

/// Returns the callback of `request`; `None` if it has none.
pub async fn show(connection: &mut Tx, request: &str) -> Result<Option<CallbackView>, StoreError> {
    let shown =
        sqlx::query_as("SELECT url, form, failures, ended_at, given_up FROM callbacks WHERE request = $1");
    Ok(shown.bind(request).fetch_optional(connection).await?)
}

/// Deletes a portion of the callbacks that ended before `before`.
pub async fn prune(tx: &mut Tx, before: i64) -> Result<Portion, StoreError> {
    const ENDED: &str =
        "DELETE FROM callbacks WHERE request IN (SELECT request FROM callbacks WHERE ended_at < $1 LIMIT $2)";
    portion::delete_before(tx, ENDED, before).await
}
