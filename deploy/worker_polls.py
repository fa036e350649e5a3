"""Health check of the worker's container: is this very process asking Temporal for work?"""

import asyncio
import os
import socket

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from firedoor.domain.response.contract import TASK_QUEUE


async def polling(host: str) -> bool:
    """Ask Temporal whether a poller of our task queue lives on this host (its identity ends in `@host`).

    A worker that hangs, or lost its connection, drops out of Temporal's list by itself.
    """
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    return any(poller.identity.endswith(f"@{host}") for poller in answer.pollers)


if __name__ == "__main__":
    # As in worker.py: Temporal's Rust threads must not outlive the interpreter into a crash, which the
    # engine would take for an answer.
    os._exit(0 if asyncio.run(polling(socket.gethostname())) else 1)
