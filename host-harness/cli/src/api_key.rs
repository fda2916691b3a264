//! `api-key`: manages the keys to a service's API, directly in its database.
//! Tested in `src/tests/database.rs`.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    secret_file::SecretFileArgs,
    session::{Session, now},
    words,
};
use host_model::{names::is_name, secret::Secret};
use host_store::api_keys::{self, ApiKey as Key, PREFIX, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Create a key and print it. It is shown only once.
    Create(CreateApiKeyArgs),
    /// List the keys.
    List,
    /// Revoke a key. Takes effect immediately.
    Revoke {
        /// The key's name or id.
        key: String,
    },
}

/// A key as `--json` shows it. Times are milliseconds since 1970 in UTC.
#[derive(Serialize)]
struct ApiKeyDocument<'a> {
    id: &'a str,
    name: &'a str,
    /// The tenants that it can access; `None` for all.
    tenants: Option<&'a BTreeSet<String>>,
    may_write: bool,
    created_at: i64,
    /// `None` while it is in use.
    revoked_at: Option<i64>,
}

impl<'a> From<&'a Key> for ApiKeyDocument<'a> {
    fn from(Key { id, name, scope, created_at, revoked_at }: &'a Key) -> Self {
        let tenants = scope.tenants.as_ref();
        Self {
            id,
            name,
            tenants,
            may_write: scope.may_write,
            created_at: *created_at,
            revoked_at: *revoked_at,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct CreateApiKeyArgs {
    /// Name of the key. The audit chain records it with everything that is done with the key.
    #[arg(long)]
    name: String,
    /// A tenant that the key can access [default: all tenants]. May be given several times.
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<String>,
    /// Create a read-only key.
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    file: SecretFileArgs,
}

impl ApiKeyCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List => list(session).await,
            Self::Revoke { key } => revoke(session, key).await,
        }
    }
}

impl CreateApiKeyArgs {
    async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        self.tenants.iter().try_for_each(|tenant| named("--tenant", tenant))?;
        named("--name", &self.name)?;
        let file = self.file.create()?;
        let tenants = (!self.tenants.is_empty()).then(|| BTreeSet::from_iter(self.tenants));
        let scope = Scope { tenants, may_write: !self.read_only };
        let text = Secret::random(PREFIX).map_err(Failure::misused)?;
        let (name, kept) = (self.name.clone(), text.clone());
        // The first key is created before the service first starts: without one, no client could use the service.
        let store = session.store_made().await?;
        let vault = store.vault().clone();
        let made = store.write(move |tx| {
            Box::pin(async move { api_keys::create(tx, &vault, now(), &name, &scope, &kept).await })
        });
        let made = made.await.map_err(Failure::misused)?;
        store.close().await;
        let key = made.ok_or_else(|| {
            let name = self.name;
            Failure::misused(format!(
                "an API key named {name} already exists: revoke it, or choose another name"
            ))
        })?;
        let document = ApiKeyDocument::from(&key);
        let (people, json) = match file {
            None => (text.expose().to_owned(), json!({"key": text.expose(), "api_key": document})),
            Some(file) => {
                let (people, path) = file.write(
                    text.expose(),
                    &format!("revoke the API key {}, whose text is lost, and create another one", key.name),
                )?;
                (people, json!({"file": path, "api_key": document}))
            }
        };
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

/// Checks the name that the option has.
fn named(option: &str, name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    Err(Failure::misused(format!(
        "{option}: `{name}`: expected lower-case words and digits with single dashes between them, such as `acme-eu`"
    )))
}

async fn list(session: &Session) -> Result<CommandOutput, Failure> {
    let store = session.store().await?;
    let keys = store.read(|connection| Box::pin(api_keys::list(connection))).await;
    let keys = keys.map_err(Failure::misused)?;
    store.close().await;
    let columns = [
        ("name", None),
        ("tenants", None),
        ("may", None),
        ("since", None),
        ("revoked", None),
        ("id", Some(36)),
    ];
    let people = table(session.console.width, &columns, keys.iter().map(row)).to_string();
    Ok(CommandOutput {
        people,
        json: json!({"api_keys": keys.iter().map(ApiKeyDocument::from).collect::<Vec<_>>()}),
        exit: Exit::Done,
    })
}

fn row(key: &Key) -> Vec<String> {
    let tenants = key.scope.tenants.as_ref();
    vec![
        key.name.clone(),
        tenants.map_or_else(|| "all".to_owned(), |tenants| Vec::from_iter(tenants.clone()).join(", ")),
        if key.scope.may_write { "read and write" } else { "read" }.to_owned(),
        words::date(key.created_at),
        key.revoked_at.map(words::date).unwrap_or_default(),
        key.id.clone(),
    ]
}

async fn revoke(session: &Session, key: String) -> Result<CommandOutput, Failure> {
    let store = session.store().await?;
    let (vault, asked) = (store.vault().clone(), key.clone());
    let revoked =
        store.write(move |tx| Box::pin(async move { api_keys::revoke(tx, &vault, now(), &asked).await }));
    let revoked = revoked.await.map_err(Failure::misused)?;
    store.close().await;
    let Some(revoked) = revoked else {
        return Err(Failure::misused(format!(
            "there is no active API key {key}\nnext: list the keys with `connector-host api-key list`"
        )));
    };
    let people = format!("API key {} is revoked and no longer accepted", revoked.name);
    Ok(CommandOutput { people, json: json!({"api_key": ApiKeyDocument::from(&revoked)}), exit: Exit::Done })
}
