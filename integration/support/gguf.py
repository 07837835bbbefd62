# SPDX-License-Identifier: Apache-2.0
"""GGUF files read from nothing but their specification, and what must hold of those in a view."""
import struct

from support.common import Failed, content, require

# Value types by number: fixed sizes, 8 a string, 9 an array.
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY, U32 = 8, 9, 4
# Tensor types: number -> name, elements and bytes of a block.
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 30: ("BF16", 1, 2), 2: ("Q4_0", 32, 18),
         6: ("Q5_0", 32, 22), 8: ("Q8_0", 32, 34), 12: ("Q4_K", 256, 144), 14: ("Q6_K", 256, 210)}
NUMBERS = {name: number for number, (name, _, _) in TYPES.items()}
SET_BY_VIEWS = (b"general.alignment", b"general.file_type", b"general.quantization_version")


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        self.at += size
        require(self.at <= len(self.data), "the header goes beyond the file")
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        return self.take(self.number("Q"))

    def skip_value(self, kind):
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            element, count = self.number("I"), self.number("Q")
            if element in SIZES:
                self.take(SIZES[element] * count)
            else:
                for _ in range(count):
                    self.skip_value(element)
        else:
            self.take(SIZES[kind])


class Tensor:
    def __init__(self, name, ne, kind, data):
        self.name, self.ne, self.kind, self.data = name, ne, kind, data


class File:
    """values: (key, type, bytes behind the type); tensors in file order."""

    def __init__(self, path):
        reader = _Reader(content(path))
        require(reader.take(4) == b"GGUF" and reader.number("I") == 3, f"{path}: no GGUF of version 3")
        n_tensors, n_values = reader.number("Q"), reader.number("Q")
        self.values, self.tensors = [], []
        for _ in range(n_values):
            key, kind = reader.text(), reader.number("I")
            start = reader.at
            reader.skip_value(kind)
            self.values.append((key, kind, reader.data[start:reader.at]))
        infos = []
        for _ in range(n_tensors):
            name, n_dims = reader.text().decode(), reader.number("I")
            ne = [reader.number("Q") for _ in range(n_dims)]
            infos.append((name, ne, reader.number("I"), reader.number("Q")))
        alignment = self.number(b"general.alignment", 32)
        self.data_start = reader.at + -reader.at % alignment
        for name, ne, kind, offset in infos:
            start = self.data_start + offset
            body = reader.data[start:start + _size(ne, kind)]
            require(len(body) == _size(ne, kind), f"{path}: {name} goes beyond the file")
            require(start % alignment == 0, f"{path}: {name} is not aligned")
            self.tensors.append(Tensor(name, ne, kind, body))

    def number(self, key, default=None):
        for name, kind, value in self.values:
            if name == key:
                require(kind == U32, f"{key} is not a u32")
                return struct.unpack("<I", value)[0]
        return default

    @staticmethod
    def info(name, ne, kind, offset):
        head = _text(name.encode()) + struct.pack("<I", len(ne))
        return head + struct.pack(f"<{len(ne)}QIQ", *ne, kind, offset)

    @staticmethod
    def header(values, tensors, alignment=32):
        head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
        for key, kind, value in values:
            head += _text(key) + struct.pack("<I", kind) + value
        offset = 0
        for tensor in tensors:
            head += File.info(tensor.name, tensor.ne, tensor.kind, offset)
            offset += len(tensor.data) + -len(tensor.data) % alignment
        return head

    @staticmethod
    def write(path, values, tensors, alignment=32):
        """Writes a file with these values and tensors."""
        head = File.header(values, tensors, alignment)
        with open(path, "wb") as out:
            out.write(head + bytes(-len(head) % alignment))
            for tensor in tensors:
                out.write(tensor.data + bytes(-len(tensor.data) % alignment))


def _text(data):
    return struct.pack("<Q", len(data)) + data


def _size(ne, kind):
    _, elements, size = TYPES[kind]
    count = 1
    for n in ne:
        count *= n
    return count // elements * size


def gguf_same_tensors(left, right):
    """The same tensors with the same types and bytes, in any order and at any place."""
    ours = {tensor.name: tensor for tensor in File(left).tensors}
    theirs = {tensor.name: tensor for tensor in File(right).tensors}
    require(ours.keys() == theirs.keys(), f"names differ: {sorted(ours.keys() ^ theirs.keys())}")
    for name, tensor in ours.items():
        other = theirs[name]
        require(tensor.ne == other.ne, f"{name}: shape {tensor.ne} and {other.ne}")
        require(tensor.kind == other.kind,
                f"{name}: {TYPES[tensor.kind][0]} and {TYPES[other.kind][0]}")
        for at, (a, b) in enumerate(zip(tensor.data, other.data)):
            require(a == b, f"{name}: byte {at} is {a} and {b}")


def gguf_is_view_of(view, source, file_type):
    """Pages, and every key-value of the source but those that a view sets."""
    made, original = File(view), File(source)
    require(made.number(b"general.alignment") == 4096, "general.alignment")
    require(made.number(b"general.quantization_version") == 2, "general.quantization_version")
    require(made.number(b"general.file_type") == int(file_type), "general.file_type")
    require(made.data_start % 4096 == 0, "the data begins inside of a page")

    def kept(file):
        return [value for value in file.values if value[0] not in SET_BY_VIEWS]

    require(kept(made) == kept(original), "other key-values differ")
    require([tensor.name for tensor in made.tensors] == [tensor.name for tensor in original.tensors],
            "other tensors, or in another order")


def gguf_has_types(path, *types):
    """Exactly these types of tensors occur."""
    found = {TYPES[tensor.kind][0] for tensor in File(path).tensors}
    require(found == set(types), f"{path}: {sorted(found)}")


def gguf_spoil(source, out, how):
    """A copy of the model in which one thing of its first tensor, or one key, is wrong."""
    file = File(source)
    tensor = file.tensors[0]
    kind, ne, offset = tensor.kind, list(tensor.ne), 0
    name, values = tensor.name, list(file.values)
    if how == "removed-type":
        kind = 31
    elif how == "overlap":
        ne[1] += 1
    elif how == "overflow":
        ne = [1 << 62, 1 << 62]
    elif how == "beyond":
        offset = 1 << 40
    elif how == "long-name":
        name = "n" * 64 + ".weight"
    elif how == "deep-array":
        values.append((b"deep", ARRAY, struct.pack("<IQIQ", ARRAY, 1, U32, 0)))
    elif how == "alignment-type":
        values = [(key, 10, value + bytes(4)) if key == b"general.alignment" else (key, kind_, value)
                  for key, kind_, value in values]
    elif how == "key-twice":
        values.append(values[0])
    else:
        raise Failed(f"no such damage: {how}")
    # Only the header is written by hand; the data stays where it was.
    head = File.header(values, file.tensors)
    info = File.info(tensor.name, tensor.ne, tensor.kind, 0)
    spoiled = File.info(name, ne, kind, offset)
    require(head.count(info) == 1, "the first tensor is not found")
    head = head.replace(info, spoiled)
    with open(out, "wb") as to:
        to.write(head + bytes(-len(head) % 32) + content(source)[file.data_start:])
