//! The audit trail's export: a part of one chain, streamed, and a signed last line.
//!
//! Invariant: the last line is signed only after every event before it was read and sent; an answer that breaks off has none.
//! Knows nothing of how events come to be, or of checkpoints.

mod csv;

use api::{ApiError, App, Bytes, Call, Input, Signer, Streamed, StreamedBody, respond_streamed};
use futures_util::{Stream, stream::try_unfold};
use lambda_http::{Request, Response};
use model::{Event, Fault, Rule};
use routes::audit_export::Operation;
use store::{ChainPlace, Head, OwnerStore};
use trail::ExportHead;

/// What API Gateway and Lambda stream of one answer is 200 MB at the most; this leaves room and is long enough.
const MOST_BYTES: usize = 100_000_000;

/// Answers an event of API Gateway.
pub async fn handle(app: &App, request: Request) -> Response<StreamedBody> {
    respond_streamed(app, request, async |call: Call<'_, Operation>| {
        match call.operation() {
            Operation::ExportAuditEvents => export(&call, app, MOST_BYTES).await,
        }
    })
    .await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Csv,
}

async fn export(
    call: &Call<'_, Operation>,
    app: &App,
    most_bytes: usize,
) -> Result<Streamed, ApiError> {
    let mut input = call.input();
    let range = read(&mut input);
    let (from, to, format) = input.finish(range)?;
    let signer = app.export_signer.clone();
    let signer = signer.ok_or_else(|| ApiError::internal("this function signs no exports"))?;
    let store = call.owner()?;
    let head = store.get_head().await?;
    if from > head.seq + 1 {
        let message = format!("is beyond the chain, which ends at {}", head.seq);
        return Err(Fault::new("?fromSeq", Rule::Range, &message).into());
    }
    let next = store.get_chain_place(from, head).await?;
    let to = to.unwrap_or(head.seq).min(head.seq);
    let (content_type, extension) = match format {
        Format::Lines => ("application/x-ndjson", "ndjson"),
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let export = Export {
        first: next,
        next,
        to,
        head,
        at: call.now,
        format,
        room: most_bytes,
        store,
        signer,
    };
    let name = format!("audit-events-{from}-{to}.{extension}");
    Ok(Streamed::new(content_type, name, export.chunks()))
}

fn read(input: &mut Input<'_>) -> Option<(u64, Option<u64>, Format)> {
    let message = "must be a number from 1";
    let from = input.parsed::<u64>("fromSeq", Rule::Range, message);
    let from = match from {
        Some(Some(0)) => input.refuse("fromSeq", Rule::Range, message),
        from => from.map(|from| from.unwrap_or(1)),
    };
    let to = input.parsed::<u64>("toSeq", Rule::Range, message);
    let to = match (from, to) {
        (Some(from), Some(Some(to))) if to < from => {
            input.refuse("toSeq", Rule::Range, "must not be less than fromSeq")
        }
        (_, to) => to,
    };
    let format = match input.query("format") {
        Some(None | Some("ndjson")) => Some(Format::Lines),
        Some(Some("csv")) => Some(Format::Csv),
        Some(Some(_)) => input.refuse("format", Rule::Enum, "must be ndjson or csv"),
        None => None,
    };
    Some((from?, to?, format?))
}

/// One export on its way: it holds at most one page of packs.
struct Export {
    first: ChainPlace,
    next: ChainPlace,
    to: u64,
    /// Where the chain ended, after `at`.
    head: Head,
    at: model::Timestamp,
    format: Format,
    room: usize,
    store: OwnerStore,
    signer: Signer,
}

/// What comes next.
enum Part {
    Header(Export),
    Events(Export),
    End,
}

impl Export {
    fn chunks(self) -> impl Stream<Item = Result<Bytes, ApiError>> + Send {
        try_unfold(Part::Header(self), |part| async move {
            match part {
                Part::Header(export) if export.format == Format::Csv => {
                    let header = Bytes::from(csv::header());
                    Ok(Some((header, Part::Events(export))))
                }
                Part::Header(export) | Part::Events(export) => export.go_on().await.map(Some),
                Part::End => Ok(None),
            }
        })
    }

    async fn go_on(mut self) -> Result<(Bytes, Part), ApiError> {
        let page = self.store.list_chain(self.next, self.to).await?;
        let mut chunk = String::new();
        let mut cut = false;
        for event in &page.events {
            let length = event.len() + 1;
            // One event always goes.
            cut = length > self.room && self.next != self.first;
            if cut {
                break;
            }
            self.room = self.room.saturating_sub(length);
            let parsed: Event = serde_json::from_str(event).map_err(ApiError::internal)?;
            self.next = ChainPlace {
                seq: parsed.seq + 1,
                prev_hash: parsed.hash,
            };
            match self.format {
                Format::Lines => {
                    chunk.push_str(event);
                    chunk.push('\n');
                }
                Format::Csv => csv::row(&parsed, &mut chunk)?,
            }
        }
        let part = match cut || self.next.seq > self.to {
            false => Part::Events(self),
            true => {
                // A table for people has no signature.
                if self.format == Format::Lines {
                    chunk.push_str(&self.signed_head().await?);
                    chunk.push('\n');
                }
                Part::End
            }
        };
        Ok((Bytes::from(chunk), part))
    }

    async fn signed_head(&self) -> Result<String, ApiError> {
        let next = self.next.seq;
        let head = ExportHead {
            owner: self.store.owner(),
            from_seq: self.first.seq,
            to_seq: next - 1,
            prev_hash: self.first.prev_hash,
            hash: self.next.prev_hash,
            chain_seq: self.head.seq,
            chain_hash: self.head.hash,
            at: self.at,
            next_from_seq: (next <= self.to).then_some(next),
        };
        let signature = self.signer.sign(head.message()).await;
        let signature = signature.map_err(ApiError::unavailable)?;
        let signed = head.signed(self.signer.public(), &signature);
        serde_json::to_string(&signed).map_err(ApiError::internal)
    }
}
