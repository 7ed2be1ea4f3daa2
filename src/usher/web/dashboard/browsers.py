"""A browser in the words of whoever uses it. Pure; what it calls itself is hostile text and only ever searched."""

BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)  # in this order: most of them name the later ones too
SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_words(called: str) -> str:
    """Return "Firefox on Windows" for what Firefox there calls itself; unknown ones by their own words."""
    browser = next((word for mark, word in BROWSERS if mark in called), "")
    system = next((word for mark, word in SYSTEMS if mark in called), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    return called[:60] or "An unknown browser"
