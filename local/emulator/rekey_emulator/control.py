"""Rekey's own control endpoint, local only and no part of AWS: lets time pass for one secret.

POST /_rekey/due?secret=<arn> makes its next scheduled rotation due now; the sweep then rotates it as on any day.
"""
import json
import time
from urllib.parse import parse_qs

import ministack.app as app
from ministack.services import secretsmanager as sm

_app = app.app


def make_due(arn):
    secret = next((held for held in sm._secrets._data.values() if held["ARN"] == arn), None)
    if not secret:
        return 404, f"no secret {arn}"
    if not secret.get("RotationEnabled") or not secret.get("NextRotationDate"):
        return 409, f"secret {arn} has no rotation schedule"
    secret["NextRotationDate"] = int(time.time())
    return 200, f"secret {arn} is due"


async def control(scope, receive, send):
    if scope["type"] != "http" or scope["path"] != "/_rekey/due":
        return await _app(scope, receive, send)
    arn = parse_qs(scope.get("query_string", b"").decode()).get("secret", [""])[0]
    status, message = make_due(arn) if scope["method"] == "POST" else (405, "use POST")
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps({"message": message}).encode()})


def install():
    app.app = control
