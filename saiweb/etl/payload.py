"""One execution as n8n ran it: which nodes, in which order, with which items and errors.

Nothing is taken for granted: a part that is missing or of another shape is simply not there, and only a text that is no
document of n8n at all raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from saiweb.etl.flatted import (
    FlattedArray,
    FlattedDocument,
    FlattedError,
    FlattedObject,
    Value,
    each,
    find,
    find_object,
)

_SECONDS_BELOW: Final = 100_000_000_000
_MAX_ITEMS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item that a node put out, or (`is_input`) that waits in n8n's stack to be worked on."""

    node: str
    json: FlattedObject | None
    binary: FlattedObject | None
    is_input: bool = False

    @property
    def is_posted(self) -> bool:
        """Tell whether this is what a webhook received, by its shape."""
        return self.json is not None and "headers" in self.json and "body" in self.json and "webhookUrl" in self.json


@dataclass(frozen=True, slots=True)
class NodeError:
    """Why a node failed, in n8n's own words; not yet cleaned of secrets."""

    message: str | None
    description: str | None
    name: str | None
    #: A status ("400") or a network error's word ("ECONNABORTED").
    http_code: str | None

    @property
    def is_crash(self) -> bool:
        """Tell whether n8n itself died while the node ran."""
        return self.name == "NodeCrashedError"


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One run of one node."""

    node: str
    #: n8n's word: success, error, crashed, waiting, canceled...; None: not told.
    status: str | None
    #: Unix time; n8n rebuilds crashed runs in whole seconds.
    started_ms: float | None
    duration_ms: float | None
    error: NodeError | None
    items: tuple[Item, ...]


class BundleText(msgspec.Struct):
    """What n8n 2.x writes into `bundle.json` when it keeps execution data in files."""

    data: str


class Payload:
    """One parsed execution."""

    __slots__ = ("_result", "_stack", "last_node", "root", "runs", "waiting_inputs")

    def __init__(self, document: FlattedDocument) -> None:
        root = document.root
        if not isinstance(root, FlattedObject):
            raise FlattedError("The execution data does not begin with an object.")
        self.root = root
        self._result = find_object(root, "resultData")
        self._stack = find(root, "executionData", "nodeExecutionStack")
        self.runs: tuple[NodeRun, ...] = tuple(_runs(find_object(self._result, "runData")))
        self.last_node: str | None = _text(find(self._result, "lastNodeExecuted"))
        self.waiting_inputs: tuple[Item, ...] = tuple(_stack_items(self._stack))

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """Read `execution_data.data`. Raises FlattedError."""
        return cls(FlattedDocument(data))

    @classmethod
    def parse_bundle(cls, content: bytes) -> Self:
        """Read a `bundle.json`, in which the same text is one JSON string. Raises FlattedError."""
        try:
            bundle = msgspec.json.decode(content, type=BundleText)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise FlattedError(f"bundle.json cannot be read: {str(error)[:120]}.") from error
        return cls.parse(bundle.data)

    @property
    def has_run_data(self) -> bool:
        """Tell whether any node ran, as far as n8n recorded it."""
        return bool(self.runs)

    @property
    def is_conclusive(self) -> bool:
        """Tell whether n8n wrote an end; False: start data only, so the final text is not there yet.

        A canceled run of n8n 2.x is conclusive without run data: its error says so.
        """
        return self.has_run_data or find_object(self._result, "error") is not None

    @property
    def is_rebuilt(self) -> bool:
        """Tell whether n8n rebuilt the run data after a crash: node names are real, items are lost."""
        return any(run.error is not None and run.error.is_crash for run in self.runs) or (
            _text(find(self._result, "error", "name")) == "WorkflowCrashedError"
        )

    def items(self) -> Iterator[Item]:
        """Yield all items in run order, then those that were still waiting to be worked on."""
        for run in self.runs:
            yield from run.items
        yield from self.waiting_inputs

    def answers(self) -> Iterator[Item]:
        """Yield the items that nodes made themselves: all but what a webhook received."""
        return (item for item in self.items() if not item.is_posted)

    def posted(self) -> Item | None:
        """Return what the camera sent: the first webhook item, also where only n8n's stack still has it."""
        return next((item for item in self.items() if item.is_posted), None)

    def node_type(self, node: str) -> str:
        """Return n8n's type of a node, which only errors and the stack tell; "" where they do not."""
        named = [find(self._result, "error", "node"), *(find(entry, "node") for entry in each(self._stack))]
        types = (find(each_node, "type") for each_node in named if find(each_node, "name") == node)
        return next((found for found in types if isinstance(found, str)), "")

    @property
    def failed_run(self) -> NodeRun | None:
        """Return the run that ended the execution; None: no node failed."""
        failed = [run for run in self.runs if run.error is not None]
        named = _text(find(self._result, "error", "node", "name")) or _text(find(self._result, "error", "node"))
        return next((run for run in reversed(failed) if run.node == (named or self.last_node)), None) or (
            failed[-1] if failed else None
        )

    @property
    def error_node(self) -> str | None:
        """Name the node that failed; None: no failure, or n8n does not tell where."""
        if find_object(self._result, "error") is None:
            return None
        named = _text(find(self._result, "error", "node", "name"))
        if named is not None:
            return named
        return self.failed_run.node if self.failed_run else None

    @property
    def error_message(self) -> str | None:
        """Say why the execution failed, in n8n's words; None: it did not, or n8n left no word."""
        whole = _error(find_object(self._result, "error"))
        if whole is None:
            return None
        of_node = self.failed_run.error if self.failed_run else None
        words = [whole.message, whole.description]
        if whole.message is None and of_node is not None:
            words = [of_node.message, of_node.description]
        told = [word for word in words if word]
        return ": ".join(dict.fromkeys(told)) if told else None


