//! `api-key`: manages the keys to a service's API, directly in its database.
//! Tested in `src/tests/database.rs`.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, ID, table},
    secret_file::SecretFileArgs,
    session::{Session, now},
    words,
};
use host_harness::connection::check_host;
use host_model::{
    names::is_name,
    role::Role,
    scope::{AccessKind, Scope, Scopes},
    secret::Secret,
};
use host_store::{
    api_keys::{self, ApiKey as Key, PREFIX},
    grant::{Grant, KeyReach},
};

#[derive(Debug, Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Create a key and print it. It is shown only once.
    Create(CreateApiKeyArgs),
    /// List the keys.
    List,
    /// Print the secret that signs the callbacks of a key's requests, for the program that receives them.
    CallbackSecret {
        /// The key's name or id.
        key: String,
        #[command(flatten)]
        file: SecretFileArgs,
    },
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
    /// The connections that it can access; `None` for all.
    connections: Option<&'a BTreeSet<String>>,
    /// Whether it may write something.
    may_write: bool,
    /// The role that stands for exactly these scopes; `None` if no role does.
    role: Option<Role>,
    scopes: Vec<Scope>,
    callback_hosts: &'a BTreeSet<String>,
    created_at: i64,
    /// `None` while it is in use.
    revoked_at: Option<i64>,
}

impl<'a> From<&'a Key> for ApiKeyDocument<'a> {
    fn from(Key { id, name, grant, created_at, revoked_at }: &'a Key) -> Self {
        let Grant { reach, scopes, callback_hosts } = grant;
        let role = Role::of(scopes);
        let scopes: Vec<Scope> = scopes.listed().collect();
        Self {
            id,
            name,
            tenants: reach.tenants.as_ref(),
            connections: reach.connections.as_ref(),
            may_write: scopes.iter().any(|scope| scope.access == AccessKind::Write),
            role,
            scopes,
            callback_hosts,
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
    /// A connection that the key can access [default: all of the tenants]. May be given several times. Such a key cannot
    /// access what concerns a whole tenant.
    #[arg(long = "connection", value_name = "CONNECTION", requires = "tenants")]
    connections: Vec<String>,
    /// What the key may do, as the name of a set of scopes: `viewer` reads everything; `operator` also writes requests,
    /// consent, webhook-tokens and connections; `approver` also writes plugins and bulk; `administrator` does everything
    /// [default: administrator].
    #[arg(long, value_name = "ROLE", conflicts_with_all = ["scopes", "read_only"])]
    role: Option<Role>,
    /// What the key may do, such as `requests:write`, instead of a role. May be given several times. The areas are
    /// requests, bulk, consent, webhook-tokens, connections, plugins and admin, each with `read` or `write`; `write` does
    /// not include `read`.
    #[arg(long = "scope", value_name = "AREA:ACCESS", conflicts_with = "read_only")]
    scopes: Vec<Scope>,
    /// Create a read-only key: the same as `--role viewer`.
    #[arg(long)]
    read_only: bool,
    /// A host to which the key's requests may have their end posted, as HOST or HOST:PORT. May be given several times.
    /// Posts use HTTPS to public addresses; plain HTTP is possible only to this machine. `api-key callback-secret` prints
    /// the secret that signs them.
    #[arg(long = "callback-host", value_name = "HOST")]
    callback_hosts: Vec<String>,
    #[command(flatten)]
    file: SecretFileArgs,
}

impl ApiKeyCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::List => list(session).await,
            Self::CallbackSecret { key, file } => callback_secret(session, &key, file).await,
            Self::Revoke { key } => revoke(session, key).await,
        }
    }
}

