//! A vendor that returns scripted answers and checks every request against the manifest.

use std::collections::VecDeque;

use serde_json::Value;

use crate::{
    http::{Request, Response, SendError, SendErrorKind, Vendor},
    manifest::operation::Operation,
    operations,
    settings::Settings,
    subject::Identifier,
};

pub(crate) fn identifiers(subject: &[(&str, &str)]) -> Vec<Identifier> {
    let identifier =
        |(kind, value): &(&str, &str)| Identifier { kind: (*kind).to_owned(), value: (*value).to_owned() };
    subject.iter().map(identifier).collect()
}

pub(crate) fn settings(pairs: &[(&str, &str)]) -> Settings {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::read(&pairs).unwrap()
}

/// The answers for one call, in the order in which it sends its requests.
pub(crate) struct Script {
    interface: &'static str,
    answers: VecDeque<(&'static str, Result<Response, SendError>)>,
    /// The requests sent.
    pub(crate) sent: Vec<Request>,
    /// The warnings logged.
    pub(crate) warnings: Vec<String>,
}

impl Script {
    /// A script for a call of this interface.
    pub(crate) fn of(interface: &'static str) -> Self {
        Self { interface, answers: VecDeque::new(), sent: Vec::new(), warnings: Vec::new() }
    }

    pub(crate) fn answers(mut self, operation: &'static str, status: u16, body: &str) -> Self {
        let response = Response { status, retry_after_ms: None, body: body.as_bytes().to_vec() };
        self.answers.push_back((operation, Ok(response)));
        self
    }

    pub(crate) fn fails(mut self, operation: &'static str, kind: SendErrorKind, request_sent: bool) -> Self {
        let error = SendError { kind, message: "no answer".to_owned(), request_sent, retry_after_ms: None };
        self.answers.push_back((operation, Err(error)));
        self
    }

    /// Asserts that every answer was used.
    pub(crate) fn done(&self) {
        let left: Vec<_> = self.answers.iter().map(|(operation, _)| operation).collect();
        assert!(left.is_empty(), "unused answers: {left:?}");
    }

    /// The bodies of the requests sent, parsed.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let bodies = self.sent.iter().filter_map(|request| request.body.as_deref());
        bodies.map(|body| serde_json::from_slice(body).unwrap()).collect()
    }
}

impl Vendor for Script {
    fn send(&mut self, request: Request) -> Result<Response, SendError> {
        hold_to_manifest(&request, self.interface);
        let name = request.operation.name;
        self.sent.push(request);
        let Some((expected, answer)) = self.answers.pop_front() else {
            panic!("no answer is scripted for {name}")
        };
        assert_eq!(name, expected, "sent out of order");
        answer
    }

    fn warn(&mut self, message: &str) {
        self.warnings.push(message.to_owned());
    }
}

/// Asserts that the host would not refuse the request.
pub(crate) fn hold_to_manifest(request: &Request, interface: &str) {
    let operation: &Operation = request.operation;
    assert!(operations::ALL.contains(&operation), "{} is not declared", operation.name);
    assert!(operation.used_by.contains(&interface), "{interface} may not send {}", operation.name);
    assert_eq!(request.body.is_some(), operation.content_type.is_some(), "body of {}", operation.name);
    let blanks: Vec<&str> =
        operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    let filled: Vec<&str> = request.values.iter().map(|(name, _)| *name).collect();
    assert_eq!(filled, blanks, "blanks of {}", operation.name);
}

mod whatever_iterable_answers {
    use proptest::prelude::*;

    use super::{hold_to_manifest, identifiers, settings};
    use crate::{
        check,
        consent::{self, Choice, ItemId, Preference},
        erasure::{self, PendingErasure, Status},
        http::{Request, Response, SendError, SendErrorKind},
        token, webhook,
    };

    const PERSON: &str = "somebody@example.com";

    type Answers = Vec<Result<Response, SendError>>;

