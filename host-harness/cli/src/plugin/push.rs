//! `plugin push`: publishes a component's file to a registry.
//! Tested in `src/tests/push.rs`.

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use host_harness::{config::read_authorities, connection::WrittenReach};
use host_model::digest::Digest;
use host_registry::{
    Artefact, Credentials, Login, MAX_BUNDLE_BYTES, PluginReference, Registry, RegistryAccess,
};
use serde_json::json;

use super::sent::BundleOption;
use crate::{
    component_file::read, exit::Exit, failure::Failure, output::CommandOutput, reference::SecretReference,
    session::Session,
};

#[derive(Debug, Args)]
pub(crate) struct PushCommand {
    /// The component's file.
    component: PathBuf,
    /// Where to, such as `registry.example.com/acme/iterable:1.4`.
    reference: PluginReference,
    #[command(flatten)]
    bundle: BundleOption,
    #[command(flatten)]
    registry: RegistryOptions,
}

/// How the registry is reached. Without any of these options, as `[registries."HOST"]` in the configuration says, if there is
/// one.
#[derive(Debug, Args)]
struct RegistryOptions {
    /// The user, with a reference to the password: USER=file:PATH or USER=env:VARIABLE.
    #[arg(long, value_name = "USER=REFERENCE", conflicts_with = "docker_config")]
    login: Option<SecretReference>,
    /// The Docker configuration with the credentials, such as ~/.docker/config.json.
    #[arg(long, value_name = "FILE")]
    docker_config: Option<PathBuf>,
    /// A further host, with `:port` if it is not 443, that may issue tokens for the credentials. May be given several times.
    #[arg(long = "token-service", value_name = "HOST")]
    token_services: Vec<String>,
    /// PEM file with certificate authorities to trust instead of the public ones. May be given several times.
    #[arg(long = "authority", value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// Let the registry be on this machine.
    #[arg(long)]
    loopback: bool,
    /// Use plain HTTP, which is only allowed to this machine.
    #[arg(long)]
    plain_http: bool,
}

impl PushCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let Self { component: file, reference, bundle, registry } = self;
        let component = Bytes::from(read(&file)?);
        let digest = Digest::of(&component);
        let artefact = Artefact::of(component)
            .map_err(|error| Failure::misused(format!("{}: {error}", file.display())))?;
        let bundle_file = bundle.file(&file);
        let bundle = bundle.read(&file)?.map(Bytes::from);
        if bundle.as_ref().is_some_and(|bundle| bundle.len() as u64 > MAX_BUNDLE_BYTES) {
            let wrong = format!("{}: a bundle has at most {MAX_BUNDLE_BYTES} bytes", bundle_file.display());
            return Err(Failure::misused(wrong));
        }
        let registry = Registry::new(registry.access(session, reference.registry())?)?;
        let bundles: Vec<Bytes> = bundle.into_iter().collect();
        let pushing = format!("pushing {} to {}", file.display(), reference.registry());
        // Its future is large: it has those of each request in it.
        let pushed = Box::pin(registry.push(&reference, &artefact, &bundles));
        let manifest = session.awaited(&pushing, pushed).await?.to_string();
        let bundle = (!bundles.is_empty()).then_some(bundle_file);
        let signed = match &bundle {
            Some(bundle) => bundle.display().to_string(),
            None => "none: a host that requires a signature refuses it".to_owned(),
        };
        let people = format!(
            "{}: pushed to {reference}\n  manifest  {manifest}\n  component {digest}\n  bundle    {signed}",
            file.display()
        );
        let json = json!({
            "reference": reference.to_string(), "manifest": manifest, "digest": digest.to_string(), "bundle": bundle,
        });
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

impl RegistryOptions {
    fn access(self, session: &Session, host: &str) -> Result<RegistryAccess, Failure> {
        if self.is_empty() && session.config.exists() {
            return Ok(session.configuration()?.registries.access(host));
        }
        let Self { login, docker_config, token_services, authorities, loopback, plain_http } = self;
        let credentials = match (login, docker_config) {
            (Some(login), _) => {
                let (user, password) = login.read().map_err(Failure::misused)?;
                Credentials::Login(Login { user, password })
            }
            (None, Some(file)) => Credentials::DockerConfig(file),
            (None, None) => Credentials::Anonymous,
        };
        let authorities: Result<Vec<_>, _> = authorities.iter().map(|file| read_authorities(file)).collect();
        Ok(RegistryAccess {
            credentials,
            token_services,
            authorities: authorities.map_err(Failure::misused)?.concat(),
            reach: WrittenReach { loopback, plain_http }.try_into().map_err(Failure::misused)?,
            ..RegistryAccess::to(host)
        })
    }

    fn is_empty(&self) -> bool {
        let Self { login, docker_config, token_services, authorities, loopback, plain_http } = self;
        let lists_nothing = token_services.is_empty() && authorities.is_empty();
        login.is_none() && docker_config.is_none() && lists_nothing && !loopback && !plain_http
    }
}
