"""Organizations: service control policies bind member accounts, and calls about a policy are authorised on its ARN.

Sources: AWS, Organizations user guide, "SCP evaluation" (each level above an account has to allow, an explicit deny at any
wins; the management account and service-linked roles are not bound) and "Quotas"; service authorization reference,
"Actions, resources, and condition keys for AWS Organizations".
"""
import json

import ministack.core.iam_actions as actions
import ministack.core.iam_evaluator as evaluator
from ministack.core.responses import error_response_json
from ministack.services import organizations

_QUOTA = 10_240


def _management_of(account):
    """The account in whose organization this one is a member; None for one that nothing binds."""
    return next((owner for (owner, member) in list(organizations._accounts._data) if member == account != owner), None)


def _levels(management, account):
    """The account, then each unit above it, then the root."""
    at, levels = account, []
    while at:
        levels.append(at)
        record = organizations._ous.get_scoped(management, None, at) or organizations._accounts.get_scoped(management, None, at)
        at = (record or {}).get("_ParentId") or (record or {}).get("ParentId")
    return levels


def _attached(management, target):
    for (owner, policy), targets in list(organizations._attachments._data.items()):
        found = organizations._policies.get_scoped(management, None, policy) if owner == management and target in targets else None
        if found and found["Type"] == "SERVICE_CONTROL_POLICY":
            yield evaluator.parse_policy_document(found["_Content"])


def limits_on(context):
    management = _management_of(context.principal_account)
    if management is None or "/AWSServiceRoleFor" in context.principal_arn:
        return []
    return [list(_attached(management, level)) for level in _levels(management, context.principal_account)]


def _policy_arn(body):
    asked = json.loads(body or b"{}")
    policy = organizations._policies.get(asked.get("PolicyId") or "")
    child = asked.get("ChildId") or ""
    found = policy or organizations._accounts.get(child) or organizations._ous.get(child)
    return found and found["Arn"]


def install():
    """Wraps what stands there now: other patches come first."""
    evaluate, resource_arn, update = evaluator.evaluate, actions.extract_resource_arn, organizations._update_policy

    def evaluate_within(context, policies, *limits):
        return evaluate(context, policies, *limits, *limits_on(context))

    def extract_resource_arn(service, *request):
        found = resource_arn(service, *request)
        # method, path, headers, body, query parameters
        return (_policy_arn(request[3]) or found) if service == "organizations" else found

    def update_policy(payload):
        if len(payload.get("Content") or "") > _QUOTA:
            status, headers, body = error_response_json("ConstraintViolationException", "The policy is too long.", 400)
            return status, headers, json.dumps({**json.loads(body), "Reason": "POLICY_CONTENT_LIMIT_EXCEEDED"}).encode()
        return update(payload)

    evaluator.evaluate = evaluate_within
    actions.extract_resource_arn = extract_resource_arn
    organizations._update_policy = update_policy
    for table in vars(organizations).values():
        if isinstance(table, dict) and table.get("UpdatePolicy") is update:
            table["UpdatePolicy"] = update_policy
