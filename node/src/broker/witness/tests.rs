//! The witness with its memory in a journal: what it takes, what it keeps before it tells, what is left after a kill.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chukei_store::journal::{Entry, JournalOptions};
use tokio::sync::oneshot;

use super::samples::{Log, NOW, identity};
use super::*;

mod epochs;
mod others;

const SECOND: u64 = 1_000;
/// Kind of an entry about a head that was cosigned.
const OWN: u8 = 48;

fn journal(dir: &Path) -> Arc<Journal> {
    Arc::new(Journal::open(dir, JournalOptions::default()).unwrap().0)
}

/// A witness over the journal in a folder.
struct Stage {
    dir: tempfile::TempDir,
    journal: Arc<Journal>,
    witness: Witness,
    key: Vec<u8>,
    log: Log,
    peers: PeerList,
}

impl Stage {
    fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(&dir.path().join("journal"));
        let key = SigningKey::generate().unwrap().to_vec();
        let witness = Witness::open("broker-a", SigningKey::from_pkcs8(&key).unwrap(), &journal).unwrap();
        let log = Log::new();
        let peers = log.peers();
        Self { dir, journal, witness, key, log, peers }
    }

    fn keep(&self, kept: Kept) -> chukei_store::journal::Appending {
        let (kind, sealed) = kept.written().unwrap();
        self.journal.append(Entry { partition: OWNER.to_owned(), kind, at_ms: NOW, replay: None, sealed })
    }

    async fn told(&self, head: &LogHead) -> LogWitnessed {
        self.told_at(head, NOW).await
    }

    async fn told_at(&self, head: &LogHead, now_ms: u64) -> LogWitnessed {
        match self.witness.take(head, &self.peers, now_ms, |kept| self.keep(kept)) {
            Taken::Told(answer) => answer,
            Taken::Alarm(_) => LogWitnessed::Fork,
            Taken::Cosigned(cosigned, kept) => self.witness.settle(*cosigned, kept).await.0,
        }
    }

    /// Another witness over what lies on the disk now: the first was killed.
    fn killed(&self) -> (Witness, tempfile::TempDir) {
        let copy = tempfile::tempdir().unwrap();
        let folder = copy.path().join("journal");
        copy_folder(&self.dir.path().join("journal"), &folder);
        let journal = journal(&folder);
        let key = SigningKey::from_pkcs8(&self.key).unwrap();
        (Witness::open("broker-a", key, &journal).unwrap(), copy)
    }

    /// Goes on with such a witness.
    fn started_again(self) -> Self {
        let (witness, dir) = self.killed();
        let Self { key, log, peers, .. } = self;
        let journal = journal(&dir.path().join("journal"));
        Self { dir, journal, witness, key, log, peers }
    }

    fn last(witness: &Witness, log: &Log) -> u64 {
        witness.memory().last(&log.origin).size
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The cosignature's time, once it verifies under the witness's key.
fn cosigned(stage: &Stage, size: usize, answer: &LogWitnessed) -> u64 {
    let LogWitnessed::Cosigned(line) = answer else { panic!("{answer:?}") };
    let log = &stage.log;
    let keys = log.pins().keys().iter().cloned().chain([stage.witness.signer.verifier().clone()]).collect();
    let pins = Pins::new(&log.origin.to_string(), keys).unwrap();
    let mut checkpoint = log.checkpoint(size);
    checkpoint.add(Signature::from_line(line).unwrap(), &pins).unwrap();
    let (_, witnessed) = checkpoint.verify(&pins).unwrap();
    assert_eq!(witnessed.by[0].0, "chukei.invalid/witness/broker-a");
    witnessed.by[0].1
}

#[tokio::test]
async fn a_log_that_grows_is_cosigned_at_the_brokers_time() {
    let stage = Stage::set();
    for (at, (old, new)) in [(0, 3), (3, 3), (3, 40), (40, 64)].into_iter().enumerate() {
        let now_ms = NOW + at as u64 * SECOND;
        let answer = stage.told_at(&stage.log.grown(old, new), now_ms).await;
        assert_eq!(cosigned(&stage, new, &answer), now_ms / 1_000);
    }
}

#[tokio::test]
async fn a_fork_is_an_alarm_once_in_a_while_and_its_evidence_is_both_checkpoints() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let fork = stage.log.forked(3).grown(7, 9);
    let take = || stage.witness.take(&fork, &stage.peers, NOW, |kept| stage.keep(kept));
    let Taken::Alarm(alarm) = take() else { panic!("no alarm") };
    assert_eq!(alarm.remembered, stage.log.checkpoint(7).to_string());
    assert_eq!(alarm.shown.as_bytes(), fork.checkpoint);
    assert!(matches!(take(), Taken::Told(LogWitnessed::Fork)), "answered without another alarm");
    let answer = stage.told(&stage.log.grown(7, 9)).await;
    cosigned(&stage, 9, &answer);
    assert!(matches!(take(), Taken::Alarm(_)), "it was mended since");
}

