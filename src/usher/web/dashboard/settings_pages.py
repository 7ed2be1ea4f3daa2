"""Every page of the settings, on one list."""

from usher.web.dashboard import about_pages, audit_pages, people_pages, token_pages
from usher.web.dashboard.entry import PageRoute

PAGES: tuple[PageRoute, ...] = (*people_pages.PAGES, *token_pages.PAGES, *audit_pages.PAGES, *about_pages.PAGES)
