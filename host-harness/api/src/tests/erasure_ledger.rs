//! The erasure ledger of a running service.

use test_support::eventually;

use crate::testing::ApiBench;

const FIRST: &str = "INSERT INTO names (connection, name, kind, person, erased_at) \
                     VALUES ('newsletter', zeroblob(32), 'email', 1, 17)";
const SECOND: &str = "INSERT INTO names (connection, name, kind, person, erased_at) \
                      VALUES ('newsletter', x'0101010101010101010101010101010101010101010101010101010101010101', 'email', 2, 17)";

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_in_the_ledger_soon_and_an_alarm_is_open_while_it_cannot_be_written() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let ledger = bench.file("host.db.erasures");
    let erasures = async || {
        let text = std::fs::read_to_string(&ledger).unwrap_or_default();
        text.lines().filter(|line| line.contains(r#""what":"erasure""#)).count()
    };
    assert_eq!(erasures().await, 0);
    bench.sql(FIRST).await;
    eventually("the first erasure is in the ledger", erasures, |count| *count == 1).await;

    std::fs::remove_file(&ledger).unwrap();
    std::fs::create_dir(&ledger).unwrap();
    bench.sql(SECOND).await;
    let alarms = async || {
        let open = bench.get(&key, "/api/v1/alarms").await.json["alarms"].clone();
        let open = open.as_array().unwrap();
        open.iter().map(|alarm| alarm["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("an alarm is open", alarms, |open| open == &["erasure-ledger-not-written"]).await;
    std::fs::remove_dir(&ledger).unwrap();
    eventually("the alarm is over", alarms, Vec::is_empty).await;
    eventually("both erasures are in the ledger", erasures, |count| *count == 2).await;
    // The next start writes what the database knows, too.
    std::fs::remove_file(&ledger).unwrap();
    let bench = bench.restarted().await;
    eventually("both are in the ledger", erasures, |count| *count == 2).await;
    drop(bench);
}
