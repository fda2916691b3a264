//! Reports API keys that were changed or inserted in the database from outside. They are refused in any case.
//! Tested in `api/src/tests/keys.rs`.

use host_store::{
    Store, StoreError,
    alarms::{self, Alarm},
    authentic,
};

/// Raises an alarm for each such key.
pub(crate) async fn report(store: &Store, at: i64) -> Result<(), StoreError> {
    let vault = store.vault().clone();
    let raised = store.write(move |tx| {
        Box::pin(async move {
            for row in authentic::foreign_api_keys(tx, &vault).await? {
                tracing::error!(what = row.what, why = row.why, "refused: changed or inserted from outside");
                let alarm = Alarm {
                    tenant: &row.tenant,
                    connection: None,
                    kind: "api-key-not-authentic",
                    about: &row.what,
                    detail: &format!(
                        "{}: it was changed or inserted in the database from outside and is refused; revoke it, and find \
                         out who can write the database",
                        row.why
                    ),
                };
                alarms::raise(tx, at, &alarm).await?;
            }
            Ok(())
        })
    });
    raised.await
}
