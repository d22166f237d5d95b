"""Runs one command and tells what it cost, as one line of JSON on standard output:

    measure.py --until exit|line|hook [--hook PATH] [--of PID] -- COMMAND...

{"wall": s, "user": s, "sys": s, "rss": bytes, "anon": bytes}: wall time from the start of the process to its
completion, CPU time of it and its children up to then, the highest resident memory of the process, and the
highest anonymous part of that (sampled), which leaves out file pages that a client maps.

Completion is the exit with status 0 (exit), a line DONE on its standard output (line), or a run of the
program this writes to PATH, for clients that start a program when they are done (hook).

Nothing is timed before the system has written what others left it to write.

With --of the command is what passes the time: CPU time and memory are those of the process PID and its children
from its start to its completion.
"""

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


def status_bytes(pid, field):
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def cpu_of_tree(top):
    """Seconds (user, sys) of a process and its descendants that are still there, and of those reaped."""
    parents, times = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(name)
        parents[pid] = int(fields[1])
        times[pid] = (int(fields[11]) + int(fields[13]), int(fields[12]) + int(fields[14]))
    user = system = 0
    for pid in times:
        at = pid
        while at and at != top:
            at = parents.get(at, 0)
        if at == top:
            user += times[pid][0]
            system += times[pid][1]
    return user / TICK, system / TICK


class AnonymousPeak(threading.Thread):
    """Watches the anonymous memory of a process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.04):
            self.peak = max(self.peak, status_bytes(self.pid, "RssAnon"))


def make_hook(path):
    """A program that reports through a pipe; gives the reading end."""
    pipe = os.path.join(tempfile.mkdtemp(), "done")
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\necho done > '{pipe}'\n")
    os.chmod(path, 0o755)
    return end


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--until", choices=["exit", "line", "hook"], required=True)
    options.add_argument("--hook")
    options.add_argument("--of", type=int)
    options.add_argument("command", nargs="+")
    args = options.parse_args()

    hook = make_hook(args.hook) if args.until == "hook" else None
    out = subprocess.PIPE if args.until == "line" else subprocess.DEVNULL
    os.sync()
    before = cpu_of_tree(args.of) if args.of else (0, 0)
    began = time.monotonic()
    child = subprocess.Popen(args.command, stdin=subprocess.DEVNULL, stdout=out)
    anonymous = AnonymousPeak(args.of or child.pid)
    anonymous.start()

    if args.until == "exit":
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        if status != 0:
            sys.exit(f"measure: it failed with status {os.waitstatus_to_exitcode(status)}")
        user, system, rss = usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024
    else:
        if hook is None:
            if not any(line.strip() == b"DONE" for line in child.stdout):
                sys.exit("measure: it ended before it was done")
        elif not select.select([hook], [], [], 600)[0]:
            sys.exit("measure: it was not done within 600 s")
        wall = time.monotonic() - began
        user, system = cpu_of_tree(child.pid)
        rss = status_bytes(child.pid, "VmHWM")
        child.send_signal(signal.SIGKILL)
        child.wait()
    if args.of:
        user, system = (after - then for after, then in zip(cpu_of_tree(args.of), before))
        rss = status_bytes(args.of, "VmHWM")
    anonymous.over.set()
    print(json.dumps({"wall": wall, "user": user, "sys": system, "rss": rss, "anon": anonymous.peak}))


main()
