"""Models are compiled exactly or not at all: the traps that were met, and every kind of estimator."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import (
    calibration,
    cluster,
    discriminant_analysis,
    ensemble,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from threadpoolctl import threadpool_limits

import models
from daytwo.batch import Batch
from daytwo.bundle import Evidence
from daytwo.errors import CompileFailed, InvalidInput
from daytwo.packing.compile import compile_model
from daytwo.packing.study import Study, study
from daytwo.runtimes.onnx import OnnxModel, OnnxRuntime
from daytwo.runtimes.sklearn import SklearnModel

IRIS, SPECIES = load_iris(return_X_y=True)
CANCER, MALIGN = load_breast_cancer(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
TWO_LABELS = np.column_stack([SPECIES == 1, IRIS[:, 0] > 5.5]).astype(int)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Tiny fits on a busy machine wait for their threads longer than they compute."""
    with threadpool_limits(1):
        yield


def compiled(found: Study, folder: Path, **options: Any) -> tuple[Evidence, OnnxModel | None]:
    (evidence,) = compile_model(found.model, found.signature, found.inputs, found.task, folder, **options)
    model = OnnxRuntime().load(folder / "onnx", found.signature) if evidence.accepted else None
    assert (folder / "onnx").exists() == evidence.accepted
    return evidence, model


def accepted(model: Any, X: Any, y: Any, folder: Path, **options: Any) -> tuple[Evidence, OnnxModel, Study]:
    found = study(model, X, y, **options)
    evidence, onnx = compiled(found, folder)
    assert onnx is not None, evidence.reason
    return evidence, onnx, found


def same(one: Batch, two: Batch) -> bool:
    return all(np.array_equal(column, two[name]) for name, column in one.items())


# What is bit-equal: trees alone, whose sums are the same doubles in the same order.
EXACT = {
    "tree": (tree.DecisionTreeClassifier(random_state=0), IRIS, SPECIES),
    "extra tree": (tree.ExtraTreeRegressor(random_state=0), DIABETES, PROGRESS),
    "forest": (ensemble.RandomForestClassifier(10, random_state=0), CANCER, MALIGN),
    "shallow forest": (ensemble.RandomForestClassifier(7, max_depth=3, random_state=0), IRIS, SPECIES),
    "forest of numbers": (ensemble.RandomForestRegressor(5, random_state=0), DIABETES, PROGRESS),
    "forest of two numbers": (
        ensemble.ExtraTreesRegressor(3, max_depth=4, random_state=0), DIABETES, np.column_stack([PROGRESS, -PROGRESS])
    ),
    "forest of labels": (ensemble.RandomForestClassifier(4, max_depth=4, random_state=0), IRIS, TWO_LABELS),
    "bag of trees": (ensemble.BaggingClassifier(n_estimators=3, max_features=0.5, random_state=0), IRIS, SPECIES),
    "gradient boosting of numbers": (ensemble.GradientBoostingRegressor(n_estimators=9), DIABETES, PROGRESS),
    "histogram boosting of numbers": (ensemble.HistGradientBoostingRegressor(max_iter=9), DIABETES, PROGRESS),
    "scaled forest": (
        make_pipeline(StandardScaler(), ensemble.RandomForestClassifier(5, random_state=0)), IRIS, SPECIES
    ),
    "scaled all ways": (
        make_pipeline(RobustScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), tree.DecisionTreeClassifier()),
        IRIS,
        SPECIES,
    ),
    "bins": (make_pipeline(KBinsDiscretizer(4, encode="ordinal"), tree.DecisionTreeClassifier()), IRIS, SPECIES),
    "selected": (make_pipeline(SelectKBest(k=2), tree.DecisionTreeClassifier()), IRIS, SPECIES),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", EXACT)
def test_trees_are_bit_equal(name: str, dtype: Any, tmp_path: Path):
    model, X, y = EXACT[name]
    X = X.astype(dtype)
    evidence, onnx, found = accepted(model.fit(X, y), X, y, tmp_path)
    assert evidence.worst_error == 0
    assert evidence.label_flips == 0
    assert evidence.threshold_rows > 0
    if name != "bins":  # what a tree sees behind bins is beyond what a field can be pushed to
        assert evidence.details["thresholds_pushed"] == evidence.details["thresholds"]
    original = SklearnModel(model, found.signature)
    assert same(original.predict(found.inputs), onnx.predict(found.inputs))


