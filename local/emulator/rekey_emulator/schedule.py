"""Rotation rules: what Secrets Manager accepts and when they next fall due. Pure.

Source: AWS, "Rotation schedules" (rotate-secrets_schedule.html): UTC, every four hours at most, windows start on the
hour, rate() in hours or days up to 999 days, cron(Minutes Hours Day-of-month Month Day-of-week Year), 1 is SUN.
One simplification: AWS lets a rate() window start at midnight; here an interval counts from the last rotation.
"""
import re
from datetime import datetime, timedelta, timezone

from cronsim import CronSim, CronSimError

SHORTEST = timedelta(hours=4)
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class BadSchedule(ValueError):
    """A schedule that AWS refuses; the message says what is wrong with it."""


def next_due(rules, now):
    """Epoch seconds of the next rotation after `now` (epoch seconds), or None without a schedule. Raises BadSchedule."""
    rules = rules or {}
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    _check_duration(rules.get("Duration"))
    if days is not None and expression:
        raise BadSchedule("You can't specify both AutomaticallyAfterDays and ScheduleExpression in RotationRules.")
    if days is not None:
        return now + _days(days) * 86400
    if expression is None:
        return None
    if rate := re.fullmatch(r"rate\((\d+) (hour|hours|day|days)\)", expression):
        return now + _rate(int(rate[1]), rate[2], expression)
    if cron := re.fullmatch(r"cron\((.+)\)", expression):
        return _cron(cron[1], expression, now)
    raise BadSchedule(f"The ScheduleExpression {expression!r} is not valid: use cron() or rate() in hours or days.")


def _check_duration(duration):
    if duration is not None and not re.fullmatch(r"([1-9]|1\d|2[0-4])h", duration):
        raise BadSchedule(f"The Duration {duration!r} is not valid: use hours, such as 3h.")


def _days(days):
    if not 1 <= int(days) <= 1000:
        raise BadSchedule("AutomaticallyAfterDays must be between 1 and 1000.")
    return int(days)


def _rate(count, unit, expression):
    seconds = count * (3600 if unit.startswith("hour") else 86400)
    if seconds < SHORTEST.total_seconds():
        raise BadSchedule(f"The ScheduleExpression {expression!r} is too frequent: the minimum is 4 hours.")
    if seconds > 999 * 86400:
        raise BadSchedule(f"The ScheduleExpression {expression!r} is too long: the maximum is 999 days.")
    return seconds


def _cron(fields, expression, now):
    parts = fields.upper().split()
    if len(parts) != 6:
        raise BadSchedule(f"The ScheduleExpression {expression!r} is not valid: cron() has six fields.")
    minute, hour, day, month, weekday, year = parts
    if minute != "0" or year != "*" or "?" not in (day, weekday):
        raise BadSchedule(
            f"The ScheduleExpression {expression!r} is not valid: minutes must be 0, the year must be *, "
            "and day-of-month or day-of-week must be ?."
        )
    line = " ".join((minute, _wild(hour), _wild(day), _wild(month), _weekday(_wild(weekday), expression)))
    start = datetime.fromtimestamp(now, timezone.utc)
    try:
        due = [moment for moment, _ in zip(CronSim(line, start), range(8))]
    except CronSimError as error:
        raise BadSchedule(f"The ScheduleExpression {expression!r} is not valid or not computed here: {error}.") from error
    if not due:
        raise BadSchedule(f"The ScheduleExpression {expression!r} never falls due.")
    if any(later - earlier < SHORTEST for earlier, later in zip(due, due[1:])):
        raise BadSchedule(f"The ScheduleExpression {expression!r} is too frequent: the minimum is 4 hours.")
    return int(due[0].timestamp())


def _wild(field):
    return "*" if field == "?" else re.sub(r"(^|,)/", r"\1*/", field)


def _weekday(field, expression):
    """AWS counts SUN as 1, cron as 0. The number behind # or / is no weekday."""
    def shift(found):
        number = int(found[0])
        if not 1 <= number <= 7:
            raise BadSchedule(f"The ScheduleExpression {expression!r} is not valid: weekdays are 1-7 or SUN-SAT.")
        return str(number - 1)

    shifted = re.sub(r"(?<![#/\d])\d+", shift, field)
    for number, name in enumerate(DAYS):
        shifted = shifted.replace(name, str(number))
    return shifted
