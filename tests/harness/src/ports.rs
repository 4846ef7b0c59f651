//! Free loopback ports.
//!
//! A port is free when it was asked for; another process may take it before the role binds it. All ports of one
//! layout are held until the last is found, so that a layout never gets one twice.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use crate::error::HarnessError;

/// Ports of one layout.
pub(crate) struct Ports {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

impl Ports {
    pub(crate) fn new() -> Self {
        Self { tcp: Vec::new(), udp: Vec::new() }
    }

    pub(crate) fn tcp(&mut self) -> Result<SocketAddr, HarnessError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        self.tcp.push(listener);
        Ok(address)
    }

    pub(crate) fn udp(&mut self) -> Result<SocketAddr, HarnessError> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(no_port)?;
        let address = socket.local_addr().map_err(no_port)?;
        self.udp.push(socket);
        Ok(address)
    }
}

fn no_port(source: std::io::Error) -> HarnessError {
    HarnessError::io("a free loopback port", source)
}
