//! `mapping`: shows, exports and imports the mapping of a vendor's items to notices.
//! Tested in `src/tests/server/consent.rs`.

use std::{
    future::Future,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use http::Method;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse, Client},
    console::is_standard,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    session::Session,
    words::optional,
};
use host_api::types::mapping::{ConsentableItem, MappingPreview};
use host_model::consent::mapping::{MappingFile, kind};

#[derive(Debug, Subcommand)]
pub(super) enum MappingCommand {
    /// Show the saved mapping together with the items that the vendor lists now.
    Show {
        /// The connection's key.
        connection: String,
    },
    /// Export the saved mapping to a file.
    Export {
        /// The connection's key.
        connection: String,
        /// The file to write, which must not exist yet; `-` is standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Import a mapping from a file, as a whole or not at all. Items that it leaves out are forgotten.
    Import {
        /// The connection's key.
        connection: String,
        /// The file to read; `-` is standard input.
        file: PathBuf,
        /// Save nothing: show what would change, and for how many known people it matters.
        #[arg(long)]
        dry_run: bool,
    },
}

impl MappingCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::Show { connection } => {
                let call = ApiCall::get(&["plus", "connection", &connection, "consentable-items"]);
                Ok(listed(session.console.width, at_vendor(session, &connection, client.ask(call)).await?))
            }
            Self::Export { connection, file } => export(&client, &connection, &file).await,
            Self::Import { connection, file, dry_run } => {
                let written = read(session, &file)?;
                if dry_run {
                    preview(session, &client, &connection, written).await
                } else {
                    import(session, &client, &connection, written).await
                }
            }
        }
    }
}

/// Awaits `work`, which needs a list of items from the vendor.
async fn at_vendor<T>(session: &Session, connection: &str, work: impl Future<Output = T>) -> T {
    session.awaited(&format!("waiting for the vendor of connection {connection}"), work).await
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Vec<ConsentableItem>>) -> CommandOutput {
    let mut rows = Vec::new();
    let mut open: Vec<(&ConsentableItem, usize)> = value.iter().rev().map(|item| (item, 0)).collect();
    while let Some((item, depth)) = open.pop() {
        rows.push(row(item, depth));
        open.extend(item.children.iter().rev().map(|child| (child, depth + 1)));
    }
    let columns = [("item", None), ("type", None), ("id", None), ("notice", None), ("remark", None)];
    CommandOutput { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done }
}

fn row(item: &ConsentableItem, depth: usize) -> Vec<String> {
    let name = format!("{}{}", "  ".repeat(depth), item.name);
    let notice = optional(item.notice_id.as_ref());
    vec![name, kind::spelled(&item.kind), item.external_id.clone(), notice, remarks(item)]
}

fn remarks(item: &ConsentableItem) -> String {
    let mut remarks = Vec::new();
    remarks.extend(item.vanished.then(|| "the vendor no longer lists it".to_owned()));
    remarks.extend(item.unmapped.then(|| "not saved yet".to_owned()));
    remarks.extend(item.renamed_from.as_ref().map(|name| format!("renamed from {name}")));
    remarks.extend(item.moved_from.as_ref().map(|place| format!("moved from {place}")));
    remarks.extend(item.conflict.clone());
    remarks.join("; ")
}

async fn export(client: &Client, connection: &str, file: &Path) -> Result<CommandOutput, Failure> {
    let exported = client.text(ApiCall::get(&["connection", connection, "mapping"])).await?;
    let mapping = MappingFile::from_toml(&exported)
        .map_err(|wrong| Failure::misused(format!("cannot read the service's answer: {wrong}")))?;
    let json = json!({"connection": connection, "mapping": mapping});
    let (people, json) = if is_standard(file) {
        (exported.trim_end().to_owned(), json)
    } else {
        write_new(file, &exported)?;
        (format!("the mapping of connection {connection} is exported to {}", file.display()), json)
    };
    Ok(CommandOutput { people, json, exit: Exit::Done })
}

/// Never overwrites a file, which may be the only copy of a mapping.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let written = std::fs::File::create_new(file)
        .and_then(|mut new| std::io::Write::write_all(&mut new, text.as_bytes()));
    written.map_err(|error| Failure::misused(format!("cannot write {}: {error}", file.display())))
}

/// Reads the text of a mapping, which is checked before it is sent, so that an error names the file.
fn read(session: &Session, file: &Path) -> Result<String, Failure> {
    let written = session.console.text(file)?;
    match MappingFile::from_toml(&written) {
        Ok(_) => Ok(written),
        Err(wrong) => Err(Failure::misused(format!("{}: {wrong}", file.display()))),
    }
}

async fn import(
    session: &Session,
    client: &Client,
    connection: &str,
    written: String,
) -> Result<CommandOutput, Failure> {
    let call = ApiCall::new(Method::PUT, &["connection", connection, "mapping"])
        .body("application/toml", written.into_bytes());
    let saved = listed(session.console.width, at_vendor(session, connection, client.ask(call)).await?);
    Ok(CommandOutput {
        people: format!("connection {connection}: the mapping is saved\n{}", saved.people),
        ..saved
    })
}

async fn preview(
    session: &Session,
    client: &Client,
    connection: &str,
    written: String,
) -> Result<CommandOutput, Failure> {
    let call = ApiCall::post(&["connection", connection, "mapping", "preview"])
        .body("application/toml", written.into_bytes());
    let ApiResponse { value, json } =
        at_vendor(session, connection, client.ask::<MappingPreview>(call)).await?;
    let MappingPreview { changes, people, saved, forgotten } = value;
    let summary = format!(
        "connection {connection}: nothing is saved; the mapping would have {saved} items, forget {forgotten}, and change \
         the notices of {}, which matters for {people} known people",
        changes.len()
    );
    let columns = [
        ("item", None),
        ("type", None),
        ("id", None),
        ("notice now", None),
        ("then", None),
        ("people", None),
    ];
    let rows = changes.iter().map(|change| {
        let [before, after] = [&change.notice_before, &change.notice_after].map(|id| optional(id.as_ref()));
        let (name, id, kind) = (change.name.clone(), change.external_id.clone(), kind::spelled(&change.kind));
        vec![name, kind, id, before, after, change.people.to_string()]
    });
    let people = format!("{summary}\n{}", table(session.console.width, &columns, rows));
    Ok(CommandOutput { people, json, exit: Exit::Done })
}
