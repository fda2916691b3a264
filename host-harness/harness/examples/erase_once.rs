//! The README's first example: erases the person whose email address is the second argument.
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use host_harness::{config::Config, contract::Subject, host::Host};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, email] = arguments.as_slice() else {
        anyhow::bail!("usage: erase_once <configuration> <email>")
    };

    let host = Host::start(Config::read(file)?).await?;
    let receipt = host.connection("newsletter")?.erase(&Subject::email(email)).await??;

    println!("{:?}: {}", receipt.status, receipt.evidence);
    Ok(())
}
