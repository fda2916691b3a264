//! Roles: names for the sets of scopes that people usually need.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use strum::{AsRefStr, EnumString, VariantArray};

use crate::scope::{AccessKind, Area, Scope, Scopes};

/// A role. An API key stores its scopes, so a role is only a name for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, AsRefStr, VariantArray)]
#[strum(serialize_all = "kebab-case", parse_err_ty = NotARole, parse_err_fn = not_a_role)]
pub enum Role {
    /// Looks at everything, and changes nothing.
    Viewer,
    /// Runs requests, choices, webhook tokens and connections.
    Operator,
    /// Also decides about plugins, and acts on many requests at once.
    Approver,
    /// Does everything; also creates API keys, clears alarms and reloads the configuration.
    Administrator,
}

impl Role {
    /// Returns the scopes that the role stands for. Those of a viewer and of an administrator include later versions'
    /// areas.
    pub fn scopes(self) -> Scopes {
        match self {
            Self::Viewer => Scopes::ReadAll,
            Self::Operator => reading_and(&OPERATED),
            Self::Approver => reading_and(&[OPERATED.as_slice(), &APPROVED].concat()),
            Self::Administrator => Scopes::All,
        }
    }

    /// Returns the role that stands for exactly `scopes`; `None` if no role does.
    pub fn of(scopes: &Scopes) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|role| role.scopes() == *scopes)
    }
}

/// What an operator may write.
const OPERATED: [Area; 4] = [Area::Requests, Area::Consent, Area::WebhookTokens, Area::Connections];

/// What an approver may write beside it.
const APPROVED: [Area; 2] = [Area::Plugins, Area::Bulk];

/// The scopes to read everything, and to write `areas`.
fn reading_and(areas: &[Area]) -> Scopes {
    let is_granted = |scope: &Scope| scope.access == AccessKind::Read || areas.contains(&scope.area);
    Scopes::Only(Scope::all().filter(is_granted).collect::<BTreeSet<_>>())
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_ref())
    }
}

/// The text is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected viewer, operator, approver or administrator")]
pub struct NotARole;

fn not_a_role(_: &str) -> NotARole {
    NotARole
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(role: Role) -> Vec<String> {
        let scopes = role.scopes();
        let written = scopes.listed().filter(|scope| scope.access == AccessKind::Write);
        written.map(|scope| scope.to_string()).collect()
    }

    #[test]
    fn each_role_reads_everything_and_writes_what_the_one_before_writes_and_more() {
        for role in Role::VARIANTS {
            let reads = Area::VARIANTS.iter().map(|area| Scope { area: *area, access: AccessKind::Read });
            assert!(reads.into_iter().all(|scope| role.scopes().contains(scope)), "{role}");
        }
        assert_eq!(written(Role::Viewer), [""; 0]);
        let operated = ["requests:write", "consent:write", "webhook-tokens:write", "connections:write"];
        assert_eq!(written(Role::Operator), operated);
        let approved = ["requests:write", "bulk:write", "consent:write", "webhook-tokens:write"];
        assert_eq!(
            written(Role::Approver),
            [&approved[..], &["connections:write", "plugins:write"]].concat()
        );
        assert_eq!(written(Role::Administrator).len(), Area::VARIANTS.len());
    }

    #[test]
    fn a_role_is_read_from_its_name_and_recognized_by_exactly_its_scopes() {
        for role in Role::VARIANTS {
            assert_eq!(role.to_string().parse(), Ok(*role));
            assert_eq!(serde_json::from_str::<Role>(&format!("\"{role}\"")).unwrap(), *role);
            assert_eq!(Role::of(&role.scopes()), Some(*role));
        }
        for text in ["", "Viewer", "admin", "operator "] {
            assert_eq!(text.parse::<Role>(), Err(NotARole), "{text}");
        }
        let Scopes::Only(mut fewer) = Role::Operator.scopes() else { panic!("an operator has a list") };
        fewer.pop_last();
        assert_eq!(Role::of(&Scopes::Only(fewer)), None);
    }
}
