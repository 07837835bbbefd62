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


def turns(contenders, repeats, left_out):
    """(name, what it gave) of each measurement. contenders: name -> callable. Every other round goes
    backwards, so that none always follows the same neighbour. A contender that raises Skipped has
    no more turns, and left_out(name, reason) is called."""
    living = dict(contenders)
    for repeat in range(repeats):
        for name in list(living)[:: 1 if repeat % 2 == 0 else -1]:
            try:
                got = living[name]()
            except Skipped as reason:
                left_out(name, reason)
                del living[name]
                continue
            yield name, got


class Row:
    """One row: what each contender gave, repeat by repeat, and ratios between them."""

    def __init__(self, name, title, unit, lower_is_better=False):
        self.name = name
        self.title = title
        self.unit = unit
        self.lower_is_better = lower_is_better
        self.values = {}  # contender -> values, one a repeat
        self.units = {}  # where they differ from the row's
        self.limits = {}  # contender -> what it must not exceed
        self.floors = {}  # contender -> what it must reach
        self.ratios = []
        self.notes = []
        # Set: the row is a table. Names of measurements are "LINE: COLUMN".
        self.grid = None

    def add(self, contender, value, unit=None):
        self.values.setdefault(contender, []).append(value)
        if unit is not None:
            self.units[contender] = unit

    def leave_out(self, contender, reason):
        note = f"{contender}: left out, {reason}"
        if note not in self.notes:
            self.notes.append(note)

    def interleave(self, contenders, repeats):
        """contenders: name -> callable giving a number, or {suffix: (number, unit)}."""
        for name, got in turns(contenders, repeats, self.leave_out):
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
        self.ratio(contender, reference, [ours / theirs for ours, theirs in pairs], goal, at_most)

    def ratio(self, contender, reference, values, goal=None, at_most=False):
        """Ratios that somebody else took."""
        self.ratios.append(
            {"of": contender, "to": reference, "goal": goal, "at_most": at_most, **summary(values)}
        )

    def as_json(self):
        return {
            "row": self.name,
            "title": self.title,
            "unit": self.unit,
            "lower_is_better": self.lower_is_better,
            "grid": self.grid,
            "measurements": [
                {
                    "name": name,
                    "unit": self.units.get(name, self.unit),
                    "at_most": self.limits.get(name),
                    "at_least": self.floors.get(name),
                    **summary(values),
                }
                for name, values in self.values.items()
            ],
            "ratios": self.ratios,
            "notes": self.notes,
        }
