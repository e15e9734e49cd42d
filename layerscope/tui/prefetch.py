"""What is remembered of an image, read while Textual is imported: half of a second opening would be waiting otherwise."""

from __future__ import annotations

from threading import Thread

from layerscope.opening.cache_lookup import Recalled, recall_image
from layerscope.opening.options import Options
from layerscope.sources import Request, SourceImage


class Ahead:
    """Reads what the cache holds of an image in a thread of its own, which nobody needs to wait for."""

    def __init__(self, request: Request, source: SourceImage, options: Options) -> None:
        self._of = (request, source, options)
        self._recalled: Recalled | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._read, name="recall", daemon=True)
        self._thread.start()

    def __call__(self) -> Recalled | None:
        """What was found, handed out once. Waits for it; raises what reading it raised."""
        self._thread.join()
        recalled, self._recalled = self._recalled, None
        error, self._error = self._error, None
        if error is not None:
            raise error
        return recalled

    def _read(self) -> None:
        try:
            self._recalled = recall_image(*self._of)
            if self._recalled is not None:
                self._recalled.filesystem.prepare()
        except BaseException as error:  # told to whoever asks
            self._error = error
