"""The floors: what a response costs that is written by hand and knows nothing but this one task.

A bare webhook (header check, JSON, start) and a bare workflow, once with two
activities (read; apply and read back) and once with one. No playbook, no plan,
no guards, no ledger, no approval, no undo, no hold, no check of the input.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from firedoor.systems.aws.calls import Account, AwsAccounts

QUEUE = "floor"
_ATTEMPT = timedelta(seconds=60)
_THREADS = 64


@dataclass
class Leak:
    """The key to stop."""

    account: str
    region: str
    user: str
    key: str


class Floor:
    """The two activities and their sum, over the same connector as ours."""

    def __init__(self, aws: AwsAccounts) -> None:
        self._aws = aws

    @activity.defn
    def read(self, leak: Leak) -> str:
        """Read what Firedoor's plan of this action reads."""
        aws = self._aws.reading(leak.account, leak.region, "0" * 12)
        owner = aws.call("iam", "GetAccessKeyLastUsed", AccessKeyId=leak.key)["UserName"]
        if owner != leak.user:
            raise ValueError("another user's key")
        return _status(aws.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=leak.user), leak)

    @activity.defn
    def apply(self, leak: Leak) -> str:
        """Change what Firedoor's apply changes, and read back what its verify reads."""
        aws = self._aws.changing(leak.account, leak.region, "0" * 12)
        aws.call("iam", "UpdateAccessKey", UserName=leak.user, AccessKeyId=leak.key, Status="Inactive")
        return _status(aws.pages("iam", "ListAccessKeys", "AccessKeyMetadata", UserName=leak.user), leak)

    @activity.defn
    def everything(self, leak: Leak) -> str:
        """Do both in one activity."""
        return self.apply(leak) if self.read(leak) == "Active" else "Inactive"


def _status(keys: list[dict[str, str]], leak: Leak) -> str:
    return next(key["Status"] for key in keys if key["AccessKeyId"] == leak.key)


@workflow.defn(name="floor")
class TwoActivities:
    """The floor."""

    @workflow.run
    async def run(self, leak: Leak) -> str:
        """Read, then apply."""
        if (
            await workflow.execute_activity_method(Floor.read, leak, start_to_close_timeout=_ATTEMPT)
            != "Active"
        ):
            return "Inactive"
        return await workflow.execute_activity_method(Floor.apply, leak, start_to_close_timeout=_ATTEMPT)


@workflow.defn(name="floor_one")
class OneActivity:
    """The second floor."""

    @workflow.run
    async def run(self, leak: Leak) -> str:
        """Do everything at once."""
        return await workflow.execute_activity_method(Floor.everything, leak, start_to_close_timeout=_ATTEMPT)


async def gateway(client: Client, port: int) -> None:
    """Serve the bare webhook."""
    secret = os.environ["FLOOR_SECRET"].encode()

    async def take(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("x-firedoor-key", "").encode(), secret):
            return Response(status_code=401)
        detail = json.loads(await request.body())["detail"]
        key = detail["resource"]["accessKeyDetails"]
        leak = Leak(detail["accountId"], detail["region"], key["userName"], key["accessKeyId"])
        started = await client.start_workflow(
            request.path_params["workflow"], leak, id=f"floor/{leak.key}", task_queue=QUEUE
        )
        return JSONResponse({"responses": [{"id": started.id}]}, 202)

    app = Starlette(routes=[Route("/findings/{workflow}", take, methods=["POST"])])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    await uvicorn.Server(config).serve()


async def worker(client: Client, account: str) -> None:
    """Poll until killed."""
    floor = Floor(AwsAccounts({account: Account(account)}))
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[TwoActivities, OneActivity],
        activities=[floor.read, floor.apply, floor.everything],
        activity_executor=ThreadPoolExecutor(_THREADS),
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_activities=_THREADS,
    ):
        await asyncio.Event().wait()


async def main(part: str, argument: str) -> None:
    """Run one of the floor's two processes."""
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], namespace=os.environ["TEMPORAL_NAMESPACE"])
    await (gateway(client, int(argument)) if part == "gateway" else worker(client, argument))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
