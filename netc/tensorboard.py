"""Event files for TensorBoard, by tensorboardX."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from time import time

from .runs import Run, RunError
from .runtime.train import Began, EpochDone, Event


class Events:
    """Hands events on, and writes the figures of each epoch into the run's folder."""

    def __init__(self, run: Run, listener: Callable[[Event], None]) -> None:
        """Raises RunError where tensorboardX is missing."""
        if find_spec("tensorboardX") is None:
            raise RunError("event files need tensorboardX", "pip install 'netc[tensorboard]'")
        self._run, self._listener = run, listener
        self._writer = None

    def close(self) -> None:
        """Let go of the file. Raises OSError."""
        if self._writer is not None:
            self._writer.close()

    def __call__(self, event: Event) -> None:
        self._listener(event)
        match event:
            case Began():
                # Not SummaryWriter: its thread tells of a full disk by a traceback, and nobody else.
                from tensorboardX.event_file_writer import EventsWriter

                self._writer = EventsWriter(str(self._run.folder / "events"))
            case EpochDone() if self._writer is not None:
                from tensorboardX.proto.event_pb2 import Event as Record  # pyright: ignore[reportAttributeAccessIssue]
                from tensorboardX.summary import scalar

                for name, value in event.values.items():
                    figure = scalar(name.replace(".", "/"), value)
                    self._writer.write_event(Record(wall_time=time(), step=event.epoch, summary=figure))
                self._writer.flush()
            case _:
                pass
