//! The running program and the template that ships for Fides: what Fides sends, and what it concludes.

use std::time::{Duration, Instant};

use iterable_stand_in::Fault;
use serde_json::{Value, json};
use test_support::eventually;
use xtask::fides_template::Ending;

use super::{
    Serving,
    fides_client::{Fides, Poll, PrivacyRequest},
    operator::Operator,
    with_service,
};

/// A running service with the connection `newsletter`, and a Fides whose key can submit and look, and nothing else.
pub(super) struct Setup {
    operator: Operator,
    serving: Serving,
    pub(super) fides: Fides,
    keys: Keys,
}

/// API keys.
struct Keys {
    /// The one that docs/fides.md recommends.
    fides: String,
    /// One that may do everything.
    operator: String,
}

impl Keys {
    /// Creates them. That of Fides has these options beside the recommended ones.
    async fn created(operator: &Operator, more: &[&str]) -> Self {
        let mut create = vec!["api-key", "create", "--name", "fides", "--tenant", "acme"];
        create.extend(["--connection", "newsletter"]);
        for scope in ["requests:read", "requests:write", "consent:write", "connections:read"] {
            create.extend(["--scope", scope]);
        }
        create.extend(more);
        let key = async |create: &[&str]| operator.run(create).await.out.trim().to_owned();
        Self { fides: key(&create).await, operator: key(&["api-key", "create", "--name", "operator"]).await }
    }
}

const ADA: &str = "ada@example.com";
const CHANNEL: &[(&str, &str)] = &[("about", "item"), ("target", "channel:6539")];
/// The template's default, a notice with the key `marketing`.
const NOTICE: &[(&str, &str)] = &[];

pub(super) fn by_email<'a>(id: &'a str, identities: &'a [(&'a str, &'a str)]) -> PrivacyRequest<'a> {
    PrivacyRequest { id, identities }
}

impl Setup {
    async fn new() -> Self {
        Self::with(CHANNEL).await
    }

