//! Tests of what operators define about notices, systems and items.

use super::*;
use crate::{
    consent::{catalogue::CatalogueError, mappings::MappingError},
    who::Who,
};
use host_model::consent::mapping::MappingFile;

fn operator() -> Who {
    Who("operator".to_owned())
}

#[tokio::test]
async fn a_mapping_is_shown_over_what_the_vendor_lists_and_what_it_renamed_is_refreshed() {
    let bench = bench().await;
    let shown = bench.parts.mappings.show("newsletter").await.unwrap();
    let of = |id: &str| shown.iter().find(|item| item.external_id == id).unwrap();
    assert_eq!((of("6539").notice_id.as_deref(), of("6539").unmapped), (Some("n-1"), false));
    assert!(of("6540").unmapped);
    assert_ne!(of("6541").name, "Push (Push)", "the vendor's name counts");
    let file = bench.parts.mappings.export("newsletter").await.unwrap().to_toml().unwrap();
    assert!(file.contains(&of("6541").name), "{file}");
}

#[tokio::test]
async fn a_mapping_is_saved_as_a_whole_or_not_at_all_and_comes_back_from_its_file() {
    let bench = bench().await;
    let mut wanted = bench.parts.mappings.show("newsletter").await.unwrap();
    for item in &mut wanted {
        item.notice_id = Some("n-2".into());
    }
    let refused = bench.parts.mappings.put("newsletter", wanted.clone(), operator()).await.unwrap_err();
    assert!(
        matches!(&refused, MappingError::Problems(problems) if problems.len() == wanted.len()),
        "{refused}"
    );
    assert!(refused.to_string().contains("there is no notice `n-2` (did you mean `n-1`?)"), "{refused}");
    for item in &mut wanted {
        item.notice_id = Some("n-1".into());
    }
    let saved = bench.parts.mappings.put("newsletter", wanted, operator()).await.unwrap();
    assert!(saved.iter().all(|item| !item.unmapped && item.notice_id.as_deref() == Some("n-1")));
    let file = bench.parts.mappings.export("newsletter").await.unwrap();
    let read = MappingFile::from_toml(&file.to_toml().unwrap()).unwrap();
    assert_eq!(bench.parts.mappings.import("newsletter", read, operator()).await.unwrap(), saved);
}

#[tokio::test]
async fn an_item_that_the_vendor_removed_does_not_block_its_notice() {
    let bench = bench().await;
    write(&bench.parts.store, |tx| {
        Box::pin(async move {
            // As if the second one had been mapped before the vendor removed it.
            let mapping = [mapped(MAIL, "Marketing Channel (Email)"), mapped("channel:1", "Push (Push)")];
            items::replace(tx, "newsletter", &mapping, &BTreeSet::new()).await
        })
    })
    .await;
    let shown = bench.parts.mappings.show("newsletter").await.unwrap();
    assert!(shown.iter().any(|item| item.external_id == "1" && item.vanished));
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptIn)).await;
    assert_eq!(bench.feed_words().await, ["6539 opt_in", "n-1 opt_in"]);
}

#[tokio::test]
async fn a_notice_or_system_that_a_mapping_needs_is_not_taken_from_it() {
    let bench = bench().await;
    let parts = &bench.parts;
    let [notice] = parts.catalogue.notices("acme").await.unwrap().try_into().unwrap();
    let frontend = Notice { enforcement: Enforcement::Frontend, ..notice.clone() };
    let refused = parts.catalogue.put_notice("acme", frontend, operator()).await.unwrap_err().to_string();
    assert!(refused.starts_with("connection newsletter maps channel:6539: notice `n-1` is not"), "{refused}");
    let refused = parts.catalogue.delete_notice("acme", "n-1", operator()).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::Breaks { .. }), "{refused}");
    let idle = System { key: "iterable".into(), name: "Iterable".into(), data_uses: BTreeSet::new() };
    let refused = parts.catalogue.put_system("acme", idle, operator()).await.unwrap_err();
    assert!(refused.to_string().contains("shares no data use"), "{refused}");
    let refused = parts.catalogue.delete_system("acme", "iterable", operator()).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::SystemInUse { .. }), "{refused}");
    let twin = Notice { id: "n-2".into(), ..notice.clone() };
    let refused = parts.catalogue.put_notice("acme", twin, operator()).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::KeyTaken { .. }), "{refused}");
    assert_eq!(parts.catalogue.notices("acme").await.unwrap(), std::slice::from_ref(&notice));
    let renamed = Notice { name: "Offers".into(), ..notice };
    parts.catalogue.put_notice("acme", renamed.clone(), operator()).await.unwrap();
    assert_eq!(parts.catalogue.notices("acme").await.unwrap(), [renamed]);
    assert_eq!(parts.catalogue.systems("acme").await.unwrap().len(), 1);
    assert_eq!(bench.rows("audit").await, 1, "refused changes are not in the audit chain");
}

#[tokio::test]
async fn a_system_without_a_description_uses_no_data() {
    let mut bench = bench().await;
    bench.work();
    bench.change("newsletter", |stored| stored.system = Some("other".into())).await;
    let id = bench.sends_notice(ADA, NoticeAnswer::OptOut).await;
    let view = bench.done(&id).await;
    assert_eq!(statuses(&view), ["not-applicable"]);
    assert!(view.outcome.unwrap().to_string().contains("shares no data use with system `other`"));
}
