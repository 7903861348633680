//! What may stand in a source, and where.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{folders, read, root};

/// A source with its path in the workspace.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }
}

/// Every Rust source but these tests, which name what they look for.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["functions", "infra", "shared", "tests"]
        .map(|name| root().join(name))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                let is_skipped = path.ends_with("target") || path.ends_with("architecture");
                folders.extend((!is_skipped).then_some(path));
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                let path = path
                    .strip_prefix(root())
                    .unwrap_or(Path::new(""))
                    .to_string_lossy();
                found.push(Source {
                    path: path.into_owned(),
                    text,
                });
            }
        }
    }
    assert!(found.len() > 100, "{} sources", found.len());
    found
}

/// Fails where a word stands in a line that is no comment, outside of these places.
fn only_in(word: &str, places: &[&str]) {
    let mut seen = false;
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if line.contains(word) && !line.trim_start().starts_with("//") {
                seen = true;
                let (path, number) = (&source.path, number + 1);
                assert!(source.is_in(places), "{path}:{number} has {word}");
            }
        }
    }
    // A rule about something that is nowhere guards nothing: most likely it was renamed.
    assert!(seen || places.is_empty(), "{word} is nowhere");
}

#[test]
fn nothing_is_left_undone_or_silenced() {
    for word in [
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unsafe extern",
        "#[ignore",
        "todo!(",
        "unimplemented!(",
        "dbg!(",
        "set_var(",
        "mockall",
    ] {
        only_in(word, &[]);
    }
    // A lint is expected, with its reason, or it is kept.
    for word in ["#[allow(", "#![allow("] {
        only_in(word, &[]);
    }
}

