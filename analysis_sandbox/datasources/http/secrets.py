"""Keeps the secrets of an HTTP datasource out of whatever is shown or handed to a script."""  # noqa: A005  # never imported by its last name alone

import base64
import html
import re
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"


class Redactor:
    """Replaces every known secret, in the ways in which servers repeat them. Thread-safe.

    What is shorter than `shortest` stays: an ordinary word may be the same.
    """

    def __init__(self, secrets: Iterable[str] = (), *, shortest: int) -> None:
        self._shortest = shortest
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._set(secrets)

    def add(self, *secrets: str) -> None:
        """Learn further secrets, such as a token just received."""
        with self._lock:
            self._set(secrets)

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        return self._pattern.sub(MASK, text) if self._forms else text

    def data(self, data: bytes) -> bytes:
        """Return bytes without secrets."""
        return self._data_pattern.sub(MASK.encode(), data) if self._forms else data

    def _set(self, secrets: Iterable[str]) -> None:
        forms = set(self._forms)
        for secret in secrets:
            if len(secret) >= self._shortest:
                forms |= {secret, quote(secret, safe=""), quote_plus(secret)}
                forms |= {secret.replace("/", "\\/"), secret.replace('"', '\\"')}
                forms |= {html.escape(secret, quote=False), html.escape(secret)}
                forms.add(base64.b64encode(secret.encode()).decode())
        text = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._pattern = re.compile(text)
        self._data_pattern = re.compile(text.encode())
        self._forms = frozenset(forms)
