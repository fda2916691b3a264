use super::*;
use crate::{
    handle::Store,
    testing::{Folder, master_key, sql, write},
};

fn pin(scope: PinScope, number: u8) -> Pin {
    Pin {
        plugin: "iterable".into(),
        tenant: "acme".into(),
        scope,
        digest: Digest([number; 32]),
        pinned_by: "ops".into(),
        pinned_at: 7,
        note: None,
    }
}

async fn stored(store: &Store, pin: Pin) {
    write(store, move |tx| Box::pin(async move { put(tx, &master_key().vault(), &pin).await })).await;
}

async fn decides(store: &Store, plugin: &'static str, tenant: &'static str, key: &'static str) -> Option<u8> {
    let found = store.read(move |c| Box::pin(deciding(c, plugin, tenant, key))).await.unwrap();
    found.map(|found| found.pin.digest.0[0])
}

#[tokio::test]
async fn a_connections_own_pin_has_precedence_over_its_tenants_and_another_tenants_decides_nothing() {
    let folder = Folder::new();
    let store = folder.store().await;
    stored(&store, pin(PinScope::Tenant, 1)).await;
    stored(&store, pin(PinScope::Connection("newsletter".into()), 2)).await;
    assert_eq!(decides(&store, "iterable", "acme", "newsletter").await, Some(2));
    assert_eq!(decides(&store, "iterable", "acme", "shop").await, Some(1));
    assert_eq!(decides(&store, "iterable", "other", "newsletter").await, None);
    assert_eq!(decides(&store, "another", "acme", "newsletter").await, None);
    let own = PinScope::Connection("newsletter".into());
    let again = write(&store, move |tx| {
        Box::pin(async move {
            let removed = remove(tx, "iterable", "acme", &own).await?;
            Ok((removed, remove(tx, "iterable", "acme", &own).await?))
        })
    });
    assert_eq!(again.await, (RowChange::Changed, RowChange::Unchanged));
    assert_eq!(decides(&store, "iterable", "acme", "newsletter").await, Some(1));
}

#[tokio::test]
async fn a_pin_that_was_changed_from_outside_is_not_authentic() {
    for change in [
        "UPDATE pins SET digest = zeroblob(32)",
        "UPDATE pins SET digest = x'00'",
        "UPDATE pins SET tenant = 'other'",
        "UPDATE pins SET connection = 'shop'",
        "UPDATE pins SET plugin = 'another'",
        "UPDATE pins SET mac = x'00'",
    ] {
        let folder = Folder::new();
        let store = folder.store().await;
        stored(&store, pin(PinScope::Tenant, 2)).await;
        let read = async || store.read(|c| Box::pin(all(c))).await.unwrap().remove(0);
        assert!(read().await.is_authentic(&master_key().vault()));
        sql(&store, change).await;
        assert!(!read().await.is_authentic(&master_key().vault()), "{change}");
    }
}
