//! What a mapping shows has changed at the vendor, and what a save would change.

use super::*;
use crate::{consent::mappings::MappingError, who::Who};
use host_model::consent::mapping::{ConsentableItem, MappingFile};

const PUSHED: &str = "6541";

fn of<'a>(items: &'a mut [ConsentableItem], id: &str) -> &'a mut ConsentableItem {
    items.iter_mut().find(|item| item.external_id == id).unwrap()
}

/// Registers a second notice, which reaches the connection.
async fn second_notice(bench: &Bench) {
    let uses = ["marketing".to_owned()].into();
    let notice = Notice {
        id: "n-2".into(),
        key: None,
        name: "Push".into(),
        data_uses: uses,
        enforcement: Enforcement::SystemWide,
    };
    bench.parts.catalogue.put_notice("acme", notice, Who("operator".into())).await.unwrap();
}

#[tokio::test]
async fn a_renamed_item_stays_marked_until_the_mapping_is_saved() {
    let bench = bench().await;
    for look in ["first", "second"] {
        let mut shown = bench.parts.mappings.show("newsletter").await.unwrap();
        let push = of(&mut shown, PUSHED);
        assert_eq!(push.renamed_from.as_deref(), Some("Push (Push)"), "at the {look} look");
        assert_eq!((push.moved_from.as_ref(), push.conflict.as_ref()), (None, None));
        assert_eq!(of(&mut shown, "6539").renamed_from, None);
    }
    let shown = bench.parts.mappings.show("newsletter").await.unwrap();
    let mut saved = bench.parts.mappings.put("newsletter", shown, Who("operator".into())).await.unwrap();
    assert_eq!(of(&mut saved, PUSHED).renamed_from, None);
    let mut shown = bench.parts.mappings.show("newsletter").await.unwrap();
    assert_eq!(of(&mut shown, PUSHED).renamed_from, None);
}

#[tokio::test]
async fn a_preview_counts_the_known_people_for_whom_each_change_matters_and_saves_nothing() {
    let bench = bench_with(&[("acme", "newsletter"), ("acme", "billing")]).await;
    second_notice(&bench).await;
    bench.hears(ADA, "k-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.hears("bob@example.com", "k-2", bench.chosen(PUSH, Choice::OptOut)).await;
    bench.hears("carol@example.com", "k-3", bench.chosen("channel:6540", Choice::OptOut)).await;
    let before = bench.parts.mappings.show("newsletter").await.unwrap();
    let mut wanted = before.clone();
    of(&mut wanted, PUSHED).notice_id = Some("n-2".into());
    of(&mut wanted, "6540").notice_id = Some("n-2".into());
    let preview = bench.parts.mappings.preview("newsletter", wanted.clone()).await.unwrap();
    let changes: Vec<_> =
        preview.changes.iter().map(|change| (change.item.to_string(), &change.before)).collect();
    assert_eq!(changes, [("channel:6540".to_owned(), &None), (PUSH.to_owned(), &Some("n-1".to_owned()))]);
    // The first matters for Carol; the second for Ada too, who opted out of the notice that push leaves.
    assert_eq!(preview.concerned.for_each, [1, 2]);
    assert_eq!(preview.concerned.in_all, 3);
    assert_eq!(bench.parts.mappings.show("newsletter").await.unwrap(), before, "nothing was saved");
    let elsewhere = bench.parts.mappings.preview("billing", wanted.clone()).await.unwrap();
    assert_eq!(elsewhere.concerned.for_each, [0, 0], "nobody is known there");
    let file =
        MappingFile::from_toml("[[item]]\ntype = \"Channel\"\nexternal_id = \"6539\"\nnotice_id = \"n-1\"\n");
    let left = bench.parts.mappings.preview_import("newsletter", file.unwrap()).await.unwrap();
    assert_eq!((left.saved, left.forgotten, left.changes.len(), left.concerned.in_all), (1, 1, 1, 2));
    let unchanged = bench.parts.mappings.preview("newsletter", before).await.unwrap();
    assert_eq!((unchanged.changes.len(), unchanged.concerned.in_all), (0, 0));
    of(&mut wanted, "6539").notice_id = Some("n-3".into());
    let refused = bench.parts.mappings.preview("newsletter", wanted).await.unwrap_err();
    assert!(matches!(&refused, MappingError::Problems(problems) if problems.len() == 1), "{refused}");
}
