from __future__ import annotations

import boto3

from adapters.aws import share_service_models


def test_sessions_read_a_services_model_once():
    share_service_models()
    first, second = (boto3.Session(region_name="us-east-1")._session for _ in range(2))
    models = [
        session.get_component("data_loader").load_service_model("glue", "service-2")
        for session in (first, second)
    ]
    assert models[0] is models[1]
    assert models[0]["metadata"]["serviceId"] == "Glue"
