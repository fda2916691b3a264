use std::sync::Arc;

use super::*;
use crate::{
    choices,
    grant::KeyReach,
    handle::Store,
    merged,
    requests::{self, NewRequest},
    testing::{Folder, connection_row, new_request, write},
};
use host_model::{
    consent::{
        newest::{Origin, RecordedChoice},
        outbound::Plan,
    },
    contract::consent::{Choice, ItemId},
};

const EMAIL: &str = "email";
const HYBRID: &str = "email user-id";

fn email(address: &str) -> Subject {
    Subject::email(address)
}

fn item() -> ItemId {
    "channel:1".parse().unwrap()
}

/// Creates a store with the connection `newsletter`, whose people are keyed by these kinds, or not yet keyed.
async fn store(folder: &Folder, keyed_by: Option<&'static str>) -> Store {
    let store = folder.store().await;
    connection_row(&store, "acme", "newsletter").await;
    write(&store, move |tx| {
        Box::pin(async move {
            let sql = "UPDATE connections SET identifying = $1";
            Ok(sqlx::query(sql).bind(keyed_by).execute(tx).await.map(drop)?)
        })
    })
    .await;
    store
}

async fn all_names(store: &Store, subject: &Subject) -> Vec<PersonName> {
    SubjectNames::of(&store.person_key("acme").await.unwrap(), subject, &Identifying::AnyKind).identifying
}

/// Returns the person with all of these names, as schema 5 identified people.
async fn known(store: &Store, subject: Subject) -> PersonId {
    let names = all_names(store, &subject).await;
    write(store, move |tx| Box::pin(async move { people::known_as(tx, "newsletter", &names).await })).await
}

/// Returns everyone who is found by one of these names.
async fn found(store: &Store, subject: Subject) -> Vec<PersonId> {
    let names = all_names(store, &subject).await;
    write(store, move |tx| Box::pin(async move { people::found(tx, "newsletter", &names).await })).await
}

async fn stands(store: &Store, person: PersonId, choice: Choice) {
    let stands = RecordedChoice {
        choice,
        chosen_at_ms: 5_000,
        vendor_at_ms: None,
        origin: Origin::Vendor,
        source: "EmailLink".into(),
    };
    write(store, move |tx| {
        Box::pin(async move { choices::record_choice(tx, person, &item(), &stands).await })
    })
    .await;
}

async fn ledger(store: &Store, person: PersonId) -> Vec<(Choice, Origin)> {
    let ledger = write(store, move |tx| Box::pin(async move { choices::ledger(tx, person).await })).await;
    ledger.into_values().map(|recorded| (recorded.choice, recorded.origin)).collect()
}

async fn keyed_by(store: &Store, kinds: &'static str) -> Option<RekeyResult> {
    let keys = store.keys("acme").await.unwrap();
    write(store, move |tx| {
        Box::pin(async move { rekey(tx, &keys, "acme", "newsletter", &Identifying::from(kinds), 9).await })
    })
    .await
}

#[tokio::test]
async fn a_record_that_two_people_shared_becomes_both_with_its_opt_outs_and_without_its_opt_ins() {
    for (choice, expected) in
        [(Choice::OptOut, vec![(Choice::OptOut, Origin::Merged)]), (Choice::OptIn, Vec::new())]
    {
        let folder = Folder::new();
        let store = store(&folder, None).await;
        let shared = known(&store, email("ada@example.com").and("user-id", "u-1")).await;
        assert_eq!(known(&store, email("bob@example.com").and("user-id", "u-1")).await, shared);
        let carol = known(&store, email("carol@example.com").and("user-id", "u-2")).await;
        stands(&store, carol, Choice::OptIn).await;
        stands(&store, shared, choice).await;
        let opt_ins_dropped = u64::from(choice == Choice::OptIn);
        assert_eq!(keyed_by(&store, EMAIL).await, Some(RekeyResult { split: 1, people: 2, opt_ins_dropped }));
        let [ada] = found(&store, email("ada@example.com")).await[..] else { panic!() };
        let [bob] = found(&store, email("bob@example.com")).await[..] else { panic!() };
        assert_ne!(ada, bob);
        for person in [ada, bob] {
            assert_eq!(ledger(&store, person).await, expected);
            let is_to_be_read =
                write(&store, move |tx| Box::pin(async move { people::is_to_be_read(tx, person).await }));
            assert_eq!(is_to_be_read.await, choice == Choice::OptIn);
        }
        // Nothing changes for a person who shares no name.
        assert_eq!(found(&store, email("carol@example.com")).await, [carol]);
        assert_eq!(ledger(&store, carol).await, [(Choice::OptIn, Origin::Vendor)]);
        assert!(found(&store, Subject::default().and("user-id", "u-1")).await.is_empty());
        let merged =
            write(&store, |tx| Box::pin(async move { merged::merged(tx, &KeyReach::default()).await }));
        let [listed] = &merged.await[..] else { panic!() };
        assert_eq!((listed.records, listed.people, listed.identifying.as_str()), (1, 2, EMAIL));
        assert_eq!(keyed_by(&store, EMAIL).await, None, "once");
    }
}

