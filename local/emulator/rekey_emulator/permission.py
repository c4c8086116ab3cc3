"""Whether a resource policy lets an AWS service in, and a role that a service acts under. MiniStack delivers without asking."""
import json

import ministack.core.iam_evaluator as evaluator
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam


def service_may_invoke(function, function_arn, service, source_arn):
    """Evaluates the function's own policy for `lambda:InvokeFunction` by `service` on behalf of `source_arn`."""
    context = EvalContext(
        principal_arn="",
        principal_type="Service",
        principal_account=get_account_id(),
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )
    return evaluate_resource_policy(function.get("policy"), context, service=service).decision == "Allow"


def role_may_invoke(role_arn, function_arn, service, source_arn):
    """Whether `service` may assume the role on behalf of `source_arn`, and the role may invoke the function."""
    account, name = get_account_id(), role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None:
        return False
    common = {"principal_account": account, "region": get_region()}
    trusted = EvalContext(
        principal_arn="", principal_type="Service", action="sts:AssumeRole", resource_arn=role_arn, **common,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account},
    )
    if not _trusts(role["AssumeRolePolicyDocument"], trusted, service):
        return False
    allowed = EvalContext(
        principal_arn=role_arn, principal_type="AssumedRole", action="lambda:InvokeFunction", resource_arn=function_arn, **common,
    )
    return evaluator.evaluate(allowed, evaluator._gather_role_policies(name, account)).decision == "Allow"


def _trusts(document, context, service):
    """A trust policy names no resource: it is the role's own."""
    parsed = json.loads(document) if isinstance(document, str) else document
    statements = [{**statement, "Resource": "*"} for statement in parsed["Statement"]]
    return evaluate_resource_policy({**parsed, "Statement": statements}, context, service=service).decision == "Allow"
