"""Print the client's own documents as a manifest of trusted documents: `python -m assay_client > assay-client.json`."""

from __future__ import annotations

import json

from assay_client._documents import manifest

if __name__ == "__main__":
    print(json.dumps(manifest(), indent=2))