def _runs(run_data: FlattedObject | None) -> list[NodeRun]:
    found: list[tuple[int | None, NodeRun]] = []
    for node in run_data or ():
        for raw in each(find(run_data, node)):
            if isinstance(raw, FlattedObject):
                index = _whole(find(raw, "executionIndex"))
                found.append((index, _run(node, raw)))
    return _in_order(found)


def _in_order(found: list[tuple[int | None, NodeRun]]) -> list[NodeRun]:
    """Sort by n8n's own index where it tells all runs apart, else by time.

    The index starts again at 0 after a wait, and is 0 everywhere in a rebuilt run; clocks may be set back.
    """
    indexes = [index for index, _ in found if index is not None]
    if len(set(indexes)) == len(found):
        return [run for _, run in sorted(found, key=lambda pair: pair[0] or 0)]
    return [run for _, run in sorted(found, key=lambda pair: (pair[1].started_ms or 0, pair[0] or 0))]


def _run(node: str, raw: FlattedObject) -> NodeRun:
    started = _number(find(raw, "startTime"))
    return NodeRun(
        node=node,
        status=_text(find(raw, "executionStatus")),
        started_ms=started * 1000 if started is not None and started < _SECONDS_BELOW else started,
        duration_ms=_number(find(raw, "executionTime")),
        error=_error(find_object(raw, "error")),
        items=tuple(_items(node, find(raw, "data"), is_input=False)),
    )


def _items(node: str, data: Value, *, is_input: bool) -> Iterator[Item]:
    """Yield the items of every connection kind ("main", "ai_languageModel"...) and every output."""
    count = 0
    for kind in data if isinstance(data, FlattedObject) else ():
        for output in each(find(data, kind)):
            if not isinstance(output, FlattedArray):
                continue
            for raw in each(output):
                count += 1
                if count > _MAX_ITEMS:
                    return
                json = find_object(raw, "json")
                if isinstance(raw, FlattedObject) and find(json, "isArtificialRecoveredEventItem") is not True:
                    yield Item(node, json, find_object(raw, "binary"), is_input=is_input)


def _stack_items(stack: Value) -> Iterator[Item]:
    for entry in each(stack):
        node = _text(find(entry, "node", "name")) or ""
        yield from _items(node, find(entry, "data"), is_input=True)


def _error(raw: FlattedObject | None) -> NodeError | None:
    if raw is None:
        return None
    code = find(raw, "httpCode")
    return NodeError(
        message=_text(find(raw, "message")),
        description=_text(find(raw, "description")),
        name=_text(find(raw, "name")),
        http_code=str(code) if isinstance(code, str | int) else None,
    )


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Value) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
