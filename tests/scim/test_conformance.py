"""An independent judge: scim2-tester walks everything we announce."""

from collections import Counter

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.scim.client import Scim


def test_scim2_tester(scim: Scim) -> None:
    """No check ends in an error, a critical failure or a deviation, and none is skipped."""
    headers = {"Authorization": f"Bearer {scim.token}"}
    with httpx2.Client(base_url=scim.base, headers=headers, trust_env=False) as http:
        results = check_server(SyncSCIMClient(http))
    bad = {Status.ERROR, Status.CRITICAL, Status.DEVIATION, Status.SKIPPED}
    assert [f"{each.title}: {each.reason}" for each in results if each.status in bad] == []
    assert Counter(each.status for each in results)[Status.SUCCESS] >= 130
