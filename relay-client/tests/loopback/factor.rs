//! Factors beside the certificate: proven over this very connection, challenge, user and name, or not at all (R5).

use chukei_crypto::sign::SigningKey;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, ServerEndpoint, ServerLimits};
use chukei_relay_client::factor::{
    Authenticator, AuthenticatorError, BadProof, FactorError, FactorHolder, FileKey, PinKey, Prompt, check,
};
use chukei_relay_client::key_file;
use chukei_wire::identity::Identity;
use chukei_wire::message::factor::{FactorChallenge, FactorProof, FactorStretch};

use crate::authority::Authority;
use crate::stage::{NODE, admitted, dialling, identity, listen};

const STAFF: &str = "chukei://body/982016/staff/u-tax-07";

struct Terminal {
    authority: Authority,
    clock: Clock,
    server: ServerEndpoint,
    client: ClientEndpoint,
}

impl Terminal {
    fn set() -> Self {
        let authority = Authority::new();
        let (node, clock) = (authority.issue(NODE), authority.clock());
        let server = listen(&node, clock.clone(), ServerLimits::default());
        Self { clock, server, client: dialling(), authority }
    }

    /// A connection at the terminal, and at the node.
    async fn connect(&self, user: &str) -> (PeerConnection, PeerConnection) {
        let (address, expected) = (self.server.local_address().unwrap(), identity(NODE));
        let own = self.authority.issue(user);
        let dial = self.client.connect(&own, &self.clock, address, &expected);
        let (at_node, here) = tokio::join!(admitted(&self.server), dial);
        (here.unwrap(), at_node.unwrap())
    }

    fn key(&self, name: &str) -> FileKey {
        let path = self.authority.path(&format!("{name}.factor"));
        std::fs::write(&path, &*key_file::text(&SigningKey::generate().unwrap())).unwrap();
        FileKey::load(name, &path).unwrap()
    }

    fn proof(&self, here: &PeerConnection, user: &Identity, key: &dyn Authenticator) -> FactorProof {
        self.holder(here, user).answer(key, &challenge(9)).unwrap()
    }

    fn holder<'a>(&'a self, connection: &'a PeerConnection, user: &'a Identity) -> FactorHolder<'a> {
        FactorHolder { connection, user, clock: &self.clock }
    }
}

fn challenge(byte: u8) -> FactorChallenge {
    FactorChallenge { challenge: [byte; 32], stretch: None }
}

#[tokio::test]
async fn r5_what_proves_a_factor_proves_it_for_one_connection_user_challenge_and_name() {
    let (terminal, user) = (Terminal::set(), identity(STAFF));
    let (here, at_node) = terminal.connect(STAFF).await;
    let (_, at_node_too) = terminal.connect(STAFF).await;
    let face = terminal.key("face");
    let proof = terminal.proof(&here, &user, &face);
    assert_eq!(check(&at_node, "face", &face.public(), &proof), Ok(()));
    let refused = |result: Result<(), BadProof>| assert!(matches!(result, Err(BadProof::Signature(_))));
    refused(check(&at_node_too, "face", &face.public(), &proof));
    refused(check(&at_node, "facf", &face.public(), &proof));
    refused(check(&at_node, "face", &terminal.key("other").public(), &proof));
    refused(check(&at_node, "face", &face.public(), &FactorProof { challenge: [8; 32], ..proof }));
    // Made on this very connection, for somebody else.
    let other = identity("chukei://body/982016/staff/u-care-03");
    refused(check(&at_node, "face", &face.public(), &terminal.proof(&here, &other, &face)));
}

#[tokio::test]
async fn a_node_that_asks_for_too_few_or_too_many_rounds_is_not_answered() {
    let (terminal, user) = (Terminal::set(), identity(STAFF));
    let (here, _) = terminal.connect(STAFF).await;
    let never = PinKey::new("pin", Prompt::Person(Box::new(|_| panic!("nobody is asked"))));
    for rounds in [0, 599_999, 10_000_001] {
        let stretch = Some(FactorStretch { salt: vec![1; 16], rounds });
        let asked = FactorChallenge { stretch, ..challenge(1) };
        let refused = terminal.holder(&here, &user).answer(&never, &asked).unwrap_err();
        assert!(matches!(refused, FactorError::Authenticator(AuthenticatorError::Form)));
    }
}
