# SPDX-License-Identifier: Apache-2.0
"""The page of a run: its figures between the marks of README.md, charts and all values beside it."""
import json
import os
import textwrap

import charts
from reasons import reason
from report import cells, measurement_lines, number, ratio_lines, verdict

MARKS = ("<!-- figures: written by integration/bench/run -->", "<!-- end of figures -->")
FOLDED = ("-faults",)  # rows of that name are for who looks for them
WIDTH = 120


def bullets(lines):
    return [
        text for line in lines for text in textwrap.wrap(
            f"- {line}", WIDTH, subsequent_indent="  ", break_long_words=False,
            break_on_hyphens=False)
    ]


def head(results):
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    rounds = f"{results['repeats']} round{'s' if results['repeats'] > 1 else ''}"
    stolen = ""
    if results["stolen"] > 0.001:
        stolen = f" A hypervisor gave {100 * results['stolen']:.1f} % of the CPUs' time to others."
    build = results["build"]
    meson = ", ".join(f"{name}={value}" for name, value in build.items()
                      if name not in ("commit", "compiler"))
    commit = f" at {build['commit']}" if build["commit"] else ""
    return bullets([
        f"Machine: {results['machine']}. CPU features that matter here: {results['cpu_features']}. "
        f"Work folder on {results['disk']}.",
        f"bundlefs {results['version']}{commit}, built by {build['compiler']}, "
        f"{meson or 'nobody knows how'}.",
        f"Beside it: {versions}.",
        f"Command: `{results['command']}`: {results['size'] / 1e9:.2f} GB of bf16, "
        f"{rounds}; {results['seconds'] / 60:.0f} minutes. {results['quiet']}{stolen}",
    ])


def left_out(results):
    lines = [f"{name}: {why}" for name, why in results["left_out"].items()]
    lines += [f"{name}: failed, {why}" for name, why in results["failed"].items()]
    lines += [
        f"{row['title']}: {note}" for row in results["rows"] for note in row["notes"]
        if "left out" in note
    ]
    # The same reason in every table is one reason.
    merged = {}
    for line in lines:
        title, _, note = line.partition(": ")
        merged.setdefault(note, []).append(title)
    return [
        f"{note} ({len(titles)} tables)" if len(titles) > 1 else f"{titles[0]}: {note}"
        for note, titles in merged.items()
    ]


def judged(results):
    """(row, names, measurement, goal, at_most, unit) of all that has a goal. names: of what has it,
    and of what it is compared with, if anything."""
    for row in results["rows"]:
        for item in row["measurements"]:
            for goal, at_most in ((item["at_most"], True), (item["at_least"], False)):
                if goal is not None:
                    yield row, [item["name"].strip()], item, goal, at_most, item["unit"]
        for item in row["ratios"]:
            if item["goal"] is not None:
                names = [item["of"].strip(), item["to"].strip()]
                yield row, names, item, item["goal"], item["at_most"], "x"


def goals(results):
    """All that has a goal, in one table, and why what is not met is not."""
    found = list(judged(results))
    if not found:
        return []
    out = ["### Goals", "", "| row | what | median | | min to max | goal |",
           "|---|---|---:|---|---|---|"]
    unmet = []
    for row, names, item, goal, at_most, unit in found:
        low, high, median = (number(item[key]) for key in ("min", "max", "median"))
        title, what = row["title"], " / ".join(names)
        word = verdict(item["median"], goal, at_most)
        out.append(f"| {title} | {what} | **{median}** | {unit} | {low} to {high} | {word} |")
        if word.endswith("not met"):
            why = reason(results, row["row"], goal, names)
            unmet.append(f"| {title}: {what} | {median} {unit}, {word.partition(':')[0]} | {why} |")
    if unmet:
        out += ["", "### Goals that are not met, and why", "", "| what | median, goal | why |",
                "|---|---|---|", *unmet]
    return [*out, ""]


def plain_table(lines):
    lines = list(lines)
    if not lines:
        return []
    with_goals = any(line[5] for line in lines)
    out = [f"| what | median | | min to max |{' goal |' if with_goals else ''}",
           f"|---|---:|---|---|{'---|' if with_goals else ''}"]
    for name, unit, median, low, high, word in lines:
        strong = f"**{median}**" if word else median
        last = f" {word} |" if with_goals else ""
        out.append(f"| {name} | {strong} | {unit} | {low} to {high} |{last}")
    return [*out, ""]


def grid_table(row):
    columns, lines = cells(row)
    out = [f"| {row['measurements'][0]['unit']} | {' | '.join(columns)} |",
           "|---|" + "---:|" * len(columns)]
    for line, items in lines:
        shown = [
            f"{number(item['median'])} ({number(item['min'])} to {number(item['max'])})"
            if item else "" for item in items
        ]
        out.append(f"| {line} | {' | '.join(shown)} |")
    return [*out, ""]


def row_section(row):
    out = [f"### {row['title']}", ""]
    body = []
    if row["grid"] and row["measurements"]:
        body += grid_table(row)
        with_goal = (line for line in measurement_lines(row) if line[5])
        body += plain_table([*with_goal, *ratio_lines(row)])
    else:
        body += plain_table([*measurement_lines(row), *ratio_lines(row)])
    notes = [note for note in row["notes"]]
    body += bullets(notes) + ([""] if notes else [])
    if row["row"].endswith(FOLDED):
        return [*out, "<details><summary>table</summary>", "", *body, "</details>", ""]
    return out + body


def markdown(results, drawn):
    out = head(results) + [""]
    missing = left_out(results)
    if missing:
        out += ["Left out of this run:", ""] + bullets(missing) + [""]
    out += goals(results)
    for row in results["rows"]:
        section = row_section(row)
        file = f"{row['row']}.svg"
        if file in drawn:
            section[2:2] = [f"![{row['title']}]({file})", ""]
        out += section
    return "\n".join(out).rstrip() + "\n"


def write(results, folder):
    os.makedirs(folder, exist_ok=True)
    drawn = charts.of_rows(results["rows"])
    for name in os.listdir(folder):
        if name.endswith(".svg") and name not in drawn:
            os.unlink(os.path.join(folder, name))
    for name, (_, svg) in drawn.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(svg)
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    path = os.path.join(folder, "README.md")
    page = f"# Benchmarks\n\n{MARKS[0]}\n{MARKS[1]}\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            page = file.read()
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{MARKS[0]}\n\n{markdown(results, drawn)}\n{MARKS[1]}{after}")
