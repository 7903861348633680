//! The pages, and what their forms do. One module a section.

pub(crate) mod assets;
mod home;
mod keys;

use crate::{
    Page,
    answer::{Answer, Stop},
    sign_in,
    visit::Visit,
};

pub(crate) async fn answer(visit: &Visit<'_>) -> Result<Answer, Stop> {
    match visit.page {
        Page::Home => home::show(visit).await,
        Page::SignIn => sign_in::begin(visit),
        Page::SignInCallback => sign_in::complete(visit).await,
        Page::SignOut => {
            crate::form::Form::read(visit)?;
            sign_in::end(visit).await
        }
        Page::SignOutEverywhere => {
            crate::form::Form::read(visit)?;
            sign_in::end_all(visit).await
        }
        Page::Asset => Err(Stop::NotFound),
        Page::Keys => keys::list(visit).await,
        Page::NewKey => keys::new(visit).await,
        Page::CreateKey => keys::create(visit).await,
        Page::Key => keys::show(visit).await,
    }
}
