//! Makes calls on connections from the command line; see `connector-host --help`.

use std::process::ExitCode;

use host_cli::{Compiling, Console, Exit, PassedSockets, run};

fn main() -> ExitCode {
    // Before there are threads, which would take a share of its limits.
    if Compiling::is_requested_by(std::env::args_os()) {
        return host_harness::compile::compile_for_parent();
    }
    // Before the runtime has threads, since this changes the environment.
    let sockets = PassedSockets::of_the_process();
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return Exit::Misused.into() };
    let (console, compiling) = (Console::of_the_process(), Compiling::of_the_process());
    let exit = runtime.block_on(run(std::env::args_os(), sockets, &console, compiling));
    // A pending read of standard input must not delay the exit.
    runtime.shutdown_background();
    exit.into()
}
