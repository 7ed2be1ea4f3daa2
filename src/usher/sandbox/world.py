"""Everything the sandbox holds, built once from its options."""

import random
from dataclasses import dataclass, field

from usher.clock import Clock
from usher.sandbox.applier import Applier
from usher.sandbox.audiences import Audiences
from usher.sandbox.churn import Churn
from usher.sandbox.exchange import Traffic
from usher.sandbox.faults import Faults, Rule
from usher.sandbox.lytics_door import ALL_RIGHTS, LyticsDoor
from usher.sandbox.lytics_keys import LyticsKeys
from usher.sandbox.lytics_scan import LyticsScan, ScanQuirks
from usher.sandbox.mapp_ledger import MappLedger
from usher.sandbox.mapp_state import MappState, mapp_state
from usher.sandbox.options import SandboxOptions
from usher.sandbox.people import Person, make_people
from usher.sandbox.webhook_jobs import WebhookJobs
from usher.sandbox.webhook_post import WebhookClient

FEWEST_OUTSIDERS = 50  # enough to enter an audience that was made tiny


@dataclass(slots=True, repr=False)
class World:
    """The parts of one sandbox. `aclose` ends every task and connection it started."""

    options: SandboxOptions
    clock: Clock
    rng: random.Random
    audiences: Audiences
    door: LyticsDoor
    scan: LyticsScan
    keys: LyticsKeys
    jobs: WebhookJobs
    client: WebhookClient
    mapp: MappState
    ledger: MappLedger
    applier: Applier
    faults: Faults
    churn: Churn
    traffic: Traffic = field(default_factory=Traffic)

    async def aclose(self) -> None:
        await self.churn.aclose()
        await self.jobs.aclose()
        await self.client.aclose()
        await self.applier.aclose()


def build_world(options: SandboxOptions, *, clock: Clock, rng: random.Random) -> World:
    people = make_people(options.members + max(options.members // 5, FEWEST_OUTSIDERS), seed=options.seed)
    audiences = Audiences(people, clock, rng)
    _found(audiences, options)
    door = LyticsDoor({options.lytics_token: ALL_RIGHTS}, clock, rng)
    keys, client = LyticsKeys(door, clock, rng), WebhookClient()
    jobs = WebhookJobs(audiences, keys, client, clock, rng, options.time_scale, options.allow_http_webhooks)
    audiences.listeners.append(jobs.hear)
    quirks = ScanQuirks(token_seconds=options.scan_token_seconds)
    return World(
        options=options,
        clock=clock,
        rng=rng,
        audiences=audiences,
        door=door,
        scan=LyticsScan(audiences, door, clock, quirks),
        keys=keys,
        jobs=jobs,
        client=client,
        mapp=_mapp(options, people, audiences),
        ledger=MappLedger(clock),
        applier=Applier(clock, options.apply_delay_ms / 1000),
        faults=_faults(options, clock, rng),
        churn=Churn(audiences, clock, rng),
    )


def _found(audiences: Audiences, options: SandboxOptions) -> None:
    """The audiences that are there from the start; who is in them follows from the seed alone."""
    rng = random.Random(options.seed)  # noqa: S311 - made-up people, not secrets
    everybody = range(len(audiences.people))
    shoppers = rng.sample(everybody, options.members)
    some = rng.sample(everybody, options.members // 10)
    audiences.add("vip_shoppers", name="VIP shoppers", rule="orders > 5", members=shoppers)
    audiences.add("coupon_lovers", name="Coupon lovers", rule="coupons_used > 3", members=some)
    audiences.add("night_owls", name="Night owls", rule="visits_at_night > 100")
    broken = audiences.add("broken_rule", name="Broken rule", rule="no_such_field > 1")
    broken.is_invalid, broken.invalid_reason = True, "no such field: no_such_field"


def _mapp(options: SandboxOptions, people: list[Person], audiences: Audiences) -> MappState:
    rng = random.Random(options.seed)  # noqa: S311 - made-up people, not secrets
    missing = frozenset(rng.sample(range(len(people)), round(options.missing_contacts_share * len(people))))
    state = mapp_state(options, people, missing=missing)
    state.mapping = {slug: f"{options.home_group}:{slug}" for slug in audiences.by_slug}
    return state


def _faults(options: SandboxOptions, clock: Clock, rng: random.Random) -> Faults:
    faults = Faults(clock, rng)
    rate = options.requests_per_second
    if rate is not None:
        faults.add([Rule(where="mapp.event", kind="rate_limit", per_second=rate, burst=max(1, round(rate)))])
    return faults
