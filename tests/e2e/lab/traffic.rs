//! Traffic through the tunnel.

use std::{net::IpAddr, process::Stdio, time::Duration};

use super::{Lab, Namespace, process::Process, wait};

/// Sends `count` pings at 1 ms and says how many were answered.
pub(crate) fn ping(namespace: &Namespace, from: IpAddr, to: IpAddr, count: u32) -> u32 {
    let output = namespace
        .command("ping")
        .args([
            "-q",
            "-n",
            "-i",
            "0.001",
            "-W",
            "2",
            "-c",
            &count.to_string(),
        ])
        .args(["-I", &from.to_string(), &to.to_string()])
        .output()
        .expect("ping runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find(|line| line.contains("packets transmitted"))
        .and_then(|line| line.split(',').nth(1))
        .and_then(|part| part.trim().split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| {
            panic!(
                "ping printed:\n{text}{}",
                String::from_utf8_lossy(&output.stderr)
            )
        })
}

/// Whether a single ping is answered within a second.
pub(crate) fn answers(namespace: &Namespace, from: IpAddr, to: IpAddr) -> bool {
    let status = namespace
        .command("ping")
        .args(["-q", "-n", "-c", "1", "-W", "1"])
        .args(["-I", &from.to_string(), &to.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.expect("ping runs").success()
}

/// Waits until a ping is answered.
pub(crate) fn wait_for_answer(namespace: &Namespace, from: IpAddr, to: IpAddr, limit: Duration) {
    let what = format!("{to} answers {from}");
    wait::until(&what, limit, || answers(namespace, from, to).then_some(()));
}

/// Runs iperf3 (TCP) between two inner addresses for so many seconds: megabits per second from
/// the client to the server, and back.
pub(crate) fn iperf(
    lab: &Lab,
    client: (&Namespace, IpAddr),
    server: (&Namespace, IpAddr),
    seconds: u32,
) -> (f64, f64) {
    let mut command = server.0.command("iperf3");
    command.args(["--server", "--forceflush", "--bind", &server.1.to_string()]);
    let log = lab
        .directory()
        .join(format!("{}-iperf3.log", server.0.name()));
    let process = Process::spawn("iperf3 server", command, &log);
    wait::until("iperf3 listens", Duration::from_secs(10), || {
        process.log().contains("Server listening").then_some(())
    });
    let forth = iperf_client(client, server.1, seconds, &[]);
    let back = iperf_client(client, server.1, seconds, &["--reverse"]);
    (forth, back)
}

fn iperf_client(
    client: (&Namespace, IpAddr),
    server: IpAddr,
    seconds: u32,
    further: &[&str],
) -> f64 {
    let output = client
        .0
        .command("iperf3")
        .args([
            "--json",
            "--connect-timeout",
            "5000",
            "--client",
            &server.to_string(),
        ])
        .args([
            "--bind",
            &client.1.to_string(),
            "--time",
            &seconds.to_string(),
        ])
        .args(further)
        .output()
        .expect("iperf3 runs");
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("iperf3 reports in JSON");
    report["end"]["sum_received"]["bits_per_second"]
        .as_f64()
        .unwrap_or_else(|| panic!("iperf3 failed: {}", report["error"]))
        / 1e6
}
