"""What the runner hands to a vantage process: plain data, so that a vantage can run on any machine."""

import msgspec

from probes.history import Stream
from probes.redaction import Redaction

# A read asks for the newest key that was acknowledged at least so long ago: time for a reader that is allowed to
# trail its writer a little (Aurora's: "usually much less than 100 ms"), and still a key that a loss would take.
READ_AFTER_S = 0.5


class Resolver(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask for names. `server` is `host:port`, or `system` for the machine's own resolver."""

    server: str = "system"


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request as a template.

    `{key} {version} {checksum} {payload}` in `url`, `headers` and `body` are filled for each operation; a bulk audit
    also fills `{prefix}` and `{cursor}` (empty for the first page). `success` are the statuses that mean done;
    `absent` those that mean "no such key". A header value `env:NAME` is read from the environment of the vantage and
    is never written down.
    """

    method: str
    url: str
    headers: dict[str, str] = {}
    body: str = ""
    success: tuple[int, ...] = (200,)
    absent: tuple[int, ...] = (404,)


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a JSON answer the values stand, as JMESPath expressions.

    An empty one means "the answer does not say". Where an answer gives the payload, its checksum is computed anew.
    """

    version: str = "version"
    checksum: str = "checksum"
    payload: str = "payload"
    effects: str = ""
    # updates only: the version whose place this one took
    replaced: str = ""
    region: str = ""
    zone: str = ""
    instance: str = ""
    # bulk audits only
    items: str = "items"
    key: str = "key"
    cursor: str = "cursor"


class HttpProbe(msgspec.Struct, frozen=True, kw_only=True, tag="http"):
    """Transactions over HTTP. `audit_bulk` is preferred by audits where it is given, `audit_one` reads the rest.

    `purge` deletes a key when the drill is over; without it `delete` does, and with neither of them nothing is deleted.

    `ca_file`, `client_cert` and `client_key` are paths of PEM files, as `probes.deadline.tls_context` takes them. A
    pooled connection older than `connection_age_s` is made anew; None: it is kept as long as it works. A read asks for
    what was acknowledged at least `read_after_s` before.
    """

    connection_age_s: float | None = None
    read_after_s: float = READ_AFTER_S
    write: HttpRequest | None = None
    update: HttpRequest | None = None
    delete: HttpRequest | None = None
    purge: HttpRequest | None = None
    read: HttpRequest | None = None
    audit_one: HttpRequest | None = None
    audit_bulk: HttpRequest | None = None
    answer: HttpAnswer = HttpAnswer()
    verify_tls: bool = True
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""


class TcpProbe(msgspec.Struct, frozen=True, kw_only=True, tag="tcp"):
    """Opens and closes a TCP connection to a stream's target: alive or not, nothing more."""

    port: int


class PostgresqlProbe(msgspec.Struct, frozen=True, kw_only=True, tag="postgresql"):
    """Transactions in SQL against one table of a PostgreSQL database.

    `dsn` is a libpq connection string or URL; host and port in it go through the vantage's resolver and dial map, and
    a keyword's value `env:NAME` (`password=env:NAME`) is read from the environment of the vantage. `table` (which may
    be `schema.table`) has the columns `key` (text, unique), `version` (bigint), `checksum` and `payload` (text); other
    names in `columns`. Needs the extra `postgresql`.
    """

    dsn: str
    table: str
    columns: dict[str, str] = {}


class DynamodbProbe(msgspec.Struct, frozen=True, kw_only=True, tag="dynamodb"):
    """Transactions against one DynamoDB table: PutItem, UpdateItem, DeleteItem, GetItem; audits by BatchGetItem.

    `key` is the name of the partition key (a string). `endpoint_url` is empty on AWS; where it is given and no
    `profile` is, requests are signed with made-up credentials, which open nothing. Retries are 0: a retry would hide
    what is measured. `consistent` chooses strongly consistent reads.
    """

    table: str
    region: str
    key: str = "key"
    endpoint_url: str = ""
    profile: str = ""
    consistent: bool = True


class S3Probe(msgspec.Struct, frozen=True, kw_only=True, tag="s3"):
    """Transactions against one S3 bucket: PutObject, GetObject, DeleteObject; no updates.

    An object's key in the bucket is `prefix` and the key; its body is the payload, its metadata the rest.
    `endpoint_url` is empty on AWS; where it is given and no `profile` is, requests are signed with made-up credentials,
    which open nothing. Retries are 0: a retry would hide what is measured.
    """

    bucket: str
    region: str
    prefix: str = ""
    endpoint_url: str = ""
    profile: str = ""


class PythonProbe(msgspec.Struct, frozen=True, kw_only=True, tag="python"):
    """A user's own transaction, by import path: `shop.drills:Checkout`.

    `path` is the folder that is put in front of the import path (the workload file's); `options` are given to the class
    as keyword arguments, values `env:NAME` read from the environment of the vantage.
    """

    transaction: str
    path: str = ""
    options: dict[str, str] = {}


AnyProbe = HttpProbe | TcpProbe | PostgresqlProbe | DynamodbProbe | S3Probe | PythonProbe


class VantageSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One vantage: where it stands, what it sends, where it writes.

    `folder` is the drill's folder; the vantage writes `history-<name>.jsonl` there. `dial_map` is a JSON file of
    `{"<zone> <ip>:<port>": "<host>:<port>"}` that says where to dial a virtual address instead; None on AWS. It may
    change while the vantage runs. Keys of this drill's writes start with `key_prefix`, so that they are told from
    anybody else's data. `probes` maps a probe's name to its settings; each stream names the probe it uses.
    A stream of an `http` probe whose `target` is not empty fills `{target}` in the URL.
    """

    name: str
    run: str
    drill: str
    folder: str
    zone: str
    key_prefix: str
    seed: int
    resolver: Resolver
    dial_map: str | None
    streams: tuple[Stream, ...]
    probes: dict[str, AnyProbe]
    # Every second read asks for any acknowledged key, not for the newest: what becomes of older data is seen, too.
    read_back: bool = False
    # Audits read back this share of the writes (chosen by a hash of the key), and all of the last `audit_whole_s` s.
    audit_share: float = 1.0
    audit_whole_s: float = 0.0
    # So far (s) a site's data may trail what another took: an audit that misses something newer says nothing of it.
    audit_trail_s: float = 0.0
    # What is taken out of the history before it is written.
    redaction: Redaction = Redaction()
