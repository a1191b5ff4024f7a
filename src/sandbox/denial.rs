//! What happens at a system call that the filter does not let through: the kernel sends SIGSYS to
//! the thread, this handler writes the call's number to the log, once for each, and the call fails
//! with EPERM. Failing silently would leave nobody a chance to find out why something does not
//! work; ending the process would take every tunnel down for one missing name in a list.
#![allow(
    unsafe_code,
    reason = "a signal handler, and the registers it was given"
)]

use std::{
    ffi::{c_int, c_void},
    os::fd::AsFd,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// One bit for each call that was told; numbers from here on are told each time.
const WORDS: usize = 16;

static TOLD: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
static JSON: AtomicBool = AtomicBool::new(false);

/// Installs the handler.
pub(super) fn watch(json: bool) -> nix::Result<()> {
    JSON.store(json, Ordering::Relaxed);
    let handler = SigHandler::SigAction(denied);
    let action = SigAction::new(
        handler,
        SaFlags::SA_SIGINFO | SaFlags::SA_NODEFER,
        SigSet::empty(),
    );
    // SAFETY: the handler calls nothing but write(2), which is async-signal-safe, and touches only
    // atomics, its own stack and the context that it is given.
    unsafe { sigaction(Signal::SIGSYS, &action) }.map(|_| ())
}

extern "C" fn denied(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the third argument is the ucontext_t of the interrupted thread, which
    // nobody else touches while the handler runs.
    let number = unsafe { refuse(&mut *context.cast::<libc::ucontext_t>()) };
    if is_new(number) {
        tell(number);
    }
}

/// Puts EPERM where the caller looks for the call's result, and says which call it was.
#[cfg(target_arch = "x86_64")]
fn refuse(context: &mut libc::ucontext_t) -> u64 {
    let result = &mut context.uc_mcontext.gregs[libc::REG_RAX as usize];
    let number = *result;
    *result = i64::from(-libc::EPERM);
    number.unsigned_abs()
}

/// The same where the number is in a register of its own.
#[cfg(target_arch = "aarch64")]
fn refuse(context: &mut libc::ucontext_t) -> u64 {
    let registers = &mut context.uc_mcontext.regs;
    registers[0] = i64::from(-libc::EPERM).cast_unsigned();
    registers[8]
}

/// Elsewhere there is no filter that could deny anything.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn refuse(_: &mut libc::ucontext_t) -> u64 {
    0
}

fn is_new(number: u64) -> bool {
    let bit = 1 << (number % 64);
    TOLD.get((number / 64) as usize)
        .is_none_or(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0)
}

/// A line of the log without anything that allocates or locks.
fn tell(number: u64) {
    let (before, after): (&[u8], &[u8]) = if JSON.load(Ordering::Relaxed) {
        (
            b"{\"level\":\"ERROR\",\"target\":\"holdfast::sandbox\",\"message\":\"the sandbox denied a system call\",\"system_call\":",
            b"}\n",
        )
    } else {
        (
            b"ERROR holdfast::sandbox: the sandbox denied the system call with the number ",
            b" (ausyscall says its name); agent.sandbox = false would let it through\n",
        )
    };
    let mut line = [0; 256];
    let mut length = 0;
    let mut digits = [0; 20];
    for part in [before, decimal(number, &mut digits), after] {
        line[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    let _ = nix::unistd::write(std::io::stderr().as_fd(), &line[..length]);
}

/// A number in decimal digits.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}
