//! The pages, and what their forms do. One module a section.

mod admin;
mod alerts;
pub(crate) mod assets;
mod audit;
mod company;
mod explain;
mod home;
mod invitation;
mod keys;
mod kill_switch;
mod lookup;
pub(crate) mod members;
mod notices;
mod partners;
mod resources;

use crate::{
    Page,
    answer::{Answer, Stop},
    ask::Pending,
    pages::resources::{Agent, Candidate, Interview, Job},
    sign_in,
    visit::Visit,
};

/// Boxed, because the largest page would be what every page takes of a thread's stack.
pub(crate) fn answer<'v>(visit: &'v Visit<'v>) -> Pending<'v, Result<Answer, Stop>> {
    match visit.page {
        Page::Home => Box::pin(home::show(visit)),
        Page::SignIn => Box::pin(async { sign_in::begin(visit) }),
        Page::SignInCallback => Box::pin(sign_in::complete(visit)),
        Page::SignOut => Box::pin(sign_in::end(visit)),
        Page::SignOutEverywhere => Box::pin(sign_in::end_all(visit)),
        Page::Asset => Box::pin(async { Err(Stop::NotFound) }),
        Page::Keys => Box::pin(keys::list(visit)),
        Page::NewKey => Box::pin(keys::new(visit)),
        Page::CreateKey => Box::pin(keys::create(visit)),
        Page::Key => Box::pin(keys::show(visit)),
        Page::EditKey => Box::pin(keys::edit(visit)),
        Page::SaveKey => Box::pin(keys::save(visit)),
        Page::SuspendKey => Box::pin(keys::suspend(visit)),
        Page::ResumeKey => Box::pin(keys::resume(visit)),
        Page::RotateKey => Box::pin(keys::rotate(visit)),
        Page::MakeSecret => Box::pin(keys::make_secret(visit)),
        Page::MoveOverlap => Box::pin(keys::move_overlap(visit)),
        Page::AskRevokeKey => Box::pin(keys::ask_revoke(visit)),
        Page::RevokeKey => Box::pin(keys::revoke(visit)),
        Page::KillSwitch => Box::pin(kill_switch::show(visit)),
        Page::RevokeAll => Box::pin(kill_switch::revoke_all(visit)),
        Page::Members => Box::pin(members::list(visit)),
        Page::NewMember => Box::pin(members::new(visit)),
        Page::SendInvitation => Box::pin(members::invite(visit)),
        Page::Member => Box::pin(members::show(visit)),
        Page::ChangeMember => Box::pin(members::change(visit)),
        Page::ConfirmRemoval => Box::pin(members::confirm_removal(visit)),
        Page::RemoveMember => Box::pin(members::remove(visit)),
        Page::Invitation => Box::pin(invitation::show(visit)),
        Page::JoinByInvitation => Box::pin(invitation::join(visit)),
        Page::Partners => Box::pin(partners::list(visit)),
        Page::NewGrant => Box::pin(partners::new(visit)),
        Page::MakeGrant => Box::pin(partners::make(visit)),
        Page::PartnerGrant => Box::pin(partners::show(visit)),
        Page::SuspendGrant => Box::pin(partners::suspend(visit)),
        Page::ConfirmResumption => Box::pin(partners::confirm_resumption(visit)),
        Page::ResumeGrant => Box::pin(partners::resume(visit)),
        Page::ConfirmEnd => Box::pin(partners::confirm_end(visit)),
        Page::EndGrant => Box::pin(partners::end(visit)),
        Page::Companies => Box::pin(partners::companies(visit)),
        Page::Company => Box::pin(company::show(visit)),
        Page::Admin => Box::pin(admin::begin(visit)),
        Page::BeginAdministration => Box::pin(admin::note_reason(visit)),
        Page::EndAdministration => Box::pin(admin::end(visit)),
        Page::AdminCompanies => Box::pin(admin::companies::list(visit)),
        Page::AdminNewCompany => Box::pin(admin::companies::new(visit)),
        Page::AdminMakeCompany => Box::pin(admin::companies::make(visit)),
        Page::AdminPlan => Box::pin(admin::companies::plan(visit)),
        Page::AdminSetPlan => Box::pin(admin::companies::set_plan(visit)),
        Page::AdminPartners => Box::pin(admin::partners::list(visit)),
        Page::AdminNewPartner => Box::pin(admin::partners::new(visit)),
        Page::AdminMakePartner => Box::pin(admin::partners::make(visit)),
        Page::AdminPartner => Box::pin(admin::partners::show(visit)),
        Page::AdminChangePartner => Box::pin(admin::partners::change(visit)),
        Page::AdminNewKey => Box::pin(admin::ats_key::new(visit)),
        Page::AdminIssueKey => Box::pin(admin::ats_key::issue(visit)),
        Page::AdminKeys => Box::pin(admin::keys::list(visit)),
        Page::AdminKey => Box::pin(admin::keys::show(visit)),
        Page::AdminSuspendKey => Box::pin(admin::keys::suspend(visit)),
        Page::AdminConfirmRevocation => Box::pin(admin::keys::confirm_revocation(visit)),
        Page::AdminRevokeKey => Box::pin(admin::keys::revoke(visit)),
        Page::AdminKillSwitch => Box::pin(admin::kill_switch::confirm(visit)),
        Page::AdminRevokeAll => Box::pin(admin::kill_switch::revoke_all(visit)),
        Page::Audit => Box::pin(audit::list(visit)),
        Page::AuditEvent => Box::pin(audit::show(visit)),
        Page::ExportAudit => Box::pin(audit::export(visit)),
        Page::Checkpoints => Box::pin(audit::checkpoints(visit)),
        Page::VerifyAudit => Box::pin(audit::verify(visit)),
        Page::Explain => Box::pin(explain::show(visit)),
        Page::Notices => Box::pin(notices::list(visit)),
        Page::ReadNotice => Box::pin(notices::mark(visit)),
        Page::Alerts => Box::pin(alerts::show(visit)),
        Page::SetAlerts => Box::pin(alerts::set(visit)),
        Page::Jobs => Box::pin(resources::list::<Job>(visit)),
        Page::Job => Box::pin(resources::show::<Job>(visit)),
        Page::Candidates => Box::pin(resources::list::<Candidate>(visit)),
        Page::Candidate => Box::pin(resources::show::<Candidate>(visit)),
        Page::Interviews => Box::pin(resources::list::<Interview>(visit)),
        Page::Interview => Box::pin(resources::show::<Interview>(visit)),
        Page::Agents => Box::pin(resources::list::<Agent>(visit)),
        Page::Agent => Box::pin(resources::show::<Agent>(visit)),
    }
}
