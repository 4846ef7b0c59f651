//! Checkpoints: a real one with its log's signature and four cosignatures, and what is not one.

use super::*;

/// A checkpoint of a public log, whose first signature is of a kind that is not used here.
const REAL: &str = "arche2025h1.staging.ct.transparency.dev\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n\
— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n\
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n\
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n\
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n\
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==\n\
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n";

/// The example of `tlog-checkpoint` and `tlog-cosignature`, whose keys are not published.
const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const EXAMPLE_SIGNATURES: &str = "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

fn pins(keys: &[usize]) -> Pins {
    let keys = keys.iter().map(|at| keys::PUBLISHED[*at].0.parse().unwrap()).collect();
    Pins::new("arche2025h1.staging.ct.transparency.dev", keys).unwrap()
}

#[test]
fn a_real_checkpoint_verifies_by_the_keys_of_its_log_and_witnesses() {
    let signed = SignedCheckpoint::parse(REAL.as_bytes()).unwrap();
    assert_eq!(signed.to_string(), REAL);
    assert_eq!(signed.unverified().head().size, 1_432_088_532);
    let (checkpoint, witnessed) = signed.verify(&pins(&[5, 6, 7, 8, 9])).unwrap();
    assert_eq!(checkpoint, signed.unverified());
    assert_eq!(witnessed.standing, Standing::Final);
    let names: Vec<_> = witnessed.by.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "remora.n621.de",
            "transparency.dev/DEV:witness-little-garden",
            "witness.stagemole.eu",
            "witness1.smartit.nu/witness1"
        ]
    );
    assert!(witnessed.by.iter().all(|(_, time)| *time == 1_779_573_024));
    let (_, witnessed) = signed.verify(&pins(&[5])).unwrap();
    assert_eq!(witnessed.standing, Standing::Unwitnessed);
}

#[test]
fn a_real_checkpoint_altered_is_refused() {
    for (from, to) in [
        ("\n1432088532\n", "\n1432088533\n"),
        ("U7WM79", "U7WM78"),
        ("C4Ro=\n\n", "C4Ro=\nextension\n\n"),
        ("qEiEgPlfF3V", "qEiEhPlfF3V"),
        ("ui8GwCF1", "ui8GwCF2"),
    ] {
        assert!(REAL.contains(from));
        let signed = SignedCheckpoint::parse(REAL.replace(from, to).as_bytes()).unwrap();
        let refused = signed.verify(&pins(&[5, 6])).unwrap_err();
        assert_eq!(refused, CheckpointError::Note(NoteError::BadSignature), "{from}");
    }
    let other = REAL.replace("arche2025h1", "arche2026h1");
    let signed = SignedCheckpoint::parse(other.as_bytes()).unwrap();
    assert_eq!(signed.verify(&pins(&[5])), Err(CheckpointError::OtherLog));
    let (log, rest) =
        (REAL.find("— arche2025h1.staging.ct.transparency.dev ui8"), REAL.find("— transparency"));
    let unsigned = REAL[..log.unwrap()].to_owned() + &REAL[rest.unwrap()..];
    let signed = SignedCheckpoint::parse(unsigned.as_bytes()).unwrap();
    assert_eq!(signed.verify(&pins(&[5, 6])), Err(CheckpointError::NotSigned));
    assert_eq!(signed.verify(&pins(&[5])), Err(CheckpointError::Note(NoteError::UnknownKeys)));
}

#[test]
fn the_example_of_the_specification_is_read() {
    let text = format!("{EXAMPLE}\n{EXAMPLE_SIGNATURES}");
    let signed = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!(signed.to_string(), text);
    let checkpoint = signed.unverified();
    assert_eq!((checkpoint.origin(), checkpoint.head().size), ("example.com/behind-the-sofa", 20_852_163));
    assert!(checkpoint.extensions().is_empty());
    let (time, signature) = signed.note().signatures()[1].bytes().split_first_chunk().unwrap();
    assert_eq!((u64::from_be_bytes(*time), signature.len()), (1_679_315_147, 64));
    // The message that the specification writes out for it.
    let message = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
                   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(cosigned_message(EXAMPLE, 1_679_315_147), message);
}

