//! HTTP as simple as it can be: one request, one answer, then the connection is over.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::Namespace;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// As they came.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// Asks for a path of a server on this address in a namespace.
pub(crate) fn get(namespace: &Namespace, address: &str, path: &str, headers: &str) -> Answer {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
    namespace.enter(|| exchange(address, &request).expect("an answer"))
}

/// One request, whole, and its answer.
pub(crate) fn exchange(address: &str, request: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request.as_bytes())?;
    let mut received = Vec::new();
    let mut part = [0; 16_384];
    loop {
        let length = stream.read(&mut part)?;
        received.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            continue;
        };
        // Not every server closes when it is asked to.
        let expected = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        if length == 0 || expected.is_some_and(|expected| body.len() >= expected) {
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
            return Ok(Answer {
                status: status.ok_or(io::ErrorKind::InvalidData)?,
                headers: head.to_owned(),
                body: body.to_owned(),
            });
        }
    }
}
