//! Compressed captures: gzip is undone, what other programs compressed is named.

use super::CaptureError;
use flate2::bufread::GzDecoder;
use std::io::{ErrorKind, Read};

/// What a file begins with that is compressed by something else, and by what.
const OTHERS: &[(&[u8], &str)] = &[
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    (b"BZh", "bzip2"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
    (b"PK\x03\x04", "zip"),
];
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Most bytes that a compressed capture may hold.
const MOST: usize = 4 << 30;

/// What a file holds that gzip has compressed, and whether it ends before its end. None for other
/// files.
pub(super) fn unpack(file: &[u8]) -> Result<Option<(Vec<u8>, bool)>, CaptureError> {
    if let Some((_, program)) = OTHERS.iter().find(|(magic, _)| file.starts_with(magic)) {
        return Err(CaptureError::Compressed(program));
    }
    if !file.starts_with(&GZIP) {
        return Ok(None);
    }
    let mut rest = file;
    let mut unpacked = Vec::new();
    // Files of gzip that are put together are one.
    while rest.starts_with(&GZIP) {
        let mut decoder = GzDecoder::new(rest);
        let room = (MOST - unpacked.len()) as u64 + 1;
        match decoder.by_ref().take(room).read_to_end(&mut unpacked) {
            Ok(_) if unpacked.len() > MOST => return Err(CaptureError::Large(MOST >> 30)),
            Ok(_) => rest = decoder.into_inner(),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Ok(Some((unpacked, true)));
            }
            Err(error) => return Err(CaptureError::Unpack(error.to_string())),
        }
    }
    // Tapes and some tools pad with zeros.
    match rest.iter().all(|byte| *byte == 0) {
        true => Ok(Some((unpacked, false))),
        false => Err(CaptureError::Unpack("it is followed by something else".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_put_together_and_cuts_are_seen() {
        let bytes: Vec<u8> =
            (0..100_000u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        let file = gzip(&bytes);
        assert_eq!(unpack(&file).unwrap(), Some((bytes.clone(), false)));
        let two = [&file[..], &file, &[0; 9]].concat();
        assert_eq!(unpack(&two).unwrap(), Some((bytes.repeat(2), false)));
        let (read, cut) = unpack(&file[..file.len() / 2]).unwrap().unwrap();
        assert!(cut && !read.is_empty() && bytes.starts_with(&read));
        assert_eq!(unpack(b"\xd4\xc3\xb2\xa1").unwrap(), None);
    }

    #[test]
    fn damage_and_other_compressions_are_named() {
        let mut file = gzip(b"a capture");
        let last = file.len() - 6;
        file[last] ^= 1;
        assert!(matches!(unpack(&file), Err(CaptureError::Unpack(_))));
        let behind = [&gzip(b"a capture")[..], b"x"].concat();
        assert!(matches!(unpack(&behind), Err(CaptureError::Unpack(_))));
        assert!(matches!(unpack(b"BZh91"), Err(CaptureError::Compressed("bzip2"))));
        assert!(matches!(unpack(b"\x28\xb5\x2f\xfd"), Err(CaptureError::Compressed("zstd"))));
    }
}
