//! Starts one engine process: this executable again, with a socket as its standard input.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg, socketpair,
};

use super::catch::ENGINE_VARIABLE;
use super::rayon;
use super::wire::{HELLO, Hello, PROTOCOL};
use crate::error::{Error, Result};
use crate::transport::wire::encode;

/// Most bytes of a message of the handshake.
const MESSAGE_BYTES: usize = 4096;

/// An engine process and the agent's end of the socket between them.
pub(super) struct Process {
    pub(super) child: Child,
    /// Readable once the process has ended.
    pub(super) pidfd: OwnedFd,
    pub(super) socket: OwnedFd,
}

/// Starts an engine and tells it who it is.
pub(super) fn spawn(hello: &Hello, fds: &[BorrowedFd<'_>]) -> Result<Process> {
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK)
            .map_err(|e| Error::io("make a socket pair for an engine", e))?;
    let mut engine = Command::new("/proc/self/exe");
    if rayon::said_width().is_none() {
        // A task that uses rayon has the threads of its engine, not those of all processors beside other engines.
        engine.env(rayon::WIDTH, hello.threads.to_string());
    }
    let mut child = engine
        .env(ENGINE_VARIABLE, PROTOCOL)
        .stdin(Stdio::from(theirs))
        // A key that interrupts the program is the program's to handle: its engines end with it, not before.
        .process_group(0)
        .spawn()
        .map_err(|e| Error::io("start an engine process from /proc/self/exe", e))?;
    match pidfd_open(child.id()).and_then(|pidfd| send_hello(&ours, hello, fds).map(|()| pidfd)) {
        Ok(pidfd) => Ok(Process { child, pidfd, socket: ours }),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

fn send_hello(socket: &OwnedFd, hello: &Hello, fds: &[BorrowedFd<'_>]) -> Result<()> {
    let mut frame = Vec::new();
    encode(HELLO, 0, hello, &mut frame)?;
    let raw: Vec<RawFd> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&frame)], &rights, MsgFlags::MSG_NOSIGNAL, None)
        .map_err(|e| Error::io("send an engine its descriptors", e))?;
    Ok(())
}

/// Receives one message and the descriptors that came with it. `None`: the other side has closed.
pub(super) fn receive(socket: BorrowedFd<'_>) -> Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; MESSAGE_BYTES];
    let mut space = nix::cmsg_space!([RawFd; 2]);
    let mut buffers = [IoSliceMut::new(&mut bytes)];
    let message = match recvmsg::<()>(socket.as_raw_fd(), &mut buffers, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
        Ok(message) => message,
        // It has closed without having read what it was sent.
        Err(Errno::ECONNRESET) => return Ok(None),
        Err(error) => return Err(Error::io("receive a message from a socket", error)),
    };
    let len = message.bytes;
    let mut fds = Vec::new();
    for control in message.cmsgs().map_err(|e| Error::io("read the descriptors of a message", e))? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel has just made these descriptors for us, and nobody else knows them.
            fds.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    if len == 0 {
        return Ok(None);
    }
    bytes.truncate(len);
    Ok(Some((bytes, fds)))
}

fn pidfd_open(pid: u32) -> Result<OwnedFd> {
    use nix::libc;
    // SAFETY: the call takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    if fd < 0 {
        return Err(Error::io("open a descriptor of an engine process", std::io::Error::last_os_error()));
    }
    // SAFETY: the kernel has just made this descriptor for us, close-on-exec, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// In a new engine: takes the socket that is its standard input, and puts /dev/null there instead.
pub(super) fn take_socket() -> Result<OwnedFd> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(|e| Error::io("take the agent's socket", e))?;
    let null = File::open("/dev/null").map_err(|e| Error::io("open /dev/null", e))?;
    nix::unistd::dup2_stdin(&null).map_err(|e| Error::io("replace standard input", e))?;
    Ok(socket)
}
