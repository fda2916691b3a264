//! Signals, from the first moment of a start to the end of a stop.

use std::{fs, io::Write as _};

use test_support::eventually;

use super::{
    operator::Operator,
    program::{Program, block_at, configure, reached, send_signal, serve_with},
};

const STOPPED: &str = r#"{"stopped":true}"#;

/// One line, however the document is indented.
fn compact(lines: &[String]) -> String {
    lines.concat().split_whitespace().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_start_that_reads_its_configuration_or_a_plugin() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    for (blocked, signal) in
        [("iterable.wasm", "-TERM"), ("iterable.wasm", "-INT"), ("connector-host.toml", "-TERM")]
    {
        let file = operator.config().with_file_name(blocked);
        let before = fs::read(&file).unwrap();
        block_at(&file);
        let mut program = Program::start(&mut serve_with(&[], &operator));
        let pipe = reached(&file).await;
        program.signal(signal);
        let (code, out) = program.ends().await;
        assert_eq!((code, compact(&out).as_str()), (Some(0), STOPPED), "{blocked} {signal}");
        drop(pipe);
        fs::remove_file(&file).unwrap();
        fs::write(&file, before).unwrap();
    }
    // Whatever the starts left behind, the next one serves.
    let mut program = Program::start(&mut serve_with(&[], &operator));
    program.serves().await;
    program.signal("-TERM");
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_is_requested_during_a_start_follows_it() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let file = operator.config().with_file_name("iterable.wasm");
    let plugin = fs::read(&file).unwrap();
    block_at(&file);
    let mut program = Program::start(&mut serve_with(&[], &operator));
    let mut pipe = reached(&file).await;
    program.signal("-HUP");
    pipe.write_all(&plugin).unwrap();
    drop(pipe);
    program.serves().await;
    program.logs(r#""message":"reloaded""#).await;

    program.signal("-HUP");
    program.signal("-TERM");
    assert_eq!(program.ends().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_of_process_1_is_stopped_too() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let file = operator.config().with_file_name("iterable.wasm");
    block_at(&file);
    // In a container, the process has id 1, and the kernel ignores signals that it does not handle.
    let as_first = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    let permitted = std::process::Command::new("unshare").args(&as_first[1..]).arg("true").output();
    if !permitted.is_ok_and(|output| output.status.success()) {
        println!("not tested: this machine permits no process namespace");
        return;
    }
    let mut program = Program::start(&mut serve_with(&as_first, &operator));
    let _pipe = reached(&file).await;
    let outer = program.child.id();
    let child = async || fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap();
    let child = eventually("its process", child, |child| !child.trim().is_empty()).await;
    send_signal(child.trim().parse().unwrap(), "-TERM");
    let (code, out) = program.ends().await;
    assert_eq!((code, compact(&out).as_str()), (Some(0), STOPPED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_right_after_the_start_ends_the_process_at_every_stage() {
    let operator = Operator::new().await;
    configure(&operator, "listen = '127.0.0.1:0'");
    let folder = operator.config().parent().unwrap().to_owned();
    // Each stage shows by a file that the process has opened.
    for stage in ["", "connector-host.db", "connector-host.db-wal", "iterable.wasm"] {
        let mut program = Program::start(&mut serve_with(&[], &operator));
        let process = program.child.id();
        let opened = async || {
            let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
            stage.is_empty()
                || program.is_serving()
                || files.filter_map(|file| fs::read_link(file.path()).ok()).any(|to| to == folder.join(stage))
        };
        eventually(stage, opened, |opened| *opened).await;
        program.signal("-TERM");
        let (code, _) = program.ends().await;
        // Without a handler yet, the signal itself ends the process.
        assert!(code == Some(0) || (code.is_none() && stage.is_empty()), "{stage}: {code:?}");
    }
    let verified = operator.run(&["audit", "verify"]).await;
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}
