# SPDX-License-Identifier: Apache-2.0
"""Who used the CPUs: the whole machine, kernel threads included, and single processes."""
import os
import time

TICKS = os.sysconf("SC_CLK_TCK")


def machine_ticks():
    """(busy, idle) ticks of all CPUs so far. What a hypervisor took is neither."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, idle, wait, irq, softirq = map(int, file.readline().split()[1:8])
    return user + nice + system + irq + softirq, idle + wait


def machine_seconds():
    return machine_ticks()[0] / TICKS


def process_seconds(pid):
    """Of a process and its threads; 0 when there is none."""
    if not pid:
        return 0.0
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Stolen:
    """The share of the CPUs' time that a hypervisor gave to others, since it was made."""

    @staticmethod
    def ticks():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(word) for word in file.readline().split()[1:9]]
        return fields[7], sum(fields)

    def __init__(self):
        self.before = self.ticks()

    def share(self):
        stolen, total = (new - old for new, old in zip(self.ticks(), self.before))
        return stolen / total if total else 0.0


class Quiet:
    """Waits until the machine is mostly idle: others may be at work on it. Not for ever: `each`
    seconds a time, and `total` in all; then measurements begin in spite of it, and are counted."""

    each, total = 6.0, 240.0
    enabled = True
    begun = disturbed = 0
    waited = 0.0

    @classmethod
    def wait(cls):
        if not cls.enabled:
            return
        cls.begun += 1
        start = time.monotonic()
        limit = min(cls.each, max(0.3, cls.total - cls.waited))
        while True:
            busy, idle = machine_ticks()
            time.sleep(0.15)
            busy, idle = (new - old for new, old in zip(machine_ticks(), (busy, idle)))
            took = time.monotonic() - start
            if idle > 0.85 * (busy + idle):
                break
            if took > limit:
                cls.disturbed += 1
                break
        cls.waited += took

    @classmethod
    def report(cls):
        if not cls.enabled:
            return "No measurement waited for the machine to be idle."
        return (
            f"{cls.disturbed} of {cls.begun} measurements began although the machine was busy with "
            "other work."
        )
