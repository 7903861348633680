//! `infra/deploy.sh`, with `sam`, `aws` and `cargo` that only tell how they were called.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::root;

const ENVIRONMENT: &str = "AWS_REGION=eu-central-1 KEYS_TABLE=keys KEYS_SECRET=arn:aws:keys";

/// Whether it went well, and the calls in their order.
fn deploy(name: &str, told: &str, arguments: &[&str]) -> (bool, Vec<String>) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).expect("a directory");
    let log = place.join("log");
    for tool in ["sam", "aws", "cargo"] {
        let script = format!(
            r#"#!/bin/bash
echo "{tool} $*${{KEYS_TABLE:+ with $KEYS_TABLE as $AWS_ACCESS_KEY_ID}}" >> '{log}'
case "$*" in
    configure*) echo 'export AWS_ACCESS_KEY_ID=somebody' ;;
    *text*OperateEnvironment*) echo '{told}' ;;
    *ParameterValue*) [ '{told}' != None ] && echo x86_64 ;;
esac
"#,
            log = log.display()
        );
        let path = place.join(tool);
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let ended = Command::new("bash")
        .arg(root().join("infra/deploy.sh"))
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", place.display()))
        .env_remove("AWS_ACCESS_KEY_ID")
        .output()
        .expect("bash");
    let calls = fs::read_to_string(log).unwrap_or_default();
    let calls = calls.lines().map(str::to_owned).collect();
    (ended.status.success(), calls)
}

#[test]
fn one_command_builds_deploys_and_fills_the_secrets_of_that_stack() {
    let arguments = ["stack", "LogLevel=warn", "Architecture=arm64"];
    let (well, calls) = deploy("deploys", ENVIRONMENT, &arguments);
    assert!(well, "{calls:#?}");
    let given = "--parameter-overrides LogLevel=warn Architecture=arm64";
    assert_eq!(calls[0], format!("sam build {given}"));
    assert!(
        calls[1].starts_with("sam deploy --stack-name stack "),
        "{calls:#?}"
    );
    assert!(calls[1].ends_with(given), "{calls:#?}");
    let filled: Vec<_> = calls
        .iter()
        .filter(|call| call.starts_with("cargo "))
        .collect();
    for (call, secret) in filled.iter().zip(["keys", "cursors", "sessions"]) {
        let end =
            format!("-p operate --features lambda -- secret {secret} fill with keys as somebody");
        assert!(call.ends_with(&end), "{call}");
    }
    assert_eq!(filled.len(), 3);
}

#[test]
fn what_is_built_is_for_the_processor_that_the_stack_has() {
    let (well, calls) = deploy("deploys-again", ENVIRONMENT, &["stack"]);
    assert!(well, "{calls:#?}");
    for tool in ["sam build ", "sam deploy "] {
        let call = calls.iter().find(|call| call.starts_with(tool));
        let call = call.expect("is called");
        assert!(
            call.ends_with("--parameter-overrides Architecture=x86_64"),
            "{call}"
        );
    }
}

#[test]
fn no_secret_is_filled_of_a_stack_that_is_not_found() {
    let (well, calls) = deploy("finds-nothing", "None", &["stack"]);
    assert!(
        !well && !calls.iter().any(|call| call.starts_with("cargo ")),
        "{calls:#?}"
    );
    let (well, calls) = deploy("has-no-name", ENVIRONMENT, &[]);
    assert!(!well && calls.is_empty(), "{calls:#?}");
}
