//! Notifications.

use tokio::time::timeout;

use super::*;
use crate::{DatabaseAddress, DatabaseListener};

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_notification_is_heard_by_all_who_listen_to_the_database_and_by_no_other() {
    let Some(folder) = folder_on_server() else { return };
    let Some(other) = folder_on_server() else { return };
    let (store, elsewhere) = (folder.store().await, other.store().await);
    let DatabaseAddress::Server(address) = folder.address().await else { return };
    let mut listeners = [
        DatabaseListener::connect(&address).await.unwrap(),
        DatabaseListener::connect(&address).await.unwrap(),
    ];
    elsewhere.notify().await.unwrap();
    for listener in &mut listeners {
        assert!(timeout(Duration::from_millis(200), listener.heard()).await.is_err(), "of another database");
    }
    store.notify().await.unwrap();
    for listener in &mut listeners {
        timeout(DEADLINE, listener.heard()).await.unwrap().unwrap();
    }
}
