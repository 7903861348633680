//! The table itself. One line is one operation; the doc comment is its summary in both documents.

use crate::{
    Access::{self, Administrator, AnyPrincipal, Person, Public, SelfKey},
    Method, Operation, Role, Route, Scope, Tenant,
};

macro_rules! tenant {
    () => {
        Tenant::Company
    };
    ($tenant:ident) => {
        Tenant::$tenant
    };
}

macro_rules! administrators {
    () => {
        None
    };
    ($tenant:ident) => {
        Some(Tenant::$tenant)
    };
}

macro_rules! streamed {
    () => {
        false
    };
    (streamed) => {
        true
    };
}

macro_rules! functions {
    ($(
        $function:ident = $folder:literal $($streamed:ident)? {
            $( #[doc = $summary:literal] $operation:ident = $method:ident $path:literal, $access:expr $(, $tenant:ident $(, administrators $for:ident)?)?; )*
        }
    )*) => {
        $(
            /// The operations of one function.
            pub mod $function {
                use super::*;

                const STREAMED: bool = streamed!($($streamed)?);

                #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
                pub enum Operation { $( #[doc = $summary] $operation, )* }

                impl super::Operation for Operation {
                    const ALL: &'static [(Self, Route)] = &[$((
                        Operation::$operation,
                        Route {
                            function: $folder,
                            operation: stringify!($operation),
                            method: Method::$method,
                            path: $path,
                            access: $access,
                            tenant: tenant!($($tenant)?),
                            streamed: STREAMED,
                            administrators: administrators!($($($for)?)?),
                            summary: $summary.trim_ascii(),
                        },
                    ),)*];

                    fn route(self) -> &'static Route {
                        &Self::ALL[self as usize].1
                    }
                }
            }
        )*

        /// Every route of this table, function by function.
        pub fn all() -> impl Iterator<Item = &'static Route> + Clone {
            std::iter::empty()
                $( .chain($function::Operation::ALL.iter().map(|(_, route)| route)) )*
        }
    };
}

const fn scope(scope: Scope) -> Access {
    Access::Scope(scope)
}

const fn role(role: Role) -> Access {
    Access::Role(role)
}

