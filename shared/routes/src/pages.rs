//! The dashboard's pages: what a browser may ask for, and what its forms are sent to.
//!
//! They are no part of the API: only the gateway's document has them, and the dashboard itself checks who asks.
//! Owners stand in paths as `c-` or `p-` and their id, companies and partners alike.

use crate::{Access::Public, Method, Operation, Route, Tenant};

functions! {
    dashboard = "dashboard" streamed {
        /// Where everybody begins: the sign-in, or the choice of a company
        Home = Get "/dashboard", Public;
        /// Leave for the issuer
        SignIn = Get "/dashboard/sign-in", Public;
        /// Come back from the issuer
        SignInCallback = Get "/dashboard/callback", Public;
        /// End this session
        SignOut = Post "/dashboard/sign-out", Public;
        /// End all sessions of this person
        SignOutEverywhere = Post "/dashboard/sign-out-everywhere", Public;
        /// The stylesheet, the script, the icon
        Asset = Get "/dashboard/assets/{asset}", Public;

        /// The keys of an owner
        Keys = Get "/dashboard/o/{owner}/keys", Public;
        /// The form for a key
        NewKey = Get "/dashboard/o/{owner}/keys/new", Public;
        /// Make a key; the answer is the only page that ever shows it
        CreateKey = Post "/dashboard/o/{owner}/keys/new", Public;
        /// One key
        Key = Get "/dashboard/o/{owner}/keys/{keyId}", Public;
        /// The form for a key's change
        EditKey = Get "/dashboard/o/{owner}/keys/{keyId}/edit", Public;
        /// Try a key's change, or make it
        SaveKey = Post "/dashboard/o/{owner}/keys/{keyId}/edit", Public;
        /// Suspend a key
        SuspendKey = Post "/dashboard/o/{owner}/keys/{keyId}/suspend", Public;
        /// Resume a key
        ResumeKey = Post "/dashboard/o/{owner}/keys/{keyId}/resume", Public;
        /// The form for a new secret
        RotateKey = Get "/dashboard/o/{owner}/keys/{keyId}/rotate", Public;
        /// Give a key a new secret; the answer is the only page that ever shows it
        MakeSecret = Post "/dashboard/o/{owner}/keys/{keyId}/rotate", Public;
        /// End an overlap, or let it go on for longer
        MoveOverlap = Post "/dashboard/o/{owner}/keys/{keyId}/overlap", Public;
        /// Ask whether a key is really to be revoked
        AskRevokeKey = Get "/dashboard/o/{owner}/keys/{keyId}/revoke", Public;
        /// Revoke a key
        RevokeKey = Post "/dashboard/o/{owner}/keys/{keyId}/revoke", Public;
        /// What the kill switch would end
        KillSwitch = Get "/dashboard/o/{owner}/kill-switch", Public;
        /// Revoke all keys of a company
        RevokeAll = Post "/dashboard/o/{owner}/kill-switch", Public;

        /// The members, and who is invited
        Members = Get "/dashboard/o/{owner}/members", Public;
        /// The form for an invitation
        NewMember = Get "/dashboard/o/{owner}/members/invite", Public;
        /// Invite somebody
        SendInvitation = Post "/dashboard/o/{owner}/members/invite", Public;
        /// The form for a member's role
        Member = Get "/dashboard/o/{owner}/members/{memberId}", Public;
        /// Give a member another role
        ChangeMember = Post "/dashboard/o/{owner}/members/{memberId}", Public;
        /// Ask whether a membership, or an invitation, is to end
        ConfirmRemoval = Get "/dashboard/o/{owner}/members/{memberId}/remove", Public;
        /// End a membership, or withdraw an invitation
        RemoveMember = Post "/dashboard/o/{owner}/members/{memberId}/remove", Public;

        /// What an invitation says
        Invitation = Get "/dashboard/invitations/{token}", Public;
        /// Accept an invitation
        JoinByInvitation = Post "/dashboard/invitations/{token}", Public;

        /// The partners that may act for a company
        Partners = Get "/dashboard/o/{owner}/partners", Public;
        /// The form for a grant
        NewGrant = Get "/dashboard/o/{owner}/partners/new", Public;
        /// Let a partner act for the company
        MakeGrant = Post "/dashboard/o/{owner}/partners/new", Public;
        /// One partner, and what it did
        PartnerGrant = Get "/dashboard/o/{owner}/partners/{partnerId}", Public;
        /// Suspend a grant
        SuspendGrant = Post "/dashboard/o/{owner}/partners/{partnerId}/suspend", Public;
        /// Ask whether a grant is to be resumed
        ConfirmResumption = Get "/dashboard/o/{owner}/partners/{partnerId}/resume", Public;
        /// Resume a suspended grant
        ResumeGrant = Post "/dashboard/o/{owner}/partners/{partnerId}/resume", Public;
        /// Ask whether a grant is to end
        ConfirmEnd = Get "/dashboard/o/{owner}/partners/{partnerId}/end", Public;
        /// End a grant for good
        EndGrant = Post "/dashboard/o/{owner}/partners/{partnerId}/end", Public;

        /// The companies that let a partner act for them
        Companies = Get "/dashboard/o/{owner}/companies", Public;
        /// A company's plan, and what of it is used
        Company = Get "/dashboard/o/{owner}/company", Public;

        /// Where administrators begin, with their reason
        Admin = Get "/dashboard/admin", Public;
        /// Act as an administrator, for a reason
        BeginAdministration = Post "/dashboard/admin", Public;
        /// Act as an administrator no longer
        EndAdministration = Post "/dashboard/admin/end", Public;
        /// All companies
        AdminCompanies = Get "/dashboard/admin/companies", Public;
        /// The form for a company
        AdminNewCompany = Get "/dashboard/admin/companies/new", Public;
        /// Make a company, and invite its owner
        AdminMakeCompany = Post "/dashboard/admin/companies/new", Public;
        /// The form for a company's plan
        AdminPlan = Get "/dashboard/admin/companies/{companyId}/plan", Public;
        /// Put a company on a plan
        AdminSetPlan = Post "/dashboard/admin/companies/{companyId}/plan", Public;
        /// All partners
        AdminPartners = Get "/dashboard/admin/partners", Public;
        /// The form for a partner
        AdminNewPartner = Get "/dashboard/admin/partners/new", Public;
        /// Make a partner, and invite its owner
        AdminMakePartner = Post "/dashboard/admin/partners/new", Public;
        /// The form for what a partner may do
        AdminPartner = Get "/dashboard/admin/partners/{partnerId}", Public;
        /// Change what a partner may do
        AdminChangePartner = Post "/dashboard/admin/partners/{partnerId}", Public;
        /// The form for an ATS key
        AdminNewKey = Get "/dashboard/admin/partners/{partnerId}/keys/new", Public;
        /// Issue an ATS key
        AdminIssueKey = Post "/dashboard/admin/partners/{partnerId}/keys/new", Public;
        /// The keys of a company or partner, as an administrator sees them
        AdminKeys = Get "/dashboard/admin/o/{owner}/keys", Public;
        /// One of them
        AdminKey = Get "/dashboard/admin/o/{owner}/keys/{keyId}", Public;
        /// Suspend it
        AdminSuspendKey = Post "/dashboard/admin/o/{owner}/keys/{keyId}/suspend", Public;
        /// Ask whether it is to be revoked
        AdminConfirmRevocation = Get "/dashboard/admin/o/{owner}/keys/{keyId}/revoke", Public;
        /// Revoke it for good
        AdminRevokeKey = Post "/dashboard/admin/o/{owner}/keys/{keyId}/revoke", Public;
        /// What a company's kill switch would end
        AdminKillSwitch = Get "/dashboard/admin/o/{owner}/kill-switch", Public;
        /// Revoke every key of a company, and suspend every grant
        AdminRevokeAll = Post "/dashboard/admin/o/{owner}/kill-switch", Public;
        /// The audit log
        Audit = Get "/dashboard/o/{owner}/audit", Public;
        /// The audit log as a file
        ExportAudit = Get "/dashboard/o/{owner}/audit/export", Public;
        /// The signed checkpoints as a file
        Checkpoints = Get "/dashboard/o/{owner}/audit/checkpoints", Public;
        /// Check the audit log here
        VerifyAudit = Post "/dashboard/o/{owner}/audit/verify", Public;
        /// One event
        AuditEvent = Get "/dashboard/o/{owner}/audit/{seq}", Public;
        /// Why a request was refused
        Explain = Get "/dashboard/o/{owner}/explain", Public;
        /// What people are told without asking
        Notices = Get "/dashboard/o/{owner}/notices", Public;
        /// Mark a notice as read, or as unread
        ReadNotice = Post "/dashboard/o/{owner}/notices/{noticeId}", Public;
        /// What people want to be alerted to
        Alerts = Get "/dashboard/o/{owner}/alerts", Public;
        /// Set what people want to be alerted to
        SetAlerts = Post "/dashboard/o/{owner}/alerts", Public;

        /// The company's jobs
        Jobs = Get "/dashboard/o/{owner}/jobs", Public;
        /// One job
        Job = Get "/dashboard/o/{owner}/jobs/{jobId}", Public;
        /// The company's candidates
        Candidates = Get "/dashboard/o/{owner}/candidates", Public;
        /// One candidate
        Candidate = Get "/dashboard/o/{owner}/candidates/{candidateId}", Public;
        /// The company's interviews
        Interviews = Get "/dashboard/o/{owner}/interviews", Public;
        /// One interview
        Interview = Get "/dashboard/o/{owner}/interviews/{interviewId}", Public;
        /// The company's agents
        Agents = Get "/dashboard/o/{owner}/agents", Public;
        /// One agent
        Agent = Get "/dashboard/o/{owner}/agents/{agentId}", Public;
    }
}
