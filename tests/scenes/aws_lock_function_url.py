"""A function whose URL answers everyone, statements that must stay, and an alias with a URL of its own."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from activities.aws.lock_function_url import LockFunctionUrl
from tests.scenes.anonymous import answers
from tests.scenes.aws_world import AwsScene, policy
from tests.servers import ACCOUNT

FUNCTION, ALIAS = "resize-images", "blue"
_SOURCE = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'resized'}\n"


class LockFunctionUrlScene(AwsScene):
    """AuthType NONE and the two statements of a public URL, as AWS itself writes them."""

    action = LockFunctionUrl

    # moto has no ListFunctionUrlConfigs, and keeps no conditions of a statement.
    emulators = ("ministack",)
    # ministack asks these of UpdateFunctionUrlConfig and ListFunctionUrlConfigs; AWS does not.
    emulator_asks = ("lambda:CreateFunctionUrlConfig", "lambda:GetFunction")

    def arrange(self) -> Mapping[str, Any]:
        """Make the function, its URL and its policy."""
        functions = self.world.client("lambda")
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.11",
            Role=self._role(),
            Handler="index.handler",
            Code={"ZipFile": _zipped("index.py", _SOURCE)},
        )
        functions.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="$LATEST")
        functions.create_function_url_config(
            FunctionName=FUNCTION, AuthType="NONE", Cors={"AllowOrigins": ["https://photos.example"]}
        )
        functions.create_function_url_config(FunctionName=FUNCTION, AuthType="AWS_IAM", Qualifier=ALIAS)
        statements: tuple[dict[str, Any], ...] = (
            {
                "StatementId": "FunctionURLAllowPublicAccess",
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionUrlAuthType": "NONE",
            },
            {
                "StatementId": "FunctionURLAllowInvokeAction",
                "Action": "lambda:InvokeFunction",
                "InvokedViaFunctionUrl": True,
            },
            {
                "StatementId": "our-organization",
                "Action": "lambda:InvokeFunctionUrl",
                "PrincipalOrgID": "o-a1b2c3d4e5",
            },
            {
                "StatementId": "photos",
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                "SourceArn": "arn:aws:s3:::holiday-photos",
            },
            {
                "StatementId": "blue-for-our-organization",
                "Action": "lambda:InvokeFunctionUrl",
                "PrincipalOrgID": "o-a1b2c3d4e5",
                "Qualifier": ALIAS,
            },
        )
        for statement in statements:
            functions.add_permission(FunctionName=FUNCTION, **{"Principal": "*", **statement})
        return {"function": FUNCTION}

    def snapshot(self) -> Any:
        """Hold both URLs without their times, and every statement in any order."""
        functions = self.world.client("lambda")
        urls = [
            functions.get_function_url_config(FunctionName=FUNCTION, **qualifier)
            for qualifier in ({}, {"Qualifier": ALIAS})
        ]
        kept = ("FunctionUrl", "AuthType", "Cors", "InvokeMode")
        return {
            "urls": [{key: url.get(key) for key in kept} for url in urls],
            "statements": sorted(
                (*self._statements(), *self._statements(Qualifier=ALIAS)),
                key=lambda statement: json.dumps(statement, sort_keys=True),
            ),
        }

    def disturb(self) -> None:
        """Let somebody open the URL again."""
        functions = self.world.client("lambda")
        functions.update_function_url_config(FunctionName=FUNCTION, AuthType="NONE")

    def attack(self) -> bool | None:
        """Call the URL as nobody."""
        config = self.world.client("lambda").get_function_url_config(FunctionName=FUNCTION)
        name = config["FunctionUrl"].removeprefix("https://").partition(".")[0]
        return answers(f"{self.world.server.url}/_aws/lambda-url/{name}/")

    def _statements(self, **qualifier: str) -> list[dict[str, Any]]:
        functions = self.world.client("lambda")
        try:
            document = functions.get_policy(FunctionName=FUNCTION, **qualifier)["Policy"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        statements: list[dict[str, Any]] = json.loads(document)["Statement"]
        return statements

    def _role(self) -> str:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        iam = self.world.client("iam")
        iam.create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=policy(trust))
        return f"arn:aws:iam::{ACCOUNT}:role/{FUNCTION}"


def _zipped(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, text)
    return packed.getvalue()
