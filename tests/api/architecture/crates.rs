//! Who may depend on whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};
use toml::Table;

use super::{folders, read, root};

/// One crate of the workspace, as its Cargo.toml has it.
struct Package {
    folder: String,
    manifest: Table,
}

impl Package {
    fn name(&self) -> &str {
        self.manifest["package"]["name"].as_str().expect("a name")
    }

    /// Optional ones included; those of tests are not.
    fn dependencies(&self) -> BTreeSet<&str> {
        self.table("dependencies")
    }

    fn all_dependencies(&self) -> BTreeSet<&str> {
        let mut all = self.dependencies();
        all.extend(self.table("dev-dependencies"));
        all.extend(self.table("build-dependencies"));
        all
    }

    /// Those that each user of the crate has, too.
    fn required(&self) -> BTreeSet<&str> {
        let table = self.manifest["dependencies"].as_table();
        let names = table.into_iter().flatten().filter(|(_, dependency)| {
            dependency.get("optional").and_then(|value| value.as_bool()) != Some(true)
        });
        names.map(|(name, _)| name.as_str()).collect()
    }

    fn table(&self, name: &str) -> BTreeSet<&str> {
        assert!(!self.manifest.contains_key("target"), "{}", self.folder);
        let table = self.manifest.get(name).and_then(|table| table.as_table());
        let names = table.into_iter().flatten();
        names.map(|(name, _)| name.as_str()).collect()
    }
}

fn packages() -> Vec<Package> {
    let parents = ["functions", "infra", "shared"].into_iter();
    let children = parents.flat_map(|parent| {
        let names = folders(parent).into_iter();
        names.map(move |name| format!("{parent}/{name}"))
    });
    children
        .chain(["tests", "tests/browser"].map(str::to_owned))
        .map(|folder| Package {
            manifest: read(&format!("{folder}/Cargo.toml")).parse().expect("TOML"),
            folder,
        })
        .collect()
}

/// Whether the crate is one of the SDK, and not only a type of an event.
fn is_sdk(name: &str) -> bool {
    name.starts_with("aws-") || name == "serde_dynamo"
}

#[test]
fn model_and_routes_know_nothing_of_aws_http_or_the_clock() {
    let pure = [
        "base64",
        "chrono",
        "email_address",
        "ipnet",
        "iso_currency",
        "isolang",
        "routes",
        "rust_iso3166",
        "schemars",
        "serde",
        "serde_json",
        "serde_json_canonicalizer",
        "sha2",
        "thiserror",
        "url",
        "uuid",
    ];
    for package in packages() {
        let allowed: &[&str] = match package.name() {
            "model" => &pure,
            "routes" => &["schemars", "serde"],
            _ => continue,
        };
        for name in package.all_dependencies() {
            let is_test_tool = !package.dependencies().contains(name) && name == "proptest";
            assert!(
                allowed.contains(&name) || is_test_tool,
                "{} needs {name}",
                package.name()
            );
        }
    }
    // Without this feature chrono can't read the clock.
    let workspace: Table = read("Cargo.toml").parse().expect("TOML");
    let chrono = &workspace["workspace"]["dependencies"]["chrono"];
    assert_eq!(chrono["default-features"].as_bool(), Some(false));
    let features = chrono["features"].as_array().expect("a list");
    assert!(
        features
            .iter()
            .all(|feature| feature.as_str() != Some("clock"))
    );
}

#[test]
fn only_store_runtime_and_embedded_name_the_sdk() {
    for package in packages() {
        let may = ["store", "runtime", "embedded"].contains(&package.name());
        for name in package.all_dependencies() {
            // The local system makes the tables.
            let makes_tables = package.name() == "local" && name == "aws-sdk-dynamodb";
            assert!(
                may || makes_tables || !is_sdk(name),
                "{} needs {name}",
                package.name()
            );
        }
    }
}

#[test]
fn only_the_dashboard_the_local_system_and_tests_depend_on_functions() {
    let functions = folders("functions");
    for package in packages() {
        // The dashboard is a gateway of its own: it asks the handlers that API Gateway asks.
        let may = ["dashboard", "local", "tests"].contains(&package.name());
        for name in package.all_dependencies() {
            let is_function = functions.iter().any(|function| function == name);
            assert!(may || !is_function, "{} needs {name}", package.name());
        }
        let is_outer = package.folder.starts_with("infra/") || package.name() == "tests";
        let inner = ["local", "spec", "tests"];
        let outward = package.all_dependencies();
        let mut outward = outward.iter().filter(|name| inner.contains(name));
        assert!(is_outer || outward.next().is_none(), "{}", package.name());
    }
}

#[test]
fn only_api_has_randomness() {
    for package in packages() {
        for name in ["rand", "getrandom", "fastrand"] {
            let has = package.all_dependencies().contains(name);
            assert!(
                !has || package.name() == "api",
                "{} needs {name}",
                package.name()
            );
        }
    }
}

#[test]
fn the_environment_of_lambda_is_runtimes_alone() {
    let functions = folders("functions");
    for package in packages() {
        let is_function = functions.iter().any(|name| name == package.name());
        let needs = package.dependencies();
        // Whoever operates a stack finds it as the functions do.
        let has_environment = is_function || package.name() == "operate";
        let name = package.name();
        assert_eq!(needs.contains("runtime"), has_environment, "{name}");
        if has_environment {
            let runtime = &package.manifest["dependencies"]["runtime"];
            assert_eq!(
                runtime["optional"].as_bool(),
                Some(true),
                "{}",
                package.name()
            );
            let bins = package.manifest["bin"].as_array().expect("a binary");
            assert_eq!(bins.len(), 1);
            assert_eq!(bins[0]["name"].as_str(), Some(package.name()));
            assert_eq!(bins[0]["required-features"][0].as_str(), Some("lambda"));
        }
    }
}

