"""Where words stand beside a collection's photos, besides in texts: which space, and loading it when first asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from lookalike.collection.joint_space import JointSpace
from lookalike.collection.seen import LABELS
from lookalike.collection.settings import CollectionSettings
from lookalike.encoders import DEFAULT_TEXT_ENCODER, ImageEncoder, has_text_side
from lookalike.errors import LookalikeError

if TYPE_CHECKING:
    from lookalike.collection.word_space import WordSpace

__all__ = ["Words"]


class Words:
    """The space of words of one collection.

    Parameters
    ----------
    settings : CollectionSettings
    encoder : callable
        Gives the collection's encoder, loaded when first asked for.
    notify : callable or None
        Called with a line of text about what takes time or cannot be used.
    """

    def __init__(
        self,
        settings: CollectionSettings,
        encoder: Callable[[], ImageEncoder],
        notify: Callable[[str], None] | None,
    ) -> None:
        self._settings = settings
        self._encoder = encoder
        self._notify = notify
        self._lock = threading.Lock()
        self._space: JointSpace | WordSpace | None = None
        self._is_sought = False
        self._trouble: LookalikeError | None = None

    @property
    def method(self) -> str:
        """How words are looked for: "texts only", or which space tells besides what is seen in photos.

        That is the joint space of an encoder with a text side, or that of the names of the classes which it sees.
        """
        card, trouble = self._settings.card, self._trouble
        try:
            if trouble is None and has_text_side(self._settings.encoder):
                return f"the joint space of {card.name}"
        except LookalikeError as error:
            trouble = error
        method = "texts only"
        if card.labels == LABELS:
            method = f"classes of {card.name} by {DEFAULT_TEXT_ENCODER} (ConSE)"
        return method if trouble is None else f"{method}; the text side of {card.name} cannot be used: {trouble}"

    def space(self) -> JointSpace | WordSpace | None:
        """Load the space; None where the encoder knows neither words nor classes."""
        with self._lock:
            if not self._is_sought:
                self._space = self._joint()
                if self._space is None and self._settings.card.labels == LABELS:
                    from lookalike.collection.word_space import WordSpace

                    self._space = WordSpace.of_imagenet(progress=self._notify)
                self._is_sought = True
            return self._space

    def _joint(self) -> JointSpace | None:
        """Load the text side of the encoder; None where it has none, or it cannot be used, which is told."""
        try:
            text = self._encoder().text_encoder() if has_text_side(self._settings.encoder) else None
        except LookalikeError as error:
            self._trouble = error
            if self._notify is not None:
                self._notify(f"Words are looked for by: {self.method}")
            return None
        return None if text is None else JointSpace(text)
