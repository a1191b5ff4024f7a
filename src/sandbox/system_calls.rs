//! System calls (seccomp(2)): those that the agent and the libraries below it make. Found by
//! running the end-to-end tests under strace(1); what is missing is told by [`super::denial`].

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::denial;

/// Restricts all threads of the process. In the log of programs (`json`) a denial is JSON, too.
pub(super) fn restrict(json: bool) -> Result<String, String> {
    // Those whose registers the handler knows.
    if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        return Err(format!("there is no filter for {}", std::env::consts::ARCH));
    }
    let failed = |error: BackendError| error.to_string();
    // The second one forbids to install others.
    let filters = [without_clone3().map_err(failed)?, filter().map_err(failed)?];
    denial::watch(json).map_err(|error| format!("no handler for SIGSYS: {error}"))?;
    for filter in filters {
        apply_filter_all_threads(&filter).map_err(|error| error.to_string())?;
    }
    Ok(format!("{} of them (seccomp)", calls().len()))
}

fn filter() -> Result<BpfProgram, BackendError> {
    let mut rules: Rules = calls().into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, vec![no_namespace()?]);
    compile(rules, SeccompAction::Trap, SeccompAction::Allow)
}

/// Threads, and no namespaces: in a user namespace of its own a process has every capability.
fn no_namespace() -> Result<SeccompRule, BackendError> {
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    let none_of_them = SeccompCmpOp::MaskedEq(u64::from(namespaces.cast_unsigned()));
    SeccompRule::new(vec![SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        none_of_them,
        0,
    )?])
}

/// What clone3(2) is asked for stands in memory, which a filter cannot read. Where the kernel seems
/// too old for it, libraries use clone(2). They block signals meanwhile, so there is no trap.
fn without_clone3() -> Result<BpfProgram, BackendError> {
    let rules = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let too_old = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    compile(rules, SeccompAction::Allow, too_old)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn compile(
    rules: Rules,
    otherwise: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matching, architecture)?.try_into()
}

macro_rules! numbers {
    ($($name:ident)*) => {
        vec![$(i64::from(libc::$name)),*]
    };
}

/// What may be called.
fn calls() -> Vec<i64> {
    #[rustfmt::skip]
    let mut calls = numbers![
        // Memory.
        SYS_brk SYS_mmap SYS_munmap SYS_mremap SYS_mprotect SYS_madvise
        // Threads, their end, and that of the process.
        SYS_clone SYS_clone3 SYS_set_robust_list SYS_rseq SYS_set_tid_address SYS_futex
        SYS_sched_yield SYS_sched_getaffinity SYS_sched_getparam SYS_sched_getscheduler
        SYS_exit SYS_exit_group SYS_prctl SYS_membarrier SYS_getpriority
        // Signals.
        SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_rt_sigtimedwait SYS_sigaltstack
        SYS_tgkill SYS_restart_syscall
        // Time and chance.
        SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_nanosleep SYS_gettimeofday
        SYS_timerfd_create SYS_timerfd_settime SYS_getrandom
        // Waiting.
        SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_ppoll SYS_pselect6
        SYS_eventfd2 SYS_pipe2
        // Descriptors.
        SYS_read SYS_readv SYS_pread64 SYS_preadv SYS_write SYS_writev SYS_pwrite64 SYS_pwritev
        SYS_close SYS_close_range SYS_dup SYS_dup3 SYS_fcntl SYS_ioctl SYS_lseek SYS_flock
        // Files; which ones is Landlock's business.
        SYS_openat SYS_openat2 SYS_newfstatat SYS_fstat SYS_statx SYS_statfs SYS_fstatfs
        SYS_faccessat SYS_faccessat2 SYS_readlinkat SYS_getdents64 SYS_getcwd SYS_unlinkat
        SYS_mkdirat SYS_renameat SYS_renameat2 SYS_linkat SYS_ftruncate SYS_fallocate SYS_fsync
        SYS_fdatasync SYS_sync_file_range SYS_fchmod SYS_fchmodat SYS_umask SYS_fadvise64
        SYS_memfd_create
        // Sockets.
        SYS_socket SYS_socketpair SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_connect
        SYS_shutdown SYS_getsockname SYS_getpeername SYS_getsockopt SYS_setsockopt SYS_sendto
        SYS_sendmsg SYS_sendmmsg SYS_recvfrom SYS_recvmsg SYS_recvmmsg
        // Who and where we are.
        SYS_getpid SYS_gettid SYS_getppid SYS_getuid SYS_geteuid SYS_getgid SYS_getegid
        SYS_getgroups SYS_getresuid SYS_getresgid SYS_capget SYS_uname SYS_sysinfo SYS_getrusage
        SYS_prlimit64 SYS_getcpu SYS_times
    ];
    // What newer architectures no longer have, and libraries still call.
    #[cfg(target_arch = "x86_64")]
    #[rustfmt::skip]
    calls.extend(numbers![
        SYS_open SYS_stat SYS_lstat SYS_access SYS_readlink SYS_unlink SYS_mkdir SYS_rmdir
        SYS_rename SYS_chmod SYS_poll SYS_select SYS_epoll_wait SYS_epoll_create SYS_eventfd
        SYS_pipe SYS_dup2 SYS_time SYS_getdents SYS_arch_prctl SYS_getrlimit
    ]);
    calls
}