functions! {
    jobs = "jobs" {
        /// List the company's jobs, newest first
        ListJobs = Get "/jobs", scope(Scope::ReadJobs);
        /// Create a job
        CreateJob = Post "/jobs", scope(Scope::WriteJobs);
        /// Read one job
        GetJob = Get "/jobs/{jobId}", scope(Scope::ReadJobs);
        /// Change a job; absent fields stay, null clears
        UpdateJob = Patch "/jobs/{jobId}", scope(Scope::WriteJobs);
        /// Delete a job; it is kept for audit only
        DeleteJob = Delete "/jobs/{jobId}", scope(Scope::DeleteJobs);
    }

    candidates = "candidates" {
        /// List the company's candidates, newest first
        ListCandidates = Get "/candidates", scope(Scope::ReadCandidates);
        /// Create a candidate
        CreateCandidate = Post "/candidates", scope(Scope::WriteCandidates);
        /// Read one candidate
        GetCandidate = Get "/candidates/{candidateId}", scope(Scope::ReadCandidates);
        /// Change a candidate; absent fields stay, null clears
        UpdateCandidate = Patch "/candidates/{candidateId}", scope(Scope::WriteCandidates);
        /// Delete a candidate; what is kept for audit is erased 30 days later
        DeleteCandidate = Delete "/candidates/{candidateId}", scope(Scope::DeleteCandidates);
        /// Erase a candidate's data at once, also after its deletion
        EraseCandidate = Post "/candidates/{candidateId}/erase", scope(Scope::DeleteCandidates);
    }

    agents = "agents" {
        /// List the company's agents, newest first
        ListAgents = Get "/agents", scope(Scope::ReadAgents);
        /// Create an agent
        CreateAgent = Post "/agents", scope(Scope::WriteAgents);
        /// Read one agent
        GetAgent = Get "/agents/{agentId}", scope(Scope::ReadAgents);
        /// Change an agent; absent fields stay, null clears
        UpdateAgent = Patch "/agents/{agentId}", scope(Scope::WriteAgents);
        /// Delete an agent; its interviews stay
        DeleteAgent = Delete "/agents/{agentId}", scope(Scope::DeleteAgents);
    }

    interviews = "interviews" {
        /// List the company's interviews, newest first
        ListInterviews = Get "/interviews", scope(Scope::ReadInterviews);
        /// Create an interview, with its candidate, agent and job if need be
        CreateInterview = Post "/interviews", scope(Scope::WriteInterviews);
        /// Read one interview
        GetInterview = Get "/interviews/{interviewId}", scope(Scope::ReadInterviews);
        /// Move, annotate or cancel an interview that is scheduled
        UpdateInterview = Patch "/interviews/{interviewId}", scope(Scope::WriteInterviews);
    }

    billing = "billing" {
        /// Tell the minutes that were billed in a time
        GetUsage = Get "/billing/usage", scope(Scope::ReadBilling), AnyCompany;
    }

    companies = "companies" {
        /// List the companies that the key may act for, newest first
        ListCompanies = Get "/companies", scope(Scope::ReadCompanies), AnyCompany;
        /// Create a company for the key's partner, with its grant and an invitation to its owner
        CreateCompany = Post "/companies", scope(Scope::WriteCompanies), NewCompany;
        /// Read one company
        GetCompany = Get "/companies/{companyId}", scope(Scope::ReadCompanies), PathCompany;
        /// Change a company; absent fields stay, null clears
        UpdateCompany = Patch "/companies/{companyId}", scope(Scope::WriteCompanies), PathCompany;
        /// Make a company on a plan, and invite its owner
        FoundCompany = Post "/admin/companies", Administrator, System;
    }

    keys = "keys" {
        /// List the company's API keys, revoked ones included
        ListApiKeys = Get "/api-keys", role(Role::Member), Owner, administrators Owner;
        /// Create an API key; the answer is the only place that ever shows it
        CreateApiKey = Post "/api-keys", role(Role::Admin), Owner, administrators System;
        /// Revoke the key that makes this request
        RevokeOwnApiKey = Post "/api-keys/self/revoke", SelfKey;
        /// Read one API key
        GetApiKey = Get "/api-keys/{keyId}", role(Role::Member), Owner, administrators Owner;
        /// Change a key's name, scopes, expiry or allowlist
        UpdateApiKey = Patch "/api-keys/{keyId}", role(Role::Admin), Owner;
        /// What a key did, by hour or day: outcomes, operations, networks, secrets
        GetApiKeyUsage = Get "/api-keys/{keyId}/usage", role(Role::Member), Owner, administrators Owner;
        /// How a key could be narrowed without refusing what it did
        GetApiKeySuggestions = Get "/api-keys/{keyId}/suggestions", role(Role::Member), Owner, administrators Owner;
        /// Suspend a key: refused from this moment, until resumed
        SuspendApiKey = Post "/api-keys/{keyId}/suspend", role(Role::Admin), Owner, administrators Owner;
        /// Resume a suspended key
        ResumeApiKey = Post "/api-keys/{keyId}/resume", role(Role::Admin), Owner;
        /// Give a key a new secret; the old one ends with the overlap
        RotateApiKey = Post "/api-keys/{keyId}/rotate", role(Role::Admin), Owner;
        /// End a rotation's overlap early, or let it go on for longer
        UpdateOverlap = Patch "/api-keys/{keyId}/overlap", role(Role::Admin), Owner;
        /// Revoke every key of the company, and suspend every grant; all are dead before the answer
        RevokeAllApiKeys = Post "/api-keys/revoke-all", role(Role::Admin), Company, administrators Company;
        /// Revoke a key for good
        RevokeApiKey = Post "/api-keys/{keyId}/revoke", role(Role::Admin), Owner, administrators Owner;
        /// List the members, and who is invited, newest first
        ListMembers = Get "/members", role(Role::Member), Owner;
        /// Invite somebody by mail; ADMINs invite MEMBERs, OWNERs everybody
        InviteMember = Post "/members", role(Role::Admin), Owner;
        /// Give a member, or an invitation, another role
        UpdateMember = Patch "/members/{memberId}", role(Role::Owner), Owner;
        /// End a membership, or withdraw an invitation
        DeleteMember = Delete "/members/{memberId}", role(Role::Owner), Owner;
        /// Accept an invitation: the bearer becomes a member
        AcceptInvitation = Post "/invitations/{token}/accept", Person;
        /// List the company's grants to partners
        ListPartnerGrants = Get "/partner-grants", role(Role::Member);
        /// Let a partner act for the company
        CreatePartnerGrant = Post "/partner-grants", role(Role::Owner);
        /// Suspend a grant: the partner is refused from this moment, until resumed
        SuspendPartnerGrant = Post "/partner-grants/{partnerId}/suspend", role(Role::Admin);
        /// Resume a suspended grant
        ResumePartnerGrant = Post "/partner-grants/{partnerId}/resume", role(Role::Owner);
        /// End a grant for good
        EndPartnerGrant = Post "/partner-grants/{partnerId}/end", role(Role::Owner);
        /// List what the owner's people were told of their keys, newest first
        ListNotices = Get "/notices", role(Role::Member), Owner;
        /// Mark a notice as read, for all of the owner's people
        UpdateNotice = Patch "/notices/{noticeId}", role(Role::Member), Owner;
        /// Get what the owner wants to be alerted to
        GetAlertSettings = Get "/alert-settings", role(Role::Member), Owner;
        /// Set what the owner wants to be alerted to, as a whole
        SetAlertSettings = Put "/alert-settings", role(Role::Admin), Owner;
        /// List the partners, newest first
        ListPartners = Get "/partners", Administrator, System;
        /// Make a partner
        CreatePartner = Post "/partners", Administrator, System;
        /// Change a partner's name, the plan of the companies that it makes, or how many they and its keys may be
        UpdatePartner = Patch "/partners/{partnerId}", Administrator, PathPartner;
        /// List all companies, newest first
        ListAllCompanies = Get "/admin/companies", Administrator, System;
        /// Put a company on a plan; all its live keys have the plan's limits before the answer
        SetPlan = Put "/admin/companies/{companyId}/plan", Administrator, PathCompany;
        /// Explain a refused request of this company
        GetDenial = Get "/denials/{requestId}", role(Role::Member), Owner;
        /// Say who the bearer is
        GetWhoami = Get "/whoami", AnyPrincipal;
        /// Say that the API answers
        GetHealth = Get "/health", Public;
    }

    audit_log = "audit-log" {
        /// List the company's audit events, newest first
        ListAuditEvents = Get "/audit-events", role(Role::Member), Owner;
        /// List the signed checkpoints, newest first, each with the proof that it holds the company's chain
        ListAuditCheckpoints = Get "/audit-checkpoints", role(Role::Member), Owner;
        /// Give the public keys that exports and checkpoints are checked with
        GetAuditKeys = Get "/.well-known/audit-keys", Public;
    }

    audit_export = "audit-export" streamed {
        /// Export the company's audit events, oldest first and without a gap; the last line is signed
        ExportAuditEvents = Get "/audit-events/export", role(Role::Admin), Owner;
    }
}
