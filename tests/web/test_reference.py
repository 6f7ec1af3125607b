from fastapi.testclient import TestClient
from markupsafe import escape


def test_the_reference_names_every_operation_and_what_it_takes(stranger: TestClient) -> None:
    page = stranger.get("/api/docs").text
    document = stranger.get("/api/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        assert f"/api{path}" in page
        for operation in methods.values():
            assert str(escape(operation["summary"])) in page
    assert "<code>assignments_per_item</code>" in page
    assert "<code>confirmed_usd</code>" in page
