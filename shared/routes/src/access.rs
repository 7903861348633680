//! Who may reach an operation: scopes for keys, roles for people.

use std::fmt;

/// What a route demands of its caller. Never optional: a route without access doesn't compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// An API key with this scope, inside one company.
    Scope(Scope),
    /// A person with at least this role in the company or partner.
    Role(Role),
    /// Any person who has signed in, a member of something or not.
    Person,
    /// Any good credential, a key or a person.
    AnyPrincipal,
    /// An API key, acting on itself.
    SelfKey,
    /// An administrator of InstaView, who says why in `X-Admin-Reason`.
    Administrator,
    /// No credential that a gateway could check: it is for everybody, or a page, for which the dashboard itself looks for a session.
    Public,
}

/// A person's role in one company or partner; a later variant may do all that an earlier one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Member,
    Admin,
    Owner,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Member, Role::Admin, Role::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Member => "MEMBER",
            Role::Admin => "ADMIN",
            Role::Owner => "OWNER",
        }
    }

    /// As people are told of it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Member => "Member",
            Role::Admin => "Admin",
            Role::Owner => "Owner",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

macro_rules! scopes {
    ($( $scope:ident = $text:literal ),* $(,)?) => {
        /// The fourteen scopes of the promise. `write` implies neither `read` nor `delete`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scope { $( $scope ),* }

        impl Scope {
            pub const ALL: [Scope; [$( Scope::$scope ),*].len()] = [$( Scope::$scope ),*];

            pub const fn as_str(self) -> &'static str {
                match self { $( Scope::$scope => $text ),* }
            }
        }
    };
}

scopes! {
    ReadJobs = "read:jobs",
    WriteJobs = "write:jobs",
    DeleteJobs = "delete:jobs",
    ReadCandidates = "read:candidates",
    WriteCandidates = "write:candidates",
    DeleteCandidates = "delete:candidates",
    ReadInterviews = "read:interviews",
    WriteInterviews = "write:interviews",
    ReadAgents = "read:agents",
    WriteAgents = "write:agents",
    DeleteAgents = "delete:agents",
    ReadCompanies = "read:companies",
    WriteCompanies = "write:companies",
    ReadBilling = "read:billing",
}

impl Scope {
    pub fn parse(text: &str) -> Result<Scope, UnknownScope> {
        Scope::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

/// The text names none of the scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownScope;

/// A set of scopes. The empty one grants nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ScopeSet(u16);

impl ScopeSet {
    pub const EMPTY: ScopeSet = ScopeSet(0);

    pub fn all() -> ScopeSet {
        Scope::ALL.into_iter().collect()
    }

    /// Every possible set, for exhaustive tests.
    pub fn every() -> impl Iterator<Item = ScopeSet> {
        (0..1u16 << Scope::ALL.len()).map(ScopeSet)
    }

    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn intersection(self, other: ScopeSet) -> ScopeSet {
        ScopeSet(self.0 & other.0)
    }

    /// In the promise's order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }

    /// Reads stored texts; an unknown one grants nothing, so that an older process meets a newer scope safely.
    pub fn from_stored<'a>(texts: impl IntoIterator<Item = &'a str>) -> ScopeSet {
        texts
            .into_iter()
            .filter_map(|text| Scope::parse(text).ok())
            .collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        ScopeSet(
            scopes
                .into_iter()
                .fold(0, |set, scope| set | 1 << scope as u16),
        )
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Scope::as_str))
            .finish()
    }
}

impl serde::Serialize for ScopeSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

impl<'de> serde::Deserialize<'de> for ScopeSet {
    /// As [`ScopeSet::from_stored`].
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Ok(ScopeSet::from_stored(texts.iter().map(String::as_str)))
    }
}

impl schemars::JsonSchema for ScopeSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scopes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "minItems": 1,
            "uniqueItems": true,
            "items": { "type": "string", "enum": Scope::ALL.map(Scope::as_str) },
        })
    }
}
