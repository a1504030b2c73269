"""Scripts around the part that a test is about."""


def analysis(entries: str = "", *, before: str = "") -> str:
    """A valid analysis with more entries in its default export; `before` stands above it."""
    return f'{before}export default {{ title: "Report", run() {{ return {{}} }}, {entries} }}'


def running(body: str, *, before: str = "") -> str:
    """A valid analysis whose run has this body; the body starts in line 2 if nothing is before."""
    return f'{before}export default {{ title: "Report", async run(ctx, params) {{\n{body}\n}} }}'


def parameter(fields: str, name: str = "month") -> str:
    """A valid analysis with one parameter."""
    return analysis(f"parameters: {{ {name}: {{ {fields} }} }}")
