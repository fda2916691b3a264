use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::compile::compatibility::Compatibility;
use host_model::digest::Digest;

fn cache(folder: &Path) -> CodeCache {
    CodeCache::new(folder, CodeKey::new(Zeroizing::new([7; 32])))
}

fn id(component: u8) -> CodeId {
    CodeId { component: Digest([component; 32]), compatibility: Compatibility([1; 32]) }
}

fn code(bytes: &[u8]) -> CompiledCode {
    CompiledCode::authenticated(bytes.to_vec())
}

fn found(cache: &CodeCache, component: u8) -> Option<Vec<u8>> {
    cache.get(&id(component)).map(|code| code.bytes().to_vec())
}

/// Sets the time of an entry's last use, in seconds.
fn used_at(cache: &CodeCache, component: u8, seconds: u64) {
    let file = OpenOptions::new().write(true).open(cache.path(&id(component))).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
}

#[test]
fn what_is_kept_is_found_by_its_component_engine_and_key_alone() {
    let folder = TempDir::new().unwrap();
    let kept = cache(&folder.path().join("a/b"));
    assert_eq!(found(&kept, 1), None);
    kept.put(&id(1), &code(b"code"));
    kept.put(&id(2), &code(b""));
    assert_eq!(found(&kept, 1).as_deref(), Some(&b"code"[..]));
    assert_eq!(found(&kept, 2).as_deref(), Some(&b""[..]));
    assert!(kept.get(&CodeId { compatibility: Compatibility([2; 32]), ..id(1) }).is_none());
    let other_key = CodeCache { key: CodeKey::new(Zeroizing::new([8; 32])), ..kept.clone() };
    assert_eq!(found(&other_key, 1), None);
}

#[test]
fn an_entry_that_is_damaged_cut_off_or_another_ones_is_not_loaded_and_is_replaced() {
    let folder = TempDir::new().unwrap();
    let cache = cache(folder.path());
    cache.put(&id(1), &code(b"code"));
    cache.put(&id(2), &code(b"other"));
    let path = cache.path(&id(1));
    let whole = fs::read(&path).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let longer = [&whole[..], b"x"].concat();
    let other = fs::read(cache.path(&id(2))).unwrap();
    for bad in [&changed[..], &longer, &other, &whole[..whole.len() - 1], &whole[..20], b""] {
        fs::write(&path, bad).unwrap();
        assert_eq!(found(&cache, 1), None, "{bad:?}");
        cache.put(&id(1), &code(b"code"));
        assert_eq!(found(&cache, 1).as_deref(), Some(&b"code"[..]));
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_a_file_or_cannot_be_read_delays_and_fails_no_caller() {
    let folder = TempDir::new().unwrap();
    let cache = cache(folder.path());
    let path = cache.path(&id(1));
    // No process writes into the pipe.
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(found(&cache, 1), None);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(found(&cache, 1), None);
    cache.put(&id(1), &code(b"code"));
    assert_eq!(found(&cache, 1), None);
    fs::remove_dir(&path).unwrap();
    cache.put(&id(2), &code(b"code"));
    std::os::unix::fs::symlink(cache.path(&id(2)), &path).unwrap();
    assert_eq!(found(&cache, 1), None);
    // A file in place of the folder.
    let nowhere = CodeCache { folder: cache.path(&id(2)), ..cache.clone() };
    nowhere.put(&id(1), &code(b"code"));
    assert_eq!(found(&nowhere, 1), None);
}

#[cfg(unix)]
#[test]
fn folder_and_entries_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    let cache = cache(&folder.path().join("new"));
    cache.put(&id(1), &code(b"code"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache.folder), 0o700);
    assert_eq!(mode(&cache.path(&id(1))), 0o600);
}

#[test]
fn what_was_used_longest_ago_is_removed_first_and_other_files_stay() {
    let folder = TempDir::new().unwrap();
    let entry = (HEADER_BYTES + 100) as u64;
    let cache = cache(folder.path()).with_max_bytes(3 * entry);
    fs::write(folder.path().join("connector-host.db"), vec![0; 1_000]).unwrap();
    for component in 1..=3 {
        cache.put(&id(component), &code(&[component; 100]));
        used_at(&cache, component, component.into());
    }
    // Cut off by a crash, before everything else.
    let unfinished = folder.path().join(format!(".tmp{UNFINISHED}"));
    fs::write(&unfinished, [0]).unwrap();
    File::options().write(true).open(&unfinished).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(found(&cache, 1).is_some());
    cache.put(&id(4), &code(&[4; 100]));
    let left: Vec<_> = (1..=4).filter(|component| cache.path(&id(*component)).exists()).collect();
    assert_eq!(left, [1, 3, 4]);
    assert!(!unfinished.exists());
    assert!(folder.path().join("connector-host.db").exists());
    // One that is larger than all is not kept, and removes nothing.
    cache.put(&id(5), &code(&[5; 1_000]));
    assert!((1..=5).filter(|component| cache.path(&id(*component)).exists()).eq([1, 3, 4]));
}
