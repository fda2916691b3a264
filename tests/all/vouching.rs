//! The host checks what a guest reports against the requests that it sent.

use connector_tests::{Bench, Reply, Vendor, plugin, spec};
use host_harness::{
    contract::{
        Claim, Subject, TokenOutcome,
        consent::{Change, Choice, Preference},
        erasure::{ErasureStatus, PendingErasure, Receipt},
    },
    sandbox::{CallFailure, CallResult, Calls, FailureKind, Recorder},
};

/// A vendor that answers with the status at the end of the path.
async fn vendor() -> Vendor {
    Vendor::start(|request| async move {
        let status = request.uri.path().rsplit('/').next().and_then(|status| status.parse().ok());
        Reply::new(status.unwrap_or(200), "{}")
    })
    .await
}

/// Returns calls of `guest` that send `requests` and report `outcome`.
async fn calls(guest: &str, vendor: &Vendor, requests: &str, outcome: &str) -> Calls {
    let mut spec = spec(guest, &[("send", requests), ("outcome", outcome)]);
    vendor.allow(&mut spec);
    Bench::default().calls(&plugin(guest).await, &spec)
}

fn ada() -> Subject {
    Subject::email("ada@example.com")
}

fn opt_out() -> Preference {
    let item = "channel:1".parse().unwrap();
    Preference { item, choice: Choice::OptOut, chosen_at_ms: 1, source: "form".to_owned() }
}

/// Returns the outcome that the requests contradict, if any.
fn contradicted<T: std::fmt::Debug>(answer: CallResult<T>) -> Option<Claim> {
    match answer {
        Ok(answer) => {
            answer.unwrap();
            None
        }
        Err(CallFailure { kind: FailureKind::BadAnswer, contradicted: Some(claim), .. }) => Some(claim),
        Err(failure) => panic!("{failure:?}"),
    }
}

/// Asserts that exactly the requests of `suffice` support the outcome of `ask`, and that those of `too_little` contradict
/// it.
async fn row<T: std::fmt::Debug>(
    claim: Claim,
    outcome: &str,
    suffice: &[&str],
    too_little: &[&str],
    ask: impl AsyncFn(Calls) -> CallResult<T>,
) {
    let vendor = vendor().await;
    for (requests, found) in
        suffice.iter().map(|of| (of, None)).chain(too_little.iter().map(|of| (of, Some(claim))))
    {
        let answer = ask(calls("reports", &vendor, requests, outcome).await).await;
        assert_eq!(contradicted(answer), found, "{claim} after {requests:?}");
        // The same outcome with an exemption.
        let exempt = ask(calls("reports_on_trust", &vendor, requests, outcome).await).await;
        assert_eq!(contradicted(exempt), None, "{claim} on trust after {requests:?}");
    }
}

async fn erase(calls: Calls) -> CallResult<Receipt> {
    calls.erase(&ada()).await
}

async fn confirm(calls: Calls) -> CallResult<Vec<Receipt>> {
    calls.confirm(&[PendingErasure { subject: ada(), reference: None }]).await
}

const ANSWERED: &[&str] = &["look:200", "look:500", "act:401"];
const REFUSED_WRITES: &[&str] = &["", "look:200", "act:401", "act:403", "act:429"];

#[tokio::test]
async fn an_accepted_erasure_that_is_confirmed_later_needs_a_write_that_was_received() {
    let received = ["act:202", "act:400", "act:404", "act:409", "act:500", "look:404 act:400"];
    row(Claim::EraseAccepted, "accepted-for-now", &received, REFUSED_WRITES, erase).await;
}

#[tokio::test]
async fn an_erasure_that_is_over_needs_a_completed_write_or_a_look_after_it() {
    let completed = ["act:200", "act:404", "act:410", "act:400 look:404", "act:500 look:200"];
    let unfinished = ["", "look:200", "act:400", "act:500", "look:404 act:409"];
    row(Claim::EraseAccepted, "accepted", &completed, &unfinished, erase).await;
    row(Claim::EraseErased, "erased", &completed, &unfinished, erase).await;
}

#[tokio::test]
async fn what_was_found_at_the_vendor_needs_an_answer() {
    row(Claim::EraseNotFound, "not-found", ANSWERED, &[""], erase).await;
    row(Claim::ConfirmErased, "erased", ANSWERED, &[""], confirm).await;
    row(Claim::ConfirmNotFound, "not-found", ANSWERED, &[""], confirm).await;
    row(Claim::CurrentRead, "unknown", ANSWERED, &[""], async |calls| calls.current(&ada()).await).await;
    row(Claim::CurrentRead, "known", ANSWERED, &[""], async |calls| calls.current(&ada()).await).await;
    let apply = async |calls: Calls| calls.apply(&ada(), &[opt_out()]).await;
    row(Claim::ApplyUnchanged, "unchanged", ANSWERED, &[""], apply).await;
}

#[tokio::test]
async fn what_was_written_needs_a_write() {
    let apply = async |calls: Calls| calls.apply(&ada(), &[opt_out()]).await;
    let failed = ["", "look:200", "act:400", "act:404", "act:500"];
    row(Claim::ApplyApplied, "applied", &["act:200", "act:500 act:302"], &failed, apply).await;
    row(Claim::ApplyPending, "pending", &["act:200", "act:409"], &["", "look:200"], apply).await;
    let install = async |calls: Calls| calls.install_token().await;
    row(Claim::TokenInstalled, "installed", &["act:200"], &failed, install).await;
}

