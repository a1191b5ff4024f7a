//! Clients that others wrote work against the server half: strongSwan's `swanctl`, and the Python
//! package `vici` when it is installed (`HOLDFAST_TEST_PYTHON` names an interpreter that has it).

use std::{
    path::Path,
    process::{Command, Output},
};

use holdfast_vici::{Incoming, Message, Value, server};
use tokio::net::{UnixListener, UnixStream};

#[test]
fn swanctl() {
    if !is_there(Command::new("swanctl").arg("--help")) {
        eprintln!("SKIPPED: swanctl is not installed (Debian: strongswan-swanctl)");
        return;
    }
    let run = |arguments: &'static [&'static str]| {
        against_agent(move |socket| {
            let mut swanctl = Command::new("swanctl");
            swanctl.args(arguments).arg("--uri").arg(uri(socket));
            swanctl
        })
    };
    for (arguments, lines) in [
        (
            &["--version", "--daemon"][..],
            &["strongSwan 1.2.3 holdfast"][..],
        ),
        (
            &["--stats"],
            &[
                "uptime: 3 minutes, since Nov 23 2025",
                "IKE_SAs: 2 total, 1 half-open",
                "loaded plugins: one two",
            ],
        ),
        (
            &["--list-sas"],
            &[
                "paris: #1, ESTABLISHED, IKEv2, 0123456789abcdef_i* fedcba9876543210_r",
                "local  'moon.example' @ 192.0.2.1[4500]",
                "remote 'sun.example' @ 192.0.2.2[4500]",
                "AES_GCM_16-256/PRF_HMAC_SHA2_384/CURVE_25519",
                "net: #2, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256",
                "in  c0ffee01,     84 bytes,     1 packets",
                "local  10.1.0.0/16 10.3.0.0/16",
                "remote 10.2.0.0/16",
                "rome: #3, CONNECTING",
            ],
        ),
        (
            &["--initiate", "--child", "net"],
            &["[IKE] initiating IKE_SA", "initiate completed successfully"],
        ),
    ] {
        let output = run(arguments);
        let text = text_of(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        for line in lines {
            assert!(text.contains(line), "`{line}` is missing in:\n{text}");
        }
    }
    for (arguments, complaint) in [
        (
            &["--terminate", "--ike", "nosuch"][..],
            "no matching SAs to terminate found",
        ),
        // Neither the command nor the event of the following exists: swanctl is told and leaves.
        (&["--flush-certs"], "flush-certs request failed"),
        (&["--list-pols"], "registering for policies failed"),
    ] {
        let output = run(arguments);
        let text = text_of(&output);
        assert!(!output.status.success(), "{arguments:?}: {text}");
        assert!(text.contains(complaint), "{arguments:?}: {text}");
    }
}

#[test]
fn python() {
    const SCRIPT: &str = r#"
import socket, sys
import vici
stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
session = vici.Session(stream)
assert session.version()["daemon"] == b"holdfast", session.version()
sas = list(session.list_sas())
assert list(sas[0]) == ["paris"] and list(sas[1]) == ["rome"], sas
assert sas[0]["paris"]["child-sas"]["net-2"]["local-ts"] == [b"10.1.0.0/16", b"10.3.0.0/16"]
try:
    list(session.terminate({"ike": "nosuch"}))
except vici.exception.CommandException as error:
    assert "no matching SAs" in str(error), error
else:
    raise AssertionError("terminate succeeds")
print("done")
"#;
    let python = std::env::var("HOLDFAST_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !is_there(Command::new(&python).args(["-I", "-c", "import vici.session"])) {
        eprintln!("SKIPPED: {python} has no package vici (pip install vici)");
        return;
    }
    let output = against_agent(move |socket| {
        let mut command = Command::new(python);
        command.args(["-I", "-c", SCRIPT]).arg(socket);
        command
    });
    let text = text_of(&output);
    assert!(output.status.success() && text.contains("done"), "{text}");
}