#[test]
fn what_is_not_a_checkpoint_in_its_one_form_is_refused() {
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    for text in [
        EXAMPLE.to_owned(),
        format!("log\n0\n{empty}\n"),
        format!("log\n{SIZE_MAX}\n{ROOT}\n"),
        format!("log\n1\n{ROOT}\none\nand another\n"),
        format!("log\n1\n{ROOT}\n{}", "line\n".repeat(EXTENSIONS_MAX)),
    ] {
        assert_eq!(Checkpoint::parse(&text).unwrap().to_string(), text);
    }
    for text in [
        String::new(),
        "\n".to_owned(),
        "log\n1\n".to_owned(),
        format!("log\n1\n{ROOT}"),
        format!("\n1\n{ROOT}\n"),
        format!("my log\n1\n{ROOT}\n"),
        format!("lo+g\n1\n{ROOT}\n"),
        format!("{}\n1\n{ROOT}\n", "l".repeat(NAME_MAX + 1)),
        format!("log\n\n{ROOT}\n"),
        format!("log\n01\n{ROOT}\n"),
        format!("log\n00\n{empty}\n"),
        format!("log\n+1\n{ROOT}\n"),
        format!("log\n-1\n{ROOT}\n"),
        format!("log\n1 \n{ROOT}\n"),
        format!("log\n１\n{ROOT}\n"),
        format!("log\n0x1\n{ROOT}\n"),
        format!("log\nbananas\n{ROOT}\n"),
        format!("log\n{}\n{ROOT}\n", SIZE_MAX + 1),
        format!("log\n3438945738945739845734895735\n{ROOT}\n"),
        format!("log\n0\n{ROOT}\n"),
        format!("log\n1\n{}\n", &ROOT[..43]),
        format!("log\n1\n{}\n", ROOT.replace("q2I=", "q2J=")),
        format!("log\n1\n{ROOT}=\n"),
        format!("log\n1\n{}\n", ROOT.replace('/', "_")),
        "log\n1\nYmFuYW5hcw==\n".to_owned(),
        "log\n1\ndGhlIHZpZXcgZnJvbSB0aGUgdHJlZSB0b3BzIGlzIGdyZWF0IQ==\n".to_owned(),
        format!("log\n1\n{ROOT}\n\n"),
        format!("log\n1\n{ROOT}\n\nline\n"),
        format!("log\n1\n{ROOT}\nli\tne\n"),
        format!("log\r\n1\n{ROOT}\n"),
        format!("log\n1\n{ROOT}\n{}", "line\n".repeat(EXTENSIONS_MAX + 1)),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Malformed), "{text:?}");
    }
    assert_eq!(
        SignedCheckpoint::parse(b"text\n\n\xe2\x80\x94 n AAAAAAA=\n"),
        Err(CheckpointError::Malformed)
    );
    assert_eq!(SignedCheckpoint::parse(b"text\n"), Err(CheckpointError::Note(NoteError::Malformed)));
}

#[test]
fn a_log_signs_what_verifies_and_nothing_of_another_log() {
    let head = TreeHead { size: 3, root: [9; 32] };
    let signer = LogSigner::new("chukei.example/982016", signing_key(1)).unwrap();
    let pins = Pins::new("chukei.example/982016", vec![signer.verifier().clone()]).unwrap();
    let checkpoint = Checkpoint::new("chukei.example/982016", head, vec!["epoch 2".to_owned()]).unwrap();
    let signed = signer.sign(checkpoint.clone()).unwrap();
    let again = SignedCheckpoint::parse(signed.to_string().as_bytes()).unwrap();
    assert_eq!(again, signed);
    assert_eq!(again.verify(&pins).unwrap().0, &checkpoint);
    let other = Checkpoint::new("chukei.example/982024", head, Vec::new()).unwrap();
    assert_eq!(signer.sign(other), Err(CheckpointError::OtherLog));
    assert_eq!(LogSigner::new("a log", signing_key(1)).unwrap_err(), KeyError::Name);
}
