"""
What is counted in the database, and what each count means.

A test holds that the store counts nothing that is not named here, and that everything here is counted.
"""

FATES = {
    "sorted": "belongs to a live job and was handed to its ledger, which says whether it was newer",
    "ignored": "belongs to a live job and could say nothing, such as one without an identifier",
    "unreadable": "belongs to a live job and made no sense",
}

COUNTERS = {
    "triggers.received": "Triggers for this job; always applied + ignored + unreadable.",
    "triggers.applied": "Triggers that were newer than what was stored.",
    "triggers.ignored.REASON": (
        "Triggers that changed nothing: `not_newer`, `superseded`, `no_identifier`, `too_many`, `change` or `erased`."
    ),
    "triggers.unreadable": "Triggers that made no sense; their messages are kept, encrypted.",
    "triggers.clamped": "Triggers whose time was more than 5 minutes ahead, and became the time they came.",
    "triggers.unrouted.REASON": "Triggers that belong to no live job, such as `unknown_audience`.",
    "sent.accepted": "Requests that Mapp took.",
    "sent.rejected": "Requests that Mapp will never take as they are.",
    "sent.retried": "Requests that were certainly not taken and are sent again.",
    "sent.unknown": "Requests whose answer was lost.",
    "scans.found_inside": "People whom a reconcile found inside although they were wanted false.",
    "scans.no_identifier": "Profiles on scanned pages for which the identifier field names nobody.",
    "scans.erased": "People on scanned pages who were erased, and are not stored.",
    "scans.found_absent": "People whom a complete scan did not find.",
}
