"""IAM service-specific credentials, and two services that take them: Bedrock (bearer token) and CodeCommit (Git over HTTP).

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html (two a service and user, the
secret half in the answer to its creation only), API_UpdateServiceSpecificCredential.html, API_ListServiceSpecificCredentials.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-permissions.html (bedrock:CallWithBearerToken beside the action).
"""
import base64
import json
import secrets

import ministack.app as app
import ministack.core.iam_evaluator as evaluator
from ministack.core.responses import get_account_id, get_region, set_request_account_id
from ministack.services import bedrock, iam

SERVICES = ("bedrock.amazonaws.com", "codecommit.amazonaws.com", "cassandra.amazonaws.com", "logs.amazonaws.com")
API_KEYS = ("bedrock.amazonaws.com", "logs.amazonaws.com")
_held = {}
_app = app.app
_XML = ("UserName", "ServiceName", "ServiceSpecificCredentialId", "Status", "CreateDate", "ExpirationDate",
        "ServiceUserName", "ServiceCredentialAlias")


def _mine(user, service=""):
    account = get_account_id()
    return [one for one in _held.values()
            if one["Account"] == account and one["UserName"] == user and service in ("", one["ServiceName"])]


def _xml(one, *also):
    return "".join(f"<{name}>{one[name]}</{name}>" for name in (*_XML, *also) if name in one)


def _missing(what):
    return iam._error(404, "NoSuchEntity", what)


def _find(parameters):
    found = _held.get(iam._p(parameters, "ServiceSpecificCredentialId"))
    user = iam._p(parameters, "UserName")
    return found if found and found["Account"] == get_account_id() and user in ("", found["UserName"]) else None


def _reset(one):
    """A new secret half; for an API key a token, else a password."""
    value = secrets.token_urlsafe(48)
    if one["ServiceName"] in API_KEYS:
        token = base64.b64encode(f"{one['ServiceCredentialAlias']}:{value}".encode()).decode()
        one["ServiceCredentialSecret"] = f"ABSK{token}"
    else:
        one["ServicePassword"] = value


def create(parameters):
    user, service = iam._p(parameters, "UserName"), iam._p(parameters, "ServiceName")
    if user not in iam._users:
        return _missing(f"The user with name {user} cannot be found.")
    if service not in SERVICES:
        return iam._error(404, "NotSupportedService", f"Service {service} does not support service-specific credentials.")
    there = _mine(user, service)
    if len(there) >= 2:
        return iam._error(409, "LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2")
    one = {"Account": get_account_id(), "UserName": user, "ServiceName": service, "Status": "Active",
           "ServiceSpecificCredentialId": iam._gen_id("ACCA"), "CreateDate": iam._now()}
    name = f"{user}-at-{one['Account']}" if not there else f"{user}+{secrets.randbelow(1000)}-at-{one['Account']}"
    one["ServiceCredentialAlias" if service in API_KEYS else "ServiceUserName"] = name
    days = iam._p(parameters, "CredentialAgeDays")
    if days:
        if service not in API_KEYS or not 1 <= int(days) <= 36600:
            return iam._error(400, "ValidationError", "CredentialAgeDays is for API keys, 1 to 36600")
        one["ExpirationDate"] = iam._future(int(days) * 86400)
    _reset(one)
    _held[one["ServiceSpecificCredentialId"]] = one
    body = _xml(one, "ServiceCredentialSecret", "ServicePassword")
    return iam._xml(200, "CreateServiceSpecificCredentialResponse",
                    f"<CreateServiceSpecificCredentialResult><ServiceSpecificCredential>{body}"
                    "</ServiceSpecificCredential></CreateServiceSpecificCredentialResult>")


def list_(parameters):
    user = iam._p(parameters, "UserName")
    if user not in iam._users:
        return _missing(f"The user with name {user} cannot be found.")
    members = "".join(f"<member>{_xml(one)}</member>" for one in _mine(user, iam._p(parameters, "ServiceName")))
    return iam._xml(200, "ListServiceSpecificCredentialsResponse",
                    f"<ListServiceSpecificCredentialsResult><ServiceSpecificCredentials>{members}"
                    "</ServiceSpecificCredentials><IsTruncated>false</IsTruncated></ListServiceSpecificCredentialsResult>")


