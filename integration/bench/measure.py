# SPDX-License-Identifier: Apache-2.0
"""Contenders take turns; what is compared is compared pair by pair, and medians are reported."""
import statistics


class Skipped(Exception):
    """This contender or row cannot run here; the text says why."""


def summary(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "values": values,
    }


class Row:
    """One row: what each contender gave, repeat by repeat, and ratios between them."""

    def __init__(self, name, title, unit):
        self.name = name
        self.title = title
        self.unit = unit
        self.values = {}  # contender -> values, one a repeat
        self.units = {}  # where they differ from the row's
        self.limits = {}  # contender -> what it must not exceed
        self.ratios = []
        self.notes = []

    def add(self, contender, value, unit=None):
        self.values.setdefault(contender, []).append(value)
        if unit is not None:
            self.units[contender] = unit

    def interleave(self, contenders, repeats):
        """contenders: name -> callable giving a number, or {suffix: (number, unit)}. Every other
        round goes backwards, so that none always follows the same neighbour."""
        living = dict(contenders)
        for repeat in range(repeats):
            for name in list(living)[:: 1 if repeat % 2 == 0 else -1]:
                try:
                    got = living[name]()
                except Skipped as reason:
                    self.notes.append(f"{name}: left out, {reason}")
                    del living[name]
                    continue
                if isinstance(got, dict):
                    for suffix, (value, unit) in got.items():
                        self.add(f"{name}{suffix}", value, unit)
                else:
                    self.add(name, got)

    def compare(self, contender, reference, goal=None, at_most=False):
        """The median of the ratios of each repeat's pair; nothing when one of them is missing."""
        if contender not in self.values or reference not in self.values:
            return
        pairs = zip(self.values[contender], self.values[reference])
        found = summary([ours / theirs for ours, theirs in pairs])
        self.ratios.append(
            {"of": contender, "to": reference, "goal": goal, "at_most": at_most, **found}
        )

    def as_json(self):
        return {
            "row": self.name,
            "title": self.title,
            "measurements": [
                {
                    "name": name,
                    "unit": self.units.get(name, self.unit),
                    "at_most": self.limits.get(name),
                    **summary(values),
                }
                for name, values in self.values.items()
            ],
            "ratios": self.ratios,
            "notes": self.notes,
        }
