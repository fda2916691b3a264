//! What surrounds every screen: its title, the navigation, and who is signed in.

use host_model::scope::{AccessKind, Area, Scope};
use host_store::grant::Grant;

use crate::{done::Done, user::User};

/// A screen's place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NavSection {
    Start,
    Requests,
    Connections,
    Plugins,
    Alarms,
    People,
    Audit,
    Keys,
    Replicas,
}

/// What surrounds a screen.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) section: NavSection,
    /// The name of the API key that is signed in.
    pub(crate) user: String,
    pub(crate) rights: Rights,
    /// How long the session may be unused, in seconds.
    pub(crate) idle_seconds: u64,
    /// What the user has just done, if it led here.
    done: Option<Done>,
}

impl Frame {
    pub(crate) fn of(user: &User, section: NavSection, title: impl Into<String>) -> Self {
        let User { caller, done, idle_seconds } = user;
        let rights = Rights(caller.key.grant.clone());
        Self {
            title: title.into(),
            section,
            user: caller.key.name.clone(),
            rights,
            idle_seconds: *idle_seconds,
            done: *done,
        }
    }

    /// Returns what the user has just done, in a sentence.
    pub(crate) fn done(&self) -> Option<&'static str> {
        self.done.map(Done::sentence)
    }

    pub(crate) fn is(&self, section: NavSection) -> bool {
        self.section == section
    }
}

/// What the user may do, so that nothing else is offered. The API checks it again.
pub(crate) struct Rights(Grant);

impl Rights {
    pub(crate) fn may(&self, area: Area, access: AccessKind) -> bool {
        self.0.scopes.contains(Scope { area, access })
    }

    /// Returns whether the user may do this for all tenants, which plugins belong to.
    fn may_for_all(&self, area: Area, access: AccessKind) -> bool {
        self.may(area, access) && self.0.reach.is_everything()
    }

    /// Returns whether the user may change the notices and systems of `tenant`.
    pub(crate) fn write_catalogue(&self, tenant: &str) -> bool {
        self.write_connections() && self.0.reach.includes_tenant(tenant)
    }

    pub(crate) fn read_requests(&self) -> bool {
        self.may(Area::Requests, AccessKind::Read)
    }

    pub(crate) fn write_requests(&self) -> bool {
        self.may(Area::Requests, AccessKind::Write)
    }

    pub(crate) fn read_connections(&self) -> bool {
        self.may(Area::Connections, AccessKind::Read)
    }

    pub(crate) fn reveal_people(&self) -> bool {
        self.may(Area::Requests, AccessKind::Write) && self.may(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn read_audit(&self) -> bool {
        self.may(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn read_keys(&self) -> bool {
        self.may(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn read_replicas(&self) -> bool {
        self.may_for_all(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn write_keys(&self) -> bool {
        self.may(Area::Admin, AccessKind::Write)
    }

    pub(crate) fn read_bulk(&self) -> bool {
        self.may(Area::Bulk, AccessKind::Read)
    }

    pub(crate) fn write_bulk(&self) -> bool {
        self.may(Area::Bulk, AccessKind::Write)
    }

    pub(crate) fn write_connections(&self) -> bool {
        self.may(Area::Connections, AccessKind::Write)
    }

    pub(crate) fn read_webhook_tokens(&self) -> bool {
        self.may(Area::WebhookTokens, AccessKind::Read)
    }

    pub(crate) fn write_webhook_tokens(&self) -> bool {
        self.may(Area::WebhookTokens, AccessKind::Write)
    }

    pub(crate) fn read_plugins(&self) -> bool {
        self.may(Area::Plugins, AccessKind::Read)
    }

    /// Returns whether the user may see the versions of plugins.
    pub(crate) fn read_versions(&self) -> bool {
        self.may_for_all(Area::Plugins, AccessKind::Read)
    }

    pub(crate) fn write_plugins(&self) -> bool {
        self.may_for_all(Area::Plugins, AccessKind::Write)
    }

    pub(crate) fn read_alarms(&self) -> bool {
        self.may(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn clear_alarms(&self) -> bool {
        self.may(Area::Admin, AccessKind::Write)
    }
}
