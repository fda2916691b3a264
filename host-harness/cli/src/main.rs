//! Makes calls on connections from the command line; see `connector-host --help`.

use std::process::ExitCode;

use host_cli::{Console, Exit, PassedSockets, run};

fn main() -> ExitCode {
    // Before the runtime has threads, since this changes the environment.
    let sockets = PassedSockets::of_the_process();
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return Exit::Misused.into() };
    let exit = runtime.block_on(run(std::env::args_os(), sockets, &Console::of_the_process()));
    // A pending read of standard input must not delay the exit.
    runtime.shutdown_background();
    exit.into()
}
