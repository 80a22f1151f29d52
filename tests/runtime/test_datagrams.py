"""Real sockets: what goes out is what arrives, and nothing waits."""

import array
import errno
import fcntl
import os
import socket
from pathlib import Path

import pytest

from traderd.runtime.datagrams import SEALS, UnixDatagrams
from traderd.runtime.env import RealEnv


@pytest.fixture(params=["path", "name"])
def receiver(request, tmp_path):
    address = str(tmp_path / "s") if request.param == "path" else f"@traderd-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(address.replace("@", "\0", 1))
        bound.settimeout(5)
        yield address, bound


def test_a_datagram_arrives_by_path_and_by_name(receiver):
    address, bound = receiver
    sender = RealEnv(seed=1).datagrams(address)
    sender.send(b"READY=1\nSTATUS=x")
    assert bound.recv(100) == b"READY=1\nSTATUS=x"
    sender.close()


def test_what_is_too_large_is_refused_and_goes_as_a_sealed_file(receiver):
    address, bound = receiver
    sender, large = UnixDatagrams(address), b"x" * 4_000_000
    with pytest.raises(OSError, match="too long") as refused:
        sender.send(large)
    assert refused.value.errno == errno.EMSGSIZE
    sender.send_file(large)
    data, rights, _, _ = bound.recvmsg(10, socket.CMSG_SPACE(4))
    assert data == b""
    (descriptor,) = array.array("i", rights[0][2])
    try:
        assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) == SEALS
        assert os.pread(descriptor, len(large) + 1, 0) == large
    finally:
        os.close(descriptor)
    sender.close()


def send_often(sender: UnixDatagrams) -> None:
    for _ in range(10_000):
        sender.send(b"x" * 1_000)


def test_a_receiver_that_reads_nothing_does_not_hold_the_sender(receiver):
    address, _ = receiver
    sender = UnixDatagrams(address)
    with pytest.raises(BlockingIOError):
        send_often(sender)
    sender.close()


def test_nobody_there_is_told_when_it_is_opened(tmp_path):
    with pytest.raises(FileNotFoundError):
        UnixDatagrams(str(tmp_path / "none"))
    with pytest.raises(ConnectionRefusedError):
        UnixDatagrams("@traderd-nobody")


def test_a_receiver_that_starts_again_is_found(tmp_path):
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as first:
        first.bind(address)
        sender = UnixDatagrams(address)
    Path(address).unlink()
    with pytest.raises(OSError, match="No such file"):
        sender.send(b"lost")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as second:
        second.bind(address)
        sender.send(b"found")
        assert second.recv(10) == b"found"
    sender.close()
