"""The ad campaigns that bring visitors to the shop."""

from random import Random

from generators.ads import CAMPAIGNS_COUNT, CURRENCIES, campaign_id

PLATFORMS = tuple(CURRENCIES)
ADVERTISED_SHARE = 0.4


def drawn_campaign(rng: Random) -> str:
    """The campaign that brings a visitor, or '' for one who comes by himself."""
    u = rng.random()
    if u >= ADVERTISED_SHARE:
        return ""
    position = int(u / ADVERTISED_SHARE * len(PLATFORMS) * CAMPAIGNS_COUNT)
    platform, number = divmod(position, CAMPAIGNS_COUNT)
    return campaign_id(PLATFORMS[platform], number + 1)


def tagged(url: str, campaign: str) -> str:
    """The address as an ad links to it; the address itself without a campaign."""
    if not campaign:
        return url
    return f"{url}?utm_source={campaign.split('-')[1]}&utm_campaign={campaign}"
