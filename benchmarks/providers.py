"""What a provider costs beside a bare download: a full read, and the very same requests replayed.

    python -m benchmarks.providers                          # every vendor, 10,000 people, no latency
    python -m benchmarks.providers --vendor azure --latency 0.08 --users 1000 --groups 60

A first read is recorded; then a keep-alive client sends the same requests one after the other and keeps
nothing, and the provider reads again. Each runs in a process of its own, on one simulator. With a latency
the vendor's own limits are in force, and the wall time stands beside the least that limits and latency allow.
Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Measured = dict[str, Any]
Sent = Mapping[str, Any]
"""One recorded request: method, url, headers, body."""

AT_ONCE = 4
"""Requests under way at a time, at most (``providers.pace.WIDEST``)."""


def _one_bucket(_sent: Sent) -> tuple[str, int]:
    return "all", 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """How one vendor is measured.

    ``limits`` names the simulator's limits for runs with latency; ``share`` is what a provider may use of
    them, ``per_window`` what that comes to by bucket, ``bucket`` what a request takes out of which. A
    vendor that has no limits there is held against latency alone. ``is_chained`` says that each page of a
    list names the next one, so that they cannot be under way together.
    """

    limits: str = "generous"
    window_s: float = 60.0
    per_window: Mapping[str, float] = field(default_factory=dict)
    bucket: Callable[[Sent], tuple[str, int]] = _one_bucket
    is_chained: bool = False


def _okta(sent: Sent) -> tuple[str, int]:
    return sent["url"].split("/api/v1/")[-1].split("?")[0].split("/")[0], 1


def _graph(sent: Sent) -> tuple[str, int]:
    if sent["url"].endswith("/$batch"):
        return "units", 2 * len(json.loads(sent["body"])["requests"])
    return "units", 1


VENDORS = {
    "okta": Vendor(
        limits="enterprise",
        per_window={"users": 600 * 0.5 * 0.4, "groups": 600 * 0.5 * 0.4},
        bucket=_okta,
        is_chained=True,
    ),
    "azure": Vendor(
        limits="large", window_s=10.0, per_window={"units": 8000 * 0.4}, bucket=_graph, is_chained=True
    ),
    "onelogin": Vendor(),
    "jumpcloud": Vendor(),
    "scim": Vendor(),
}


def main() -> None:
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(_CHILDREN[arguments.child](arguments)))
        return
    names = arguments.vendor or list(VENDORS)
    print(json.dumps({name: measure(name, arguments) for name in names}, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vendor", choices=VENDORS, action="append")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--memberships", type=int, default=None)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kind; the median counts")
    for hidden in ("--child", "--settings", "--type", "--record"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(name: str, arguments: argparse.Namespace) -> Measured:
    """One vendor: the read, the replay, and how they compare."""
    with _simulator(name, arguments) as settings, tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "requests.json"

        def child(kind: str) -> Measured:
            command = [sys.executable, "-m", "benchmarks.providers", "--child", kind, "--type", name]
            command += ["--settings", json.dumps(settings), "--record", str(record)]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            return dict(json.loads(out.splitlines()[-1]))

        child("record")  # the simulator makes each record when it is first read
        if arguments.latency:
            vendor, sent = VENDORS[name], json.loads(record.read_text())
            if vendor.per_window:
                time.sleep(vendor.window_s)  # what the recorded read has spent is no limit to the next
            found = _with_latency(vendor, child("read"), sent, arguments.latency)
            if found["least_by_limits_s"]:
                return found
            answered = _by_answers(vendor, sent, child("bare")["each_s"])
            in_this_time = round(found["provider"]["seconds"] / answered, 2)
            return found | {"least_by_answers_s": round(answered, 2), "times_least_by_answers": in_this_time}
        rounds = [(child("bare"), child("read")) for _ in range(arguments.repeat)]
    bare, read = (_medians(each) for each in zip(*rounds, strict=True))
    del bare["each_s"]
    return {
        "bare": bare,
        "provider": read,
        "times_bare": round(read["seconds"] / bare["seconds"], 2),
        "cpu_times_bare": round(read["cpu_seconds"] / bare["cpu_seconds"], 2),
    }


def _with_latency(vendor: Vendor, read: Measured, sent: Sequence[Sent], latency_s: float) -> Measured:
    by_latency_s = _by_latency(vendor, sent, latency_s)
    least_s = max(by_latency_s, _by_limits(vendor, sent))
    return {
        "provider": read,
        "requests": len(sent),
        "least_by_latency_s": round(by_latency_s, 2),
        "least_by_limits_s": round(_by_limits(vendor, sent), 2),
        "times_least": round(read["seconds"] / least_s, 2),
    }


def _by_latency(vendor: Vendor, sent: Sequence[Sent], latency_s: float) -> float:
    """A few requests are under way at a time; pages that name the next one follow each other."""
    walks = Counter(each["url"].split("?")[0] for each in sent if each["method"] == "GET")
    return latency_s * max([len(sent) / AT_ONCE, *(walks.values() if vendor.is_chained else ())])


def _by_answers(vendor: Vendor, sent: Sequence[Sent], each_s: Sequence[float]) -> float:
    """The same with what the answers took a bare client: the simulator works too, and others may."""
    walks: dict[str, float] = {}
    for request, took_s in zip(sent, each_s, strict=True):
        if request["method"] == "GET" and vendor.is_chained:
            path = request["url"].split("?")[0]
            walks[path] = walks.get(path, 0.0) + took_s
    return max([sum(each_s) / AT_ONCE, *walks.values()])


def _by_limits(vendor: Vendor, sent: Sequence[Sent]) -> float:
    """Windows that have to be waited out before the last request may leave."""
    spent: Counter[str] = Counter()
    for each in sent:
        name, cost = vendor.bucket(each)
        spent[name] += cost
    waits = [math.ceil(spent[name] / allowed) - 1 for name, allowed in vendor.per_window.items()]
    return max([0, *waits]) * vendor.window_s


def _medians(measured: Sequence[Measured]) -> Measured:
    seconds = statistics.median(each["seconds"] for each in measured)
    return measured[-1] | {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(statistics.median(each["cpu_seconds"] for each in measured), 3),
        "peak_mib": max(each["peak_mib"] for each in measured),
        "pages_per_s": round(measured[-1]["pages"] / seconds),
    }


@contextmanager
def _simulator(name: str, arguments: argparse.Namespace) -> Iterator[dict[str, str]]:
    """The directory in a process of its own, ended by us; gives the settings that connect to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    limits = VENDORS[name].limits if arguments.latency else "generous"
    sizes = {"users": arguments.users, "groups": arguments.groups, "memberships": arguments.memberships}
    options = {**sizes, "latency_s": arguments.latency, "rate_limits": limits}
    process = context.Process(target=_serve, args=(name, options, theirs), daemon=True)
    process.start()
    theirs.close()  # so that a directory that cannot be made ends this instead of being waited for
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(10)
        if process.is_alive():
            process.kill()


