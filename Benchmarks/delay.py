#!/usr/bin/env python3
"""Runs a command as the two ranks of one group in two network namespaces, between which every packet is held for a while.

    sudo Benchmarks/delay.py --milliseconds 1 -- seppo align …

Linux, as root. A TUN device in each namespace leads here, and this program passes packets on when they are due: it needs no
netem in the kernel. Packets are large (an MTU of 65,000), so that it is the delay that counts and not the passing on.
"""
import argparse
import fcntl
import os
import queue
import struct
import subprocess
import sys
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
ADDRESSES = ["10.77.0.1", "10.77.0.2"]


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def device(namespace, index):
    """The end here of a new TUN device in a namespace."""
    name = f"seppo{os.getpid() % 100000}{'ab'[index]}"
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    ip("link", "set", name, "netns", namespace)
    ip("-n", namespace, "link", "set", "lo", "up")
    ip("-n", namespace, "address", "add", ADDRESSES[index], "peer", ADDRESSES[1 - index], "dev", name)
    ip("-n", namespace, "link", "set", name, "mtu", "65000", "up")
    return end


def carry(source, target, seconds):
    """Passes packets on in their order, each so long after it came."""
    held = queue.SimpleQueue()

    def take():
        packet = os.read(source, 65536)
        held.put((time.monotonic() + seconds, packet))

    def give():
        due, packet = held.get()
        time.sleep(max(0, due - time.monotonic()))
        os.write(target, packet)

    def repeat(work):
        try:
            while True:
                work()
        except OSError:
            # The namespaces are gone.
            pass

    for work in (take, give):
        threading.Thread(target=repeat, args=[work], daemon=True).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--milliseconds", type=float, default=1, help="that a packet is held, each way")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    namespaces = [f"seppo-{os.getpid()}-{index}" for index in range(2)]
    processes = []
    try:
        for namespace in namespaces:
            ip("netns", "add", namespace)
        ends = [device(namespace, index) for index, namespace in enumerate(namespaces)]
        for source, target in (ends, ends[::-1]):
            carry(source, target, options.milliseconds / 1000)
        for rank, namespace in enumerate(namespaces):
            variables = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 1, "MASTER_ADDR": ADDRESSES[0], "MASTER_PORT": 29500}
            environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
            processes.append(subprocess.Popen(["ip", "netns", "exec", namespace, *options.command], env=environment))
        return max(abs(process.wait()) for process in processes)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
                process.wait()
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
