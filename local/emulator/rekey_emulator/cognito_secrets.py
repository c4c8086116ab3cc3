"""Cognito app clients with two secrets, the token revocation endpoint, and `aws:ResourceTag` of user pools.

Stock MiniStack keeps one secret a client and has neither of the others.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AddUserPoolClientSecret.html (two at most, own
value of 24 to 64 characters), API_DeleteUserPoolClientSecret.html (never the last), API_ListUserPoolClientSecrets.html (no values),
https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html (which status for what).
"""
import json
import re
import time

import ministack.app as app
from ministack.core import iam_actions
from ministack.core.responses import error_response_json, json_response
from ministack.services import cognito, tagging

_app = app.app
_dispatch, _hash_error, _client_of = cognito._dispatch_idp, cognito._validate_client_secret_hash, cognito._authenticate_client
_arn = iam_actions.extract_resource_arn
_held = {}


def client_secret():
    """Documented as 24 to 64 of [\\w+]; stock ones hold slashes."""
    return cognito._client_id() + cognito._client_id()


def _entry(client_id, value):
    """The identifier is <client-id>--<epoch-create-time>; two of one millisecond differ by one."""
    taken = {one["ClientSecretId"] for one in _held.get(client_id, [])}
    at = int(time.time() * 1000)
    while f"{client_id}--{at}" in taken:
        at += 1
    return {"ClientSecretId": f"{client_id}--{at}", "ClientSecretCreateDate": at / 1000, "value": value}


def _secrets_of(client):
    """All of a client's secrets; the one that it was created with is the first."""
    if client["ClientId"] not in _held:
        _held[client["ClientId"]] = [_entry(client["ClientId"], client["ClientSecret"])] if client.get("ClientSecret") else []
    return _held[client["ClientId"]]


def _values(client):
    return [one["value"] for one in _secrets_of(client)]


def _shown(one, *also):
    return {name: one[name] for name in ("ClientSecretId", "ClientSecretCreateDate", *also) if name in one}


def add(client, data):
    held, value = _secrets_of(client), data.get("ClientSecret")
    if not held:
        return error_response_json("InvalidParameterException", "The app client has no secret.", 400)
    if value is not None and not re.fullmatch(r"[\w+]{24,64}", value):
        return error_response_json("InvalidParameterException", "ClientSecret: 24 to 64 of [\\w+]", 400)
    if len(held) >= 2:
        return error_response_json("LimitExceededException", "An app client has at most 2 secrets.", 400)
    one = _entry(client["ClientId"], value or client_secret())
    held.append(one)
    shown = _shown(one)
    return json_response({"ClientSecretDescriptor": shown if value else {**shown, "ClientSecretValue": one["value"]}})


def delete(client, data):
    held = _secrets_of(client)
    one = next((one for one in held if one["ClientSecretId"] == data.get("ClientSecretId")), None)
    if not one:
        return error_response_json("ResourceNotFoundException", "No such client secret.", 400)
    if len(held) == 1:
        return error_response_json("InvalidParameterException", "The last remaining secret cannot be deleted.", 400)
    held.remove(one)
    client["ClientSecret"] = held[0]["value"]
    return json_response({})


def list_(client, _data):
    return json_response({"ClientSecrets": [_shown(one) for one in _secrets_of(client)]})


ACTIONS = {"AddUserPoolClientSecret": add, "DeleteUserPoolClientSecret": delete, "ListUserPoolClientSecrets": list_}


async def dispatch(action, data):
    if action not in ACTIONS:
        return await _dispatch(action, data)
    pool, error = cognito._resolve_pool(data.get("UserPoolId"))
    if error:
        return error
    client = pool["_clients"].get(data.get("ClientId"))
    if not client:
        return error_response_json("ResourceNotFoundException", f"Client {data.get('ClientId')} does not exist.", 400)
    return ACTIONS[action](client, data)


def authenticate_client(headers, form):
    """Any of the client's secrets stands for the one that stock code compares with."""
    client_id, value = _client_of(headers, form)
    client = cognito._find_pool_by_client_id(client_id)[2]
    return (client_id, client["ClientSecret"]) if client and value in _values(client) else (client_id, value)


def secret_hash_error(action, data):
    """SECRET_HASH may be made with any of the client's secrets."""
    error = _hash_error(action, data)
    client = cognito._find_pool_by_client_id(data.get("ClientId"))[2] if error else None
    if not client or not client.get("ClientSecret"):
        return error
    first = client["ClientSecret"]
    try:
        for client["ClientSecret"] in _values(client):
            if _hash_error(action, data) is None:
                return None
    finally:
        client["ClientSecret"] = first
    return error


def revoke(headers, body):
    form = {name: values[0] for name, values in cognito.parse_qs(body.decode()).items()}
    client_id, value = _client_of(headers, form)
    client = cognito._find_pool_by_client_id(client_id)[2]
    if not client or (_values(client) and value not in _values(client)):
        return cognito._oauth2_error("invalid_client", "", 401)
    if "token" not in form or not client.get("EnableTokenRevocation", True):
        return cognito._oauth2_error("invalid_request", "")
    if cognito._token_claims(form["token"]).get("token_use", "refresh") != "refresh":
        return cognito._oauth2_error("unsupported_token_type", "")
    cognito._revoke_token({"Token": form["token"]})
    return 200, {}, b""


async def serve(scope, receive, send):
    if scope["type"] != "http" or scope["path"] != "/oauth2/revoke" or scope["method"] != "POST":
        return await _app(scope, receive, send)
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    status, headers, answer = revoke({name.decode(): value.decode() for name, value in scope["headers"]}, body)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": answer})


def extract_resource_arn(service, method, path, headers, body, parameters, region, account):
    """Tagging calls name the pool by its ARN."""
    found = _arn(service, method, path, headers, body, parameters, region, account)
    if service not in ("cognito-idp", "cognito_idp") or found != "*":
        return found
    try:
        return json.loads(body or b"{}").get("ResourceArn") or found
    except json.JSONDecodeError:
        return found


def install():
    global _app, _arn
    cognito._dispatch_idp, cognito._client_secret = dispatch, client_secret
    cognito._authenticate_client = authenticate_client
    cognito._validate_client_secret_hash = secret_hash_error
    _arn, iam_actions.extract_resource_arn = iam_actions.extract_resource_arn, extract_resource_arn
    _app, app.app = app.app, serve
    tagging._RESOURCE_TAG_COLLECTORS["cognito-idp"] = tagging._collect_cognito
