//! The manifests for Kubernetes: by its schemas, and the configuration in them by our program.

use std::process::Command;

use super::{file, text};
use crate::lab::{
    Lab,
    holdfast::{PROGRAM, write_private},
    run, userland,
};

const CONFIGURATION: &str = "deploy/kubernetes/configuration.yaml";

#[test]
fn kubernetes_takes_the_manifests() {
    for name in ["configuration", "daemonset", "deployment"] {
        let manifest = file(&format!("deploy/kubernetes/{name}.yaml"));
        run(Command::new(userland::kubernetes_validate())
            .arg("--strict")
            .arg(manifest));
    }
    let lab = Lab::new();
    let wrong = lab.directory().join("wrong.yaml");
    let manifest = text("deploy/kubernetes/daemonset.yaml");
    std::fs::write(
        &wrong,
        manifest.replace("livenessProbe:", "livelinessProbe:"),
    )
    .expect("a file");
    let refused = Command::new(userland::kubernetes_validate())
        .arg("--strict")
        .arg(wrong)
        .output();
    assert!(
        !refused.expect("kubernetes-validate").status.success(),
        "it takes anything"
    );
}

#[test]
fn the_configuration_in_the_manifest_is_valid() {
    let lab = Lab::new();
    let manifest = text(CONFIGURATION);
    let lines = manifest
        .lines()
        .skip_while(|line| line.trim() != "holdfast.toml: |")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with("    "));
    let lines: Vec<&str> = lines
        .map(|line| line.get(4..).unwrap_or_default())
        .collect();
    assert!(lines.len() > 10, "{lines:#?}");
    let secrets = lab.directory().display().to_string();
    let configuration = lines.join("\n").replace("/etc/holdfast-secrets", &secrets);
    let main = lab.directory().join("holdfast.toml");
    write_private(&main, &configuration);
    write_private(&lab.directory().join("paris.psk"), "a secret of the lab");
    let checked = run(Command::new(PROGRAM).args(["check", "--config"]).arg(&main));
    assert!(checked.contains("1 connection"), "{checked}");
    assert!(!checked.contains("warning"), "{checked}");
}
