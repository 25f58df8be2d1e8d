"""What tests of the inspector share: questions as a browser puts them, and the data of a file."""

import base64
import gzip
import json
import re


def asked(widget, **message):
    """Let a message come as it comes over the comm."""
    replies = []
    widget.send = lambda message, buffers=None: replies.append(message)
    widget._handle_custom_msg(json.loads(json.dumps({"id": 7, **message})), [])
    (reply,) = replies
    assert reply.pop("id") == 7
    # as JupyterLab packs it
    assert len(json.dumps(reply, ensure_ascii=False, allow_nan=False).encode()) <= 65_536
    return reply


def data_of(page):
    found = re.findall(r'<script type="text/plain" id="wi-([^"]+)">([^<]*)</script>', page)
    return {name: json.loads(gzip.decompress(base64.b64decode(text))) for name, text in found}
