//! Traffic through the tunnel.

use std::{collections::HashSet, net::IpAddr, process::Stdio, time::Duration};

use super::{Lab, Namespace, process::Process, wait};

/// Sends `count` pings at 1 ms and says how many of them were answered.
///
/// ping waits for the last answers only twice as long as the slowest took so far, which is too short
/// on a busy machine. With a deadline it goes on sending until it has `count` answers: the further
/// ones are not counted here.
pub(crate) fn ping(namespace: &Namespace, from: IpAddr, to: IpAddr, count: u32) -> u32 {
    let seconds = 10 + count / 100;
    let output = namespace
        .command("ping")
        .args(["-n", "-i", "0.001", "-w", &seconds.to_string()])
        .args(["-c", &count.to_string()])
        .args(["-I", &from.to_string(), &to.to_string()])
        .output()
        .expect("ping runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("packets transmitted"),
        "ping printed:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answered: HashSet<u32> = text
        .lines()
        .filter_map(answered_number)
        .filter(|number| *number <= count)
        .collect();
    u32::try_from(answered.len()).expect("at most `count`")
}

/// The number of the ping that a line of ping's output says was answered.
fn answered_number(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once(" bytes from ")?.1.split_once("icmp_seq=")?;
    rest.split(' ').next()?.parse().ok()
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
