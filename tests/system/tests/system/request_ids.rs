//! A request id stays used wherever its body is served next (R22): by the same node after a restart, and by another one
//! that takes the body over. Bodies whose log lies on a PostgreSQL server; of logs in files `permits` tells.
//!
//! What needs a server is skipped where none is installed; with `CHUKEI_REQUIRE_SERVICES=1` it fails.

use chukei_harness::role::Role;
use chukei_harness::store::{Database, Store};
use chukei_relay_client::channel::Channel;
use chukei_wire::frame::Outcome;
use chukei_wire::header::Header;
use chukei_wire::result::ResultName;
use libtest_mimic::{Completion, Failed, Trial};

use crate::copy_file::{Row, file};
use crate::group::{Shared, Skippable, skippable_group};
use crate::page::fetch;
use crate::played_broker::{Answer, Known, PlayedBroker, PlayedNode};
use crate::second_node::SecondNode;
use crate::server;
use crate::stage::{Stage, until};
use crate::taking_over::{EPOCHS_A, EPOCHS_B, keep_epochs_at_both};

const TESTS: &[Skippable<OnServer>] =
    &[("r22_postgres_a_request_id_is_used_once_also_across_a_restart_and_a_take_over", used_once)];

pub(crate) fn trials() -> Vec<Trial> {
    skippable_group("request_ids", TESTS)
}

const BODY: &str = "982016";

/// The nodes end before their server.
struct OnServer(Option<Played>);

struct Played {
    broker: PlayedBroker,
    known: Known,
    stage: Stage,
    _database: Database,
}

impl Shared for OnServer {
    fn set() -> Result<Self, Failed> {
        let Some(database) = server::start()? else { return Ok(Self(None)) };
        let stage = Stage::start_with("request-ids", Store::Postgres(&database), keep_epochs_at_both)?;
        let person = stage.persons(BODY, 1).remove(0);
        let path = stage.written("copies.csv", file(&[Row::new(BODY, &person, "one", "one")]));
        assert_eq!(stage.staff(BODY, &["copy", "import", &path]).done()["registered"], 1);
        let broker = PlayedBroker::take_over(&stage);
        let known = broker.known(BODY, &person);
        Ok(Self(Some(Played { broker, known, stage, _database: database })))
    }

    fn keep(&self) {
        if let Some(played) = &self.0 {
            played.stage.keep();
        }
    }
}

impl Played {
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.stage.runtime.block_on(work)
    }

    /// A channel through the node that has announced itself last, as soon as it serves the body.
    fn channel(&self) -> Channel {
        until("a channel", || self.run(self.broker.channel(BODY)).ok())
    }

    fn ask(&self, node: &PlayedNode, channel: &Channel, header: &Header) -> Answer {
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permit = Some(self.broker.permit(node, hash, Some(self.known.code)));
        let (bindings, sealed) =
            (&self.known.bindings, PlayedBroker::sealed_request(channel, header, &self.known.bindings));
        self.run(PlayedBroker::ask_at(node, channel, header, permit, sealed, bindings))
    }

    /// A request that this node answers.
    fn answered(&self, node: &PlayedNode, channel: &Channel) -> Header {
        let header = self.broker.on(channel, BODY);
        let answer = self.ask(node, channel, &header);
        assert_eq!(answer.sealed.map(|sealed| sealed.result), Some(ResultName::Done), "{:?}", answer.outcome);
        header
    }

    /// The same request once more, on a new channel.
    fn again(&self, header: &Header) -> Outcome {
        let channel = self.channel();
        let node = self.run(self.broker.node());
        self.ask(&node, &channel, &Header { channel: Some(channel.id()), ..header.clone() }).outcome
    }

    /// Returns when the broker knows that the node has gone.
    fn stop(&self, node: &PlayedNode) {
        self.stage.stack.stop_role(Role::Node).unwrap();
        self.run(node.closed());
    }
}

fn used_once(on: &OnServer) -> Completion {
    let Some(played) = &on.0 else {
        return server::skipped();
    };
    let replay = Outcome::Refused(ResultName::Replay);
    let (channel, first) = (played.channel(), played.run(played.broker.node()));
    let before = played.answered(&first, &channel);
    played.stop(&first);
    played.stage.stack.start_role(Role::Node).unwrap();
    assert_eq!(played.again(&before), replay, "after a restart");

    // The other node runs and waits when the request is answered: what it read at its start does not help it.
    let (channel, first) = (played.channel(), played.run(played.broker.node()));
    let second = SecondNode::start(played.stage.layout(), |config| config.replace(EPOCHS_A, EPOCHS_B));
    let waits = format!("body {BODY} is served elsewhere");
    until("a second node that waits", || {
        fetch(second.metrics, "GET", "/readyz").filter(|(_, text)| text.contains(&waits)).map(drop)
    });
    let beside = played.answered(&first, &channel);
    played.stop(&first);
    for (header, when) in [(&before, "before the restart"), (&beside, "beside the one that waited")] {
        assert_eq!(played.again(header), replay, "taken over: answered {when}");
    }
    let (channel, second) = (played.channel(), played.run(played.broker.node()));
    played.answered(&second, &channel);
    Completion::Completed
}
