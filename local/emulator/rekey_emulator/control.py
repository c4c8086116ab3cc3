"""Rekey's own control endpoints, local only and no part of AWS.

POST /_rekey/due?secret=<arn> lets time pass for one secret: its next scheduled rotation is due now, and the sweep
then rotates it as on any day. GET /_rekey/used tells which actions each principal was allowed so far.
"""
import json
import time
from urllib.parse import parse_qs

import ministack.app as app
from ministack.services import secretsmanager as sm

from .usage import used

_app = app.app


def make_due(query):
    arn = query.get("secret", [""])[0]
    secret = next((held for held in sm._secrets._data.values() if held["ARN"] == arn), None)
    if not secret:
        return 404, {"message": f"no secret {arn}"}
    if not secret.get("RotationEnabled") or not secret.get("NextRotationDate"):
        return 409, {"message": f"secret {arn} has no rotation schedule"}
    secret["NextRotationDate"] = int(time.time())
    return 200, {"message": f"secret {arn} is due"}


ROUTES = {
    "/_rekey/due": ("POST", make_due),
    "/_rekey/used": ("GET", lambda query: (200, used())),
}


async def control(scope, receive, send):
    if scope["type"] != "http" or scope["path"] not in ROUTES:
        return await _app(scope, receive, send)
    method, route = ROUTES[scope["path"]]
    query = parse_qs(scope.get("query_string", b"").decode())
    status, body = route(query) if scope["method"] == method else (405, {"message": f"use {method}"})
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def install():
    app.app = control
