"""Whether a resource policy lets an AWS service in. MiniStack delivers without asking."""
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region


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
