//! `notice`: a tenant's privacy notices, as its platform defines them.
//! Tested in `src/tests/server/consent.rs`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    session::Session,
    words::{list, optional},
};
use host_api::types::notices::{Enforcement, Notice as Written, Notices};

#[derive(Debug, Subcommand)]
pub(super) enum NoticeCommand {
    /// List a tenant's notices.
    List {
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
    /// Create a notice, or replace the one with that id. Refused if a mapping would become invalid.
    Put(PutNoticeArgs),
    /// Delete a notice. Refused while an item is mapped to it.
    Delete {
        /// The platform's id of the notice.
        id: String,
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct PutNoticeArgs {
    /// The platform's id of the notice.
    id: String,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// The name that people see.
    #[arg(long)]
    name: String,
    /// The platform's key for the notice, stable across versions.
    #[arg(long)]
    key: Option<String>,
    /// A data use that the notice covers, such as `marketing.advertising`. May be given several times.
    #[arg(long, value_name = "USE")]
    data_use: Vec<String>,
    /// Who enforces the choices; only those of `system-wide` notices are sent to vendors.
    #[arg(long, value_enum, default_value_t = EnforcementArg::SystemWide)]
    enforcement: EnforcementArg,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum EnforcementArg {
    Frontend,
    SystemWide,
    NotApplicable,
}

impl NoticeCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::List { tenant } => {
                let call = ApiCall::get(&["tenants", &tenant, "notices"]);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Put(put) => {
                let path = ["tenants", &put.tenant, "notices", &put.id];
                let call = ApiCall::new(Method::PUT, &path);
                let people = format!("notice {} of tenant {} is saved", put.id, put.tenant);
                let json = json!(put.notice());
                client.send(call.json(&json)).await?;
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Delete { id, tenant } => {
                client.send(ApiCall::new(Method::DELETE, &["tenants", &tenant, "notices", &id])).await?;
                let people = format!("notice {id} of tenant {tenant} is deleted");
                Ok(CommandOutput { people, json: json!({"deleted": id}), exit: Exit::Done })
            }
        }
    }
}

impl PutNoticeArgs {
    fn notice(self) -> Written {
        let enforcement = match self.enforcement {
            EnforcementArg::Frontend => Enforcement::Frontend,
            EnforcementArg::SystemWide => Enforcement::SystemWide,
            EnforcementArg::NotApplicable => Enforcement::NotApplicable,
        };
        let data_uses = self.data_use.into_iter().collect();
        Written {
            id: self.id,
            notice_key: self.key,
            name: self.name,
            data_uses,
            enforcement_level: enforcement,
        }
    }
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Notices>) -> CommandOutput {
    let columns = [("id", None), ("key", None), ("name", None), ("data uses", None), ("enforcement", None)];
    let rows = value.notices.iter().map(|notice| {
        // Spelled as `put` expects it.
        let enforcement = notice.enforcement_level.to_string().replace('_', "-");
        let (key, uses) = (optional(notice.notice_key.as_ref()), list(&notice.data_uses));
        vec![notice.id.clone(), key, notice.name.clone(), uses, enforcement]
    });
    let people = table(width, &columns, rows).to_string();
    CommandOutput { people, json, exit: Exit::Done }
}
