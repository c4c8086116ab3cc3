"""CloudFormation: two Secrets Manager types that MiniStack lacks, and properties that it accepts but drops."""
import json

from ministack.services import dynamodb, iam, s3
from ministack.services import lambda_svc as lam
from ministack.services import secretsmanager as sm
from ministack.services.cloudformation import provisioners

from .rotation import cancel_rotate_secret, rotate_secret

HANDLERS = provisioners._RESOURCE_HANDLERS


def _true(value):
    return str(value).lower() == "true"


def _must(answer, what):
    if answer[0] >= 400:
        raise ValueError(f"{what}: {answer[2][:300]!r}")


# AWS::SecretsManager::RotationSchedule ------------------------------------------------------------------------------
def schedule_create(logical_id, props, stack):
    rules = dict(props.get("RotationRules") or {})
    if "AutomaticallyAfterDays" in rules:
        rules["AutomaticallyAfterDays"] = int(rules["AutomaticallyAfterDays"])
    request = {
        "SecretId": props["SecretId"],
        "RotationLambdaARN": props.get("RotationLambdaARN"),
        "RotationRules": rules,
        "RotateImmediately": _true(props.get("RotateImmediatelyOnUpdate", True)),
    }
    _must(rotate_secret(request), "AWS::SecretsManager::RotationSchedule")
    return props["SecretId"], {"Id": props["SecretId"]}


def schedule_update(physical_id, old, new, stack):
    return schedule_create(physical_id, new, stack)


def schedule_delete(physical_id, props):
    cancel_rotate_secret({"SecretId": physical_id})


# AWS::SecretsManager::ResourcePolicy --------------------------------------------------------------------------------
def policy_create(logical_id, props, stack):
    policy = {"SecretId": props["SecretId"], "ResourcePolicy": json.dumps(props["ResourcePolicy"])}
    _must(sm._put_resource_policy(policy), "AWS::SecretsManager::ResourcePolicy")
    return props["SecretId"], {"Id": props["SecretId"]}


def policy_update(physical_id, old, new, stack):
    return policy_create(physical_id, new, stack)


def policy_delete(physical_id, props):
    sm._delete_resource_policy({"SecretId": props["SecretId"]})


# AWS::SecretsManager::Secret: its Ref is the full ARN ---------------------------------------------------------------
def _secret_by_arn():
    stock = HANDLERS["AWS::SecretsManager::Secret"]

    def name_of(physical_id):
        return sm._resolve(physical_id)[0] or physical_id

    def create(logical_id, props, stack):
        _, attributes = stock["create"](logical_id, props, stack)
        return attributes["Arn"], attributes

    def update(physical_id, old, new, stack, logical_id=None):
        _, attributes = stock["update"](name_of(physical_id), old, new, stack, logical_id)
        return attributes["Arn"], attributes

    def delete(physical_id, props):
        stock["delete"](name_of(physical_id), props)

    return {**stock, "create": create, "update": update, "delete": delete}


# Properties that stock drops ----------------------------------------------------------------------------------------
def _after(resource_type, finish):
    """Runs `finish(physical_id, props)` after each create and update."""
    stock = HANDLERS[resource_type]

    def create(logical_id, props, stack):
        made = stock["create"](logical_id, props, stack)
        finish(made[0], props)
        return made

    def update(physical_id, old, new, stack, *logical_id):
        made = stock["update"](physical_id, old, new, stack, *logical_id)
        finish(made[0], new)
        return made

    HANDLERS[resource_type] = {**stock, "create": create, **({"update": update} if "update" in stock else {})}


def finish_function(physical_id, props):
    function = lam._functions.get(physical_id.rsplit(":", 1)[-1])
    if not function:
        raise ValueError(f"AWS::Lambda::Function {physical_id}: created, but not found")
    reserved = props.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    if props.get("DeadLetterConfig"):
        function["config"]["DeadLetterConfig"] = props["DeadLetterConfig"]


def finish_table(physical_id, props):
    ttl = props.get("TimeToLiveSpecification")
    if ttl:
        setting = {"AttributeName": ttl["AttributeName"], "Enabled": _true(ttl.get("Enabled", True))}
        _must(dynamodb._update_ttl({"TableName": physical_id, "TimeToLiveSpecification": setting}), "TimeToLive")
    replicas = [r for r in props.get("Replicas", []) if r.get("PointInTimeRecoverySpecification")]
    recovery = (replicas[0] if replicas else props).get("PointInTimeRecoverySpecification")
    if recovery:
        setting = {"PointInTimeRecoveryEnabled": _true(recovery.get("PointInTimeRecoveryEnabled"))}
        request = {"TableName": physical_id, "PointInTimeRecoverySpecification": setting}
        _must(dynamodb._update_continuous_backups(request), "PointInTimeRecovery")


def finish_bucket(physical_id, props):
    if not _true(props.get("ObjectLockEnabled")):
        return
    retention = ((props.get("ObjectLockConfiguration") or {}).get("Rule") or {}).get("DefaultRetention") or {}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in retention.items())
    rule = f"<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>" if inner else ""
    body = f"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
    _must(s3._put_object_lock_configuration(physical_id, body.encode()), "ObjectLock")


def finish_role(physical_id, props):
    role = iam._roles[physical_id]
    boundary = props.get("PermissionsBoundary")
    if boundary:
        role["PermissionsBoundary"] = boundary
    else:
        role.pop("PermissionsBoundary", None)


def install():
    HANDLERS["AWS::SecretsManager::RotationSchedule"] = {
        "create": schedule_create, "update": schedule_update, "delete": schedule_delete,
    }
    HANDLERS["AWS::SecretsManager::ResourcePolicy"] = {
        "create": policy_create, "update": policy_update, "delete": policy_delete,
    }
    HANDLERS["AWS::SecretsManager::Secret"] = _secret_by_arn()
    _after("AWS::Lambda::Function", finish_function)
    _after("AWS::S3::Bucket", finish_bucket)
    _after("AWS::IAM::Role", finish_role)
    for table in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        _after(table, finish_table)
