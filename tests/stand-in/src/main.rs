//! The stand-in as a program: prints its address and key, then serves until Ctrl-C.

use std::io::{Write, stdout};

use clap::{Parser, ValueEnum};
use iterable_stand_in::{BEHAVIOURS, CONTROL_ROUTES, DataCentre, ProjectType, StandIn, Switches};

/// A local stand-in for Iterable, with state, an adjustable clock and every documented oddity.
///
/// Listens on 127.0.0.1, prints its address and its key, and stops on Ctrl-C. Use it with any HTTP client.
#[derive(Debug, Parser)]
#[command(version, after_help = after_help())]
struct Options {
    /// The port to listen on; 0 chooses a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How the project identifies people
    #[arg(long, value_enum, default_value_t)]
    project_type: ProjectType,
    /// The project's number, which appears in some messages
    #[arg(long, default_value_t = 2158)]
    project_id: u32,
    /// The project's data centre
    #[arg(long, value_enum, default_value_t)]
    data_centre: DataCentre,
    /// The server-side standard key; random if omitted
    #[arg(long)]
    api_key: Option<String>,
    /// List every behaviour with its mark and source, then exit
    #[arg(long)]
    behaviours: bool,
    #[command(flatten)]
    switches: Switches,
}

fn after_help() -> String {
    let routes = CONTROL_ROUTES.iter().map(|(route, body, what)| match *body {
        "" => format!("  {route}: {what}\n"),
        body => format!("  {route}: {what}\n      {body}\n"),
    });
    std::iter::once("Control routes (no key required):\n".to_owned()).chain(routes).collect()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.behaviours {
        return list_behaviours();
    }
    let mut builder = StandIn::builder()
        .port(options.port)
        .project(options.project_type)
        .project_id(options.project_id)
        .data_centre(options.data_centre)
        .switches(options.switches);
    if let Some(key) = options.api_key {
        builder = builder.api_key(key);
    }
    let stand_in = builder.start().await?;
    let serve = async {
        announce(&stand_in, options.project_type)?;
        std::future::pending().await
    };
    tokio::select! {
        // Polled first, so that an interrupt right after the announcement is caught.
        biased;
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        served = serve => served,
    }
}

/// Prints address and key in one write: the reader may close the pipe after the first line.
fn announce(stand_in: &StandIn, project: ProjectType) -> std::io::Result<()> {
    let kind = project.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    let text = format!("address {}\nkey {} (project type {kind})\n", stand_in.url(), stand_in.api_key());
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn list_behaviours() -> anyhow::Result<()> {
    let mut out = stdout().lock();
    for behaviour in BEHAVIOURS {
        let mark = format!("{:?}", behaviour.mark).to_lowercase();
        writeln!(out, "{mark:<11} {}: {} ({})", behaviour.id, behaviour.what, behaviour.source)?;
    }
    Ok(())
}
