//! The process that floods: it waits for a line with a pace and a time, floods, and says what it was told.

use std::io::{BufRead, Write};
use std::time::Duration;

use chukei_benches::Failure;
use chukei_benches::child::ChildProcess;

use crate::caller::{Caller, Place};

const ROLE: &str = "flooder";

/// Starts it for this body.
pub(crate) fn start(place: &Place) -> Result<ChildProcess, Failure> {
    let Place { folder, address, body, holder: [certificate, key], addressee } = place;
    let [folder, certificate, key] = [folder, certificate, key].map(|path| path.display().to_string());
    let args = [ROLE, &folder, &address.to_string(), &body.to_string(), &certificate, &key, addressee];
    ChildProcess::start(&args)
}

/// Plays the process that this one was started as; `None` when it was started as something else.
pub(crate) fn play() -> Option<Result<(), Failure>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [role, folder, address, body, certificate, key, addressee] = args.as_slice() else { return None };
    (role == ROLE).then(|| {
        let place = Place {
            folder: folder.into(),
            address: address.parse()?,
            body: body.parse().map_err(|_| "no body code")?,
            holder: [certificate.into(), key.into()],
            addressee: addressee.clone(),
        };
        flood(&place)
    })
}

fn flood(place: &Place) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caller = runtime.block_on(Caller::connect(place))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "connected")?;
    let (lines, mut orders) = tokio::sync::mpsc::channel(1);
    // Between floods the runtime goes on: connections are kept alive.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(order) = runtime.block_on(orders.recv()) {
        let (per_second, ms) = order.split_once(' ').ok_or("no pace and time")?;
        let time = Duration::from_millis(ms.parse()?);
        writeln!(out, "{}", runtime.block_on(caller.pace(per_second.parse()?, time))?)?;
    }
    Ok(())
}
