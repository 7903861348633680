//! What the dashboard reads for its pages and no client can ask for: operations without a route to the outside.
//!
//! Each is decided on, counted and recorded as those of the API are.

use crate::{Access::Role as Needs, Method, Operation, Role, Route, Tenant};

functions! {
    dashboard = "dashboard" {
        /// Whose pages these are, and how much is unread
        GetFrame = Get "/inner/frame", Needs(Role::Member), Owner, administrators Owner;
        /// What the keys that `keyIds` names did in the last 24 hours
        ListActivity = Get "/inner/activity", Needs(Role::Member), Owner, administrators Owner;
    }
}
