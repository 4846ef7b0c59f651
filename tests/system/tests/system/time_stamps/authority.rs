//! A time stamp authority on the loopback: OpenSSL behind as much HTTP as a question needs.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use libtest_mimic::Completion;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As it should.
    Honest,
    /// Each question in the next of the ways of [`BAD`].
    EachBad,
    OtherBytes,
    OtherNonce,
    Stranger,
    Expired,
    NotForStamps,
    Garbage,
    TooLarge,
    Never,
    NotFound,
    Page,
    Rejected,
}

/// Ways to answer badly, and what metrics make of each.
pub(super) const BAD: &[(Manner, &str)] = &[
    (Manner::OtherBytes, "other_bytes"),
    (Manner::OtherNonce, "other_request"),
    (Manner::Stranger, "untrusted"),
    (Manner::Expired, "not_valid_then"),
    (Manner::NotForStamps, "purpose"),
    (Manner::Garbage, "malformed"),
    (Manner::TooLarge, "too_large"),
    (Manner::Never, "deadline"),
    (Manner::NotFound, "status"),
    (Manner::Page, "content_type"),
    (Manner::Rejected, "not_granted"),
];

/// What its certificates say and how it stamps: as for the samples of stamps.
const CONFIGURATION: &str = include_str!("../../../../../crypto/src/stamp/tests/samples/authority.cnf");

/// Keys and certificates. `ca` makes what was valid once; `req` and `x509` the rest.
const LAYOUT: &str = r#"
set -e
: > index.txt; echo 01 > serials; echo 01 > serial
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
for name in root stranger; do
    openssl req -x509 -config tsa.cnf -extensions root $key -keyout $name.key -out $name.pem -days 3650 -subj /CN=$name
done
for name in honest unknown nothing expired; do
    openssl req -new -config tsa.cnf $key -keyout $name.key -out $name.csr -subj /CN=$name
done
sign() { openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -extfile tsa.cnf -extensions $3 -out $1.pem -days 3650; }
sign honest root stamps; sign unknown stranger stamps; sign nothing root nothing
openssl ca -batch -notext -config tsa.cnf -in expired.csr -cert root.pem -keyfile root.key -extfile tsa.cnf \
    -extensions stamps -startdate 20200101000000Z -enddate 20210101000000Z -out expired.pem
"#;

/// A running authority. It ends with this.
pub(super) struct Authority {
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    folder: PathBuf,
    address: SocketAddr,
    manner: Mutex<Manner>,
    /// Seconds that its clock is ahead.
    ahead: AtomicI64,
    asked: AtomicUsize,
    stops: AtomicBool,
}

/// What is said where a test cannot run.
pub(super) fn skipped() -> Completion {
    Completion::ignored_with("OpenSSL is not installed")
}

fn run(folder: &Path, program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Authority {
    pub(super) fn start(folder: &Path, manner: Manner) -> Self {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("tsa.cnf"), CONFIGURATION).unwrap();
        run(folder, "sh", &["-c", LAYOUT]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            address: listener.local_addr().unwrap(),
            manner: Mutex::new(manner),
            ahead: AtomicI64::new(0),
            asked: AtomicUsize::new(0),
            stops: AtomicBool::new(false),
        });
        let serves = Arc::clone(&shared);
        let serving = std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                if serves.stops.load(Ordering::SeqCst) {
                    return;
                }
                held.extend(stream.ok().and_then(|stream| serves.serve(stream)));
            }
        });
        Self { shared, serving: Some(serving) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.shared.address
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// Puts its clock ahead.
    pub(super) fn ahead(&self, seconds: i64) {
        self.shared.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Whether `openssl ts -verify` takes a day's files, at the time that they were made.
    pub(super) fn believes(&self, folder: &Path, day: &str) -> bool {
        let [data, token] = ["checkpoint", "tst"].map(|kind| folder.join(format!("{day}.{kind}")));
        let verified = Command::new("openssl")
            .args(["ts", "-verify", "-token_in", "-CAfile", "root.pem", "-data"])
            .args([data.as_os_str(), "-in".as_ref(), token.as_os_str()])
            .current_dir(&self.shared.folder)
            .output()
            .unwrap();
        verified.status.success()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.shared.address));
        if let Some(serving) = self.serving.take() {
            drop(serving.join());
        }
    }
}