CLOSE = {
    "logistic": (linear_model.LogisticRegression(max_iter=500), IRIS, SPECIES),
    "logistic of two": (make_pipeline(StandardScaler(), linear_model.LogisticRegression()), CANCER, MALIGN),
    "logistic of words": (linear_model.LogisticRegression(max_iter=500), IRIS, np.array(["a", "b", "c"])[SPECIES]),
    "logistic of truths": (linear_model.LogisticRegression(max_iter=500), IRIS, SPECIES == 1),
    "linear discriminant": (discriminant_analysis.LinearDiscriminantAnalysis(), IRIS, SPECIES),
    "ridge classifier": (linear_model.RidgeClassifier(), IRIS, SPECIES),
    "linear machine": (svm.LinearSVC(), IRIS, SPECIES),
    "stochastic descent": (linear_model.SGDClassifier(loss="log_loss", random_state=0), IRIS, SPECIES),
    "ridge of two": (linear_model.Ridge(), DIABETES, np.column_stack([PROGRESS, PROGRESS**2])),
    "lasso": (linear_model.Lasso(), DIABETES, PROGRESS),
    "machine": (svm.SVC(), IRIS, SPECIES),
    "machine of powers": (make_pipeline(StandardScaler(), svm.NuSVC(kernel="poly")), IRIS, SPECIES),
    "machine of numbers": (svm.SVR(kernel="sigmoid"), DIABETES, PROGRESS),
    "machine of one class": (svm.OneClassSVM(), IRIS, None),
    "isolation forest": (ensemble.IsolationForest(n_estimators=10, contamination=0.1, random_state=0), IRIS, None),
    "gradient boosting": (ensemble.GradientBoostingClassifier(n_estimators=5), IRIS, SPECIES),
    "gradient boosting of two": (
        ensemble.GradientBoostingClassifier(n_estimators=5, loss="exponential"), CANCER, MALIGN
    ),
    "histogram boosting": (ensemble.HistGradientBoostingClassifier(max_iter=5), CANCER, MALIGN),
    "histogram boosting of counts": (
        ensemble.HistGradientBoostingRegressor(max_iter=5, loss="poisson"), DIABETES, PROGRESS
    ),
    "weighted trees": (ensemble.AdaBoostClassifier(n_estimators=5, random_state=0), IRIS, SPECIES),
    "weighted trees of two": (ensemble.AdaBoostClassifier(n_estimators=5, random_state=0), CANCER, MALIGN),
    "soft vote": (
        ensemble.VotingClassifier(
            [("a", linear_model.LogisticRegression(max_iter=500)), ("b", tree.DecisionTreeClassifier(max_depth=2))],
            voting="soft", weights=[2, 1],
        ), IRIS, SPECIES,
    ),
    "hard vote": (
        ensemble.VotingClassifier(
            [("a", svm.LinearSVC()), ("b", tree.DecisionTreeClassifier(max_depth=2)), ("c", naive_bayes.GaussianNB())]
        ), IRIS, SPECIES,
    ),
    "mean": (
        ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]),
        DIABETES, PROGRESS,
    ),
    "stack": (
        ensemble.StackingClassifier(
            [("a", svm.LinearSVC()), ("b", tree.DecisionTreeClassifier(max_depth=2))], passthrough=True
        ), IRIS, SPECIES,
    ),
    "stack of two": (
        ensemble.StackingClassifier([("a", naive_bayes.GaussianNB()), ("b", tree.DecisionTreeClassifier(max_depth=2))]),
        CANCER, MALIGN,
    ),
    "stack of numbers": (
        ensemble.StackingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]),
        DIABETES, PROGRESS,
    ),
    "calibrated": (calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2), IRIS, SPECIES),
    "calibrated of two": (calibration.CalibratedClassifierCV(svm.SVC(), cv=2), IRIS, SPECIES == 1),
    "one against the rest": (
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=500)), IRIS, SPECIES
    ),
    "labels against the rest": (
        multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=500)), IRIS, TWO_LABELS
    ),
    "labels apart": (
        multioutput.MultiOutputClassifier(linear_model.LogisticRegression(max_iter=500)), IRIS, TWO_LABELS
    ),
    "numbers apart": (
        multioutput.MultiOutputRegressor(linear_model.Ridge()), DIABETES, np.column_stack([PROGRESS, -PROGRESS])
    ),
    "target turned": (
        TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1), DIABETES, PROGRESS
    ),
    "target scaled": (
        TransformedTargetRegressor(linear_model.Ridge(), transformer=StandardScaler()), DIABETES, PROGRESS
    ),
    "threshold": (
        FixedThresholdClassifier(FrozenEstimator(linear_model.LogisticRegression().fit(IRIS, SPECIES == 1)), threshold=0.3),
        IRIS, SPECIES == 1,
    ),
    "searched": (
        GridSearchCV(linear_model.LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=2), IRIS, SPECIES
    ),
    "products": (
        make_pipeline(StandardScaler(), PolynomialFeatures(3), linear_model.LogisticRegression(max_iter=500)),
        IRIS, SPECIES,
    ),
    "logarithm": (
        make_pipeline(FunctionTransformer(np.log1p), linear_model.LogisticRegression(max_iter=500)), IRIS, SPECIES
    ),
    "powers": (make_pipeline(PowerTransformer(), linear_model.LogisticRegression()), IRIS, SPECIES),
    "norms": (make_pipeline(Normalizer("max"), linear_model.LogisticRegression()), IRIS, SPECIES),
    "binary": (
        make_pipeline(StandardScaler(), Binarizer(threshold=0.1), linear_model.LogisticRegression()), IRIS, SPECIES
    ),
    "bins apart": (
        make_pipeline(KBinsDiscretizer(3), linear_model.LogisticRegression(max_iter=500)), IRIS, SPECIES
    ),
    "side by side": (
        make_pipeline(
            FeatureUnion([("a", StandardScaler()), ("b", PCA(2))], transformer_weights={"b": 0.5}),
            linear_model.LogisticRegression(max_iter=500),
        ), IRIS, SPECIES,
    ),
    # and what skl2onnx does well, in doubles
    "components": (make_pipeline(StandardScaler(), PCA(2), svm.SVC()), IRIS, SPECIES),
    "naive": (naive_bayes.GaussianNB(), IRIS, SPECIES),
    "net": (neural_network.MLPClassifier((5,), solver="lbfgs", max_iter=2000, random_state=0), IRIS, np.array(["a", "b", "c"])[SPECIES]),
    "means": (cluster.KMeans(3, n_init=1, random_state=0), IRIS, None),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSE)
