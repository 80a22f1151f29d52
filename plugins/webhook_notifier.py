"""A notifier: every message as JSON to an address of yours, signed.

Set `notify.webhook.url`, and `notify.webhook.secret` to have each message signed: the header `X-Traderd-Signature` is
`t=<seconds>,v1=<hex>`, where the hex is HMAC-SHA256 over `<seconds>.<body>` with the secret. Whoever receives it computes the
same and refuses what is older than a few minutes. Copy this file to reach another service.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import attrs

from traderd.plugin_api import (
    NS_PER_S,
    HttpAnswer,
    NotDelivered,
    NoticeClass,
    NoticeMessage,
    Notifier,
    Post,
    hookimpl,
)

SIGNATURE = "X-Traderd-Signature"
TOO_MANY = 429


def signature(secret: str, at_s: int, body: bytes) -> str:
    """Return the signature of a body that was made at a second since the epoch."""
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={signed.hexdigest()}"


@attrs.frozen
class Webhook:
    """Posts to one address."""

    url: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)

    async def send(self, message: NoticeMessage, post: Post) -> None:
        """Post one message; any 2xx is a receipt.  Cancelling may leave it delivered."""
        body = json.dumps(message.document(), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers[SIGNATURE] = signature(self.secret, post.now() // NS_PER_S, body)
        _judge(await post(self.url, body=body, headers=headers))


def _judge(answer: HttpAnswer) -> None:
    if 200 <= answer.status < 300:
        return
    wait = answer.headers.get("retry-after", "")
    asked_s = float(wait) if wait.isascii() and wait.isdigit() else None
    # 4xx but "too many" and "timeout": the same message will be refused again.
    is_final = 300 <= answer.status < 500 and answer.status not in {408, TOO_MANY}
    raise NotDelivered(
        f"the webhook answered {answer.status}; look at notify.webhook.url and at its server",
        retry_after_s=asked_s,
        is_final=is_final,
    )


@hookimpl
def traderd_notifiers(config: Any) -> list[Notifier]:
    """Offer the webhook when it has an address."""
    wanted = config.notify.webhook
    if not wanted.url:
        return []
    webhook = Webhook(wanted.url, wanted.secret)
    return [
        Notifier(
            name="webhook",
            send=webhook.send,
            classes=tuple(map(NoticeClass, wanted.classes)) or tuple(NoticeClass),
            secrets=tuple(filter(None, (wanted.url, wanted.secret))),
        )
    ]
