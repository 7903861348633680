//! Lists, compared with a model that keeps the objects in a vector.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::{Answer, Caller, TestApp};

/// A kind of object, as its lists show it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) path: &'static str,
    /// What `q` finds an object by, as it stands in the contract.
    pub(crate) words: fn(&Value) -> Vec<String>,
    /// `q` as it is compared with them.
    pub(crate) cut: fn(&str) -> String,
}

/// What was acknowledged, by id: so the last one is the newest.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) kind: Kind,
    pub(crate) objects: BTreeMap<String, Value>,
}

impl Model {
    pub(crate) fn of(kind: Kind) -> Model {
        Model {
            kind,
            objects: BTreeMap::new(),
        }
    }

    pub(crate) fn put(&mut self, view: &Value) {
        self.objects.insert(id(view), view.clone());
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.objects.remove(id);
    }

    /// The objects as a list shows them.
    pub(crate) fn list(&self, filter: &Filter) -> Vec<Value> {
        let newest_first = self.objects.values().rev();
        let mut listed: Vec<_> = newest_first
            .filter(|object| filter.fits(object))
            .filter_map(|object| match &filter.q {
                None => Some((String::new(), object.clone())),
                Some(q) => {
                    let q = (self.kind.cut)(q);
                    let words = (self.kind.words)(object).into_iter();
                    let found = words.filter(|word| word.starts_with(&q));
                    Some((found.min()?, object.clone()))
                }
            })
            .collect();
        // Stable: among equal words the newest stays first.
        listed.sort_by(|(one, _), (other, _)| one.cmp(other));
        listed.into_iter().map(|(_, object)| object).collect()
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) values: Vec<(&'static str, String)>,
    pub(crate) q: Option<String>,
}

impl Filter {
    pub(crate) fn status(status: Option<&str>, q: Option<&str>) -> Filter {
        let status = status.map(|status| ("status", status.to_owned()));
        Filter {
            values: status.into_iter().collect(),
            q: q.map(str::to_owned),
        }
    }

    fn fits(&self, object: &Value) -> bool {
        self.values.iter().all(|(name, value)| {
            let many = object[format!("{name}s")].as_array();
            object[*name] == *value || many.is_some_and(|many| many.contains(&json!(value)))
        })
    }

    fn query(&self) -> String {
        let encoded =
            |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let q = self.q.iter().map(|q| ("q", q));
        let values = self.values.iter().map(|(name, value)| (*name, value));
        let all = values.chain(q);
        all.map(|(name, value)| format!("&{name}={}", encoded(value)))
            .collect()
    }
}

pub(crate) fn id(view: &Value) -> String {
    view["id"].as_str().expect("an id").to_owned()
}

pub(crate) fn items(list: &Answer) -> Vec<Value> {
    assert_eq!(list.status, 200, "{}", list.body);
    list.data()["items"].as_array().expect("items").clone()
}

/// One page in page mode, with everything that it says of the list.
pub(crate) async fn check_page(
    app: &TestApp,
    key: &Caller,
    model: &Model,
    filter: &Filter,
    page: usize,
    limit: usize,
) {
    let target = format!(
        "{}?page={page}&limit={limit}{}",
        model.kind.path,
        filter.query()
    );
    let list = app.get(key, &target).await;
    let all = model.list(filter);
    let expected: Vec<_> = all
        .iter()
        .skip((page - 1) * limit)
        .take(limit)
        .cloned()
        .collect();
    assert_eq!(items(&list), expected, "{target}");
    let more = all.len() > page * limit;
    let mut pagination = list.data()["pagination"].clone();
    let cursor = pagination["nextCursor"].take();
    assert_eq!(cursor.is_string(), more, "{target}");
    let two = filter.values.len() > 1;
    let counted = filter.q.is_none();
    assert_eq!(
        pagination,
        json!({
            "total": counted.then_some(all.len()),
            "totalIsLowerBound": counted && two,
            "page": page,
            "limit": limit,
            "totalPages": (counted && !two).then_some(all.len().div_ceil(limit)),
            "hasNextPage": more,
            "hasPreviousPage": page > 1,
            "nextCursor": null,
        }),
        "{target}"
    );
}

/// The whole list in cursor mode. Each page but the last is full.
pub(crate) async fn walk(
    app: &TestApp,
    key: &Caller,
    kind: Kind,
    filter: &Filter,
    limit: usize,
) -> Vec<Value> {
    let mut all = Vec::new();
    let mut next = String::new();
    loop {
        let target = format!("{}?limit={limit}{}{next}", kind.path, filter.query());
        let list = app.get(key, &target).await;
        let found = items(&list);
        let pagination = &list.data()["pagination"];
        if !next.is_empty() {
            assert_eq!(pagination["page"], Value::Null, "{target}");
            assert_eq!(pagination["hasPreviousPage"], Value::Null, "{target}");
        }
        let length = found.len();
        all.extend(found);
        match pagination["nextCursor"].as_str() {
            Some(cursor) => {
                assert_eq!(pagination["hasNextPage"], true, "{target}");
                assert_eq!(length, limit, "{target}");
                next = format!("&cursor={cursor}");
            }
            None => {
                assert_eq!(pagination["hasNextPage"], false, "{target}");
                return all;
            }
        }
    }
}
