//! What Linux says about processes: their memory and their computing time.

use std::{fs, path::Path};

/// The ticks of computing time that Linux counts a second.
const TICKS: f64 = 100.0;

/// Returns a size in the status of a process, such as `VmRSS`, in MiB.
pub(crate) fn memory_mib(pid: u32, which: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(which)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
}

/// Returns the computing time of a process so far, in milliseconds.
pub(crate) fn cpu_ms(pid: u32) -> f64 {
    Stat::of(pid).unwrap().own_ticks / TICKS * 1_000.0
}

/// Returns the computing time of a process and of its children, running and ended, in milliseconds.
pub(crate) fn family_cpu_ms(parent: u32) -> f64 {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let children = processes.filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?));
    let running: f64 = children.filter(|stat| stat.parent == parent).map(|stat| stat.own_ticks).sum();
    let parent = Stat::of(parent).unwrap();
    (running + parent.own_ticks + parent.ticks_of_ended) / TICKS * 1_000.0
}

/// Returns the process that started a process.
pub(crate) fn parent(pid: u32) -> u32 {
    Stat::of(pid).unwrap().parent
}

/// Returns the name of the processor, and the number of cores.
pub(crate) fn processor() -> (String, usize) {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap();
    let names: Vec<&str> = known.lines().filter(|line| line.starts_with("model name")).collect();
    (names[0].split_once(": ").unwrap().1.to_owned(), names.len())
}

/// A line of `/proc/*/stat`, from its state on.
struct Stat {
    parent: u32,
    own_ticks: f64,
    ticks_of_ended: f64,
}

impl Stat {
    /// Returns `None` if the process has ended.
    fn of(pid: u32) -> Option<Self> {
        let line = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
        // After the name, which may contain anything: the state, the parent, and from the 12th on the times.
        let fields: Vec<&str> = line.rsplit_once(") ")?.1.split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap() + fields[at + 1].parse::<f64>().unwrap();
        Some(Self { parent: fields[1].parse().ok()?, own_ticks: ticks(11), ticks_of_ended: ticks(13) })
    }
}