#[test]
fn folder_package_and_lints_are_the_same_everywhere() {
    for package in packages() {
        let folder = package.folder.rsplit('/').next().expect("a name");
        assert_eq!(package.name(), folder);
        let lints = &package.manifest["lints"]["workspace"];
        assert_eq!(lints.as_bool(), Some(true), "{folder}");
        for shared in ["version", "edition", "rust-version", "license", "publish"] {
            let value = &package.manifest["package"][shared]["workspace"];
            assert_eq!(value.as_bool(), Some(true), "{folder}: {shared}");
        }
        let library = root().join(&package.folder).join("src/lib.rs");
        let text = fs::read_to_string(library).expect("every crate has a library");
        assert!(
            text.starts_with("//! "),
            "{folder} doesn't say what it owns"
        );
    }
}

#[test]
fn every_version_stands_once() {
    for package in packages() {
        for kind in ["dependencies", "dev-dependencies"] {
            let table = package
                .manifest
                .get(kind)
                .and_then(|table| table.as_table());
            for (name, value) in table.into_iter().flatten() {
                let inherited = value.get("workspace").and_then(|value| value.as_bool());
                assert_eq!(inherited, Some(true), "{}: {name}", package.name());
            }
        }
    }
}

/// What a lock file holds, by name and version: the names of what each package needs.
fn locked(path: &str) -> BTreeMap<(String, String), BTreeSet<String>> {
    let lock: Table = read(path).parse().expect("TOML");
    let text = |package: &toml::Value, name: &str| {
        let text = package[name].as_str().expect("a text");
        text.to_owned()
    };
    let needs = |package: &toml::Value| {
        let list = package.get("dependencies").and_then(|list| list.as_array());
        let texts = list.into_iter().flatten().filter_map(|name| name.as_str());
        // Where there are several versions, the name is followed by the one that is meant.
        let names = texts.filter_map(|text| text.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let packages = lock["package"].as_array().expect("a list").iter();
    packages
        .map(|package| {
            let key = (text(package, "name"), text(package, "version"));
            (key, needs(package))
        })
        .collect()
}

/// Fuzzers and second opinions have a workspace of their own, which must not drift away from what is shipped.
#[test]
fn what_is_built_apart_is_the_product_in_its_versions() {
    let (product, apart) = (locked("Cargo.lock"), locked("tests/apart/Cargo.lock"));
    // What semantic versioning takes for one: another line is another tool's.
    let line = |version: &str| {
        let mut parts = version.split('.');
        let major = parts.next().map(str::to_owned);
        let minor = parts.next().map(str::to_owned);
        (minor.filter(|_| major.as_deref() == Some("0")), major)
    };
    for (name, version) in apart.keys() {
        let mut same = product
            .keys()
            .filter(|(ours, locked)| ours == name && line(locked) == line(version))
            .peekable();
        assert!(
            same.peek().is_none() || same.any(|(_, locked)| locked == version),
            "{name} {version}: copy Cargo.lock to tests/apart, and run `cargo metadata` there"
        );
    }
    let shared = apart.keys().filter(|key| product.contains_key(key));
    assert!(shared.count() > 200);
    let ours = packages();
    let both = ours.iter().filter_map(|package| {
        let (_, needs) = apart.iter().find(|((name, _), _)| name == package.name())?;
        Some((package, needs))
    });
    let stale: Vec<_> = both
        .clone()
        .flat_map(|(package, needs)| {
            let required = package.required().into_iter();
            required.filter(|name| !needs.contains(*name))
        })
        .collect();
    assert!(both.count() > 5);
    assert_eq!(stale, [""; 0], "run `cargo metadata` in tests/apart");
    let workspace: Table = read("tests/apart/Cargo.toml").parse().expect("TOML");
    let lint = &workspace["workspace"]["lints"]["rust"]["unsafe_code"];
    assert_eq!(lint.as_str(), Some("forbid"));
    for folder in folders("tests/apart") {
        let manifest: Table = read(&format!("tests/apart/{folder}/Cargo.toml"))
            .parse()
            .expect("TOML");
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{folder}"
        );
    }
}

#[test]
fn there_is_one_tls_stack() {
    let lock: Table = read("Cargo.lock").parse().expect("TOML");
    let packages = lock["package"].as_array().expect("a list");
    let names: Vec<_> = packages
        .iter()
        .map(|package| package["name"].as_str().expect("a name"))
        .collect();
    for banned in [
        "aws-lc-rs",
        "aws-lc-sys",
        "aws-lc-fips-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
    ] {
        assert!(!names.contains(&banned), "{banned}");
    }
    for once in ["rustls", "ring", "hyper", "http", "tokio", "jsonwebtoken"] {
        let count = names.iter().filter(|name| **name == once).count();
        assert!(count <= 1, "{once} stands {count} times in Cargo.lock");
    }
    assert!(
        !names.contains(&"dynoxide"),
        "dynoxide is another thing than dynoxide-rs"
    );
}

#[test]
fn a_plain_cargo_run_and_cargo_test_mean_everything() {
    let workspace: Table = read("Cargo.toml").parse().expect("TOML");
    assert!(!workspace.contains_key("package"));
    assert!(workspace["workspace"].get("default-members").is_none());
    let runs: Vec<_> = packages()
        .into_iter()
        .filter_map(|package| package.manifest["package"].get("default-run").cloned())
        .collect();
    assert_eq!(runs, [toml::Value::from("local")]);
    assert_eq!(
        workspace["profile"]["release"]["panic"].as_str(),
        Some("unwind")
    );
}
