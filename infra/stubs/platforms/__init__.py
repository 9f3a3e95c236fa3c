"""The platforms the service stands for, by name."""

from infra.stubs.platform import Platform
from infra.stubs.platforms.crm import Crm
from infra.stubs.platforms.google import Google
from infra.stubs.platforms.linkedin import LinkedIn
from infra.stubs.platforms.meta import Meta
from infra.stubs.platforms.tiktok import TikTok
from infra.stubs.platforms.x import X

PLATFORMS: dict[str, Platform] = {
    platform.name: platform for platform in (Google(), Meta(), TikTok(), LinkedIn(), X(), Crm())
}
