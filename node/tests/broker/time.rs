//! The broker's word on the time: told to whom it serves, by its own clock.

use chukei_relay_client::clock::Clock;
use chukei_relay_client::witness::time_at;

use crate::stage::Stage;

#[tokio::test]
async fn node_and_portal_are_told_what_time_it_is_at_the_broker() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    for peer in [&portal, &node] {
        let before = Clock::system().now_ms();
        let told = time_at(peer, before).await.unwrap();
        assert!((before..=Clock::system().now_ms()).contains(&told), "{told}");
    }
}
