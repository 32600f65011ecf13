"""Classifiers that were trained elsewhere: ONNX files and audio models of transformers."""
