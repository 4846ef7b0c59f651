//! Padding: buckets of Padmé, at most 12 % over, and one padded form per content and bucket (R50).

use chukei_wire::limits::SEALED_BODY_MAX;
use chukei_wire::padding::{BUCKET_MIN, bucket, pad, put_padded, unpad};
use proptest::prelude::*;

/// Buckets by the paper's definition, in wider arithmetic: L + 2^(E−S)−1 with its last E−S bits cleared.
fn reference(content: usize) -> u128 {
    let length = content as u128 + 4;
    if length <= 1024 {
        return 1024;
    }
    let e = 127 - length.leading_zeros();
    let s = 32 - e.leading_zeros();
    let last = (1_u128 << (e - s)) - 1;
    (length + last) & !last
}

#[test]
fn small_contents_share_the_first_bucket() {
    assert_eq!(bucket(0), BUCKET_MIN);
    assert_eq!(bucket(1020), BUCKET_MIN);
    assert_eq!(bucket(1021), 1088);
    assert_eq!(bucket(10_000), 10_240);
}

#[test]
fn no_length_overflows() {
    for content in (0..64).flat_map(|shift| [usize::MAX >> shift, (usize::MAX >> shift) - 1]) {
        let expected = usize::try_from(reference(content)).unwrap_or(usize::MAX);
        assert!(bucket(content) == expected || content > usize::MAX - 4, "{content}");
        assert!(bucket(content) >= content, "{content}");
    }
}

#[test]
fn a_disguise_is_bounded() {
    assert_eq!(pad(b"x", usize::MAX).len(), bucket(SEALED_BODY_MAX));
}

#[test]
fn answers_that_must_look_alike_have_one_size() {
    let real = pad(&[7; 5_000], 0);
    let neutral = pad(b"ask the body", 5_000);
    assert_eq!(real.len(), neutral.len());
    assert_eq!(unpad(&neutral).unwrap(), b"ask the body");
}

#[test]
fn other_forms_are_refused() {
    let padded = pad(b"content", 0);
    let mut dirty = padded.clone();
    *dirty.last_mut().unwrap() = 1;
    assert!(unpad(&dirty).is_err());
    assert!(unpad(&padded[..padded.len() - 1]).is_err());
    assert!(unpad(&[padded.clone(), vec![0]].concat()).is_err());
    let mut longer = padded.clone();
    longer[..4].copy_from_slice(&1021_u32.to_be_bytes());
    assert!(unpad(&longer).is_err());
    longer[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(unpad(&longer).is_err());
    assert!(unpad(b"").is_err());
}

proptest! {
    #[test]
    fn buckets_are_padme(content in 0..usize::MAX / 2) {
        let size = bucket(content);
        prop_assert_eq!(size as u128, reference(content));
        prop_assert!(content < 1020 || (size - content - 4) as f64 <= 0.12 * (content + 4) as f64);
        prop_assert_eq!(bucket(size - 4), size);
    }

    #[test]
    fn near_sizes_too(content in 0..200_000_usize) {
        prop_assert_eq!(bucket(content) as u128, reference(content));
        prop_assert!(content < 1020 || (bucket(content) - content - 4) * 100 <= 12 * (content + 4));
    }

    #[test]
    fn padding_round_trips(content in prop::collection::vec(any::<u8>(), 0..5_000), as_if in 0..20_000_usize) {
        let padded = pad(&content, as_if);
        prop_assert_eq!(padded.len(), bucket(content.len().max(as_if)));
        prop_assert_eq!(unpad(&padded).unwrap(), content.as_slice());
    }

    #[test]
    fn parts_of_a_padded_form_join_to_the_whole(
        content in prop::collection::vec(any::<u8>(), 0..5_000),
        as_if in 0..20_000_usize,
        part in 1..3_000_usize,
    ) {
        let padded = pad(&content, as_if);
        let mut joined = Vec::new();
        for start in (0..padded.len()).step_by(part) {
            put_padded(&mut joined, &content, start..padded.len().min(start + part));
        }
        prop_assert_eq!(joined, padded);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        if let Ok(content) = unpad(&bytes) {
            prop_assert_eq!(pad(content, bytes.len() - 4), bytes);
        }
    }
}
