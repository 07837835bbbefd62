# SPDX-License-Identifier: Apache-2.0
"""Results as SVG: horizontal bars in groups, a whisker from the least to the greatest of the rounds."""
import html
import re

from report import cells, number

INK, FAINT, GRID = "#1f2328", "#656d76", "#e3e6ea"
# By how a name begins; the first that fits.
COLORS = (
    ("bundlefs, verify=once", "#0b3d91"),
    ("bundlefs, passthrough", "#6ea8fe"),
    ("bundlefs, not root", "#6ea8fe"),
    ("bundlefs", "#1f6feb"),
    ("squashfs", "#d9730d"),
    ("squashfuse", "#f2b57c"),
    ("erofs", "#8a6fc7"),
    ("zstd", "#b8a13a"),
    ("plain file, 8", "#2c7a57"),
    ("plain file", "#6fbf97"),
    ("Amdahl", "#57606a"),
)
BARS, RIGHT, EDGE = 470, 90, 14
BAR, GAP, GROUP_GAP = 15, 2, 13
LETTER = 6.4  # about as wide as one of 12 pixels is; of 13: LABEL
LABEL = 7.4


def color(name):
    return next((value for start, value in COLORS if name.startswith(start)), "#9aa4b0")


def text(x, y, words, size=13, anchor="start", fill=INK, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
        f'font-weight="{weight}">{html.escape(words)}</text>'
    )


def step_of(most):
    """A round distance of lines: three to six of them."""
    size = 1.0
    while size * 10 <= most:
        size *= 10
    while size > most:
        size /= 10
    return next(size * n for n in (0.2, 0.5, 1, 2, 5) if most / (size * n) <= 6)


class Canvas:
    """Bars between `left` and its right edge, from zero to `most`."""

    def __init__(self, labels, most):
        self.left = max(150, 24 + LABEL * max(map(len, labels)))
        self.most = most
        self.width = self.left + BARS + RIGHT

    def at(self, value):
        return self.left + BARS * value / self.most

    def legend(self, names, y):
        """Squares with names, in lines; (elements, where the next thing may begin)."""
        out, x = [], EDGE
        for name in names:
            width = 38 + LETTER * len(name)
            if x + width > self.width and x > EDGE:
                x, y = EDGE, y + 20
            out.append(
                f'<rect x="{x:.1f}" y="{y - 10}" width="11" height="11" fill="{color(name)}"/>')
            out.append(text(x + 16, y, name, 12))
            x += width
        return out, y + 18

    def bar(self, item, y, fill):
        middle = y + BAR / 2
        low, median, high = (self.at(item[key]) for key in ("min", "median", "max"))
        return [
            f'<rect x="{self.left:.1f}" y="{y:.1f}" width="{max(median - self.left, 1):.1f}" '
            f'height="{BAR}" fill="{fill}"/>',
            f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}" stroke="{INK}"/>',
            text(high + 6, y + BAR - 3, number(item["median"]), 12),
        ]

    def label(self, y, words, size):
        return text(self.left - 10, y, words, size, "end")

    def scale(self, top, bottom):
        out, step, value = [], step_of(self.most), 0.0
        while value <= self.most * 1.0001:
            x = self.at(value)
            out.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="{GRID}"/>')
            out.append(text(x, bottom + 15, f"{value:.10g}", 11, "middle", FAINT))
            value += step
        return out