impl CreateApiKeyArgs {
    async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        self.tenants.iter().try_for_each(|tenant| check_name("--tenant", tenant))?;
        self.connections.iter().try_for_each(|connection| check_name("--connection", connection))?;
        check_name("--name", &self.name)?;
        for host in &self.callback_hosts {
            check_host(host).map_err(|wrong| Failure::misused(format!("--callback-host: {wrong}")))?;
        }
        let grant = self.grant();
        let file = self.file.create()?;
        let text = Secret::random(PREFIX).map_err(Failure::misused)?;
        let (name, kept) = (self.name.clone(), text.clone());
        // The first key is created before the service first starts: without one, no client could use the service.
        let store = session.store_made().await?;
        let vault = store.vault().clone();
        let made = store.write(move |tx| {
            Box::pin(async move { api_keys::create(tx, &vault, now(), &name, &grant, &kept).await })
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

impl CreateApiKeyArgs {
    fn grant(&self) -> Grant {
        let some = |names: &[String]| (!names.is_empty()).then(|| names.iter().cloned().collect());
        let scopes = if self.scopes.is_empty() {
            let usual = if self.read_only { Role::Viewer } else { Role::Administrator };
            self.role.unwrap_or(usual).scopes()
        } else {
            Scopes::Only(self.scopes.iter().copied().collect())
        };
        Grant {
            reach: KeyReach { tenants: some(&self.tenants), connections: some(&self.connections) },
            scopes,
            callback_hosts: self.callback_hosts.iter().cloned().collect(),
        }
    }
}

/// Checks the name that the option has.
fn check_name(option: &str, name: &str) -> Result<(), Failure> {
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
        ("access to", Some(14)),
        ("may", Some(22)),
        ("since", None),
        ("revoked", None),
        ("id", ID),
    ];
    let people = table(session.console.width, &columns, keys.iter().map(row)).to_string();
    Ok(CommandOutput {
        people,
        json: json!({"api_keys": keys.iter().map(ApiKeyDocument::from).collect::<Vec<_>>()}),
        exit: Exit::Done,
    })
}

fn row(key: &Key) -> Vec<String> {
    let Grant { reach, scopes, callback_hosts } = &key.grant;
    let named = |names: &BTreeSet<String>| Vec::from_iter(names.clone()).join(", ");
    let mut access = reach.tenants.as_ref().map_or_else(|| "all".to_owned(), named);
    if let Some(connections) = &reach.connections {
        access = format!("{access}:\n{}", named(connections));
    }
    let may = match Role::of(scopes) {
        Some(role) => role.to_string(),
        None => scopes.listed().map(|scope| scope.to_string()).collect::<Vec<_>>().join("\n"),
    };
    let callbacks = callback_hosts.iter().map(|host| format!("callbacks to {host}"));
    let may = [may].into_iter().chain(callbacks).collect::<Vec<_>>().join("\n");
    vec![
        key.name.clone(),
        access,
        may,
        words::date(key.created_at),
        key.revoked_at.map(words::date).unwrap_or_default(),
        key.id.clone(),
    ]
}

async fn callback_secret(
    session: &Session,
    key: &str,
    file: SecretFileArgs,
) -> Result<CommandOutput, Failure> {
    let file = file.create()?;
    let store = session.store().await?;
    let keys = store.read(|connection| Box::pin(api_keys::list(connection))).await;
    let vault = store.vault().clone();
    store.close().await;
    let keys = keys.map_err(Failure::misused)?;
    let found =
        keys.iter().find(|known| known.revoked_at.is_none() && (known.name == key || known.id == key));
    let Some(found) = found else { return Err(no_such_key(key)) };
    if found.grant.callback_hosts.is_empty() {
        return Err(Failure::misused(format!(
            "the API key {key} allows no callbacks\nnext: create one with --callback-host HOST"
        )));
    }
    let secret = vault.callback_secret(&found.id);
    let secret = secret.ok_or_else(|| Failure::misused("the callback secret cannot be derived"))?;
    let (people, json) = match file {
        None => (secret.expose().to_owned(), json!({"callback_secret": secret.expose()})),
        Some(file) => {
            let (people, path) =
                file.write(secret.expose(), "run the command again with another --output")?;
            (people, json!({"file": path}))
        }
    };
    Ok(CommandOutput { people, json, exit: Exit::Done })
}

fn no_such_key(key: &str) -> Failure {
    Failure::misused(format!(
        "there is no active API key {key}\nnext: list the keys with `connector-host api-key list`"
    ))
}

async fn revoke(session: &Session, key: String) -> Result<CommandOutput, Failure> {
    let store = session.store().await?;
    let (vault, asked) = (store.vault().clone(), key.clone());
    let revoked =
        store.write(move |tx| Box::pin(async move { api_keys::revoke(tx, &vault, now(), &asked).await }));
    let revoked = revoked.await.map_err(Failure::misused)?;
    store.close().await;
    let Some(revoked) = revoked else { return Err(no_such_key(&key)) };
    let people = format!("API key {} is revoked and no longer accepted", revoked.name);
    Ok(CommandOutput { people, json: json!({"api_key": ApiKeyDocument::from(&revoked)}), exit: Exit::Done })
}
