# SPDX-License-Identifier: Apache-2.0
"""Results as text, as Markdown, and as a chart."""
import html
import os
import platform
import re

MARKS = ("<!-- figures: written by integration/bench/run -->", "<!-- end of figures -->")


def first_match(path, pattern, otherwise):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return otherwise
    return found[1] if found else otherwise


def machine():
    """In words that say what matters for speed, and name no host."""
    cpu = first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$", platform.machine())
    system = first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)', "Linux")
    kernel = ".".join(platform.release().split(".")[:2])
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)", "0")) / (1 << 20)
    return f"{os.cpu_count()} cores, {cpu}, {memory:.0f} GiB memory, {system}, kernel {kernel}"


def number(value):
    if value == int(value) or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"


def verdict(median, goal, at_most):
    if goal is None:
        return ""
    met = median <= goal if at_most else median >= goal
    return f"{'at most' if at_most else 'at least'} {goal:g}: {'met' if met else 'not met'}"


def lines_of(row):
    """(name, unit, median, min, max, verdict) of each measurement, then of each ratio."""
    for item in row["measurements"]:
        figures = (number(item[key]) for key in ("median", "min", "max"))
        goal = verdict(item["median"], item["at_most"], True)
        yield (item["name"], item["unit"], *figures, goal)
    for ratio in row["ratios"]:
        name = f"{ratio['of'].strip()} / {ratio['to'].strip()}"
        figures = (f"{ratio[key]:.2f}" for key in ("median", "min", "max"))
        goal = verdict(ratio["median"], ratio["goal"], ratio["at_most"])
        yield (name, "x", *figures, goal)


def text(row):
    lines = [row["title"]]
    for name, unit, median, low, high, word in lines_of(row):
        line = f"  {name:<52} {median:>11} {unit:<9} ({low} to {high})  {word}"
        lines.append(line.rstrip())
    lines += [f"  note: {note}" for note in row["notes"]]
    return "\n".join(lines) + "\n"


def markdown(results):
    out = [
        f"Machine: {results['machine']}. Command: `{results['command']}`.",
        f"{results['repeats']} rounds, bundlefs {results['version']}.",
        "",
    ]
    for row in results["rows"]:
        out += [f"### {row['title']}", "", "| what | median | | min to max | goal |",
                "|---|---:|---|---|---|"]
        for name, unit, median, low, high, word in lines_of(row):
            strong = f"**{median}**" if word else median
            out.append(f"| {name.strip()} | {strong} | {unit} | {low} to {high} | {word} |")
        out += [""] + [f"- {note}" for note in row["notes"]] + ([""] if row["notes"] else [])
    return "\n".join(out).rstrip() + "\n"


def chart(row):
    """Horizontal bars with whiskers from the least to the greatest of the rounds."""
    items = sorted(row["measurements"], key=lambda item: -item["median"])
    # What the page cache answers is many times faster and would flatten all else.
    items = [item for item in items if "warm" not in item["name"]]
    left, width, step, top = 210, 420, 34, 48
    most = max(item["max"] for item in items)
    height = top + step * len(items) + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 110} {height}" '
        'font-family="sans-serif" font-size="14">',
        f'<rect width="{left + width + 110}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold" fill="#222222">'
        f"{html.escape(row['title'])}, {items[0]['unit']}</text>",
    ]
    for i, item in enumerate(items):
        y, at = top + step * i, lambda value: left + width * value / most
        color = "#1f6feb" if item["name"].startswith("bundlefs") else "#9aa4b0"
        out += [
            f'<text x="{left - 10}" y="{y + 16}" text-anchor="end" fill="#222222">'
            f"{html.escape(item['name'])}</text>",
            f'<rect x="{left}" y="{y}" width="{at(item["median"]) - left:.1f}" height="22" '
            f'fill="{color}"/>',
            f'<path d="M{at(item["min"]):.1f} {y + 11}H{at(item["max"]):.1f}" stroke="#222222"/>',
            f'<text x="{at(item["max"]) + 8:.1f}" y="{y + 16}" fill="#222222">'
            f"{number(item['median'])}</text>",
        ]
    return "\n".join(out + ["</svg>", ""])


def write_docs(results, folder):
    """Puts the figures between the marks of folder/README.md, and the charts beside it."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "README.md")
    page = f"# Benchmarks\n\n{MARKS[0]}\n{MARKS[1]}\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            page = file.read()
    before, _, rest = page.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{MARKS[0]}\n\n{markdown(results)}\n{MARKS[1]}{after}")
    for row in results["rows"]:
        if row["row"] == "cold-read":
            with open(os.path.join(folder, "cold-read.svg"), "w", encoding="utf-8") as file:
                file.write(chart(row))