    fn bodies() -> impl Strategy<Value = Vec<u8>> {
        let known = [
            "{}",
            "",
            "somebody@example.com",
            r#"{"msg":"somebody@example.com","code":"Success"}"#,
            r#"{"msg":"User does not exist. Email: somebody@example.com","code":"BadParams"}"#,
            r#"{"msg":"somebody@example.com","code":"ForgottenUserError"}"#,
            r#"{"code":"NotFound","msg":"Endpoint not found for project: 1"}"#,
            r#"{"code":"somebody@example.com"}"#,
            r#"{"user":{"email":"somebody@example.com","dataFields":{"unsubscribedChannelIds":[1,2]}}}"#,
            r#"{"hashedEmails":[]}"#,
            r#"{"channels":[{"id":1,"name":"M"}]}"#,
            r#"{"messageTypes":[{"id":2,"name":"N","channelId":1}]}"#,
            r#"{"webhooks":[{"id":7,"authType":"OAuth2","enabled":true,"endpoint":"somebody@example.com"}]}"#,
        ];
        prop_oneof![
            9 => prop::sample::select(known.to_vec()).prop_map(|body| body.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ]
    }

    fn answers() -> impl Strategy<Value = Answers> {
        let refused = prop::sample::select(vec![202, 400, 401, 404, 409, 429, 500]);
        let status = prop_oneof![4 => Just(200), 3 => refused, 1 => any::<u16>()];
        let answer =
            (status, bodies()).prop_map(|(status, body)| Ok(Response { status, retry_after_ms: None, body }));
        let kinds = [SendErrorKind::Denied, SendErrorKind::TimedOut, SendErrorKind::TooLarge];
        let error = (prop::sample::select(kinds.to_vec()), any::<bool>()).prop_map(|(kind, request_sent)| {
            Err(SendError { kind, message: "no answer".to_owned(), request_sent, retry_after_ms: None })
        });
        prop::collection::vec(prop_oneof![8 => answer, 1 => error], 12)
    }

    fn vendor(
        interface: &'static str,
        answers: &Answers,
    ) -> impl FnMut(Request) -> Result<Response, SendError> + use<> {
        let mut answers = answers.clone().into_iter().cycle();
        move |request| {
            hold_to_manifest(&request, interface);
            answers.next().unwrap()
        }
    }

    fn preference(kind: &str, id: &str, choice: Choice) -> Preference {
        let item = ItemId { kind: kind.to_owned(), id: id.to_owned() };
        Preference { item, choice, chosen_at_ms: 0, source: String::new() }
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn no_call_panics_or_reveals_the_person_or_claims_an_erasure(
            answers in answers(),
            project in "email|user-id|hybrid",
            api in "auto|on|off",
        ) {
            let settings = settings(&[("project-type", &project), ("subscriptions-api", &api), ("webhook-id", "7")]);
            let subject = identifiers(&[("email", PERSON), ("user-id", PERSON)]);
            let preferences =
                [preference("channel", "1", Choice::OptIn), preference("message-type", "2", Choice::OptOut)];
            let reference = Some("taken,unknown-person".to_owned());
            let pending = [PendingErasure { subject: subject.clone(), reference }];

            let erased = erasure::erase(&settings, &mut vendor("erasure", &answers), &subject);
            let confirmed = erasure::confirm(&settings, &mut vendor("erasure", &answers), &pending);
            let mut to_consent = vendor("consent", &answers);
            let said = [
                format!("{erased:?}"),
                format!("{confirmed:?}"),
                format!("{:?}", consent::apply(&settings, &mut to_consent, &subject, &preferences)),
                format!("{:?}", consent::current(&settings, &mut to_consent, &subject)),
                format!("{:?}", token::install(&settings, &mut vendor("webhook-token", &answers))),
                format!("{:?}", check::test_connection(&settings, &mut vendor("connector", &answers))),
            ];
            prop_assert!(said.iter().all(|said| !said.contains("somebody")), "{:?}", said);
            // No answer here contains the person's hash.
            prop_assert!(!erased.is_ok_and(|receipt| receipt.status != Status::Accepted));
            prop_assert!(!confirmed.iter().flatten().any(|receipt| receipt.status == Status::Erased));
        }
    }

    #[test]
    fn deep_json_needs_no_deep_stack() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let fields = format!(
            r#"{{"createdAt":"2020-03-20 23:34:15 +00:00","channelIds":[1],"signupSource":{deep},"x":{deep}}}"#
        );
        let event = format!(
            r#"{{"eventName":"emailSubscribe","email":"a@example.com","y":{deep},"dataFields":{fields}}}"#
        );
        let headers = vec![("authorization".to_owned(), "t".to_owned())];
        let delivery = webhook::Delivery { headers, body: event.into_bytes(), received_at_ms: 0 };
        let verdict = webhook::verify(&delivery, |_| true);
        assert!(matches!(verdict, webhook::Verdict::Authentic(reading) if reading.event.is_some()));

        let user =
            format!(r#"{{"code":{deep},"user":{{"email":"a@example.com","dataFields":{{"x":{deep}}}}}}}"#);
        let answers = vec![Ok(Response { status: 200, retry_after_ms: None, body: user.into_bytes() })];
        let subject = identifiers(&[("email", "a@example.com")]);
        let held = consent::current(&settings(&[]), &mut vendor("consent", &answers), &subject);
        assert_eq!(held, Ok(Some(Vec::new())));
    }
}
