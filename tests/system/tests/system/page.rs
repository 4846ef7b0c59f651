//! Pages of a role's HTTP entrance, as a probe or a scraper reads them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;

const PATIENCE: Duration = Duration::from_secs(5);

/// Status and body of a page; `None` where nobody answers.
pub(crate) fn page(layout: &Layout, role: Role, path: &str) -> Option<(u16, String)> {
    fetch(layout.metrics(role), "GET", path)
}

/// Status and body of any request.
pub(crate) fn fetch(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Version 1.0: the answer then comes in one piece.
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The sum of a role's metric over all its labels; 0 where it was never counted.
pub(crate) fn metric(layout: &Layout, role: Role, name: &str) -> f64 {
    let (status, text) = page(layout, role, "/metrics").unwrap();
    assert_eq!(status, 200);
    let of_name = |line: &&str| line.split(['{', ' ']).next() == Some(name);
    text.lines().filter(of_name).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// The sum of a metric's lines with this label at an address; 0 where nobody answers or it was never counted.
pub(crate) fn counted(address: SocketAddr, name: &str, label: &str) -> f64 {
    let Some((200, text)) = fetch(address, "GET", "/metrics") else { return 0.0 };
    let of_name = |line: &&str| line.starts_with(&format!("{name}{{")) && line.contains(label);
    text.lines().filter(of_name).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}
