# SPDX-License-Identifier: Apache-2.0
"""Figures as text, and whether goals are met."""


def number(value):
    if value == int(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def verdict(median, goal, at_most):
    if goal is None:
        return ""
    met = median <= goal if at_most else median >= goal
    return f"{'at most' if at_most else 'at least'} {goal:g}: {'met' if met else 'not met'}"


def measurement_lines(row):
    """(name, unit, median, min, max, verdict) of each measurement."""
    for item in row["measurements"]:
        figures = (number(item[key]) for key in ("median", "min", "max"))
        goal = verdict(item["median"], item["at_most"], True) or verdict(
            item["median"], item["at_least"], False)
        yield (item["name"].strip(), item["unit"], *figures, goal)


def ratio_lines(row):
    for ratio in row["ratios"]:
        name = f"{ratio['of'].strip()} / {ratio['to'].strip()}"
        figures = (f"{ratio[key]:.2f}" for key in ("median", "min", "max"))
        goal = verdict(ratio["median"], ratio["goal"], ratio["at_most"])
        yield (name, "x", *figures, goal)


def lines_of(row):
    yield from measurement_lines(row)
    yield from ratio_lines(row)


def grid_text(row):
    columns, lines = cells(row)
    widths = [max(len(column), 8) for column in columns]
    head = "".join(f"  {column:>{width}}" for column, width in zip(columns, widths))
    yield f"  {row['measurements'][0]['unit']:<36}{head}"
    for line, items in lines:
        shown = (number(item["median"]) if item else "" for item in items)
        yield f"  {line:<36}" + "".join(
            f"  {value:>{width}}" for value, width in zip(shown, widths))


def text(row):
    lines = [row["title"]]
    as_table = row["grid"] and row["measurements"]
    if as_table:
        lines += grid_text(row)
    for name, unit, median, low, high, word in lines_of(row):
        if as_table and unit != "x" and not word:
            continue
        line = f"  {name:<64} {median:>11} {unit:<9} ({low} to {high})  {word}"
        lines.append(line.rstrip())
    lines += [f"  note: {note}" for note in row["notes"]]
    return "\n".join(lines) + "\n"


def cells(row):
    """Of a row that is a table: (columns, [(line, [measurement or None])]), without what is empty."""
    found = {item["name"]: item for item in row["measurements"]}
    columns = [
        column for column in row["grid"]["columns"]
        if any(f"{line}: {column}" in found for line in row["grid"]["lines"])
    ]
    lines = [
        (line, [found.get(f"{line}: {column}") for column in columns])
        for line in row["grid"]["lines"]
    ]
    return columns, [(line, items) for line, items in lines if any(items)]
