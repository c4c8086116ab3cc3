"""The service events that Secrets Manager writes to CloudTrail, and so to the default bus.

Source: AWS, "Secrets Manager entries in CloudTrail": RotationStarted, RotationSucceeded, RotationFailed.
"""
import json
import time
import uuid

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge as bus


def emit(secret, name):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    detail = {
        "eventVersion": "1.05",
        "userIdentity": {"accountId": get_account_id(), "invokedBy": "secretsmanager.amazonaws.com"},
        "eventTime": now,
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name,
        "awsRegion": get_region(),
        "requestParameters": None,
        "responseElements": None,
        "additionalEventData": {"SecretId": secret["ARN"]},
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "recipientAccountId": get_account_id(),
    }
    bus._dispatch_event({
        "EventId": str(uuid.uuid4()),
        "Source": "aws.secretsmanager",
        "DetailType": "AWS Service Event via CloudTrail",
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": now,
        "Resources": [],
        "Account": get_account_id(),
        "Region": get_region(),
    })
