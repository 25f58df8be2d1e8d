"""The script that draws figures in a browser."""


def plotly_script() -> str:
    """Return plotly.js, some five megabytes, as it came with plotly."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