#[tokio::test]
async fn a_shared_name_is_erased_no_more_and_a_persons_own_stays_erased() {
    let folder = Folder::new();
    let store = store(&folder, None).await;
    let (dan, eve) =
        (email("dan@example.com").and("user-id", "u-1"), email("eve@example.com").and("user-id", "u-1"));
    let person = known(&store, dan.clone()).await;
    let names = all_names(&store, &dan).await;
    write(&store, move |tx| {
        Box::pin(async move {
            people::erases(tx, "newsletter", "r-1", &names).await?;
            people::erased(tx, "r-1", person, 7).await
        })
    })
    .await;
    known(&store, eve).await;
    keyed_by(&store, EMAIL).await;
    for (address, erased) in [("dan@example.com", true), ("eve@example.com", false)] {
        let names = all_names(&store, &email(address)).await;
        let is_erased = write(&store, move |tx| {
            Box::pin(async move { people::is_erased(tx, "newsletter", &names).await })
        });
        assert_eq!(is_erased.await, erased, "{address}");
    }
    // No attribute of an erased person is kept.
    let shared = all_names(&store, &Subject::default().and("user-id", "u-1")).await;
    let with = write(&store, move |tx| {
        Box::pin(async move { attributes::people_with(tx, "newsletter", &shared, 9).await })
    });
    assert_eq!(with.await, found(&store, email("eve@example.com")).await);
}

#[tokio::test]
async fn people_of_a_hybrid_project_who_share_nothing_stay_one_person() {
    let folder = Folder::new();
    let store = store(&folder, None).await;
    let ada = known(&store, email("ada@example.com").and("user-id", "u-1")).await;
    stands(&store, ada, Choice::OptIn).await;
    assert_eq!(keyed_by(&store, HYBRID).await, Some(RekeyResult::default()));
    assert_eq!(found(&store, email("ada@example.com").and("user-id", "u-1")).await, [ada]);
    assert_eq!(ledger(&store, ada).await, [(Choice::OptIn, Origin::Vendor)]);
}

