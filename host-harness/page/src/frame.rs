//! What surrounds every screen: its title, the navigation, and who is signed in.

use host_model::scope::{AccessKind, Area, Scope, Scopes};

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
}

/// What surrounds a screen.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) section: NavSection,
    /// The name of the API key that is signed in.
    pub(crate) user: String,
    pub(crate) rights: Rights,
    /// What the user has just done, if it led here.
    done: Option<Done>,
}

impl Frame {
    pub(crate) fn of(user: &User, section: NavSection, title: impl Into<String>) -> Self {
        let User { caller, done } = user;
        let rights = Rights(caller.key.grant.scopes.clone());
        Self { title: title.into(), section, user: caller.key.name.clone(), rights, done: *done }
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
pub(crate) struct Rights(Scopes);

impl Rights {
    pub(crate) fn may(&self, area: Area, access: AccessKind) -> bool {
        self.0.contains(Scope { area, access })
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
        self.may(Area::Requests, AccessKind::Write)
    }

    pub(crate) fn read_audit(&self) -> bool {
        self.may(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn read_keys(&self) -> bool {
        self.may(Area::Admin, AccessKind::Read)
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

    pub(crate) fn write_plugins(&self) -> bool {
        self.may(Area::Plugins, AccessKind::Write)
    }

    pub(crate) fn read_alarms(&self) -> bool {
        self.may(Area::Admin, AccessKind::Read)
    }

    pub(crate) fn clear_alarms(&self) -> bool {
        self.may(Area::Admin, AccessKind::Write)
    }
}
