"""The page of the endpoints: without scripts, so that it needs no other site."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #111827; background: #ffffff; }}
code, pre {{ font: 14px/1.5 ui-monospace, monospace; }}
table {{ border-collapse: collapse; }} td, th {{ text-align: left; padding: .2rem 1rem .2rem 0;
  vertical-align: top; }}
section {{ border-top: 1px solid #d1d5db; }}
</style>
<h1>{title}</h1>
<p>Version {version}. The same as <a href="openapi.json">OpenAPI</a>.</p>
"""


def api_page(schema: Mapping[str, Any]) -> str:
    """Return the HTML page of an OpenAPI schema: each endpoint with the fields of its body."""
    info = schema["info"]
    parts = [_HEAD.format(title=escape(info["title"]), version=escape(info["version"]))]
    for path, methods in schema["paths"].items():
        for method, entry in methods.items():
            heading = f"<code>{method.upper()} {escape(path)}</code>"
            parts.append(f"<section><h2>{heading}</h2><p>{escape(entry['summary'])}</p>")
            content = entry.get("requestBody", {}).get("content", {})
            if body := content.get("application/json", {}).get("schema"):
                parts.append(_fields(body))
            parts.append("</section>")
    return "\n".join(parts)


def _fields(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        f"<tr><td><code>{escape(name)}</code></td>"
        f"<td>{'required' if name in required else _default(field)}</td>"
        f"<td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema["properties"].items()
    ]
    return f"<table><tr><th>Field</th><th>Default</th><th></th></tr>{''.join(rows)}</table>"


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    return "" if value is None else f"<code>{escape(json.dumps(value))}</code>"