fn is_there(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn uri(socket: &Path) -> String {
    format!("unix://{}", socket.display())
}

fn text_of(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a client against an agent on a socket of its own.
fn against_agent(client: impl FnOnce(&Path) -> Command) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("agent.vici");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    let mut command = client(&socket);
    runtime.block_on(async {
        let listener = UnixListener::bind(&socket).expect("a socket");
        let client = tokio::task::spawn_blocking(move || command.output().expect("the client"));
        tokio::pin!(client);
        loop {
            tokio::select! {
                output = &mut client => return output.expect("the client ends"),
                accepted = listener.accept() => {
                    let (stream, _) = accepted.expect("a client");
                    tokio::spawn(serve(stream));
                }
            }
        }
    })
}

async fn serve(stream: UnixStream) {
    let (mut requests, mut replies) = server::split(stream);
    while let Some(incoming) = requests.next().await.expect("a request") {
        let answered = match incoming {
            Incoming::Register(event) | Incoming::Unregister(event) => match event.as_str() {
                "list-sa" | "control-log" => replies.confirm().await,
                _ => replies.unknown_event().await,
            },
            Incoming::Command { name, message } => match name.as_str() {
                "version" => replies.respond(version()).await,
                "stats" => replies.respond(stats()).await,
                "list-sas" => {
                    for sa in [established(), connecting()] {
                        replies.event("list-sa", sa).await.expect("an event");
                    }
                    replies.respond(Message::new()).await
                }
                "initiate" => {
                    assert_eq!(message.get_str("child"), Some("net"));
                    let line = Message::new()
                        .with("group", "IKE")
                        .with("level", 1_u16)
                        .with("msg", "initiating IKE_SA");
                    replies.event("control-log", line).await.expect("an event");
                    replies.respond(Message::success()).await
                }
                "terminate" => {
                    assert_eq!(message.get_str("ike"), Some("nosuch"));
                    let reason = "no matching SAs to terminate found";
                    replies.respond(Message::failure(reason)).await
                }
                _ => replies.unknown_command().await,
            },
            Incoming::Unreadable { name, error } => panic!("{name}: {error}"),
        };
        answered.expect("an answer");
    }
}

fn version() -> Message {
    Message::new()
        .with("daemon", "holdfast")
        .with("version", "1.2.3")
        .with("sysname", "Linux")
        .with("release", "6.1")
        .with("machine", "x86_64")
}

fn stats() -> Message {
    Message::new()
        .with(
            "uptime",
            Message::new()
                .with("running", "3 minutes")
                .with("since", "Nov 23 2025"),
        )
        .with(
            "ikesas",
            Message::new().with("total", 2_u32).with("half-open", 1_u32),
        )
        .with("plugins", vec!["one", "two"])
}

fn established() -> Message {
    let child = Message::new()
        .with("name", "net")
        .with("uniqueid", 2_u32)
        .with("reqid", 1_u32)
        .with("state", "INSTALLED")
        .with("mode", "TUNNEL")
        .with("protocol", "ESP")
        .with("encap", true)
        .with("spi-in", "c0ffee01")
        .with("spi-out", "c0ffee02")
        .with("encr-alg", "AES_GCM_16")
        .with("encr-keysize", 256_u32)
        .with("bytes-in", 84_u64)
        .with("packets-in", 1_u64)
        .with("bytes-out", 0_u64)
        .with("packets-out", 0_u64)
        .with("install-time", 7_u64)
        .with("local-ts", Value::list(["10.1.0.0/16", "10.3.0.0/16"]))
        .with("remote-ts", Value::list(["10.2.0.0/16"]));
    let sa = Message::new()
        .with("uniqueid", 1_u32)
        .with("version", 2_u32)
        .with("state", "ESTABLISHED")
        .with("local-host", "192.0.2.1")
        .with("local-port", 4500_u32)
        .with("local-id", "moon.example")
        .with("remote-host", "192.0.2.2")
        .with("remote-port", 4500_u32)
        .with("remote-id", "sun.example")
        .with("initiator", true)
        .with("initiator-spi", "0123456789abcdef")
        .with("responder-spi", "fedcba9876543210")
        .with("encr-alg", "AES_GCM_16")
        .with("encr-keysize", 256_u32)
        .with("prf-alg", "PRF_HMAC_SHA2_384")
        .with("dh-group", "CURVE_25519")
        .with("established", 7_u64)
        .with("child-sas", Message::new().with("net-2", child));
    Message::new().with("paris", sa)
}

fn connecting() -> Message {
    let sa = Message::new()
        .with("uniqueid", 3_u32)
        .with("version", 2_u32)
        .with("state", "CONNECTING")
        .with("local-host", "192.0.2.1")
        .with("local-port", 500_u32)
        .with("remote-host", "192.0.2.9")
        .with("remote-port", 500_u32)
        .with("initiator", true)
        .with("initiator-spi", "1111111111111111")
        .with("responder-spi", "0000000000000000")
        .with("child-sas", Message::new());
    Message::new().with("rome", sa)
}