def _serve(name: str, options: Measured, pipe: Any) -> None:
    from providers.simulator.server import start

    simulator = start(name, **options)
    pipe.send({"base_url": simulator.base_url, **simulator.credentials})
    pipe.recv()
    simulator.stop()


# ---- each in a process of its own


def _measured(work: Callable[[], Measured]) -> Measured:
    before, cpu_before = time.perf_counter(), time.process_time()
    counts = work()
    return {
        "seconds": time.perf_counter() - before,
        "cpu_seconds": time.process_time() - cpu_before,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        **counts,
    }


def _read(arguments: argparse.Namespace) -> Measured:
    """The provider's full read, to its end."""
    from providers.registry import open_source

    source = open_source(arguments.type, json.loads(arguments.settings))
    source.identity()  # a daemon has signed in and loaded its libraries before it reads

    def work() -> Measured:
        met: Counter[str] = Counter()
        pages = source.effort.pages
        ended = False
        for page in source.full():
            met["users"] += len(page.users)
            met["groups"] += len(page.groups)
            met["memberships"] += sum(len(getattr(each, "user_ids", ())) for each in page.members)
            ended = page.end is not None
        if not ended:
            raise SystemExit(f"{arguments.type} did not read to the end")
        return {**met, "pages": source.effort.pages - pages, "throttled_s": source.effort.throttled_s}

    found = _measured(work)
    source.close()
    return found


def _record(arguments: argparse.Namespace) -> Measured:
    """The read once more, noting each request as it leaves."""
    import httpx

    from providers.registry import open_source

    sent: list[Measured] = []
    send = httpx.Client.send

    def noted(client: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
        body = request.content.decode() if request.method == "POST" else None
        named = {key: value for key, value in request.headers.items() if key != "host"}
        sent.append({"method": request.method, "url": str(request.url), "headers": named, "body": body})
        return send(client, request, **more)

    source = open_source(arguments.type, json.loads(arguments.settings))
    source.identity()
    httpx.Client.send = noted  # type: ignore[method-assign,assignment]
    for _ in source.full():
        pass
    source.close()
    Path(arguments.record).write_text(json.dumps(sent))
    return {"requests": len(sent)}


def _bare(arguments: argparse.Namespace) -> Measured:
    """The recorded requests on one connection, one after the other, nothing kept."""
    import httpx

    sent = json.loads(Path(arguments.record).read_text())
    with httpx.Client(trust_env=False, timeout=60) as client:

        def work() -> Measured:
            size, each_s = 0, []
            for each in sent:
                began = time.perf_counter()
                answer = client.request(
                    each["method"], each["url"], headers=each["headers"], content=each["body"]
                )
                answer.raise_for_status()
                size += len(answer.content)
                each_s.append(time.perf_counter() - began)
            return {"pages": len(sent), "mib": round(size / 2**20, 1), "each_s": each_s}

        return _measured(work)


_CHILDREN = {"read": _read, "record": _record, "bare": _bare}

if __name__ == "__main__":
    main()
