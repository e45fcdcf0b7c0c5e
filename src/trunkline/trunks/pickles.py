# SPDX-License-Identifier: Apache-2.0
"""Reading a pickle that describes arrays, and nothing else.

A pickle is a program for a small machine that may call any function there is. This machine calls
none. It knows the operations that PyTorch writes for a dictionary of arrays (pickle protocol 2);
every other operation is refused, and so is every name that is not in the short list below. Arrays
come out as descriptions, because their numbers lie outside the pickle.

The format: ``pickletools`` of Python's library, whose readers of arguments are used, and
``torch/serialization.py`` of PyTorch for the names.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trunkline.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

__all__ = ["ArrayDescription", "Storage", "unpickle"]

_MOST_OPERATIONS = 1_000_000
_MOST_AXES = 8

_CODES = {operation.code.encode("latin-1"): operation for operation in pickletools.opcodes}

_DICTIONARY = "collections OrderedDict"
_ARRAY = "torch._utils _rebuild_tensor_v2"
_ELEMENTS = {
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch DoubleStorage": "<f8",
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "i1",
    "torch ByteStorage": "u1",
    "torch BoolStorage": "?",
}


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers that lies outside the pickle.

    Attributes:
        key: What it is called in the file.
        dtype: NumPy's name of the element type, with its byte order.
        size: How many elements it has.
    """

    key: str
    dtype: str
    size: int


@dataclass(frozen=True, slots=True)
class ArrayDescription:
    """An array that lies in a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that the pickle asked for; it is compared and never looked up."""

    text: str


def unpickle(stream: IO[bytes], source: str | Path) -> object:
    """Read one pickle; the stream is left behind it.

    Args:
        stream: Where the pickle begins.
        source: The file, for messages.

    Returns:
        Text, whole numbers, truths, None, tuples, lists, dictionaries with text as keys, and
        ``ArrayDescription`` in the place of arrays.

    Raises:
        ExportError: The pickle is damaged, or holds anything else.
    """
    machine = _Machine(source)
    try:
        for _ in range(_MOST_OPERATIONS):
            if machine.step(stream) == "STOP":
                return machine.result
    except (ValueError, IndexError, KeyError) as error:
        raise ExportError(source, f"its pickle is damaged ({error}).") from error
    raise ExportError(source, "its pickle is far longer than that of any network.")


