//! `notice`: a tenant's privacy notices, as its platform has them.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, table},
    words::{list, optional},
};
use host_api::types::notices::{Enforcement, Notice as Written, Notices};

#[derive(Debug, Subcommand)]
pub(super) enum Notice {
    /// List a tenant's notices.
    List {
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
    /// Create a notice, or replace the one with that id. Refused if a mapping would become invalid.
    Put(Put),
    /// Delete a notice. Refused while an item is mapped to it.
    Delete {
        /// The platform's id of it.
        id: String,
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Put {
    /// The platform's id of it.
    id: String,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// The platform's word for it, stable over its versions.
    #[arg(long)]
    key: Option<String>,
    /// What data is used for under it, such as `marketing.advertising`. May be given several times.
    #[arg(long, value_name = "USE")]
    data_use: Vec<String>,
    /// Who sees to it; vendors are told of `system-wide` alone.
    #[arg(long, value_enum, default_value_t = Enforced::SystemWide)]
    enforcement: Enforced,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Enforced {
    Frontend,
    SystemWide,
    NotApplicable,
}

impl Notice {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::List { tenant } => {
                let call = Call::get(&["tenants", &tenant, "notices"]);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Put(put) => {
                let path = ["tenants", &put.tenant, "notices", &put.id];
                let call = Call::new(Method::PUT, &path);
                let people = format!("notice {} of tenant {} is saved", put.id, put.tenant);
                let json = json!(put.notice());
                client.have_done(call.json(&json)).await?;
                Ok(Shown { people, json, exit: Exit::Done })
            }
            Self::Delete { id, tenant } => {
                client.have_done(Call::new(Method::DELETE, &["tenants", &tenant, "notices", &id])).await?;
                let people = format!("notice {id} of tenant {tenant} is deleted");
                Ok(Shown { people, json: json!({"deleted": id}), exit: Exit::Done })
            }
        }
    }
}

impl Put {
    fn notice(self) -> Written {
        let enforcement = match self.enforcement {
            Enforced::Frontend => Enforcement::Frontend,
            Enforced::SystemWide => Enforcement::SystemWide,
            Enforced::NotApplicable => Enforcement::NotApplicable,
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

fn listed(width: u16, Answer { value, json }: Answer<Notices>) -> Shown {
    let columns = [("id", None), ("key", None), ("name", None), ("data uses", None), ("enforcement", None)];
    let rows = value.notices.iter().map(|notice| {
        // As `put` takes it.
        let enforcement = notice.enforcement_level.to_string().replace('_', "-");
        let (key, uses) = (optional(notice.notice_key.as_ref()), list(&notice.data_uses));
        vec![notice.id.clone(), key, notice.name.clone(), uses, enforcement]
    });
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}
