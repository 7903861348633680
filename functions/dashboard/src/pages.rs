//! The pages, and what their forms do. One module a section.

mod alerts;
pub(crate) mod assets;
mod audit;
mod explain;
mod home;
mod keys;
mod kill_switch;
mod notices;
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
