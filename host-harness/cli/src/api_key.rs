//! `api-key`: keys to a service's API, in its database directly.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    session::{Session, now},
    shown::{Shown, table},
    words,
};
use host_model::{names::is_name, secret::Secret};
use host_store::api_keys::{self, ApiKey as Key, PREFIX, Scope};

#[derive(Debug, Subcommand)]
pub(super) enum ApiKey {
    /// Make a key and show it, this once.
    Create(Create),
    /// List the keys.
    List,
    /// Revoke a key, at once.
    Revoke {
        /// Its name or id.
        key: String,
    },
}

/// A key as `--json` shows it. Times are milliseconds since 1970 in UTC.
#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    name: &'a str,
    /// The tenants that it reaches; `None` for all.
    tenants: Option<&'a BTreeSet<String>>,
    may_write: bool,
    created_at: i64,
    /// `None` while it is in use.
    revoked_at: Option<i64>,
}

impl<'a> From<&'a Key> for Document<'a> {
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
pub(super) struct Create {
    /// What to call it; it stands in the audit chain beside what is done with it.
    #[arg(long)]
    name: String,
    /// A tenant that it reaches; all tenants if none is named. May be given several times.
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<String>,
    /// Make a key that can read and change nothing.
    #[arg(long)]
    read_only: bool,
}

impl ApiKey {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List => list(session).await,
            Self::Revoke { key } => revoke(session, key).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<Shown, Failure> {
        if let Some(wrong) = self.tenants.iter().chain([&self.name]).find(|name| !is_name(name)) {
            return Err(Failure::misused(format!(
                "`{wrong}`: a name is lower-case words and digits with single dashes between them, such as `acme-eu`"
            )));
        }
        let tenants = (!self.tenants.is_empty()).then(|| BTreeSet::from_iter(self.tenants));
        let scope = Scope { tenants, may_write: !self.read_only };
        let text = Secret::random(PREFIX).map_err(Failure::misused)?;
        let (name, kept) = (self.name.clone(), text.clone());
        // The first key is made before the service first starts: without one, no client could use the service.
        let store = session.store_made().await?;
        let made = store.write(move |tx| {
            Box::pin(async move { api_keys::create(tx, now(), &name, &scope, &kept).await })
        });
        let made = made.await.map_err(Failure::misused)?;
        store.close().await;
        let key = made.ok_or_else(|| {
            let name = self.name;
            Failure::misused(format!("there is an API key {name} already: revoke it, or choose another name"))
        })?;
        let json = json!({"key": text.expose(), "api_key": Document::from(&key)});
        Ok(Shown { people: text.expose().to_owned(), json, exit: Exit::Done })
    }
}

async fn list(session: &Session) -> Result<Shown, Failure> {
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
    Ok(Shown {
        people,
        json: json!({"api_keys": keys.iter().map(Document::from).collect::<Vec<_>>()}),
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

async fn revoke(session: &Session, key: String) -> Result<Shown, Failure> {
    let store = session.store().await?;
    let asked = key.clone();
    let revoked = store.write(move |tx| Box::pin(async move { api_keys::revoke(tx, now(), &asked).await }));
    let revoked = revoked.await.map_err(Failure::misused)?;
    store.close().await;
    let Some(revoked) = revoked else {
        return Err(Failure::misused(format!(
            "no API key in use is called {key}\nnext: see them with `connector-host api-key list`"
        )));
    };
    let people = format!("API key {} is revoked: it opens nothing any more", revoked.name);
    Ok(Shown { people, json: json!({"api_key": Document::from(&revoked)}), exit: Exit::Done })
}
