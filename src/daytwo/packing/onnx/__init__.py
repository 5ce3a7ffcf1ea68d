"""Estimators as ONNX graphs that compute in doubles what scikit-learn computes, operation by operation.

``translate`` walks a model; ``frame`` is what flows between its parts; ``graph`` and ``kernels`` write operators. The
estimators are in ``prepare``, ``linear``, ``functions``, ``trees``, ``boosting`` and ``ensembles``; ``foreign`` asks
skl2onnx for what none of them covers. Whether any of it is right is not decided here, but by the proof of parity.
"""
