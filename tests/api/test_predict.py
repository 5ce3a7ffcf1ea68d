"""A bundle in this process answers in the words of a server, and a server is asked in the same words."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import daytwo
import models
from daytwo.api.predict import predict
from daytwo.errors import InvalidInput, MalformedBody, OutsideFailure
from streams import stream

ARTICLE = b'{"feature_vector": [5.1, 3.5, 1.4, 0.2]}'


@pytest.fixture
def iris() -> None:
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris")


def file_of_rows(suffix: str) -> bytes:
    """Two rows of iris in a file of that kind."""
    rows = np.array([[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]])
    names = daytwo.load("iris").signature.names
    table = pa.table(dict(zip(names, rows.T.copy(), strict=True)))
    file = io.BytesIO()
    if suffix == ".npy":
        np.save(file, rows)
    elif suffix == ".parquet":
        parquet.write_table(table, file)
    elif suffix == ".arrows":
        return stream(table)
    else:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    return file.getvalue()


@pytest.mark.usefixtures("iris")
class TestHere:
    """In this process."""

    def test_the_articles_request(self):
        answer = predict("iris", ARTICLE)
        assert (answer["class"], answer["model"], answer["version"]) == (0, "iris", "1")
        assert len(answer["prediction_id"]) == 36

    def test_rows_with_probabilities_and_an_id_of_ones_own(self):
        body = {"feature_vectors": [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]], "prediction_id": "mine"}
        rows = predict("iris:1", json.dumps(body).encode(), probabilities=True)["predictions"]
        assert [row["prediction_id"] for row in rows] == ["mine-0", "mine-1"]
        assert sum(rows[1]["probabilities"].values()) == pytest.approx(1.0)

    @pytest.mark.parametrize("suffix", [".npy", ".arrows", ".arrow", ".feather", ".parquet"])
    def test_files_of_rows_are_answered_as_json_is(self, suffix: str):
        answer = predict("iris", file_of_rows(suffix), suffix=suffix)
        classes = answer["columns"]["class"] if "columns" in answer else [r["class"] for r in answer["predictions"]]
        assert classes == [0, 1]

    @pytest.mark.parametrize("suffix", [".npy", ".arrows", ".arrow", ".feather", ".parquet"])
    def test_a_file_that_is_none_is_malformed(self, suffix: str):
        with pytest.raises(MalformedBody):
            predict("iris", b"nonsense", suffix=suffix)

    @pytest.mark.parametrize(("body", "error"), [(b"{", MalformedBody), (b'{"feature_vector": ["a"]}', InvalidInput)])
    def test_bad_input_is_refused(self, body: bytes, error: type[Exception]):
        with pytest.raises(error):
            predict("iris", body)


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server that says one thing; its URL, and the paths that it was asked."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            paths.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("suffix", "probabilities", "asked"),
    [
        ("", False, "/predict"),
        ("/", True, "/predict?probabilities=true"),
        ("/models/iris/predict", True, "/models/iris/predict?probabilities=true"),
        ("/predict?a=b", True, "/predict?a=b&probabilities=true"),
    ],
)
def test_a_url_without_a_path_means_predict(suffix: str, probabilities: bool, asked: str):
    with answering(200, b'{"class": 0}') as (url, paths):
        assert predict(url + suffix, ARTICLE, probabilities=probabilities) == {"class": 0}
    assert paths == [asked]


def test_a_refusal_is_the_error_that_it_was_there():
    problem = {"detail": "no", "errors": [{"field": "age", "expected": "an integer", "got": "'old'"}]}
    with answering(422, json.dumps(problem).encode()) as (url, _), pytest.raises(InvalidInput) as caught:
        predict(url, ARTICLE)
    assert str(caught.value) == "age: expected an integer, got 'old'"


@pytest.mark.parametrize("body", [b"<html>", b'{"detail": "starting"}', b"[]", b'{"errors": [{}]}'])
def test_any_other_failure_is_one_sentence(body: bytes):
    with answering(503, body) as (url, _), pytest.raises(OutsideFailure, match="answered 503"):
        predict(url, ARTICLE)


def test_nobody_there_is_one_sentence():
    with pytest.raises(OutsideFailure, match="does not answer"):
        predict("http://127.0.0.1:1", ARTICLE)
