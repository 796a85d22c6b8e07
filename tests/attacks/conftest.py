"""The web application that is attacked, empty again after each test."""

from tests.views.conftest import client, shared_site, site, stranger

__all__ = ["client", "shared_site", "site", "stranger"]
