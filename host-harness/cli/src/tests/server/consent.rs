use std::time::Duration;
use test_support::eventually;

use iterable_stand_in::{Act, Subscriptions};
use serde_json::{Value, json};

use super::{Exit, Running};

impl Running {
    /// A service with a notice `n-1` and a system `crm` that the connection belongs to.
    async fn with_notice() -> Self {
        let running = Box::pin(Self::connected()).await;
        for words in [
            "notice put n-1 --tenant acme --name News --key news --data-use marketing.advertising",
            "system put crm --tenant acme --name CRM --data-use marketing",
            "system put crm --tenant acme --name CRM --data-use marketing.advertising",
            "connection change newsletter --system crm",
        ] {
            let told = running.run(&words.split(' ').collect::<Vec<_>>()).await;
            assert_eq!((told.exit, told.err.as_str()), (Exit::Done, ""), "{words}");
        }
        running
    }

    /// A service with the mail channel mapped to the notice.
    async fn mapped() -> Self {
        let running = Self::with_notice().await;
        let file = "[[item]]\ntype = \"Channel\"\nexternal_id = \"6539\"\nnotice_id = \"n-1\"\n";
        let told = running.fed(&["mapping", "import", "newsletter", "-"], file).await;
        assert_eq!((told.exit, told.err.as_str()), (Exit::Done, ""));
        running
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_and_systems_are_made_listed_and_deleted() {
    let running = Running::with_notice().await;
    running
        .run(&["notice", "put", "n-2", "--tenant", "acme", "--name", "Own", "--enforcement", "frontend"])
        .await;
    let told = running.run(&["notice", "list", "--tenant", "acme"]).await;
    told.assert_line("n-1 news News marketing.advertising system-wide");
    told.assert_line("n-2 Own frontend");
    let told = running.run(&["system", "list", "--tenant", "acme"]).await;
    told.assert_line("crm CRM marketing.advertising");
    let listed = running.run(&["system", "list", "--tenant", "acme", "--json"]).await.json();
    assert_eq!(
        listed,
        json!({"systems": [{"fides_key": "crm", "name": "CRM", "data_uses": ["marketing.advertising"]}]})
    );
    let told = running.run(&["notice", "delete", "n-2", "--tenant", "acme"]).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Done, "notice n-2 of tenant acme is deleted\n"));
    let told = running.run(&["notice", "delete", "n-2", "--tenant", "acme"]).await;
    assert_eq!(
        (told.exit, told.err.as_str()),
        (Exit::Misused, "error: Not found: there is no notice `n-2`\n")
    );
    let told = running.run(&["system", "delete", "crm", "--tenant", "acme"]).await;
    assert_eq!(told.exit, Exit::Misused);
    assert!(told.err.contains("connection newsletter belongs to system `crm`"), "{}", told.err);
    let listed = running.run(&["notice", "list", "--tenant", "acme", "--json"]).await.json();
    assert_eq!(listed["notices"].as_array().unwrap().len(), 1);
}

