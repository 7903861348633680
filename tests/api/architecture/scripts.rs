//! `infra/deploy.sh` and `infra/delete.sh`, with `sam`, `aws`, `cargo` and `jq` that only tell how they were called.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::root;

const ENVIRONMENT: &str = "AWS_REGION=eu-central-1 KEYS_TABLE=keys KEYS_SECRET=arn:aws:keys";

/// Whether it went well, and the calls in their order.
fn deploy(name: &str, told: &str, arguments: &[&str]) -> (bool, Vec<String>) {
    let answers = format!(
        r#"case "$*" in
    configure*) echo 'export AWS_ACCESS_KEY_ID=somebody' ;;
    *text*OperateEnvironment*) echo '{told}' ;;
    *ParameterValue*) [ '{told}' != None ] && echo x86_64 ;;
esac
"#
    );
    run("deploy", name, &answers, arguments)
}

/// A script of `infra`, whose tools answer by these commands of a shell.
fn run(script: &str, name: &str, answers: &str, arguments: &[&str]) -> (bool, Vec<String>) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).expect("a directory");
    let log = place.join("log");
    for tool in ["sam", "aws", "cargo", "jq"] {
        let told = format!(
            r#"#!/bin/bash
[ "$AWS_REGION,$AWS_DEFAULT_REGION" = eu-central-1,eu-central-1 ] || exit 1
echo "{tool} $*${{KEYS_TABLE:+ with $KEYS_TABLE as $AWS_ACCESS_KEY_ID}}" >> '{log}'
{answers}"#,
            log = log.display()
        );
        let path = place.join(tool);
        fs::write(&path, told).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    let ended = Command::new("bash")
        .arg(root().join(format!("infra/{script}.sh")))
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", place.display()))
        .env("AWS_REGION", "eu-central-1")
        .env_remove("AWS_DEFAULT_REGION")
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

/// Of a stack in this state with two of each kind, of which `gone` fails by this error.
fn delete(name: &str, state: &str, gone: &str, arguments: &[&str]) -> (bool, Vec<String>) {
    let answers = format!(
        r#"case "$*" in
    *describe-stacks*) printf 'arn:stack/1\tstack\t{state}\n' ;;
    *DynamoDB::Table*) printf 'keys\nrecords\n' ;;
    *S3::Bucket*) printf 'checkpoints\nfailures\n' ;;
    *Cognito::UserPool*) printf 'people\nothers\n' ;;
    *SecretsManager::Secret*) printf 'secret\nother\n' ;;
    *KMS::Key*) printf 'one\ntwo\n' ;;
    *SQS::Queue*) printf 'missed\nfailed\n' ;;
    *length*) echo 0 ;;
    *--pending*two*|*two*--pending*|*update-table*keys*|*head-bucket*failures*) {gone} ;;
esac
"#
    );
    run("delete", name, &answers, arguments)
}

#[test]
fn what_a_stack_leaves_behind_is_deleted_after_it_and_again_by_its_id() {
    let whole = ["stack", "stack"];
    let (well, calls) = delete("deletes", "UPDATE_COMPLETE", "true", &whole);
    assert!(well, "{calls:#?}");
    assert_eq!(calls[1], "sam delete --stack-name stack --no-prompts");
    // Of more than a hundred resources, and of a stack that is gone by now.
    let listings: Vec<_> = calls
        .iter()
        .filter(|call| call.contains("resources"))
        .collect();
    let by_id = |call: &&String| call.contains("list-stack-resources --stack-name arn:stack/1 ");
    assert_eq!(
        listings.iter().filter(|call| by_id(call)).count(),
        listings.len()
    );
    let deletions = |calls: &[String]| -> Vec<String> {
        let words = [
            "delete-table",
            "delete-bucket",
            "delete-user-pool",
            "delete-secret",
        ]
        .into_iter()
        .chain(["schedule-key-deletion", "delete-queue"]);
        let of = |word: &str| {
            let calls = calls.iter().filter(|call| call.contains(word));
            format!("{word} {}", calls.count())
        };
        words.map(of).collect()
    };
    let all = deletions(&calls);
    assert!(all.iter().all(|told| told.ends_with(" 2")), "{all:?}");

    let gone = "echo 'An error occurred (ResourceNotFoundException)' >&2; exit 254";
    let id = ["arn:stack/1", "arn:stack/1"];
    let (well, calls) = delete("deletes-again", "DELETE_COMPLETE", gone, &id);
    assert!(well, "{calls:#?}");
    assert!(!calls.iter().any(|call| call.starts_with("sam ")));
    let rest = deletions(&calls);
    assert_eq!(
        rest[..2],
        ["delete-table 1", "delete-bucket 1"],
        "{calls:#?}"
    );
}

#[test]
fn nothing_is_deleted_by_half_a_word_and_an_error_is_none_of_a_thing_that_is_gone() {
    let (well, calls) = delete("meant", "UPDATE_COMPLETE", "true", &["stack"]);
    assert!(!well && calls.is_empty(), "{calls:#?}");
    let denied = "echo 'An error occurred (AccessDeniedException)' >&2; exit 254";
    let whole = ["stack", "stack"];
    let (well, calls) = delete("refused", "UPDATE_COMPLETE", denied, &whole);
    assert!(!well, "{calls:#?}");
    assert!(!calls.iter().any(|call| call.contains("delete-table")));
}
