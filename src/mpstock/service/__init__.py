"""The shop that is always on: webhooks, schedule, alerts and a dashboard, as an application to mount.

Needs the extra `mpstock[service]`.
"""

from mpstock.service.app import create_app
from mpstock.service.service import Service

__all__ = ["Service", "create_app"]
