"""Notes which action each principal was allowed, so that a grant that nothing uses can fail a test."""
import ministack.core.iam_evaluator as evaluator

_evaluate = evaluator.evaluate
_used = set()


def evaluate(context, policies, *limits):
    result = _evaluate(context, policies, *limits)
    if result.decision == "Allow":
        _used.add((context.principal_arn, context.action))
    return result


def used():
    """Pairs of principal ARN and action, sorted."""
    return sorted(_used)


def install():
    evaluator.evaluate = evaluate