#[tokio::test]
async fn r43_nothing_is_cosigned_before_its_memory_is_durable() {
    let stage = Stage::set();
    let (durable, kept) = oneshot::channel::<Result<u64, JournalError>>();
    let kept = async { kept.await.unwrap() };
    let taken = stage.witness.take(&stage.log.grown(0, 7), &stage.peers, NOW, |_| kept);
    let Taken::Cosigned(made, kept) = taken else { panic!("refused") };
    let mut settling = Box::pin(stage.witness.settle(*made, kept));
    let early = at_once(&mut settling);
    assert!(early.is_none(), "{early:?}");
    durable.send(Ok(1)).unwrap();
    cosigned(&stage, 7, &settling.await.0);
}

/// The outcome, if it is there already.
fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_disk_that_takes_nothing_costs_the_cosignature_and_no_memory() {
    let stage = Stage::set();
    for (error, name) in
        [(JournalError::Failed, ResultName::NotReady), (JournalError::Full, ResultName::Overloaded)]
    {
        let head = stage.log.grown(0, 7);
        let old_size = Stage::last(&stage.witness, &stage.log);
        let head = if old_size == 0 { head } else { stage.log.grown(7, 7) };
        let keep = |_| std::future::ready(Err(error));
        let taken = stage.witness.take(&head, &stage.peers, NOW, keep);
        let Taken::Cosigned(made, kept) = taken else { panic!("refused") };
        assert_eq!(stage.witness.settle(*made, kept).await, (LogWitnessed::Refused(name), None));
    }
    let (after, _copy) = stage.killed();
    assert_eq!(Stage::last(&after, &stage.log), 0, "nothing was cosigned, and nothing is remembered");
    let answer = stage.told(&stage.log.grown(7, 9)).await;
    cosigned(&stage, 9, &answer);
    let (after, _copy) = stage.killed();
    assert_eq!(Stage::last(&after, &stage.log), 9);
}

#[tokio::test]
async fn r43_a_witness_that_was_killed_refuses_what_it_would_have_refused() {
    let stage = Stage::set();
    for (old, new) in [(0, 7), (7, 12)] {
        let answer = stage.told(&stage.log.grown(old, new)).await;
        cosigned(&stage, new, &answer);
        let (after, _copy) = stage.killed();
        assert_eq!(Stage::last(&after, &stage.log), new as u64, "what was cosigned is remembered at once");
        let keep = |_| std::future::ready(Ok::<u64, JournalError>(1));
        let fork = stage.log.forked(3).grown(new, new + 1);
        let Taken::Alarm(alarm) = after.take(&fork, &stage.peers, NOW, keep) else { panic!("a fork passed") };
        assert_eq!(alarm.remembered, stage.log.checkpoint(new).to_string());
        let grown = after.take(&stage.log.grown(new, new + 1), &stage.peers, NOW, keep);
        assert!(matches!(grown, Taken::Cosigned(..)));
    }
}

#[tokio::test]
async fn r24_a_key_that_the_body_has_not_certified_and_a_body_that_is_none_show_nothing() {
    let stage = Stage::set();
    let good = stage.log.grown(0, 7);
    let by_another = stage.log.key(&identity());
    let uncertified = LogHead { certificate: by_another.signature, ..good.clone() };
    let stranger = LogHead { key: Log::new().public(), ..good.clone() };
    for head in [&uncertified, &stranger] {
        assert_eq!(stage.told(head).await, LogWitnessed::Refused(ResultName::BadSignature));
    }
    assert!(matches!(stage.told(&good).await, LogWitnessed::Cosigned(_)));
    assert_eq!(
        stage.told(&uncertified).await,
        LogWitnessed::Refused(ResultName::BadSignature),
        "known or not"
    );
    // The log of one body, shown as another's.
    let foreign = LogHead { body: "982024".parse().unwrap(), ..good.clone() };
    assert_eq!(stage.told(&foreign).await, LogWitnessed::Refused(ResultName::NotFound));
    let retired = Log::new().peers();
    let taken = stage.witness.take(&stage.log.grown(7, 9), &retired, NOW, |kept| stage.keep(kept));
    let refused = LogWitnessed::Refused(ResultName::BadSignature);
    assert!(matches!(taken, Taken::Told(answer) if answer == refused), "its identity has left the list");
}

