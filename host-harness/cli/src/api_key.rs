//! `api-key`: manages the keys to a service's API, in its database or over the API.
//! Tested in `src/tests/database/api_keys.rs` and `src/tests/server/api_keys.rs`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    client::{ApiCall, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, ID, table},
    secret_file::SecretFileArgs,
    session::{OPENS_THE_DATABASE, Session, now},
    words,
};
use host_api::types::api_keys::{ApiKey, ApiKeyPage, CreatedApiKey, NewApiKey};
use host_harness::connection::check_host;
use host_model::{
    names::is_name,
    role::Role,
    scope::{Scope, Scopes},
    secret::Secret,
};
use host_store::{
    api_keys::{self, NewApiKey as NewStoredKey, PREFIX},
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

/// How the audit chain names this command when it works on the database.
const BY: &str = "the command api-key on the database";

impl ApiKeyCommand {
    /// Returns why the command cannot be sent to a running service; `None` if it can.
    pub(super) fn runs_locally(&self) -> Option<&'static str> {
        matches!(self, Self::CallbackSecret { .. }).then_some(OPENS_THE_DATABASE)
    }

    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match (self, session.named()?) {
            (Self::Create(create), service) => create.run(session, service).await,
            (Self::List, Some(client)) => Ok(listed(session.console.width, &all(&client).await?)),
            (Self::List, None) => list(session).await,
            (Self::CallbackSecret { key, file }, _) => callback_secret(session, &key, file).await,
            (Self::Revoke { key }, Some(client)) => revoke_over(&client, &key).await,
            (Self::Revoke { key }, None) => revoke(session, key).await,
        }
    }
}

impl CreateApiKeyArgs {
    async fn run(self, session: &Session, service: Option<Client>) -> Result<CommandOutput, Failure> {
        self.tenants.iter().try_for_each(|tenant| check_name("--tenant", tenant))?;
        self.connections.iter().try_for_each(|connection| check_name("--connection", connection))?;
        check_name("--name", &self.name)?;
        for host in &self.callback_hosts {
            check_host(host).map_err(|wrong| Failure::misused(format!("--callback-host: {wrong}")))?;
        }
        let grant = self.grant();
        let file = self.file.create()?;
        let CreatedApiKey { key, api_key } = match service {
            Some(client) => create_over(&client, self.name, grant).await?,
            None => create(session, self.name, grant).await?,
        };
        let (people, json) = match file {
            None => (key.clone(), json!({"key": key, "api_key": api_key})),
            Some(file) => {
                let next = format!(
                    "revoke the API key {}, whose text is lost, and create another one",
                    api_key.name
                );
                let (people, path) = file.write(&key, &next)?;
                (people, json!({"file": path, "api_key": api_key}))
            }
        };
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

/// Creates the key in the database.
async fn create(session: &Session, name: String, grant: Grant) -> Result<CreatedApiKey, Failure> {
    let text = Secret::random(PREFIX).map_err(Failure::misused)?;
    let (named, kept) = (name.clone(), text.clone());
    // The first key is created before the service first starts: without one, no client could use the service.
    let store = session.store_made().await?;
    let vault = store.vault().clone();
    let made = store.write(move |tx| {
        Box::pin(async move {
            let new = NewStoredKey { name: &named, grant: &grant, text: &kept, by: BY };
            api_keys::create(tx, &vault, now(), new).await
        })
    });
    let made = made.await.map_err(Failure::misused)?;
    store.close().await;
    let key = made.ok_or_else(|| {
        Failure::misused(format!("an API key named {name} already exists: revoke it, or choose another name"))
    })?;
    Ok(CreatedApiKey { key: text.expose().to_owned(), api_key: key.into() })
}

/// Has the service create the key.
async fn create_over(client: &Client, name: String, grant: Grant) -> Result<CreatedApiKey, Failure> {
    let role = Role::of(&grant.scopes).map(Into::into);
    let scopes = if role.is_some() { None } else { Some(grant.scopes.listed().collect()) };
    let KeyReach { tenants, connections } = grant.reach;
    let new = NewApiKey { name, role, scopes, tenants, connections, callback_hosts: grant.callback_hosts };
    Ok(client.ask(ApiCall::post(&["api-keys"]).json(&new)).await?.value)
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
    let keys: Vec<_> = keys.into_iter().map(Into::into).collect();
    Ok(listed(session.console.width, &keys))
}

/// Returns all keys of the service that the client's key can access, oldest first.
async fn all(client: &Client) -> Result<Vec<ApiKey>, Failure> {
    let mut all: Vec<ApiKey> = Vec::new();
    loop {
        let before = all.last().map(|key| key.id.clone());
        let call = ApiCall::get(&["api-keys"]).with("before", before);
        let page = client.ask::<ApiKeyPage>(call).await?.value.api_keys;
        if page.is_empty() {
            all.reverse();
            return Ok(all);
        }
        all.extend(page);
    }
}

fn listed(width: u16, keys: &[ApiKey]) -> CommandOutput {
    let columns = [
        ("name", None),
        ("access to", Some(14)),
        ("may", Some(22)),
        ("since", None),
        ("revoked", None),
        ("id", ID),
    ];
    let people = table(width, &columns, keys.iter().map(row)).to_string();
    CommandOutput { people, json: json!({"api_keys": keys}), exit: Exit::Done }
}

fn row(key: &ApiKey) -> Vec<String> {
    let mut access = key.tenants.as_ref().map_or_else(|| "all".to_owned(), words::list);
    if let Some(connections) = &key.connections {
        access = format!("{access}:\n{}", words::list(connections));
    }
    let may = match key.role {
        Some(role) => vec![role.to_string()],
        None => key.scopes.iter().map(ToString::to_string).collect(),
    };
    let callbacks = key.callback_hosts.iter().map(|host| format!("callbacks to {host}"));
    vec![
        key.name.clone(),
        access,
        may.into_iter().chain(callbacks).collect::<Vec<_>>().join("\n"),
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
        store.write(move |tx| Box::pin(async move { api_keys::revoke(tx, &vault, now(), &asked, BY).await }));
    let revoked = revoked.await.map_err(Failure::misused)?;
    store.close().await;
    revoked.map(|revoked| revoked_output(&revoked.into())).ok_or_else(|| no_such_key(&key))
}

/// Has the service revoke the key in use with this id or, if none has, this name.
async fn revoke_over(client: &Client, key: &str) -> Result<CommandOutput, Failure> {
    let keys = all(client).await?;
    let in_use = || keys.iter().filter(|known| known.revoked_at.is_none());
    let found = in_use().find(|known| known.id == key).or_else(|| in_use().find(|known| known.name == key));
    let found = found.ok_or_else(|| no_such_key(key))?;
    let revoked = client.ask::<ApiKey>(ApiCall::post(&["api-keys", &found.id, "revoke"])).await?;
    Ok(revoked_output(&revoked.value))
}

fn revoked_output(revoked: &ApiKey) -> CommandOutput {
    let people = format!("API key {} is revoked and no longer accepted", revoked.name);
    CommandOutput { people, json: json!({"api_key": revoked}), exit: Exit::Done }
}