def test_what_is_not_bit_equal_is_close(name: str, tmp_path: Path):
    model, X, y = CLOSE[name]
    evidence, onnx, found = accepted(model.fit(X) if y is None else model.fit(X, y), X, y, tmp_path)
    assert evidence.worst_error < 1e-12
    original = SklearnModel(model, found.signature).predict(found.inputs)
    answer = onnx.predict(found.inputs)
    for field in found.signature.outputs:
        assert answer[field.name].dtype == original[field.name].dtype
        assert answer[field.name].shape == original[field.name].shape
        if field.name == "class":
            assert np.array_equal(answer["class"], original["class"])


@pytest.mark.parametrize("name", ["iris", "iris_named", "mixed", "multilabel", "regression", "outliers", "transformer"])
def test_one_row_is_answered_as_in_company(name: str, tmp_path: Path):
    _, onnx, found = accepted(*models.ALL[name](), tmp_path)
    rows = found.inputs.take(slice(0, 20))
    together = onnx.predict(rows)
    for index in range(rows.rows):
        alone = onnx.predict(rows.take(slice(index, index + 1)))
        for field in found.signature.outputs:
            if field.name == "class":
                assert np.array_equal(alone["class"], together["class"][index : index + 1])
            else:
                np.testing.assert_allclose(alone[field.name][0], together[field.name][index], rtol=1e-13, atol=1e-15)


# ---- the traps


