//! The running program and the template that ships for Fides: what Fides sends, and what it concludes.

use iterable_stand_in::Fault;
use serde_json::json;
use test_support::eventually;

use super::{
    Serving,
    fides_client::{Fides, Poll, PrivacyRequest, RequestFailed},
    operator::Operator,
    with_service,
};

/// A running service with the connection `newsletter`, and a Fides whose key can submit and look, and nothing else.
struct Setup {
    operator: Operator,
    serving: Serving,
    fides: Fides,
    key: String,
}

const ADA: &str = "ada@example.com";
const CHANNEL: &[(&str, &str)] = &[("about", "item"), ("target", "channel:6539")];

fn by_email<'a>(id: &'a str, identities: &'a [(&'a str, &'a str)]) -> PrivacyRequest<'a> {
    PrivacyRequest { id, identities }
}

impl Setup {
    async fn new() -> Self {
        Self::with(CHANNEL).await
    }

    async fn with(parameters: &[(&'static str, &str)]) -> Self {
        let operator = Operator::new().await;
        with_service(&operator);
        let create = [
            "api-key",
            "create",
            "--name",
            "fides",
            "--tenant",
            "acme",
            "--connection",
            "newsletter",
            "--scope",
            "requests:read",
            "--scope",
            "requests:write",
            "--scope",
            "consent:write",
            "--scope",
            "connections:read",
        ];
        let key = operator.run(&create).await.out.trim().to_owned();
        Self::started(operator, key, parameters)
    }

    fn started(operator: Operator, key: String, parameters: &[(&'static str, &str)]) -> Self {
        let mut serving = Serving::start(&operator);
        // A pipe that no one reads fills up and blocks the service.
        let mut log = serving.child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let secrets = [("domain", "unused"), ("connection", "newsletter"), ("api_key", &*key)];
        let fides = Fides::new(&serving.address, &[&secrets[..], parameters].concat());
        Self { operator, serving, fides, key }
    }

    /// Restarts the service a minute later, when the vendor shows what was written.
    async fn restarted(self) -> Self {
        self.sql("UPDATE choices SET chosen_at = chosen_at - 60000").await;
        self.pass(60).await;
        let Self { operator, serving, key, .. } = self;
        drop(serving);
        Self::started(operator, key, CHANNEL)
    }

    /// Lets the vendor's time pass, and has the service look at its open requests now. An attempt under way is awaited
    /// first: one whose answer is stored later than this waits by the machine's clock.
    async fn pass(&self, seconds: u64) {
        let under_way =
            async || self.count("SELECT count(*) FROM open_requests WHERE state = 'running'").await;
        eventually("no attempt is under way", under_way, |count| *count == 0).await;
        self.operator.stand_in.clock().advance(std::time::Duration::from_secs(seconds));
        self.sql("UPDATE open_requests SET next_at = 0 WHERE state = 'waiting'").await;
        self.sql("UPDATE people SET settled_at = 0").await;
    }

    async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.database().await).await.unwrap();
    }

    async fn count(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(&mut self.database().await).await.unwrap()
    }

    async fn database(&self) -> sqlx::AnyConnection {
        sqlx::any::install_default_drivers();
        let file = self.operator.config().with_file_name("connector-host.db");
        let address = format!("sqlite:{}", file.display());
        <sqlx::AnyConnection as sqlx::Connection>::connect(&address).await.unwrap()
    }

    /// The requests that the vendor received, as `METHOD /path`.
    fn received(&self, method: &str, part: &str) -> usize {
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
    assert_eq!(failed.status, 424, "neither a success nor a status that Fides tries again: {failed:?}");
    let other = Fides::new(&setup.serving.address, &[("connection", "newsletter"), ("api_key", "chk_wrong")]);
    assert_eq!(other.test().await.unwrap_err().status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_complete_in_fides_once_it_is_proven() {
    let setup = Setup::new().await;
    setup.operator.stand_in.with_project(|project| project.seed(Some(ADA), None, None));
    let person = [("email", ADA)];
    let id = setup.fides.erase(&by_email("pri_1", &person)).await.unwrap();
    assert_eq!(
        setup.fides.erase(&by_email("pri_1", &person)).await,
        Ok(id.clone()),
        "one Fides request is one of ours"
    );
    let accepted = async || setup.received("POST", "/api/users/forget");
    eventually("the vendor is asked", accepted, |count| *count == 1).await;
    assert_eq!(setup.fides.poll(&id).await, Ok(Poll::NotReady));
    setup.pass(660).await;
    let poll = async || setup.fides.poll(&id).await;
    let _proven = eventually("it is proven", poll, |poll| *poll == Ok(Poll::Complete)).await;
    assert_eq!(setup.received("POST", "/api/users/forget"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_some_identifiers_is_taken_by_those_that_fides_has() {
    let setup = Setup::new().await;
    let person = [("email", ADA), ("phone_number", "+15550100")];
    assert!(setup.fides.erase(&by_email("pri_1", &person)).await.is_ok(), "external_id is null");
    let nobody = setup.fides.erase(&by_email("pri_2", &[])).await.unwrap_err();
    assert_eq!(nobody.status, 400, "{nobody:?}");
    let unusable = setup.fides.erase(&by_email("pri_3", &[("external_id", "u-1")])).await.unwrap_err();
    assert_eq!(unusable.status, 422, "an email project: {unusable:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_failed_ends_in_fides_and_a_retry_there_puts_it_back_in_the_queue() {
    let setup = Setup::new().await;
    setup.operator.stand_in.with_project(|project| project.seed(Some(ADA), None, None));
    setup.operator.stand_in.fault(no(), "POST /api/users/forget", 1);
    let person = [("email", ADA)];
    let id = setup.fides.erase(&by_email("pri_1", &person)).await.unwrap();
    let poll = async || setup.fides.poll(&id).await;
    let failed = eventually("it ends", poll, Result::is_err).await.unwrap_err();
    assert_eq!(failed.status, 409, "{failed:?}");
    assert_eq!(setup.fides.erase(&by_email("pri_1", &person)).await, Ok(id.clone()), "the same request");
    let again = async || setup.received("POST", "/api/users/forget");
    eventually("the vendor is asked again", again, |count| *count == 2).await;
    assert_eq!(setup.fides.poll(&id).await, Ok(Poll::NotReady));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_and_the_opt_in_after_it_both_reach_the_vendor_before_fides_says_so() {
    let setup = Setup::new().await;
    setup.operator.stand_in.with_project(|project| project.seed(Some(ADA), None, None));
    let person = [("email", ADA)];
    assert_eq!(setup.fides.consent("opt_out", &by_email("pri_1", &person)).await, Ok(()));
    assert_eq!(setup.received("DELETE", "/messageChannel/6539/"), 1);
    let setup = setup.restarted().await;
    assert_eq!(setup.fides.consent("opt_in", &by_email("pri_2", &person)).await, Ok(()));
    assert_eq!(setup.received("PATCH", "/messageChannel/6539/"), 1);
    assert_eq!(
        setup.fides.consent("opt_in", &by_email("pri_2", &person)).await,
        Ok(()),
        "a retry is the same request"
    );
    assert_eq!(setup.received("PATCH", "/messageChannel/6539/"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_was_not_carried_out_is_an_error_in_fides() {
    let setup = Setup::new().await;
    setup.operator.stand_in.with_project(|project| project.seed(Some(ADA), None, None));
    setup.operator.stand_in.fault(no(), "*", 1);
    let person = [("email", ADA)];
    let failed = setup.fides.consent("opt_out", &by_email("pri_1", &person)).await.unwrap_err();
    assert_eq!(failed.status, 409, "{failed:?}");
    assert_eq!(
        setup.fides.consent("opt_out", &by_email("pri_1", &person)).await,
        Ok(()),
        "a retry replays it"
    );

    let person = [("email", "bob@example.com")];
    setup.operator.stand_in.with_project(|project| project.seed(Some("bob@example.com"), None, None));
    let id = setup.fides.erase(&by_email("pri_2", &person)).await.unwrap();
    let asked = async || setup.received("POST", "/api/users/forget");
    eventually("the vendor is asked", asked, |count| *count == 1).await;
    setup.pass(660).await;
    let poll = async || setup.fides.poll(&id).await;
    let _proven = eventually("it is proven", poll, |poll| *poll == Ok(Poll::Complete)).await;
    let forgotten = setup.fides.consent("opt_in", &by_email("pri_3", &person)).await.unwrap_err();
    assert_eq!(forgotten.status, 409, "a consent undoes no erasure: {forgotten:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_no_one_made_known_is_an_error_in_fides_at_once() {
    let setup = Setup::with(&[("about", "notice"), ("target", "marketing")]).await;
    let refused = setup.fides.consent("opt_out", &by_email("pri_1", &[("email", ADA)])).await.unwrap_err();
    let RequestFailed { status, detail } = &refused;
    assert_eq!(*status, 422, "{refused:?}");
    assert!(detail.starts_with("there is no notice `marketing`"), "{refused:?}");
    assert_eq!(setup.operator.stand_in.requests().len(), 0);
}
