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
        AcceptInvitation = Post "/inner/invitations/{token}", Person;
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
    }
}
