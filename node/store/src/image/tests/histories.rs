//! Random histories of writes while an image is taken: what comes back is what stood there when writes were held,
//! which somebody else remembers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Put(u64, u8),
    Delete(u64),
}

fn batches() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        3 => (0..60_u64, any::<u8>()).prop_map(|(number, value)| Step::Put(number, value)),
        1 => (0..60_u64).prop_map(Step::Delete),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..6), 1..40)
}

/// Applies batches one after the other and remembers what they amount to.
struct Writer {
    observed: Arc<Observed>,
    model: Mutex<Content>,
    /// Set by the test: no further batch.
    stop: AtomicBool,
}

impl Writer {
    async fn run(&self, history: Vec<Vec<Step>>) {
        for steps in history {
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            let mut batch = Batch::new();
            for step in &steps {
                batch = match step {
                    Step::Put(number, value) => batch.put(key(*number), vec![*value; 10]),
                    Step::Delete(number) => batch.delete(key(*number)),
                };
            }
            self.observed.apply(batch).await.unwrap();
            let mut model = self.model.lock().unwrap();
            for step in steps {
                match step {
                    Step::Put(number, value) => drop(model.insert(key(number), vec![value; 10])),
                    Step::Delete(number) => drop(model.remove(&key(number))),
                }
            }
        }
    }
}

/// Three images in one chain, each while a part of the history is written; the model is compared with every link.
async fn taken_and_put_back(parts: [Vec<Vec<Step>>; 3]) {
    let stage = Stage::new();
    let observed = stage.observed().await;
    let writer = Arc::new(Writer {
        observed: observed.clone(),
        model: Mutex::default(),
        stop: AtomicBool::new(false),
    });
    fill(&*observed, 0..30, 1).await;
    writer.model.lock().unwrap().extend((0..30).map(|number| (key(number), vec![1; 100])));
    let mut last: Option<BackupSet> = None;
    for (at, part) in parts.into_iter().enumerate() {
        let writing = tokio::spawn({
            let writer = writer.clone();
            async move { writer.run(part).await }
        });
        let backup = stage.backup(&observed, &format!("b{at}"), last.as_ref()).await;
        // Some of the part may have been written after the image: one more image has all of it.
        writing.await.unwrap();
        let name = format!("c{at}");
        let quiet = stage.backup(&observed, &name, Some(&backup)).await;
        let target = stage.partition(&format!("restored-{at}")).await;
        restore(&quiet, &stage.identities(), target.clone()).await.unwrap();
        assert_eq!(content(&*target).await, *writer.model.lock().unwrap());
        assert_eq!(content(&*observed).await, *writer.model.lock().unwrap());
        last = Some(quiet);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn sqlite_an_image_taken_under_writes_comes_back_as_it_stood(
        parts in prop::array::uniform3(batches()),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(taken_and_put_back(parts));
    }
}

/// One image under writes, compared with what stood there while they were held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_an_image_is_of_the_moment_when_writes_are_held() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..3_000, 1).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (observed, stop) = (observed.clone(), stop.clone());
        async move {
            let mut number = 0_u64;
            while !stop.load(Ordering::Acquire) {
                number += 7;
                let batch =
                    Batch::new().put(key(number % 4_000), vec![2; 50]).delete(key((number * 3) % 4_000));
                observed.apply(batch).await.unwrap();
            }
        }
    });
    let mut capture = Capture::begin(&observed, None).await.unwrap();
    let target = stage.partition("copy").await;
    let mut importer = Importer::begin(target.clone()).await.unwrap();
    let captured = loop {
        while let Some(page) = capture.next().await.unwrap() {
            importer.take(page.section, page.records).await.unwrap();
        }
        if let Some(captured) = capture.settle().await.unwrap() {
            break captured;
        }
    };
    let stood = content(&*observed.partition()).await;
    for page in captured.last {
        importer.take(page.section, page.records).await.unwrap();
    }
    drop(captured.held);
    importer.finish(None, 0).await.unwrap();
    stop.store(true, Ordering::Release);
    writing.await.unwrap();
    assert_eq!(content(&*target).await, stood);
    assert!(content(&*observed).await.len() > 1_000);
}
