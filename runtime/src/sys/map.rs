//! Maps: creation, elements, freezing.

use super::{address, address_mut, attr, bpf, bpf_fd, object, object_name};
use aya_obj::generated::{bpf_cmd, bpf_map_info};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

/// What a map is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapSpec<'a> {
    /// Up to 15 bytes are kept.
    pub name: &'a str,
    /// `enum bpf_map_type`.
    pub kind: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value, of one processor's for per-CPU kinds.
    pub value_size: u32,
    /// Number of entries.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
}

/// An open map that knows its sizes, so that no call can overrun a buffer.
#[derive(Debug)]
pub struct Map {
    fd: OwnedFd,
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

/// `BPF_F_LOCK`.
const LOCK: u64 = 4;
/// How long an update waits before each further try, in milliseconds.
///
/// A map that allocates its elements one by one (`BPF_F_NO_PREALLOC`) takes them from a small
/// reserve of this processor, which an interrupt fills again: where many elements come at once the
/// kernel may say `ENOMEM` with memory enough (kernel/bpf/memalloc.c, Linux 6.1).
const PAUSES: [u64; 8] = [0, 1, 1, 2, 4, 8, 16, 32];
const HASH_PER_CPU: u32 = 5;
const ARRAY_PER_CPU: u32 = 6;
const LRU_HASH_PER_CPU: u32 = 10;

impl Map {
    /// `BPF_MAP_CREATE`. `inner` is the map that a map of maps is modelled on.
    pub fn create(spec: &MapSpec, inner: Option<&Map>) -> io::Result<Map> {
        Map::create_typed(spec, inner, None)
    }

    /// As [`Map::create`]; `types` are a BTF blob and the numbers of the key's and the value's
    /// type in it, of which the kernel learns where values have a lock.
    pub fn create_typed(
        spec: &MapSpec,
        inner: Option<&Map>,
        types: Option<(BorrowedFd<'_>, [u32; 2])>,
    ) -> io::Result<Map> {
        let mut attr = attr();
        attr.__bindgen_anon_1.map_type = spec.kind;
        attr.__bindgen_anon_1.key_size = spec.key_size;
        attr.__bindgen_anon_1.value_size = spec.value_size;
        attr.__bindgen_anon_1.max_entries = spec.max_entries;
        attr.__bindgen_anon_1.map_flags = spec.flags;
        attr.__bindgen_anon_1.map_name = object_name(spec.name);
        if let Some(inner) = inner {
            attr.__bindgen_anon_1.inner_map_fd = inner.fd.as_raw_fd() as u32;
        }
        if let Some((btf, [key, value])) = types {
            attr.__bindgen_anon_1.btf_fd = btf.as_raw_fd() as u32;
            attr.__bindgen_anon_1.btf_key_type_id = key;
            attr.__bindgen_anon_1.btf_value_type_id = value;
        }
        // SAFETY: the attributes of BPF_MAP_CREATE hold no pointers.
        let fd = unsafe { bpf_fd(bpf_cmd::BPF_MAP_CREATE, &mut attr)? };
        Ok(Map {
            fd,
            kind: spec.kind,
            key_size: spec.key_size,
            value_size: spec.value_size,
            max_entries: spec.max_entries,
        })
    }

    /// The map behind a file descriptor, its sizes as the kernel says them.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Map> {
        let info: bpf_map_info = map_info(fd.as_fd())?;
        Ok(Map {
            kind: info.type_,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            fd,
        })
    }

    /// Bytes of one value.
    pub fn value_size(&self) -> usize {
        self.value_size as usize
    }

    /// Number of entries.
    pub fn max_entries(&self) -> u32 {
        self.max_entries
    }

    /// The kernel's identifier, which no other map gets before 2^32 more were made.
    pub fn id(&self) -> io::Result<u32> {
        Ok(map_info(self.fd.as_fd())?.id)
    }

    /// Bytes that a lookup gives: for per-CPU kinds one value, padded to 8 bytes, for each
    /// possible processor.
    pub fn lookup_size(&self) -> io::Result<usize> {
        match self.kind {
            HASH_PER_CPU | ARRAY_PER_CPU | LRU_HASH_PER_CPU => {
                let stride = self.value_size().next_multiple_of(8);
                Ok(stride * possible_processors()? as usize)
            }
            _ => Ok(self.value_size()),
        }
    }

    /// `BPF_MAP_LOOKUP_ELEM`: the value, [`Map::lookup_size`] bytes.
    pub fn lookup(&self, key: &[u8]) -> io::Result<Vec<u8>> {
        self.lookup_with(key, 0)
    }

