"""CloudTrail names who called as AWS does, and looks up in pages.

Sources: AWS, "CloudTrail userIdentity element" and "LookupEvents" (pages of 50, NextToken).
"""
import json

import ministack.services.cloudtrail as cloudtrail
from ministack.core.iam_evaluator import resolve_caller_identity

_record_event = cloudtrail.record_event
_lookup_events = cloudtrail._lookup_events
_PAGE = 50


def _identity(access_key_id):
    caller = resolve_caller_identity(access_key_id)
    if caller is None:
        return None
    arn, account = caller["userArn"], caller["accountId"]
    common = {"principalId": caller["userId"], "arn": arn, "accountId": account, "accessKeyId": access_key_id}
    if ":assumed-role/" in arn:
        role = arn.split("/")[1]
        issuer = {
            "type": "Role",
            "principalId": caller["userId"].split(":")[0],
            "arn": f"arn:aws:iam::{account}:role/{role}",
            "accountId": account,
            "userName": role,
        }
        return {"type": "AssumedRole", **common, "sessionContext": {"sessionIssuer": issuer}}
    if arn.endswith(":root"):
        return {"type": "Root", **common}
    return {"type": "IAMUser", **common, "userName": arn.split("/")[-1]}


def record_event(*args, **kwargs):
    _record_event(*args, **kwargs)
    identity = _identity(kwargs.get("access_key_id"))
    if identity is None:
        return
    last = cloudtrail._get_event_queue()[-1]
    event = json.loads(last["CloudTrailEvent"])
    last["CloudTrailEvent"] = json.dumps({**event, "userIdentity": identity})


def lookup_events(body):
    """All that is asked for, cut into pages: MiniStack answers the newest 50 and no token."""
    size = min(int(body.get("MaxResults") or _PAGE), _PAGE)
    start = int(body.get("NextToken") or 0)
    found = []
    end = body.get("EndTime")
    while True:
        asked = {**body, "MaxResults": _PAGE, **({"EndTime": end} if end is not None else {})}
        status, headers, text = _lookup_events(asked)
        page = json.loads(text).get("Events") if status == 200 else None
        if page is None:
            return status, headers, text
        seen = {one["EventId"] for one in found}
        fresh = [one for one in page if one["EventId"] not in seen]
        found += fresh
        if len(page) < _PAGE or not fresh or len(found) > start + size:
            break
        end = page[-1]["EventTime"]
    part = found[start : start + size]
    more = len(found) > start + size
    return cloudtrail._ok({"Events": part, **({"NextToken": str(start + size)} if more else {})})


def install():
    cloudtrail.record_event = record_event
    cloudtrail._DISPATCH["LookupEvents"] = lookup_events
