//! A watched plugin beside the database.

use std::fs;

use test_support::eventually;

use super::{
    operator::{Operator, TOKEN},
    program::{Program, ask, configure, serve_with},
};

const HOOK: &str = "POST /api/v1/plus/connection/newsletter/consent-webhook HTTP/1.1";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_webhooks_beside_a_watched_plugin_cost_no_reads_of_it() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let text = fs::read_to_string(operator.config()).unwrap();
    let text = text.replace("{ file = 'iterable.wasm' }", "{ file = 'iterable.wasm', watch = true }");
    fs::write(operator.config(), text).unwrap();
    let mut command = serve_with(&[], &operator);
    command.env("RUST_LOG", "warn,host_=info,host_harness::plugin=trace");
    let program = Program::start(&mut command);
    let (address, _) = program.serves().await;
    program.logs("plugin file read").await;

    for delivery in 0..200 {
        let body = format!(
            r#"{{"email":"ada-{delivery}@example.com","eventName":"emailUnSubscribe","dataFields":{{"channelIds":[6539]}}}}"#
        );
        let answer = ask(&address, &format!("{HOOK}\r\nauthorization: Bearer {TOKEN}"), &body);
        assert!(answer.starts_with("200 "), "{answer}");
    }
    // The second look at a file that changed reads it, and has ended when the third begins.
    let looks = async || program.lines("plugin path looked at");
    let before = looks().await;
    eventually("three looks after the deliveries", looks, |looks| *looks >= before + 3).await;
    assert_eq!(program.lines("plugin file read"), 1);
    // It sees the next change.
    let plugin = operator.config().with_file_name("iterable.wasm");
    fs::write(plugin.with_extension("new"), "broken").unwrap();
    fs::rename(plugin.with_extension("new"), plugin).unwrap();
    program.logs("plugin not swapped").await;
    assert_eq!(program.lines("plugin file read"), 2);
}
