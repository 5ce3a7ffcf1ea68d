from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import models
from daytwo.batch import Batch
from daytwo.packing.study import study
from daytwo.runtimes.sklearn import SklearnModel, SklearnRuntime, jobs_of
from daytwo.signature import Field, Signature

IRIS, SPECIES = load_iris(return_X_y=True)
KINDS = [name for name in models.ALL if not name.startswith("plain")]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_saved_answers_as_before(name: str, tmp_path: Path):
    model, X, y = models.ALL[name]()
    found = study(model, X, y)
    runtime = SklearnRuntime()
    runtime.save(model, tmp_path)
    loaded = runtime.load(tmp_path, found.signature)
    answer = loaded.predict(found.inputs)
    assert answer.names == tuple(field.name for field in found.signature.outputs)
    for field in found.signature.outputs:
        assert answer[field.name].dtype == field.storage
        assert answer[field.name].shape == (len(X), *field.shape)
        assert np.array_equal(answer[field.name], found.answers[field.name])


def test_what_skops_trusts_executes_nothing(tmp_path: Path):
    runtime = SklearnRuntime()
    runtime.save(models.iris()[0], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.skops"]
    assert runtime.executes(tmp_path) is None


def test_what_skops_does_not_trust_is_a_pickle(tmp_path: Path):
    runtime = SklearnRuntime()
    runtime.save(FunctionTransformer(lambda x: x), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pkl"]
    assert runtime.executes(tmp_path) == "a pickle"


def test_threads_bound_every_pool_of_what_is_loaded(tmp_path: Path):
    forest = RandomForestClassifier(2, n_jobs=-1).fit(IRIS, SPECIES)
    vote = VotingClassifier([("a", forest), ("b", GaussianNB())]).fit(IRIS, SPECIES)
    found = study(vote, IRIS, SPECIES)
    vote.n_jobs = 2
    runtime = SklearnRuntime()
    runtime.save(vote, tmp_path)
    assert set(jobs_of(runtime.load(tmp_path, found.signature).estimator).values()) == {1}
    assert set(jobs_of(runtime.load(tmp_path, found.signature, threads=2).estimator).values()) == {2}
    assert jobs_of(vote)["n_jobs"] == 2, "the original is left as it was"


class Counting(RandomForestClassifier):
    """A forest that counts how often it is asked."""

    asked = 0

    def predict_proba(self, X: Any) -> Any:
        """As ever."""
        type(self).asked += 1
        return super().predict_proba(X)


def test_a_forest_walks_its_trees_once_for_both_answers():
    model = Counting(3, random_state=0).fit(IRIS, SPECIES)
    found = study(model, IRIS, SPECIES)
    Counting.asked = 0
    answer = SklearnModel(model, found.signature).predict(found.inputs)
    assert Counting.asked == 1
    assert np.array_equal(answer["class"], model.predict(IRIS))


@pytest.mark.parametrize("labels", [
    np.array(["a", "b", "c"]), np.array([1.5, 2.5, 3.5]).astype(str), np.array([7, 8, 9]), np.array([0.0, 1.0, 2.0]),
])  # fmt: skip
def test_labels_come_back_as_trained(labels: Any):
    found = study(GaussianNB().fit(IRIS, labels[SPECIES]), IRIS, labels[SPECIES])
    answer = SklearnModel(found.model, found.signature).predict(found.inputs)["class"]
    assert answer[0] == labels[0].item()
    assert type(answer[:1].tolist()[0]) is type(labels[0].item())


def test_truth_is_a_label():
    found = study(GaussianNB().fit(IRIS, SPECIES == 1), IRIS, SPECIES == 1)
    assert SklearnModel(found.model, found.signature).predict(found.inputs)["class"].dtype == np.bool_


def test_sparse_answers_become_dense():
    encoder = OneHotEncoder().fit(SPECIES[:, None])
    signature = Signature((Field("x", "int64"),), (Field("value", "float64", (3,)),), "array", "int64")
    answer = SklearnModel(encoder, signature).predict(Batch.from_matrix(("x",), SPECIES[:, None]))
    assert np.array_equal(answer["value"], np.eye(3)[SPECIES])


def test_labels_that_one_forest_never_saw_have_no_chance():
    model = RandomForestClassifier(2, random_state=0).fit(
        IRIS, np.column_stack([SPECIES == 1, np.zeros(150)]).astype(int)
    )
    outputs = (Field("class", "int64", (2,)), Field("probabilities", "float64", (2,)))
    signature = Signature(tuple(Field(f"x{i}", "float64") for i in range(4)), outputs, "array", "float64")
    answer = SklearnModel(model, signature).predict(Batch.from_matrix(signature.names, IRIS))
    assert (answer["probabilities"][:, 1] == 0).all()
    assert np.array_equal(answer["class"], model.predict(IRIS))


def test_an_estimator_of_several_labels_in_one_array():
    labels = np.column_stack([SPECIES == 1, IRIS[:, 0] > 5.5]).astype(int)
    found = study(OneVsRestClassifier(LogisticRegression(max_iter=500)).fit(IRIS, labels), IRIS, labels)
    answer = SklearnModel(found.model, found.signature).predict(found.inputs)
    assert np.array_equal(answer["probabilities"], found.model.predict_proba(IRIS))
