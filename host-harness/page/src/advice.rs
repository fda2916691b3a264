//! What to do about an alarm, for each kind.

use self::AdvicePlace::{
    Connection, Elsewhere, Keys, Plugins, Request, RequestsOfConnection, UnreadDeliveries, Webhook,
};

/// What to do about a kind of alarm, and where.
pub(crate) struct Advice {
    pub(crate) todo: &'static str,
    pub(crate) place: AdvicePlace,
}

/// The screen on which it is done, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdvicePlace {
    /// The request that the alarm is about.
    Request,
    /// The requests of the alarm's connection.
    RequestsOfConnection,
    /// The alarm's connection.
    Connection,
    /// The deliveries of the alarm's connection that could not be read.
    UnreadDeliveries,
    /// The webhook of the alarm's connection.
    Webhook,
    /// The plugins.
    Plugins,
    /// The API keys.
    Keys,
    /// Outside of the page.
    Elsewhere,
}

/// Returns what to do about an alarm of this kind; `None` if the kind is unknown here.
pub(crate) fn advice(kind: &str) -> Option<Advice> {
    let (todo, place) = match kind {
        "api-key-not-authentic" => ("Revoke the key, and find out who can write the database.", Keys),
        "callback-fails" => {
            ("Check that the receiver of the callback is up and accepts its signature.", Request)
        }
        "connection-parked" => (
            "Give the connection a valid credential, then test or resume it. Its requests wait until then.",
            Connection,
        ),
        "connection-unreadable" => (
            "Delete the connection and create it again, or reload the configuration file that names it.",
            Connection,
        ),
        "consent-event-damaged" => {
            ("Re-read the people of the connection whose choices matter (reconcile).", Elsewhere)
        }
        "consent-event-unidentified" => {
            ("Re-read the people whom the event may be about (reconcile).", RequestsOfConnection)
        }
        "deliveries-lost" => ("Re-read the people whose choices may be missing (reconcile).", Elsewhere),
        "deliveries-unread" => (
            "Publish a version of the plugin that reads them, or replay them once the cause is gone.",
            UnreadDeliveries,
        ),
        "delivery-too-large" => ("Re-read the people whom the delivery may be about (reconcile).", Elsewhere),
        "erased-person-not-checked" => {
            ("Ask the vendor whether it still has the person. The opt-out is kept.", RequestsOfConnection)
        }
        "erased-person-still-there" => (
            "Ask the vendor why it has the person again, and submit another erasure if nobody agreed to it.",
            RequestsOfConnection,
        ),
        "erasure-ledger-not-written" => (
            "Make the file beside the database writable. Until then, a restored backup would bring erased people back.",
            Elsewhere,
        ),
        "forward-fails" => {
            ("Check that the tenant's platform accepts events. They are kept in order.", Elsewhere)
        }
        "forward-skips" => (
            "Give the tenant's Fides an email address, phone number or external id of its people, or accept the gap.",
            Elsewhere,
        ),
        "outcome-contradicted" => (
            "Report it to the author of the plugin, and serve another version. The requests wait for one.",
            Plugins,
        ),
        "people-not-keyed" => {
            ("Have the plugin of the connection load, so that its people can be told apart.", Plugins)
        }
        "pinned-version-not-loaded" => {
            ("Unpin the connection, or pin it to a version that can be used.", Plugins)
        }
        kind if kind.starts_with("plugin-") => advice_on_plugin(kind)?,
        "request-expired" => {
            ("Tell the person, find out what held the request back, and put it back in the queue.", Request)
        }
        "replica-silent" => ("See whether the machine of the replica runs, and look at its log.", Elsewhere),
        "request-fails-unexpectedly" => (
            "Look at what the vendor answered, remove the cause, and put the request back in the queue.",
            Request,
        ),
        "request-late" => {
            ("Find out what holds the request back: the law expects an answer within a month.", Request)
        }
        "request-set-aside" => {
            ("Look at the log of the service, and put the request back in the queue.", Request)
        }
        "token-by-hand" => ("Enter a new webhook token at the vendor before the old one ends.", Webhook),
        "token-damaged" => ("Issue another webhook token, and give it to the vendor.", Webhook),
        "token-no-room" => ("Revoke a webhook token that the vendor does not use.", Webhook),
        "token-not-taken" => (
            "Check that the vendor accepts the connection's credential, or enter the token there by hand.",
            Webhook,
        ),
        "transaction-held-open" => {
            ("Find the transaction in pg_stat_activity of the PostgreSQL server, and end it.", Elsewhere)
        }
        _ => return None,
    };
    Some(Advice { todo, place })
}

fn advice_on_plugin(kind: &str) -> Option<(&'static str, AdvicePlace)> {
    Some(match kind {
        "plugin-awaits-approval" => {
            ("Look at what the version requests, and have it approved with another API key.", Plugins)
        }
        "plugin-not-loaded" => ("Publish another version of the plugin, or the same one again.", Plugins),
        "plugin-not-proven" => ("Look at what the proof found, and serve another version.", Plugins),
        "plugin-not-pulled" => ("Look at why, and pull the plugin again once the cause is gone.", Plugins),
        "plugin-not-signed" => {
            ("Publish a signed release of the plugin, or the same component with its bundle.", Plugins)
        }
        "plugin-release-paused" => ("Go on with the release, end its step, or roll it back.", Plugins),
        "plugin-release-rolled-back" => ("Report what was counted to the plugin's author.", Plugins),
        "plugin-release-refused" => (
            "Get the component and its bundle of a current release from the publisher, and put both at the path.",
            Elsewhere,
        ),
        "plugin-version-not-drained" => {
            ("Look at what its vendor answers, or restart the replica.", Elsewhere)
        }
        "plugin-version-not-authentic" => {
            ("Publish the version again, and find out who can write the database.", Plugins)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_alarm_has_its_sentence() {
        for kind in host_store::alarms::KINDS {
            let todo = advice(kind).map(|advice| advice.todo);
            assert!(todo.is_some_and(|todo| todo.ends_with('.')), "{kind}: {todo:?}");
        }
        assert!(advice("of-a-later-version").is_none());
    }
}