impl Shared {
    /// Answers one question. A connection that is never answered is held.
    fn serve(&self, mut stream: TcpStream) -> Option<TcpStream> {
        let question = question(&mut stream)?;
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let manner = match *self.manner.lock().unwrap() {
            Manner::EachBad => BAD[number % BAD.len()].0,
            manner => manner,
        };
        let reply = "application/timestamp-reply";
        let (status, kind, body) = match manner {
            Manner::Never => return Some(stream),
            Manner::NotFound => ("404 Not Found", reply, Vec::new()),
            Manner::Page => ("200 OK", "text/html", b"<html>".to_vec()),
            Manner::Garbage => ("200 OK", reply, b"\x30\x03\x02\x01".to_vec()),
            Manner::TooLarge => ("200 OK", reply, vec![0x30; 64 * 1024 + 1]),
            Manner::Rejected => ("200 OK", reply, b"\x30\x05\x30\x03\x02\x01\x02".to_vec()),
            _ => ("200 OK", reply, self.stamp(manner, question)),
        };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)));
        None
    }

    /// A reply by OpenSSL, the stamp in it signed anew: with its clock's time, by whoever signs in this manner.
    fn stamp(&self, manner: Manner, mut question: Vec<u8>) -> Vec<u8> {
        let length = question.len();
        match manner {
            // The digest begins behind version and algorithm.
            Manner::OtherBytes => question[24] ^= 1,
            // The number ends before the wish for a certificate, and the policy stands before it.
            Manner::OtherNonce => question[length - 4] ^= 1,
            _ => {}
        }
        let signer = match manner {
            Manner::Stranger => "unknown",
            Manner::Expired => "expired",
            Manner::NotForStamps => "nothing",
            _ => "honest",
        };
        let folder = &self.folder;
        fs::write(folder.join("q.tsq"), question).unwrap();
        let honest =
            ["-signer", "honest.pem", "-inkey", "honest.key", "-config", "tsa.cnf", "-section", "tsa"];
        run(
            folder,
            "openssl",
            &[&["ts", "-reply", "-queryfile", "q.tsq", "-token_out", "-out", "t"], &honest[..]].concat(),
        );
        run(
            folder,
            "openssl",
            &["cms", "-verify", "-noverify", "-inform", "DER", "-in", "t", "-out", "info"],
        );
        let ahead = self.ahead.load(Ordering::SeqCst);
        if (signer, ahead) != ("honest", 0) {
            fs::write(folder.join("info"), dated(fs::read(folder.join("info")).unwrap(), ahead)).unwrap();
            let [key, certificate] = ["key", "pem"].map(|kind| format!("{signer}.{kind}"));
            let cms = ["cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades", "-md", "sha256"];
            let files =
                ["-outform", "DER", "-in", "info", "-out", "t", "-signer", &certificate, "-inkey", &key];
            let kind = ["-econtent_type", "1.2.840.113549.1.9.16.1.4"];
            run(folder, "openssl", &[&cms[..], &files, &kind].concat());
        }
        let token = fs::read(folder.join("t")).unwrap();
        let length = u16::try_from(token.len() + 5).unwrap().to_be_bytes();
        [&[0x30, 0x82, length[0], length[1], 0x30, 3, 2, 1, 0], &token[..]].concat()
    }
}

/// The stamp with the time of a clock that is so far ahead of the one that it was made by.
fn dated(mut info: Vec<u8>, ahead: i64) -> Vec<u8> {
    const FORM: &str = "%Y%m%d%H%M%SZ";
    let at = info.windows(2).position(|window| window == [0x18, 15]).unwrap() + 2;
    let time = jiff::civil::DateTime::strptime(FORM, &info[at..at + 15]).unwrap();
    let time = time.checked_add(jiff::SignedDuration::from_secs(ahead)).unwrap();
    info[at..at + 15].copy_from_slice(time.strftime(FORM).to_string().as_bytes());
    info
}

/// The body of a POST.
fn question(stream: &mut TcpStream) -> Option<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (mut read, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&piece[..length]);
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        assert!(head.starts_with("post /stamp http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/timestamp-query"), "{head}");
        let body =
            head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
        if read.len() >= end + 4 + body {
            return Some(read[end + 4..end + 4 + body].to_vec());
        }
    }
}
