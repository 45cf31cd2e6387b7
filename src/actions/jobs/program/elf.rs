//! Whether a file is a program that needs nothing else to run: read from its own headers, in the layout of the System V ABI.

/// `e_machine` of x86-64.
const X86_64: u16 = 62;
/// `e_type`: at fixed addresses, or at any.
const EXECUTABLE: [u16; 2] = [2, 3];
/// `p_type` of what is loaded, of the dynamic section, and of the interpreter's path.
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
/// `d_tag` of the section's end, and of a library that is needed.
const END: u64 = 0;
const NEEDED: u64 = 1;
/// Bytes of the file's header, of a program header, of a dynamic entry.
const FILE_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const ENTRY: usize = 16;

/// Says why it is none.
pub(super) fn check(file: &[u8]) -> Result<(), &'static str> {
    const DAMAGED: &str = "its headers are damaged";
    const CUT: &str = "it is cut off: its headers name more than is in the file";
    if !file.starts_with(b"\x7fELF") {
        return Err("it is no Linux program");
    }
    if file.len() < FILE_HEADER {
        return Err(DAMAGED);
    }
    // 64 bits, the low byte first.
    if file.get(4..6) != Some(&[2, 1]) || number(file, 18, 2) != Some(X86_64.into()) {
        return Err("it is no program for linux/amd64");
    }
    if !EXECUTABLE
        .iter()
        .any(|kind| number(file, 16, 2) == Some((*kind).into()))
    {
        return Err("it is no executable");
    }
    let (start, size, count) = (number(file, 32, 8), number(file, 54, 2), number(file, 56, 2));
    let (Some(start), Some(size), Some(count)) = (start, size, count) else {
        return Err(DAMAGED);
    };
    let mut is_loaded = false;
    for index in 0..count {
        let header = index.checked_mul(size).and_then(|offset| offset.checked_add(start));
        let header = header
            .and_then(|at| slice(file, at, PROGRAM_HEADER as u64))
            .ok_or(DAMAGED)?;
        match number(header, 0, 4).map(u32::try_from) {
            Some(Ok(INTERPRETER)) => return Err("it is not static: it names a loader, which an image may not have"),
            Some(Ok(DYNAMIC)) => {
                let (at, length) = number(header, 8, 8).zip(number(header, 32, 8)).ok_or(DAMAGED)?;
                if needs_libraries(slice(file, at, length).ok_or(DAMAGED)?) {
                    return Err("it is not static: it needs libraries, which an image may not have");
                }
            }
            Some(Ok(LOAD)) => {
                let (at, length) = number(header, 8, 8).zip(number(header, 32, 8)).ok_or(DAMAGED)?;
                slice(file, at, length).ok_or(CUT)?;
                is_loaded = true;
            }
            _ => {}
        }
    }
    // The table of sections stands last, and nothing that runs needs it: without its end more may be missing.
    let (start, size, count) = (number(file, 40, 8), number(file, 58, 2), number(file, 60, 2));
    let (Some(start), Some(size), Some(count)) = (start, size, count) else {
        return Err(DAMAGED);
    };
    slice(file, start, size * count).ok_or(CUT)?;
    // An object file or a library of data has nothing to run.
    is_loaded.then_some(()).ok_or(DAMAGED)
}

fn needs_libraries(section: &[u8]) -> bool {
    let tags = section.chunks_exact(ENTRY).filter_map(|entry| number(entry, 0, 8));
    tags.take_while(|tag| *tag != END).any(|tag| tag == NEEDED)
}

/// A number of so many bytes, the low one first.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

fn slice(file: &[u8], at: u64, length: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    file.get(at..at.checked_add(usize::try_from(length).ok()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these program headers (type, offset, length), and these bytes behind them.
    fn file(headers: &[(u32, u64, u64)], rest: &[u8]) -> Vec<u8> {
        let mut file = vec![0; FILE_HEADER];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[16] = 2;
        file[18] = 62;
        file[32] = 64;
        file[54] = 56;
        file[56] = u8::try_from(headers.len()).unwrap();
        for (kind, offset, length) in headers {
            let mut header = [0; PROGRAM_HEADER];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            header[8..16].copy_from_slice(&offset.to_le_bytes());
            header[32..40].copy_from_slice(&length.to_le_bytes());
            file.extend(header);
        }
        file.extend(rest);
        file
    }

    fn entries(tags: &[u64]) -> Vec<u8> {
        tags.iter()
            .flat_map(|tag| [tag.to_le_bytes(), [0; 8]].concat())
            .collect()
    }

    #[test]
    fn a_static_program_is_taken_at_a_fixed_address_or_at_any() {
        assert_eq!(check(&file(&[(LOAD, 0, 0)], &[])), Ok(()));
        // Relocations make a dynamic section, in which no library stands; what is behind its end is none of it.
        let mut anywhere = file(&[(LOAD, 0, 0), (DYNAMIC, 176, 48)], &entries(&[7, END, NEEDED]));
        anywhere[16] = 3;
        assert_eq!(check(&anywhere), Ok(()));
    }

    #[test]
    fn what_needs_a_loader_or_libraries_is_refused() {
        assert!(
            check(&file(&[(LOAD, 0, 0), (INTERPRETER, 0, 0)], &[]))
                .unwrap_err()
                .contains("loader")
        );
        let needs = file(&[(LOAD, 0, 0), (DYNAMIC, 176, 32)], &entries(&[NEEDED, END]));
        assert!(check(&needs).unwrap_err().contains("libraries"));
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(check(&this).unwrap_err().contains("not static"));
    }

    #[test]
    fn other_files_are_told_from_programs_and_damaged_ones_break_nothing() {
        assert_eq!(check(b"#!/bin/sh\n").unwrap_err(), "it is no Linux program");
        for (at, byte, cause) in [
            (4, 1, "amd64"),
            (5, 2, "amd64"),
            (18, 183, "amd64"),
            (16, 1, "executable"),
        ] {
            let mut other = file(&[(LOAD, 0, 0)], &[]);
            other[at] = byte;
            assert!(check(&other).unwrap_err().contains(cause), "{at}");
        }
        let whole = file(&[(LOAD, 0, 0), (DYNAMIC, 176, 32)], &entries(&[7, END]));
        for length in 4..whole.len() {
            assert!(check(&whole[..length]).is_err(), "{length}");
        }
        // What is loaded, and the table of sections behind it.
        let mut whole = file(&[(LOAD, 0, 150)], &[0; 94]);
        whole[40..48].copy_from_slice(&150_u64.to_le_bytes());
        whole[58] = 64;
        whole[60] = 1;
        assert_eq!(check(&whole), Ok(()));
        for length in 120..whole.len() {
            assert!(check(&whole[..length]).unwrap_err().contains("cut off"), "{length}");
        }
        assert!(check(&file(&[], &[])).is_err());
        let far = file(&[(DYNAMIC, u64::MAX, u64::MAX)], &[]);
        assert!(check(&far).is_err());
        let mut many = file(&[(LOAD, 0, 0)], &[]);
        many[32..40].fill(0xff);
        assert!(check(&many).is_err());
    }
}
