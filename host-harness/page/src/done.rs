//! What an act has done, said once on the screen that it leads to.

use axum::response::{IntoResponse as _, Redirect, Response};
use strum::{AsRefStr, EnumString};

/// An act that was carried out. Its name stands in the address that the act leads to, so it names no person and no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, AsRefStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Done {
    AlarmCleared,
    AuditVerified,
    KeyRevoked,
    BulkActApproved,
    BulkActBegun,
    BulkActRequested,
    BulkActWithdrawn,
    RequestReplayed,
    RequestStored,
    ConnectionChanged,
    ConnectionCreated,
    ConnectionDeleted,
    ConnectionPaused,
    ConnectionResumed,
    MappingSaved,
    NoticeDeleted,
    NoticeSaved,
    SystemDeleted,
    SystemSaved,
    DeliveriesReplayed,
    DeliveryUnchanged,
    Pinned,
    ReleaseBegun,
    ReleaseMoved,
    RevisionRestored,
    TokenByHand,
    TokenInstalled,
    TokenRevoked,
    Unpinned,
    VersionApproved,
    WebhookIdSet,
}

impl Done {
    /// Returns the sentence that the screen shows.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::AlarmCleared => "The alarm is cleared.",
            Self::AuditVerified => "The chains were verified just now.",
            Self::KeyRevoked => "The API key is revoked and no longer accepted.",
            Self::ConnectionChanged => "The connection is changed.",
            Self::ConnectionCreated => "The connection is created. Test it before you use it.",
            Self::ConnectionDeleted => "The connection is deleted.",
            Self::ConnectionPaused => "The connection is paused.",
            Self::ConnectionResumed => "The connection is resumed.",
            Self::MappingSaved => "The mapping is saved.",
            Self::NoticeDeleted => "The notice is deleted.",
            Self::NoticeSaved => "The notice is saved.",
            Self::SystemDeleted => "The system is deleted.",
            Self::SystemSaved => "The system is saved.",
            Self::DeliveriesReplayed => "The deliveries are read again. This list shows how each was read.",
            Self::DeliveryUnchanged => {
                "The delivery is unchanged: it was read in the meantime, or its body is no longer kept."
            }
            Self::Pinned => "The pin is set. The version serves there from now on.",
            Self::TokenByHand => "The vendor accepts no token from the host: issue one, and enter it there.",
            Self::TokenInstalled => {
                "The vendor has a new token. The previous one stays accepted for at least a day."
            }
            Self::TokenRevoked => "The token is revoked.",
            Self::Unpinned => {
                "The pin is removed. The version that the plugin runs serves there from now on."
            }
            Self::ReleaseBegun => "The release has begun.",
            Self::ReleaseMoved => "The release is moved.",
            Self::RevisionRestored => "The newest revision is restored.",
            Self::VersionApproved => "The version is approved. It can be served now.",
            Self::WebhookIdSet => {
                "The webhook ID is saved. Send the vendor a new token to see that it works."
            }
            Self::BulkActApproved => "The act is approved, and begins.",
            Self::BulkActBegun => "The act has begun.",
            Self::BulkActRequested => "The act waits for the approval of another person.",
            Self::BulkActWithdrawn => "The act is withdrawn. Nothing was done.",
            Self::RequestReplayed => "The request is back in the queue.",
            Self::RequestStored => "The request is stored.",
        }
    }

    /// Returns the act that the query of an address names, if it names one.
    pub(crate) fn of(query: Option<&str>) -> Option<Self> {
        let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
        pairs.find(|(name, _)| name == "done")?.1.parse().ok()
    }

    /// Returns a redirect to `path`, which then shows that the act was carried out.
    pub(crate) fn at(self, path: &str) -> Response {
        let separator = if path.contains('?') { '&' } else { '?' };
        Redirect::to(&format!("{path}{separator}done={}", self.as_ref())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[test]
    fn an_act_is_named_in_the_address_that_it_leads_to_and_nothing_else_is_shown() {
        for (path, address) in
            [("/alarms", "/alarms?done=alarm-cleared"), ("/alarms?a=b", "/alarms?a=b&done=alarm-cleared")]
        {
            let led = Done::AlarmCleared.at(path);
            assert_eq!(led.headers()[header::LOCATION], address);
            assert_eq!(Done::of(address.split_once('?').map(|(_, query)| query)), Some(Done::AlarmCleared));
        }
        for query in [None, Some(""), Some("done="), Some("done=<b>"), Some("one=alarm-cleared")] {
            assert_eq!(Done::of(query), None, "{query:?}");
        }
    }
}