    /// [`Map::lookup`] under the value's lock (`BPF_F_LOCK`, Linux 5.1): no half of a change.
    pub fn lookup_locked(&self, key: &[u8]) -> io::Result<Vec<u8>> {
        self.lookup_with(key, LOCK)
    }

    fn lookup_with(&self, key: &[u8], flags: u64) -> io::Result<Vec<u8>> {
        self.check(key, self.key_size)?;
        let mut value = vec![0; self.lookup_size()?];
        let mut attr = attr();
        attr.__bindgen_anon_2.map_fd = self.fd.as_raw_fd() as u32;
        attr.__bindgen_anon_2.key = address(key);
        attr.__bindgen_anon_2.__bindgen_anon_1.value = address_mut(&mut value);
        attr.__bindgen_anon_2.flags = flags;
        // SAFETY: the key was checked to have the map's key size, the value has the size that the
        // kernel writes.
        unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_ELEM, &mut attr)? };
        Ok(value)
    }

    /// `BPF_MAP_UPDATE_ELEM`, whether or not there is such an element. The value is one value; a
    /// per-CPU map is never written ([`crate::counters`] says why).
    pub fn update(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.update_with(key, value, 0)
    }

    /// [`Map::update`] of an element that is a file descriptor: a program in a program array, a
    /// map in a map of maps.
    pub fn update_fd(&self, index: u32, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.update(&index.to_ne_bytes(), &fd.as_raw_fd().to_ne_bytes())
    }

    /// `BPF_MAP_UPDATE_ELEM` with `BPF_NOEXIST` (new) or `BPF_EXIST` (not new): `EEXIST` or
    /// `ENOENT` where that does not hold.
    pub fn put(&self, key: &[u8], value: &[u8], new: bool) -> io::Result<()> {
        self.update_with(key, value, if new { 1 } else { 2 })
    }

    /// [`Map::update`] under the value's lock (`BPF_F_LOCK`, Linux 5.1).
    pub fn update_locked(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.update_with(key, value, LOCK)
    }

    fn update_with(&self, key: &[u8], value: &[u8], flags: u64) -> io::Result<()> {
        self.check(key, self.key_size)?;
        self.check(value, self.lookup_size()? as u32)?;
        let mut pauses = PAUSES.iter();
        loop {
            let mut attr = attr();
            attr.__bindgen_anon_2.map_fd = self.fd.as_raw_fd() as u32;
            attr.__bindgen_anon_2.key = address(key);
            attr.__bindgen_anon_2.__bindgen_anon_1.value = address(value);
            attr.__bindgen_anon_2.flags = flags;
            // SAFETY: key and value were checked to have the sizes that the kernel reads.
            match unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_ELEM, &mut attr) } {
                Ok(_) => return Ok(()),
                Err(error) => pause(error, &mut pauses)?,
            }
        }
    }

    /// `BPF_MAP_UPDATE_BATCH` (Linux 5.6): keys and values, each behind the other.
    pub fn update_batch(&self, keys: &[u8], values: &[u8]) -> io::Result<()> {
        let (key_size, value_size) = (self.key_size as usize, self.lookup_size()?);
        let count = keys.len() / key_size;
        self.check(keys, (count * key_size) as u32)?;
        self.check(values, (count * value_size) as u32)?;
        let mut pauses = PAUSES.iter();
        let mut done = 0;
        while done < count {
            let mut attr = attr();
            attr.batch.map_fd = self.fd.as_raw_fd() as u32;
            attr.batch.keys = address(&keys[done * key_size..]);
            attr.batch.values = address(&values[done * value_size..]);
            attr.batch.count = (count - done) as u32;
            // SAFETY: keys and values were checked to have `count` times the sizes that the kernel
            // reads.
            let result = unsafe { bpf(bpf_cmd::BPF_MAP_UPDATE_BATCH, &mut attr) };
            match result {
                Ok(_) => return Ok(()),
                Err(error) => {
                    pause(error, &mut pauses)?;
                    // SAFETY: the kernel has written there how many it took; where it took none,
                    // it may not have.
                    let taken = unsafe { attr.batch.count } as usize;
                    done += if taken < count - done { taken } else { 0 };
                }
            }
        }
        Ok(())
    }

    /// `BPF_MAP_LOOKUP_BATCH` (Linux 5.6), again and again: keys and values of all elements of a
    /// hash map, or of a trie (Linux 5.13), each behind the other. Elements that come or go
    /// meanwhile may be in it or not.
    pub fn elements(&self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        const STEP: u32 = 4096;
        let (key_size, value_size) = (self.key_size as usize, self.lookup_size()?);
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let mut room = STEP;
        // A place is a u32 in a hash map, in others a key.
        let mut place: Option<Vec<u8>> = None;
        loop {
            let mut next = vec![0; key_size.max(4)];
            let mut key_part = vec![0; room as usize * key_size];
            let mut value_part = vec![0; room as usize * value_size];
            let mut attr = attr();
            attr.batch.map_fd = self.fd.as_raw_fd() as u32;
            attr.batch.in_batch = place.as_ref().map_or(0, |place| address(place));
            attr.batch.out_batch = address_mut(&mut next);
            attr.batch.keys = address_mut(&mut key_part);
            attr.batch.values = address_mut(&mut value_part);
            attr.batch.count = room;
            // SAFETY: the buffers hold `count` elements of the map's sizes; a hash map's place is
            // a u32 (kernel/bpf/hashtab.c), a trie's a key (`generic_map_lookup_batch`).
            let result = unsafe { bpf(bpf_cmd::BPF_MAP_LOOKUP_BATCH, &mut attr) };
            // SAFETY: the kernel has written the number of elements there.
            let count = unsafe { attr.batch.count } as usize;
            let done = match result {
                Ok(_) => false,
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
                // A bucket with more elements than there is room for.
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && room < 1 << 24 => {
                    room *= 2;
                    continue;
                }
                Err(error) => return Err(error),
            };
            keys.extend_from_slice(&key_part[..count * key_size]);
            values.extend_from_slice(&value_part[..count * value_size]);
            if done {
                return Ok((keys, values));
            }
            place = Some(next);
        }
    }

    /// The map of an identifier (`BPF_MAP_GET_FD_BY_ID`, Linux 4.13).
    pub fn by_id(id: u32) -> io::Result<Map> {
        let mut attr = attr();
        attr.__bindgen_anon_6.__bindgen_anon_1.map_id = id;
        // SAFETY: the attributes hold no pointers.
        let fd = unsafe { bpf_fd(bpf_cmd::BPF_MAP_GET_FD_BY_ID, &mut attr)? };
        Map::from_fd(fd)
    }

    /// `BPF_MAP_DELETE_ELEM`.
    pub fn delete(&self, key: &[u8]) -> io::Result<()> {
        self.check(key, self.key_size)?;
        let mut attr = attr();
        attr.__bindgen_anon_2.map_fd = self.fd.as_raw_fd() as u32;
        attr.__bindgen_anon_2.key = address(key);
        // SAFETY: the key was checked to have the map's key size.
        unsafe { bpf(bpf_cmd::BPF_MAP_DELETE_ELEM, &mut attr)? };
        Ok(())
    }

    /// `BPF_MAP_FREEZE` (Linux 5.2): no system call writes to it any more.
    pub fn freeze(&self) -> io::Result<()> {
        let mut attr = attr();
        attr.__bindgen_anon_2.map_fd = self.fd.as_raw_fd() as u32;
        // SAFETY: the attributes hold no pointers.
        unsafe { bpf(bpf_cmd::BPF_MAP_FREEZE, &mut attr)? };
        Ok(())
    }

    fn check(&self, bytes: &[u8], size: u32) -> io::Result<()> {
        if bytes.len() == size as usize {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} bytes where the map has {size}", bytes.len()),
            ))
        }
    }
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Waits where `error` may pass, as [`PAUSES`] says.
///
/// # Errors
/// `error`, where it is another one or has stayed.
fn pause(error: io::Error, pauses: &mut std::slice::Iter<'_, u64>) -> io::Result<()> {
    if error.raw_os_error() != Some(libc::ENOMEM) {
        return Err(error);
    }
    let wait = pauses.next().ok_or(error)?;
    std::thread::sleep(Duration::from_millis(*wait));
    Ok(())
}

fn map_info(fd: BorrowedFd<'_>) -> io::Result<bpf_map_info> {
    // SAFETY: `bpf_map_info` consists of integers; an all-zero value asks for no arrays.
    unsafe {
        let mut info: bpf_map_info = std::mem::zeroed();
        object::info(fd, &mut info)?;
        Ok(info)
    }
}

/// Number of processors that a per-CPU value has room for (`/sys/devices/system/cpu/possible`,
/// such as `0-3` or `0,2-5`): one more than the highest.
fn possible_processors() -> io::Result<u32> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    highest_processor(&text).map(|highest| highest + 1).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("possible processors are {text:?}"))
    })
}

fn highest_processor(text: &str) -> Option<u32> {
    text.trim().rsplit([',', '-']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::highest_processor;

    #[test]
    fn processors_are_counted_to_the_highest() {
        assert_eq!(highest_processor("0\n"), Some(0));
        assert_eq!(highest_processor("0-7\n"), Some(7));
        assert_eq!(highest_processor("0,2-5\n"), Some(5));
        assert_eq!(highest_processor("\n"), None);
    }
}
