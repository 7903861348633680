//! DynamoDB's endpoint on loopback, in front of the embedded store: TLS 1.3 by a CA of this run, a network's latency and faults, and a count of everything.
//!
//! It wants signed requests as DynamoDB does, and looks at no signature: who can reach it is this machine's user.

mod authority;
mod connection;
mod fault;
mod latency;

pub use fault::{Call, Fault};
pub use latency::Latency;

use embedded::Engine;
use std::{
    collections::BTreeMap,
    fmt, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinSet, LocalSet},
};
use tokio_rustls::TlsAcceptor;

use crate::lambda::pin;

use authority::Authority;
use fault::Script;

/// A listener that serves until it is dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    ca_file: PathBuf,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Engine,
    state: Mutex<State>,
    hang_up: watch::Sender<HangUp>,
}

struct State {
    counts: Counts,
    latency: Latency,
    script: Script,
}

/// What arrived and what it cost, since it was last asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// As `GetItem instaview-keys`; several tables are joined by `+`.
    pub calls: BTreeMap<String, u64>,
    pub connections: u64,
    pub full_handshakes: u64,
    pub resumed_handshakes: u64,
    pub read_units: f64,
    pub write_units: f64,
    /// When the first of the connections came.
    pub first_connection: Option<Instant>,
}

/// How connections are ended that have nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// In order: TLS's close, then TCP's.
    Close,
    /// As a network does that has forgotten the connection, and says so.
    Reset,
    /// As one that doesn't say so: nothing that is sent is answered any more.
    Vanish,
}

impl Front {
    /// `folder`: where its CA's certificate goes. `core`: where it runs, if given; DynamoDB takes no time of the function's own.
    pub fn start(
        engine: Engine,
        folder: &Path,
        core: Option<usize>,
        latency: Latency,
    ) -> anyhow::Result<Front> {
        let Authority { ca_pem, server } = Authority::new()?;
        let ca_file = folder.join("front-ca.pem");
        fs::write(&ca_file, ca_pem)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            engine,
            state: Mutex::new(State {
                counts: Counts::default(),
                latency,
                script: Script::calm(),
            }),
            hang_up: watch::Sender::new(HangUp::Close),
        });
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = Arc::clone(&shared);
        let serving = thread::spawn(move || {
            if let Some(core) = core {
                let _ = pin(core);
            }
            let acceptor = TlsAcceptor::from(Arc::new(server));
            // A listener of the standard library that doesn't block is one of tokio's.
            LocalSet::new().block_on(&runtime, async move {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    accept(listener, acceptor, serving, stopped).await;
                }
            });
        });
        Ok(Front {
            address,
            ca_file,
            shared,
            stop,
            serving: Some(serving),
        })
    }

    /// By name, as DynamoDB is reached.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The certificate to trust, as PEM.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    pub fn set_latency(&self, latency: Latency) {
        self.shared.state().latency = latency;
    }

    /// What happens to each call from now on.
    pub fn set_faults(&self, script: impl Fn(&Call<'_>) -> Fault + Send + 'static) {
        self.shared.state().script = Script::new(script);
    }

    pub fn set_calm(&self) {
        self.shared.state().script = Script::calm();
    }

    pub fn take_counts(&self) -> Counts {
        std::mem::take(&mut self.shared.state().counts)
    }

    /// Ends every connection: at once, or after the answer that it is about to give.
    pub fn hang_up(&self, how: HangUp) {
        self.shared.hang_up.send_replace(how);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

impl Counts {
    /// All calls.
    pub fn all(&self) -> u64 {
        self.calls.values().sum()
    }

    pub fn handshakes(&self) -> u64 {
        self.full_handshakes + self.resumed_handshakes
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
                connections.spawn_local(connection::serve(stream, acceptor, shared));
            }
            Some(_) = connections.join_next() => {}
            _ = stop.changed() => break,
        }
    }
}