@dataclass(eq=False)
class _Machine:
    """The stack, the memory, and what may be done with them."""

    source: str | Path
    stack: list[object] = field(default_factory=list)
    below: list[list[object]] = field(default_factory=list)  # the stacks under each mark
    memory: dict[object, object] = field(default_factory=dict)
    result: object = None

    def step(self, stream: IO[bytes]) -> str:
        """Read one operation, do it, and return its name."""
        code = stream.read(1)
        operation = _CODES.get(code)
        if operation is None:
            raise ValueError(f"{code!r} is no operation" if code else "its end is missing")
        # Before its argument is read, which may be of any size.
        if operation.name not in _OPERATIONS:
            raise ExportError(
                self.source,
                f"its pickle holds the operation {operation.name}, which PyTorch writes for no "
                "dictionary of arrays. It was not run.",
            )
        if operation.name == "GLOBAL":
            argument: object = _two_lines(stream)
        else:
            argument = operation.arg.reader(stream) if operation.arg else None
        _OPERATIONS[operation.name](self, argument)
        return str(operation.name)

    def push(self, value: object) -> None:
        self.stack.append(value)

    def mark(self, _: object) -> None:
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[object]:
        """Take off and return what was pushed since the last mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def remember(self, number: object) -> None:
        self.memory[number] = self.stack[-1]

    def recall(self, number: object) -> None:
        self.push(self.memory[number])

    def name(self, text: object) -> None:
        known = text in {_DICTIONARY, _ARRAY, *_ELEMENTS}
        if not known or not isinstance(text, str):
            raise ExportError(
                self.source,
                f"its pickle asks for {str(text).replace(' ', '.')!r:.100}, and only arrays are "
                "taken from a pickle. It was not run; do not open this file with anything else "
                "unless you trust it.",
            )
        self.push(_Name(text))

    def pack(self, length: int) -> None:
        """Put the last few values into a tuple."""
        first = len(self.stack) - length
        if first < 0:
            raise IndexError("a tuple of more values than there are")
        items = tuple(self.stack[first:])
        del self.stack[first:]
        self.push(items)

    def call(self, _: object) -> None:
        """Do what PyTorch's functions would do; nothing is called."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if function == _Name(_DICTIONARY) and isinstance(arguments, tuple) and not arguments:
            self.push({})
        elif function == _Name(_ARRAY) and isinstance(arguments, tuple):
            self.push(_array(arguments))
        else:
            raise ValueError("something is called that is no function")

    def storage(self, _: object) -> None:
        match self.stack.pop():
            case ("storage", _Name(text), str(key), str(), int(size), *view) if (
                text in _ELEMENTS and size >= 0 and not any(each is not None for each in view)
            ):
                self.push(Storage(key, _ELEMENTS[text], size))
            case _:
                raise ValueError("a storage is described in an unknown way")

    def extend(self, items: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("something is appended to what is no list")  # noqa: TRY004
        target.extend(items)

    def update(self, items: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise ValueError("something is put into what is no dictionary")  # noqa: TRY004
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Nothing but text: Python overflows its stack on the hash of a deeply nested tuple.
            if not isinstance(key, str):
                raise ValueError("a key is no text")  # noqa: TRY004
            target[key] = value

    def pair(self) -> list[object]:
        value, key = self.stack.pop(), self.stack.pop()
        return [key, value]

    def stop(self, _: object) -> None:
        self.result = self.stack.pop()


def _array(arguments: tuple[object, ...]) -> ArrayDescription:
    match arguments:
        case (Storage() as storage, int(offset), tuple(shape), tuple(strides), *_) if (
            len(shape) == len(strides) <= _MOST_AXES
        ):
            return ArrayDescription(storage, offset, _lengths(shape), _lengths(strides))
        case _:
            raise ValueError("an array is described in an unknown way")


def _lengths(values: tuple[object, ...]) -> tuple[int, ...]:
    lengths = tuple(value for value in values if isinstance(value, int) and value >= 0)
    if len(lengths) != len(values):
        raise ValueError("an array has an axis of no length")
    return lengths


def _two_lines(stream: IO[bytes]) -> str:
    # The library's reader undoes escapes, which Python's own unpickler does not.
    lines = stream.readline(), stream.readline()
    if not all(line.endswith(b"\n") for line in lines):
        raise ValueError("a name has no end")
    return " ".join(line[:-1].decode() for line in lines)


def _forget_state(machine: _Machine, _: object) -> None:
    # PyTorch hangs the versions of its layers on the dictionary.
    machine.stack.pop()


def _skip(_machine: _Machine, _: object) -> None:
    """Do nothing: the protocol's number stands first, and says nothing that matters here."""


_OPERATIONS: dict[str, Callable[[_Machine, object], None]] = {
    "PROTO": _skip,
    "MARK": _Machine.mark,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),  # noqa: FBT003 - a value
    "NEWFALSE": lambda machine, _: machine.push(False),  # noqa: FBT003 - a value
    "BININT": _Machine.push,
    "BININT1": _Machine.push,
    "BININT2": _Machine.push,
    "LONG1": _Machine.push,
    "BINUNICODE": _Machine.push,
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.pack(1),
    "TUPLE2": lambda machine, _: machine.pack(2),
    "TUPLE3": lambda machine, _: machine.pack(3),
    "BINPUT": _Machine.remember,
    "LONG_BINPUT": _Machine.remember,
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "GLOBAL": _Machine.name,
    "REDUCE": _Machine.call,
    "BUILD": _forget_state,
    "BINPERSID": _Machine.storage,
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": lambda machine, _: machine.update(machine.pair()),
    "SETITEMS": lambda machine, _: machine.update(machine.since_mark()),
    "STOP": _Machine.stop,
}
