//! Values at the edges of their rules: each sent when an object is made and when it is changed.

mod edges;

pub(crate) use edges::assert_complete;

use serde_json::{Value, json};
use tests::{Caller, TestApp};

pub(crate) fn text(length: usize) -> Value {
    "x".repeat(length).into()
}

pub(crate) fn emoji(length: usize) -> Value {
    "🦀".repeat(length).into()
}

/// An object in objects, `levels` of them.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

/// Arrays are levels too.
fn nested_in_arrays(levels: usize) -> Value {
    json!({ "a": (2..levels).fold(json!([]), |inner, _| json!([inner])) })
}

fn keys(count: usize) -> Value {
    let pairs = (0..count).map(|number| (format!("k{number}"), json!(number)));
    Value::Object(pairs.collect())
}

/// `count` keys, two of them in one object in a list.
fn spread_keys(count: usize) -> Value {
    let mut all = keys(count - 3);
    all["list"] = json!([{ "inner": 1, "other": 2 }]);
    all
}

/// As compact JSON so many bytes long.
pub(crate) fn bytes(length: usize) -> Value {
    let empty = json!({ "a": "" }).to_string().len();
    json!({ "a": "x".repeat(length - empty) })
}

/// The place of one value, the value, and what comes of it: `""` is accepted, else the one fault.
pub(crate) type Case = (&'static str, Value, &'static str);

/// The rules of every kind's metadata.
pub(crate) fn metadata_cases() -> Vec<Case> {
    vec![
        ("/metadata", json!({}), ""),
        ("/metadata", nested(5), ""),
        ("/metadata", nested(6), "/metadata depth"),
        ("/metadata", nested_in_arrays(5), ""),
        ("/metadata", nested_in_arrays(6), "/metadata depth"),
        ("/metadata", keys(50), ""),
        ("/metadata", keys(51), "/metadata length"),
        ("/metadata", spread_keys(50), ""),
        ("/metadata", spread_keys(51), "/metadata length"),
        ("/metadata", bytes(10 * 1024), ""),
        ("/metadata", bytes(10 * 1024 + 1), "/metadata size"),
        ("/metadata", Value::Null, ""),
        ("/metadata", json!([]), "/metadata type"),
        ("/metadata", json!("{}"), "/metadata type"),
        (
            "/metadata",
            json!({ "": null, "a/b~c": [1, "\0", -0.5] }),
            "",
        ),
    ]
}

/// A text of `min` to `max` characters, at both ends and one beyond, in letters and in what takes four bytes each.
pub(crate) fn text_cases(at: &'static str, min: usize, max: usize) -> Vec<Case> {
    let wrong = fault(at, "length");
    let mut cases = vec![
        (at, text(min), ""),
        (at, emoji(min), ""),
        (at, text(max), ""),
        (at, emoji(max), ""),
        (at, text(max + 1), wrong),
        (at, emoji(max + 1), wrong),
        (at, json!(["x".repeat(max)]), fault(at, "type")),
    ];
    if min > 0 {
        cases.extend([(at, text(min - 1), wrong), (at, emoji(min - 1), wrong)]);
    }
    cases
}

/// What may be left out and is one mailbox.
pub(crate) fn email_cases(at: &'static str) -> Vec<Case> {
    let local = "l".repeat(64);
    // 64 + 1 + 189 bytes: the most that RFC 5321 lets pass.
    let domain = |last: usize| {
        format!(
            "{}.{}.{}.example",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(last)
        )
    };
    vec![
        (at, json!("a@b.example"), ""),
        (at, json!("A.b+tag@sub.b.example"), ""),
        (at, json!(format!("{local}@b.example")), ""),
        (
            at,
            json!(format!("l{local}@b.example")),
            fault(at, "format"),
        ),
        (at, json!(format!("{local}@{}", domain(53))), ""),
        (
            at,
            json!(format!("{local}@{}", domain(54))),
            fault(at, "length"),
        ),
        (at, json!("a@b"), fault(at, "format")),
        (at, json!("a.example"), fault(at, "format")),
        (at, json!("a@@b.example"), fault(at, "format")),
        (at, json!("Ada <a@b.example>"), fault(at, "format")),
        (at, json!("a b@b.example"), fault(at, "format")),
        (at, json!(""), fault(at, "length")),
        (at, json!(1), fault(at, "type")),
        (at, Value::Null, ""),
    ]
}

/// Every word, and one that isn't any.
pub(crate) fn word_cases(at: &'static str, words: &str) -> Vec<Case> {
    let all = words.split(' ').map(|word| (at, json!(word), ""));
    all.chain([
        (at, json!("NONE_OF_THEM"), fault(at, "enum")),
        (
            at,
            json!(words.to_lowercase().split(' ').next()),
            fault(at, "enum"),
        ),
        (at, json!(1), fault(at, "type")),
    ])
    .collect()
}

/// Tests live as long as what they make up.
pub(crate) fn fault(at: &str, rule: &str) -> &'static str {
    format!("{at} {rule}").leak()
}

/// `whole` with one value in another place.
pub(crate) fn with(whole: &Value, pointer: &str, value: &Value) -> Value {
    let mut body = whole.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let name = name.replace("~1", "/").replace("~0", "~");
    match body.pointer_mut(parent).expect("the whole object has it") {
        Value::Array(values) => values[0] = value.clone(),
        object => object[name.as_str()] = value.clone(),
    }
    body
}

/// Sends every value in a new object and in a patch. `nulls`: what is shown of null where that isn't absence.
pub(crate) async fn check(
    app: &TestApp,
    key: &Caller,
    path: &str,
    whole: &Value,
    nulls: &Value,
    cases: Vec<Case>,
) {
    let patched = app.post(key, path, whole).await;
    assert_eq!(patched.status, 201, "{}", patched.body);
    let patched = format!("{path}/{}", patched.data()["id"].as_str().expect("an id"));
    let mut accepted = 1;
    for (pointer, value, fault) in cases {
        let case = format!("{pointer} = {value:.60}");
        let body = with(whole, pointer, &value);
        let made = app.post(key, path, &body).await;
        // A patch of the one field at the root that holds the value.
        let root = pointer[1..].split('/').next().expect("a name");
        let root = root.replace("~1", "/").replace("~0", "~");
        let patch = json!({ root.as_str(): body[root.as_str()] });
        // As it was first, whatever the values before have left.
        let before = app.patch(key, &patched, whole).await;
        assert_eq!(before.status, 200, "{case}: {}", before.body);
        let changed = app.patch(key, &patched, &patch).await;
        if fault.is_empty() {
            accepted += 1;
            assert_eq!(made.status, 201, "{case}: {}", made.body);
            assert_eq!(changed.status, 200, "{case}: {}", changed.body);
            let expected = match &value {
                Value::Null => nulls.pointer(pointer).unwrap_or(&Value::Null),
                other => other,
            };
            for data in [made.data(), changed.data()] {
                let found = data.pointer(pointer).unwrap_or(&Value::Null);
                assert_eq!(found, expected, "{case}");
            }
        } else {
            for refused in [&made, &changed] {
                assert_eq!(refused.status, 400, "{case}: {}", refused.body);
                assert_eq!(refused.code(), "VALIDATION_ERROR", "{case}");
                assert_eq!(refused.faults(), [fault], "{case}");
            }
            let after = app.get(key, &patched).await;
            assert_eq!(after.data(), before.data(), "{case} changed something");
        }
    }
    let list = app.get(key, &format!("{path}?limit=1")).await;
    assert_eq!(list.data()["pagination"]["total"], accepted);
}