def chart(title, subtitle, groups):
    """groups: (label, [(name, item with median, min, max)]). One group: each bar has its name beside
    it; several: the label stands there, and a legend above."""
    groups = [(label, bars) for label, bars in groups if bars]
    names = list(dict.fromkeys(name for _, bars in groups for name, _ in bars))
    most = max(item["max"] for _, bars in groups for _, item in bars) or 1
    alone, y, head, marks = len(groups) == 1, 62, [], []
    canvas = Canvas(names if alone else [label for label, _ in groups], most)
    if not alone:
        head, y = canvas.legend(names, y + 6)
    top = y
    for label, bars in groups:
        if not alone:
            marks.append(canvas.label(y + len(bars) * (BAR + GAP) / 2 + 4, label, 13))
        for name, item in bars:
            if alone:
                marks.append(canvas.label(y + BAR - 3, name, 12))
            marks += canvas.bar(item, y, color(name))
            y += BAR + GAP + (7 if alone else 0)
        y += GROUP_GAP
    bottom = y - GROUP_GAP + 4
    width, height = f"{canvas.width:.0f}", f"{bottom + 26:.0f}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        text(EDGE, 27, title, 17, weight="bold"),
        text(EDGE, 47, subtitle, 13, fill=FAINT),
        *head,
        *canvas.scale(top - 4, bottom),
        *marks,
    ]
    return "\n".join(out + ["</svg>", ""])


def subtitle_of(unit, lower_is_better):
    words = "less is better" if lower_is_better else "more is better"
    return f"{unit}, {words}" if unit else words


def bars(row, wanted=lambda _: True):
    """All measurements of a row, the best first."""
    items = [item for item in row["measurements"] if wanted(item)]
    if not items:
        return None
    items.sort(key=lambda item: item["median"], reverse=not row["lower_is_better"])
    named = [(item["name"].strip(), item) for item in items]
    subtitle = subtitle_of(items[0]["unit"], row["lower_is_better"])
    return chart(row["title"], subtitle, [("", named)])


def table(row, only=None):
    """A row that is a table: a group for each column, a bar for each line."""
    columns, lines = cells(row)
    groups = [
        (column, [(line, items[i]) for line, items in lines if items[i]])
        for i, column in enumerate(columns)
        if only is None or column in only
    ]
    if not any(group for _, group in groups):
        return None
    subtitle = subtitle_of(row["measurements"][0]["unit"], row["lower_is_better"])
    return chart(row["title"], subtitle, groups)


def by_figure(row):
    """A row whose measurements are called "CONTENDER: FIGURE"."""
    groups = {}
    for item in row["measurements"]:
        name, _, figure = item["name"].rpartition(": ")
        groups.setdefault(figure, []).append((name or figure, item))
    subtitle = subtitle_of(row["unit"], row["lower_is_better"])
    return chart(row["title"], subtitle, list(groups.items()))


def listing(row):
    """ls -R of the largest store, beside others that hold the same names."""
    found = [
        (int(name[1]), name[2], name[3] or "bundlefs", item)
        for item in row["measurements"]
        if (name := re.fullmatch(r"(\d+) bundles: ls -R, (\w+)(?:: (.*))?", item["name"]))
    ]
    most = max(count for count, *_ in found)
    groups = [
        (when, [(name, item) for count, w, name, item in found if (count, w) == (most, when)])
        for when in ("cold", "again")
    ]
    return chart(f"{row['title']}: ls -R of {most}", subtitle_of("entries/s", False), groups)


def of_rows(rows):
    """file name -> (what it shows, SVG), of what was measured."""
    by_name = {row["row"]: row for row in rows}
    # What the page cache answers is many times faster and would flatten all else.
    makers = {
        "cold-read": lambda row: bars(row, lambda item: "warm" not in item["name"]),
        "matrix-disk-rate": table,
        "matrix-cached-rate": table,
        "matrix-warm-rate": table,
        "matrix-cached-cpu": table,
        "matrix-random": lambda row: table(
            row, ("store on disk, p99", "store in page cache, p99")),
        "slow-disk": table,
        "llama": by_figure,
        "torch": bars,
        "cores": table,
        "cores-model": table,
        "data": by_figure,
        "cold-views": by_figure,
        "readers": table,
        "catalogue": listing,
    }
    found = {}
    for name, maker in makers.items():
        if name in by_name and by_name[name]["measurements"]:
            drawn = maker(by_name[name])
            if drawn:
                found[f"{name}.svg"] = (by_name[name]["title"], drawn)
    return found
