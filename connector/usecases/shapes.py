"""The JSON shapes of the doors: one function per noun, the same for the CLI and the admin API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from sync import quarantine
from sync.model.administration import Application
from sync.model.change import zero_counts
from sync.model.connection import Connection
from sync.model.run import Run, StoredPlan, Target
from sync.model.source import Right
from sync.store.standing import Standing


def at(moment: datetime | None) -> str | None:
    """A time as JSON says it: UTC, whole seconds, ``Z``."""
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def run(one: Run) -> dict[str, Any]:
    return {
        "run_id": one.id,
        "connection": one.connection,
        "trigger": one.trigger,
        "mode": one.mode.value,
        "state": one.state.value,
        "phase": one.phase.value if one.phase and not one.state.ended else None,
        "dry_run": one.dry_run,
        "complete": one.complete,
        "reasons": list(one.reasons),
        "plan_id": one.plan_id,
        "counts": zero_counts() | dict(one.counts),
        "pages": one.pages,
        "requests": one.requests,
        "throttled_s": round(one.throttled_s, 3),
        "people": one.people,
        "applied": one.applied,
        "to_apply": one.to_apply,
        "duration_s": None if one.duration_s is None else round(one.duration_s, 3),
        "target": _target(one.target),
        "trace": [dict(subject) for subject in one.trace],
        "error": one.error,
        "error_kind": one.error_kind,
        "requested_by": one.requested_by,
        "requested_at": at(one.requested_at),
        "started_at": at(one.started_at),
        "ended_at": at(one.ended_at),
    }


def _target(named: Target) -> dict[str, Any] | None:
    return {"users": sorted(named.users), "groups": sorted(named.groups)} if named else None


def plan(one: StoredPlan) -> dict[str, Any]:
    """A plan as lists show it, without its items."""
    return {
        "plan_id": one.id,
        "run_id": one.run_id,
        "connection": one.connection,
        "mode": one.mode.value,
        "state": one.state.value,
        "complete": one.complete,
        "verdict": one.verdict.value,
        "reasons": list(one.reasons),
        "hash": one.hash,
        "counts": zero_counts() | dict(one.counts),
        "created_at": at(one.created_at),
        "decided_by": one.decided_by,
        "decided_at": at(one.decided_at),
        "comment": one.comment,
    }


def connection(one: Connection, further: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A connection without its secrets: only the names of those that are sealed."""
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type,
        "mode": one.mode.value,
        "state": one.state,
        "from_file": one.from_file,
        "settings": dict(one.settings),
        "sealed": sorted(one.sealed),
        "tenant": one.tenant,
        "first_run_approved": one.first_run_approved,
        "last_complete_at": at(one.last_complete_at),
        "next_full_at": at(one.next_full_at),
        "next_delta_at": at(one.next_delta_at),
        "next_run_at": at(one.next_run_at),
        "trouble": trouble(one),
        "created_at": at(one.created_at),
        "revision": revision(one),
    } | dict(further or {})


def trouble(one: Connection) -> dict[str, Any] | None:
    """Why the connection's runs fail, and what helps; None while they do not."""
    if one.trouble is None:
        return None
    return {
        "quarantined": one.trouble.quarantined,
        "failures": one.trouble.failures,
        "since": at(one.trouble.since),
        "error": one.trouble.why,
        "error_kind": one.trouble.kind,
        "remedy": quarantine.remedy(one.trouble, one.name),
        "retry_at": at(one.trouble.retry_at),
    }


def revision(one: Connection) -> str:
    """Changes with every change an admin makes to the connection, and with nothing else."""
    said = [one.name, one.mode.value, one.enabled, dict(one.settings), dict(one.sealed), one.managed_tag]
    digest = blake2b(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), digest_size=8)
    return digest.hexdigest()


def standing(one: Standing) -> dict[str, Any]:
    """What a connection's newest run, held plan and last push are."""
    return {
        "last_run": run(one.last_run) if one.last_run else None,
        "held_plan": one.held_plan,
        "last_push_at": at(one.last_push_at),
    }


def application(one: Application) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "active": one.is_active, "scope": f"app:{one.id}"}


def right(one: Right) -> dict[str, Any]:
    return {"name": one.name, "state": one.state.value, "detail": one.detail}
