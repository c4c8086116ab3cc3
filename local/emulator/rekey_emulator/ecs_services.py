"""ECS services and tasks by their ARN (service authorization reference, ECS): stock MiniStack authorises calls about them as their cluster."""
import json

from ministack.core import iam_actions

_arn = iam_actions.extract_resource_arn


def _named(body):
    try:
        asked = json.loads(body or b"{}")
    except json.JSONDecodeError:
        return None
    task = asked.get("task") or (asked.get("tasks") or [None])[0]
    if task and str(task).startswith("arn:"):
        return task
    # CreateService names its service otherwise, and is not ours to authorise.
    name = asked.get("service") or (asked.get("services") or [None])[0]
    return f"service/{asked.get('cluster') or 'default'}/{name}" if name else None


def extract_resource_arn(service, method, path, headers, body, parameters, region, account):
    found = _arn(service, method, path, headers, body, parameters, region, account)
    named = _named(body) if service == "ecs" else None
    if not named or named.startswith("arn:"):
        return named or found
    return f"arn:aws:ecs:{region}:{account}:{named}"


def install():
    global _arn
    _arn, iam_actions.extract_resource_arn = iam_actions.extract_resource_arn, extract_resource_arn
