//! Tests of opening a database that version 0.1.0 wrote: `tests/fixtures/store-0.1.0`.

use crate::connections::{approval::Approval, publication::Upload};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::connections::publish_error::PublishError;
use crate::{
    plugin_operations::{NewOperation, RunningOperation},
    who::Who,
};
use host_model::{
    contract::{Identifier, Subject},
    plugin_operation::PluginAction,
};
use host_store::{
    PersonName, Tx, alarms,
    audit_chain::{self, ChainCheck},
    authentic, choices, connections,
    grant::KeyReach,
    merged, people,
    person::PersonId,
    requests, restore,
    testing::{person, sql},
};

/// A copy of the fixture, and the facts about it.
struct Fixture {
    folder: tempfile::TempDir,
    facts: Value,
}

impl Fixture {
    fn copied() -> Self {
        let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/store-0.1.0");
        let folder = tempfile::tempdir().unwrap();
        for name in ["host.db", "backup.db", "master.key", "connector-host.toml"] {
            std::fs::copy(original.join(name), folder.path().join(name)).unwrap();
        }
        let facts = std::fs::read_to_string(original.join("facts.json")).unwrap();
        Self { folder, facts: serde_json::from_str(&facts).unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self) -> ConfigFile {
        ConfigFile::read(self.file("connector-host.toml")).unwrap()
    }

    /// Opens the copy with this version. Nothing is carried out.
    async fn opened(&self) -> Upgraded {
        Upgraded(Service::start(self.settings()).await.unwrap())
    }

    fn request(&self, name: &str) -> &str {
        self.facts["requests"][name]["id"].as_str().unwrap()
    }
}

struct Upgraded(Service);

impl Upgraded {
    async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut Tx) -> futures::future::BoxFuture<'c, Result<T, StoreError>> + Send,
    ) -> T {
        self.0.parts.store.read(work).await.unwrap()
    }

    /// Publishes this version's connector, which declares what identifies people.
    async fn publish(&self) {
        let component = std::fs::read(xtask::components::current("iterable").unwrap()).unwrap();
        let operation = self.begin(PluginAction::Publish).await;
        let upload = Upload::new("iterable", component);
        self.0.parts.connections.publish(&operation, upload, Approval::Given).await.unwrap();
    }

    async fn begin(&self, action: PluginAction) -> RunningOperation {
        let (who, plugin) = (Who("test".to_owned()), "iterable".to_owned());
        self.0.parts.operations.begin(NewOperation { who, plugin, action, digest: None }).await.unwrap()
    }

    async fn found(&self, connection: &'static str, kind: &str, value: &str) -> Vec<PersonId> {
        let tenant = self.read(move |c| Box::pin(connections::tenant(c, connection))).await.unwrap();
        let name: PersonName =
            self.0.parts.store.person_key(&tenant).await.unwrap().name(&Identifier::new(kind, value));
        self.read(move |c| Box::pin(async move { people::found(c, connection, &[name]).await })).await
    }

    /// Returns the only person of `newsletter` with this address.
    async fn person(&self, email: &str) -> PersonId {
        let [person] = self.found("newsletter", "email", email).await[..] else { panic!("{email}") };
        person
    }

    /// Returns the recorded choices of this person, as words.
    async fn ledger(&self, person: PersonId) -> Vec<String> {
        let ledger = self.read(move |c| Box::pin(choices::ledger(c, person))).await;
        ledger.into_iter().map(|(item, stands)| format!("{} {item}", stands.choice)).collect()
    }

    async fn person_of(&self, table: &'static str, id: &str) -> PersonId {
        let id = id.to_owned();
        let sql = format!("SELECT person FROM {table} WHERE id = $1");
        let number = self.read(move |c| {
            Box::pin(
                async move { Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(id).fetch_one(c).await?) },
            )
        });
        person(number.await)
    }

    async fn chains(&self) -> Vec<ChainCheck> {
        let vault = self.0.parts.store.vault().clone();
        self.read(|c| Box::pin(async move { audit_chain::verify(c, &vault).await })).await
    }

    async fn alarms(&self) -> Vec<String> {
        let open = self.read(|c| Box::pin(alarms::open(c))).await;
        open.into_iter().map(|alarm| format!("{} {}", alarm.kind, alarm.about)).collect()
    }

    async fn close(self) {
        self.0.parts.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_version_0_1_0_opens_with_its_component_its_keys_and_its_chains() {
    let fixture = Fixture::copied();
    let upgraded = fixture.opened().await;
    let facts = &fixture.facts;
    for (key, _) in facts["connections"].as_object().unwrap() {
        let calls = upgraded.0.parts.served.calls(key).unwrap();
        assert_eq!(facts["plugin"]["digest"], calls.plugin().digest().to_string(), "{key}");
    }
    for (name, is_in_use) in [("platform", true), ("acme", true), ("reader", true), ("revoked", false)] {
        let text = facts["api_keys"][name]["key"].as_str().unwrap().to_owned();
        let holder = upgraded.0.parts.api_keys.holder(text.into_bytes()).await.unwrap();
        assert_eq!(holder.map(|key| key.name), is_in_use.then(|| name.to_owned()));
    }
    let chains = upgraded.chains().await;
    for chain in &chains {
        let kept = facts["audit"]["chains"].as_array().unwrap();
        let kept = kept.iter().find(|kept| kept["tenant"] == chain.tenant).unwrap();
        assert!(chain.broken.is_none() && chain.lines >= kept["lines"].as_i64().unwrap(), "{chain:?}");
    }
    let page = upgraded.0.parts.feed.events_after(&KeyReach::default(), 0, 1_000).await.unwrap();
    assert_eq!(page.events.len(), facts["feed"]["events"].as_array().unwrap().len());
    assert_eq!(page.cursor, facts["feed"]["cursor"].as_i64().unwrap());
    for (name, kept) in facts["requests"].as_object().unwrap() {
        let id = kept["id"].as_str().unwrap().to_owned();
        let view =
            upgraded.read(move |c| Box::pin(async move { requests::show(c, &id).await })).await.unwrap();
        assert_eq!(kept["state"], view.state.as_ref(), "{name}");
    }
    // With a connector of contract 0.1.0, every kind identifies people, so no record is split.
    assert_eq!(upgraded.found("newsletter", "email", "ada@example.com").await, [person(1)]);
    assert_eq!(upgraded.found("newsletter", "email", "bob@example.com").await, [person(1)]);
    upgraded.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_adds_authentication_codes_once_and_later_a_row_without_one_grants_nothing() {
    let fixture = Fixture::copied();
    let upgraded = fixture.opened().await;
    let vault = upgraded.0.parts.store.vault().clone();
    let foreign = upgraded.read(|c| {
        Box::pin(async move {
            Ok([authentic::foreign_rows(c, &vault).await?, authentic::keys_against_chain(c).await?].concat())
        })
    });
    assert_eq!(foreign.await, []);
    let records = host_store::testing::audit_records(&upgraded.0.parts.store, "*").await;
    let added: Vec<_> =
        records.iter().filter(|record| record.contains("audit-chain-authenticated")).collect();
    assert_eq!(added.len(), 1);
    let detail: Value = serde_json::from_str(added[0]).unwrap();
    assert_eq!(detail["detail"]["api-keys"], serde_json::json!(["platform", "acme", "reader"]), "{detail}");
    assert_eq!(detail["detail"]["plugins"], serde_json::json!(["iterable"]), "{detail}");
    sql(&upgraded.0.parts.store, "UPDATE api_keys SET mac = NULL").await;
    upgraded.close().await;

    let again = fixture.opened().await;
    let vault = again.0.parts.store.vault().clone();
    let foreign = again.read(|c| Box::pin(async move { authentic::foreign_rows(c, &vault).await })).await;
    assert_eq!(foreign.len(), 3, "{foreign:?}");
    let records = host_store::testing::audit_records(&again.0.parts.store, "*").await;
    assert_eq!(records.iter().filter(|record| record.contains("audit-chain-authenticated")).count(), 1);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_leaves_a_database_of_version_0_1_0_as_it_is() {
    let fixture = Fixture::copied();
    let wrong = host_store::testing::master_key();
    let refused = Store::open(&fixture.file("host.db"), &wrong).await.unwrap_err();
    assert!(matches!(refused, StoreError::WrongMasterKey), "{refused}");
    fixture.opened().await.close().await;
}

/// Checks that records are split as the fixture's facts say.
async fn assert_separate(fixture: &Fixture, upgraded: &Upgraded) {
    for (connection, kind) in [("newsletter", "email"), ("members", "user-id"), ("paused", "email")] {
        for record in fixture.facts["merged"][connection].as_array().unwrap() {
            let mut people = Vec::new();
            for identifier in record["identifiers"].as_array().unwrap() {
                people.extend(upgraded.found(connection, kind, identifier.as_str().unwrap()).await);
            }
            let count = people.len();
            people.sort();
            people.dedup();
            assert_eq!((people.len(), count), (2, 2), "{connection} {record}");
        }
    }
    let (ada, bob) = (upgraded.person("ada@example.com").await, upgraded.person("bob@example.com").await);
    for person in [ada, bob] {
        let mut stands = upgraded.ledger(person).await;
        stands.sort();
        let opt_outs = ["email-list:56541", "email-list:56545", "message-type:7089", "message-type:7091"]
            .map(|item| format!("opt-out {item}"));
        assert_eq!(stands, opt_outs, "the opt-outs of both and no opt-ins");
        assert!(upgraded.read(move |c| Box::pin(people::is_to_be_read(c, person))).await);
    }
    for (request, person) in
        [("bob-open", bob), ("ada-off-first-list-open", ada), ("ada-off-second-list-open", ada)]
    {
        assert_eq!(upgraded.person_of("requests", fixture.request(request)).await, person, "{request}");
    }
    for event in fixture.facts["feed"]["events"].as_array().unwrap() {
        let email = event["identity_map"]["email"].as_str().unwrap_or_default();
        if event["connection"] == "newsletter" && ["ada@example.com", "bob@example.com"].contains(&email) {
            let of = upgraded.person_of("events", event["id"].as_str().unwrap()).await;
            assert_eq!(of, upgraded.person(email).await, "{event}");
        }
    }
    let tenant = &*upgraded.0.parts.store.person_key("acme").await.unwrap();
    for (email, is_erased) in
        [("dan@example.com", true), ("eve@example.com", false), ("ada@example.com", false)]
    {
        let name = tenant.name(&Identifier::new("email", email));
        let erased = upgraded
            .read(move |c| Box::pin(async move { people::is_erased(c, "newsletter", &[name]).await }))
            .await;
        assert_eq!(erased, is_erased, "{email}");
    }
    let carol = upgraded.ledger(upgraded.person("carol@example.com").await).await;
    assert_eq!(carol, ["opt-out channel:6539", "opt-out channel:6541", "opt-out message-type:7089"]);
    let by_email = upgraded.found("shop", "email", "ivy@example.com").await;
    assert_eq!(
        upgraded.found("shop", "user-id", "u-ivy").await,
        by_email,
        "a person of a hybrid project stays one person"
    );
    let listed =
        upgraded.read(|c| Box::pin(async move { merged::merged(c, &KeyReach::default()).await })).await;
    let counts: Vec<_> =
        listed.iter().map(|one| (one.connection.as_str(), one.records, one.people)).collect();
    assert_eq!(counts, [("members", 1, 2), ("newsletter", 2, 4), ("paused", 1, 2)]);
    for request in ["bob-open", "eve-refused", "ada-off-first-list-open"] {
        let ids = listed.iter().flat_map(|one| &one.request_ids).collect::<Vec<_>>();
        assert!(ids.iter().any(|id| **id == fixture.request(request)), "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_shared_a_record_are_separated_once_a_version_says_what_identifies_them() {
    let fixture = Fixture::copied();
    let upgraded = fixture.opened().await;
    upgraded.publish().await;
    assert_separate(&fixture, &upgraded).await;
    // The previous version treats them as one person again, so rolling back requires approval.
    let operation = upgraded.begin(PluginAction::RollBack).await;
    let refused =
        upgraded.0.parts.connections.roll_back(&operation, "iterable", Approval::Missing).await.unwrap_err();
    assert!(matches!(&refused, PublishError::Rekeys { .. }), "{refused}");
    upgraded.close().await;
    // The split is kept at the next start.
    let again = fixture.opened().await;
    assert_separate(&fixture, &again).await;
    let chains = again.chains().await;
    assert!(chains.iter().all(|chain| chain.broken.is_none()), "{chains:?}");
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_version_0_1_0_is_restored_and_brought_to_this_one() {
    let fixture = Fixture::copied();
    let key = fixture.settings().service.unwrap().master_key;
    restore(
        &fixture.file("backup.db"),
        &fixture.file("host.db"),
        &fixture.file("host.db.erasures"),
        &key,
        host_store::ExistingDatabase::Replace,
    )
    .await
    .unwrap();
    let upgraded = fixture.opened().await;
    upgraded.publish().await;
    assert_separate(&fixture, &upgraded).await;
    upgraded.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_that_was_refused_because_of_another_ones_erasure_is_accepted_after_the_upgrade() {
    use crate::requests::{
        accept::{Repeat, Submission},
        handler::PersonTask,
    };
    use host_model::{
        consent::submitted::SubmittedChoices,
        contract::consent::{Choice, Preference},
    };
    let fixture = Fixture::copied();
    let upgraded = fixture.opened().await;
    upgraded.publish().await;
    let opt_out = Preference {
        item: "channel:6539".parse().unwrap(),
        choice: Choice::OptOut,
        chosen_at_ms: fixture.facts["stopped_at_ms"].as_u64().unwrap(),
        source: "PrivacyCenter".into(),
    };
    let submission = Submission {
        connection: "newsletter".into(),
        subject: Subject::email("eve@example.com").and("user-id", "u-duo"),
        asked: PersonTask::Consent(SubmittedChoices { notices: Vec::new(), items: vec![opt_out.into()] }),
        idempotency_key: None,
        repeat: Repeat::Keep,
        callback: None,
    };
    let accepted = upgraded.0.parts.requests.accept(submission).await.unwrap();
    assert_eq!(accepted.view.outcome.unwrap()["report"][0]["status"], "pending");
    let eve = upgraded.person("eve@example.com").await;
    assert_eq!(upgraded.ledger(eve).await, ["opt-out channel:6539"]);
    upgraded.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_plugin_does_not_load_people_stay_as_they_are_with_an_alarm() {
    let fixture = Fixture::copied();
    {
        let key = fixture.settings().service.unwrap().master_key;
        let store = Store::open(&fixture.file("host.db"), &key).await.unwrap();
        // Damage: the component that the fixture's plugin runs is lost.
        sql(&store, "DELETE FROM components").await;
        store.close().await;
    }
    let upgraded = fixture.opened().await;
    let alarms = upgraded.alarms().await;
    for connection in ["members", "newsletter", "paused", "shop"] {
        assert!(alarms.contains(&format!("people-not-keyed {connection}")), "{alarms:?}");
        let keyed_by = upgraded.read(move |c| Box::pin(connections::keyed_by(c, connection))).await;
        assert_eq!(keyed_by, None, "{connection}");
    }
    assert_eq!(upgraded.person("ada@example.com").await, person(1));
    // Once a version loads, the records are split and the alarms are cleared.
    upgraded.publish().await;
    assert_separate(&fixture, &upgraded).await;
    assert!(!upgraded.alarms().await.iter().any(|alarm| alarm.starts_with("people-not-keyed")));
    upgraded.close().await;
}
