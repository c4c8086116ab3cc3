"""Secrets Manager's answers in MiniStack's shape: (status, headers, body)."""
from ministack.core.responses import error_response_json


def refuse(code, message):
    return error_response_json(code, message, 400)


def not_found():
    return refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def invalid(message):
    return refuse("InvalidParameterException", message)


def conflicting(message):
    return refuse("InvalidRequestException", message)