def _on_found(verb, act):
    def handle(parameters):
        one = _find(parameters)
        if not one:
            return _missing("The service-specific credential cannot be found.")
        return act(one, parameters) or iam._xml(200, f"{verb}ServiceSpecificCredentialResponse", "")

    return handle


def _update(one, parameters):
    status = iam._p(parameters, "Status")
    if status not in ("Active", "Inactive"):
        return iam._error(400, "ValidationError", "Status is Active or Inactive")
    one["Status"] = status


def _renew(one, _parameters):
    _reset(one)
    body = _xml(one, "ServiceCredentialSecret", "ServicePassword")
    return iam._xml(200, "ResetServiceSpecificCredentialResponse",
                    f"<ResetServiceSpecificCredentialResult><ServiceSpecificCredential>{body}"
                    "</ServiceSpecificCredential></ResetServiceSpecificCredentialResult>")


HANDLERS = {
    "CreateServiceSpecificCredential": create,
    "ListServiceSpecificCredentials": list_,
    "UpdateServiceSpecificCredential": _on_found("Update", _update),
    "ResetServiceSpecificCredential": _on_found("Reset", _renew),
    "DeleteServiceSpecificCredential": _on_found("Delete", lambda one, _: _held.pop(one["ServiceSpecificCredentialId"]) and None),
}


def _lives(one):
    expires = one.get("ExpirationDate")
    return one["Status"] == "Active" and (not expires or expires > iam._now())


def _refusal(one, *wanted):
    """The message of the first permission that the user lacks, or None."""
    set_request_account_id(one["Account"])
    user = iam._users[one["UserName"]]
    policies = evaluator._gather_user_policies(one["UserName"], one["Account"])
    limits = evaluator._permissions_boundary(iam._users, one["UserName"], one["Account"])
    for action, resource in wanted:
        context = evaluator.EvalContext(
            principal_arn=user["Arn"], principal_type="User", principal_account=one["Account"], action=action,
            resource_arn=resource, region=get_region(), service_context={}, principal_keys={},
        )
        if evaluator.evaluate(context, policies, *limits).decision != "Allow":
            return f"User: {user['Arn']} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    return None


def list_models(authorization):
    """What users report of Bedrock (github.com/anomalyco/opencode/issues/47073): 403 and no error type for a key it does not take."""
    token = authorization.removeprefix("Bearer ")
    one = next((one for one in _held.values() if secrets.compare_digest(one.get("ServiceCredentialSecret", ""), token)), None)
    if not one or not _lives(one):
        return 403, {}, json.dumps({"Message": "Authentication failed: Please make sure your API Key is valid."}).encode()
    refusal = _refusal(one, ("bedrock:CallWithBearerToken", "*"), ("bedrock:ListFoundationModels", "*"))
    if refusal:
        return 403, {"x-amzn-errortype": "AccessDeniedException"}, json.dumps({"Message": refusal}).encode()
    status, headers, body = bedrock._list_foundation_models({})
    return status, headers, body


def git_references(authorization, path):
    """CodeCommit documents neither status; here a wrong credential and a missing permission both get 403."""
    name, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
    one = next((one for one in _held.values()
                if one.get("ServiceUserName") == name and secrets.compare_digest(one["ServicePassword"], password)), None)
    if not one or not _lives(one):
        return 403, {}, b""
    repository = path.split("/")[3]
    resource = f"arn:aws:codecommit:{get_region()}:{one['Account']}:{repository}"
    if _refusal(one, ("codecommit:GitPull", resource)):
        return 403, {}, b""
    return 200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, b"001e# service=git-upload-pack\n0000"


def _answer(scope):
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
    path = scope["path"]
    if scope["method"] != "GET":
        return None
    if path == "/foundation-models" and authorization.startswith("Bearer "):
        return list_models(authorization)
    if path.startswith("/v1/repos/") and path.endswith("/info/refs") and authorization.startswith("Basic "):
        return git_references(authorization, path)
    return None


async def serve(scope, receive, send):
    answer = _answer(scope) if scope["type"] == "http" else None
    if answer is None:
        return await _app(scope, receive, send)
    status, headers, body = answer
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def install():
    global _app
    iam._IAM_HANDLERS.update(HANDLERS)
    _app = app.app
    app.app = serve
