//! The route table: every operation of the API with its method, path and access, written once.
//!
//! Invariant: a path, method or scope of the API stands here and nowhere else by hand; the functions' `match`es, the authorizer's policy, both documents, the local gateway and the generated tests all read this table.
//! Knows nothing of AWS, HTTP libraries, the clock, or what an operation does.

mod access;
#[macro_use]
mod table;
pub mod inner;
pub mod pages;

pub use access::{Access, Role, Scope, ScopeSet, UnknownScope};
pub use table::*;

/// An HTTP method that the table uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// Whether the method promises to change nothing.
    pub const fn is_read(self) -> bool {
        matches!(self, Method::Get)
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Route {
    /// Folder, package and binary of the function that answers.
    pub function: &'static str,
    /// Verb + noun, unique over all tables, because one is decided on by its name: the `operationId` of both documents.
    pub operation: &'static str,
    pub method: Method,
    /// As API Gateway writes a resource: `/jobs/{jobId}`.
    pub path: &'static str,
    pub access: Access,
    pub tenant: Tenant,
    /// Whether the answer is sent while it is made, and may be longer than others.
    pub streamed: bool,
    /// Whose things the route is about when an administrator asks, on routes that people have anyway; `None`: administrators may not use it.
    pub administrators: Option<Tenant>,
    pub summary: &'static str,
}

/// Whose things a route with a scope or a role is about, or one of administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenant {
    /// One company: the caller's own, or the one that `companyId` names.
    Company,
    /// The company in the path.
    PathCompany,
    /// As `Company`, but a partner's key may name none, and is then about all companies that its partner manages.
    AnyCompany,
    /// A company that is yet to be made, for its partner, by a partner's key alone.
    NewCompany,
    /// A company or a partner, by the person's membership.
    Owner,
    /// The partner in the path.
    PathPartner,
    /// Nobody's in particular: what the whole platform has.
    System,
}

impl Route {
    /// Whether the request is about somebody's things: resource routes always, people's routes for their owner.
    pub const fn needs_tenant(&self) -> bool {
        matches!(
            self.access,
            Access::Scope(_) | Access::Role(_) | Access::Administrator
        ) && !matches!(self.tenant, Tenant::System)
    }

    /// Whose things a request of an administrator is about; `None` where administrators may not ask as such.
    pub const fn for_administrators(&self) -> Option<Tenant> {
        match self.access {
            Access::Administrator => Some(self.tenant),
            Access::AnyPrincipal => Some(Tenant::System),
            _ => self.administrators,
        }
    }

    /// Whether a repeated request is known by its `Idempotency-Key`. A revoked key asks no second time, so there is no answer to keep.
    pub fn takes_idempotency_key(&self) -> bool {
        self.method == Method::Post && self.access != Access::SelfKey
    }

    /// Whether `companyId` is read.
    pub const fn reads_company_id(&self) -> bool {
        self.needs_tenant() && !matches!(self.tenant, Tenant::NewCompany | Tenant::PathPartner)
    }

    /// The names between braces, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// What every function's own `Operation` enum can say of itself.
pub trait Operation: Copy + std::fmt::Debug + Send + Sync + 'static {
    const ALL: &'static [(Self, Route)];

    fn route(self) -> &'static Route;

    /// The operation that API Gateway routed to, from its method and `resourcePath`.
    fn find(method: &str, path: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, route)| route.path == path && route.method.as_str() == method)
            .map(|(operation, _)| *operation)
    }
}

/// What the gateway routes: the API and the dashboard's pages.
pub fn routed() -> impl Iterator<Item = &'static Route> + Clone {
    all().chain(pages::all())
}

/// The line with this method and resource path, whichever function answers it.
pub fn find(method: &str, path: &str) -> Option<&'static Route> {
    all().find(|route| route.path == path && route.method.as_str() == method)
}

/// The line of an operation's name.
pub fn by_operation(name: &str) -> Option<&'static Route> {
    all().find(|route| route.operation == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn operations_and_method_path_pairs_are_unique() {
        let every = || routed().chain(inner::all());
        let names: HashSet<_> = every().map(|route| route.operation).collect();
        let places: HashSet<_> = every().map(|route| (route.method, route.path)).collect();
        assert_eq!(names.len(), every().count());
        assert_eq!(places.len(), every().count());
    }

    #[test]
    fn a_literal_segment_never_competes_with_a_parameter_at_equal_depth_for_one_method() {
        // API Gateway prefers the literal; the local gateway must agree, so the table says where it matters.
        for route in all() {
            assert!(route.path.starts_with('/') && !route.path.ends_with('/'));
            assert!(
                route
                    .path
                    .split('/')
                    .skip(1)
                    .all(|part| !part.is_empty() && part.matches('{').count() <= 1)
            );
        }
    }

    #[test]
    fn every_scope_reaches_something() {
        for scope in Scope::ALL {
            assert!(all().any(|route| route.access == Access::Scope(scope)));
        }
    }

    #[test]
    fn every_scope_has_one_text() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Ok(scope));
        }
        assert_eq!(Scope::parse("read:everything"), Err(UnknownScope));
        assert_eq!(Scope::ALL.len(), 14);
    }
}
