//! What leaves the stack: mail through Amazon SES, events through EventBridge.

use api::{Bus, BusEvent, Mail, MailNotTaken, Mailer, NotPut};
use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sesv2::{
    error::ProvideErrorMetadata,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader},
};
use std::{sync::Arc, time::Duration};

use crate::optional;

/// What leaves the stack, by the code that sends it.
#[derive(Debug, Clone, Copy)]
pub struct Outward {
    pub(crate) mailer: fn(&SdkConfig) -> Option<Mailer>,
    pub(crate) bus: fn(&SdkConfig) -> Option<Bus>,
}

impl Outward {
    pub const MAIL_AND_EVENTS: Outward = Outward { mailer, bus };
}

/// By `MAIL_FROM`, an address of a verified identity, and `LINKS_TO`, the address in front of links; `None` without either: nothing is mailed then. The second is missing between a stack's first deployment and the one that tells it its own address.
fn mailer(config: &SdkConfig) -> Option<Mailer> {
    let (from, links_to) = optional("MAIL_FROM").zip(optional("LINKS_TO"))?;
    let client = aws_sdk_sesv2::Client::new(&patient(config));
    let send = move |mail| {
        let (client, from) = (client.clone(), from.clone());
        Box::pin(async move { send(&client, from, mail).await }) as _
    };
    Some(Mailer::new(links_to.trim_end_matches('/'), Arc::new(send)))
}

async fn send(
    client: &aws_sdk_sesv2::Client,
    from: String,
    mail: Mail,
) -> Result<(), MailNotTaken> {
    let Mail {
        message_id,
        to,
        subject,
        text,
    } = mail;
    let unusable = |error: aws_sdk_sesv2::error::BuildError| MailNotTaken(error.to_string());
    let content = |text: String| Content::builder().data(text).charset("UTF-8").build();
    // SES makes the Message-ID itself; ours goes along, so that repeats can be told.
    let id = MessageHeader::builder()
        .name("X-InstaView-Message-Id")
        .value(message_id);
    let message = Message::builder()
        .subject(content(subject).map_err(unusable)?)
        .body(
            Body::builder()
                .text(content(text).map_err(unusable)?)
                .build(),
        )
        .headers(id.build().map_err(unusable)?)
        .build();
    let sent = client
        .send_email()
        .from_email_address(from)
        .destination(Destination::builder().to_addresses(to).build())
        .content(EmailContent::builder().simple(message).build())
        .send()
        .await;
    // The code alone: the rest of an error may name the address.
    sent.map(drop)
        .map_err(|error| MailNotTaken(error.code().unwrap_or("no answer").to_owned()))
}

/// By `EVENT_BUS`, a bus's name; `None` without it, as on a developer's machine.
fn bus(config: &SdkConfig) -> Option<Bus> {
    let name = optional("EVENT_BUS")?;
    let client = aws_sdk_eventbridge::Client::new(&patient(config));
    Some(Bus(Arc::new(move |event| {
        let (client, name) = (client.clone(), name.clone());
        Box::pin(async move { put(&client, name, event).await })
    })))
}

async fn put(
    client: &aws_sdk_eventbridge::Client,
    name: String,
    event: BusEvent,
) -> Result<(), NotPut> {
    let BusEvent {
        source,
        detail_type,
        detail,
    } = event;
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(name)
        .source(source)
        .detail_type(detail_type)
        .detail(detail.to_string());
    let sent = client.put_events().entries(entry.build()).send().await;
    let answer = sent.map_err(|error| {
        use aws_sdk_eventbridge::error::ProvideErrorMetadata;
        NotPut(error.code().unwrap_or("no answer").to_owned())
    })?;
    // An entry that failed is told inside a 200.
    match answer.entries().iter().find_map(|entry| entry.error_code()) {
        Some(code) => Err(NotPut(code.to_owned())),
        None => Ok(()),
    }
}

/// For what is in no request's way.
pub(crate) fn patient(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(10))
        .build();
    config.to_builder().timeout_config(timeouts).build()
}
