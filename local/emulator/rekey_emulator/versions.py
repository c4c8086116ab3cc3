"""Secrets Manager's version rules that MiniStack is lax about, and the fields it leaves out."""
import json

from ministack.core.responses import json_response
from ministack.services import secretsmanager as sm

from .replies import refuse

_create, _get, _put, _describe = sm._create_secret, sm._get_secret_value, sm._put_secret_value, sm._describe_secret
_list, _list_versions = sm._list_secrets, sm._list_secret_version_ids
ROTATION_FIELDS = ("NextRotationDate", "LastRotatedDate")


def is_valueless(version):
    """A version that RotateSecret made and createSecret has not filled: labelled, but with no value to get."""
    return version is not None and version.get("SecretString") is None and version.get("SecretBinary") is None


def create_secret(data):
    """The ClientRequestToken names the first version; without a value there is no version."""
    answer = _create(data)
    _, secret = sm._resolve(data.get("Name"))
    if answer[0] != 200 or not secret:
        return answer
    ((made, version),) = secret["Versions"].items()
    wanted = data.get("ClientRequestToken") or made
    secret["Versions"] = {} if is_valueless(version) else {wanted: version}
    body = {"ARN": secret["ARN"], "Name": secret["Name"]}
    return json_response(body if is_valueless(version) else {**body, "VersionId": wanted})


def get_secret_value(data):
    """VersionId and VersionStage must name the same version; a version without a value is not found."""
    _, secret = sm._resolve(data.get("SecretId"))
    if secret and not secret.get("DeletedDate"):
        wanted, stage = data.get("VersionId"), data.get("VersionStage")
        version = secret["Versions"].get(wanted) if wanted else sm._find_stage_version(secret, stage or "AWSCURRENT")[1]
        if is_valueless(version) or (wanted and version and stage and stage not in version["Stages"]):
            named = f"VersionId: {wanted}" if wanted else f"staging label: {stage or 'AWSCURRENT'}"
            return refuse("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {named}")
    return _get(data)


def put_secret_value(data):
    """A token that already has a value is repeated or refused, never overwritten; a label lives on one version."""
    _, secret = sm._resolve(data.get("SecretId"))
    token = data.get("ClientRequestToken")
    known = secret["Versions"].get(token) if secret and token else None
    if known and not is_valueless(known):
        return _repeat(secret, token, known, data)
    if secret and not secret["Versions"] and "AWSCURRENT" not in data.get("VersionStages", ["AWSCURRENT"]):
        data = {**data, "VersionStages": [*data["VersionStages"], "AWSCURRENT"]}
    answer = _put(data)
    if secret and answer[0] == 200:
        made = json.loads(answer[2])["VersionId"]
        for label in data.get("VersionStages", ()):
            if label != "AWSCURRENT":
                sm._remove_stage_everywhere(secret, label, made)
                sm._add_stage(secret, made, label)
    return answer


def _repeat(secret, token, known, data):
    if any(known.get(field) != data.get(field) for field in ("SecretString", "SecretBinary")):
        return refuse(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
            f"{secret['ARN']}.",
        )
    return json_response(
        {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": list(known["Stages"])}
    )


def _with(answer, change):
    if answer[0] != 200:
        return answer
    body = json.loads(answer[2])
    change(body)
    return json_response(body)


def describe_secret(data):
    _, secret = sm._resolve(data.get("SecretId"))
    return _with(_describe(data), lambda body: body.update(_rotation(secret, ROTATION_FIELDS)))


def list_secrets(data):
    def complete(body):
        for entry in body["SecretList"]:
            _, secret = sm._resolve(entry["ARN"])
            entry.update(_rotation(secret, (*ROTATION_FIELDS, "RotationLambdaARN", "RotationRules")))

    return _with(_list(data), complete)


def _rotation(secret, fields):
    return {field: secret[field] for field in fields if secret and secret.get(field)}


def list_secret_version_ids(data):
    """Versions without a label are deprecated: listed only when asked for."""
    def prune(body):
        if not data.get("IncludeDeprecated"):
            body["Versions"] = [version for version in body["Versions"] if version["VersionStages"]]

    return _with(_list_versions(data), prune)


def install():
    sm._create_secret, sm._get_secret_value, sm._put_secret_value = create_secret, get_secret_value, put_secret_value
    sm._describe_secret, sm._list_secrets, sm._list_secret_version_ids = describe_secret, list_secrets, list_secret_version_ids