/// An earlier version stored such names.
#[tokio::test(flavor = "multi_thread")]
async fn a_notices_name_plays_no_escape_sequence_on_the_terminal_and_adds_no_line() {
    let running = Running::with_notice().await;
    let name = "News\u{1b}]0;owned\u{7}\u{1b}[32m\n\nnext: run this\u{202e}";
    let write = running.parts.store.write(move |tx| {
        Box::pin(async move {
            let mut notice = host_store::notices::all(tx, "acme").await?.remove(0);
            notice.name = name.to_owned();
            host_store::notices::put(tx, "acme", &notice).await
        })
    });
    write.await.unwrap();
    let told = running.run(&["notice", "list", "--tenant", "acme"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(!told.out.contains('\u{202e}') && !told.out.contains('\u{1b}'), "{told:?}");
    // The table wraps it.
    for piece in [r"News\u{1b}]0;owned\u{7}\u{1b}[32m\n\nnext: run", r"this\u{202e}"] {
        assert!(told.out.contains(piece), "{}", told.out);
    }
    let told = running.run(&["notice", "list", "--tenant", "acme", "--json"]).await;
    assert!(told.out.contains(r"\n\nnext: run this\u202e"), "{}", told.out);
    assert_eq!(told.json()["notices"][0]["name"], name);
    let put = ["notice", "put", "n-1", "--tenant", "acme", "--name", name];
    let told = running.run(&put).await;
    assert_eq!(told.exit, Exit::Misused);
    assert_eq!(
        told.err,
        "error: A text is unsuitable: name contains U+001B as its character 5, which is not allowed: it is invisible \
         or changes how the text is shown\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_an_import_shows_what_would_change_and_saves_nothing() {
    let running = Running::mapped().await;
    let file = "[[item]]\ntype = \"Channel\"\nexternal_id = \"6541\"\nnotice_id = \"n-1\"\n";
    let dry = ["mapping", "import", "newsletter", "-", "--dry-run"];
    let told = running.fed(&dry, file).await;
    assert_eq!((told.exit, told.err.as_str()), (Exit::Done, ""));
    let summary = "connection newsletter: nothing is saved; the mapping would have 1 items, forget 1, and change the \
                   notices of 2, which matters for 0 known people\n";
    assert!(told.out.starts_with(summary), "{}", told.out);
    let json = running.fed(&[&dry[..], &["--json"]].concat(), file).await.json();
    let changes: Vec<_> =
        json["changes"].as_array().unwrap().iter().map(|change| change["external_id"].clone()).collect();
    assert_eq!(changes, ["6541", "6539"]);
    assert_eq!(json["changes"][1]["notice_before"], "n-1");
    let exported = running.run(&["mapping", "export", "newsletter"]).await.out;
    assert!(exported.contains("6539") && !exported.contains("6541"), "{exported}");
    let wrong = running.fed(&dry, &file.replace("n-1", "n-2")).await;
    assert_eq!(wrong.exit, Exit::Misused);
    assert!(wrong.err.contains("there is no notice `n-2`"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_notice_is_carried_out_for_its_items() {
    let running = Running::mapped().await;
    running.stand_in.seed("ada@example.com", Some(Subscriptions::default()));
    let consent = ["consent", "newsletter", "--email", "ada@example.com", "--notice", "news=opt-out"];
    let at =
        ["--chosen-at", "2026-01-31T12:00:00Z", "--source", "PrivacyCenter", "--cause", "privacy-center/17"];
    let told = running.run(&[&consent[..], &at, &["--wait", "--json"]].concat()).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert_eq!(
        told.json()["outcome"]["report"][0],
        json!({"notice_id": "n-1", "item": {"kind": "channel", "id": "6539"}, "status": "executed", "why": "the vendor accepted it"})
    );
    // Not by `choices`, which waits a minute of the machine's time until Iterable shows the change.
    let held = running.stand_in.subscriptions("ada@example.com").unwrap();
    assert_eq!(held.unsubscribed_channels, [6539]);
    let unknown =
        running.run(&["consent", "newsletter", "--email", "ada@example.com", "--notice", "news=no"]).await;
    assert_eq!(unknown.exit, Exit::Misused);
    assert!(unknown.err.contains("expected NOTICE=ANSWER"), "{}", unknown.err);
    let late = [&consent[..], &["--chosen-at", "2222-01-31T12:00:00Z"]].concat();
    let late = running.run(&late).await;
    assert_eq!(late.exit, Exit::Misused, "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_goes_out_as_a_file_and_comes_back_in() {
    let running = Running::mapped().await;
    let told = running.run(&["mapping", "show", "newsletter"]).await;
    assert_eq!((told.exit, told.err.as_str()), (Exit::Done, ""));
    let row = told.out.lines().find(|line| line.contains(" 6539 ")).unwrap();
    assert!(row.contains("Channel") && row.contains("n-1") && !row.contains("not saved"), "{}", told.out);
    let other = told.out.lines().find(|line| line.contains("not saved yet")).unwrap();
    assert!(!other.contains("n-1"), "{}", told.out);

    let exported = running.run(&["mapping", "export", "newsletter"]).await;
    assert!(
        exported.out.starts_with("[[item]]\ntype = \"Channel\"\nexternal_id = \"6539\"\n"),
        "{}",
        exported.out
    );
    let file = running.path("mapping.toml");
    let told = running.run(&["mapping", "export", "newsletter", &file]).await;
    assert_eq!(told.out, format!("the mapping of connection newsletter is exported to {file}\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), exported.out);
    let again = running.run(&["mapping", "export", "newsletter", &file]).await;
    assert_eq!(again.exit, Exit::Misused);
    assert!(again.err.starts_with(&format!("error: cannot write {file}: File exists")), "{}", again.err);
    let json = running.run(&["mapping", "export", "newsletter", "--json"]).await.json();
    assert_eq!(json["mapping"]["item"][0]["notice_id"], "n-1");

    let told = running.run(&["mapping", "import", "newsletter", &file]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.out.starts_with("connection newsletter: the mapping is saved\n"), "{}", told.out);
    assert_eq!(running.run(&["mapping", "export", "newsletter"]).await.out, exported.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_breaks_rules_is_refused_with_each_reason_and_its_place() {
    let running = Running::mapped().await;
    let before = running.run(&["mapping", "export", "newsletter"]).await.out;
    let file = "[[item]]\ntype = \"Channel\"\nexternal_id = \"6539\"\nnotice_id = \"n-2\"\n\
                [[item]]\ntype = \"Channel\"\nexternal_id = \"17\"\n";
    let told = running.fed(&["mapping", "import", "newsletter", "-"], file).await;
    assert_eq!((told.exit, told.out.as_str()), (Exit::Misused, ""));
    assert_eq!(
        told.err,
        "error: The mapping is invalid: nothing was saved\n  \
         item 1: Channel 6539: there is no notice `n-2` (did you mean `n-1`?): register it first, or omit notice_id\n  \
         item 2: Channel 17: the vendor does not list this item and it is not saved: list the items again, \
         and copy type and external_id\n"
    );
    let json = running.fed(&["mapping", "import", "newsletter", "-", "--json"], file).await.json();
    assert_eq!(json["error"]["problem"]["errors"][1]["field"], "item 2");
    let told = running.fed(&["mapping", "import", "newsletter", "-"], "[[item]]\nkind = \"Channel\"\n").await;
    assert_eq!(told.exit, Exit::Misused);
    assert!(
        told.err.starts_with("error: -: expected [[item]] tables") && told.err.contains("line 2"),
        "{}",
        told.err
    );
    assert_eq!(running.run(&["mapping", "export", "newsletter"]).await.out, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_are_read_again_become_requests_and_what_they_chose_becomes_events() {
    let running = Running::mapped().await;
    let people =
        "{\"email\": \"ada@example.com\"}\n{\"email\": \"nobody@example.com\"}\n{\"email\": \"..\"}\n";
    let reconcile = ["reconcile", "newsletter", "--people", "-"];
    let ended = async |how_many| {
        let requests = async || {
            let listed = running.run(&["request", "list", "--json"]).await.json();
            listed["requests"].as_array().unwrap().clone()
        };
        let ended = |requests: &Vec<Value>| {
            requests.iter().filter(|request| request["finished_at"].is_number()).count() == how_many
        };
        eventually("as many requests have ended", requests, ended).await
    };
    running.stand_in.seed("ada@example.com", Some(Subscriptions::default()));
    running.fed(&reconcile, people).await;
    ended(3).await;
    running.stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
    // Iterable shows a choice only after a while.
    running.stand_in.clock().advance(Duration::from_hours(1));
    let told = running.fed(&reconcile, people).await;
    assert!(told.out.starts_with("connection newsletter: 3 requests queued, "), "{told:?}");
    assert_eq!(told.exit, Exit::Done);
    let requests = ended(6).await;
    assert_eq!(requests.iter().filter(|request| request["state"] == "skipped").count(), 2);
    let events = running.run(&["consent-events", "--json"]).await.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 2, "{events}");
    assert_eq!(events["events"][0]["preference"], "opt_out");
    let told = running.run(&["consent-events"]).await;
    assert_eq!((told.exit, told.err.as_str()), (Exit::Done, ""));
    let cursor = events["cursor"].as_i64().unwrap();
    let next =
        format!("\nnext: `connector-host consent-events --after {cursor}` lists the events after these\n");
    assert!(told.out.ends_with(&next), "{}", told.out);
    assert!(told.out.contains("opt_out") && told.out.contains("notice n-1"), "{}", told.out);
    let cursor = cursor.to_string();
    let told = running.run(&["consent-events", "--after", &cursor]).await;
    assert!(told.out.starts_with("no new events\n"), "{}", told.out);
    let wrong = running.fed(&["reconcile", "newsletter", "--people", "-"], "ada@example.com\n").await;
    assert_eq!(wrong.exit, Exit::Misused);
    assert!(wrong.err.starts_with("error: --people: line 1: expected "), "{}", wrong.err);
    ended(6).await;
}