#[tokio::test]
async fn what_is_no_head_is_bad_format() {
    let stage = Stage::set();
    let good = stage.log.grown(3, 7);
    let with = |checkpoint: &str| LogHead { checkpoint: checkpoint.as_bytes().to_vec(), ..good.clone() };
    let text = String::from_utf8(good.checkpoint.clone()).unwrap();
    let padded = text.replace("\n\n", &format!("\n{}\n\n", "x".repeat(LOG_CHECKPOINT_MAX)));
    let malformed = [
        with(""),
        with("chukei.invalid/log/982016/1\n7\n"),
        with(&text[1..]),
        with(text.trim_end()),
        with(&padded),
        with(&text.replace("/982016/1", "/982016/01")),
        with(&text.replace("chukei.invalid", "chukei.example")),
        LogHead { proof: vec![0; 31], ..good.clone() },
        LogHead { proof: vec![0; 65 * 32], ..good.clone() },
    ];
    for (at, head) in malformed.iter().enumerate() {
        assert_eq!(stage.told(head).await, LogWitnessed::Refused(ResultName::BadFormat), "{at}");
    }
}

#[tokio::test]
async fn the_memory_stays_short_and_nothing_of_it_is_lost() {
    let stage = Stage::set();
    let rests = stage.log.of_another_body();
    stage.told(&rests.grown(0, 5)).await;
    stage.told(&stage.log.grown(0, 1)).await;
    for size in 1..40 {
        stage.told(&stage.log.grown(size, size + 1)).await;
    }
    let keep = |kept| stage.keep(kept);
    stage.witness.shorten(&stage.journal, 100, keep).await.unwrap();
    assert_eq!(stage.journal.first_number(OWNER).0, 1, "not due");
    stage.witness.shorten(&stage.journal, 10, keep).await.unwrap();
    assert_eq!(stage.journal.first_number(OWNER).0, 36);
    assert_eq!(stage.journal.read(OWNER, 1).count(), 7, "five, the newest, and the one that rests once more");
    let (after, _copy) = stage.killed();
    assert_eq!((Stage::last(&after, &stage.log), Stage::last(&after, &rests)), (40, 5));
}

#[tokio::test]
async fn a_memory_that_cannot_be_shortened_stays() {
    let stage = Stage::set();
    for size in 0..20 {
        stage.told(&stage.log.grown(size, size + 1)).await;
    }
    let rests = stage.log.of_another_body();
    stage.witness.memory().remember(rests.origin, rests.head(5), rests.checkpoint(5).to_string(), None);
    stage.witness.memory().kept(&rests.origin, (5, 1), None);
    let refused =
        stage.witness.shorten(&stage.journal, 10, |_| std::future::ready(Err(JournalError::Full))).await;
    assert!(matches!(refused, Err(JournalError::Full)));
    assert_eq!(stage.journal.first_number(OWNER).0, 1);
}

#[tokio::test]
async fn a_journal_that_contradicts_itself_makes_no_witness() {
    let cases: [(u8, Vec<usize>, Option<usize>); 4] =
        [(OWN, vec![7, 6], None), (OWN, vec![7, 7], Some(3)), (OWN + 3, vec![7], None), (OWN, vec![], None)];
    for (at, (kind, sizes, fork)) in cases.into_iter().enumerate() {
        let stage = Stage::set();
        for (place, size) in sizes.iter().enumerate() {
            let log = fork
                .filter(|_| place > 0)
                .map_or_else(|| stage.log.of_epoch(1), |leaf| stage.log.forked(leaf));
            let sealed = log.checkpoint(*size).to_string().into_bytes();
            let partition = OWNER.to_owned();
            stage.journal.append(Entry { partition, kind, at_ms: NOW, replay: None, sealed }).await.unwrap();
        }
        let opened = Witness::open("broker-a", SigningKey::from_pkcs8(&stage.key).unwrap(), &stage.journal);
        assert_eq!(opened.is_ok(), sizes.is_empty(), "case {at}");
    }
}
