# The article's own service for a model that answers with a number: its last line is all that differs.
# ruff: noqa: I001  (its imports stay in the article's order)
from fastapi import FastAPI
from pydantic import BaseModel
import joblib

app = FastAPI()
model = joblib.load("model.joblib")


class PredictionRequest(BaseModel):
    feature_vector: list[float]


@app.post("/predict")
async def predict(request: PredictionRequest):
    prediction = model.predict([request.feature_vector])
    return {"value": float(prediction[0])}
