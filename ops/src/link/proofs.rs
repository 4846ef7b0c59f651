//! What a terminal shows of itself and its user on a fresh connection, and again where the node asks for more.
//!
//! What must hold: a factor is shown again once for one act, however often the node asks; what a rule refuses is told and
//! not tried again, so that no limit of tries is used up by itself.

use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::factor::{Authenticator, AuthenticatorError, FactorError, FactorHolder};
use chukei_relay_client::tls::DeviceError;
use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use super::{FIRST_REACH, Fault, NodeLink, PAUSE, fault};
use crate::failure::Failure;

/// Whether a further factor was shown for one act.
#[derive(Debug, Default)]
pub(crate) struct StepUp(bool);

impl NodeLink {
    /// Shows which terminal this is and what its user can prove, before anything else is asked.
    pub(super) async fn prove(&self, peer: &PeerConnection) -> Result<(), Fault> {
        self.patiently(peer, async || self.prove_device(peer).await).await?;
        self.show_factors(peer).await
    }

    /// Waits as it is told and tries again on the same connection: proofs made before stay made, so that a body at its
    /// limits gets through one step at a time (R40).
    async fn patiently(
        &self,
        peer: &PeerConnection,
        attempt: impl AsyncFn() -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let until = Instant::now() + FIRST_REACH;
        loop {
            match attempt().await {
                Err(Fault::Later(pause, _)) if !peer.is_closed() && Instant::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                }
                done => return done,
            }
        }
    }

    /// Shows the user's factors once more where that is why an act was refused: it may be tried again then. Hands the
    /// failure back where it is another, or where showing them has not helped.
    pub(crate) async fn step_up(&mut self, done: &mut StepUp, failure: Failure) -> Result<(), Failure> {
        if failure.code != ResultName::StepUpRequired.as_str() || self.factors.is_empty() {
            return Err(failure);
        }
        if std::mem::replace(&mut done.0, true) {
            let message =
                "追加の認証を行いましたが許可されませんでした。access explain で理由を確認してください";
            return Err(Failure::refused(ResultName::StepUpRequired, message));
        }
        let shown = match self.connected().await {
            Ok(peer) => self.show_factors(&peer).await,
            Err(fault) => Err(fault),
        };
        match shown {
            Err(Fault::Final(failure)) => Err(failure),
            // The act itself waits for a connection, on which they are shown.
            Ok(()) | Err(Fault::Later(..)) => Ok(()),
        }
    }

    async fn prove_device(&self, peer: &PeerConnection) -> Result<(), Fault> {
        let Some(device) = &self.device else { return Ok(()) };
        let proof = device.prove(peer, self.credentials.identity()).map_err(|error| match error {
            DeviceError::Connection(_) => Fault::Later(PAUSE, self.unreachable()),
            DeviceError::Signing => {
                Failure::usage("BAD_CONFIG", "端末の鍵で署名できません。[device] を確認してください").into()
            }
        })?;
        let mut talk = self.talk(peer, Kind::Device).await?;
        talk.say(&proof).await?;
        talk.finish().await?;
        talk.end().await
    }

    async fn show_factors(&self, peer: &PeerConnection) -> Result<(), Fault> {
        let user = self.credentials.identity();
        let holder = FactorHolder { connection: peer, user, clock: &self.clock };
        for factor in &self.factors {
            let show =
                async || holder.show(factor.as_ref()).await.map_err(|error| told(error, factor.as_ref()));
            self.patiently(peer, show).await?;
        }
        Ok(())
    }
}

fn told(error: FactorError, factor: &dyn Authenticator) -> Fault {
    let name = factor.name();
    match error {
        FactorError::Refused(result) => match refusal(result) {
            Some(words) => Failure::refused(result, format!("認証要素 {name}: {words}")).into(),
            None => Failure::of_result(result).into(),
        },
        FactorError::Later(result, ms) => {
            Fault::Later(Duration::from_millis(u64::from(ms)), Failure::of_result(result))
        }
        FactorError::Session(error) => fault(error),
        FactorError::Authenticator(error) => Failure::usage("FACTOR", authenticator(name, error)).into(),
        FactorError::Random(_) => Failure::no_randomness().into(),
    }
}

fn refusal(result: ResultName) -> Option<&'static str> {
    Some(match result {
        ResultName::BadSignature => {
            "確認できません。PINまたは鍵ファイルを確認してください。誤りが続くとしばらく使えなくなります"
        }
        ResultName::NotFound => "台帳に登録されていません。管理者に登録を依頼してください",
        ResultName::Denied => "誤りが続いたため使えません。15分待ってからやり直してください",
        ResultName::SameFactorKind => {
            "既に示した要素と同じ種類です。知識・所持・生体のうち別の種類を使ってください(証明書は所持です)"
        }
        ResultName::Expired => "入力に時間がかかりすぎました。もう一度実行してください",
        _ => return None,
    })
}

fn authenticator(name: &str, error: AuthenticatorError) -> String {
    match error {
        AuthenticatorError::NoAnswer => {
            format!("認証要素 {name}: PINを読み取れません。端末から入力するか pin_file を確認してください")
        }
        AuthenticatorError::Form => {
            format!("認証要素 {name}: 台帳の登録と種類が違います。[[factor]] を確認してください")
        }
        AuthenticatorError::Signing => {
            format!("認証要素 {name}: 鍵で署名できません。鍵ファイルを確認してください")
        }
    }
}
