# SPDX-License-Identifier: Apache-2.0
"""botocore against a local server that answers as AWS does."""

from __future__ import annotations

import botocore.session
import pytest
from botocore import exceptions as aws
from botocore.config import Config

from telemetry.classification import Classifier, retry_after

CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=0.2, proxies={})


@pytest.fixture(scope="module")
def clients():
    session = botocore.session.Session()
    made = []

    def make(service, url):
        client = session.create_client(
            service,
            region_name="eu-west-1",
            endpoint_url=url,
            config=CONFIG,
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def converse(client):
    client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "hi"}]}])


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (429, "ThrottlingException", ("rate_limit", "llm", True)),
        (400, "ServiceQuotaExceededException", ("rate_limit", "llm", False)),
        (403, "AccessDeniedException", ("unauthorized", "llm", False)),
        (404, "ResourceNotFoundException", ("not_found", "llm", False)),
        (400, "ValidationException", ("invalid_input", "llm", False)),
        (408, "ModelTimeoutException", ("timeout", "llm", True)),
        (429, "ModelNotReadyException", ("llm_error", "llm", True)),
        (424, "ModelErrorException", ("llm_error", "llm", False)),
        (500, "InternalServerException", ("llm_error", "llm", True)),
        (503, "SomethingNew", ("llm_error", "llm", True)),
    ],
)
def test_bedrock_answers_with_a_code(status, name, expected, answering, clients, error_of):
    url = answering(status, {"message": "no"}, {"x-amzn-errortype": name})
    error = error_of(converse, clients("bedrock-runtime", url))
    assert isinstance(error, aws.ClientError)
    assert Classifier().classify(error) == expected


def test_other_services_are_tools(answering, clients, error_of):
    url = answering(400, {"__type": "x#ProvisionedThroughputExceededException"}, {"retry-after": "3"})
    error = error_of(clients("dynamodb", url).list_tables)
    assert Classifier().classify(error) == ("rate_limit", "tool", True)
    assert Classifier().classify(error, "memory") == ("rate_limit", "memory", True)
    assert retry_after(error) == 3.0


def test_a_bare_status_is_a_code_for_s3():
    error = aws.ClientError({"Error": {"Code": "404"}}, "HeadObject")
    assert Classifier().classify(error) == ("not_found", "tool", False)


def test_an_event_stream_spells_its_codes_without_a_status():
    error = aws.EventStreamError({"Error": {"Code": "throttlingException"}}, "ConverseStream")
    assert Classifier().classify(error) == ("rate_limit", "llm", True)


def test_a_client_error_that_says_nothing_is_a_failure():
    assert Classifier().classify(aws.ClientError({}, "Op")) == ("tool_failure", "tool", False)


def test_connections_fail_as_connections_do(closed_port, silent_port, clients, error_of):
    refused = error_of(clients("dynamodb", f"http://127.0.0.1:{closed_port}").list_tables)
    slow = error_of(clients("dynamodb", f"http://127.0.0.1:{silent_port}").list_tables)
    assert type(refused) is aws.EndpointConnectionError
    assert type(slow) is aws.ReadTimeoutError
    assert Classifier().classify(refused, "memory") == ("memory_error", "memory", True)
    assert Classifier().classify(slow) == ("timeout", "tool", True)


def test_bad_parameters_are_found_before_the_call(closed_port, clients, error_of):
    client = clients("dynamodb", f"http://127.0.0.1:{closed_port}")
    for parameters in ({"TableName": 1}, {"TableName": "facts"}):
        error = error_of(client.get_item, **parameters)
        assert Classifier().classify(error) == ("invalid_input", "tool", False)


BEDROCK = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aws.EndpointConnectionError(endpoint_url=BEDROCK), ("llm_error", "llm", True)),
        (aws.ReadTimeoutError(endpoint_url=BEDROCK), ("timeout", "llm", True)),
        (aws.SSLError(endpoint_url="https://s3", error="x"), ("tool_failure", "tool", False)),
        (aws.NoCredentialsError(), ("unauthorized", "tool", False)),
        (aws.SSOTokenLoadError(error_msg="x"), ("unauthorized", "tool", False)),
        (aws.NoRegionError(), ("internal_error", "tool", False)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_type_decides(error, expected):
    assert Classifier().classify(error) == expected
