"""Tests of many images together."""
