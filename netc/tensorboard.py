"""Event files for TensorBoard, by tensorboardX."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

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
        """Write what is still on its way: another thread does the writing."""
        if self._writer is not None:
            self._writer.close()

    def __call__(self, event: Event) -> None:
        self._listener(event)
        match event:
            case Began():
                from tensorboardX import SummaryWriter

                self._writer = SummaryWriter(str(self._run.folder))
            case EpochDone() if self._writer is not None:
                for name, value in event.values.items():
                    self._writer.add_scalar(name.replace(".", "/"), value, event.epoch)
            case _:
                pass
