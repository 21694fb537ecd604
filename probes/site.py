"""Asking one site by its own name, whoever serves the workload's public name."""

import re

import msgspec

from probes.network import Network
from probes.probe import Probe, build_probe
from probes.spec import AnyProbe, HttpProbe, HttpRequest, S3Probe

# scheme://user@host:port; the host may be an IPv6 address in brackets.
_AUTHORITY = re.compile(
    r"^(?P<before>[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?)(?P<host>\[[^\]]*\]|[^/?#:]*)(?P<port>:\d+)?"
)

# A bucket and its Region, in the place of a host.
_BUCKET = re.compile(r"^(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])/(?P<bucket>[a-z0-9.-]+)$")


class NoSiteRequest(ValueError):
    """A probe that cannot be asked at a site: its settings hold no host that could be replaced."""


def bucket_place(region: str, bucket: str) -> str:
    """What stands in the place of a host for a probe that asks a bucket: it has one name in each Region."""
    return f"{region}/{bucket}"


def at_host(settings: AnyProbe, host: str) -> HttpProbe | S3Probe:
    """The same HTTP probe with the host of every request replaced; the port stays, unless `host` has one of its own.

    Over TLS the certificate must be good for `host`, too. An S3 probe asks another bucket (`bucket_place`); its
    Region's name in the endpoint's URL, where one is given, is replaced with it. Raises `NoSiteRequest` for any other
    probe (a store's own address names one server, and which site that is no URL says), or whose URL has no host.
    """
    if isinstance(settings, S3Probe):
        return _at_bucket(settings, host)
    if not isinstance(settings, HttpProbe):
        raise NoSiteRequest(f"a probe of kind {settings.__struct_config__.tag} cannot be asked at a site by its host")
    return msgspec.structs.replace(
        settings,
        write=_moved(settings.write, host),
        update=_moved(settings.update, host),
        delete=_moved(settings.delete, host),
        purge=_moved(settings.purge, host),
        read=_moved(settings.read, host),
        audit_one=_moved(settings.audit_one, host),
        audit_bulk=_moved(settings.audit_bulk, host),
    )


def _at_bucket(settings: S3Probe, place: str) -> S3Probe:
    found = _BUCKET.match(place)
    if found is None:
        raise NoSiteRequest(f"a probe of kind s3 asks buckets, and {place} is none with its Region")
    region, bucket = found["region"], found["bucket"]
    endpoint_url = settings.endpoint_url.replace(settings.region, region)
    return msgspec.structs.replace(settings, region=region, bucket=bucket, endpoint_url=endpoint_url)


def _moved(request: HttpRequest | None, host: str) -> HttpRequest | None:
    return None if request is None else msgspec.structs.replace(request, url=url_at(request.url, host))


def url_at(url: str, host: str) -> str:
    """`url` with another host. Raises `NoSiteRequest` where it has none."""
    found = _AUTHORITY.match(url)
    if found is None or not found["host"]:
        raise NoSiteRequest(f"{url}: there is no host in it")
    port = "" if re.search(r":\d+$", host) else found["port"] or ""
    return f"{found['before']}{host}{port}{url[found.end() :]}"


class SiteProbes:
    """The probes of a vantage as they ask one host, each made once and kept. Not safe to use from several threads."""

    def __init__(self, settings: dict[str, AnyProbe], network: Network) -> None:
        self._settings = settings
        self._network = network
        self._made: dict[tuple[str, str], Probe] = {}

    def at(self, name: str, host: str) -> Probe:
        """The probe `name`, asking `host`. Raises `NoSiteRequest`."""
        if (name, host) not in self._made:
            self._made[name, host] = build_probe(at_host(self._settings[name], host), self._network)
        return self._made[name, host]

    def close(self) -> None:
        """Close every connection that is kept."""
        for probe in self._made.values():
            probe.close()
