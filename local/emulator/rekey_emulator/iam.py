"""IAM: condition keys that MiniStack does not resolve, loopback as secure transport, two access keys a user."""
import re

import ministack.app as app
import ministack.core.iam_evaluator as evaluator
from ministack.services import iam
from ministack.services.tagging import resource_tags

_resolve, _pin, _create_key = evaluator._resolve_condition_key, evaluator.pin_request_origin, iam._create_access_key
_SERVICE_TAG = re.compile(r"(aws|[a-z0-9]+):resourcetag/(.+)")


def resolve_condition_key(key, context):
    """`<service>:ResourceTag/x` is `aws:ResourceTag/x`; both hold in boundaries and resource policies too."""
    found = _resolve(key, context)
    tag = _SERVICE_TAG.fullmatch(key.lower())
    if found is not None or not tag:
        return found
    if tag[1] not in ("aws", context.action.split(":")[0].lower()):
        return None
    tags = resource_tags(context.resource_arn) or {}
    return next((value for name, value in tags.items() if name.lower() == tag[2]), None)


def pin_request_origin(source_ip, secure_transport):
    """Loopback HTTP stands for TLS: CDK's bootstrap bucket and enforceSSL deny anything else."""
    _pin(source_ip, True)


def create_access_key(parameters):
    """IAM allows two access keys a user; a rotator that leaks one must meet that limit here too."""
    user = iam._p(parameters, "UserName")
    if user and sum(1 for key in iam._access_keys.values() if key["UserName"] == user) >= 2:
        return iam._error(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", ns="iam")
    return _create_key(parameters)


def install():
    evaluator._resolve_condition_key = resolve_condition_key
    evaluator.pin_request_origin = app.pin_request_origin = pin_request_origin
    iam._create_access_key = create_access_key
    for table in vars(iam).values():
        if isinstance(table, dict) and table.get("CreateAccessKey") is _create_key:
            table["CreateAccessKey"] = create_access_key
