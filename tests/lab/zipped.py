"""The code of a Lambda function as it is uploaded."""

import io
import zipfile


def zipped(code: str) -> bytes:
    """A ZIP file with one module, `index.py`."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("index.py", code)
    return held.getvalue()
