"""The platform of the end-to-end tests, and its customers."""

from tests.e2e.conftest import platform, tenants, whole_platform

__all__ = ["platform", "tenants", "whole_platform"]
