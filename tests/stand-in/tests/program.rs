use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use test_support::wait_for_exit;

use iterable_stand_in::{CONTROL_ROUTES, StandIn};
use serde_json::{Value, json};

use crate::service::client;

/// The running program, killed on drop.
struct Program {
    child: Child,
    address: String,
    key: String,
}

impl Program {
    fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iterable-stand-in"));
        let mut child = command.args(options).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(name).unwrap_or_else(|| panic!("{line}")).split(' ').next().unwrap().to_owned()
        };
        let (address, key) = (line("address "), line("key "));
        Self { child, address, key }
    }

    async fn ask(&self, route: &str, body: Option<Value>) -> Value {
        let (method, path) = route.split_once(' ').unwrap();
        let mut request = client().request(method.parse().unwrap(), self.address.clone() + path);
        request = request.header("api-key", &self.key);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{route}: {text}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_shell_can_steer_it() {
    let program =
        Program::start(&["--project-type", "hybrid", "--read-lag", "none", "--forget-unknown", "refused"]);
    let ada = "ada@example.com";
    program
        .ask("POST /_stand-in/people", Some(json!({"email": ada, "unsubscribedChannelIds": [6541]})))
        .await;
    let leave = json!({"email": ada, "act": "unsubscribe-by-link", "channel": 6539});
    program.ask("POST /_stand-in/acts", Some(leave)).await;
    let person = program.ask("GET /_stand-in/people/ada@example.com", None).await;
    assert_eq!(person["person"]["dataFields"]["unsubscribedChannelIds"], json!([6541, 6539]));
    assert_eq!(program.ask("GET /_stand-in/keys", None).await["standard"], program.key.as_str());
    let endpoint = json!({"endpoint": "http://127.0.0.1:9/", "authType": "OAuth2", "authToken": "t"});
    assert_eq!(
        program.ask("POST /_stand-in/webhook", Some(endpoint)).await["endpoint"],
        "http://127.0.0.1:9/"
    );
    program.ask("POST /_stand-in/clock", Some(json!({"freeze": true}))).await;
    let before = program.ask("GET /_stand-in/clock", None).await;
    assert_eq!(program.ask("POST /api/users/forget", Some(json!({"email": ada}))).await["code"], "Success");
    let after = program.ask("POST /_stand-in/clock", Some(json!({"advanceSeconds": 600}))).await;
    assert_ne!(before, after);
    let person = program.ask("GET /_stand-in/people/ada@example.com", None).await;
    assert_eq!(person, json!({"person": null, "forgotten": true}));
    let deliveries = program.ask("GET /_stand-in/deliveries", None).await;
    assert_eq!(deliveries[0]["body"]["eventName"], "emailUnSubscribe");
    program.ask("POST /_stand-in/deliveries", Some(json!("as it is"))).await;
    let deliveries = program.ask("GET /_stand-in/deliveries", None).await;
    let bodies: Vec<_> = deliveries.as_array().unwrap().iter().map(|delivery| &delivery["body"]).collect();
    assert!(bodies.contains(&&json!("as it is")), "{bodies:?}");
    program.ask("POST /_stand-in/forgotten", Some(json!({"count": 2}))).await;
    let hashes = program.ask("GET /api/users/forgotten", None).await;
    assert_eq!(hashes["hashedEmails"].as_array().unwrap().len(), 3);
    let planned = json!({"fault": {"other-code": "GenericError"}, "on": "GET /api/channels"});
    program.ask("POST /_stand-in/faults", Some(planned)).await;
    assert_eq!(program.ask("GET /api/channels", None).await["code"], "GenericError");
    let requests = program.ask("DELETE /_stand-in/requests", None).await;
    assert_eq!(requests[0]["body"], json!({"email": ada}));
    assert_eq!(program.ask("GET /_stand-in/requests", None).await, json!([]));
    let wrong = program.ask("POST /_stand-in/clock", Some(json!({"advanceSeconds": -1}))).await;
    assert_eq!(wrong, json!({"error": "advanceSeconds must be a non-negative number of seconds"}));
}

#[test]
fn it_lists_its_behaviours_and_explains_itself() {
    let run = |option: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iterable-stand-in"));
        String::from_utf8(command.arg(option).output().unwrap().stdout).unwrap()
    };
    let behaviours = run("--behaviours");
    assert!(
        behaviours.contains("documented  forget-unknown=refused: 400 User does not exist"),
        "{behaviours}"
    );
    let help = run("--help");
    for (route, _, _) in CONTROL_ROUTES {
        assert!(help.contains(route), "{route}");
    }
    assert!(help.contains("--forget-unknown"), "{help}");
}

#[test]
#[cfg(unix)]
fn it_ends_cleanly_on_an_interrupt() {
    let mut program = Program::start(&[]);
    let id = program.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(wait_for_exit(&mut program.child).code(), Some(0));
}

#[tokio::test]
async fn it_starts_in_a_fraction_of_a_second() {
    // The fastest of several runs, so that a busy machine does not affect the result.
    let mut fastest = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let program = Program::start(&[]);
        fastest = fastest.min(begun.elapsed().as_secs_f64() * 1000.0);
        drop(program);
    }
    let begun = Instant::now();
    let stand_in = StandIn::builder().start().await.unwrap();
    let library = begun.elapsed().as_secs_f64() * 1000.0;
    println!("program {fastest:.1} ms, library {library:.1} ms");
    assert!(fastest < 100.0, "{fastest} ms");
    let address = stand_in.address();
    drop(stand_in);
    tokio::task::yield_now().await;
    assert!(std::net::TcpListener::bind(address).is_ok(), "it still listens after the drop");
}