    async fn with(parameters: &[(&'static str, &str)]) -> Self {
        let operator = Operator::new().await;
        with_service(&operator);
        let keys = Keys::created(&operator, &[]).await;
        Self::started(operator, keys, Ending::Polled, parameters)
    }

    /// With the callback variant of the template, which has the service call back to `platform`, a `host:port`.
    pub(super) async fn called_back(platform: &str) -> Self {
        let operator = Operator::new().await;
        with_service(&operator);
        let keys = Keys::created(&operator, &["--callback-host", platform]).await;
        let url = format!("http://{platform}/api/v1/request-task/callback");
        Self::started(operator, keys, Ending::CalledBack, &[CHANNEL, &[("callback_url", &url)]].concat())
    }

    fn started(operator: Operator, keys: Keys, ending: Ending, parameters: &[(&'static str, &str)]) -> Self {
        let mut serving = Serving::start(&operator);
        // A pipe that no one reads fills up and blocks the service.
        let mut log = serving.child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let secrets = [("domain", "unused"), ("connection", "newsletter"), ("api_key", &*keys.fides)];
        let fides = Fides::new(ending, &serving.address, &[&secrets[..], parameters].concat());
        Self { operator, serving, fides, keys }
    }

    /// The same service, and Fides with these parameters.
    fn fides_with(&self, parameters: &[(&'static str, &str)]) -> Fides {
        let secrets = [("domain", "unused"), ("connection", "newsletter"), ("api_key", &*self.keys.fides)];
        Fides::new(Ending::Polled, &self.serving.address, &[&secrets[..], parameters].concat())
    }

    /// Restarts the service a minute later, when the vendor shows what was written.
    async fn restarted(self) -> Self {
        self.sql("UPDATE choices SET chosen_at = chosen_at - 60000").await;
        self.pass(60).await;
        let Self { operator, serving, keys, .. } = self;
        drop(serving);
        Self::started(operator, keys, Ending::Polled, CHANNEL)
    }

    /// Makes a person known to the vendor.
    pub(super) fn seed(&self, email: &str) {
        self.operator.stand_in.with_project(|project| project.seed(Some(email), None, None));
    }

    /// Lets the vendor's time pass, and has the service look at its open requests now. An attempt under way is awaited
    /// first: one whose answer is stored later than this waits by the machine's clock.
    pub(super) async fn pass(&self, seconds: u64) {
        let under_way =
            async || self.count("SELECT count(*) FROM open_requests WHERE state = 'running'").await;
        eventually("no attempt is under way", under_way, |count| *count == 0).await;
        self.operator.stand_in.clock().advance(Duration::from_secs(seconds));
        self.sql("UPDATE open_requests SET next_at = 0 WHERE state = 'waiting'").await;
        self.sql("UPDATE people SET settled_at = 0").await;
    }

    /// Waits until the vendor has been asked this often to erase someone.
    pub(super) async fn vendor_is_asked(&self, times: usize) {
        let asked = async || self.received("POST", "/api/users/forget");
        eventually("the vendor is asked", asked, |count| *count == times).await;
    }

    /// Lets the time pass after which the vendor shows that a person is gone, and awaits the poll that finds it.
    async fn is_proven(&self, id: &str) {
        self.pass(660).await;
        let poll = async || self.fides.poll(id).await;
        let _proven = eventually("it is proven", poll, |poll| *poll == Ok(Poll::Complete)).await;
    }

    /// Sends a request with a key that may do everything.
    async fn act(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let client = host_harness::egress::client(&[]).unwrap().build().unwrap();
        let url = format!("http://{}{path}", self.serving.address);
        let request = client.request(method, url).bearer_auth(&self.keys.operator);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    /// Registers the notice, and maps the channel to it.
    async fn map_notice(&self) {
        let uses = json!(["marketing.advertising"]);
        let notice = json!({"id": "n-1", "notice_key": "marketing", "name": "Marketing", "data_uses": uses,
            "enforcement_level": "system_wide"});
        self.act(reqwest::Method::PUT, "/api/v1/tenants/acme/notices/n-1", &notice).await;
        let items = "/api/v1/plus/connection/newsletter/consentable-items";
        let mut mapping = self.act(reqwest::Method::GET, items, &json!({})).await;
        let channels = mapping.as_array_mut().unwrap().iter_mut();
        channels
            .filter(|item| item["external_id"] == "6539")
            .for_each(|item| item["notice_id"] = json!("n-1"));
        self.act(reqwest::Method::PUT, items, &mapping).await;
    }

    pub(super) async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.database().await).await.unwrap();
    }

    pub(super) async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&mut self.database().await).await.unwrap()
    }

    async fn database(&self) -> sqlx::AnyConnection {
        sqlx::any::install_default_drivers();
        let file = self.operator.config().with_file_name("connector-host.db");
        let address = format!("sqlite:{}", file.display());
        <sqlx::AnyConnection as sqlx::Connection>::connect(&address).await.unwrap()
    }

    /// How many requests of this method and path the vendor received.
    pub(super) fn received(&self, method: &str, part: &str) -> usize {
        let requests = self.operator.stand_in.requests();
        requests.iter().filter(|request| request.method == method && request.line().contains(part)).count()
    }
}

fn no() -> Fault {
    Fault::Answer(400, json!({"code": "BadParams", "msg": "no"}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_test_in_fides_fails_if_the_vendor_refuses_the_key_and_succeeds_if_it_does_not() {
    let setup = Setup::new().await;
    assert_eq!(setup.fides.test().await, Ok(()));
    setup.operator.stand_in.fault(Fault::Answer(401, json!({"code": "BadApiKey", "msg": "no"})), "*", 100);
    let failed = setup.fides.test().await.unwrap_err();
    assert_eq!(failed.status, Some(424), "{failed:?}");
    assert_eq!(setup.fides.waits.lock().len(), 0, "a status that Fides does not repeat");
    let other = setup.fides_with(&[("api_key", "chk_wrong")]);
    assert_eq!(other.test().await.unwrap_err().status, Some(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_complete_in_fides_once_it_is_proven() {
    let setup = Setup::new().await;
    setup.seed(ADA);
    let person = [("email", ADA)];
    let id = setup.fides.erase(&by_email("pri_1", &person)).await.unwrap();
    assert_eq!(
        setup.fides.erase(&by_email("pri_1", &person)).await,
        Ok(id.clone()),
        "one Fides request is one of ours"
    );
    setup.vendor_is_asked(1).await;
    assert_eq!(setup.fides.poll(&id).await, Ok(Poll::NotReady));
    setup.is_proven(&id).await;
    assert_eq!(setup.received("POST", "/api/users/forget"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_look_for_the_proof_is_eleven_minutes_after_the_vendor_accepted() {
    let setup = Setup::new().await;
    setup.seed(ADA);
    setup.fides.erase(&by_email("pri_1", &[("email", ADA)])).await.unwrap();
    let accepted = "SELECT count(*) FROM open_requests WHERE state = 'waiting' AND step = 'confirm'";
    let accepted = async || setup.count(accepted).await;
    eventually("the vendor has accepted it", accepted, |count| *count == 1).await;
    let after = "SELECT r.next_at - a.ended_at FROM open_requests r JOIN attempts a ON a.request = r.seq";
    let after = setup.count(after).await;
    // Sooner, a look finds the person still there, and the next one is ten minutes later.
    assert!((660_000..665_000).contains(&after), "{after} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_some_identifiers_is_taken_by_those_that_fides_has() {
    let setup = Setup::new().await;
    let person = [("email", ADA), ("phone_number", "+15550100")];
    assert!(setup.fides.erase(&by_email("pri_1", &person)).await.is_ok(), "external_id is null");
    let nobody = setup.fides.erase(&by_email("pri_2", &[])).await.unwrap_err();
    assert_eq!(nobody.status, Some(400), "{nobody:?}");
    let unusable = setup.fides.erase(&by_email("pri_3", &[("external_id", "u-1")])).await.unwrap_err();
    assert_eq!(unusable.status, Some(422), "an email project: {unusable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_failed_is_an_error_at_each_poll_until_an_operator_replays_it() {
    let setup = Setup::new().await;
    setup.seed(ADA);
    setup.operator.stand_in.fault(no(), "POST /api/users/forget", 1);
    let id = setup.fides.erase(&by_email("pri_1", &[("email", ADA)])).await.unwrap();
    let poll = async || setup.fides.poll(&id).await;
    let failed = eventually("it ends", poll, Result::is_err).await.unwrap_err();
    assert_eq!(failed.status, Some(409), "{failed:?}");
    let retried = setup.fides.poll(&id).await.unwrap_err();
    assert_eq!(retried.status, Some(409), "a poll changes nothing: {retried:?}");
    assert_eq!(setup.received("POST", "/api/users/forget"), 1);
    setup.act(reqwest::Method::POST, &format!("/api/v1/requests/{id}/replay"), &json!({})).await;
    setup.vendor_is_asked(2).await;
    assert_eq!(setup.fides.poll(&id).await, Ok(Poll::NotReady), "the retry after the replay");
    setup.is_proven(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_is_skipped_is_an_error_or_complete_as_the_template_says() {
    let setup = Setup::new().await;
    // The connector cannot put it into a path, so it cannot find a person by it.
    let person = [("email", "..")];
    let id = setup.fides.erase(&by_email("pri_1", &person)).await.unwrap();
    let skipped = async || setup.count("SELECT count(*) FROM requests WHERE state = 'skipped'").await;
    eventually("it is skipped", skipped, |count| *count == 1).await;
    let failed = setup.fides.poll(&id).await.unwrap_err();
    assert_eq!(failed.status, Some(409), "the default: {failed:?}");
    for (parameter, expected) in [("error", Err(Some(409))), ("complete", Ok(Poll::Complete))] {
        let fides = setup.fides_with(&[("skipped", parameter)]);
        let poll = fides.poll(&id).await.map_err(|failed| failed.status);
        assert_eq!(poll, expected, "skipped: {parameter}");
    }
    assert_eq!(setup.received("POST", "/api/users/forget"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_and_the_opt_in_after_it_both_reach_the_vendor_before_fides_says_so() {
    let setup = Setup::new().await;
    setup.seed(ADA);
    let person = [("email", ADA)];
    assert_eq!(setup.fides.consent("opt_out", &by_email("pri_1", &person)).await.unwrap().status, 200);
    assert_eq!(setup.received("DELETE", "/messageChannel/6539/"), 1);
    let setup = setup.restarted().await;
    let opted_in = setup.fides.consent("opt_in", &by_email("pri_2", &person)).await.unwrap();
    assert_eq!(opted_in.status, 200);
    assert_eq!(setup.received("PATCH", "/messageChannel/6539/"), 1);
    let retried = setup.fides.consent("opt_in", &by_email("pri_2", &person)).await;
    assert_eq!(retried, Ok(opted_in), "a retry is the same request");
    assert_eq!(setup.received("PATCH", "/messageChannel/6539/"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_was_not_carried_out_is_an_error_in_fides() {
    let setup = Setup::new().await;
    setup.seed(ADA);
    setup.operator.stand_in.fault(no(), "*", 1);
    let person = [("email", ADA)];
    let failed = setup.fides.consent("opt_out", &by_email("pri_1", &person)).await.unwrap_err();
    assert_eq!(failed.status, Some(409), "{failed:?}");
    let retried = setup.fides.consent("opt_out", &by_email("pri_1", &person)).await.unwrap();
    assert_eq!(retried.status, 200, "a retry replays it");

    let person = [("email", "bob@example.com")];
    setup.seed("bob@example.com");
    let id = setup.fides.erase(&by_email("pri_2", &person)).await.unwrap();
    setup.vendor_is_asked(1).await;
    setup.is_proven(&id).await;
    let forgotten = setup.fides.consent("opt_in", &by_email("pri_3", &person)).await.unwrap_err();
    assert_eq!(forgotten.status, Some(409), "a consent undoes no erasure: {forgotten:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_behind_an_erasure_is_a_success_in_fides_at_once_and_refused_after_it() {
    let setup = Setup::new().await;
    setup.seed(ADA);
    let person = [("email", ADA)];
    let id = setup.fides.erase(&by_email("pri_1", &person)).await.unwrap();
    setup.vendor_is_asked(1).await;
    let begun = Instant::now();
    let held = setup.fides.consent("opt_in", &by_email("pri_2", &person)).await.unwrap();
    let why = "an erasure of the same person, which has to be proven first";
    assert_eq!((held.status, &held.json["held_back_by"]), (202, &json!(why)), "{held:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "it did not wait as long as the template asks");
    setup.is_proven(&id).await;
    let refused = "SELECT count(*) FROM requests WHERE action = 'consent' AND state = 'done' \
                   AND outcome LIKE '%refused%'";
    let refused = async || setup.count(refused).await;
    eventually("it is refused", refused, |count| *count == 1).await;
    assert_eq!(setup.received("PATCH", "/messageChannel/6539/"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_about_a_notice_reaches_the_vendor_at_the_item_that_stands_for_it() {
    let setup = Setup::with(NOTICE).await;
    setup.seed(ADA);
    setup.map_notice().await;
    let opted_out = setup.fides.consent("opt_out", &by_email("pri_1", &[("email", ADA)])).await.unwrap();
    assert_eq!(opted_out.status, 200, "{opted_out:?}");
    assert_eq!(setup.received("DELETE", "/messageChannel/6539/"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_no_one_made_known_is_an_error_in_fides_at_once() {
    let setup = Setup::with(NOTICE).await;
    let refused = setup.fides.consent("opt_out", &by_email("pri_1", &[("email", ADA)])).await.unwrap_err();
    assert_eq!(refused.status, Some(422), "{refused:?}");
    assert!(refused.detail.starts_with("there is no notice `marketing`"), "{refused:?}");
    assert_eq!(setup.operator.stand_in.requests().len(), 0);
}
