//! The dashboard's own operations: no route reaches them, so no policy stands in front of them, and their lines in the table say all.

use routes::{Access, Role, Route, Tenant, inner};
use std::collections::BTreeSet;

fn named(routes: impl Iterator<Item = &'static Route>) -> BTreeSet<&'static str> {
    routes.map(|route| route.operation).collect()
}

#[test]
fn administrators_reach_three_of_them_and_no_candidate() {
    let reached =
        inner::all().filter_map(|route| Some((route.operation, route.for_administrators()?)));
    let expected = [
        ("GetAccount", Tenant::Company),
        ("GetFrame", Tenant::Owner),
        ("ListActivity", Tenant::Owner),
    ];
    let mut reached: Vec<_> = reached.collect();
    reached.sort_by_key(|(operation, _)| *operation);
    assert_eq!(reached, expected);
}

#[test]
fn whoever_is_no_member_reaches_what_is_their_own_and_nobody_without_signing_in() {
    let of_members =
        |route: &&Route| route.access == Access::Role(Role::Member) && route.needs_tenant();
    let others = named(inner::all().filter(|route| !of_members(route)));
    let expected = ["AcceptInvitationSignedIn", "GetInvitation", "GetStanding"];
    assert_eq!(others, BTreeSet::from(expected));
    let mut others = inner::all().filter(|route| !of_members(route));
    assert!(others.all(|route| route.access == Access::Person));
}
