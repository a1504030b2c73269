"""URLs of Azure that read one blob without credentials: a service SAS, made of the account's key.

The native client's own are wrong for keys with spaces and the like: it signs the encoded name.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from analysis_sandbox.datasources.objects.config import AzureConfig
from analysis_sandbox.datasources.objects.stores import endpoint_of

_VERSION = "2020-12-06"
# Clocks differ a little.
_BEFORE = timedelta(minutes=5)


def signed_blob_url(config: AzureConfig, key: str, expires_in: timedelta, *, now: datetime) -> str:
    """Return a URL that reads the blob with a stored key until `expires_in` from `now`."""
    assert config.account_key is not None
    begin, end = (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for moment in (now - _BEFORE, now + expires_in)
    )
    resource = f"/blob/{config.account}/{config.container}/{key}"
    protocols = "https,http" if endpoint_of(config).startswith("http:") else "https"
    # Between them: identifier, address, snapshot, scope of encryption, five headers of the answer.
    fields = ["r", begin, end, resource, "", "", protocols, _VERSION, "b", *[""] * 7]
    digest = hmac.new(
        base64.b64decode(config.account_key.get_secret_value()),
        "\n".join(fields).encode("utf-8"),
        hashlib.sha256,
    ).digest()
    query = {
        "sp": "r",
        "st": begin,
        "se": end,
        "spr": protocols,
        "sv": _VERSION,
        "sr": "b",
        "sig": base64.b64encode(digest).decode("ascii"),
    }
    return f"{endpoint_of(config)}/{config.container}/{quote(key)}?{urlencode(query)}"
