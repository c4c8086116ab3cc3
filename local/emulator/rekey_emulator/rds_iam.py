"""IAM database authentication as an RDS host asks for it: `POST /_rekey/rds-connect`, ours, not AWS's.

MiniStack checks tokens for the MySQL servers that it starts in containers; ours is a PostgreSQL beside it, which says
in the request what it is: its endpoint, resource id and tags. A token is a presigned `connect` of service rds-db that
lives 15 minutes (RDS user guide, "IAM database authentication"); `rds-db:connect` is then asked of its signer, on
`dbuser:<resource id>/<user>` and with `aws:ResourceTag` (service authorization reference, Amazon RDS IAM Authentication).
"""
import json
import re
import time

import ministack.app as app
import ministack.core.iam_evaluator as evaluator
from ministack.core.rds_iam import RdsIamTokenError, verify_rds_iam_token
from ministack.core.responses import request_scope
from ministack.services import sts

_app = app.app
_KEY = re.compile(r"X-Amz-Credential=(\w+)")
_FUNCTION_S = 12 * 3600


def _let_end(token):
    """A function's session has no end here, and a token of one without is refused; AWS's ends after hours."""
    key = _KEY.search(token)
    session = sts._sessions.get(key[1]) if key else None
    if session is not None and session.get("Expiration") is None:
        session["Expiration"] = time.time() + _FUNCTION_S


def refusal(asked):
    """Why RDS does not take the token; None when it does."""
    account, region, user = asked["account"], asked["region"], asked["user"]
    _let_end(asked["token"])
    verified = verify_rds_iam_token(
        asked["token"], hostname=asked["host"], port=asked["port"], db_user=user, region=region, account_id=account,
    )
    if isinstance(verified, RdsIamTokenError):
        return verified.code
    with request_scope(account, region):
        principal = evaluator.resolve_principal(verified.access_key_id, account)
        if isinstance(principal, evaluator.AuthError):
            return principal.code
        if principal.policies is None:
            return None
        context = evaluator.EvalContext(
            principal_arn=principal.arn, principal_type=principal.type, principal_account=account,
            action="rds-db:connect", resource_arn=f"arn:aws:rds-db:{region}:{account}:dbuser:{asked['resource']}/{user}",
            region=region, principal_keys=principal.keys,
            service_context={f"aws:resourcetag/{name.lower()}": value for name, value in asked.get("tags", {}).items()},
        )
        decision = evaluator.evaluate(context, principal.policies, *principal.limits).decision
    return None if decision == "Allow" else decision


async def serve(scope, receive, send):
    if scope["type"] != "http" or scope["path"] != "/_rekey/rds-connect" or scope["method"] != "POST":
        return await _app(scope, receive, send)
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    answer = json.dumps({"refused": refusal(json.loads(body))}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": answer})


def install():
    global _app
    _app = app.app
    app.app = serve
