"""ECS services by their ARN (service authorization reference, ECS): stock MiniStack authorises calls about them as their cluster."""
import json

from ministack.core import iam_actions

_arn = iam_actions.extract_resource_arn


def _service(body):
    try:
        asked = json.loads(body or b"{}")
    except json.JSONDecodeError:
        return None
    # CreateService names its service otherwise, and is not ours to authorise.
    name = asked.get("service") or (asked.get("services") or [None])[0]
    return f"{asked.get('cluster') or 'default'}/{name}" if name else None


def extract_resource_arn(service, method, path, headers, body, parameters, region, account):
    found = _arn(service, method, path, headers, body, parameters, region, account)
    named = _service(body) if service == "ecs" else None
    return f"arn:aws:ecs:{region}:{account}:service/{named}" if named else found


def install():
    global _arn
    _arn, iam_actions.extract_resource_arn = iam_actions.extract_resource_arn, extract_resource_arn
