"""Tests of the other OpenMMLab codebases, on an mmcv without its compiled part. See conftest.py."""
