//! The README's first example: erases one person, whom the second argument names by email.
#![expect(clippy::print_stdout, reason = "what an example is for")]

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