def test_a_forest_is_right_about_missing_values_it_never_saw(tmp_path: Path):
    model = ensemble.RandomForestClassifier(30, random_state=0).fit(CANCER, MALIGN)
    evidence, onnx, found = accepted(model, CANCER, MALIGN, tmp_path, allow_missing=True)
    random = np.random.default_rng(0)
    holes = np.where(random.random((2000, 30)) < 0.3, np.nan, CANCER[random.integers(0, len(CANCER), 2000)])
    expected = SklearnModel(model, found.signature).predict(found.signature.conform(holes))
    assert same(onnx.predict(found.signature.conform(holes)), expected)
    assert evidence.worst_error == 0


def test_a_linear_model_never_answers_about_a_missing_value(tmp_path: Path):
    model = linear_model.LogisticRegression(max_iter=500).fit(IRIS, SPECIES)
    _, onnx, found = accepted(model, IRIS, SPECIES, tmp_path)
    with pytest.raises(InvalidInput):
        found.signature.conform([[np.nan, 1, 1, 1]])
    assert np.isnan(
        onnx.predict(Batch.from_matrix(found.signature.names, np.full((1, 4), np.nan)))["probabilities"]
    ).all()


def test_where_the_original_refuses_a_row_the_compiled_form_does(tmp_path: Path):
    X = np.abs(IRIS)
    model = make_pipeline(FunctionTransformer(np.log1p), linear_model.LogisticRegression(max_iter=500))
    evidence, onnx, found = accepted(model.fit(X, SPECIES), X, SPECIES, tmp_path)
    assert evidence.details["refused_alike"] > 0
    for bad in (-1.0, -2.0):  # the logarithm of 0, and of less
        row = found.signature.conform([[bad, 1, 1, 1]])
        with pytest.raises(ValueError, match=r"infinity|NaN"), np.errstate(all="ignore"):
            SklearnModel(model, found.signature).predict(row)
        with pytest.raises(Exception, match=r"no probabilities for this input|out of data bounds"):
            onnx.predict(row)


def test_a_number_too_wide_for_float32_is_refused_by_both(tmp_path: Path):
    evidence, onnx, found = accepted(*models.cancer(), tmp_path)
    assert evidence.details["limit"] == np.finfo(np.float32).max
    numbers = models.cancer()[1][:2].copy()
    numbers[1, 3] = 1e39
    wide = found.signature.conform(numbers)
    with pytest.raises(ValueError, match="too large for dtype"), np.errstate(over="ignore"):
        SklearnModel(found.model, found.signature).predict(wide)
    with pytest.raises(InvalidInput, match=f"{found.signature.names[3]}: expected a number within .*, got 1e\\+39"):
        onnx.predict(wide)


def test_doubles_that_float32_cannot_tell_apart_go_their_own_ways(tmp_path: Path):
    X = np.repeat([[1.0], [1.0 + 1e-12]], 40, axis=0)
    y = np.repeat([0.0, 1.0], 40)
    model = ensemble.HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=5).fit(X, y)
    _, onnx, found = accepted(model, X, y, tmp_path)
    low, high = onnx.predict(found.signature.conform(X[[0, -1]]))["value"]
    assert low < 0.5 < high
    assert [low, high] == model.predict(X[[0, -1]]).tolist()


@pytest.mark.parametrize("trees", [2, 4, 6, 10])
@pytest.mark.parametrize("depth", [1, 2, None])
def test_ties_are_decided_alike(trees: int, depth: int | None, tmp_path: Path):
    random = np.random.default_rng(trees)
    X = random.integers(0, 4, (300, 3)).astype(float)
    y = random.integers(0, 3, 300)
    model = ensemble.RandomForestClassifier(trees, max_depth=depth, max_features=1, random_state=0).fit(X, y)
    _, onnx, found = accepted(model, X, y, tmp_path)
    answer = onnx.predict(found.inputs)
    top = np.sort(answer["probabilities"], axis=1)
    assert np.array_equal(answer["class"], model.predict(X))
    assert np.array_equal(answer["probabilities"], model.predict_proba(X))
    if depth is None and trees == 2:
        assert (top[:, -1] == top[:, -2]).any(), "there is a tie to decide"


