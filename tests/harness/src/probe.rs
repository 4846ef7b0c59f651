//! Asks a role's `/readyz` or `/metrics`, as a probe of a cluster would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A probe waits this long and no longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A page is cut here.
const PAGE_MAX: u64 = 4 * 1024 * 1024;

/// The body of a page that answers 200.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let page = fetch(address, path).map_err(|error| error.to_string())?;
    let (head, body) = page.split_once("\r\n\r\n").ok_or("an answer without a head")?;
    if head.split(' ').nth(1) == Some("200") { Ok(body.to_owned()) } else { Err(body.trim().to_owned()) }
}

fn fetch(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut page = String::new();
    stream.take(PAGE_MAX).read_to_string(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Read to its end: closing with unread bytes would reset the connection.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn tells_ready_from_not_ready() {
        let ready = answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n");
        assert_eq!(get(ready, "/readyz").as_deref(), Ok("ready\n"));
        let not = answering("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: no broker\n");
        assert_eq!(get(not, "/readyz"), Err("not ready: no broker".to_owned()));
    }
}
