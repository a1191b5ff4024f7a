//! What may be written on the command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use holdfast_vici::Address;

/// Where the configuration is unless `--config` says otherwise.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/holdfast/holdfast.toml";

/// An IKEv2/IPsec gateway agent that brings tunnels up and keeps them up.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the agent in the foreground until SIGTERM or SIGINT.
    Run(ConfigFile),
    /// Run operators' commands for an agent at the other end of standard input.
    #[command(hide = true)]
    HookRunner(ConfigFile),
    /// Check the configuration and explain what is wrong with it.
    Check(ConfigFile),
    /// Print a JSON Schema of the configuration, for editors.
    Schema,
    /// Print completions of this command line for a shell.
    Completions(CompletionsOptions),
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Manual(ManualOptions),
    /// Rewrite a swanctl.conf as a configuration for holdfast.
    Import(ImportOptions),
    /// Show which connections are up, and why the others are not.
    Status(StatusOptions),
    /// Show the same live, until `q`.
    Top(TopOptions),
    /// Bring a connection up and wait for the outcome.
    Initiate(InitiateOptions),
    /// Take a connection down.
    Terminate(TerminateOptions),
    /// Keep a connection down, over restarts, until `up`.
    Down(DownOptions),
    /// End what `down` began.
    Up(UpOptions),
    /// Make the agent read its configuration again; what did not change stays as it is.
    Reload(ReloadOptions),
    /// Print what happens, as it happens, one JSON object a line.
    Events(EventsOptions),
}

#[derive(Args, Debug)]
pub(crate) struct ConfigFile {
    /// The main configuration file.
    #[arg(long, short, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsOptions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct ManualOptions {
    /// The folder.
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ImportOptions {
    /// The swanctl.conf; files that it includes are read as well.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Write pre-shared keys into the result instead of the names of files to put them in.
    #[arg(long)]
    pub(crate) with_secrets: bool,
}

/// How the agent is reached.
#[derive(Args, Debug)]
pub(crate) struct Agent {
    /// The agent's control socket: unix:///PATH or tcp://HOST:PORT.
    ///
    /// Without it, the socket is the one that the configuration names.
    #[arg(long, short, value_name = "URI", visible_alias = "socket")]
    pub(crate) uri: Option<Address>,
    /// The configuration file that names the control socket [default: /etc/holdfast/holdfast.toml].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct StatusOptions {
    /// Show this connection only, with its children.
    pub(crate) name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct TopOptions {
    /// Ask the agent this often.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_timeout)]
    pub(crate) every: Duration,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct InitiateOptions {
    /// The connection.
    pub(crate) name: String,
    /// Bring this child up only; without it, every child of the connection.
    #[arg(long, value_name = "CHILD")]
    pub(crate) child: Option<String>,
    /// Wait no longer than this, such as 30s or 2m; a plain number is seconds. The agent goes on
    /// trying all the same.
    #[arg(long, short, value_name = "DURATION", value_parser = parse_timeout)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct TerminateOptions {
    /// The connection.
    pub(crate) name: String,
    /// Take this child down only.
    #[arg(long, value_name = "CHILD")]
    pub(crate) child: Option<String>,
    /// Wait no longer than this, such as 30s or 2m; a plain number is seconds.
    #[arg(long, short, value_name = "DURATION", value_parser = parse_timeout)]
    pub(crate) timeout: Option<Duration>,
    /// Do not wait for the peer's answer; with --timeout, for no longer than that.
    #[arg(long, short, conflicts_with = "child")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct DownOptions {
    /// The connection.
    pub(crate) name: String,
    /// Why, for whoever looks at the status.
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct UpOptions {
    /// The connection.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct ReloadOptions {
    /// Only show what would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) agent: Agent,
}

#[derive(Args, Debug)]
pub(crate) struct EventsOptions {
    /// The agent's socket for events: unix:///PATH or tcp://HOST:PORT.
    ///
    /// Without it, the socket is the one that the configuration names.
    #[arg(long, short, value_name = "URI")]
    pub(crate) uri: Option<Address>,
    /// The configuration file that names it [default: /etc/holdfast/holdfast.toml].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The control protocol has milliseconds, which other daemons keep in 32 bits.
const LONGEST_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text).map_err(|error| error.to_string())?,
    };
    if timeout < Duration::from_millis(1) {
        Err("it must be at least 1ms; leave it out to wait without end".to_owned())
    } else if timeout > LONGEST_TIMEOUT {
        Err("it must be at most 24 days; leave it out to wait without end".to_owned())
    } else {
        Ok(timeout)
    }
}
