//! The two processes of the splice: one that passes on, one that answers.

use std::future::Future;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use chukei_benches::Failure;
use chukei_benches::link::{credentials, dial, listen, soon};
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::stream::{RecvHalf, SendHalf, splice};
use chukei_wire::identity::Identity;

use super::{BROKER, END, MIDDLE, NODE, read_all};

/// Most bytes passed on in one direction of a stream.
const LIMIT: u64 = 1 << 20;

/// Plays the process that this one was started as; `None` when it was started as something else.
pub(crate) fn play() -> Option<Result<(), Failure>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [role, keys] if role == MIDDLE => Some(serve(play_middle(keys.into()))),
        [role, keys, address, answer] if role == END => {
            Some(serve(play_end(keys.into(), address.clone(), answer.clone())))
        }
        _ => None,
    }
}

fn serve(role: impl Future<Output = Result<(), Failure>> + Send + 'static) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let role = runtime.spawn(async move {
        if let Err(failure) = role.await {
            eprintln!("splice: {failure}");
        }
    });
    // Until the parent is gone.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    role.abort();
    runtime.shutdown_background();
    Ok(())
}

/// Tells the parent something.
fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

async fn play_middle(keys: PathBuf) -> Result<(), Failure> {
    let server = listen(&*credentials(&keys, BROKER)?)?;
    say(server.local_address()?)?;
    let end: Arc<OnceLock<PeerConnection>> = Arc::default();
    while let Some(pending) = server.accept().await {
        let peer = pending.establish().await?;
        if matches!(peer.identity(), Identity::Node(_)) {
            end.set(peer).map_err(|_| "a second end")?;
        } else {
            tokio::spawn(pass_all(peer, Arc::clone(&end)));
        }
    }
    Ok(())
}

async fn pass_all(asker: PeerConnection, end: Arc<OnceLock<PeerConnection>>) {
    while let (Ok((send, recv)), Some(end)) = (asker.accept().await, end.get().cloned()) {
        tokio::spawn(async move {
            if let Err(failure) = pass(send, recv, &end).await {
                eprintln!("splice: {failure}");
            }
        });
    }
}

async fn pass(mut back: SendHalf, mut from: RecvHalf, end: &PeerConnection) -> Result<(), Failure> {
    let (mut to, mut answer) = end.open(soon()).await?;
    let forth = async {
        splice(&mut from, &mut to, LIMIT).await?;
        to.finish().await
    };
    let back = async {
        splice(&mut answer, &mut back, LIMIT).await?;
        back.finish().await
    };
    tokio::try_join!(forth, back)?;
    Ok(())
}

async fn play_end(keys: PathBuf, address: String, answer: String) -> Result<(), Failure> {
    let address: SocketAddr = address.parse()?;
    let answer = Bytes::from(vec![2; answer.parse::<usize>()?]);
    let (node, broker) = (credentials(&keys, NODE)?, credentials(&keys, BROKER)?);
    let (_endpoint, middle) = dial(&node, address, &broker).await?;
    say("connected")?;
    while let Ok((mut send, mut recv)) = middle.accept().await {
        let answer = answer.clone();
        tokio::spawn(async move {
            read_all(&mut recv).await?;
            send.write_raw(answer).await?;
            Ok::<_, Failure>(send.finish().await?)
        });
    }
    Ok(())
}