#[tokio::test]
async fn an_attribute_that_identifies_from_now_on_names_the_one_person_who_has_it_and_none_of_several() {
    let folder = Folder::new();
    let store = store(&folder, Some(EMAIL)).await;
    let keys = store.keys("acme").await.unwrap();
    for (address, id) in [("ada@example.com", "u-1"), ("bob@example.com", "u-2"), ("eve@example.com", "u-2")]
    {
        let (keys, subject) = (keys.clone(), email(address).and("user-id", id));
        write(&store, move |tx| {
            Box::pin(async move {
                let named = SubjectNames::at(tx, &keys, "newsletter", &subject).await?;
                let person = people::known_as(tx, "newsletter", &named.identifying).await?;
                attributes::note(tx, &keys.vault, "newsletter", person, &subject, &named).await
            })
        })
        .await;
    }
    keyed_by(&store, HYBRID).await;
    let by_id = |id: &str| Subject::default().and("user-id", id);
    assert_eq!(found(&store, by_id("u-1")).await, found(&store, email("ada@example.com")).await);
    assert!(found(&store, by_id("u-2")).await.is_empty());
    assert_ne!(found(&store, email("bob@example.com")).await, found(&store, email("eve@example.com")).await);
    // Back to the previous kinds.
    keyed_by(&store, EMAIL).await;
    assert!(found(&store, by_id("u-1")).await.is_empty());
    assert_eq!(found(&store, email("ada@example.com")).await.len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_not_keyed_finds_no_person() {
    let folder = Folder::new();
    let store = Arc::new(store(&folder, None).await);
    let keys = store.keys("acme").await.unwrap();
    let named = store.write(move |tx| {
        Box::pin(async move {
            SubjectNames::at(tx, &keys, "newsletter", &email("ada@example.com")).await.map(drop)
        })
    });
    let refused = named.await.unwrap_err();
    assert!(matches!(&refused, StoreError::NotKeyed(key) if key == "newsletter"), "{refused}");
}

/// Accepts a request whose details stay readable.
async fn request(store: &Store, id: &'static str, subject: Subject) -> PersonId {
    let keys = store.keys("acme").await.unwrap();
    write(store, move |tx| {
        Box::pin(async move {
            let named = SubjectNames::at(tx, &keys, "newsletter", &subject).await?;
            let person = people::known_as(tx, "newsletter", &named.identifying).await?;
            attributes::note(tx, &keys.vault, "newsletter", person, &subject, &named).await?;
            let (key, data_key) = keys.vault.new_data_key(&key_context(id))?;
            let details = Details { subject, plan: Plan::default(), withheld: None };
            let new = NewRequest {
                sealed_details: details.sealed(&key, id)?,
                data_key,
                at: 1,
                ..new_request(id, "newsletter", person, Action::Erasure)
            };
            requests::insert(tx, &new).await?;
            people::erases(tx, "newsletter", id, &named.identifying).await?;
            Ok(person)
        })
    })
    .await
}

async fn person_of(store: &Store, request: &'static str) -> PersonId {
    let sql = "SELECT o.person FROM open_requests o JOIN requests r ON r.seq = o.seq AND r.person = o.person WHERE r.id = $1";
    PersonId(
        write(store, move |tx| {
            Box::pin(async move { Ok(sqlx::query_scalar(sql).bind(request).fetch_one(tx).await?) })
        })
        .await,
    )
}

#[tokio::test]
async fn open_requests_that_share_an_identifier_are_not_merged_when_it_starts_to_identify() {
    let folder = Folder::new();
    let store = store(&folder, Some(EMAIL)).await;
    let ada = request(&store, "r-1", email("ada@example.com").and("user-id", "u-1")).await;
    let bob = request(&store, "r-2", email("bob@example.com").and("user-id", "u-1")).await;
    keyed_by(&store, HYBRID).await;
    assert_eq!(found(&store, email("ada@example.com")).await, [ada]);
    assert_eq!(found(&store, email("bob@example.com")).await, [bob]);
    assert_eq!((person_of(&store, "r-1").await, person_of(&store, "r-2").await), (ada, bob));
    assert!(
        found(&store, Subject::default().and("user-id", "u-1")).await.is_empty(),
        "it is unknown whose it is"
    );
}

#[tokio::test]
async fn a_request_that_no_longer_names_a_person_stays_with_its_person() {
    let folder = Folder::new();
    let store = store(&folder, Some(HYBRID)).await;
    let ada = known(&store, email("ada@example.com").and("user-id", "u-1")).await;
    assert_eq!(request(&store, "r-1", Subject::default().and("user-id", "u-1")).await, ada);
    keyed_by(&store, EMAIL).await;
    assert_eq!(person_of(&store, "r-1").await, ada, "it still belongs to her");
}

#[tokio::test]
async fn an_erasure_outlives_a_change_of_what_identifies_and_its_way_back() {
    let folder = Folder::new();
    let store = store(&folder, Some(EMAIL)).await;
    let ada = email("ada@example.com");
    let person = known(&store, ada.clone()).await;
    let names = all_names(&store, &ada).await;
    let erased = names.clone();
    write(&store, move |tx| {
        Box::pin(async move {
            people::erases(tx, "newsletter", "r-1", &erased).await?;
            people::erased(tx, "r-1", person, 7).await
        })
    })
    .await;
    for kinds in ["user-id", EMAIL] {
        keyed_by(&store, kinds).await;
    }
    let is_erased =
        write(&store, move |tx| Box::pin(async move { people::is_erased(tx, "newsletter", &names).await }));
    assert!(is_erased.await);
}
