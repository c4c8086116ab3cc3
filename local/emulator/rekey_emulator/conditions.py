"""Condition keys and resources that the policies of Rekey's bucket, key and queue rest on."""
import json
import re

import ministack.core.iam_actions as actions
import ministack.core.iam_evaluator as evaluator
from ministack.services import iam, kms

_SESSION = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/")


def _conditions_of(iam_action, headers):
    if iam_action != "s3:PutObject":
        return {}
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    return {f"s3:{name}": sent[name] for name in ("if-none-match", "if-match") if sent.get(name)}


def _sources_of(body):
    """Whose events a PutEvents brings (EventBridge user guide, "Using condition keys")."""
    sources = sorted({str(entry.get("Source")) for entry in json.loads(body or b"{}").get("Entries", [])})
    return {"events:source": sources[0] if len(sources) == 1 else sources} if sources else {}


def _role_of(arn):
    session = _SESSION.match(arn or "")
    if not session:
        return arn
    role = iam._roles.get_scoped(session["account"], None, session["role"]) or {}
    return role.get("Arn") or f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"


def install():
    """Wraps what stands there now: other patches come first."""
    resolve, object_context = evaluator._resolve_condition_key, actions._s3_object_context
    resource_arn, tags = actions.extract_resource_arn, actions.request_tag_context

    def resolve_condition_key(key, context):
        """aws:PrincipalArn of a session is its role's ARN (IAM user guide, global condition keys)."""
        found = resolve(key, context)
        return _role_of(found) if key.lower() == "aws:principalarn" else found

    def s3_object_context(iam_action, query_params, path, headers):
        """A conditional write's header, absent without it (S3 user guide, conditional-writes-enforce)."""
        context = object_context(iam_action, query_params, path, headers)
        return {**context, **_conditions_of(iam_action, headers)}

    def extract_resource_arn(service, *request):
        """KMS authorises a call by alias on the key behind it (KMS developer guide, alias authorization)."""
        arn = resource_arn(service, *request)
        key = kms._resolve_key(arn.rsplit(":", 1)[-1]) if service == "kms" and ":alias/" in (arn or "") else None
        return key["Arn"] if key else arn

    def request_tag_context(service, iam_action, body, params):
        found = tags(service, iam_action, body, params)
        return {**found, **_sources_of(body)} if iam_action == "events:PutEvents" else found

    actions.request_tag_context = request_tag_context
    evaluator._resolve_condition_key = resolve_condition_key
    actions._s3_object_context, actions.extract_resource_arn = s3_object_context, extract_resource_arn
