"""Who forges replies: hundreds of thousands of datagrams a second, many with one system call."""

import array
import ctypes
import itertools
import os
import pathlib
import socket
import struct
import time
from live import PATIENCE

MOST = 65536  # Datagrams of one call of `send`.
BATCH = 1024
# So many small datagrams fit the receive buffer of a socket that was never given another size.
UNREAD = 192
# What the ports that are closed say to earlier datagrams, and full buffers: the call did nothing, and is made again.
PASSING = {11, 105, 111}


libc = ctypes.CDLL(None, use_errno=True)
# The kernel's own tables, laid out once, as words of 8 octets: struct iovec, struct sockaddr_in and struct mmsghdr.
SEGMENT, ADDRESS, MESSAGE = 16, 16, 64
segments, addresses, messages = (ctypes.create_string_buffer(size * MOST) for size in (SEGMENT, ADDRESS, MESSAGE))


def column(start, step):
    return array.array("Q", range(start, start + step * MOST, step) if step else [start] * MOST)


def set_up():
    table = array.array("Q", bytes(MESSAGE * MOST))
    table[0::8], table[1::8] = column(ctypes.addressof(addresses), ADDRESS), column(ADDRESS, 0)
    table[2::8], table[3::8] = column(ctypes.addressof(segments), SEGMENT), column(1, 0)
    ctypes.memmove(messages, table.tobytes(), MESSAGE * MOST)


set_up()


def address(port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", port, b"\x7f\0\0\1")


class Volley:
    """Datagrams that are sent over and over, and the addresses that they go to in turn.

    `octets` has them one behind the other; `sizes` are theirs, or one number where all are as long.
    """

    def __init__(self, octets, sizes, targets):
        self.octets = ctypes.create_string_buffer(bytes(octets), max(1, len(octets)))
        sizes = [sizes] * (len(octets) // sizes) if isinstance(sizes, int) else sizes
        places = array.array("Q", bytes(SEGMENT * len(sizes)))
        start = ctypes.addressof(self.octets)
        places[0::2] = array.array("Q", itertools.accumulate(sizes[:-1], initial=start))
        places[1::2] = array.array("Q", sizes)
        for table, row in ((segments, places.tobytes()), (addresses, targets)):
            ctypes.memmove(table, row * (len(table) // len(row)) + row[:len(table) % len(row)], len(table))


class Forger:
    """Sends datagrams from a socket to ports of 127.0.0.1."""

    def __init__(self, source):
        self.socket, self.sent = source, 0

    def send(self, volley, count, seconds, reader=None):
        """So many datagrams of the volley, or as many as there is time for.

        The socket at the port `reader` is waited for again and again, so that none is lost in its buffer.
        """
        done, deadline = 0, time.monotonic() + seconds
        while done < count and time.monotonic() < deadline:
            place = ctypes.addressof(messages) + done * MESSAGE
            sent = libc.sendmmsg(self.socket.fileno(), ctypes.c_void_p(place), min(UNREAD if reader else BATCH, count - done), 0)
            if sent < 0 and ctypes.get_errno() not in PASSING:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            done += max(sent, 0)
            if reader and not wait_until_read(reader):
                reader = None
        del volley
        self.sent += done


def unread(port):
    """Octets that wait in the socket at a port; None where there is none."""
    for line in pathlib.Path("/proc/net/udp").read_text().splitlines():
        words = line.split()
        if words[1] == f"0100007F:{port:04X}":
            return int(words[4].split(":")[1], 16)
    return None


def wait_until_read(port):
    """True once nothing waits in the socket there, false when there is none any more."""
    deadline = time.monotonic() + PATIENCE
    while waiting := unread(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"nobody reads at port {port}")
        os.sched_yield()
    return waiting is not None
