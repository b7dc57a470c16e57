"""Tests of the ml room."""