/// Documents that a reader can't open explain nothing; standards are everybody's.
#[test]
fn no_source_cites_what_is_not_here() {
    let standards = ["RFC ", "SEC 1"];
    for Source { path, text } in sources() {
        for (number, line) in text.lines().enumerate() {
            let cites = line.contains('§') && !standards.iter().any(|known| line.contains(known));
            assert!(!cites, "{path}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn only_runtime_and_the_local_system_read_the_environment() {
    let axe = "tests/browser/src/axe.rs";
    // The floors are Lambda processes of their own.
    let floors = "infra/bench/examples/floor/";
    only_in(
        "env::var(",
        &["shared/runtime/", "infra/local/", floors, axe],
    );
    for word in ["env::var_os(", "env::vars("] {
        only_in(word, &[]);
    }
    for banned in ["env::var", "env::var_os", "env::vars"] {
        for file in ["clippy.toml", "functions/clippy.toml"] {
            assert!(read(file).contains(&format!("\"std::{banned}\"")), "{file}");
        }
    }
}

#[test]
fn what_nobody_may_call_functions_may_not_either() {
    let banned = |file: &str| {
        let text = read(file);
        let paths = text.lines().filter_map(|line| line.split('"').nth(1));
        paths.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (everybody, functions) = (banned("clippy.toml"), banned("functions/clippy.toml"));
    assert!(everybody.len() > 5 && everybody.is_subset(&functions));
}

#[test]
fn only_api_reads_the_clock_and_randomness() {
    only_in("SystemTime::now", &["shared/api/src/app.rs"]);
    only_in("rand::random", &["shared/api/src/app.rs"]);
    for word in [
        "Utc::now(",
        "Local::now(",
        "Uuid::now_v7(",
        "Uuid::new_v4(",
        "OsRng",
        "thread_rng(",
    ] {
        only_in(word, &[]);
    }
}

/// What a table gives to whoever asks is banned from functions, but for the stores that a principal opens, and the dashboard's sessions, which their secret opens.
#[test]
fn functions_reach_rows_by_the_stores_of_a_principal() {
    const OPEN: [&str; 17] = [
        "administration",
        "bearer",
        "company",
        "create_session",
        "end_session",
        "end_sessions_of",
        "find_session",
        "is_form_done",
        "names",
        "new",
        "note_form_done",
        "note_session_role",
        "owner",
        "partner",
        "set_session_reason",
        "touch_session",
        "warm_up",
    ];
    let fence = read("functions/clippy.toml");
    let mut met = BTreeSet::new();
    let sources = sources();
    for Source { path, text } in sources
        .iter()
        .filter(|file| file.is_in(&["shared/store/src/"]))
    {
        for block in text.split("\nimpl Table {\n").skip(1) {
            let (block, _) = block.split_once("\n}\n").expect("its end");
            for line in block.lines() {
                let name = line.strip_prefix("    pub async fn ");
                let Some(name) = name.or_else(|| line.strip_prefix("    pub fn ")) else {
                    continue;
                };
                let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
                let is_banned = fence.contains(&format!("\"store::Table::{name}\""));
                assert_ne!(is_banned, OPEN.contains(&&*name), "{path}: {name}");
                met.insert(name);
            }
        }
    }
    assert!(OPEN.iter().all(|name| met.contains(*name)), "{met:?}");
}

#[test]
fn a_principal_comes_from_the_authorizers_decision_its_context_or_a_row_of_ours() {
    only_in(
        "Principal::committed(",
        &[
            "functions/authorizer/src/decide.rs",
            "shared/auth/src/principal/tests.rs",
            "tests/",
        ],
    );
    only_in(
        "Heard::read(",
        &[
            "shared/api/src/accepted.rs",
            "shared/auth/",
            "functions/audit/tests/",
            "tests/",
        ],
    );
    only_in(
        "Principal::system(",
        &[
            "functions/worker/src/lib.rs",
            "shared/auth/src/principal/tests.rs",
            "shared/store/src/lib.rs",
            // A hundred thousand jobs are written past the API.
            "infra/bench/src/gateway/lists.rs",
            "tests/src/lib.rs",
        ],
    );
    let fence = "{ path = \"auth::Principal::system\"";
    assert!(read("functions/clippy.toml").contains(fence));
    only_in("CompanyStore::new(", &["shared/store/"]);
    only_in("Accepted {", &["shared/api/src/accepted.rs"]);
    // Nothing else in `auth` gives one away: no public field, no other constructor, no way in through serde.
    let text = read("shared/auth/src/principal.rs");
    let (_, body) = text.split_once("pub struct Principal {").expect("a struct");
    let (fields, _) = body.split_once('}').expect("its end");
    assert!(!fields.contains("pub"), "{fields}");
    let derived = text
        .split("pub struct Principal {")
        .next()
        .expect("the head");
    let derived = derived
        .lines()
        .rfind(|line| line.starts_with("#[derive"))
        .expect("a derive");
    assert!(
        !derived.contains("Deserialize") && !derived.contains("Default"),
        "{derived}"
    );
    let makers = text.matches("-> Principal {").count() + text.matches("-> Self {").count();
    // From the context, and the system's own.
    assert_eq!(makers, 2, "constructors of Principal");
}

#[test]
fn transactions_have_one_caller() {
    only_in(
        ".transact_write_items()",
        &["shared/store/src/transact.rs", "shared/embedded/tests/"],
    );
    only_in(".transact_get_items()", &[]);
    only_in(".batch_write_item()", &[]);
    // A scan reads other companies' rows: only an operator's reconciliation may, and no function has the right to.
    only_in(".scan()", &["shared/store/src/audit/reconcile.rs"]);
}

#[test]
fn handlers_know_no_sdk_and_choose_no_company() {
    for source in sources()
        .iter()
        .filter(|source| source.is_in(&["functions/"]))
    {
        let is_test = source.path.contains("/tests/") || source.path.contains("/tests.rs");
        for word in [
            "aws_sdk_",
            "aws_config",
            "CompanyId::new",
            "CompanyId::from",
        ] {
            assert!(
                is_test || !source.text.contains(word),
                "{} has {word}",
                source.path
            );
        }
    }
}

#[test]
fn no_rsa_key_ever_signs() {
    // RUSTSEC-2023-0071: the crate leaks private keys by its timing, and verifying has none.
    for word in [
        "RsaPrivateKey",
        "RSA PRIVATE KEY",
        "EncodingKey",
        "SigningKeyPair",
        "jsonwebtoken::encode",
    ] {
        only_in(word, &[]);
    }

    for source in sources() {
        let is_rsa = source.text.contains("rsa::") && source.text.contains("SigningKey");
        assert!(!is_rsa, "{}", source.path);
    }
}

#[test]
fn each_function_is_a_thin_main_and_a_library() {
    for function in folders("functions") {
        let main = read(&format!("functions/{function}/src/main.rs"));
        assert!(
            main.contains("#[tokio::main(flavor = \"current_thread\")]"),
            "{function}"
        );
        assert!(main.contains("runtime::start_log("), "{function}");
        assert!(
            main.lines().count() < 40,
            "{function}: what main does belongs to the library"
        );
    }
}

/// A crate whose name is forgotten logs nothing below WARN, and no test reads what it logs.
#[test]
fn the_log_level_moves_every_crate_that_runs_in_a_function() {
    let deployed = read("shared/runtime/src/log.rs");
    let elsewhere = ["infra/local/src/main.rs", "tests/src/leaks.rs"].map(read);
    let all = ["functions", "shared"].map(folders).concat();
    for name in all {
        let target = format!("\"{}\",", name.replace('-', "_"));
        // In no Lambda; and nowhere else.
        assert!(name == "embedded" || deployed.contains(&target), "{name}");
        let is_in = |list: &String| list.contains(&target);
        assert!(name == "runtime" || elsewhere.iter().all(is_in), "{name}");
    }
}
