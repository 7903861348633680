//! What may happen to a call on its way.

use embedded::Refusal;
use std::{fmt, time::Duration};

/// One attempt of a call, as a script sees it.
#[derive(Debug)]
pub struct Call<'a> {
    /// Such as `GetItem`.
    pub operation: &'a str,
    /// The tables that it names, joined by `+`.
    pub tables: &'a str,
    /// From 0, of all calls since the script was set.
    pub serial: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// 400 ProvisionedThroughputExceededException.
    Throttle,
    /// 400 ThrottlingException, as on-demand tables answer.
    ThrottleOnDemand,
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// Applied after so long, if the caller still waits.
    Slow(Duration),
    /// Applied at once, answered after so long.
    SlowAnswer(Duration),
    /// The connection is reset, and nothing was applied.
    ResetBefore,
    /// Applied, and the connection is reset before an answer.
    ResetAfter,
    /// Applied, and the connection ends within the answer's body.
    HalfBody,
    /// Applied, and answered with another body's checksum.
    WrongChecksum,
    /// 400 ExpiredTokenException.
    ExpiredCredentials,
    /// 400 TransactionConflictException.
    TransactionConflict,
}

impl Fault {
    /// The answer of a fault that DynamoDB tells.
    pub(super) fn refusal(self) -> Option<Refusal> {
        let told = match self {
            Fault::Throttle => embedded::Fault::Throttle,
            Fault::ThrottleOnDemand => embedded::Fault::ThrottleOnDemand,
            Fault::InternalError => embedded::Fault::InternalError,
            Fault::Unavailable => embedded::Fault::Unavailable,
            Fault::ExpiredCredentials => embedded::Fault::ExpiredCredentials,
            Fault::TransactionConflict => embedded::Fault::TransactionConflict,
            _ => return None,
        };
        told.refusal()
    }
}

/// Asked for each call, in the order of arrival.
pub(super) struct Script {
    decide: Box<dyn Fn(&Call<'_>) -> Fault + Send>,
    asked: u64,
}

impl Script {
    pub(super) fn calm() -> Script {
        Script::new(|_| Fault::None)
    }

    pub(super) fn new(decide: impl Fn(&Call<'_>) -> Fault + Send + 'static) -> Script {
        Script {
            decide: Box::new(decide),
            asked: 0,
        }
    }

    pub(super) fn fault(&mut self, operation: &str, tables: &str) -> Fault {
        let serial = self.asked;
        self.asked += 1;
        (self.decide)(&Call {
            operation,
            tables,
            serial,
        })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}
