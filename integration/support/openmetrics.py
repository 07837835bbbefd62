# SPDX-License-Identifier: Apache-2.0
"""Metrics as OpenMetrics and as Prometheus' classic text: parsed strictly, then compared."""
import re

from support.common import content, require

SUFFIXES = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "info": ("_info",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "summary": ("", "_count", "_sum", "_created"),
    "unknown": ("",),
    "stateset": ("",),
}
SAMPLE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$'
)


def read_classic(text):
    """Text format 0.0.4, as strict as `promtool check metrics`: each family is named as its sample, and
    has help and type before it."""
    helps, types, values = {}, {}, {}
    require(text.endswith("\n"), "the last line is cut off")
    for line in text.splitlines():
        match = re.match(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$", line)
        if match:
            seen = helps if match[1] == "HELP" else types
            require(match[2] not in seen and match[2] not in values, f"given twice or late: {line}")
            seen[match[2]] = match[3]
            continue
        match = SAMPLE.match(line)
        require(match, f"bad line: {line}")
        require(match[1] in helps and match[1] in types, f"no help or type: {line}")
        require(types[match[1]] in ("counter", "gauge"), f"bad type of {match[1]}")
        require((types[match[1]] == "counter") == match[1].endswith("_total"), f"bad name: {line}")
        require((match[1], match[2] or "") not in values, f"sample given twice: {line}")
        values[match[1], match[2] or ""] = float(match[3])
    require(values and len(types) == len(helps) == len(values), "a family without sample")
    return values


def read_metrics(path):
    """Parses and validates in the format that the text has; (name, labels) -> value."""
    text = content(path).decode()
    return read_openmetrics(text) if "# EOF" in text else read_classic(text)


def read_openmetrics(text):
    """Parses and validates; (name, labels) -> value."""
    require(text.endswith("# EOF\n"), "metrics do not end with # EOF")
    types, values, family, closed = {}, {}, None, set()
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            match = re.match(r"# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$", line)
            require(match, f"bad metadata line: {line}")
            if match[2] != family:
                require(match[2] not in closed, f"family {match[2]} is interleaved")
                closed.add(family)
                family = match[2]
            if match[1] == "TYPE":
                require(family not in types and match[3] in SUFFIXES, f"bad type: {line}")
                types[family] = match[3]
            if match[1] == "UNIT":
                require(family.endswith("_" + match[3]), f"the unit is not in the name: {line}")
            continue
        match = SAMPLE.match(line)
        require(match, f"bad sample: {line}")
        allowed = [family + suffix for suffix in SUFFIXES[types.get(family, "unknown")]]
        require(match[1] in allowed, f"sample outside its family {family}: {line}")
        key = (match[1], match[2] or "")
        require(key not in values, f"sample given twice: {line}")
        values[key] = float(match[3])
        if match[1].endswith("_total"):
            require(values[key] >= 0, f"a negative counter: {line}")
    require(values, "no samples")
    return values


def metrics(path):
    """The file is well-formed text of its format."""
    read_metrics(path)


def metric(path, name):
    """Prints the sum of one metric over its labels."""
    found = [value for (key, _), value in read_metrics(path).items() if key == name]
    require(found, f"no metric {name}")
    print(int(sum(found)))


def counters_grow(before, after):
    """No counter went back, and at least one moved."""
    old, new = read_metrics(before), read_metrics(after)
    shared = [key for key in old if key[0].endswith("_total") and key in new]
    back = [key for key in shared if new[key] < old[key]]
    require(not back, f"counters went back: {back}")
    require(any(new[key] > old[key] for key in shared), "no counter moved")
