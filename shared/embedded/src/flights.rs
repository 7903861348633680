//! The items that transactions hold while they are under way, so that others can run into them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use crate::Engine;
use crate::streams::key_names;

#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Item, usize>>);

/// A table's name and an item's key, in one spelling.
type Item = (String, String);

impl Engine {
    /// Whether a transaction holds one of the items that a write names.
    pub(crate) fn meets_transaction(&self, items: &[Item]) -> bool {
        let held = self.held_items();
        items.iter().any(|item| held.contains_key(item))
    }

    /// Holds items until the guard goes, which a cancelled call does too.
    pub(crate) fn hold(&self, items: Vec<Item>) -> Held {
        let mut held = self.held_items();
        for item in &items {
            *held.entry(item.clone()).or_default() += 1;
        }
        drop(held);
        Held {
            engine: self.clone(),
            items,
        }
    }

    /// The items that a write names, BatchWriteItem's apart: AWS answers those one by one.
    pub(crate) fn items_of(&self, operation: &str, body: &Value) -> Vec<Item> {
        match operation {
            "PutItem" => self.item(body, "Item").into_iter().collect(),
            "UpdateItem" | "DeleteItem" => self.item(body, "Key").into_iter().collect(),
            "TransactWriteItems" => {
                let actions = body["TransactItems"].as_array().into_iter().flatten();
                actions
                    .filter_map(Value::as_object)
                    .flat_map(Map::iter)
                    .filter_map(|(kind, action)| {
                        self.item(action, if kind == "Put" { "Item" } else { "Key" })
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn item(&self, action: &Value, attributes: &str) -> Option<Item> {
        let table = action["TableName"].as_str()?;
        let attributes = &action[attributes];
        let mut names = self
            .shared
            .key_names
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(table) {
            let description = self.shared.database.get_table_metadata(table).ok()??;
            names.insert(table.to_owned(), key_names(&description).ok()?.into());
        }
        let key: Vec<&Value> = names[table].iter().map(|name| &attributes[name]).collect();
        Some((table.to_owned(), serde_json::to_string(&key).ok()?))
    }

    fn held_items(&self) -> MutexGuard<'_, HashMap<Item, usize>> {
        self.shared
            .flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Held {
    engine: Engine,
    items: Vec<Item>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.engine.held_items();
        for item in &self.items {
            if let Some(count) = held.get_mut(item) {
                *count -= 1;
                if *count == 0 {
                    held.remove(item);
                }
            }
        }
    }
}
