use auth::{
    Answer, Asked, Counted, Decision, Forbidden, GivenReason, Grant, KeyFacts, Keyring,
    NamedCompany, NamedPartner, PresentedKey, SecretDocument, SecretFacts,
};
use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};
use model::{
    CompanyId, GrantState, KeyId, KeyKind, KeyState, Owner, PartnerId, RateLimit, Timestamp,
};
use routes::{Access, Route, Scope, ScopeSet, Tenant};
use std::collections::{HashMap, HashSet};

const SETS: u64 = 1 << 14;
const CASES: u64 = 100_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

fn scopes(set: u64) -> ScopeSet {
    let all = Scope::ALL.into_iter().enumerate();
    all.filter(|(at, _)| set >> at & 1 == 1)
        .map(|(_, scope)| scope)
        .collect()
}

/// One permission a route, of the scope's name alone: the contract says who needs which.
fn policies() -> PolicySet {
    let mut text = String::new();
    for route in routes::all() {
        let operation = route.operation;
        let head = format!("permit(principal, action == Action::\"{operation}\", resource)");
        match route.access {
            Access::Scope(scope) => {
                let scope = scope.as_str();
                let own = format!("principal.scopes.contains(\"{scope}\")");
                let granted = format!("resource.granted.contains(\"{scope}\")");
                text += &format!("{head} when {{ {own} && {granted} }};\n");
            }
            Access::AnyPrincipal | Access::SelfKey => text += &format!("{head};\n"),
            Access::Role(_) | Access::Person | Access::Administrator | Access::Public => {}
        }
    }
    // Companies are made by partners.
    text += "forbid(principal, action == Action::\"CreateCompany\", resource) when { principal.kind == \"STANDARD\" };\n";
    text.parse().expect("policies")
}

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
}

impl Cedar {
    fn allows(&self, kind: KeyKind, own: ScopeSet, granted: ScopeSet, route: &Route) -> bool {
        let uid = |text: &str| text.parse::<EntityUid>().expect("an id");
        let set = |scopes: ScopeSet| {
            let texts = scopes.iter().map(|scope| scope.as_str().to_owned());
            RestrictedExpression::new_set(texts.map(RestrictedExpression::new_string))
        };
        let entity = |id: &str, attributes: Vec<(&str, RestrictedExpression)>| {
            let attributes: HashMap<_, _> = attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            Entity::new(uid(id), attributes, HashSet::new()).expect("an entity")
        };
        let kind = RestrictedExpression::new_string(kind.as_str().to_owned());
        let (key, company) = ("Key::\"k\"", "Company::\"c\"");
        let key_entity = entity(key, vec![("scopes", set(own)), ("kind", kind)]);
        let company_entity = entity(company, vec![("granted", set(granted))]);
        let entities = Entities::from_entities([key_entity, company_entity], None);
        let action = uid(&format!("Action::\"{}\"", route.operation));
        let request = Request::new(uid(key), action, uid(company), Context::empty(), None);
        let answer = self.authorizer.is_authorized(
            &request.expect("a request"),
            &self.policies,
            &entities.expect("entities"),
        );
        assert_eq!(answer.diagnostics().errors().count(), 0);
        answer.decision() == cedar_policy::Decision::Allow
    }
}

struct Product {
    keyring: Keyring,
    presented: PresentedKey,
    facts: KeyFacts,
}

impl Product {
    fn new(kind: KeyKind) -> Product {
        let at = Timestamp::EPOCH;
        let keyring = Keyring::new(&SecretDocument::generate([7; 32], 0));
        let id = KeyId::new([1; 8]);
        let (plain, stored) = keyring.mint(kind, id, [2; 32]);
        let facts = KeyFacts {
            id,
            kind,
            owner: match kind {
                KeyKind::Standard => Owner::Company(CompanyId::new(at, [1; 10])),
                KeyKind::Ats => Owner::Partner(PartnerId::new(at, [2; 10])),
            },
            state: KeyState::Active,
            since: None,
            expires_at: None,
            allowed_ips: None,
            scopes: ScopeSet::EMPTY,
            limits: RateLimit::PERSON,
            secrets: vec![SecretFacts {
                stored,
                suffix: plain.suffix().to_owned(),
                created_at: at,
                valid_until: None,
                ended: false,
            }],
            counted: Counted::default(),
        };
        Product {
            presented: PresentedKey::parse(plain.expose()).expect("minted"),
            keyring,
            facts,
        }
    }

    fn allows(&mut self, own: ScopeSet, granted: ScopeSet, route: &'static Route) -> bool {
        self.facts.scopes = own;
        let asked = Asked {
            route,
            address: "192.0.2.1".parse().expect("an address"),
            company: NamedCompany::One(CompanyId::new(Timestamp::EPOCH, [1; 10])),
            partner: NamedPartner::Absent,
            reason: GivenReason::Absent,
        };
        let grant = Grant {
            state: GrantState::Active,
            since: Timestamp::EPOCH,
            scopes: granted,
        };
        let Product {
            keyring,
            presented,
            facts,
        } = self;
        let grant = Some(Some(grant));
        match facts.decide(presented, keyring, &asked, grant, Timestamp::EPOCH) {
            Decision::Commit(_) => true,
            Decision::Refuse(refusal) => {
                let expected = match (route.access, refusal.answer) {
                    (Access::Scope(needed), Answer::Forbidden(Forbidden::Scope(said))) => {
                        needed == said
                    }
                    (Access::Scope(_), Answer::Forbidden(Forbidden::Credential(_))) => {
                        route.tenant == Tenant::NewCompany
                    }
                    (Access::Scope(_), _) => false,
                    _ => true,
                };
                assert!(expected, "{}: {refusal:?}", route.operation);
                false
            }
            Decision::NeedGrant(company) => panic!("the grant of {company} was given"),
        }
    }
}

#[test]
fn what_scopes_allow_is_what_cedar_says() {
    let cedar = Cedar {
        authorizer: Authorizer::new(),
        policies: policies(),
    };
    let mut standard = Product::new(KeyKind::Standard);
    let mut ats = Product::new(KeyKind::Ats);
    let routes: Vec<&'static Route> = routes::all().collect();
    let mut random = Random(1);
    let mut allowed = 0;
    let cases = match cfg!(feature = "long") {
        true => SETS * routes.len() as u64,
        false => CASES,
    };
    for case in 0..cases {
        let (set, route) = match cfg!(feature = "long") {
            true => (case % SETS, routes[(case / SETS) as usize]),
            false => (
                random.below(SETS),
                routes[random.below(routes.len() as u64) as usize],
            ),
        };
        let (own, granted) = (scopes(set), scopes(random.below(SETS)));
        let (kind, found, granted) = match random.below(2) {
            // Of its own company nobody grants it anything.
            0 => {
                let found = standard.allows(own, ScopeSet::EMPTY, route);
                (KeyKind::Standard, found, ScopeSet::all())
            }
            // Where no company is meant, no grant counts.
            _ => {
                let found = ats.allows(own, granted, route);
                let counts = route.needs_tenant() && route.tenant != Tenant::NewCompany;
                let granted = if counts { granted } else { ScopeSet::all() };
                (KeyKind::Ats, found, granted)
            }
        };
        let expected = cedar.allows(kind, own, granted, route);
        let operation = route.operation;
        assert_eq!(found, expected, "{operation} {kind}: {own:?} {granted:?}");
        allowed += u64::from(found);
    }
    assert!(
        allowed > cases / 10 && allowed < cases * 9 / 10,
        "{allowed} of {cases}"
    );
}
