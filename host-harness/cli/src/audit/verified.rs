//! `audit verify`: whether the audit chain, and every row that grants something, is unchanged.

use host_api::types::audit::{AuditChain, AuditState, ForeignRow};
use host_store::{audit, audit_chain, authentic};
use serde_json::{Value, json};

use crate::{
    client::ApiCall,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured},
    session::Session,
};

pub(super) async fn verify(session: &Session) -> Result<CommandOutput, Failure> {
    if let Some(client) = session.named()? {
        let state = client.ask::<AuditState>(ApiCall::post(&["audit", "verify"])).await?.value;
        return Ok(output(&state.chains, &state.foreign_rows, None));
    }
    let store = session.store().await?;
    let vault = store.vault().clone();
    let checked = store.read_everything(|c| {
        Box::pin(async move {
            let chains = audit_chain::verify(c, &vault).await?;
            let foreign = authentic::foreign_rows(c, &vault).await?;
            let rows = [foreign, authentic::keys_against_chain(c).await?].concat();
            Ok((chains, rows, audit_chain::taken_over(c).await?))
        })
    });
    let (chains, rows, taken_over) = checked.await.map_err(Failure::misused)?;
    store.close().await;
    let chains: Vec<AuditChain> = chains.into_iter().map(Into::into).collect();
    let rows: Vec<ForeignRow> = rows.into_iter().map(Into::into).collect();
    Ok(output(&chains, &rows, taken_over.as_ref()))
}

fn output(chains: &[AuditChain], rows: &[ForeignRow], taken_over: Option<&Value>) -> CommandOutput {
    let holds = rows.is_empty() && chains.iter().all(|chain| chain.broken.is_none());
    let exit = if holds { Exit::Done } else { Exit::Refused };
    let mut lines: Vec<String> = chains.iter().map(line).collect();
    if chains.is_empty() {
        lines.push("the audit chain is still empty".to_owned());
    }
    if rows.is_empty() {
        let intact = coloured("intact", Exit::Done);
        lines.push(format!("API keys, published plugins, connections and webhook tokens in use: {intact}"));
    }
    lines.extend(rows.iter().map(|row| {
        format!("{}: {}: {}", row.what, coloured("changed from outside", Exit::Refused), row.why)
    }));
    if let Some(taken_over) = taken_over {
        let names = |of: &str| {
            let names = taken_over[of].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join(", ")
        };
        lines.push(format!(
            "taken over unchecked from a version without authentication codes: API keys {}; plugins {}; {} connections; \
             {} webhook tokens",
            names("api-keys"),
            names("plugins"),
            taken_over["connections"],
            taken_over["webhook-tokens"]
        ));
    }
    let json = json!({"chains": chains, "foreign_rows": rows, "taken_over": taken_over});
    CommandOutput { people: lines.join("\n"), json, exit }
}

fn line(chain: &AuditChain) -> String {
    let who = if chain.tenant == audit::ALL_TENANTS {
        "every tenant".to_owned()
    } else {
        format!("tenant {}", chain.tenant)
    };
    match &chain.broken {
        None => {
            format!(
                "{who}: {} lines {}, the last is {}",
                chain.lines,
                coloured("intact", Exit::Done),
                chain.head
            )
        }
        Some(broken) => {
            format!("{who}: {} at line {}: {}", coloured("broken", Exit::Refused), broken.line, broken.why)
        }
    }
}