def test_the_even_split_of_a_boosted_score_goes_where_scikit_learn_sends_it(tmp_path: Path):
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    y = np.array([0, 1, 0, 1])
    model = ensemble.GradientBoostingClassifier(n_estimators=1).fit(X, y)
    assert model.predict(X).tolist() == [1, 1, 1, 1], "a score of 0 is the second class"
    _, onnx, found = accepted(model, X, y, tmp_path)
    assert onnx.predict(found.inputs)["class"].tolist() == [1, 1, 1, 1]


# ---- what cannot be proven


def test_a_conversion_that_goes_wrong_silently_is_refused(tmp_path: Path):
    model = linear_model.SGDClassifier(loss="modified_huber", random_state=0).fit(IRIS, SPECIES)
    evidence, _ = compiled(study(model, IRIS, SPECIES), tmp_path)
    assert not evidence.accepted
    assert evidence.label_flips > 0
    assert "labels differ on the data" in (evidence.reason or "")


def test_rounding_on_the_way_to_a_tree_is_refused_at_its_thresholds(tmp_path: Path):
    model = make_pipeline(PowerTransformer(), ensemble.RandomForestRegressor(20, random_state=0))
    evidence, _ = compiled(study(model.fit(DIABETES, PROGRESS), DIABETES, PROGRESS), tmp_path)
    assert not evidence.accepted
    assert "beside tree thresholds" in (evidence.reason or "")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (neighbors.KNeighborsClassifier(), "skl2onnx"),
        (make_pipeline(FunctionTransformer(np.cbrt), linear_model.LogisticRegression()), "cbrt"),
        (ensemble.AdaBoostRegressor(n_estimators=2, random_state=0), "a tree of the old kind"),
        (make_pipeline(PowerTransformer("box-cox"), linear_model.LogisticRegression()), "Box-Cox"),
        (calibration.CalibratedClassifierCV(svm.LinearSVC(), method="isotonic", cv=2), "sigmoids"),
    ],
)
def test_what_is_refused_says_why(model: Any, reason: str, tmp_path: Path):
    evidence, _ = compiled(study(model.fit(IRIS, SPECIES), IRIS, SPECIES), tmp_path)
    assert not evidence.accepted
    assert reason in (evidence.reason or "")


def test_required_and_not_proven_is_an_error(tmp_path: Path):
    found = study(neighbors.KNeighborsClassifier().fit(IRIS, SPECIES), IRIS, SPECIES)
    with pytest.raises(CompileFailed, match="no compiled form was proven equal to the model: skl2onnx"):
        compiled(found, tmp_path, mode="require")
    assert not list(tmp_path.iterdir())


def test_never_does_nothing(tmp_path: Path):
    found = study(*models.iris())
    assert compile_model(found.model, found.signature, found.inputs, found.task, tmp_path, mode="never") == []
    assert not list(tmp_path.iterdir())


# ---- tables


def test_a_table_of_all_kinds(tmp_path: Path):
    model, X, y = models.mixed()
    evidence, onnx, found = accepted(model, X, y, tmp_path)
    assert evidence.worst_error < 1e-12
    assert evidence.edge_rows > 50
    assert np.array_equal(onnx.predict(found.inputs)["class"], model.predict(X))


def _rest(encoder: Any, *columns: str) -> ColumnTransformer:
    return ColumnTransformer([("words", encoder, list(columns))], remainder="passthrough")


