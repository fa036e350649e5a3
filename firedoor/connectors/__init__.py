"""The few vendor calls the house makes; the only room that knows boto3, httpx and slack_sdk."""
