"""Saves model.joblib of the current folder in MLflow's format, as ``saved``."""

import joblib
import mlflow.sklearn

model = joblib.load("model.joblib")
mlflow.sklearn.save_model(model, "saved", serialization_format="cloudpickle", pip_requirements=["scikit-learn"])
