//! `mapping`: which of a vendor's items stand for which notice, shown, and kept as a file beside other configuration.

use std::{
    future::Future,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{
    client::{Answer, Call, Client},
    console::is_standard,
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, table},
    words::optional,
};
use host_api::types::mapping::ConsentableItem;
use host_model::consent::mapping::{MappingFile, kind};

#[derive(Debug, Subcommand)]
pub(super) enum Mapping {
    /// Show what is saved over what the vendor lists now.
    Show {
        /// The connection's key.
        connection: String,
    },
    /// Write what is saved, as a file.
    Export {
        /// The connection's key.
        connection: String,
        /// The new file; `-` is standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Save what a file says, as a whole or not at all. An item that it leaves out is forgotten.
    Import {
        /// The connection's key.
        connection: String,
        /// The file; `-` is standard input.
        file: PathBuf,
    },
}

impl Mapping {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::Show { connection } => {
                let call = Call::get(&["plus", "connection", &connection, "consentable-items"]);
                Ok(listed(session.console.width, at_vendor(session, &connection, client.ask(call)).await?))
            }
            Self::Export { connection, file } => export(&client, &connection, &file).await,
            Self::Import { connection, file } => import(session, &client, &connection, &file).await,
        }
    }
}

/// The vendor lists its items for it.
async fn at_vendor<T>(session: &Session, connection: &str, work: impl Future<Output = T>) -> T {
    session.awaited(&format!("waiting for the vendor of connection {connection}"), work).await
}

fn listed(width: u16, Answer { value, json }: Answer<Vec<ConsentableItem>>) -> Shown {
    let mut rows = Vec::new();
    let mut open: Vec<(&ConsentableItem, usize)> = value.iter().rev().map(|item| (item, 0)).collect();
    while let Some((item, depth)) = open.pop() {
        rows.push(row(item, depth));
        open.extend(item.children.iter().rev().map(|child| (child, depth + 1)));
    }
    let columns = [("item", None), ("type", None), ("id", None), ("notice", None), ("remark", None)];
    Shown { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done }
}

fn row(item: &ConsentableItem, depth: usize) -> Vec<String> {
    let remark = match (item.vanished, item.unmapped) {
        (true, _) => "the vendor no longer lists it",
        (false, true) => "not saved yet",
        (false, false) => "",
    };
    let name = format!("{}{}", "  ".repeat(depth), item.name);
    let notice = optional(item.notice_id.as_ref());
    vec![name, kind::spelled(&item.kind), item.external_id.clone(), notice, remark.to_owned()]
}

async fn export(client: &Client, connection: &str, file: &Path) -> Result<Shown, Failure> {
    let exported = client.text(Call::get(&["connection", connection, "mapping"])).await?;
    let mapping = MappingFile::from_toml(&exported)
        .map_err(|wrong| Failure::misused(format!("the service answered: {wrong}")))?;
    let json = json!({"connection": connection, "mapping": mapping});
    let (people, json) = if is_standard(file) {
        (exported.trim_end().to_owned(), json)
    } else {
        write_new(file, &exported)?;
        (format!("the mapping of connection {connection} is in {}", file.display()), json)
    };
    Ok(Shown { people, json, exit: Exit::Done })
}

/// What is there stays: it may be the one copy of what was meant.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::File::create_new(file)
        .and_then(|mut new| std::io::Write::write_all(&mut new, text.as_bytes()));
    written.map_err(|error| Failure::misused(format!("cannot write {}: {error}", file.display())))
}

async fn import(session: &Session, client: &Client, connection: &str, file: &Path) -> Result<Shown, Failure> {
    let written = session.console.text(file)?;
    MappingFile::from_toml(&written)
        .map_err(|wrong| Failure::misused(format!("{}: {wrong}", file.display())))?;
    let call = Call::new(Method::PUT, &["connection", connection, "mapping"])
        .body("application/toml", written.into_bytes());
    let saved = listed(session.console.width, at_vendor(session, connection, client.ask(call)).await?);
    Ok(Shown { people: format!("connection {connection}: the mapping is saved\n{}", saved.people), ..saved })
}
