"""``python -m deploy.local.issuer``: run the issuer, until a signal."""

from __future__ import annotations

import uvicorn

from deploy.local import layout
from deploy.local.issuer.app import create_app
from deploy.local.issuer.clients import urls_from
from deploy.local.layout import HOST, Layout
from deploy.local.tokens import issuer_url


def main() -> None:
    app = create_app(Layout.from_environment(), issuer_url(), urls_from())
    # No access log: its lines would hold codes.
    uvicorn.run(app, host=HOST, port=layout.port_of("issuer"), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