WORDS = ("plan", "country")
TABLES = {
    "one column for each": OneHotEncoder(handle_unknown="ignore"),
    "first dropped": OneHotEncoder(handle_unknown="ignore", drop="first"),
    "rare together": OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=70),
    "dense whole numbers": OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.int64),
    "numbered": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "numbered with gaps": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
    "by the target": TargetEncoder(),
    "filled first": make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none of these"), OneHotEncoder(handle_unknown="ignore")
    ),
    "filled by the usual": make_pipeline(
        SimpleImputer(strategy="most_frequent"), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=9)
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_encoders_of_words(name: str, tmp_path: Path):
    X, y = models.customers(rows=300)
    model = make_pipeline(_rest(TABLES[name], *WORDS), ensemble.HistGradientBoostingClassifier(max_iter=5))
    evidence, onnx, found = accepted(model.fit(X, y == "left"), X, y == "left", tmp_path)
    assert evidence.worst_error < 1e-15
    strange = X.assign(country=["", "nan", "None", None, "é☂", "de"] * 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unknown categories
        expected = SklearnModel(model, found.signature).predict(found.signature.conform(strange))
    assert np.array_equal(onnx.predict(found.signature.conform(strange))["class"], expected["class"])


@pytest.mark.parametrize(
    "fill", [SimpleImputer(), SimpleImputer(strategy="constant", fill_value=-1, add_indicator=True)]
)
def test_gaps_in_numbers_are_filled_in_the_same_way(fill: Any, tmp_path: Path):
    X, y = models.customers()
    X = X[["age", "balance", "active"]]
    model = make_pipeline(ColumnTransformer([("fill", fill, ["balance"])], remainder="passthrough"), StandardScaler(),
                          linear_model.LogisticRegression())  # fmt: skip
    evidence, _, _ = accepted(model.fit(X, y), X, y, tmp_path)
    assert evidence.worst_error < 1e-12


def test_categories_known_to_histogram_boosting(tmp_path: Path):
    X, y = models.customers(rows=400)
    X = X.assign(country=X["country"].astype("category"))
    model = ensemble.HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype").fit(X, y)
    evidence, onnx, found = accepted(model, X, y, tmp_path)
    assert evidence.worst_error < 1e-15
    new = found.signature.conform(X.assign(country=pd.Categorical(["atlantis", None] * 200)))
    expected = SklearnModel(model, found.signature).predict(new)
    assert np.array_equal(onnx.predict(new)["class"], expected["class"])


def test_an_encoder_that_refuses_the_unseen_still_does(tmp_path: Path):
    X, y = models.customers()
    model = make_pipeline(_rest(OneHotEncoder(), "plan", "country"), linear_model.LogisticRegression(max_iter=2000))
    X = X.drop(columns="balance").dropna()
    y = y[X.index]
    _, onnx, found = accepted(model.fit(X, y), X, y, tmp_path)
    row = dict(found.inputs.take(slice(0, 1)).items())
    row["plan"] = np.array(["unheard of"], dtype=object)
    with pytest.raises(Exception, match="out of data bounds"):
        onnx.predict(Batch.from_columns(row))


def test_whole_numbers_keep_their_width(tmp_path: Path):
    X = pd.DataFrame({"id": 2**60 + np.arange(0, 64, 2), "x": np.linspace(0, 1, 32)})  # doubles cannot tell these apart
    y = np.arange(32) % 2
    columns = ColumnTransformer([("id", OneHotEncoder(handle_unknown="ignore"), ["id"])], remainder="passthrough")
    model = make_pipeline(columns, linear_model.LogisticRegression(C=1e3)).fit(X, y)
    _, onnx, found = accepted(model, X, y, tmp_path)
    assert np.array_equal(onnx.predict(found.inputs)["class"], y)


# ---- the evidence


def test_the_evidence_says_what_was_done(tmp_path: Path):
    evidence, _, _ = accepted(*models.cancer(), tmp_path)
    assert evidence.runtime == "onnx"
    assert evidence.rows == 569
    assert evidence.edge_rows > 30 * 9
    assert evidence.threshold_rows >= evidence.details["thresholds_pushed"]
    assert evidence.tolerance == 1e-6
    assert {"opset", "opset_ml", "onnx", "onnxruntime", "scikit-learn", "skl2onnx", "border_rows"} <= set(
        evidence.details
    )
    assert Evidence.from_json(evidence.to_json()) == evidence


def test_more_rows_than_needed_are_sampled_alike(tmp_path: Path):
    model, X, y = models.iris()
    found = study(model, np.tile(X, (80, 1)), np.tile(y, 80))
    evidence, _ = compiled(found, tmp_path / "one")
    assert evidence.rows == 10_000
    assert compiled(found, tmp_path / "two")[0] == evidence


def test_the_model_is_left_as_it_was(tmp_path: Path):
    model = ensemble.RandomForestClassifier(3, n_jobs=2, random_state=0).fit(IRIS, SPECIES)
    accepted(model, IRIS, SPECIES, tmp_path)
    assert model.n_jobs == 2


def test_progress_is_told(tmp_path: Path):
    said: list[str] = []
    compiled(study(*models.iris()), tmp_path, progress=said.append)
    assert said == ["translating the model to ONNX", "proving that the ONNX form answers as the model does"]
