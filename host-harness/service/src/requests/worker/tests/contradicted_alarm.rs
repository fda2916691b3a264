use host_store::alarms::Alarm;

use super::*;

#[tokio::test]
async fn the_alarm_about_a_contradicted_outcome_ends_when_the_last_of_its_requests_expires() {
    let bench = Bench::new().await;
    let first = bench.erase("ada@example.com").await;
    bench.pass(Duration::from_hours(5 * 24));
    let second = bench.erase("bob@example.com").await;
    write(&bench.parts.store, |tx| {
        Box::pin(async move {
            let contradicted =
                "UPDATE open_requests SET contradicted_by = 'sha256:00', next_at = 9223372036854775807";
            sqlx::query(contradicted).execute(&mut *tx).await?;
            let (about, detail) = ("newsletter", "contradicted");
            let alarm =
                Alarm { tenant: "acme", connection: Some(about), kind: contradicted::ALARM, about, detail };
            alarms::raise(tx, 1, &alarm).await
        })
    })
    .await;
    for (id, open) in [(&first, 1), (&second, 0)] {
        bench.pass(Duration::from_hours(21 * 24));
        bench.look_after().await;
        assert_eq!(bench.view(id).await.state, RequestState::Expired);
        let alarms = alarms_about(&bench, contradicted::ALARM, "newsletter").await;
        assert_eq!(alarms, [("contradicted".to_owned(), open)], "open while one still waits");
    }
}