#[tokio::test]
async fn what_reports_no_success_needs_nothing() {
    let vendor = vendor().await;
    let nothing = async |outcome| calls("reports", &vendor, "", outcome).await;
    let report = nothing("refused").await.apply(&ada(), &[opt_out()]).await.unwrap().unwrap();
    assert_eq!(report.items[0].change, Change::Refused);
    assert_eq!(nothing("manual").await.install_token().await.unwrap().unwrap(), TokenOutcome::Manual);
    let receipts = confirm(nothing("accepted").await).await.unwrap().unwrap();
    assert_eq!(receipts[0].status, ErasureStatus::Accepted);
    assert_eq!(vendor.lines(), [""; 0]);
}

#[tokio::test]
async fn a_refused_receipt_of_a_confirmation_does_not_touch_the_others() {
    let vendor = vendor().await;
    let pending = vec![PendingErasure { subject: ada(), reference: None }; 3];
    let calls = calls("reports", &vendor, "", "erased").await;
    let receipts = calls.confirm_each(&pending).await.unwrap().unwrap();
    let claims: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt.as_ref().err().and_then(|failure| failure.contradicted))
        .collect();
    assert_eq!(claims, [Some(Claim::ConfirmErased), None, Some(Claim::ConfirmErased)]);
}

#[tokio::test]
async fn an_answer_about_one_person_of_a_batch_supports_nothing_about_the_others() {
    let vendor = vendor().await;
    let pending = ["ada@example.com", "bob@example.com", "eve@example.com"]
        .map(|email| PendingErasure { subject: Subject::email(email), reference: None });
    let calls = calls("reports", &vendor, "look+ada@example.com:404", "erased").await;
    let receipts = calls.confirm_each(&pending).await.unwrap().unwrap();
    let contradicted = |at: usize| receipts[at].as_ref().err().and_then(|failure| failure.contradicted);
    // The guest reports the second one as accepted only.
    assert_eq!([contradicted(0), contradicted(1), contradicted(2)], [None, None, Some(Claim::ConfirmErased)]);
}

#[tokio::test]
async fn a_contradicted_outcome_names_the_version_what_it_needs_and_what_was_sent() {
    let vendor = vendor().await;
    let calls = calls("reports", &vendor, "look:200 act:403", "erased").await;
    let failure = calls.erase(&ada()).await.unwrap_err();
    assert_eq!(
        failure.detail,
        format!(
            "version {} reported erase-erased, which needs a write that was answered below 400 or with 404 or 410, or an \
             answered write and a read after it; it sent look (read, 200), act (write, 403)",
            calls.plugin().digest()
        )
    );
    assert!(failure.may_have_acted);
}

#[tokio::test]
async fn a_receipt_has_the_record_of_its_call_and_whether_it_named_the_person() {
    let vendor = vendor().await;
    for (requests, names_person) in
        [("act:202", false), ("act+ada@example.com:202", true), ("look+bob@example.com:200 act:202", false)]
    {
        let receipt = erase(calls("reports", &vendor, requests, "erased").await).await.unwrap().unwrap();
        let observed = receipt.observed.unwrap();
        assert_eq!(observed.names_person, names_person, "{requests}");
        let last = observed.requests.last().unwrap();
        assert_eq!((last.operation.as_str(), last.status), ("act", Some(202)));
        assert!(last.sent_at_ms > 1_700_000_000_000);
        assert_eq!(observed.exempt, []);
    }
    let on_trust = erase(calls("reports_on_trust", &vendor, "look:200", "erased").await).await;
    assert_eq!(on_trust.unwrap().unwrap().observed.unwrap().exempt, [Claim::EraseErased]);
}

#[tokio::test]
async fn the_receipt_of_a_batch_leaves_out_what_was_sent_for_others_only() {
    let vendor = vendor().await;
    let pending = ["ada@example.com", "bob@example.com", "eve@example.com"]
        .map(|email| PendingErasure { subject: Subject::email(email), reference: None });
    let requests = "look:200 look+ada@example.com:404 look+bob@example.com:410";
    let calls = calls("reports", &vendor, requests, "erased").await;
    let receipts = calls.confirm_each(&pending).await.unwrap().unwrap();
    let observed: Vec<_> = receipts.into_iter().map(|receipt| receipt.unwrap().observed.unwrap()).collect();
    let statuses =
        |at: usize| observed[at].requests.iter().filter_map(|sent| sent.status).collect::<Vec<_>>();
    assert_eq!([statuses(0), statuses(1), statuses(2)], [vec![200, 404], vec![200, 410], vec![200]]);
    let named: Vec<_> = observed.iter().map(|of| of.names_person).collect();
    assert_eq!(named, [true, true, false]);
}

/// The wall clock is the machine's.
#[tokio::test]
async fn a_write_that_was_not_answered_is_recorded_and_supports_nothing() {
    let vendor = Vendor::silent().await;
    let mut spec = spec("reports", &[("send", "act:200"), ("outcome", "accepted-for-now")]);
    vendor.allow(&mut spec);
    spec.limits.wall_ms = 1_000;
    let recorder = Recorder::default();
    let calls = Bench::default().calls(&plugin("reports").await, &spec).recorded(recorder.clone());
    let failure = calls.erase(&ada()).await.unwrap_err();
    assert!(failure.may_have_acted, "{failure:?}");
    let statuses: Vec<_> =
        recorder.take().observed.requests.into_iter().map(|sent| (sent.operation, sent.status)).collect();
    assert_eq!(statuses, [("act".to_owned(), None)]);
}

#[tokio::test]
async fn a_record_is_kept_of_a_call_that_failed_too() {
    let vendor = vendor().await;
    let recorder = Recorder::default();
    let calls =
        calls("reports", &vendor, "act+ada@example.com:401", "erased").await.recorded(recorder.clone());
    calls.erase(&ada()).await.unwrap_err();
    let observed = recorder.take().observed;
    assert_eq!((observed.requests[0].status, observed.names_person), (Some(401), true));
    assert_eq!(recorder.take().observed.requests, []);
}
