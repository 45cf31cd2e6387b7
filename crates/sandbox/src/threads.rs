//! The threads of a world. They are its own, so that it can be started, used and dropped in any runtime and in none.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::net::TcpListener;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

use super::{Options, SandboxError, http, seed, settled};
use crate::prelude::*;

/// Without optimisation futures are moved over the stack call by call.
const STACK: usize = 8 << 20;
/// How long the end waits for what cannot be interrupted.
const PATIENCE: Duration = Duration::from_secs(1);

/// The threads of a world that runs. Dropping them ends the world, and waits for that.
pub(crate) struct Threads {
    runtime: Handle,
    /// The world ends when this goes.
    end: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
    /// The one that the others end with; nothing while the world starts, for which nobody waits who drops that.
    first: Option<JoinHandle<()>>,
}

/// A world that was told to start. If this is dropped the world ends when it would have begun.
pub(crate) struct Starting {
    started: oneshot::Receiver<Result<Arc<World>, SandboxError>>,
    threads: Threads,
    first: JoinHandle<()>,
}

impl Starting {
    /// Begins to open a world and to serve it.
    pub(crate) fn begin(options: Options) -> Result<Self, SandboxError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("sandbox")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(SandboxError::Threads)?;
        let (tell, started) = oneshot::channel();
        let (end, ending) = oneshot::channel();
        let (tell_end, ended) = oneshot::channel();
        let threads = Threads {
            runtime: runtime.handle().clone(),
            end: Some(end),
            ended: Some(ended),
            first: None,
        };
        let live = move || {
            runtime.block_on(live(options, tell, ending));
            let _ = tell_end.send(());
            runtime.shutdown_timeout(PATIENCE);
        };
        let first = thread::Builder::new()
            .name("sandbox".to_owned())
            .stack_size(STACK)
            .spawn(live);
        Ok(Self {
            started,
            threads,
            first: first.map_err(SandboxError::Threads)?,
        })
    }

    /// The world, once it answers.
    pub(crate) async fn started(self) -> Result<(Arc<World>, Threads), SandboxError> {
        let world = self.started.await.map_err(panicked)??;
        Ok((world, self.threads.joined(self.first)))
    }

    /// The same, blocking.
    pub(crate) fn wait(self) -> Result<(Arc<World>, Threads), SandboxError> {
        let world = self.started.blocking_recv().map_err(panicked)??;
        Ok((world, self.threads.joined(self.first)))
    }
}

fn panicked(_: oneshot::error::RecvError) -> SandboxError {
    SandboxError::Threads(io::Error::other("one of them has panicked"))
}

/// Opens a world and serves it until the other end of `ending` goes.
async fn live(
    options: Options,
    tell: oneshot::Sender<Result<Arc<World>, SandboxError>>,
    ending: oneshot::Receiver<()>,
) {
    match open(options).await {
        Ok((world, listener)) => {
            let server = tokio::spawn(http::serve(Arc::clone(&world), listener));
            let _ = tell.send(Ok(Arc::clone(&world)));
            let _ = ending.await;
            world.stop().await;
            let _ = server.await;
        }
        Err(error) => drop(tell.send(Err(error))),
    }
}

async fn open(options: Options) -> Result<(Arc<World>, TcpListener), SandboxError> {
    let port = options.port;
    let taken = |source| SandboxError::Port { port, source };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(taken)?;
    let url = format!("http://{}", listener.local_addr().map_err(taken)?);
    let world = Arc::new(World::open(options, &url)?);
    world.begin();
    let epoch = world.disk.epoch();
    if world.is_new {
        seed::files(&world).map_err(|source| SandboxError::folder(&world.root, source))?;
        if !world.options.empty {
            seed::sow(&world).map_err(SandboxError::Seed)?;
        }
    }
    // What is told of it is answered too.
    settled(&world, epoch).await?;
    let begun = world.disk.bear();
    begun.map_err(|source| SandboxError::folder(&world.root, source))?;
    Ok((world, listener))
}

impl Threads {
    fn joined(mut self, first: JoinHandle<()>) -> Self {
        self.first = Some(first);
        self
    }

    /// Where what needs a runtime runs.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Ends the world. If this is dropped before, it ends all the same, and nobody waits.
    pub(crate) async fn end(mut self) {
        let first = self.first.take();
        self.end = None;
        if let Some(ended) = self.ended.take() {
            let _ = ended.await;
        }
        self.first = first;
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end = None;
        if let Some(first) = self.first.take() {
            let _ = first.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpStream;
    use std::path::Path;

    use crate::{Options, Sandbox};

    /// It answers; and when it was dropped its connections have ended and its folder is gone.
    fn is_gone_when_dropped(sandbox: Sandbox) {
        let address = sandbox.endpoint_url().trim_start_matches("http://");
        let mut client = TcpStream::connect(address).unwrap();
        let root = sandbox.sample_dir().parent().map(Path::to_owned).unwrap();
        assert!(root.exists());
        drop(sandbox);
        assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
        assert!(!root.exists());
    }

    #[test]
    fn without_any_runtime_a_world_answers_and_is_gone_when_dropped() {
        is_gone_when_dropped(Sandbox::start_blocking(Options::default()).unwrap());
    }

    #[tokio::test]
    async fn on_the_one_thread_of_a_runtime_a_world_answers_and_is_gone_when_dropped() {
        is_gone_when_dropped(Sandbox::start(Options::default()).await.unwrap());
    }

    #[test]
    fn a_world_outlives_the_runtime_that_it_was_started_in() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(Options::default())).unwrap();
        drop(runtime);
        is_gone_when_dropped(sandbox);
    }

    #[tokio::test]
    async fn a_world_that_cannot_start_says_why() {
        let first = Sandbox::start(Options::default()).await.unwrap();
        let port = first.endpoint_url().rsplit(':').next().unwrap().parse().unwrap();
        let options = Options {
            port,
            ..Options::default()
        };
        let error = Sandbox::start(options).await.err().unwrap().to_string();
        let told = format!("cannot listen on 127.0.0.1:{port}");
        assert!(error.starts_with(&told), "{error}");
    }
}
