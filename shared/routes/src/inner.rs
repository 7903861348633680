//! What the dashboard reads for its pages and no client can ask for: operations without a route to the outside.
//!
//! Each is decided on, counted and recorded as those of the API are.

use crate::{
    Access::{Person, Role as Needs},
    Method, Operation, Role, Route, Tenant,
};

functions! {
    dashboard = "dashboard" {
        /// Whose pages these are, and how much is unread
        GetFrame = Get "/inner/frame", Needs(Role::Member), Owner, administrators Owner;
        /// What the keys that `keyIds` names did in the last 24 hours
        ListActivity = Get "/inner/activity", Needs(Role::Member), Owner, administrators Owner;

        /// What an invitation says, to whom it was sent
        GetInvitation = Get "/inner/invitations/{token}", Person;
        /// Accept an invitation with what the session has shown of the person
        AcceptInvitationSignedIn = Post "/inner/invitations/{token}", Person;
        /// The company's grants, with what the partners are called
        ListGrants = Get "/inner/grants", Needs(Role::Member), Company;
        /// What a partner did of late in the company
        ListPartnerEvents = Get "/inner/grants/{partnerId}/events", Needs(Role::Member), Company;
        /// The companies that have granted the partner something, with what they are called
        ListGrantors = Get "/inner/grantors", Needs(Role::Member), Owner;
        /// What the company may do, and what of it is used
        GetAccount = Get "/inner/account", Needs(Role::Member), Company, administrators Company;
        /// Whether the person may act as an administrator
        GetStanding = Get "/inner/standing", Person;
        /// The events of the owner's chain without accepted requests, or those of one request, newest first
        ListChanges = Get "/inner/audit-events", Needs(Role::Member), Owner;
        /// What happened to a key of late
        ListLatest = Get "/inner/api-keys/{keyId}/audit-events", Needs(Role::Member), Owner;
        /// One event of the owner's chain
        GetEvent = Get "/inner/audit-events/{seq}", Needs(Role::Member), Owner;

        /// The company's jobs, for its people
        BrowseJobs = Get "/inner/jobs", Needs(Role::Member), Company;
        /// One job
        ShowJob = Get "/inner/jobs/{jobId}", Needs(Role::Member), Company;
        /// The company's candidates, for its people
        BrowseCandidates = Get "/inner/candidates", Needs(Role::Member), Company;
        /// One candidate
        ShowCandidate = Get "/inner/candidates/{candidateId}", Needs(Role::Member), Company;
        /// The company's interviews, for its people
        BrowseInterviews = Get "/inner/interviews", Needs(Role::Member), Company;
        /// One interview
        ShowInterview = Get "/inner/interviews/{interviewId}", Needs(Role::Member), Company;
        /// The company's agents, for its people
        BrowseAgents = Get "/inner/agents", Needs(Role::Member), Company;
        /// One agent
        ShowAgent = Get "/inner/agents/{agentId}", Needs(Role::Member), Company;
        /// What `candidates`, `agents` and `jobs` of these ids are called
        ListNames = Get "/inner/names", Needs(Role::Member), Company;
    }
}
